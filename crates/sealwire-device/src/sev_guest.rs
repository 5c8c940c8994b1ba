//! `/dev/sev-guest` (Linux 5.19, `include/uapi/linux/sev-guest.h`).

use crate::call::{Driver, address, open};
use rustix::ioctl::{Opcode, opcode};
use std::{error, fmt, fs::File, io, path::Path};

/// `struct snp_report_req`
#[repr(C)]
struct ReportReq {
    user_data: [u8; 64],
    vmpl: u32,
    rsvd: [u8; 28],
}

/// `struct snp_ext_report_req`
#[repr(C)]
struct ExtReportReq {
    data: ReportReq,
    certs_address: u64,
    /// in: what there is room for; out, where that is too little: what is needed
    certs_len: u32,
}

/// `struct snp_report_resp`
#[repr(C)]
struct ReportResp {
    data: [u8; 4000],
}

/// `struct snp_guest_request_ioctl`
#[repr(C)]
struct GuestRequest {
    msg_version: u8,
    req_data: u64,
    resp_data: u64,
    /// bits 63 to 32: error of the hypervisor; bits 31 to 0: of the firmware. Called `fw_err` before Linux 6.1.
    exitinfo2: u64,
}

/// `SNP_GET_REPORT`: `_IOWR('S', 0x0, struct snp_guest_request_ioctl)`
const GET_REPORT: Opcode = opcode::read_write::<GuestRequest>(b'S', 0);
/// `SNP_GET_EXT_REPORT`: `_IOWR('S', 0x2, struct snp_guest_request_ioctl)`
const GET_EXT_REPORT: Opcode = opcode::read_write::<GuestRequest>(b'S', 2);
/// The version of request messages that there is.
const MSG_VERSION: u8 = 1;

/// An open `/dev/sev-guest`.
#[derive(Debug)]
pub struct SevGuest(File);

impl SevGuest {
    /// Opens the device.
    ///
    /// # Errors
    /// What the system says.
    pub fn open(path: &Path) -> io::Result<Self> {
        open(path).map(Self)
    }

    /// `SNP_GET_REPORT`: the firmware's answer, MSG_REPORT_RSP, and zeros behind it.
    ///
    /// # Errors
    /// [`Refused`]
    pub fn report(&self, report_data: &[u8; 64], vmpl: u32) -> Result<Vec<u8>, Refused> {
        report(&self.0, report_data, vmpl)
    }

    /// `SNP_GET_EXT_REPORT`: the same, and the host's table of certificates into `certificates`, whose length is a
    /// whole number of pages.
    ///
    /// # Errors
    /// [`Refused`], with the length that is needed where `certificates` is too short.
    pub fn extended_report(
        &self,
        report_data: &[u8; 64],
        vmpl: u32,
        certificates: &mut [u8],
    ) -> Result<Vec<u8>, Refused> {
        extended_report(&self.0, report_data, vmpl, certificates)
    }
}

/// Why there is no report.
#[derive(Debug)]
pub struct Refused {
    /// what the system says
    pub error: io::Error,
    /// what the hypervisor says: 1 for too little room for certificates, 2 for busy
    pub hypervisor: u32,
    /// what the firmware says
    pub firmware: u32,
    /// the room that the certificates need, in bytes, where the hypervisor says that there is too little
    pub needed: Option<u32>,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { error, hypervisor, firmware, .. } = self;
        write!(f, "{error} (hypervisor error {hypervisor:#x}, firmware error {firmware:#x})")
    }
}

impl error::Error for Refused {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        Some(&self.error)
    }
}

/// `SNP_GUEST_VMM_ERR_INVALID_LEN`
const INVALID_LEN: u32 = 1;

fn report_req(report_data: &[u8; 64], vmpl: u32) -> ReportReq {
    ReportReq { user_data: *report_data, vmpl, rsvd: [0; 28] }
}

