//! What the `content` of a sealed envelope stands for (SP-60): `u8 2 || u16be kem || u16be kdf || u16be aead || u8 length
//! || key id || u16be length || enc || ciphertext || tag`.

use sealwire_crypto::{
    aead::{Aead, TAG_LEN},
    hpke::Symmetric,
    kdf::Hkdf,
    kem::Kem,
};

use crate::{Reason, identifier::Charset};

const VERSION: u8 = 2;

/// KDF and AEAD of SP-59.
pub(super) const SUITE: Symmetric = Symmetric { kdf: Hkdf::Sha256, aead: Aead::ChaCha20Poly1305 };

/// A payload, taken apart.
pub(super) struct Payload<'a> {
    pub(super) kem: Kem,
    pub(super) key_id: &'a str,
    pub(super) enc: &'a [u8],
    /// ciphertext and tag
    pub(super) sealed: &'a [u8],
}

/// KEMs that bodies are sealed with: the default, and the hybrid one (SP-59).
pub(super) fn is_offered(kem: Kem) -> bool {
    matches!(kem, Kem::X25519 | Kem::XWing)
}

impl<'a> Payload<'a> {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(16 + self.key_id.len() + self.enc.len() + self.sealed.len());
        out.push(VERSION);
        for id in [self.kem.id(), SUITE.kdf.id(), SUITE.aead.id()] {
            out.extend_from_slice(&id.to_be_bytes());
        }
        // A key id has at most 255 bytes, which is checked where it is given, and no encapsulated key 64 KiB.
        out.push(u8::try_from(self.key_id.len()).unwrap_or(u8::MAX));
        out.extend_from_slice(self.key_id.as_bytes());
        out.extend_from_slice(&u16::try_from(self.enc.len()).unwrap_or(u16::MAX).to_be_bytes());
        out.extend_from_slice(self.enc);
        out.extend_from_slice(self.sealed);
        out
    }

    /// # Errors
    /// [`Reason::MalformedEnvelope`]
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, Reason> {
        Self::try_parse(bytes).ok_or(Reason::MalformedEnvelope)
    }

    fn try_parse(bytes: &'a [u8]) -> Option<Self> {
        let (version, rest) = bytes.split_first()?;
        let (ids, rest) = rest.split_first_chunk::<6>()?;
        let [kem_high, kem_low, kdf_high, kdf_low, aead_high, aead_low] = *ids;
        let kem = Kem::from_id(u16::from_be_bytes([kem_high, kem_low])).filter(|kem| is_offered(*kem))?;
        let suite = Symmetric {
            kdf: Hkdf::from_id(u16::from_be_bytes([kdf_high, kdf_low]))?,
            aead: Aead::from_id(u16::from_be_bytes([aead_high, aead_low]))?,
        };
        let (len, rest) = rest.split_first()?;
        let (key_id, rest) = rest.split_at_checked(usize::from(*len))?;
        let key_id = std::str::from_utf8(key_id).ok().filter(|key_id| Charset::Visible.admits(key_id))?;
        let (len, rest) = rest.split_first_chunk::<2>()?;
        let (enc, sealed) = rest.split_at_checked(usize::from(u16::from_be_bytes(*len)))?;
        let sound =
            *version == VERSION && suite == SUITE && enc.len() == kem.enc_len() && sealed.len() > TAG_LEN;
        sound.then_some(Self { kem, key_id, enc, sealed })
    }
}
