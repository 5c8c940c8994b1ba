//! SEV-SNP reports through configfs-tsm (Linux 6.7, `Documentation/ABI/testing/configfs-tsm-report`).
//!
//! A report is made by an exchange of plain files: a folder is made, the report data written to `inblob`, the
//! report read from `outblob`, the host's certificates from `auxblob`, and the folder removed.

mod certificates;
mod configfs;

use crate::{Error, Produced, Tee};
use configfs::{Configfs, Reports};
use sealwire_attest::{Evidence, Kind};
use std::{
    io,
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

/// Where the kernel offers reports.
const CONFIGFS: &str = "/sys/kernel/config/tsm/report";
/// The device that kernels before configfs-tsm have alone.
const DEVICE: &str = "/dev/sev-guest";
/// What `provider` says in a guest of SEV-SNP.
const PROVIDER: &str = "sev_guest";

/// Length of a report.
const REPORT_LEN: usize = 1184;
/// Where report data stands in a report.
const REPORT_DATA: std::ops::Range<usize> = 0x50..0x90;
/// Most bytes of certificates that are read; the interface itself has had this limit.
const MAX_CERTIFICATES: usize = 32 * 1024;
/// Most bytes of a number or a name.
const MAX_TEXT: usize = 64;
/// ENXIO: what the kernel says to a new entry when no driver makes reports.
const NO_PROVIDER: i32 = 6;
/// How many names for an entry are tried.
const NAMES: u64 = 16;

/// Makes SEV-SNP reports.
pub struct Snp<R: Reports = Configfs> {
    reports: R,
}

impl Snp {
    /// Opens the kernel's interface.
    ///
    /// # Errors
    /// [`Error::NoTee`], [`Error::NoConfigfs`], [`Error::Provider`], [`Error::Platform`]
    pub fn open() -> Result<Self, Error> {
        Self::open_at(Path::new(CONFIGFS), Path::new(DEVICE))
    }

    /// Opens the interface where `configfs` is its folder and `device` the older device.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_at(configfs: &Path, device: &Path) -> Result<Self, Error> {
        // The folder is also there where the kernel could offer reports but the machine has nothing to make them.
        if configfs.is_dir() {
            match Self::with(Configfs::new(configfs)) {
                Err(Error::NoTee) => {}
                opened => return opened,
            }
        }
        if device.exists() {
            Err(Error::NoConfigfs { path: PathBuf::from(configfs) })
        } else {
            Err(Error::NoTee)
        }
    }
}

impl<R: Reports> Snp<R> {
    fn with(reports: R) -> Result<Self, Error> {
        let entry = Entry::make(&reports)?;
        let provider = entry.text("provider")?;
        drop(entry);
        if provider == PROVIDER { Ok(Self { reports }) } else { Err(Error::Provider(provider)) }
    }
}

impl<R: Reports> Tee for Snp<R> {
    fn kind(&self) -> Kind {
        Kind::Snp
    }

    fn produce(&self, report_data: &[u8; 64]) -> Result<Produced, Error> {
        let entry = Entry::make(&self.reports)?;
        // A guest below the most privileged level must name its own; the kernel says which is the least.
        let mut writes = 0;
        let level = match entry.read("privlevel_floor", MAX_TEXT) {
            Ok(level) => level,
            Err(Error::Platform { source, .. }) if source.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        if !matches!(level.trim_ascii(), b"" | b"0") {
            entry.write("privlevel", level.trim_ascii())?;
            writes += 1;
        }
        entry.write("inblob", report_data)?;
        writes += 1;
        let report = entry.read("outblob", REPORT_LEN)?;
        let table = entry.read("auxblob", MAX_CERTIFICATES)?;
        // Each write counts up. Another number than ours means that somebody else wrote too, or that ours was lost:
        // configfs does not report the failure of a write of binary data.
        if entry.text("generation")? != writes.to_string() {
            return Err(Error::Interfered);
        }
        if report.len() != REPORT_LEN || report.get(REPORT_DATA) != Some(report_data) {
            return Err(Error::WrongReport);
        }
        let endorsements = certificates::endorsements(&table)?;
        Ok(Produced { evidence: Evidence { kind: Kind::Snp, bytes: report }, endorsements })
    }
}

/// A folder of the interface, removed when dropped.
struct Entry<'a, R: Reports> {
    reports: &'a R,
    name: String,
}

impl<'a, R: Reports> Entry<'a, R> {
    fn make(reports: &'a R) -> Result<Self, Error> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let mut tried = 0;
        loop {
            // Processes of other containers may have the same number.
            let name = format!("sealwire-{}-{}", process::id(), NEXT.fetch_add(1, Relaxed));
            tried += 1;
            match reports.make(&name) {
                Ok(()) => return Ok(Self { reports, name }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && tried < NAMES => {}
                Err(error) if error.raw_os_error() == Some(NO_PROVIDER) => return Err(Error::NoTee),
                Err(source) => return Err(Error::Platform { what: "making an entry", source }),
            }
        }
    }

    fn write(&self, attribute: &'static str, bytes: &[u8]) -> Result<(), Error> {
        self.reports
            .write(&self.name, attribute, bytes)
            .map_err(|source| Error::Platform { what: attribute, source })
    }

    fn read(&self, attribute: &'static str, max: usize) -> Result<Vec<u8>, Error> {
        // One byte more tells what is too long.
        let bytes = self
            .reports
            .read(&self.name, attribute, max + 1)
            .map_err(|source| Error::Platform { what: attribute, source })?;
        if bytes.len() > max { Err(Error::TooLong(attribute)) } else { Ok(bytes) }
    }

    fn text(&self, attribute: &'static str) -> Result<String, Error> {
        Ok(String::from_utf8_lossy(self.read(attribute, MAX_TEXT)?.trim_ascii()).into_owned())
    }
}

impl<R: Reports> Drop for Entry<'_, R> {
    fn drop(&mut self) {
        if let Err(error) = self.reports.remove(&self.name) {
            tracing::warn!(%error, entry = self.name, "an entry of configfs-tsm stays behind");
        }
    }
}

#[cfg(test)]
mod tests;
