//! Keys in a file.

use std::collections::{HashMap, HashSet};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;
use zeroize::Zeroizing;

use super::{Credential, Credentials, Unavailable, Use, Written};
use crate::BoxFuture;

/// Longest file, in bytes: some hundred thousand keys.
const MAX_FILE: u64 = 64 << 20;

/// Keys of a TOML file, read once:
///
/// ```toml
/// [[psk]]
/// id = "hT3wq9sYQm2J"                                  # sent in clear: a random text, no name
/// key = "9f0b7c…"                                      # at least 32 bytes; or key-base64 = "…"
/// tenant = "acme"
/// wire = "hpke-http/3"                                 # the default; or "hpke-http/1.x"
/// ```
#[derive(Debug)]
pub struct FileCredentials {
    keys: HashMap<Box<[u8]>, Arc<Credential>>,
}

/// Why a file of keys cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// It cannot be read.
    #[error("{} cannot be read: {source}", .path.display())]
    Read {
        /// the file
        path: PathBuf,
        /// what the system says
        source: std::io::Error,
    },
    /// Others than its owner can reach it.
    #[error("{} has mode {mode:03o}; it must be open to its owner alone: chmod 600 {}", .path.display(), .path.display())]
    Permissions {
        /// the file
        path: PathBuf,
        /// its permission bits
        mode: u32,
    },
    /// It does not say what it should.
    #[error("{}: {what}", .path.display())]
    Content {
        /// the file
        path: PathBuf,
        /// what is wrong, without any key
        what: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    psk: Vec<toml::Spanned<Written>>,
}

impl FileCredentials {
    /// Reads a file, which must be open to its owner alone.
    ///
    /// # Errors
    /// [`FileError`]
    pub fn read(path: &Path) -> Result<Self, FileError> {
        let failed = |source| FileError::Read { path: path.to_owned(), source };
        let file = std::fs::File::open(path).map_err(failed)?;
        private(&file, path)?;
        let mut text = Zeroizing::new(String::new());
        let read = file.take(MAX_FILE + 1).read_to_string(&mut text).map_err(failed)?;
        let wrong = |what| FileError::Content { path: path.to_owned(), what };
        if read as u64 > MAX_FILE {
            return Err(wrong(format!("is longer than {} MiB", MAX_FILE >> 20)));
        }
        Self::parse(&text).map_err(wrong)
    }

    /// Takes the text of a file.
    ///
    /// # Errors
    /// What is wrong and in which line, without any key.
    pub fn parse(text: &str) -> Result<Self, String> {
        let line = |at: usize| 1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count();
        let file: File = toml::from_str(text).map_err(|error| {
            // The message of the parser itself would show the line.
            let at = error.span().map_or(0, |span| line(span.start));
            format!("line {at}: {}", told(error.message()))
        })?;
        let mut entries = Vec::with_capacity(file.psk.len());
        for entry in file.psk {
            let at = line(entry.span().start);
            let mut written = entry.into_inner();
            let id = written.id.take().ok_or_else(|| format!("line {at}: `id` is missing"))?;
            let id = id.into_bytes().into_boxed_slice();
            let credential = written.into_credential(&id).map_err(|what| format!("line {at}: {what}"))?;
            entries.push((at, id, Arc::new(credential)));
        }
        let mut known = HashSet::with_capacity(entries.len());
        // One key under two ids would be one of two tenants, or of two wires (HH-105).
        if let Some((at, ..)) = entries.iter().find(|(.., credential)| !known.insert(credential.key())) {
            return Err(format!("line {at}: this key is there already, under another id"));
        }
        let mut keys = HashMap::with_capacity(entries.len());
        for (at, id, credential) in &entries {
            if keys.insert(id.clone(), credential.clone()).is_some() {
                return Err(format!("line {at}: this id is there already"));
            }
        }
        Ok(Self { keys })
    }

    /// How many keys there are for this wire.
    #[must_use]
    pub fn len_of(&self, usage: Use) -> usize {
        self.keys.values().filter(|credential| credential.usage() == usage).count()
    }
}

/// What a parser complains of, unless it quotes what is in the file.
fn told(message: &str) -> &str {
    let quotes = message.contains('"') || message.starts_with("invalid type");
    if quotes { "is not of the form that is documented" } else { message }
}