fn report(driver: &impl Driver, report_data: &[u8; 64], vmpl: u32) -> Result<Vec<u8>, Refused> {
    let mut request = report_req(report_data, vmpl);
    // SAFETY: the request is the structure that SNP_GET_REPORT reads, and points nowhere.
    unsafe { call(driver, GET_REPORT, &mut request) }
}

fn extended_report(
    driver: &impl Driver,
    report_data: &[u8; 64],
    vmpl: u32,
    certificates: &mut [u8],
) -> Result<Vec<u8>, Refused> {
    let invalid = |error| Refused { error, hypervisor: 0, firmware: 0, needed: None };
    let certs_len = u32::try_from(certificates.len()).map_err(|_| {
        invalid(io::Error::new(io::ErrorKind::InvalidInput, "more than 4 GiB of certificates"))
    })?;
    let data = report_req(report_data, vmpl);
    let mut request = ExtReportReq { data, certs_address: address(certificates.as_mut_ptr()), certs_len };
    // SAFETY: the request is the structure that SNP_GET_EXT_REPORT reads and writes. It points to `certificates`, which
    // is borrowed for this call alone, and states its length.
    let answer = unsafe { call(driver, GET_EXT_REPORT, &mut request) };
    answer.map_err(|refused| Refused {
        needed: (refused.hypervisor == INVALID_LEN).then_some(request.certs_len),
        ..refused
    })
}

