use crate::{base64url, identifier::Charset};

/// The one version of the wire. `aip/0.1` is another wire, although it looks alike (EN-05).
pub const VERSION: &str = "7h3/0.1";

/// An envelope (EN-01): a message, who says it, to whom, and for how long it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// about the message
    pub header: Header,
    /// the message
    pub body: Body,
    /// what vouches for both, once it is signed
    pub proof: Option<Proof>,
}

/// Member `header` (EN-01).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// [`VERSION`]
    pub version: String,
    /// unique for each sender
    pub message_id: String,
    /// when it was made, in milliseconds since the Unix epoch; strict decoders give 0 to 2^53 - 1 (SP-05)
    pub timestamp_ms: i64,
    /// for how long it holds, in milliseconds; strict decoders give 0 to 2^53 - 1
    pub ttl_ms: i64,
    /// who says it; keys are found under this name
    pub sender: String,
    /// to whom; required by the safe profile (SP-25)
    pub recipient: Option<String>,
    /// random, against replays
    pub nonce: String,
}

/// Member `body` (EN-01).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    /// what kind of message this is (EN-02)
    pub intent: String,
    /// the message itself; may be empty
    pub content: String,
    /// a label, and the marker of what `content` is (SP-26, SP-31, SP-33, SP-34)
    pub capability: Option<String>,
    /// the message that this one belongs to
    pub correlation_id: Option<String>,
}

/// What vouches for an envelope: one or the other, never both (SP-04).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// member `signature`: one signer
    Signature(Signature),
    /// member `thresholdSignature`: m of n (EN-68)
    Threshold(ThresholdSignature),
}

/// Member `signature` (EN-01). Nothing in it is signed (EN-10).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// name of the algorithm (EN-17), compared with that of the key
    pub alg: String,
    /// name of the key among the sender's
    pub key_id: String,
    /// base64url of the raw signature
    pub value: String,
}

/// Member `thresholdSignature` (EN-68).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThresholdSignature {
    /// `BLS-G2-2`
    pub alg: String,
    /// base64url of the first 16 bytes of the aggregate public key
    pub key_id: String,
    /// base64url of the aggregate signature
    pub value: String,
    /// who signed
    pub signer_ids: Vec<String>,
    /// how many have to sign
    pub m: u64,
    /// of how many
    pub n: u64,
}

impl Envelope {
    /// The signature of one signer.
    #[must_use]
    pub fn signature(&self) -> Option<&Signature> {
        match &self.proof {
            Some(Proof::Signature(signature)) => Some(signature),
            _ => None,
        }
    }

    /// The signature of m of n signers.
    #[must_use]
    pub fn threshold(&self) -> Option<&ThresholdSignature> {
        match &self.proof {
            Some(Proof::Threshold(threshold)) => Some(threshold),
            _ => None,
        }
    }
}

/// An envelope that has a form which no careful reader takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ShapeError {
    /// SP-06
    #[error("a name that is not 1 to 256 characters of the permitted set")]
    Identifier,
    /// SP-04, EN-03: an optional member is absent, or says something.
    #[error("an optional member that is there and empty")]
    EmptyOptional,
    /// SP-05
    #[error("a number outside 0 to 2^53 - 1")]
    Number,
    /// SP-07
    #[error("a signature that is not base64url in its one spelling")]
    Signature,
}

impl Envelope {
    /// Whether every member has a form that careful readers take, however it is encoded (SP-04 to SP-07).
    ///
    /// # Errors
    /// [`ShapeError`]
    pub fn check_shape(&self, names: Charset) -> Result<(), ShapeError> {
        let Self { header, body, proof } = self;
        let key_ids = proof.iter().map(|proof| match proof {
            Proof::Signature(signature) => &signature.key_id,
            Proof::Threshold(threshold) => &threshold.key_id,
        });
        let identifiers = [&header.message_id, &header.sender, &header.nonce];
        let mut identifiers = identifiers.into_iter().chain(&header.recipient).chain(key_ids);
        if [&header.recipient, &body.capability, &body.correlation_id]
            .into_iter()
            .flatten()
            .any(String::is_empty)
        {
            return Err(ShapeError::EmptyOptional);
        }
        if !identifiers.all(|name| names.admits(name)) {
            return Err(ShapeError::Identifier);
        }
        if [header.timestamp_ms, header.ttl_ms].into_iter().any(|number| !(0..1 << 53).contains(&number)) {
            return Err(ShapeError::Number);
        }
        let value = proof.iter().all(|proof| match proof {
            Proof::Signature(signature) => base64url::is_valid(&signature.value),
            Proof::Threshold(threshold) => base64url::is_valid(&threshold.value),
        });
        if value { Ok(()) } else { Err(ShapeError::Signature) }
    }
}
