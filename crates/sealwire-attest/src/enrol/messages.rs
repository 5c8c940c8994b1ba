//! The messages of the enrolment: JSON objects, bytes in base64, unknown keys refused.

use super::{EndorsementKey, Error, Pending, SECRET_LEN};
use crate::UnixTime;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use der::zeroize::Zeroizing;
use sealwire_crypto::digest::sha256;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// The longest message in bytes.
pub const MAX_MESSAGE: usize = 64 * 1024;
/// The most certificates that may come between the EK certificate and the root.
const MAX_INTERMEDIATES: usize = 8;

/// What a TPM asks a certificate with. It names the hardware for good, so it is not for logs, and has no `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// the maker's certificate of the EK, DER
    pub ek_certificate: Vec<u8>,
    /// certificates above it, DER
    pub intermediates: Vec<Vec<u8>>,
    /// TPMT_PUBLIC of the EK
    pub ek_public: Vec<u8>,
    /// TPMT_PUBLIC of the attestation key
    pub ak_public: Vec<u8>,
}

/// A secret for one TPM, encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// names it
    pub id: [u8; 16],
    /// the EK that it is encrypted to
    pub endorsement_key: EndorsementKey,
    /// Name of the attestation key that it is tied to
    pub ak_name: Vec<u8>,
    /// TPMS_ID_OBJECT
    pub credential: Vec<u8>,
    /// the seed under which it is encrypted, itself encrypted to the EK
    pub encrypted_secret: Vec<u8>,
    /// until when it can be answered
    pub expires: UnixTime,
}

