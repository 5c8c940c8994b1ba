//! A kernel that is played: what `drivers/virt/coco/tsm.c` does, as far as a reader can see it.

use super::*;
use std::{collections::BTreeMap, sync::Mutex};

#[derive(Default)]
struct Played {
    entries: Mutex<BTreeMap<String, Written>>,
    provider: &'static str,
    floor: Option<&'static str>,
    table: Vec<u8>,
    fault: Fault,
}

#[derive(Default, Clone)]
struct Written {
    generation: u64,
    inblob: Vec<u8>,
    level: Vec<u8>,
}

#[derive(Default, Clone, Copy, PartialEq)]
enum Fault {
    #[default]
    None,
    LoseWrites,
    OtherWriter,
    OtherData,
    ShortReport,
    LongReport,
    Fail,
    NamesTaken,
    NoProvider,
}

impl Reports for Played {
    fn make(&self, entry: &str) -> io::Result<()> {
        if self.fault == Fault::NamesTaken {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        if self.fault == Fault::NoProvider {
            return Err(io::Error::from_raw_os_error(NO_PROVIDER));
        }
        let taken = self.entries.lock().unwrap().insert(entry.to_owned(), Written::default());
        assert!(taken.is_none());
        Ok(())
    }

    fn write(&self, entry: &str, attribute: &str, bytes: &[u8]) -> io::Result<()> {
        let mut entries = self.entries.lock().unwrap();
        let written = entries.get_mut(entry).unwrap();
        match attribute {
            // A binary attribute is taken over when the file is closed, whose failure nobody sees.
            "inblob" if self.fault == Fault::LoseWrites => return Ok(()),
            "inblob" => written.inblob = bytes.to_vec(),
            "privlevel" => written.level = bytes.to_vec(),
            _ => return Err(io::ErrorKind::NotFound.into()),
        }
        written.generation += if self.fault == Fault::OtherWriter { 2 } else { 1 };
        Ok(())
    }

    fn read(&self, entry: &str, attribute: &str, max: usize) -> io::Result<Vec<u8>> {
        let written = self.entries.lock().unwrap().get(entry).unwrap().clone();
        let mut bytes = match attribute {
            "provider" => format!("{}\n", self.provider).into_bytes(),
            "generation" => format!("{}\n", written.generation).into_bytes(),
            "privlevel_floor" => self.floor.ok_or(io::ErrorKind::NotFound)?.into(),
            "auxblob" => self.table.clone(),
            "outblob" if self.fault == Fault::Fail => return Err(io::ErrorKind::ResourceBusy.into()),
            "outblob" => {
                let floor = self.floor.map_or("0", str::trim);
                if floor != "0" && written.level != floor.as_bytes() {
                    return Err(io::ErrorKind::InvalidInput.into());
                }
                self.report(&written)
            }
            _ => return Err(io::ErrorKind::NotFound.into()),
        };
        bytes.truncate(max);
        Ok(bytes)
    }

    fn remove(&self, entry: &str) -> io::Result<()> {
        self.entries.lock().unwrap().remove(entry).unwrap();
        Ok(())
    }
}

impl Played {
    fn report(&self, written: &Written) -> Vec<u8> {
        let mut report = vec![0; REPORT_LEN];
        report[REPORT_DATA][..written.inblob.len()].copy_from_slice(&written.inblob);
        match self.fault {
            Fault::OtherData => report[REPORT_DATA.start] ^= 1,
            Fault::ShortReport => report.truncate(REPORT_LEN - 1),
            Fault::LongReport => report.push(0),
            _ => {}
        }
        report
    }

    fn with(fault: Fault) -> Self {
        Self { provider: PROVIDER, floor: Some("0\n"), fault, ..Self::default() }
    }
}

fn produce(kernel: Played) -> Result<Produced, Error> {
    let snp = Snp::with(kernel).unwrap();
    let produced = snp.produce(&[7; 64]);
    assert!(snp.reports.entries.lock().unwrap().is_empty(), "entries are removed, whatever happened");
    produced
}

// AT-60
#[test]
fn makes_reports() {
    let produced = produce(Played::with(Fault::None)).unwrap();
    assert_eq!(produced.evidence.kind, Kind::Snp);
    assert_eq!(produced.evidence.bytes.len(), REPORT_LEN);
    assert_eq!(produced.evidence.bytes[REPORT_DATA], [7; 64]);
    assert!(produced.endorsements.certificates.is_empty());
}

// AT-60
#[test]
fn names_the_privilege_level_where_the_kernel_asks_for_it() {
    for floor in [None, Some("0\n"), Some("2\n")] {
        produce(Played { floor, ..Played::with(Fault::None) }).unwrap();
    }
}

// AT-60
#[test]
fn faults_of_the_platform_are_told_apart() {
    let fault = |fault| produce(Played::with(fault)).unwrap_err();
    assert!(matches!(fault(Fault::LoseWrites), Error::Interfered));
    assert!(matches!(fault(Fault::OtherWriter), Error::Interfered));
    assert!(matches!(fault(Fault::OtherData), Error::WrongReport));
    assert!(matches!(fault(Fault::ShortReport), Error::WrongReport));
    assert!(matches!(fault(Fault::LongReport), Error::TooLong("outblob")));
    assert!(matches!(fault(Fault::Fail), Error::Platform { what: "outblob", .. }));
    let table = vec![1; MAX_CERTIFICATES + 1];
    let long = produce(Played { table, ..Played::with(Fault::None) }).unwrap_err();
    assert!(matches!(long, Error::TooLong("auxblob")));
    let table = vec![1; 24];
    let malformed = produce(Played { table, ..Played::with(Fault::None) }).unwrap_err();
    assert!(matches!(malformed, Error::CertificateTable));
    let taken = Snp::with(Played::with(Fault::NamesTaken)).err().unwrap();
    assert!(matches!(taken, Error::Platform { what: "making an entry", .. }));
}

// AT-60
#[test]
fn another_technology_is_named() {
    let tdx = Played { provider: "tdx_guest", ..Played::with(Fault::None) };
    let error = Snp::with(tdx).err().unwrap();
    assert!(matches!(&error, Error::Provider(name) if name == "tdx_guest"), "{error}");
}

// AT-60
#[test]
fn machines_without_the_interface_are_told_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = folder.path().join("nowhere");
    let error = Snp::open_at(&nowhere, &nowhere).err().unwrap();
    assert!(matches!(error, Error::NoTee));
    assert!(error.to_string().contains("--tee development"));
    // The interface without anything behind it.
    assert!(matches!(Snp::with(Played::with(Fault::NoProvider)).err(), Some(Error::NoTee)));
    let error = Snp::open_at(&nowhere, folder.path()).err().unwrap();
    assert!(matches!(error, Error::NoConfigfs { .. }));
    assert!(error.to_string().contains("Linux 6.7"));
}
