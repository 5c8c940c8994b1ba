//! Evidence and its kinds (AT-02).

use crate::{Error, snp::report::Report};
use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD},
};
use std::fmt;

/// The longest evidence file, in bytes, before hex or base64 is undone.
const MAX_FILE: usize = 1024 * 1024;

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

impl Evidence {
    /// Evidence from a file (AT-80): raw bytes, or hex or base64 text of them, told apart by content.
    ///
    /// Without `kind` it is told from the bytes. A report is `snp` then: only a policy that names development roots
    /// makes a reader expect `development`, and such a reader says so.
    ///
    /// # Errors
    /// AT-08: what is wrong with the format.
    pub fn detect(bytes: &[u8], kind: Option<Kind>) -> Result<Self, Error> {
        let bytes = decode_text(bytes)?;
        // A report begins with its version, a small number; what else there will be begins otherwise.
        let version = bytes.first_chunk().copied().map(u32::from_le_bytes);
        let kind = kind.or(version.is_some_and(|version| version < 16).then_some(Kind::Snp));
        match kind.ok_or(Error::Malformed("evidence of no kind that is known"))? {
            kind @ (Kind::Snp | Kind::Development) => {
                Report::parse(&bytes)?;
                Ok(Self { kind, bytes })
            }
        }
    }
}

/// Undoes hex or base64 if `bytes` are text. No raw evidence is all printable: a report has zero bytes.
fn decode_text(bytes: &[u8]) -> Result<Vec<u8>, Error> {
    if bytes.len() > MAX_FILE {
        return Err(Error::Malformed("longer than any evidence"));
    }
    let is_text = bytes.iter().all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace());
    if !is_text || bytes.is_empty() {
        return Ok(bytes.to_vec());
    }
    let text: Vec<u8> = bytes.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    if let Ok(decoded) = hex::decode(&text) {
        return Ok(decoded);
    }
    // Either alphabet, with or without padding.
    let unpadded = text.strip_suffix(b"==").or(text.strip_suffix(b"=")).unwrap_or(&text);
    BASE64_STANDARD_NO_PAD
        .decode(unpadded)
        .or_else(|_| BASE64_URL_SAFE_NO_PAD.decode(unpadded))
        .map_err(|_| Error::Malformed("text that is neither hex nor base64"))
}