impl Credentials for FileCredentials {
    fn find<'a>(&'a self, id: &'a [u8]) -> BoxFuture<'a, Result<Option<Arc<Credential>>, Unavailable>> {
        Box::pin(std::future::ready(Ok(self.keys.get(id).cloned())))
    }
}

/// Whoever can read keys can be any tenant, and whoever can write them, too.
#[cfg(unix)]
fn private(file: &std::fs::File, path: &Path) -> Result<(), FileError> {
    use std::os::unix::fs::PermissionsExt as _;

    let metadata = file.metadata().map_err(|source| FileError::Read { path: path.to_owned(), source })?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(FileError::Permissions { path: path.to_owned(), mode });
    }
    Ok(())
}

#[cfg(not(unix))]
fn private(_file: &std::fs::File, _path: &Path) -> Result<(), FileError> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "0123456789abcdef0123456789abcdef";

    fn entry(id: &str, key: &str, more: &str) -> String {
        format!("[[psk]]\nid = \"{id}\"\nkey = \"{key}\"\ntenant = \"acme\"\n{more}\n")
    }

    #[tokio::test]
    async fn keys_are_found_by_id() {
        let bytes = "key-base64 = \"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8\"";
        let text = entry("a", KEY, "")
            + &format!("[[psk]]\nid = \"b\"\n{bytes}\ntenant = \"other\"\nwire = \"hpke-http/1.x\"\n");
        let file = FileCredentials::parse(&text).unwrap();
        let a = file.find(b"a").await.unwrap().unwrap();
        assert_eq!((a.key(), &**a.tenant(), a.usage()), (KEY.as_bytes(), "acme", Use::Native));
        let b = file.find(b"b").await.unwrap().unwrap();
        let bytes: Vec<u8> = (0..32).collect();
        assert_eq!((b.key(), &**b.tenant(), b.usage()), (&bytes[..], "other", Use::Legacy));
        assert!(file.find(b"c").await.unwrap().is_none());
        assert_eq!((file.len_of(Use::Native), file.len_of(Use::Legacy)), (1, 1));
        assert_eq!(FileCredentials::parse("").unwrap().len_of(Use::Native), 0);
    }

    // HH-35, HH-93, HH-105
    #[test]
    fn a_wrong_file_is_told_by_its_line_and_without_its_keys() {
        let two = |first: &str, second: &str| first.to_owned() + second;
        for (text, line, what) in [
            (entry("a", "short", ""), 1, "32 to 1024 bytes"),
            (entry(KEY, KEY, ""), 1, "its own id"),
            (two(&entry("a", KEY, ""), &entry("a", &KEY.replace('0', "x"), "")), 6, "this id"),
            (two(&entry("a", KEY, ""), &entry("b", KEY, "wire = \"hpke-http/1.x\"")), 6, "under another id"),
            (entry("a", KEY, "key-base64 = \"AAAA\""), 1, "one of `key` and `key-base64`"),
            ("[[psk]]\nid = \"a\"\ntenant = \"t\"\n".to_owned(), 1, "one of `key` and `key-base64`"),
            (entry("a", KEY, "wire = \"hpke-http/2\""), 5, "unknown variant"),
            (entry("a", KEY, "more = 1"), 5, "unknown field"),
            (format!("[[psk]]\nid = \"a\"\nkey = \"{KEY}\ntenant = \"t\"\n"), 3, ""),
            (format!("[[psk]]\nid = \"a\"\nkey = [\"{KEY}\"]\ntenant = \"t\"\n"), 3, ""),
        ] {
            let told = FileCredentials::parse(&text).unwrap_err();
            assert!(told.contains(what), "{text}: {told}");
            assert!(told.starts_with(&format!("line {line}: ")), "{text}: {told}");
            assert!(!told.contains(KEY), "{told}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("psks.toml");
        std::fs::write(&path, entry("a", KEY, "")).unwrap();
        for (mode, taken) in [(0o600, true), (0o400, true), (0o640, false), (0o604, false)] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            let read = FileCredentials::read(&path);
            assert_eq!(read.is_ok(), taken, "{mode:o}: {read:?}");
            assert!(taken || matches!(read, Err(FileError::Permissions { .. })));
        }
        assert!(matches!(FileCredentials::read(&folder.path().join("none")), Err(FileError::Read { .. })));
    }
}
