//! `/dev/sev-guest`: reports and the host's certificates by ioctl (Linux 5.19).

use super::{MAX_CERTIFICATES, Source};
use crate::{Error, le::u32_le};
use sealwire_device::{Refused, SevGuest};
use std::path::Path;

const INTERFACE: &str = "/dev/sev-guest";
/// The room for certificates that is tried first: `SEV_FW_BLOB_MAX_SIZE`, the most that kernels take.
const ROOM: usize = 16 * 1024;
/// Certificates come in whole pages.
const PAGE: usize = 4096;
/// The privilege level. A kernel at another level than the most privileged has configfs-tsm.
const VMPL: u32 = 0;
/// Where the report begins in the firmware's answer, behind status, length and 24 reserved bytes (AMD 56860,
/// MSG_REPORT_RSP).
const REPORT: usize = 0x20;

/// What the device does, so that tests can play it.
pub(super) trait Device: Send + Sync {
    /// See [`SevGuest::report`].
    fn report(&self, report_data: &[u8; 64], vmpl: u32) -> Result<Vec<u8>, Refused>;
    /// See [`SevGuest::extended_report`].
    fn extended_report(
        &self,
        report_data: &[u8; 64],
        vmpl: u32,
        certificates: &mut [u8],
    ) -> Result<Vec<u8>, Refused>;
}

impl Device for SevGuest {
    fn report(&self, report_data: &[u8; 64], vmpl: u32) -> Result<Vec<u8>, Refused> {
        Self::report(self, report_data, vmpl)
    }

    fn extended_report(
        &self,
        report_data: &[u8; 64],
        vmpl: u32,
        certificates: &mut [u8],
    ) -> Result<Vec<u8>, Refused> {
        Self::extended_report(self, report_data, vmpl, certificates)
    }
}

/// Opens the device.
pub(super) fn open(path: &Path) -> Result<ThroughDevice<SevGuest>, Error> {
    SevGuest::open(path).map(ThroughDevice).map_err(|source| Error::Device { path: path.to_owned(), source })
}

pub(super) struct ThroughDevice<D>(D);

impl<D: Device> Source for ThroughDevice<D> {
    fn report(&self, report_data: &[u8; 64]) -> Result<(Vec<u8>, Vec<u8>), Error> {
        let mut certificates = vec![0; ROOM];
        let mut answer = self.0.extended_report(report_data, VMPL, &mut certificates);
        if let Err(Refused { needed: Some(needed), .. }) = answer {
            // The host has more certificates. Kernels may take that much room, or not.
            if let Some(room) = acceptable(needed) {
                certificates = vec![0; room];
                answer = self.0.extended_report(report_data, VMPL, &mut certificates);
            }
            if answer.is_err() {
                tracing::warn!(
                    needed,
                    "the host's certificates are longer than the kernel hands over; report without them"
                );
                certificates.clear();
                answer = self.0.report(report_data, VMPL);
            }
        }
        Ok((report(&answer.map_err(failed)?)?, certificates))
    }
}

/// The room that the host asks for, if it is sound.
fn acceptable(needed: u32) -> Option<usize> {
    let room = usize::try_from(needed).ok()?;
    (ROOM < room && room <= MAX_CERTIFICATES && room.is_multiple_of(PAGE)).then_some(room)
}

/// The report in an answer.
fn report(answer: &[u8]) -> Result<Vec<u8>, Error> {
    let short = Error::Malformed { interface: INTERFACE, what: "an answer cut short" };
    let (Some(status), Some(length)) = (u32_le(answer, 0), u32_le(answer, 4)) else { return Err(short) };
    if status != 0 {
        return Err(Error::Status { interface: INTERFACE, status });
    }
    let length = usize::try_from(length).map_err(|_| Error::TooLong("report"))?;
    let end = REPORT.checked_add(length).ok_or(Error::TooLong("report"))?;
    answer.get(REPORT..end).map(<[u8]>::to_vec).ok_or(short)
}

