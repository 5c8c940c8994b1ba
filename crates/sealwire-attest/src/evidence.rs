//! Evidence and its kinds (AT-02).

use std::fmt;

/// The kind of a piece of evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// An AMD SEV-SNP report under AMD's roots.
    Snp,
    /// A report of the same format under a development root of one machine (AT-07).
    Development,
}

impl Kind {
    /// Every kind, in the order of the documentation.
    pub const ALL: [Self; 2] = [Self::Snp, Self::Development];

    /// The stable name: `snp`, `development`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Snp => "snp",
            Self::Development => "development",
        }
    }

    /// The kind of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Evidence as its producer made it; nothing about it has been checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// what it says it is
    pub kind: Kind,
    /// for `snp` and `development` the 1184-byte report
    pub bytes: Vec<u8>,
}
