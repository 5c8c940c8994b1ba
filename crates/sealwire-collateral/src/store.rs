//! The cache on disk: one file for each item, replaced as a whole, so that several processes may share a folder.
//!
//! Nothing in it is trusted: an item that is read is checked as if it had just come, so a file that is damaged, or
//! meddled with, is no item. What somebody who can write there achieves is an older item, until its own end.

use crate::{Failure, Item, item::Validators, request::MAX_ANSWER};
use base64::{Engine, prelude::BASE64_STANDARD};
use sealwire_attest::{
    UnixTime,
    needs::{Answer, Need},
};
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, DirBuilder, File, Permissions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};
use tempfile::NamedTempFile;

/// Another form gets another number, and files of this one are fetched anew.
const VERSION: u32 = 1;
/// Longest file: the longest answer in base64, and what stands beside it.
const MAX_FILE: u64 = MAX_ANSWER as u64 * 2;
/// All files together, in bytes; the least recently written go first.
const MAX_BYTES: u64 = 16 * 1024 * 1024;
/// All files together; the least recently written go first.
const MAX_FILES: usize = 256;
/// Which machines a program attests for is its owner's to know.
const OWNERS: u32 = 0o600;
/// Begins the name of a file that is being written.
const UNFINISHED: &str = ".unfinished-";
/// How long writing a file may take: what is older was left behind.
const LEFT_BEHIND: Duration = Duration::from_secs(60 * 60);

/// A folder of items.
#[derive(Debug, Clone)]
pub struct Store {
    folder: PathBuf,
}

/// One file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Record {
    version: u32,
    fetched_at: u64,
    /// when it is to be renewed by its own word: for people, since the item itself says it
    until: u64,
    etag: Option<String>,
    last_modified: Option<String>,
    issuers: Vec<String>,
    answer: String,
}

impl Store {
    /// Makes the folder where there is none, for its owner alone.
    ///
    /// # Errors
    /// [`Failure::File`]
    pub fn open(folder: &Path) -> Result<Self, Failure> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.map_err(|source| Failure::File { path: folder.to_owned(), source })?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// The item of a need, if there is a good one. A file that holds none counts as none, with a warning.
    #[must_use]
    pub fn read(&self, need: &Need, now: UnixTime) -> Option<Item> {
        let path = self.path(need);
        match read(&path, need, now) {
            Ok(item) => Some(item),
            Err(Unusable::File(error)) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                tracing::warn!(file = %path.display(), %error, "a kept endorsement cannot be used; it is fetched anew");
                None
            }
        }
    }

    /// Keeps an item in place of the one before it.
    ///
    /// # Errors
    /// [`Failure::File`]; the one before is then still there.
    pub fn write(&self, item: &Item) -> Result<(), Failure> {
        let path = self.path(item.need());
        let record = Record {
            version: VERSION,
            fetched_at: item.fetched_at.0,
            until: item.until().0,
            etag: item.validators.etag.clone(),
            last_modified: item.validators.last_modified.clone(),
            issuers: item.answer.issuers.iter().map(|der| BASE64_STANDARD.encode(der)).collect(),
            answer: BASE64_STANDARD.encode(&item.answer.bytes),
        };
        let text = serde_json::to_vec(&record).map_err(io::Error::from);
        text.and_then(|text| replace(&path, &text, OWNERS))
            .and_then(|()| self.make_room(&path))
            .map_err(|source| Failure::File { path, source })
    }

    fn path(&self, need: &Need) -> PathBuf {
        self.folder.join(format!("{}.json", need.name()))
    }

    /// Removes what is too much, `written` last of all, and what was left behind.
    fn make_room(&self, written: &Path) -> io::Result<()> {
        let now = SystemTime::now();
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            // Another process may have removed it meanwhile.
            let Ok(about) = entry.metadata() else { continue };
            let (path, changed) = (entry.path(), about.modified()?);
            let name = entry.file_name();
            if name.as_encoded_bytes().starts_with(UNFINISHED.as_bytes()) {
                if now.duration_since(changed).is_ok_and(|age| age > LEFT_BEHIND) {
                    remove(&path)?;
                }
            } else if path.extension().is_some_and(|extension| extension == "json") {
                files.push((path != written, changed, about.len(), path));
            }
        }
        // The one that was written is newest, whatever the clock says.
        files.sort_by(|(a_other, a, ..), (b_other, b, ..)| (!a_other, a).cmp(&(!b_other, b)));
        let mut bytes: u64 = files.iter().map(|(_, _, len, _)| len).sum();
        let mut count = files.len();
        for (other, _, len, path) in files {
            if !other || (bytes <= MAX_BYTES && count <= MAX_FILES) {
                break;
            }
            remove(&path)?;
            bytes -= len;
            count -= 1;
        }
        Ok(())
    }
}