fn failed(refused: Refused) -> Error {
    let Refused { error, hypervisor, firmware, .. } = refused;
    Error::SevGuest { source: error, hypervisor, firmware }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Produced, Tee,
        snp::{REPORT_DATA, REPORT_LEN, Snp},
    };
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    /// A device that is played: host and firmware behind `drivers/virt/coco/sev-guest/sev-guest.c`.
    #[derive(Clone)]
    struct Played {
        table: Vec<u8>,
        /// most room for certificates that the kernel takes
        kernel_max: usize,
        fault: Fault,
        asked: Arc<Mutex<Vec<Option<usize>>>>,
    }

    #[derive(Clone, Copy, PartialEq)]
    enum Fault {
        None,
        /// errno, hypervisor, firmware
        Refuse(i32, u32, u32),
        Status(u32),
        Length(u32),
        OtherData,
        /// what the host says that it needs
        Needs(u32),
    }

    fn played(table: usize, fault: Fault) -> Played {
        Played { table: vec![0; table], kernel_max: ROOM, fault, asked: Arc::default() }
    }

    impl Played {
        fn answer(&self, report_data: &[u8; 64]) -> Result<Vec<u8>, Refused> {
            if let Fault::Refuse(errno, hypervisor, firmware) = self.fault {
                let error = io::Error::from_raw_os_error(errno);
                return Err(Refused { error, hypervisor, firmware, needed: None });
            }
            let mut answer = vec![0; 4000];
            if let Fault::Status(status) = self.fault {
                answer[..4].copy_from_slice(&status.to_le_bytes());
            }
            let length = if let Fault::Length(length) = self.fault { length } else { REPORT_LEN as u32 };
            answer[4..8].copy_from_slice(&length.to_le_bytes());
            answer[REPORT..][REPORT_DATA].copy_from_slice(report_data);
            if self.fault == Fault::OtherData {
                answer[REPORT + REPORT_DATA.start] ^= 1;
            }
            Ok(answer)
        }
    }

    impl Device for Played {
        fn report(&self, report_data: &[u8; 64], vmpl: u32) -> Result<Vec<u8>, Refused> {
            assert_eq!(vmpl, 0);
            self.asked.lock().unwrap().push(None);
            self.answer(report_data)
        }

        fn extended_report(
            &self,
            report_data: &[u8; 64],
            vmpl: u32,
            certificates: &mut [u8],
        ) -> Result<Vec<u8>, Refused> {
            assert_eq!(vmpl, 0);
            self.asked.lock().unwrap().push(Some(certificates.len()));
            let refused = |errno, hypervisor, needed| Refused {
                error: io::Error::from_raw_os_error(errno),
                hypervisor,
                firmware: 0,
                needed,
            };
            if certificates.len() > self.kernel_max || !certificates.len().is_multiple_of(PAGE) {
                return Err(refused(22, 0, None));
            }
            let needed = match self.fault {
                Fault::Needs(needed) => needed,
                _ => self.table.len().next_multiple_of(PAGE) as u32,
            };
            if needed as usize > certificates.len() {
                return Err(refused(5, 1, Some(needed)));
            }
            certificates[..self.table.len()].copy_from_slice(&self.table);
            self.answer(report_data)
        }
    }

    fn produce(device: &Played) -> Result<Produced, Error> {
        Snp { source: Box::new(ThroughDevice(device.clone())) }.produce(&[7; 64])
    }

    fn asked(device: &Played) -> Vec<Option<usize>> {
        device.asked.lock().unwrap().clone()
    }

    // AT-60
    #[test]
    fn makes_reports() {
        let device = played(100, Fault::None);
        let produced = produce(&device).unwrap();
        assert_eq!(produced.evidence.bytes.len(), REPORT_LEN);
        assert_eq!(produced.evidence.bytes[REPORT_DATA], [7; 64]);
        assert_eq!(asked(&device), [Some(ROOM)]);
    }

    // AT-60
    #[test]
    fn certificates_get_the_room_that_they_need_once() {
        let device = Played { kernel_max: MAX_CERTIFICATES, ..played(ROOM + 1, Fault::None) };
        produce(&device).unwrap();
        assert_eq!(asked(&device), [Some(ROOM), Some(ROOM + PAGE)]);
        // The kernel does not take that much room: a report without them is better than none.
        let device = played(ROOM + 1, Fault::None);
        assert!(produce(&device).unwrap().endorsements.certificates.is_empty());
        assert_eq!(asked(&device), [Some(ROOM), Some(ROOM + PAGE), None]);
        // What no host can need is not allocated.
        for needed in [u32::MAX, MAX_CERTIFICATES as u32 + 1, ROOM as u32 + 1] {
            let device = played(0, Fault::Needs(needed));
            produce(&device).unwrap();
            assert_eq!(asked(&device), [Some(ROOM), None], "{needed}");
        }
    }

    // AT-60
    #[test]
    fn faults_of_the_platform_are_told_apart() {
        let fault = |fault| produce(&played(0, fault)).unwrap_err();
        let busy = fault(Fault::Refuse(5, 2, 0x16));
        assert!(matches!(busy, Error::SevGuest { hypervisor: 2, firmware: 0x16, .. }), "{busy}");
        assert!(matches!(fault(Fault::Status(0x16)), Error::Status { status: 0x16, .. }));
        assert!(matches!(fault(Fault::OtherData), Error::WrongReport));
        assert!(matches!(fault(Fault::Length(REPORT_LEN as u32 - 1)), Error::WrongReport));
        assert!(matches!(fault(Fault::Length(4000 - 0x1f)), Error::Malformed { .. }));
        assert!(matches!(fault(Fault::Length(u32::MAX)), Error::Malformed { .. }));
        assert!(matches!(report(&[0; 7]), Err(Error::Malformed { .. })));
    }

    // AT-60
    #[test]
    fn certificates_that_are_malformed_are_refused() {
        let device = Played { table: vec![1; 24], ..played(0, Fault::None) };
        assert!(matches!(produce(&device), Err(Error::CertificateTable)));
    }

    // AT-60
    #[test]
    fn another_file_is_no_device() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(open(&folder.path().join("nowhere")), Err(Error::Device { .. })));
        let snp = Snp { source: Box::new(open(Path::new("/dev/null")).unwrap()) };
        let error = snp.produce(&[7; 64]).unwrap_err();
        assert!(
            matches!(&error, Error::SevGuest { source, .. } if source.raw_os_error() == Some(25)),
            "{error}"
        );
    }
}
