//! The audit log of version 1 (EN-74 to EN-77): every entry is signed, and names the one before. Its end can be cut off
//! unseen, and two writers make two chains; it is read, and written for old verifiers (SP-77), and nothing else.

use sealwire_crypto::digest::sha256;

use super::{
    Entry as Version2, Kind,
    entry::{hex, unbounded},
};
use crate::{
    base64url,
    json::{self, DOCUMENT_DEPTH, Reader},
    key::{KeyRecord, SignError, Signer, Use},
};

/// The types that version 1 has.
const KINDS: [Kind; 5] =
    [Kind::VerifyOk, Kind::VerifyFail, Kind::RateLimited, Kind::SenderDenied, Kind::ResponseSigned];

/// An entry (EN-74).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// `audit-<ms>-<10 hex>`
    pub id: String,
    /// when, in milliseconds since the Unix epoch
    pub timestamp_ms: u64,
    /// one of the five kinds of version 1
    pub kind: Kind,
    /// sender of the envelope
    pub sender: Option<String>,
    /// path of the request
    pub path: Option<String>,
    /// method of the request
    pub method: Option<String>,
    /// `messageId` of the envelope
    pub envelope_id: Option<String>,
    /// why it was refused
    pub fail_reason: Option<String>,
    /// where the request went
    pub upstream: Option<String>,
    /// status of the answer
    pub response_status: Option<u64>,
    /// hash of the entry before, in hexadecimal; 64 zeros for the first
    pub prev_hash: String,
    /// signature, in base64url
    pub entry_signature: String,
}

impl Entry {
    /// What is signed (EN-75).
    #[must_use]
    pub fn canonical(&self) -> String {
        self.line(false)
    }

    /// The entry as a JSON text.
    #[must_use]
    pub fn to_json(&self) -> String {
        self.line(true)
    }

    /// The hash by which the next entry names this one (EN-76).
    #[must_use]
    pub fn hash(&self) -> String {
        hex(&sha256(&[self.canonical().as_bytes(), self.entry_signature.as_bytes()]))
    }

    /// Reads an entry. The order of members is free; unknown ones are refused.
    ///
    /// # Errors
    /// [`json::Error`]
    pub fn from_json(text: &[u8]) -> Result<Self, json::Error> {
        json::read(text, DOCUMENT_DEPTH, Self::read)
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, json::Error> {
        let mut entry = Self::empty();
        let (mut id, mut at, mut kind, mut prev, mut signature) = (None, None, None, None, None);
        reader.object(|name, reader| {
            let mut text = || reader.string().map(|text| Some(text.into_owned()));
            match name {
                "id" => id = text()?,
                "timestampMs" => at = Some(reader.integer()?),
                "type" => kind = Kind::from_name(&reader.string()?).filter(|kind| KINDS.contains(kind)),
                "sender" => entry.sender = text()?,
                "path" => entry.path = text()?,
                "method" => entry.method = text()?,
                "envelopeId" => entry.envelope_id = text()?,
                "failReason" => entry.fail_reason = text()?,
                "upstream" => entry.upstream = text()?,
                "responseStatus" => entry.response_status = Some(reader.integer()?),
                "prevHash" => prev = text()?,
                "entrySignature" => signature = text()?,
                _ => return Err(json::Error::UnknownMember),
            }
            Ok(())
        })?;
        Ok(Self {
            id: json::required(id)?,
            timestamp_ms: json::required(at)?,
            kind: json::required(kind)?,
            prev_hash: json::required(prev)?,
            entry_signature: json::required(signature)?,
            ..entry
        })
    }

    fn empty() -> Self {
        Self {
            id: String::new(),
            timestamp_ms: 0,
            kind: Kind::VerifyOk,
            sender: None,
            path: None,
            method: None,
            envelope_id: None,
            fail_reason: None,
            upstream: None,
            response_status: None,
            prev_hash: genesis(),
            entry_signature: String::new(),
        }
    }

    fn line(&self, with_signature: bool) -> String {
        let mut line = unbounded();
        line.text("id", Some(&self.id));
        line.number("timestampMs", Some(self.timestamp_ms));
        line.text("type", Some(self.kind.name()));
        line.text("sender", self.sender.as_deref());
        line.text("path", self.path.as_deref());
        line.text("method", self.method.as_deref());
        line.text("envelopeId", self.envelope_id.as_deref());
        line.text("failReason", self.fail_reason.as_deref());
        line.text("upstream", self.upstream.as_deref());
        line.number("responseStatus", self.response_status);
        line.text("prevHash", Some(&self.prev_hash));
        line.text("entrySignature", with_signature.then_some(&*self.entry_signature));
        line.finish()
    }
}

/// Reads a JSON array of entries, which is what old tools keep.
///
/// # Errors
/// [`json::Error`]
pub fn from_json_array(text: &[u8]) -> Result<Vec<Entry>, json::Error> {
    let mut entries = Vec::new();
    json::read(text, DOCUMENT_DEPTH, |reader| {
        reader.array(|reader| {
            entries.push(Entry::read(reader)?);
            Ok::<_, json::Error>(())
        })
    })?;
    Ok(entries)
}

/// Why a chain does not hold (EN-77).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Why {
    /// An entry that names another one than that before it.
    #[error("prev-hash-mismatch")]
    PrevHashMismatch,
    /// An entry that the key did not sign.
    #[error("bad-signature")]
    BadSignature,
}

