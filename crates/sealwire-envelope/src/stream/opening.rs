//! The opening of a stream (SP-52): made, and read.

use sealwire_crypto::{
    aead::Aead,
    digest::Hash,
    hpke::{self, Mode as HpkeMode, Symmetric},
    kdf::Hkdf,
    kem, mac,
    random::{self, Random},
    sign::ed25519,
};
use zeroize::Zeroizing;

use super::{
    CAPABILITY, Error, MAX_EVERY, Mode, SID_LEN, Statement, Writer, chain::Chain, statement::NO_REQUEST,
};
use crate::{
    Authentic, Body, Envelope, Header, base64url,
    frame::lp,
    key::{SignError, Signer, Use},
};

/// KDF and AEAD of SP-59.
const SUITE: Symmetric = Symmetric { kdf: Hkdf::Sha256, aead: Aead::ChaCha20Poly1305 };
const MAC_LABEL: &[u8] = b"sw-stream/2 mac";

/// How a stream is to be tagged.
#[derive(Clone, Copy)]
pub enum Tags<'a> {
    /// mode `sig`
    Signed,
    /// mode `mac`, with the recipient's X25519 key
    Shared(&'a kem::PublicKey),
}

/// What a writer opens a stream with.
pub struct Opening<'a> {
    /// header of the opening envelope; `recipient` is required
    pub header: Header,
    /// `intent` of the envelope: `TASK` for the body of a request, `RESULT` for that of an answer
    pub intent: &'a str,
    /// `correlationId` of the envelope
    pub correlation_id: Option<String>,
    /// digest of the request that the stream answers ([`Authentic::digest`])
    pub request: Option<&'a str>,
    /// media type of the data, joined
    pub media_type: &'a str,
    /// 1 to 1024: at least every so manyth frame has a tag
    pub every: u16,
    /// how frames are tagged
    pub tags: Tags<'a>,
}

/// Why no stream was opened. All of it is about the writer's own side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpeningError {
    /// SP-52
    #[error("a stream needs a recipient")]
    RecipientMissing,
    /// SP-52
    #[error("the distance between tags is 1 to 1024 frames")]
    Every,
    /// The recipient's key is none of X25519, or there is no randomness.
    #[error(transparent)]
    Crypto(#[from] sealwire_crypto::Error),
    /// The opening envelope could not be signed.
    #[error(transparent)]
    Sign(#[from] SignError),
}

/// Opens a stream: the signed opening envelope, and the writer of what follows it.
///
/// # Errors
/// [`OpeningError`]
pub fn open(
    signer: &Signer,
    purpose: Use,
    opening: Opening<'_>,
    random: &dyn Random,
) -> Result<(Envelope, Writer), OpeningError> {
    if !(1..=MAX_EVERY).contains(&opening.every) {
        return Err(OpeningError::Every);
    }
    let recipient = opening.header.recipient.as_deref().ok_or(OpeningError::RecipientMissing)?;
    let key = ed25519::SigningKey::generate(random)?;
    let sid: [u8; SID_LEN] = random::array(random)?;
    let (enc, mac) = match opening.tags {
        Tags::Signed => (None, None),
        Tags::Shared(to) => {
            let info = info(signer.sender(), recipient, &sid);
            let (enc, sender) = hpke::setup_sender(x25519(to)?, SUITE, HpkeMode::Base, &info, random)?;
            let mut shared = Zeroizing::new([0; 32]);
            sender.export(MAC_LABEL, shared.as_mut_slice())?;
            (Some(enc), Some(mac::Key::new(Hash::Sha256, shared.as_slice())))
        }
    };
    let statement = Statement {
        alg: signer.algorithm().name().to_owned(),
        mode: if enc.is_some() { Mode::Mac } else { Mode::Sig },
        enc,
        every: opening.every,
        key: key.public_key(),
        kid: signer.key_id().to_owned(),
        req: opening.request.unwrap_or(NO_REQUEST).to_owned(),
        sid,
        media_type: opening.media_type.to_owned(),
    };
    let mut envelope = Envelope {
        header: opening.header,
        body: Body {
            intent: opening.intent.to_owned(),
            content: statement.to_text(),
            capability: Some(CAPABILITY.to_owned()),
            correlation_id: opening.correlation_id,
        },
        proof: None,
    };
    let mut canonical = Vec::new();
    signer.sign_envelope_with(purpose, &mut envelope, &mut canonical)?;
    let writer = Writer::new(key, mac, statement.every, Chain::open(&canonical));
    Ok((envelope, writer))
}

/// An opening that a reader can follow.
pub struct Opened {
    pub(super) mode: Mode,
    pub(super) key: ed25519::VerifyingKey,
    pub(super) mac: Option<mac::Key>,
    pub(super) every: u16,
    pub(super) chain: Chain,
}

impl Opened {
    /// Reads the statement of an opening envelope that was verified like every other, and that the replay register has
    /// taken. `request` is the digest of the request that the stream has to answer
    /// ([`Authentic::digest`]), and `own_key` the recipient's X25519 key, for streams in mode `mac`.
    ///
    /// # Errors
    /// [`Error::OpenInvalid`]
    pub fn read(
        authentic: &Authentic,
        request: Option<&str>,
        own_key: Option<&kem::PrivateKey>,
    ) -> Result<(Self, Statement), Error> {
        Self::try_read(authentic, request, own_key).ok_or(Error::OpenInvalid)
    }

    fn try_read(
        authentic: &Authentic,
        request: Option<&str>,
        own_key: Option<&kem::PrivateKey>,
    ) -> Option<(Self, Statement)> {
        let Envelope { header, body, .. } = authentic.envelope();
        let (alg, key_id) = authentic.alg_and_key_id();
        let recipient = header.recipient.as_deref()?;
        let statement = Statement::from_text(&body.content).ok()?;
        let consistent = body.capability.as_deref() == Some(CAPABILITY)
            && statement.alg == alg
            && statement.kid == key_id
            && statement.req == request.unwrap_or(NO_REQUEST);
        if !consistent {
            return None;
        }
        let mac = match &statement.enc {
            None => None,
            Some(enc) => {
                let info = info(&header.sender, recipient, &statement.sid);
                let receiver =
                    hpke::setup_receiver(own_key.filter(is_x25519)?, enc, SUITE, HpkeMode::Base, &info)
                        .ok()?;
                let mut shared = Zeroizing::new([0; 32]);
                receiver.export(MAC_LABEL, shared.as_mut_slice()).ok()?;
                Some(mac::Key::new(Hash::Sha256, shared.as_slice()))
            }
        };
        let opened = Self {
            mode: statement.mode,
            key: ed25519::VerifyingKey::new(&statement.key).ok()?,
            mac,
            every: statement.every,
            chain: Chain::open(authentic.canonical()),
        };
        Some((opened, statement))
    }
}

/// `"sw-stream/2\0" || LP(sender) || LP(recipient) || LP(sid)`, with `sid` as it is spelt in the statement (SP-53).
fn info(sender: &str, recipient: &str, sid: &[u8; SID_LEN]) -> Vec<u8> {
    let mut info = b"sw-stream/2\0".to_vec();
    for part in [sender, recipient, &base64url::encode(sid)] {
        lp(&mut info, part.as_bytes());
    }
    info
}

fn x25519(key: &kem::PublicKey) -> Result<&kem::PublicKey, sealwire_crypto::Error> {
    if key.kem() == kem::Kem::X25519 { Ok(key) } else { Err(sealwire_crypto::Error::Key) }
}

fn is_x25519(key: &&kem::PrivateKey) -> bool {
    x25519(key.public_key()).is_ok()
}