/// Hands a request to the firmware.
///
/// # Safety
/// `Request` is the structure that `number` is for, and what it points to is writable for the lengths that it states.
unsafe fn call<Request>(
    driver: &impl Driver,
    number: Opcode,
    request: &mut Request,
) -> Result<Vec<u8>, Refused> {
    let mut response = ReportResp { data: [0; 4000] };
    let mut argument = GuestRequest {
        msg_version: MSG_VERSION,
        req_data: address(&raw mut *request),
        resp_data: address(&raw mut response),
        exitinfo2: 0,
    };
    // SAFETY: the argument is the structure of both requests. It points to the request, for which the caller vouches,
    // and to a response of the size that the kernel writes; both outlive the call and are not touched during it.
    let result = unsafe { driver.ioctl(number, (&raw mut argument).cast()) };
    match result {
        Ok(()) => Ok(response.data.to_vec()),
        Err(error) => {
            let [a, b, c, d, e, f, g, h] = argument.exitinfo2.to_le_bytes();
            let (firmware, hypervisor) = (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]));
            Err(Refused { error, hypervisor, firmware, needed: None })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        ffi::c_void,
        mem::{offset_of, size_of},
        ptr, slice,
    };

    // AT-60
    #[test]
    fn the_layout_is_that_of_the_header() {
        assert_eq!((size_of::<ReportReq>(), size_of::<ReportResp>()), (96, 4000));
        assert_eq!((offset_of!(ReportReq, vmpl), offset_of!(ReportReq, rsvd)), (64, 68));
        assert_eq!(size_of::<ExtReportReq>(), 112);
        assert_eq!((offset_of!(ExtReportReq, certs_address), offset_of!(ExtReportReq, certs_len)), (96, 104));
        assert_eq!(size_of::<GuestRequest>(), 32);
        assert_eq!((offset_of!(GuestRequest, msg_version), offset_of!(GuestRequest, req_data)), (0, 8));
        assert_eq!((offset_of!(GuestRequest, resp_data), offset_of!(GuestRequest, exitinfo2)), (16, 24));
        assert_eq!((GET_REPORT, GET_EXT_REPORT), (0xc020_5300, 0xc020_5302));
    }

    /// Answers as `drivers/virt/coco/sev-guest/sev-guest.c` does.
    #[derive(Default)]
    struct Played {
        table: Vec<u8>,
        /// errno, exitinfo2
        fail: Option<(i32, u64)>,
    }

    impl Driver for Played {
        unsafe fn ioctl(&self, request: Opcode, argument: *mut c_void) -> io::Result<()> {
            // SAFETY: both requests are defined over four words.
            let words = unsafe { slice::from_raw_parts_mut(argument.cast::<u64>(), 4) };
            let &mut [version, from, to, _] = words.try_into().unwrap();
            assert_eq!(version & 0xff, 1);
            if let Some((errno, exitinfo2)) = self.fail {
                words[3] = exitinfo2;
                return Err(io::Error::from_raw_os_error(errno));
            }
            let at = |address: u64| ptr::with_exposed_provenance_mut::<u8>(address as usize);
            let extended = match request {
                0xc020_5300 => false,
                0xc020_5302 => true,
                other => panic!("{other:#x}"),
            };
            // SAFETY: the caller vouches for a request of that size, and for a response.
            let (asked, response) = unsafe {
                (
                    slice::from_raw_parts_mut(at(from), if extended { 112 } else { 96 }),
                    slice::from_raw_parts_mut(at(to), 4000),
                )
            };
            assert_eq!(asked[68..96], [0; 28], "reserved");
            if extended {
                let place = u64::from_le_bytes(asked[96..104].try_into().unwrap());
                let room = u32::from_le_bytes(asked[104..108].try_into().unwrap()) as usize;
                if !room.is_multiple_of(4096) {
                    return Err(io::Error::from_raw_os_error(22));
                }
                if room < self.table.len() {
                    let needed = self.table.len().next_multiple_of(4096) as u32;
                    asked[104..108].copy_from_slice(&needed.to_le_bytes());
                    words[3] = 1 << 32;
                    return Err(io::Error::from_raw_os_error(5));
                }
                // SAFETY: the caller vouches for the place and its length.
                let certificates = unsafe { slice::from_raw_parts_mut(at(place), room) };
                certificates.fill(0);
                certificates[..self.table.len()].copy_from_slice(&self.table);
            }
            response[..68].copy_from_slice(&asked[..68]);
            Ok(())
        }
    }

    // AT-60
    #[test]
    fn a_report_comes_back() {
        let answer = report(&Played::default(), &[7; 64], 3).unwrap();
        assert_eq!((answer.len(), &answer[..64]), (4000, &[7; 64][..]));
        assert_eq!(answer[64..68], 3_u32.to_le_bytes());
    }

    // AT-60
    #[test]
    fn certificates_come_with_it() {
        let driver = Played { table: vec![9; 5000], fail: None };
        let mut certificates = vec![1; 8192];
        let answer = extended_report(&driver, &[7; 64], 0, &mut certificates).unwrap();
        assert_eq!(answer[..64], [7; 64]);
        assert_eq!((&certificates[..5000], &certificates[5000..]), (&[9; 5000][..], &[0; 3192][..]));
    }

    // AT-60
    #[test]
    fn too_little_room_says_how_much_is_needed() {
        let driver = Played { table: vec![9; 5000], fail: None };
        let refused = extended_report(&driver, &[7; 64], 0, &mut [0; 4096]).unwrap_err();
        assert_eq!((refused.hypervisor, refused.firmware, refused.needed), (1, 0, Some(8192)));
        assert_eq!(refused.error.raw_os_error(), Some(5));
        let refused = extended_report(&driver, &[7; 64], 0, &mut [0; 100]).unwrap_err();
        assert_eq!((refused.hypervisor, refused.needed), (0, None));
    }

    // AT-60
    #[test]
    fn both_errors_are_told() {
        let driver = Played { fail: Some((5, 0x2_0000_0016)), ..Played::default() };
        let refused = report(&driver, &[7; 64], 0).unwrap_err();
        assert_eq!((refused.hypervisor, refused.firmware, refused.needed), (2, 0x16, None));
        assert!(refused.to_string().contains("hypervisor error 0x2, firmware error 0x16"), "{refused}");
    }

    // AT-60
    #[test]
    fn another_file_is_an_error() {
        assert_eq!(SevGuest::open(Path::new("/nowhere")).unwrap_err().kind(), io::ErrorKind::NotFound);
        let other = SevGuest::open(Path::new("/dev/null")).unwrap();
        let refused = other.report(&[0; 64], 0).unwrap_err();
        assert_eq!((refused.error.raw_os_error(), refused.hypervisor), (Some(25), 0));
    }
}
