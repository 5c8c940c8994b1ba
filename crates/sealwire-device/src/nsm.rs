//! `/dev/nsm` (Linux 6.8, `include/uapi/linux/nsm.h`; the driver of AWS's own kernels has the same interface).

use crate::call::{Driver, address, open};
use rustix::ioctl::{Opcode, opcode};
use std::{fs::File, io, path::Path};

/// `struct nsm_iovec`
#[repr(C)]
struct Iovec {
    addr: u64,
    len: u64,
}

/// `struct nsm_raw`
#[repr(C)]
struct Raw {
    request: Iovec,
    /// `len` in: what there is room for; out: what was written
    response: Iovec,
}

/// `NSM_IOCTL_RAW`: `_IOWR(NSM_MAGIC, 0x0, struct nsm_raw)`
const RAW: Opcode = opcode::read_write::<Raw>(0x0a, 0);

/// An open `/dev/nsm`.
#[derive(Debug)]
pub struct Nsm(File);

impl Nsm {
    /// `NSM_REQUEST_MAX_SIZE`, in bytes.
    pub const MAX_REQUEST: usize = 0x1000;
    /// `NSM_RESPONSE_MAX_SIZE`, in bytes.
    pub const MAX_RESPONSE: usize = 0x3000;

    /// Opens the device.
    ///
    /// # Errors
    /// What the system says.
    pub fn open(path: &Path) -> io::Result<Self> {
        open(path).map(Self)
    }

    /// Sends a request and takes the response, which the kernel cuts to what there is room for:
    /// [`Self::MAX_RESPONSE`] is enough for any.
    ///
    /// # Errors
    /// What the system says; EMSGSIZE when the request is longer than [`Self::MAX_REQUEST`].
    pub fn exchange(&self, request: &[u8]) -> io::Result<Vec<u8>> {
        exchange(&self.0, request)
    }
}

fn exchange(driver: &impl Driver, request: &[u8]) -> io::Result<Vec<u8>> {
    // A copy, so that the kernel gets no address of memory that is shared.
    let mut request = request.to_vec();
    let mut response = vec![0; Nsm::MAX_RESPONSE];
    let mut raw = Raw {
        request: Iovec { addr: address(request.as_mut_ptr()), len: request.len() as u64 },
        response: Iovec { addr: address(response.as_mut_ptr()), len: response.len() as u64 },
    };
    // SAFETY: the argument is the structure of this request. Both vectors live to the end of this function, are not
    // touched during the call, and have the lengths that stand beside their addresses.
    unsafe { driver.ioctl(RAW, (&raw mut raw).cast()) }?;
    let written = usize::try_from(raw.response.len).ok().filter(|written| *written <= response.len());
    let Some(written) = written else {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a response longer than its memory"));
    };
    response.truncate(written);
    Ok(response)
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
        assert_eq!((size_of::<Iovec>(), size_of::<Raw>()), (16, 32));
        assert_eq!((offset_of!(Iovec, addr), offset_of!(Iovec, len)), (0, 8));
        assert_eq!((offset_of!(Raw, request), offset_of!(Raw, response)), (0, 16));
        assert_eq!(RAW, 0xc020_0a00);
    }

    /// Answers as `drivers/misc/nsm.c` does.
    struct Played {
        response: Vec<u8>,
        stated: Option<u64>,
    }

    impl Driver for Played {
        unsafe fn ioctl(&self, request: Opcode, argument: *mut c_void) -> io::Result<()> {
            assert_eq!(request, 0xc020_0a00);
            // SAFETY: the request says that four words are there.
            let words = unsafe { slice::from_raw_parts_mut(argument.cast::<u64>(), 4) };
            let &mut [from, sent, to, room] = words.try_into().unwrap();
            let at = |address: u64| ptr::with_exposed_provenance_mut::<u8>(address as usize);
            // SAFETY: the caller vouches for both places and their lengths.
            let (sent, room) = unsafe {
                (
                    slice::from_raw_parts(at(from), sent as usize),
                    slice::from_raw_parts_mut(at(to), room as usize),
                )
            };
            if sent.len() > Nsm::MAX_REQUEST {
                return Err(io::Error::from_raw_os_error(90));
            }
            assert_eq!(sent, b"request");
            let written = room.len().min(self.response.len());
            room[..written].copy_from_slice(&self.response[..written]);
            words[3] = self.stated.unwrap_or(written as u64);
            Ok(())
        }
    }

    // AT-60
    #[test]
    fn responses_have_the_length_that_the_kernel_says() {
        let answer =
            |response: &[u8], stated| exchange(&Played { response: response.to_vec(), stated }, b"request");
        assert_eq!(answer(b"response", None).unwrap(), b"response");
        assert_eq!(answer(b"", None).unwrap(), b"");
        assert_eq!(answer(&[9; 0x3001], None).unwrap(), [9; 0x3000]);
        for stated in [0x3001, u64::MAX] {
            assert_eq!(answer(b"", Some(stated)).unwrap_err().kind(), io::ErrorKind::InvalidData);
        }
        let long = exchange(&Played { response: vec![], stated: None }, &[0; 0x1001]);
        assert_eq!(long.unwrap_err().raw_os_error(), Some(90));
    }

    // AT-60
    #[test]
    fn another_file_is_an_error() {
        assert_eq!(Nsm::open(Path::new("/nowhere")).unwrap_err().kind(), io::ErrorKind::NotFound);
        let other = Nsm::open(Path::new("/dev/null")).unwrap();
        assert_eq!(other.exchange(b"request").unwrap_err().raw_os_error(), Some(25));
    }
}
