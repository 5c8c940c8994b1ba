//! configfs-tsm (Linux 6.7, `Documentation/ABI/testing/configfs-tsm-report`): the kernel's one interface to reports of
//! every technology.
//!
//! A report is made by an exchange of plain files: a folder is made, the report data written to `inblob`, the report
//! read from `outblob`, where the provider has them the host's certificates from `auxblob`, and the folder removed.

mod files;
#[cfg(test)]
pub(crate) mod played;

pub(crate) use files::{Configfs, Reports};

use crate::Error;
use std::{
    io,
    path::Path,
    process,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

/// Where the kernel offers reports.
pub(crate) const FOLDER: &str = "/sys/kernel/config/tsm/report";
/// What `provider` says in a guest of SEV-SNP.
pub(crate) const SEV_GUEST: &str = "sev_guest";
/// What `provider` says in a guest of TDX.
pub(crate) const TDX_GUEST: &str = "tdx_guest";

/// Most bytes of a number or a name.
const MAX_TEXT: usize = 64;
/// ENXIO: what the kernel says to a new entry when no driver makes reports.
const NO_PROVIDER: i32 = 6;
/// How many names for an entry are tried.
const NAMES: u64 = 16;

/// Opens the interface of the running kernel, and says who provides reports; `None` where it is not there, or nothing
/// is behind it.
///
/// # Errors
/// [`Error::Platform`]
pub(crate) fn open(folder: &Path) -> Result<Option<(Configfs, String)>, Error> {
    // The folder is also there where the kernel could offer reports but the machine has nothing to make them.
    if !folder.is_dir() {
        return Ok(None);
    }
    let reports = Configfs::new(folder);
    Ok(provider(&reports)?.map(|provider| (reports, provider)))
}

/// Who provides reports; `None` for nobody.
///
/// # Errors
/// [`Error::Platform`]
pub(crate) fn provider(reports: &impl Reports) -> Result<Option<String>, Error> {
    match Entry::make(reports) {
        Ok(entry) => entry.text("provider").map(Some),
        Err(Error::NoTee) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Reads a report over `report_data`, `max` bytes at most, and `auxblob` where `max_auxiliary` is given.
///
/// # Errors
/// [`Error::Platform`], [`Error::TooLong`], [`Error::Interfered`]
pub(crate) fn report(
    reports: &impl Reports,
    report_data: &[u8; 64],
    max: usize,
    max_auxiliary: Option<usize>,
) -> Result<(Vec<u8>, Vec<u8>), Error> {
    let entry = Entry::make(reports)?;
    // A guest below the most privileged level must name its own; the kernel says which is the least. Technologies
    // without such levels have no such file.
    let mut writes = 0;
    let level = entry.optional("privlevel_floor", MAX_TEXT)?.unwrap_or_default();
    if !matches!(level.trim_ascii(), b"" | b"0") {
        entry.write("privlevel", level.trim_ascii())?;
        writes += 1;
    }
    entry.write("inblob", report_data)?;
    writes += 1;
    let report = entry.read("outblob", max)?;
    let auxiliary = match max_auxiliary {
        Some(max) => entry.read("auxblob", max)?,
        None => Vec::new(),
    };
    // Each write counts up. Another number than ours means that somebody else wrote too, or that ours was lost:
    // configfs does not report the failure of a write of binary data.
    if entry.text("generation")? != writes.to_string() {
        return Err(Error::Interfered);
    }
    Ok((report, auxiliary))
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
                Err(source) => return Err(failed("making an entry", source)),
            }
        }
    }

    fn write(&self, attribute: &'static str, bytes: &[u8]) -> Result<(), Error> {
        self.reports.write(&self.name, attribute, bytes).map_err(|source| failed(attribute, source))
    }

    fn read(&self, attribute: &'static str, max: usize) -> Result<Vec<u8>, Error> {
        // One byte more tells what is too long.
        let bytes = self
            .reports
            .read(&self.name, attribute, max.saturating_add(1))
            .map_err(|source| failed(attribute, source))?;
        if bytes.len() > max { Err(Error::TooLong(attribute)) } else { Ok(bytes) }
    }

    /// `None` where the kernel has no such attribute.
    fn optional(&self, attribute: &'static str, max: usize) -> Result<Option<Vec<u8>>, Error> {
        match self.read(attribute, max) {
            Err(Error::Platform { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(None),
            read => read.map(Some),
        }
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

fn failed(what: &'static str, source: io::Error) -> Error {
    Error::Platform { interface: "configfs-tsm", what, source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use played::{Fault, Played};

    fn make(kernel: &Played) -> Result<(Vec<u8>, Vec<u8>), Error> {
        let made = report(kernel, &[7; 64], 100, Some(50));
        assert!(kernel.is_empty(), "entries are removed, whatever happened");
        made
    }

    fn with(fault: Fault) -> Played {
        Played { fault, auxiliary: Some(vec![9; 50]), ..Played::new("any", |data| data.to_vec()) }
    }

    // AT-60
    #[test]
    fn reports_come_with_what_the_host_gives() {
        let (report, auxiliary) = make(&with(Fault::None)).unwrap();
        assert_eq!((report, auxiliary), (vec![7; 64], vec![9; 50]));
    }

    // AT-60
    #[test]
    fn names_the_privilege_level_where_the_kernel_asks_for_it() {
        for floor in [None, Some("0\n"), Some("2\n")] {
            make(&Played { floor, ..with(Fault::None) }).unwrap();
        }
    }

    // AT-60
    #[test]
    fn faults_are_told_apart() {
        let fault = |fault| make(&with(fault)).unwrap_err();
        assert!(matches!(fault(Fault::LoseWrites), Error::Interfered));
        assert!(matches!(fault(Fault::OtherWriter), Error::Interfered));
        assert!(matches!(fault(Fault::Fail), Error::Platform { what: "outblob", .. }));
        assert!(matches!(fault(Fault::NamesTaken), Error::Platform { what: "making an entry", .. }));
        assert!(matches!(fault(Fault::NoProvider), Error::NoTee));
        let long = make(&Played { make_report: |_| vec![0; 101], ..with(Fault::None) }).unwrap_err();
        assert!(matches!(long, Error::TooLong("outblob")));
        let long = make(&Played { auxiliary: Some(vec![0; 51]), ..with(Fault::None) }).unwrap_err();
        assert!(matches!(long, Error::TooLong("auxblob")));
        let none = make(&Played { auxiliary: None, ..with(Fault::None) }).unwrap_err();
        assert!(matches!(none, Error::Platform { what: "auxblob", .. }));
    }

    // AT-60
    #[test]
    fn who_provides_is_told() {
        assert_eq!(provider(&with(Fault::None)).unwrap().as_deref(), Some("any"));
        assert_eq!(provider(&with(Fault::NoProvider)).unwrap(), None);
        assert!(provider(&with(Fault::NamesTaken)).is_err());
        let nowhere = tempfile::tempdir().unwrap();
        assert!(open(&nowhere.path().join("nowhere")).unwrap().is_none());
        // A folder on a disk has no attributes.
        assert!(matches!(open(nowhere.path()), Err(Error::Platform { what: "provider", .. })));
    }
}
