//! Evidence and its kinds (AT-02).

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
    /// The stable name: `snp`, `development`.
    #[must_use]
    pub fn name(self) -> &'static str {
        todo!()
    }
    /// The kind of a name.
    #[must_use]
    pub fn from_name(_name: &str) -> Option<Self> {
        todo!()
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
