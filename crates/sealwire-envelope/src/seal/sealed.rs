//! Sealing and opening, version 2.

use sealwire_crypto::{
    hpke::{self, Mode},
    kem,
    random::Random,
};
use zeroize::Zeroizing;

use super::{
    CAPABILITY, INTENT,
    payload::{Payload, SUITE, is_offered},
};
use crate::{
    Authentic, Body, Envelope, Header, Reason, base64url, canonical,
    encoding::json::read_body,
    frame::lp,
    identifier::Charset,
    json::{self, ENVELOPE_DEPTH},
    key::{Fingerprint, SignError, Signer, Use},
};

/// To whose key a body is sealed (SP-59).
#[derive(Debug, Clone)]
pub struct SealTo<'a> {
    /// X25519, or X-Wing where the recipient has such a key
    pub key: &'a kem::PublicKey,
    /// its name among the recipient's
    pub key_id: &'a str,
}

/// A key that bodies are opened with.
pub struct RecipientKey {
    /// X25519 or X-Wing
    pub key: kem::PrivateKey,
    /// its name
    pub key_id: String,
}

/// How sure it is that the sender wrote the body (SP-62).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Attribution {
    /// the sender is part of what was sealed
    Strong,
    /// version 1: whoever sees a sealed body can sign it as their own without knowing what it says
    Weak,
}

/// An opened body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// what was sealed
    pub body: Body,
    /// who signed
    pub sender: String,
    /// with which key (SP-16)
    pub fingerprint: Fingerprint,
    /// whether that is who wrote it
    pub attribution: Attribution,
}

/// Why nothing was sealed. All of it is about the sealer's own side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// SP-61
    #[error("a sealed envelope needs a recipient")]
    RecipientMissing,
    /// SP-59
    #[error(
        "the recipient's key is not one to seal to: X25519 or X-Wing, with a name of 1 to 255 visible characters"
    )]
    Key,
    /// No randomness, or nothing that this key could encapsulate to.
    #[error(transparent)]
    Crypto(#[from] sealwire_crypto::Error),
    /// The envelope could not be signed.
    #[error(transparent)]
    Sign(#[from] SignError),
}

/// Seals `inner` and signs the envelope around it. Sender, recipient and the whole header are part of what is sealed, so
/// it opens in no other envelope (SP-61).
///
/// # Errors
/// [`SealError`]
pub fn seal(
    signer: &Signer,
    header: Header,
    inner: &Body,
    to: &SealTo<'_>,
    random: &dyn Random,
) -> Result<Envelope, SealError> {
    let SealTo { key, key_id } = to;
    if !is_offered(key.kem()) || key_id.len() > usize::from(u8::MAX) || !Charset::Visible.admits(key_id) {
        return Err(SealError::Key);
    }
    let info = info(&header, key_id).ok_or(SealError::RecipientMissing)?;
    let mut envelope = Envelope { header, body: outer(String::new()), proof: None };
    let aad = canonical::envelope(&envelope);
    let (enc, mut sender) = hpke::setup_sender(key, SUITE, Mode::Base, &info, random)?;
    let mut sealed = Vec::new();
    canonical::write_body(inner, &mut sealed);
    let tag = sender.seal(&aad, &mut sealed)?;
    sealed.extend_from_slice(&tag);
    let payload = Payload { kem: key.kem(), key_id, enc: &enc, sealed: &sealed };
    envelope.body = outer(base64url::encode(payload.to_bytes()));
    signer.sign_envelope(Use::Envelope, &mut envelope)?;
    Ok(envelope)
}

/// Opens the body of an envelope that was verified and that the replay register has taken.
///
/// # Errors
/// [`Reason::MalformedEnvelope`] for what is no sealed envelope, [`Reason::DecryptFailed`] for every failure of
/// cryptography, a key that is not ours among them.
pub fn open(authentic: &Authentic, keys: &[RecipientKey]) -> Result<Opened, Reason> {
    let envelope = authentic.envelope();
    let Body { intent, content, capability, correlation_id } = &envelope.body;
    if intent != INTENT || capability.as_deref() != Some(CAPABILITY) || correlation_id.is_some() {
        return Err(Reason::MalformedEnvelope);
    }
    let bytes = base64url::decode(content).map_err(|_| Reason::MalformedEnvelope)?;
    let payload = Payload::parse(&bytes)?;
    let info = info(&envelope.header, payload.key_id).ok_or(Reason::RecipientMissing)?;
    let unsealed = Envelope { header: envelope.header.clone(), body: outer(String::new()), proof: None };
    let aad = canonical::envelope(&unsealed);
    let mut sealed = Zeroizing::new(payload.sealed.to_vec());
    let plaintext = decrypt(&payload, keys, &info, &aad, &mut sealed).ok_or(Reason::DecryptFailed)?;
    let body = json::read(plaintext, ENVELOPE_DEPTH, read_body).map_err(|_| Reason::MalformedEnvelope)?;
    // One text for each body, as everywhere.
    let mut again = Zeroizing::new(Vec::with_capacity(plaintext.len()));
    canonical::write_body(&body, &mut again);
    let has_empty = [&body.capability, &body.correlation_id].into_iter().flatten().any(String::is_empty);
    if again.as_slice() != plaintext || has_empty {
        return Err(Reason::MalformedEnvelope);
    }
    Ok(Opened {
        body,
        sender: authentic.sender().to_owned(),
        fingerprint: authentic.fingerprint().clone(),
        attribution: Attribution::Strong,
    })
}

fn decrypt<'a>(
    payload: &Payload<'_>,
    keys: &[RecipientKey],
    info: &[u8],
    aad: &[u8],
    sealed: &'a mut [u8],
) -> Option<&'a [u8]> {
    let named =
        |key: &&RecipientKey| key.key_id == payload.key_id && key.key.public_key().kem() == payload.kem;
    let key = keys.iter().find(named)?;
    let mut receiver = hpke::setup_receiver(&key.key, payload.enc, SUITE, Mode::Base, info).ok()?;
    receiver.open(aad, sealed).ok().map(|plaintext| &*plaintext)
}

/// The body of the envelope around a sealed one.
fn outer(content: String) -> Body {
    Body { intent: INTENT.to_owned(), content, capability: Some(CAPABILITY.to_owned()), correlation_id: None }
}

/// `"sw-seal/2\0" || LP(sender) || LP(recipient) || LP(recipient's key id)` (SP-61)
fn info(header: &Header, key_id: &str) -> Option<Vec<u8>> {
    let mut info = b"sw-seal/2\0".to_vec();
    for part in [&header.sender, header.recipient.as_deref()?, key_id] {
        lp(&mut info, part.as_bytes());
    }
    Some(info)
}
