//! The newest list in a file, so that a restart is no way back to an older one (AT-25).

use super::read::open;
use crate::keys::Appraiser;
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

/// Where the newest list is kept. What is in it is signed, and judged like any other: somebody who can write there can
/// at most have it forgotten.
#[derive(Debug, Clone)]
pub(crate) struct Kept(PathBuf);

impl Kept {
    pub(crate) fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// Puts in force what was kept. A file that is missing is that of a first start; one that is no list of the pinned
    /// keys any more is told.
    pub(crate) async fn recall(&self, appraiser: &Appraiser) {
        let path = self.0.display();
        let taken: Result<_, sealwire_http::BoxError> = match open(&self.0).await {
            Ok(bytes) => appraiser.take_list(&bytes).map_err(Into::into),
            Err(error) => match error.downcast_ref::<io::Error>().map(io::Error::kind) {
                Some(io::ErrorKind::NotFound) => return,
                _ => Err(error),
            },
        };
        if let Err(error) = taken {
            tracing::warn!(file = %path, %error, "the revocation list that was kept is not used");
        }
    }

    /// Keeps a list that was taken. A disk that is full costs no more than what is known after a restart.
    pub(crate) async fn keep(&self, bytes: Vec<u8>) {
        let path = self.0.clone();
        let written = tokio::task::spawn_blocking(move || replace(&path, &bytes)).await;
        if let Ok(Err(error)) = written {
            tracing::warn!(file = %self.0.display(), %error, "the revocation list is not kept; a restart forgets its serial");
        }
    }
}

/// Whoever reads meanwhile, or after a power cut, has the one or the other whole.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let beside = path.with_file_name(name);
    let write = || {
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&beside, path)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    };
    write().inspect_err(|_| {
        let _ = fs::remove_file(&beside);
    })
}
