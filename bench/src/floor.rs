//! The floor: what the primitives alone cost, called straight at the backend, with nothing checked and nothing framed.
//!
//! One exchange is what RFC 9458 asks of a gateway: decapsulate, derive, open, export, derive again, seal.

use anyhow::{Result, anyhow};
use aws_lc_rs::{
    aead::{AES_128_GCM, AES_256_GCM, Aad, Algorithm, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey},
    agreement::{self, ECDH_P256, PrivateKey, UnparsedPublicKey, X25519},
    digest,
    hkdf::{HKDF_SHA256, KeyType, Prk, Salt},
    hmac::{self, HMAC_SHA256},
    kem::{DecapsulationKey, ML_KEM_768},
};
use sealwire_crypto::{aead::Aead, kem::Kem};

/// The parsed private key.
pub(crate) enum Key {
    Dh { key: PrivateKey, algorithm: &'static agreement::Algorithm, public: Vec<u8>, kem_id: u16 },
    XWing { ml_kem: DecapsulationKey, x25519: PrivateKey, x25519_public: Vec<u8> },
}

struct Len(usize);
impl KeyType for Len {
    fn len(&self) -> usize {
        self.0
    }
}

pub(crate) fn expand(prk: &Prk, info: &[&[u8]], out: &mut [u8]) -> Result<()> {
    Ok(prk.expand(info, Len(out.len()))?.fill(out)?)
}

pub(crate) fn prk(salt: &[u8], ikm: &[u8]) -> Prk {
    Salt::new(HKDF_SHA256, salt).extract(ikm)
}

impl Key {
    /// From the private key of HPKE.
    pub(crate) fn new(kem: Kem, private: &[u8]) -> Result<Self> {
        let dh = |algorithm: &'static agreement::Algorithm, kem_id| -> Result<Self> {
            let key = PrivateKey::from_private_key(algorithm, private)?;
            let public = key.compute_public_key()?.as_ref().to_vec();
            Ok(Self::Dh { key, algorithm, public, kem_id })
        };
        match kem {
            Kem::X25519 => dh(&X25519, 0x0020),
            Kem::P256 => dh(&ECDH_P256, 0x0010),
            Kem::XWing => {
                #[expect(deprecated, reason = "carries the expanded key over to the backend")]
                use ml_kem::ExpandedKeyEncoding as _;
                use shake::{ExtendableOutput as _, Update as _, XofReader as _};
                let mut shake = shake::Shake256::default();
                shake.update(private);
                let mut reader = shake.finalize_xof();
                let mut seed = ml_kem::Seed::default();
                reader.read(&mut seed);
                let mut scalar = [0; 32];
                reader.read(&mut scalar);
                #[expect(deprecated, reason = "carries the expanded key over to the backend")]
                let expanded = ml_kem::DecapsulationKey768::from_seed(seed).to_expanded_bytes();
                let x25519 = PrivateKey::from_private_key(&X25519, &scalar)?;
                let x25519_public = x25519.compute_public_key()?.as_ref().to_vec();
                Ok(Self::XWing {
                    ml_kem: DecapsulationKey::new(&ML_KEM_768, &expanded)?,
                    x25519,
                    x25519_public,
                })
            }
        }
    }

