use http::StatusCode;
use sealwire_attest::UnixTime;
use std::{io, path::PathBuf, time::Duration};

pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why an item was not had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// AT-70: no connection, or one that broke
    #[error("no answer: {}", causes(.0.as_ref()))]
    Unreachable(BoxError),
    /// AT-70: the cap on time
    #[error("no whole answer within {} s", .0.as_secs_f32())]
    TimedOut(Duration),
    /// AT-70: no redirect is followed: it would be a place that nobody configured
    #[error("the answer leads elsewhere (status {0})")]
    Redirected(StatusCode),
    /// whoever was asked knows no such item
    #[error("there is no such item there (status 404)")]
    Unknown,
    /// whoever was asked wants to be left alone
    #[error("too many requests, or out of service (status {status})")]
    Busy {
        /// 429 or 503
        status: StatusCode,
        /// for how long
        retry_after: Option<Duration>,
    },
    /// another status than 200
    #[error("the answer has status {0}")]
    Status(StatusCode),
    /// AT-70: the cap on size
    #[error("the answer is longer than {0} bytes")]
    TooLong(usize),
    /// AT-70: compressed, which was not asked for: how long it would become, nobody knows
    #[error("the answer is encoded")]
    Encoded,
    /// the certificates beside the answer cannot be read
    #[error("the certificates beside the answer: {0}")]
    Issuers(&'static str),
    /// AT-70: not what was asked for, or not the vendor's
    #[error("not what was asked for: {0}")]
    Wrong(#[from] sealwire_attest::Error),
    /// AT-70: over already
    #[error("it was to be renewed by {0}")]
    Expired(UnixTime),
    /// AT-70: made after the present
    #[error("it is from the future: {0}")]
    NotYetValid(UnixTime),
    /// AT-70: somebody shows an older state than the one that is at hand
    #[error("it is of {found}, and older than the one at hand, of {held}")]
    Older {
        /// when that at hand was made
        held: UnixTime,
        /// when this was made
        found: UnixTime,
    },
}

impl Error {
    /// Whether asking again may help.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::TimedOut(_) | Self::Busy { .. } => true,
            Self::Status(status) => status.is_server_error(),
            _ => false,
        }
    }
}

/// Why something failed, and on what.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// an item that was asked for
    #[error("{what} from {at}: {error}")]
    Item {
        /// what
        what: String,
        /// where; without what tells the chip
        at: String,
        /// why not
        #[source]
        error: Error,
    },
    /// a place that cannot be asked
    #[error("`{0}` is no place to fetch from: give http:// or https://, a host, and no query")]
    Place(String),
    /// TLS cannot be set up
    #[error("TLS: {0}")]
    Tls(BoxError),
    /// a file or folder
    #[error("{}: {source}", path.display())]
    File {
        /// which
        path: PathBuf,
        /// what the system says
        source: io::Error,
    },
    /// a file that looks like an endorsement and is none, or more than a verifier looks at
    #[error("{}: {source}", path.display())]
    Endorsement {
        /// which
        path: PathBuf,
        /// what is wrong
        source: sealwire_attest::Error,
    },
}

/// An error and what is behind it: that of a connection by itself says neither whether the name was found nor who refused.
fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut told = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_told = cause.to_string();
        if !told.ends_with(&cause_told) {
            told = format!("{told}: {cause_told}");
        }
        next = cause.source();
    }
    told
}
