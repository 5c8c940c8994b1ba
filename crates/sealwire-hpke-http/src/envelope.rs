//! What a request begins with, in clear (HH-11): `header | enc`.

use crate::{Error, credential::MAX_ID_LEN, record::LENGTH_LEN};
use sealwire_crypto::{aead::Aead, digest::sha256, hpke::Symmetric, kdf::Hkdf, kem::Kem};

/// The KEM of the suite (HH-03).
pub(crate) const KEM: Kem = Kem::X25519;
/// KDF and AEAD of the suite (HH-03).
pub(crate) const SUITE: Symmetric = Symmetric { kdf: Hkdf::Sha256, aead: Aead::ChaCha20Poly1305 };
/// Length of an encapsulated key, bytes.
pub(crate) const ENC_LEN: usize = 32;
/// The version.
pub(crate) const VERSION: u8 = 3;
/// What the additional data of a request's records begins with (HH-12).
pub(crate) const RECORD_LABEL: &[u8] = b"hpke-http/3 request record\0";

const MAGIC: &[u8; 4] = b"HHRQ";
const INFO_LABEL: &[u8] = b"message/hpke-http request\0v3\0";
const REPLAY_LABEL: &[u8] = b"hpke-http/replay\0v3\0";
/// Bytes of a header before its ids.
const FIXED_LEN: usize = 21;
/// The longest header, bytes.
pub(crate) const MAX_HEADER_LEN: usize = FIXED_LEN + 2 * MAX_ID_LEN;

/// The three ids of the suite, as they are on the wire.
fn suite_ids() -> [u8; 6] {
    let [kem, kdf, aead] = [KEM.id(), SUITE.kdf.id(), SUITE.aead.id()].map(u16::to_be_bytes);
    let ([a, b], [c, d], [e, f]) = (kem, kdf, aead);
    [a, b, c, d, e, f]
}

/// A header of ids that have been checked.
pub(crate) fn header(key_id: &[u8], psk_id: &[u8], issued_at: u64) -> Result<Vec<u8>, Error> {
    let len = |id: &[u8]| u8::try_from(id.len()).map_err(|_| Error::InvalidConfiguration);
    let lengths = [VERSION, len(key_id)?, len(psk_id)?];
    Ok([MAGIC.as_slice(), &lengths, &suite_ids(), &issued_at.to_be_bytes(), key_id, psk_id].concat())
}

/// HPKE's info.
pub(crate) fn info(header: &[u8]) -> Vec<u8> {
    [INFO_LABEL, header].concat()
}

/// What a replay register remembers (HH-16).
pub(crate) fn replay_id(header: &[u8], enc: &[u8]) -> [u8; 32] {
    sha256(&[REPLAY_LABEL, header, enc])
}

/// Where the parts of a header are that has been checked so far as it has come.
#[derive(Clone, Copy)]
pub(crate) struct Layout {
    key_id_len: usize,
    pub(crate) header_len: usize,
}

impl Layout {
    /// Checks what there is of a header, in the order of HH-37. `None` until its fixed part is whole.
    pub(crate) fn check(input: &[u8]) -> Result<Option<Self>, Error> {
        let front = input.get(..MAGIC.len()).unwrap_or(input);
        if !MAGIC.starts_with(front) {
            return Err(Error::MalformedEnvelope);
        }
        if input.get(4).is_some_and(|version| *version != VERSION) {
            return Err(Error::UnsupportedVersion);
        }
        let Some([_, _, _, _, _, key_id_len, psk_id_len, suite @ .., _, _, _, _, _, _, _, _]) =
            input.first_chunk::<FIXED_LEN>()
        else {
            return Ok(None);
        };
        if *suite != suite_ids() {
            return Err(Error::UnsupportedSuite);
        }
        if *key_id_len == 0 || *psk_id_len == 0 {
            return Err(Error::MalformedEnvelope);
        }
        let [key_id_len, psk_id_len] = [*key_id_len, *psk_id_len].map(usize::from);
        Ok(Some(Self { key_id_len, header_len: FIXED_LEN + key_id_len + psk_id_len }))
    }

    /// Bytes before the clear length of START, and that length.
    pub(crate) fn start_offset(self) -> usize {
        self.header_len + ENC_LEN + LENGTH_LEN
    }

    pub(crate) fn key_id(self, input: &[u8]) -> Option<&[u8]> {
        input.get(FIXED_LEN..FIXED_LEN + self.key_id_len)
    }

    pub(crate) fn psk_id(self, input: &[u8]) -> Option<&[u8]> {
        input.get(FIXED_LEN + self.key_id_len..self.header_len)
    }

    pub(crate) fn header(self, input: &[u8]) -> Option<&[u8]> {
        input.get(..self.header_len)
    }

    pub(crate) fn enc(self, input: &[u8]) -> Option<&[u8; ENC_LEN]> {
        input.get(self.header_len..)?.first_chunk()
    }

    /// Length of START's ciphertext as the wire says it.
    pub(crate) fn start_length(self, input: &[u8]) -> Option<[u8; LENGTH_LEN]> {
        input.get(self.header_len + ENC_LEN..)?.first_chunk().copied()
    }

    pub(crate) fn issued_at(self, input: &[u8]) -> Option<u64> {
        let bytes = input.get(FIXED_LEN - 8..FIXED_LEN)?.first_chunk()?;
        Some(u64::from_be_bytes(*bytes))
    }
}
