//! Files that a user names: read with a cap, written without overwriting.

use super::exit::{Exit, Failure};
use anyhow::{Context, anyhow};
use std::{
    fs::{File, OpenOptions},
    io::{ErrorKind, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};
use zeroize::Zeroizing;

/// Longest file that is read, in bytes: evidence, endorsements, policies and keys are all far below.
const MAX_FILE: u64 = 4 << 20;

/// Stands for standard input where evidence is read.
const STDIN: &str = "-";

/// Who may read a new file.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Access {
    /// its owner alone
    Secret,
    /// whom the umask allows
    Public,
}

/// The bytes of a file.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display())).map_err(usage)?;
    capped(file, path)
}

fn capped(from: impl Read, path: &Path) -> Result<Vec<u8>, Failure> {
    let cannot = || format!("cannot read {}", shown(path));
    let mut bytes = Vec::new();
    from.take(MAX_FILE + 1).read_to_end(&mut bytes).with_context(cannot).map_err(usage)?;
    if u64::try_from(bytes.len()).is_ok_and(|len| len <= MAX_FILE) {
        Ok(bytes)
    } else {
        Err(usage(anyhow!("{} is longer than 4 MiB", shown(path))))
    }
}

/// The name of what [`read_or_stdin`] reads.
pub(crate) fn shown(path: &Path) -> String {
    match path == Path::new(STDIN) {
        true => "standard input".to_owned(),
        false => path.display().to_string(),
    }
}

/// The bytes of a file; `-` is standard input.
pub(crate) fn read_or_stdin(path: &Path) -> Result<Vec<u8>, Failure> {
    match path == Path::new(STDIN) {
        true => capped(std::io::stdin().lock(), path),
        false => read(path),
    }
}

/// The bytes of a file that holds a secret; wiped on drop.
pub(crate) fn read_secret(path: &Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
    read(path).map(Zeroizing::new)
}

/// The text of a file.
pub(crate) fn read_text(path: &Path) -> Result<String, Failure> {
    String::from_utf8(read(path)?).map_err(|_| usage(anyhow!("{} is not text in UTF-8", path.display())))
}

/// Makes a new file; one that is there already is never overwritten.
pub(crate) fn create(path: &Path, contents: &[u8], access: Access) -> Result<(), Failure> {
    let mode = match access {
        Access::Secret => 0o600,
        Access::Public => 0o644,
    };
    let made = OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
    let mut file = match made {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            return Err(exists(path));
        }
        made => made.with_context(|| format!("cannot create {}", path.display()))?,
    };
    file.write_all(contents)
        .and_then(|()| file.sync_all())
        .with_context(|| format!("cannot write {}", path.display()))?;
    Ok(())
}

/// Makes a file, or puts it in the place of one that is there: whoever reads meanwhile reads one or the other, whole.
pub(crate) fn replace(path: &Path, contents: &[u8]) -> Result<(), Failure> {
    replace_as(path, contents, Access::Public)
}

/// The same, for whom `access` says.
pub(crate) fn replace_as(path: &Path, contents: &[u8], access: Access) -> Result<(), Failure> {
    let cannot = || format!("cannot write {}", path.display());
    let mut name = path.file_name().with_context(cannot).map_err(usage)?.to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let beside = path.with_file_name(name);
    create(&beside, contents, access)?;
    std::fs::rename(&beside, path)
        .inspect_err(|_| {
            let _ = std::fs::remove_file(&beside);
        })
        .with_context(cannot)?;
    Ok(())
}

/// A file is there already.
pub(crate) fn exists(path: &Path) -> Failure {
    usage(anyhow!("{} exists and is not overwritten", path.display()))
        .next("give another --output, or move the file away")
}

fn usage(error: anyhow::Error) -> Failure {
    Failure::from(error).exit(Exit::Usage)
}
