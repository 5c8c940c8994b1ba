//! The file: who may reach it, and what is said when it cannot be opened.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

use crate::Error;

/// Opens the file, or makes it with mode 0600 in a folder that exists.
pub(super) fn open(path: &Path) -> Result<File, Error> {
    let failed = |source| Error::Open { path: path.to_owned(), source };
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    match options.open(path) {
        Ok(file) => {
            private(&file, path)?;
            Ok(file)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let file = options.create_new(true).open(path).map_err(failed)?;
            keep_name(path).map_err(failed)?;
            Ok(file)
        }
        Err(error) => Err(failed(error)),
    }
}

/// A file that others can write is one from which reservations can be taken out.
#[cfg(unix)]
fn private(file: &File, path: &Path) -> Result<(), Error> {
    use std::os::unix::fs::PermissionsExt;

    let metadata = file.metadata().map_err(|source| Error::Open { path: path.to_owned(), source })?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(Error::Permissions { path: path.to_owned(), mode });
    }
    Ok(())
}

#[cfg(not(unix))]
fn private(_file: &File, _path: &Path) -> Result<(), Error> {
    Ok(())
}

/// Makes the new name itself durable: without it a crash of the machine could take the whole file away.
fn keep_name(path: &Path) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}

/// Turns what redb says while it opens into what an operator can act on.
pub(super) fn opening(path: &Path, error: redb::Error) -> Error {
    let path = path.to_owned();
    match error {
        redb::Error::DatabaseAlreadyOpen => Error::Locked(path),
        redb::Error::Io(source)
            if !matches!(source.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof) =>
        {
            Error::Open { path, source }
        }
        other => Error::Corrupt { path, reason: other.to_string() },
    }
}
