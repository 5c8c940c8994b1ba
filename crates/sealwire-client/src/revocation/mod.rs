//! The operator's revocation list (AT-25): read from a file or a URL, again and again, and held against what is pinned.

mod cut;
mod kept;
mod read;
mod watch;

pub(crate) use cut::{Cut, Severed, guarded};
pub use read::read;
pub(crate) use watch::{Watcher, first};

use http::Uri;
use std::{fmt, path::PathBuf, time::Duration};

/// Where a list is, and how often it is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// where
    pub place: Place,
    /// pause between two looks
    pub every: Duration,
    /// a file in which the newest list outlives a restart, so that nobody can show an older one then; without it the
    /// serial is known for as long as the process runs
    pub kept: Option<PathBuf>,
}

/// Where a list is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// a file
    File(PathBuf),
    /// `http://` or `https://`. The list is signed: who serves it can keep back a newer one until the next update of the
    /// last, and nothing else
    Url(Uri),
}

impl Source {
    /// A file is looked at each second, a URL each minute.
    #[must_use]
    pub fn new(place: Place) -> Self {
        let every = match place {
            Place::File(_) => Duration::from_secs(1),
            Place::Url(_) => Duration::from_secs(60),
        };
        Self { place, every, kept: None }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Url(url) => url.fmt(f),
        }
    }
}