/// The secret that came out of the TPM. Wiped on drop; no `Debug`.
pub struct Answer {
    /// of the challenge
    pub id: [u8; 16],
    /// as the TPM gave it
    pub secret: Zeroizing<Vec<u8>>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct RequestJson {
    sealwire_enrolment: String,
    ek_certificate: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    intermediates: Vec<String>,
    ek_public: String,
    ak_public: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct ChallengeJson {
    sealwire_enrolment: String,
    id: String,
    endorsement_key: String,
    ak_name: String,
    credential: String,
    encrypted_secret: String,
    expires: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct AnswerJson {
    sealwire_enrolment: String,
    id: String,
    secret: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct PendingJson {
    sealwire_enrolment: String,
    id: String,
    request_sha256: String,
    secret_sha256: String,
    expires: String,
}

const REQUEST: &str = "request/1";
const CHALLENGE: &str = "challenge/1";
const ANSWER: &str = "answer/1";
const PENDING: &str = "pending/1";

impl Request {
    /// The file.
    #[must_use]
    pub fn to_json(&self) -> String {
        write(&RequestJson {
            sealwire_enrolment: REQUEST.to_owned(),
            ek_certificate: base64(&self.ek_certificate),
            intermediates: self.intermediates.iter().map(|der| base64(der)).collect(),
            ek_public: base64(&self.ek_public),
            ak_public: base64(&self.ak_public),
        })
    }

    /// Parses what [`Self::to_json`] wrote. Nothing in it is checked yet.
    ///
    /// # Errors
    /// [`Error::Message`]
    pub fn from_json(text: &[u8]) -> Result<Self, Error> {
        let json: RequestJson = read(text, "request")?;
        expect(&json.sealwire_enrolment, REQUEST, "request")?;
        if json.intermediates.len() > MAX_INTERMEDIATES {
            return Err(malformed("request", "more certificates than a chain can need"));
        }
        let bytes = |text: &str| unbase64(text, "request");
        Ok(Self {
            ek_certificate: bytes(&json.ek_certificate)?,
            intermediates: json.intermediates.iter().map(|text| bytes(text)).collect::<Result<_, _>>()?,
            ek_public: bytes(&json.ek_public)?,
            ak_public: bytes(&json.ak_public)?,
        })
    }

    /// Over both public areas, of fixed place: it names the pair that is to be in one TPM.
    pub(super) fn digest(&self) -> [u8; 32] {
        let [ek, ak] = [&self.ek_public, &self.ak_public].map(|public| sha256(&[public]));
        sha256(&[b"sealwire enrolment request", &ek, &ak])
    }
}

impl Challenge {
    /// The file.
    #[must_use]
    pub fn to_json(&self) -> String {
        write(&ChallengeJson {
            sealwire_enrolment: CHALLENGE.to_owned(),
            id: hex::encode(self.id),
            endorsement_key: self.endorsement_key.name().to_owned(),
            ak_name: hex::encode(&self.ak_name),
            credential: base64(&self.credential),
            encrypted_secret: base64(&self.encrypted_secret),
            expires: self.expires.to_string(),
        })
    }

    /// Parses what [`Self::to_json`] wrote.
    ///
    /// # Errors
    /// [`Error::Message`]
    pub fn from_json(text: &[u8]) -> Result<Self, Error> {
        const WHAT: &str = "challenge";
        let json: ChallengeJson = read(text, WHAT)?;
        expect(&json.sealwire_enrolment, CHALLENGE, WHAT)?;
        let endorsement_key = EndorsementKey::from_name(&json.endorsement_key)
            .ok_or_else(|| malformed(WHAT, "an endorsement key that is not known"))?;
        Ok(Self {
            id: unhex(&json.id, WHAT)?,
            endorsement_key,
            ak_name: hex::decode(&json.ak_name).map_err(|_| malformed(WHAT, "not hex"))?,
            credential: unbase64(&json.credential, WHAT)?,
            encrypted_secret: unbase64(&json.encrypted_secret, WHAT)?,
            expires: time(&json.expires, WHAT)?,
        })
    }
}

impl Answer {
    /// The file. It holds the secret, which is worth nothing but one certificate.
    #[must_use]
    pub fn to_json(&self) -> Zeroizing<String> {
        Zeroizing::new(write(&AnswerJson {
            sealwire_enrolment: ANSWER.to_owned(),
            id: hex::encode(self.id),
            secret: base64(&self.secret),
        }))
    }

    /// Parses what [`Self::to_json`] wrote.
    ///
    /// # Errors
    /// [`Error::Message`]
    pub fn from_json(text: &[u8]) -> Result<Self, Error> {
        const WHAT: &str = "answer";
        let json: AnswerJson = read(text, WHAT)?;
        let secret = Zeroizing::new(json.secret);
        expect(&json.sealwire_enrolment, ANSWER, WHAT)?;
        let secret = Zeroizing::new(unbase64(&secret, WHAT)?);
        if secret.len() != SECRET_LEN {
            return Err(malformed(WHAT, "a secret of another length"));
        }
        Ok(Self { id: unhex(&json.id, WHAT)?, secret })
    }

    /// The name of the challenge in hex, for a file.
    #[must_use]
    pub fn id(&self) -> String {
        hex::encode(self.id)
    }
}

impl Pending {
    /// The file.
    #[must_use]
    pub fn to_json(&self) -> String {
        write(&PendingJson {
            sealwire_enrolment: PENDING.to_owned(),
            id: self.id(),
            request_sha256: hex::encode(self.request),
            secret_sha256: hex::encode(self.secret),
            expires: self.expires.to_string(),
        })
    }

    /// Parses what [`Self::to_json`] wrote.
    ///
    /// # Errors
    /// [`Error::Message`]
    pub fn from_json(text: &[u8]) -> Result<Self, Error> {
        const WHAT: &str = "pending challenge";
        let json: PendingJson = read(text, WHAT)?;
        expect(&json.sealwire_enrolment, PENDING, WHAT)?;
        Ok(Self {
            id: unhex(&json.id, WHAT)?,
            request: unhex(&json.request_sha256, WHAT)?,
            secret: unhex(&json.secret_sha256, WHAT)?,
            expires: time(&json.expires, WHAT)?,
        })
    }
}

fn write(value: &impl Serialize) -> String {
    let text = serde_json::to_string_pretty(value);
    debug_assert!(text.is_ok(), "text and lists of text can be written");
    text.unwrap_or_default() + "\n"
}

fn read<T: DeserializeOwned>(text: &[u8], what: &'static str) -> Result<T, Error> {
    if text.len() > MAX_MESSAGE {
        return Err(malformed(what, "too long"));
    }
    serde_json::from_slice(text).map_err(|error| malformed(what, error))
}

fn expect(found: &str, expected: &str, what: &'static str) -> Result<(), Error> {
    if found == expected {
        Ok(())
    } else {
        Err(malformed(what, format_args!("it is `{found}`, not `{expected}`")))
    }
}

fn malformed(what: &'static str, why: impl ToString) -> Error {
    Error::Message { what, why: why.to_string() }
}

fn base64(bytes: &[u8]) -> String {
    BASE64_STANDARD.encode(bytes)
}

fn unbase64(text: &str, what: &'static str) -> Result<Vec<u8>, Error> {
    BASE64_STANDARD.decode(text).map_err(|_| malformed(what, "not base64"))
}

fn unhex<const N: usize>(text: &str, what: &'static str) -> Result<[u8; N], Error> {
    let mut out = [0; N];
    hex::decode_to_slice(text, &mut out).map_err(|_| malformed(what, "not hex of the right length"))?;
    Ok(out)
}

fn time(text: &str, what: &'static str) -> Result<UnixTime, Error> {
    UnixTime::from_rfc3339(text).map_err(|_| malformed(what, "not an RFC 3339 time"))
}
