//! Strict JSON (SP-03): what two readers could understand differently is no JSON here.
//!
//! A reader walks over the text and gives out its values; nothing is built that is larger than the text. Every object is
//! checked for two members of one name, compared after unescaping.

mod names;
mod reader;
mod stable;

pub use reader::{Kind, Reader, read};
pub use stable::{Numbers, stable};

pub(crate) use names::Unescaped;

/// How deep envelopes may nest (SP-03).
pub const ENVELOPE_DEPTH: u8 = 4;
/// How deep documents, tokens, frames and payloads may nest (SP-03).
pub const DOCUMENT_DEPTH: u8 = 16;

/// Why a text was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// SP-03: not UTF-8, or 4 GiB of it.
    #[error("not UTF-8 text")]
    Utf8,
    /// SP-03: outside the grammar of RFC 8259.
    #[error("not JSON")]
    Syntax,
    /// SP-03
    #[error("nested too deep")]
    TooDeep,
    /// SP-03
    #[error("two members of one name")]
    DuplicateMember,
    /// SP-03: an escape that stands for half a character.
    #[error("a lone surrogate")]
    LoneSurrogate,
    /// SP-03
    #[error("something after the value")]
    Trailing,
    /// SP-04: another kind of value than this member has.
    #[error("a value of the wrong kind")]
    WrongKind,
    /// SP-05: a fraction, an exponent, a sign, a leading zero, or beyond 2^53 - 1.
    #[error("not an integer in its one spelling")]
    Integer,
    /// SP-04
    #[error("an unknown member")]
    UnknownMember,
    /// EN-01
    #[error("a member is missing")]
    MissingMember,
}

/// The value of a member that has to be there.
///
/// # Errors
/// [`Error::MissingMember`]
pub fn required<T>(member: Option<T>) -> Result<T, Error> {
    member.ok_or(Error::MissingMember)
}
