//! `/dev/tdx_guest`: a TDREPORT by ioctl (Linux 6.2), then a quote from the host's service over vsock.

use super::{Source, qgs};
use crate::Error;
use sealwire_device::TdxGuest;
use std::{
    io,
    path::Path,
    time::{Duration, Instant},
};
use vsock::{VMADDR_CID_HOST, VsockStream};

/// Where report data stands in a TDREPORT, in its REPORTMACSTRUCT (Intel TDX Module ABI).
const REPORT_DATA: std::ops::Range<usize> = 128..192;
/// How long the service may take. Its own limit is 30 s, but callers have gone long before.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What the device does, so that tests can play it.
pub(super) trait Device: Send + Sync {
    /// See [`TdxGuest::report`].
    fn report(&self, report_data: &[u8; 64]) -> io::Result<[u8; 1024]>;
}

impl Device for TdxGuest {
    fn report(&self, report_data: &[u8; 64]) -> io::Result<[u8; 1024]> {
        Self::report(self, report_data)
    }
}

/// Reaches the service, so that tests can play it.
pub(super) trait Connect: Send + Sync {
    type Stream: qgs::Stream;
    fn connect(&self) -> io::Result<Self::Stream>;
}

/// The host, by vsock. The kernel gives up connecting after 2 s.
pub(super) struct Host;

impl Connect for Host {
    type Stream = VsockStream;

    fn connect(&self) -> io::Result<VsockStream> {
        VsockStream::connect_with_cid_port(VMADDR_CID_HOST, qgs::PORT)
    }
}

impl qgs::Stream for VsockStream {
    fn set_timeouts(&self, timeout: Duration) -> io::Result<()> {
        self.set_read_timeout(Some(timeout))?;
        self.set_write_timeout(Some(timeout))
    }
}

/// Opens the device. The service is only reached for a quote.
pub(super) fn open(path: &Path) -> Result<ThroughDevice<TdxGuest, Host>, Error> {
    let device = TdxGuest::open(path).map_err(|source| Error::Device { path: path.to_owned(), source })?;
    Ok(ThroughDevice { device, service: Host, timeout: TIMEOUT })
}

pub(super) struct ThroughDevice<D, C> {
    device: D,
    service: C,
    timeout: Duration,
}

impl<D: Device, C: Connect> Source for ThroughDevice<D, C> {
    fn quote(&self, report_data: &[u8; 64]) -> Result<Vec<u8>, Error> {
        let what = "TDX_CMD_GET_REPORT0";
        let report = self.device.report(report_data).map_err(|source| Error::Platform {
            interface: "/dev/tdx_guest",
            what,
            source,
        })?;
        if report.get(REPORT_DATA) != Some(report_data) {
            return Err(Error::WrongReport);
        }
        let deadline = Instant::now() + self.timeout;
        let mut stream = self.service.connect().map_err(|source| qgs::failed("connecting", source))?;
        qgs::quote(&mut stream, &report, deadline)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Produced, Tee,
        tdx::{Tdx, quote},
    };
    use std::{
        io::{Read, Write},
        os::unix::net::UnixStream,
        thread,
    };

    struct Played(fn(&[u8; 64]) -> io::Result<[u8; 1024]>);

    impl Device for Played {
        fn report(&self, report_data: &[u8; 64]) -> io::Result<[u8; 1024]> {
            (self.0)(report_data)
        }
    }

    fn report(report_data: &[u8; 64]) -> io::Result<[u8; 1024]> {
        let mut report = [3; 1024];
        report[REPORT_DATA].copy_from_slice(report_data);
        Ok(report)
    }

    /// A service that answers one request with `reply` to it, in a thread of its own.
    struct Service(fn(&[u8]) -> Vec<u8>);

    impl Connect for Service {
        type Stream = UnixStream;

        fn connect(&self) -> io::Result<UnixStream> {
            let (near, mut far) = UnixStream::pair()?;
            let reply = self.0;
            thread::spawn(move || {
                let mut request = vec![0; 4 + 24 + 1024];
                far.read_exact(&mut request).unwrap();
                // The client may have gone.
                let _ = far.write_all(&reply(&request));
            });
            Ok(near)
        }
    }

    struct Unreachable;

    impl Connect for Unreachable {
        type Stream = UnixStream;

        fn connect(&self) -> io::Result<UnixStream> {
            Err(io::ErrorKind::ConnectionRefused.into())
        }
    }

    fn produce(
        device: fn(&[u8; 64]) -> io::Result<[u8; 1024]>,
        service: impl Connect + 'static,
    ) -> Result<Produced, Error> {
        let source = ThroughDevice { device: Played(device), service, timeout: TIMEOUT };
        Tdx { source: Box::new(source) }.produce(&[7; 64])
    }

    /// What Intel's service answers: a quote over the report data in the TDREPORT.
    fn quoted(request: &[u8]) -> Vec<u8> {
        let report = &request[4 + 24..];
        qgs::tests::response(&quote::example(&report[REPORT_DATA]))
    }

    // AT-60
    #[test]
    fn makes_quotes() {
        let produced = produce(report, Service(quoted)).unwrap();
        assert_eq!(produced.evidence.bytes, quote::example(&[7; 64]));
    }

    // AT-60
    #[test]
    fn faults_are_told_apart() {
        let refused = produce(|_| Err(io::Error::from_raw_os_error(5)), Service(quoted));
        assert!(matches!(refused, Err(Error::Platform { interface: "/dev/tdx_guest", .. })));
        assert!(matches!(produce(|_| report(&[8; 64]), Service(quoted)), Err(Error::WrongReport)));
        let none = produce(report, Unreachable);
        assert!(matches!(none, Err(Error::Platform { what: "connecting", .. })));
        let other = produce(report, Service(|_| qgs::tests::response(&quote::example(&[8; 64]))));
        assert!(matches!(other, Err(Error::WrongReport)));
    }

    // AT-60
    #[test]
    fn another_file_is_no_device() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(open(&folder.path().join("nowhere")), Err(Error::Device { .. })));
        let tdx = Tdx { source: Box::new(open(Path::new("/dev/null")).unwrap()) };
        assert!(matches!(tdx.produce(&[7; 64]), Err(Error::Platform { what: "TDX_CMD_GET_REPORT0", .. })));
    }
}
