//! One instance alone uses configured keys with a store of its own (HH-65).

use std::{
    fs::{File, TryLockError},
    io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

/// A file of keys that this instance alone uses, for as long as this lives: two with a store each would each take every
/// request once.
pub(crate) struct Lock {
    file: File,
}

/// Why it is not this instance's.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(
        "{} is in use by another instance, and each has a replay store of its own, so that each would take every \
         request once; give them one store: hpke-http.store-redis",
        .0.display()
    )]
    Shared(PathBuf),
    #[error("{} cannot be locked: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
}

impl Lock {
    /// Locks the file at `path`, unless `held` is that file already.
    pub(crate) fn of(path: &Path, held: Option<&Self>) -> Result<Option<Self>, Error> {
        let failed = |source| Error::Io { path: path.to_owned(), source };
        let file = File::open(path).map_err(failed)?;
        let number = |file: &File| file.metadata().map(|metadata| (metadata.dev(), metadata.ino()));
        if let Some(held) = held
            && number(&held.file).map_err(failed)? == number(&file).map_err(failed)?
        {
            return Ok(None);
        }
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { file })),
            Err(TryLockError::WouldBlock) => Err(Error::Shared(path.to_owned())),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // HH-65
    #[test]
    fn a_second_instance_is_refused_and_the_first_one_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.toml");
        std::fs::write(&path, "one").unwrap();
        let held = Lock::of(&path, None).unwrap().unwrap();
        assert!(matches!(Lock::of(&path, None), Err(Error::Shared(_))));
        assert!(Lock::of(&path, Some(&held)).unwrap().is_none(), "a reload of the same file");
        // A rotation puts another file in its place.
        std::fs::write(folder.path().join("next"), "two").unwrap();
        std::fs::rename(folder.path().join("next"), &path).unwrap();
        let next = Lock::of(&path, Some(&held)).unwrap().unwrap();
        drop(held);
        assert!(matches!(Lock::of(&path, None), Err(Error::Shared(_))));
        drop(next);
        assert!(Lock::of(&path, None).unwrap().is_some());
        assert!(matches!(Lock::of(&folder.path().join("none"), None), Err(Error::Io { .. })));
    }
}