    /// Decap.
    pub(crate) fn secret(&self, enc: &[u8]) -> Result<[u8; 32]> {
        let mut secret = [0; 32];
        match self {
            Self::Dh { key, algorithm, public, kem_id } => {
                let peer = UnparsedPublicKey::new(algorithm, enc);
                agreement::agree(key, peer, anyhow!("agreement"), |dh| {
                    let suite = [b"KEM", &kem_id.to_be_bytes()[..]].concat();
                    let prk = prk(b"", &[b"HPKE-v1", &suite[..], b"eae_prk", dh].concat());
                    let info: [&[u8]; 6] = [&[0, 32], b"HPKE-v1", &suite, b"shared_secret", enc, public];
                    expand(&prk, &info, &mut secret)
                })?;
            }
            Self::XWing { ml_kem, x25519, x25519_public } => {
                let (ciphertext, ephemeral) = enc.split_at(1088);
                let post_quantum = ml_kem.decapsulate(ciphertext.into())?;
                let peer = UnparsedPublicKey::new(&X25519, ephemeral);
                agreement::agree(x25519, peer, anyhow!("agreement"), |dh| {
                    let input = [post_quantum.as_ref(), dh, ephemeral, x25519_public, br"\.//^\"].concat();
                    secret.copy_from_slice(digest::digest(&digest::SHA3_256, &input).as_ref());
                    Ok(())
                })?;
            }
        }
        Ok(secret)
    }
}

/// One exchange: opens `sealed` (ciphertext and tag) in place, seals `answer` in place.
pub(crate) fn exchange(
    key: &Key,
    kem: Kem,
    aead: Aead,
    enc: &[u8],
    info: &[u8],
    sealed: &mut [u8],
    answer: &mut [u8],
) -> Result<()> {
    let (algorithm, key_len): (&'static Algorithm, usize) = match aead {
        Aead::Aes128Gcm => (&AES_128_GCM, 16),
        Aead::Aes256Gcm => (&AES_256_GCM, 32),
        Aead::ChaCha20Poly1305 => (&CHACHA20_POLY1305, 32),
    };
    let suite =
        [b"HPKE", &kem.id().to_be_bytes()[..], &1_u16.to_be_bytes(), &aead.id().to_be_bytes()].concat();
    let labeled = |label: &[u8], ikm: &[u8]| [b"HPKE-v1", &suite[..], label, ikm].concat();
    let shared = key.secret(enc)?;
    let psk_id_hash = extract_bytes(b"", &labeled(b"psk_id_hash", b""));
    let info_hash = extract_bytes(b"", &labeled(b"info_hash", info));
    let context = [&[0], psk_id_hash.as_ref(), info_hash.as_ref()].concat();
    let secret = prk(&shared, &labeled(b"secret", b""));
    let derive = |label: &[u8], out: &mut [u8]| {
        let len = u16::try_from(out.len())?.to_be_bytes();
        expand(&secret, &[&len, b"HPKE-v1", &suite, label, &context], out)
    };
    let (mut aead_key, mut nonce, mut exporter) = ([0; 32], [0; 12], [0; 32]);
    let aead_key = aead_key.get_mut(..key_len).ok_or_else(|| anyhow!("key length"))?;
    derive(b"key", aead_key)?;
    derive(b"base_nonce", &mut nonce)?;
    derive(b"exp", &mut exporter)?;
    let opening = LessSafeKey::new(UnboundKey::new(algorithm, aead_key)?);
    opening.open_in_place(Nonce::assume_unique_for_key(nonce), Aad::empty(), sealed)?;

    let nonce_len = key_len.max(12);
    let mut response_secret = [0; 32];
    let response_secret = response_secret.get_mut(..nonce_len).ok_or_else(|| anyhow!("nonce length"))?;
    let exporter = Prk::new_less_safe(HKDF_SHA256, &exporter);
    let len = u16::try_from(nonce_len)?.to_be_bytes();
    expand(&exporter, &[&len, b"HPKE-v1", &suite, b"sec", b"message/bhttp response"], response_secret)?;
    let mut response_nonce = [0; 32];
    let response_nonce = response_nonce.get_mut(..nonce_len).ok_or_else(|| anyhow!("nonce length"))?;
    aws_lc_rs::rand::fill(response_nonce)?;
    let prk = prk(&[enc, response_nonce].concat(), response_secret);
    expand(&prk, &[b"key"], aead_key)?;
    expand(&prk, &[b"nonce"], &mut nonce)?;
    let sealing = LessSafeKey::new(UnboundKey::new(algorithm, aead_key)?);
    let _tag =
        sealing.seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), answer)?;
    Ok(())
}

/// HKDF-Extract as bytes: an HMAC.
pub(crate) fn extract_bytes(salt: &[u8], ikm: &[u8]) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(HMAC_SHA256, salt), ikm)
}
