use sealwire_crypto::digest::Sha256;

use crate::base64url;

/// The content of a message, after transfer coding is removed and before content coding is (SP-27).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content<'a> {
    /// whole: its digest and length
    Whole {
        /// SHA-256
        sha256: [u8; 32],
        /// in bytes
        len: u64,
    },
    /// in signed frames of the stream of this id (SP-52)
    Stream(&'a str),
}

impl Content<'_> {
    /// Of bytes that are all there.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let mut digest = BodyDigest::default();
        digest.update(bytes);
        digest.finish()
    }

    /// Member `body` of a statement.
    pub(super) fn to_member(self) -> String {
        match self {
            Self::Whole { sha256, .. } => format!("sha-256:{}", base64url::encode(sha256)),
            Self::Stream(id) => format!("stream:{id}"),
        }
    }

    /// Member `bodyLen` of a statement.
    pub(super) fn to_len(self) -> Option<u64> {
        match self {
            Self::Whole { len, .. } => Some(len),
            Self::Stream(_) => None,
        }
    }
}

/// Makes [`Content`] of pieces as they come.
#[derive(Clone, Default)]
pub struct BodyDigest {
    hash: Sha256,
    len: u64,
}

impl BodyDigest {
    /// Takes the next piece.
    pub fn update(&mut self, piece: &[u8]) {
        self.hash.update(piece);
        self.len = self.len.saturating_add(piece.len() as u64);
    }

    /// The content of all pieces.
    #[must_use]
    pub fn finish(self) -> Content<'static> {
        Content::Whole { sha256: self.hash.finish(), len: self.len }
    }
}