#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error(transparent)]
    File(#[from] io::Error),
    #[error("not of the form of this version")]
    Form,
    #[error("fetched in the future")]
    Future,
    #[error(transparent)]
    Item(#[from] crate::Error),
}

fn read(path: &Path, need: &Need, now: UnixTime) -> Result<Item, Unusable> {
    let mut text = Vec::new();
    File::open(path)?.take(MAX_FILE).read_to_end(&mut text)?;
    let record: Record = serde_json::from_slice(&text).map_err(|_| Unusable::Form)?;
    if record.version != VERSION {
        return Err(Unusable::Form);
    }
    let decode = |text: &String| BASE64_STANDARD.decode(text).map_err(|_| Unusable::Form);
    let answer = Answer {
        bytes: decode(&record.answer)?,
        issuers: record.issuers.iter().map(decode).collect::<Result<_, _>>()?,
    };
    let validators = Validators { etag: record.etag, last_modified: record.last_modified };
    let fetched_at = UnixTime(record.fetched_at);
    // It would put the next request off, for as long as somebody likes.
    if fetched_at > now {
        return Err(Unusable::Future);
    }
    Ok(Item::new(need, answer, validators, fetched_at)?)
}

/// Writes a whole file in place of another: whoever reads sees the one or the other, after a power cut too.
pub(crate) fn replace(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mode = Permissions::from_mode(mode);
    let mut file = tempfile::Builder::new().prefix(UNFINISHED).permissions(mode).tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    NamedTempFile::persist(file, path).map_err(|error| error.error)?;
    File::open(folder)?.sync_all()
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use sealwire_attest::{
        Endorsements,
        needs::{Checked, IntelTee},
    };

    /// Of a platform of its own. Only its size counts: writing checks nothing.
    fn item(platform: u16, size: usize) -> Item {
        let [a, b] = platform.to_be_bytes();
        let checked =
            Checked { endorsements: Endorsements::default(), from: UnixTime(0), until: UnixTime(9) };
        Item {
            need: Need::IntelTcb { tee: IntelTee::Tdx, fmspc: [a, b, 0, 0, 0, 0] },
            answer: Answer { bytes: vec![0; size], issuers: Vec::new() },
            checked,
            fetched_at: UnixTime(1),
            validators: Validators::default(),
        }
    }

    fn files(folder: &Path) -> (usize, u64) {
        let sizes = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len());
        sizes.fold((0, 0), |(count, bytes), len| (count + 1, bytes + len))
    }

    // AT-70: bounded in number and size, and what was just written stays.
    #[test]
    fn a_store_keeps_its_bounds() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        for platform in 0..300 {
            store.write(&item(platform, 10)).unwrap();
            assert!(store.path(item(platform, 0).need()).exists());
        }
        assert_eq!(files(folder.path()).0, MAX_FILES);
        for platform in 0..60 {
            store.write(&item(platform, 400 * 1024)).unwrap();
            assert!(store.path(item(platform, 0).need()).exists());
        }
        let (count, bytes) = files(folder.path());
        assert!(count > 20 && bytes <= MAX_BYTES, "{count} files, {bytes} bytes");
    }

    // AT-70: what a process left behind when it was killed is cleaned up; what another is writing is not.
    #[test]
    fn unfinished_files_do_not_pile_up() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let [old, new] = ["old", "new"].map(|name| folder.path().join(format!("{UNFINISHED}{name}")));
        for path in [&old, &new] {
            fs::write(path, "half").unwrap();
        }
        let long_ago = SystemTime::now() - 2 * LEFT_BEHIND;
        File::options().write(true).open(&old).unwrap().set_modified(long_ago).unwrap();
        store.write(&item(1, 1)).unwrap();
        assert!(!old.exists() && new.exists());
    }
}