/// What a verification found (EN-77).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    /// how many entries there are
    pub length: usize,
    /// the first one that does not hold, from 0, and why
    pub broken: Option<(usize, Why)>,
}

/// Verifies a chain from its beginning (EN-77). That its end was cut off does not show in version 1.
#[must_use]
pub fn verify(entries: &[Entry], key: &KeyRecord) -> Report {
    let mut prev = genesis();
    let mut broken = None;
    for (at, entry) in entries.iter().enumerate() {
        if let Err(why) = check(entry, &prev, key) {
            broken = Some((at, why));
            break;
        }
        prev = entry.hash();
    }
    Report { length: entries.len(), broken }
}

/// Signs a chain: sets what each entry names, and its signature.
///
/// # Errors
/// [`SignError`]
pub fn sign(entries: &mut [Entry], signer: &Signer) -> Result<(), SignError> {
    let mut prev = genesis();
    for entry in entries {
        entry.prev_hash = prev;
        entry.entry_signature = base64url::encode(signer.sign(Use::Audit, entry.canonical().as_bytes())?);
        prev = entry.hash();
    }
    Ok(())
}

/// Exports entries of version 2 with a fresh chain (SP-77). Version 1 has no word for a replay but a failed
/// verification, and none at all for keys, configuration and segments: these are left out.
///
/// # Errors
/// [`SignError`]
pub fn export(entries: &[Version2], signer: &Signer) -> Result<Vec<Entry>, SignError> {
    let mut exported: Vec<Entry> = entries.iter().filter_map(from_version_2).collect();
    sign(&mut exported, signer)?;
    Ok(exported)
}

fn from_version_2(entry: &Version2) -> Option<Entry> {
    let event = &entry.event;
    let (kind, fail_reason) = match event.kind {
        Kind::Replay => (Kind::VerifyFail, Some("replay-detected".to_owned())),
        kind if KINDS.contains(&kind) => (kind, event.reason.clone()),
        _ => return None,
    };
    let digits = hex(&super::hash(&entry.to_line()));
    let digits = digits.get(..10).unwrap_or(&digits);
    Some(Entry {
        id: format!("audit-{}-{digits}", entry.ts),
        timestamp_ms: entry.ts,
        kind,
        sender: event.sender.clone(),
        path: event.path.clone(),
        method: event.method.clone(),
        envelope_id: event.envelope_id.clone(),
        fail_reason,
        upstream: event.upstream.clone(),
        response_status: event.status,
        ..Entry::empty()
    })
}

fn check(entry: &Entry, prev: &str, key: &KeyRecord) -> Result<(), Why> {
    if entry.prev_hash != prev {
        return Err(Why::PrevHashMismatch);
    }
    let at_ms = i64::try_from(entry.timestamp_ms).unwrap_or(i64::MAX);
    let signature = base64url::decode(&entry.entry_signature).map_err(|_| Why::BadSignature)?;
    if key.verifies(Use::Audit, entry.canonical().as_bytes(), &signature, at_ms) {
        Ok(())
    } else {
        Err(Why::BadSignature)
    }
}

fn genesis() -> String {
    hex(&super::GENESIS)
}

/// Which entries to show (EN-77).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    /// of this kind alone
    pub kind: Option<Kind>,
    /// of this sender alone
    pub sender: Option<String>,
    /// not before this time, in milliseconds since the Unix epoch
    pub since_ms: Option<u64>,
    /// the last so many
    pub limit: Option<usize>,
}

impl Query {
    /// The entries that are asked for, in their order.
    #[must_use]
    pub fn select<'a>(&self, entries: &'a [Entry]) -> Vec<&'a Entry> {
        let asked = |entry: &&Entry| {
            self.kind.is_none_or(|kind| entry.kind == kind)
                && self.sender.as_ref().is_none_or(|sender| entry.sender.as_ref() == Some(sender))
                && self.since_ms.is_none_or(|since| entry.timestamp_ms >= since)
        };
        let mut found: Vec<_> = entries.iter().filter(asked).collect();
        let surplus = found.len().saturating_sub(self.limit.unwrap_or(usize::MAX));
        found.drain(..surplus);
        found
    }
}
