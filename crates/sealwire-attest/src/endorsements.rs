//! Endorsements: certificates and CRLs that come with evidence, or from a folder.

/// What a verifier needs besides the evidence. Nothing in it is trusted until a chain to a pinned root says so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Endorsements {
    /// certificates in DER, in any order
    pub certificates: Vec<Vec<u8>>,
    /// certificate revocation lists in DER
    pub crls: Vec<Vec<u8>>,
}

impl Endorsements {
    /// Adds what `bytes` holds, recognised by content: DER or PEM (one or several), certificates or CRLs (AT-80).
    ///
    /// # Errors
    /// When it is none of them.
    pub fn add(&mut self, _bytes: &[u8]) -> Result<(), crate::Error> {
        todo!()
    }
}
