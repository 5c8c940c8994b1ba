//! The system call.

use rustix::ioctl::{Ioctl, IoctlOutput, Opcode, ioctl};
use std::{
    ffi::c_void,
    fs::{File, OpenOptions},
    io,
    path::Path,
};

/// What answers an ioctl: an open device, or a test that plays its driver.
pub(crate) trait Driver {
    /// Does the ioctl `request` with `argument`.
    ///
    /// # Safety
    /// `argument` points to the structure that `request` is defined over, readable and writable for the duration of the
    /// call, and so is all that its fields point to, for the lengths that they state.
    unsafe fn ioctl(&self, request: Opcode, argument: *mut c_void) -> io::Result<()>;
}

impl Driver for File {
    unsafe fn ioctl(&self, request: Opcode, argument: *mut c_void) -> io::Result<()> {
        // SAFETY: the caller vouches for the argument and for what it points to. A file of another type than the
        // request is for answers ENOTTY and touches no memory, since request numbers carry type and size.
        unsafe { ioctl(self, Call { request, argument }) }.map_err(io::Error::from)
    }
}

/// Opens a device the way its driver expects.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).open(path)
}

struct Call {
    request: Opcode,
    argument: *mut c_void,
}

// SAFETY: `opcode` and `as_ptr` hand on what the caller of `Driver::ioctl` vouches for. Everything that a driver writes
// goes to that memory, hence mutating, and the output is read through nothing here.
unsafe impl Ioctl for Call {
    type Output = ();
    const IS_MUTATING: bool = true;

    fn opcode(&self) -> Opcode {
        self.request
    }

    fn as_ptr(&mut self) -> *mut c_void {
        self.argument
    }

    unsafe fn output_from_ptr(_: IoctlOutput, _: *mut c_void) -> rustix::io::Result<()> {
        Ok(())
    }
}

/// The address of memory as the kernel's structures hold it.
pub(crate) fn address<T>(pointer: *mut T) -> u64 {
    // Addresses have 64 bits at most where these devices exist.
    pointer.expose_provenance() as u64
}
