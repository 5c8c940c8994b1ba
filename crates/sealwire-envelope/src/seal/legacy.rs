//! Sealed bodies of version 1 (EN-71 to EN-73), for peers that have no other: `legacy_seal`.
//!
//! The sender is no part of what is sealed, so that anybody can take a sealed body out of one envelope and sign it as
//! their own: what is opened here is flagged [`Attribution::Weak`], whoever signed.

use sealwire_crypto::{
    aead::{Aead, Key, NONCE_LEN, TAG_LEN},
    kdf::Hkdf,
    random::{self, Random},
    x25519,
};
use zeroize::Zeroizing;

use super::{Attribution, INTENT, Opened, SealError};
use crate::{
    Authentic, Body, Envelope, Header, Reason, base64url, canonical,
    encoding::json::read_body,
    json::{self, ENVELOPE_DEPTH},
    key::{Signer, Use},
};

/// `capability` of a sealed envelope of version 1 (EN-72).
pub const CAPABILITY: &str = "x25519-chacha20poly1305";

/// Seals `inner` to an X25519 key of 32 bytes, and signs the envelope around it. `correlationId` stays readable, and is
/// repeated outside. Of `random` it takes the ephemeral key, 32 bytes, and the nonce, 12.
///
/// # Errors
/// [`SealError`]
pub fn seal(
    signer: &Signer,
    header: Header,
    inner: &Body,
    to: &[u8; x25519::LEN],
    random: &dyn Random,
) -> Result<Envelope, SealError> {
    let ephemeral = x25519::PrivateKey::generate(random)?;
    let nonce: [u8; NONCE_LEN] = random::array(random)?;
    let key = derive(&*ephemeral.agree(to)?, &nonce)?;
    let mut sealed = Vec::new();
    canonical::write_body(inner, &mut sealed);
    let tag = key.seal(nonce, &[], &mut sealed)?;
    let payload = format!(
        r#"{{"ephemeralPublic":"{}","nonce":"{}","ciphertext":"{}","tag":"{}"}}"#,
        base64url::encode(ephemeral.public_key()?),
        base64url::encode(nonce),
        base64url::encode(&sealed),
        base64url::encode(tag),
    );
    let body = Body {
        intent: INTENT.to_owned(),
        content: base64url::encode(payload),
        capability: Some(CAPABILITY.to_owned()),
        correlation_id: inner.correlation_id.clone(),
    };
    let mut envelope = Envelope { header, body, proof: None };
    signer.sign_envelope(Use::Envelope, &mut envelope)?;
    Ok(envelope)
}

/// Opens the body of an envelope that was verified and that the replay register has taken.
///
/// # Errors
/// [`Reason::MalformedEnvelope`] for what is no sealed envelope, [`Reason::DecryptFailed`] for every failure of
/// cryptography.
pub fn open(authentic: &Authentic, key: &x25519::PrivateKey) -> Result<Opened, Reason> {
    let Body { intent, content, capability, .. } = &authentic.envelope().body;
    if intent != INTENT || capability.as_deref() != Some(CAPABILITY) {
        return Err(Reason::MalformedEnvelope);
    }
    let payload = Payload::from_content(content).ok_or(Reason::MalformedEnvelope)?;
    let mut sealed = Zeroizing::new([payload.ciphertext.as_slice(), &payload.tag].concat());
    let plaintext = key
        .agree(&payload.ephemeral)
        .and_then(|shared| derive(&shared, &payload.nonce))
        .and_then(|key| key.open(payload.nonce, &[], &mut sealed).map(|plaintext| &*plaintext))
        .map_err(|_| Reason::DecryptFailed)?;
    // The order of members is free in version 1.
    let body = json::read(plaintext, ENVELOPE_DEPTH, read_body).map_err(|_| Reason::MalformedEnvelope)?;
    if [&body.capability, &body.correlation_id].into_iter().flatten().any(String::is_empty) {
        return Err(Reason::MalformedEnvelope);
    }
    Ok(Opened {
        body,
        sender: authentic.sender().to_owned(),
        fingerprint: authentic.fingerprint().clone(),
        attribution: Attribution::Weak,
    })
}

struct Payload {
    ephemeral: [u8; x25519::LEN],
    nonce: [u8; NONCE_LEN],
    ciphertext: Vec<u8>,
    tag: [u8; TAG_LEN],
}

impl Payload {
    fn from_content(content: &str) -> Option<Self> {
        let text = base64url::decode(content).ok()?;
        let (mut ephemeral, mut nonce, mut ciphertext, mut tag) = (None, None, None, None);
        json::read(&text, ENVELOPE_DEPTH, |reader| {
            reader.object(|name, reader| {
                match name {
                    "ephemeralPublic" => ephemeral = base64url::decode_array(&*reader.string()?).ok(),
                    "nonce" => nonce = base64url::decode_array(&*reader.string()?).ok(),
                    "ciphertext" => ciphertext = base64url::decode(&*reader.string()?).ok(),
                    "tag" => tag = base64url::decode_array(&*reader.string()?).ok(),
                    _ => return Err(json::Error::UnknownMember),
                }
                Ok(())
            })
        })
        .ok()?;
        Some(Self { ephemeral: ephemeral?, nonce: nonce?, ciphertext: ciphertext?, tag: tag? })
    }
}

/// The key of one body (EN-71).
fn derive(shared: &[u8; x25519::LEN], nonce: &[u8; NONCE_LEN]) -> Result<Key, sealwire_crypto::Error> {
    Key::derive(Aead::ChaCha20Poly1305, &Hkdf::Sha256.extract(nonce, &[shared]), &[b"7h3-enc/1"])
}
