//! A kernel that is played: what `drivers/virt/coco/guest/report.c` does, as far as a reader can see it.

use super::*;
use std::{collections::BTreeMap, sync::Mutex};

pub(crate) struct Played {
    pub(crate) entries: Mutex<BTreeMap<String, Written>>,
    pub(crate) provider: &'static str,
    pub(crate) floor: Option<&'static str>,
    /// absent where the provider has no such attribute
    pub(crate) auxiliary: Option<Vec<u8>>,
    pub(crate) make_report: fn(&[u8]) -> Vec<u8>,
    pub(crate) fault: Fault,
}

#[derive(Default, Clone)]
pub(crate) struct Written {
    generation: u64,
    inblob: Vec<u8>,
    level: Vec<u8>,
}

#[derive(Default, Clone, Copy, PartialEq)]
pub(crate) enum Fault {
    #[default]
    None,
    LoseWrites,
    OtherWriter,
    Fail,
    NamesTaken,
    NoProvider,
}

impl Played {
    pub(crate) fn new(provider: &'static str, make_report: fn(&[u8]) -> Vec<u8>) -> Self {
        Self {
            entries: Mutex::default(),
            provider,
            floor: None,
            auxiliary: None,
            make_report,
            fault: Fault::None,
        }
    }

    /// Whether every entry has been removed.
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.lock().unwrap().is_empty()
    }

    fn report(&self, written: &Written) -> io::Result<Vec<u8>> {
        // The driver takes 64 bytes, and a level not below its own.
        let floor: u32 = self.floor.unwrap_or("0").trim().parse().unwrap();
        let level = std::str::from_utf8(&written.level).unwrap().parse().unwrap_or(0);
        let lost = self.fault == Fault::LoseWrites;
        if (written.inblob.len() != 64 && !lost) || level < floor {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        Ok((self.make_report)(&written.inblob))
    }
}

impl Reports for Played {
    fn make(&self, entry: &str) -> io::Result<()> {
        match self.fault {
            Fault::NamesTaken => return Err(io::ErrorKind::AlreadyExists.into()),
            Fault::NoProvider => return Err(io::Error::from_raw_os_error(NO_PROVIDER)),
            _ => {}
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
            "privlevel" if self.floor.is_some() => written.level = bytes.to_vec(),
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
            "auxblob" => self.auxiliary.clone().ok_or(io::ErrorKind::NotFound)?,
            "outblob" if self.fault == Fault::Fail => return Err(io::ErrorKind::ResourceBusy.into()),
            "outblob" => self.report(&written)?,
            _ => return Err(io::ErrorKind::NotFound.into()),
        };
        bytes.truncate(max);
        Ok(bytes)
    }

    fn remove(&self, entry: &str) -> io::Result<()> {
        self.entries.lock().unwrap().remove(entry).map(drop).ok_or(io::ErrorKind::NotFound.into())
    }
}
