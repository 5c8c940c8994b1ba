//! The request header, and what binds a message to its form. Another inner format would need labels of its own
//! (OB-13), and a key serves these labels alone (OB-08).

use sealwire_crypto::{hpke::Symmetric, kem::Kem};

/// Bytes before the encapsulated key: key id, KEM, KDF, AEAD.
pub const HEADER_LEN: usize = 7;

/// Length of header and encapsulated key together.
pub(crate) fn prefix_len(kem: Kem) -> usize {
    HEADER_LEN + kem.enc_len()
}

/// The header of a request.
pub(crate) fn header(key_id: u8, kem: Kem, suite: Symmetric) -> [u8; HEADER_LEN] {
    let [kem_hi, kem_lo] = kem.id().to_be_bytes();
    let [kdf_hi, kdf_lo] = suite.kdf.id().to_be_bytes();
    let [aead_hi, aead_lo] = suite.aead.id().to_be_bytes();
    [key_id, kem_hi, kem_lo, kdf_hi, kdf_lo, aead_hi, aead_lo]
}

/// Single-shot (RFC 9458 section 4) or chunked. The labels keep bytes of one form from opening as the other (OB-106).
#[derive(Clone, Copy)]
pub(crate) enum Form {
    Single,
    Chunked,
}

impl Form {
    /// HPKE info of a request.
    pub(crate) fn info(self, header: &[u8; HEADER_LEN]) -> Vec<u8> {
        let label: &[u8] = match self {
            Self::Single => b"message/bhttp request",
            Self::Chunked => b"message/bhttp chunked request",
        };
        [label, &[0], header].concat()
    }

    /// Exporter context of the response secret.
    pub(crate) fn response_label(self) -> &'static [u8] {
        match self {
            Self::Single => b"message/bhttp response",
            Self::Chunked => b"message/bhttp chunked response",
        }
    }
}
