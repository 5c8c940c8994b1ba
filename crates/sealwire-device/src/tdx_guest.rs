//! `/dev/tdx_guest` (Linux 6.2, `include/uapi/linux/tdx-guest.h`).

use crate::call::{Driver, open};
use rustix::ioctl::{Opcode, opcode};
use std::{fs::File, io, path::Path};

/// `struct tdx_report_req`
#[repr(C)]
struct ReportReq {
    /// in: `TDX_REPORTDATA_LEN`
    reportdata: [u8; 64],
    /// out: `TDX_REPORT_LEN`
    tdreport: [u8; 1024],
}

/// `TDX_CMD_GET_REPORT0`: `_IOWR('T', 1, struct tdx_report_req)`
const GET_REPORT0: Opcode = opcode::read_write::<ReportReq>(b'T', 1);

/// An open `/dev/tdx_guest`.
#[derive(Debug)]
pub struct TdxGuest(File);

impl TdxGuest {
    /// Opens the device.
    ///
    /// # Errors
    /// What the system says.
    pub fn open(path: &Path) -> io::Result<Self> {
        open(path).map(Self)
    }

    /// A TDREPORT over `report_data`.
    ///
    /// # Errors
    /// What the system says; EIO when the TDX module refused.
    pub fn report(&self, report_data: &[u8; 64]) -> io::Result<[u8; 1024]> {
        report(&self.0, report_data)
    }
}

fn report(driver: &impl Driver, report_data: &[u8; 64]) -> io::Result<[u8; 1024]> {
    let mut request = ReportReq { reportdata: *report_data, tdreport: [0; 1024] };
    // SAFETY: the argument is the structure of this request, and it points nowhere.
    unsafe { driver.ioctl(GET_REPORT0, (&raw mut request).cast()) }?;
    Ok(request.tdreport)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        ffi::c_void,
        mem::{offset_of, size_of},
    };

    // AT-60
    #[test]
    fn the_layout_is_that_of_the_header() {
        assert_eq!(size_of::<ReportReq>(), 1088);
        assert_eq!((offset_of!(ReportReq, reportdata), offset_of!(ReportReq, tdreport)), (0, 64));
        assert_eq!(GET_REPORT0, 0xc440_5401);
    }

    /// Answers as `drivers/virt/coco/tdx-guest/tdx-guest.c` does.
    struct Played(io::Result<()>);

    impl Driver for Played {
        unsafe fn ioctl(&self, request: Opcode, argument: *mut c_void) -> io::Result<()> {
            assert_eq!(request, 0xc440_5401);
            if let Err(error) = &self.0 {
                return Err(io::Error::from_raw_os_error(error.raw_os_error().unwrap()));
            }
            // SAFETY: the request says that 1088 bytes are there.
            let bytes = unsafe { std::slice::from_raw_parts_mut(argument.cast::<u8>(), 1088) };
            let (data, report) = bytes.split_at_mut(64);
            report[128..192].copy_from_slice(data);
            Ok(())
        }
    }

    // AT-60
    #[test]
    fn a_report_comes_back() {
        let made = report(&Played(Ok(())), &[7; 64]).unwrap();
        assert_eq!(made[128..192], [7; 64]);
        assert_eq!(made[..128], [0; 128]);
        let error = report(&Played(Err(io::Error::from_raw_os_error(5))), &[7; 64]).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(5));
    }

    // AT-60
    #[test]
    fn another_file_is_an_error() {
        assert_eq!(TdxGuest::open(Path::new("/nowhere")).unwrap_err().kind(), io::ErrorKind::NotFound);
        let other = TdxGuest::open(Path::new("/dev/null")).unwrap();
        // ENOTTY
        assert_eq!(other.report(&[0; 64]).unwrap_err().raw_os_error(), Some(25));
    }
}
