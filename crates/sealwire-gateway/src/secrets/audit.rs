//! What was done to secrets, line by line, each with the hash of the one before (SE-20 (g)).
//!
//! An entry is on the disk before what it tells of happens. The disk is the host's: it can cut the end off, which the head
//! of the chain, in the instance's memory, tells; it cannot take out or change what is before without its showing.

use sealwire_attest::{Claims, UnixTime, verdict::Denial};
use sealwire_http::{Attested, crypto::digest::sha384};
use serde::Serialize;
use std::{
    fs::{self, File, Metadata, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::{sync::Mutex, task::JoinError};

/// A line is shorter: a name, and reasons of which there are only so many.
const MAX_LINE: u64 = 1 << 20;
/// Reasons in one entry; a policy with more alternatives than that has told enough.
const MAX_REASONS: usize = 64;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Event {
    Start,
    Get,
    Put,
    Delete,
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Verdict {
    Delivered,
    Written,
    Deleted,
    Refused,
}

/// Who did it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(super) enum Caller {
    /// the hardware's id is not among it
    #[serde(rename_all = "kebab-case")]
    Enclave { kind: &'static str, development: bool, measurement: Option<String>, document: String },
    #[serde(rename_all = "kebab-case")]
    Operator { operator_key: String },
}

impl Caller {
    pub(super) fn enclave(caller: &Attested) -> Self {
        let claims: &Claims = caller.acceptance.claims.get();
        Self::Enclave {
            kind: claims.kind.name(),
            development: claims.development,
            measurement: claims.measurement().map(hex::encode),
            document: hex::encode(caller.acceptance.document_hash),
        }
    }

    pub(super) fn operator(key: &[u8; 32]) -> Self {
        Self::Operator { operator_key: format!("ed25519:{}", hex::encode(key)) }
    }
}

/// What an entry tells of an access.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Access {
    pub(super) event: Event,
    pub(super) name: Option<String>,
    pub(super) version: Option<u64>,
    pub(super) verdict: Option<Verdict>,
    pub(super) rule: Option<String>,
    pub(super) accepted_by: Option<String>,
    pub(super) reasons: Vec<String>,
    pub(super) caller: Option<Caller>,
}

/// Codes and rules of a denial; what was expected and found stays in the log.
pub(super) fn reasons(denial: &Denial) -> Vec<String> {
    let told = denial.reasons.iter().map(|reason| format!("{} ({})", reason.code, reason.rule));
    told.take(MAX_REASONS).collect()
}

/// A line.
#[derive(Serialize)]
struct Entry<'a> {
    entry: u64,
    time: String,
    instance: &'a str,
    #[serde(flatten)]
    access: &'a Access,
    previous: String,
}

/// The audit of an instance. Accesses happen one after the other, so that what is written is what is so.
pub(crate) struct Audit(Arc<Mutex<Log>>);

impl Audit {
    /// Opens or makes the file, and says that an instance has started. Blocking.
    pub(crate) fn open(path: &Path, instance: &[u8; 16], at: UnixTime) -> io::Result<Self> {
        let (file, head) = open(path)?;
        let (path, instance) = (path.to_owned(), hex::encode(instance));
        let mut log = Log { file, path, instance, entries: 0, head, is_torn: false };
        log.append(at, &START)?;
        Ok(Self(Arc::new(Mutex::new(log))))
    }

    /// Goes on in the file at `path`, which is made where it is not there: it may have been moved away. The chain goes on.
    pub(crate) async fn reopen(&self, path: PathBuf) -> io::Result<()> {
        let reopened = self.in_turn(move |log| {
            (log.file, _) = open(&path)?;
            log.path = path;
            Ok(())
        });
        reopened.await.unwrap_or_else(|_| Err(io::Error::other("interrupted")))
    }

    /// Does `work` when it is its turn. It is done to its end, whoever still waits for it.
    pub(super) async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Log) -> T + Send + 'static,
    ) -> Result<T, JoinError> {
        let mut log = self.0.clone().lock_owned().await;
        tokio::task::spawn_blocking(move || work(&mut log)).await
    }
}

/// A file, and the end of the chain.
pub(super) struct Log {
    file: File,
    path: PathBuf,
    instance: String,
    entries: u64,
    /// SHA-384 of the last line
    head: [u8; 48],
    /// whether a line may be half there
    is_torn: bool,
}

impl Log {
    /// Writes an entry, and waits until it is on the disk. On an error nothing was written.
    pub(super) fn append(&mut self, at: UnixTime, access: &Access) -> io::Result<()> {
        let written = self.try_append(at, access);
        written.inspect_err(|error| {
            tracing::error!(audit = %self.path.display(), %error, "the audit of secrets cannot be written");
        })
    }

    fn try_append(&mut self, at: UnixTime, access: &Access) -> io::Result<()> {
        if self.is_torn || !self.is_there() {
            // The chain goes on from what this instance knows, and not from what the host has by now put at the end of the
            // file: whoever can make a write fail could forge all that comes before.
            let (file, _) = open(&self.path)?;
            (self.file, self.is_torn) = (file, false);
        }
        let number = self.entries.saturating_add(1);
        let entry = Entry {
            entry: number,
            time: at.to_string(),
            instance: &self.instance,
            access,
            previous: hex::encode(self.head),
        };
        let line = serde_json::to_string(&entry)?;
        let before = self.file.metadata()?.len();
        let written =
            self.file.write_all(format!("{line}\n").as_bytes()).and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            // What is half there would end the chain.
            self.is_torn = self.file.set_len(before).is_err();
            return Err(error);
        }
        (self.entries, self.head) = (number, sha384(&[line.as_bytes()]));
        Ok(())
    }

    /// Whether the file is still the one that its path leads to: what is written to one that was deleted is not kept, and
    /// one that was moved away is another's by now.
    fn is_there(&self) -> bool {
        let same = |a: Metadata, b: Metadata| (a.dev(), a.ino()) == (b.dev(), b.ino());
        self.file.metadata().ok().zip(fs::metadata(&self.path).ok()).is_some_and(|(a, b)| same(a, b))
    }

    /// How many entries this instance has written, and the SHA-384 of the last.
    pub(super) fn head(&self) -> (u64, [u8; 48]) {
        (self.entries, self.head)
    }
}

const START: Access = Access {
    event: Event::Start,
    name: None,
    version: None,
    verdict: None,
    rule: None,
    accepted_by: None,
    reasons: Vec::new(),
    caller: None,
};

/// The file, ready to be written to, and the hash of its last line.
fn open(path: &Path) -> io::Result<(File, [u8; 48])> {
    let made = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path);
    let mut file = made?;
    let metadata = file.metadata()?;
    // Nothing is ever on the disk of a pipe or a terminal.
    if !metadata.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    // A file that was made is there after a crash only once its folder says so.
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()?;
    let from = metadata.len().saturating_sub(MAX_LINE);
    file.seek(SeekFrom::Start(from))?;
    let mut end = Vec::new();
    (&file).take(MAX_LINE).read_to_end(&mut end)?;
    if end.last().is_some_and(|last| *last != b'\n') {
        // A crash has cut the last line.
        file.write_all(b"\n")?;
        file.sync_data()?;
    }
    let end = end.strip_suffix(b"\n").unwrap_or(&end);
    let last = end.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
    let head = if last.is_empty() { [0; 48] } else { sha384(&[last]) };
    Ok((file, head))
}

#[cfg(test)]
mod tests;
