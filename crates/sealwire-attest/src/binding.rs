//! What evidence is bound to (AT-04).

use crate::Kind;

/// `B = SHA-512(CBOR[protocol, use, role, kind, SHA-384(bound bytes), challenge, SHA-384(companions)])`
#[derive(Debug, Clone, Copy)]
pub struct Binding<'a> {
    /// `key-document`, later `handshake`, …
    pub usage: &'a str,
    /// `gateway`, later `client`, …
    pub role: &'a str,
    /// the kind of the evidence
    pub kind: Kind,
    /// the bytes that the evidence stands for
    pub bound: &'a [u8],
    /// 32 to 64 bytes, or empty where none was given
    pub challenge: &'a [u8],
    /// the exact CMW bytes of companion evidence; empty where there is none
    pub companions: &'a [u8],
}

impl Binding<'_> {
    /// The 64 bytes of report data.
    #[must_use]
    pub fn digest(&self) -> [u8; 64] {
        todo!()
    }
}
