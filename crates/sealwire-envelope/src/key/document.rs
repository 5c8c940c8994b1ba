//! Documents of keys and of revocations (EN-90 to EN-92, SP-21) as pure data. Fetching them is not done here.

use std::collections::HashSet;

use super::{Error as KeyError, KeyRecord, PublicKey, SignError, Signer, Use, Uses};
use crate::{
    Algorithm, VERSION, base64url,
    canonical::{write_integer, write_string},
    identifier::Charset,
    json::{self, DOCUMENT_DEPTH, Error as JsonError, Kind, Numbers, Reader, required, stable},
    validate::MAX_CLOCK_SKEW_MS,
};

/// Where a host serves its keys (EN-90).
pub const KEYS_PATH: &str = "/.well-known/7h3-keys";
/// Where a host serves what it has revoked (EN-92).
pub const REVOKED_PATH: &str = "/.well-known/7h3-revoked";
/// Longest document, in bytes (SP-09).
pub const MAX_LEN: usize = 64 << 10;
/// Most keys in a document (SP-09).
pub const MAX_KEYS: usize = 256;

const LABEL: &[u8] = b"sw-keys/1\0";

/// Why a document was refused, as a whole: half of a document is somebody's choice of half.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DocumentError {
    /// SP-09
    #[error("a document of more than 64 KiB or 256 keys")]
    TooLarge,
    /// SP-03, EN-90, EN-91
    #[error("not a document of keys: {0}")]
    Json(#[from] JsonError),
    /// EN-90
    #[error("a document of another version")]
    Version,
    /// SP-21: an algorithm that has no public keys, or that nobody knows.
    #[error("a key of an algorithm that is not discovered")]
    Algorithm,
    /// SP-08
    #[error("a key that may not be used: {0}")]
    Key(#[from] KeyError),
    /// SP-21: which of the two would count?
    #[error("two keys of one name")]
    Duplicate,
    /// SP-21
    #[error("no signature of the pinned discovery key that verifies")]
    Signature,
    /// SP-21
    #[error("a document from the future, or older than the one that is known")]
    Updated,
}

/// A key in a document.
#[derive(Clone)]
pub struct KeyEntry {
    /// its name
    pub id: String,
    /// whose it is; in a document without senders the name says that
    pub sender: Option<String>,
    /// the key
    pub key: PublicKey,
    /// when it was made, in milliseconds since the Unix epoch
    pub created_ms: Option<i64>,
    /// from when on it may be used (SP-21)
    pub not_before_ms: Option<i64>,
    /// from when on it may not be used
    pub expires_ms: Option<i64>,
    /// whether it was revoked
    pub revoked: bool,
    /// when
    pub revoked_at_ms: Option<i64>,
    /// what it is for (SP-17)
    pub uses: Option<Uses>,
}

impl KeyEntry {
    /// A key that holds from `created_ms` on.
    #[must_use]
    pub fn new(id: &str, key: PublicKey, created_ms: i64) -> Self {
        Self {
            id: id.to_owned(),
            sender: None,
            key,
            created_ms: Some(created_ms),
            not_before_ms: None,
            expires_ms: None,
            revoked: false,
            revoked_at_ms: None,
            uses: None,
        }
    }

    /// Whether it may be used at `now_ms` (EN-90, SP-21).
    #[must_use]
    pub fn is_active(&self, now_ms: i64) -> bool {
        !self.revoked
            && self.expires_ms.is_none_or(|expires| expires > now_ms)
            && self.not_before_ms.is_none_or(|not_before| not_before <= now_ms)
    }

    /// The record for a keyring. A key that says neither whose it is nor what for is its name's, for envelopes.
    ///
    /// # Errors
    /// [`KeyError::Identifier`]
    pub fn record(&self) -> Result<KeyRecord, KeyError> {
        let record =
            KeyRecord::public(self.sender.as_deref().unwrap_or(&self.id), &self.id, self.key.clone())?;
        let record = record.with_uses(self.uses.unwrap_or_default()).with_window(
            self.not_before_ms.unwrap_or(0),
            // `expires` is the first moment at which it does not hold.
            self.expires_ms.map_or(i64::MAX, |expires| expires.saturating_sub(1)),
        );
        Ok(if self.revoked { record.with_status(super::Status::Revoked) } else { record })
    }
}

/// How a document is trusted (SP-21).
#[derive(Clone, Copy)]
pub enum Trust<'a> {
    /// its host is pinned by configuration
    Pinned,
    /// a key of use `discovery` has to have signed it
    Signed(&'a KeyRecord),
}

/// A document of keys.
#[derive(Clone)]
pub struct KeyDocument {
    /// when it was made, in milliseconds since the Unix epoch
    pub updated_ms: Option<i64>,
    /// the keys
    pub keys: Vec<KeyEntry>,
}

impl KeyDocument {
    /// Reads a document in any of its three shapes (EN-90, EN-91); the signed one only in the first.
    ///
    /// # Errors
    /// [`DocumentError`]
    pub fn read(text: &[u8], trust: Trust<'_>, now_ms: i64) -> Result<Self, DocumentError> {
        if text.len() > MAX_LEN {
            return Err(DocumentError::TooLarge);
        }
        let mut draft = Draft::default();
        json::read(text, DOCUMENT_DEPTH, |reader| draft.read(reader))?;
        if draft.version.as_deref().is_some_and(|version| version != VERSION) {
            return Err(DocumentError::Version);
        }
        if let Trust::Signed(record) = trust {
            draft.verify(text, record, now_ms)?;
        }
        let keys = draft.keys.ok_or(JsonError::MissingMember)?;
        let mut names = HashSet::new();
        if !keys.iter().all(|entry| names.insert((entry.sender.as_deref(), entry.id.as_str()))) {
            return Err(DocumentError::Duplicate);
        }
        if draft.updated.is_some_and(|updated| updated > now_ms.saturating_add(MAX_CLOCK_SKEW_MS)) {
            return Err(DocumentError::Updated);
        }
        Ok(Self { updated_ms: draft.updated, keys })
    }

    /// Whether it may take the place of `known` (SP-21): documents do not go back in time.
    ///
    /// # Errors
    /// [`DocumentError::Updated`]
    pub fn succeeds(&self, known: &Self) -> Result<(), DocumentError> {
        if self.updated_ms < known.updated_ms { Err(DocumentError::Updated) } else { Ok(()) }
    }

    /// The key of this name that may be used at `now_ms`; `sender` where the document has senders.
    #[must_use]
    pub fn active(&self, sender: Option<&str>, id: &str, now_ms: i64) -> Option<&KeyEntry> {
        let named =
            |entry: &&KeyEntry| entry.id == id && (sender.is_none() || entry.sender.as_deref() == sender);
        self.keys.iter().find(named).filter(|entry| entry.is_active(now_ms))
    }

    /// The document in its first shape.
    #[must_use]
    pub fn to_json(&self) -> String {
        String::from_utf8(self.write(None)).unwrap_or_default()
    }

    /// The same, signed with a key of use `discovery` (SP-21).
    ///
    /// # Errors
    /// [`SignError`]
    pub fn to_signed_json(&self, signer: &Signer) -> Result<String, SignError> {
        let unsigned = self.write(None);
        let message = signing_input(&unsigned).map_err(|_| SignError::Invalid)?;
        let signature = signer.sign(Use::Discovery, &message)?;
        let text = self.write(Some((signer, &base64url::encode(signature))));
        String::from_utf8(text).map_err(|_| SignError::Invalid)
    }

    fn write(&self, signature: Option<(&Signer, &str)>) -> Vec<u8> {
        let mut out = br#"{"version":"7h3/0.1","updated":"#.to_vec();
        write_integer(unsigned(self.updated_ms.unwrap_or(0)), &mut out);
        out.extend_from_slice(br#","keys":["#);
        for (index, entry) in self.keys.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            write_entry(entry, &mut out);
        }
        out.push(b']');
        if let Some((signer, value)) = signature {
            out.extend_from_slice(br#","signatures":[{"keyId":"#);
            write_string(signer.key_id(), &mut out);
            out.extend_from_slice(br#","alg":"#);
            write_string(signer.algorithm().name(), &mut out);
            out.extend_from_slice(br#","value":"#);
            write_string(value, &mut out);
            out.extend_from_slice(b"}]");
        }
        out.push(b'}');
        out
    }
}

/// What is signed of a document (SP-21).
///
/// # Errors
/// What is wrong with the text.
pub fn signing_input(document: &[u8]) -> Result<Vec<u8>, JsonError> {
    let stable = stable(document, DOCUMENT_DEPTH, Numbers::Integers, Some("signatures"))?;
    Ok([LABEL, &stable].concat())
}

/// What a host has revoked (EN-92): names of keys or fingerprints, for
/// [`Revocations::import`](super::Revocations::import).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevocationList {
    /// when it was made, in milliseconds since the Unix epoch
    pub updated_ms: i64,
    /// what was revoked, and when
    pub revoked: Vec<(String, i64)>,
}

impl RevocationList {
    /// Reads a list. Of two entries of one name the earlier counts.
    ///
    /// # Errors
    /// [`DocumentError`]
    pub fn read(text: &[u8]) -> Result<Self, DocumentError> {
        if text.len() > MAX_LEN {
            return Err(DocumentError::TooLarge);
        }
        let (mut version, mut updated, mut revoked) = (None, None, None);
        json::read(text, DOCUMENT_DEPTH, |reader| {
            reader.object(|name, reader| {
                match name {
                    "version" => version = Some(reader.string()?),
                    "updated" => updated = Some(time(reader)?),
                    "revokedKeys" => revoked = Some(read_revoked(reader)?),
                    _ => return Err(JsonError::UnknownMember.into()),
                }
                Ok::<_, DocumentError>(())
            })
        })?;
        if required(version)? != VERSION {
            return Err(DocumentError::Version);
        }
        Ok(Self { updated_ms: required(updated)?, revoked: required(revoked)? })
    }

    /// The list as peers read it.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut out = br#"{"version":"7h3/0.1","updated":"#.to_vec();
        write_integer(unsigned(self.updated_ms), &mut out);
        out.extend_from_slice(br#","revokedKeys":["#);
        for (index, (id, at)) in self.revoked.iter().enumerate() {
            out.extend_from_slice(if index > 0 { br#",{"id":"# } else { br#"{"id":"# });
            write_string(id, &mut out);
            out.extend_from_slice(br#","revokedAt":"#);
            write_integer(unsigned(*at), &mut out);
            out.push(b'}');
        }
        out.extend_from_slice(b"]}");
        String::from_utf8(out).unwrap_or_default()
    }
}

fn read_revoked(reader: &mut Reader<'_>) -> Result<Vec<(String, i64)>, DocumentError> {
    let mut revoked: Vec<(String, i64)> = Vec::new();
    reader.array(|reader| {
        let (mut id, mut at) = (None, None);
        reader.object(|name, reader| {
            match name {
                "id" => id = Some(reader.string()?.into_owned()),
                "revokedAt" => at = Some(time(reader)?),
                "reason" => drop(reader.string()?),
                _ => return Err(JsonError::UnknownMember),
            }
            Ok(())
        })?;
        let (id, at) = (required(id)?, required(at)?);
        if let Some((_, known)) = revoked.iter_mut().find(|(known, _)| *known == id) {
            *known = at.min(*known);
        } else if revoked.len() == MAX_KEYS {
            return Err(DocumentError::TooLarge);
        } else {
            revoked.push((id, at));
        }
        Ok(())
    })?;
    Ok(revoked)
}

/// A document as far as it was read.
#[derive(Default)]
struct Draft {
    version: Option<String>,
    updated: Option<i64>,
    keys: Option<Vec<KeyEntry>>,
    signatures: Vec<(String, String, String)>,
}

impl Draft {
    fn read(&mut self, reader: &mut Reader<'_>) -> Result<(), DocumentError> {
        reader.object(|name, reader| {
            match name {
                "version" => self.version = Some(reader.string()?.into_owned()),
                "updated" => self.updated = Some(time(reader)?),
                "keys" if reader.kind()? == Kind::Object => self.keys = Some(read_map(reader)?),
                "keys" => self.keys = Some(read_keys(reader)?),
                "signatures" => self.signatures = read_signatures(reader)?,
                _ => return Err(JsonError::UnknownMember.into()),
            }
            Ok(())
        })
    }

    fn verify(&self, text: &[u8], record: &KeyRecord, now_ms: i64) -> Result<(), DocumentError> {
        let message = signing_input(text)?;
        let good = |(key_id, alg, value): &(String, String, String)| {
            let algorithm = record.algorithm();
            key_id == record.key_id()
                && alg == algorithm.name()
                && super::raw_signature(algorithm, value)
                    .is_ok_and(|raw| record.verifies(Use::Discovery, &message, &raw, now_ms))
        };
        // Of a signed document all of the first shape is there.
        let whole = self.version.is_some() && self.updated.is_some();
        if whole && self.signatures.iter().any(good) { Ok(()) } else { Err(DocumentError::Signature) }
    }
}

/// The shape of edge workers: a map from sender to key.
fn read_map(reader: &mut Reader<'_>) -> Result<Vec<KeyEntry>, DocumentError> {
    let mut keys = Vec::new();
    reader.object(|sender, reader| {
        let key = PublicKey::parse(&reader.string()?)?;
        push(&mut keys, KeyEntry { created_ms: None, ..KeyEntry::new(sender, key, 0) })
    })?;
    Ok(keys)
}

fn read_keys(reader: &mut Reader<'_>) -> Result<Vec<KeyEntry>, DocumentError> {
    let mut keys = Vec::new();
    reader.array(|reader| push(&mut keys, read_entry(reader)?))?;
    Ok(keys)
}

fn push(keys: &mut Vec<KeyEntry>, entry: KeyEntry) -> Result<(), DocumentError> {
    if keys.len() == MAX_KEYS {
        return Err(DocumentError::TooLarge);
    }
    if !Charset::Visible.admits(&entry.id) {
        return Err(KeyError::Identifier.into());
    }
    keys.push(entry);
    Ok(())
}

fn read_entry(reader: &mut Reader<'_>) -> Result<KeyEntry, DocumentError> {
    let (mut id, mut sender, mut algorithm, mut key) = (None, None, None, None);
    let (mut created_ms, mut not_before_ms, mut expires_ms) = (None, None, None);
    let (mut revoked, mut revoked_at_ms, mut uses) = (false, None, None);
    reader.object(|name, reader| {
        match name {
            // One shape calls it `keyId` (EN-91); which of two would count?
            "id" | "keyId" if id.is_some() => return Err(JsonError::DuplicateMember.into()),
            "id" | "keyId" => id = Some(reader.string()?.into_owned()),
            "sender" => sender = Some(reader.string()?.into_owned()),
            "algorithm" => algorithm = Some(reader.string()?),
            "publicKey" => key = Some(reader.string()?),
            "created" => created_ms = Some(time(reader)?),
            "notBefore" => not_before_ms = Some(time(reader)?),
            "expires" => expires_ms = Some(time(reader)?),
            "revoked" => revoked = reader.boolean()?,
            "revokedAt" => revoked_at_ms = Some(time(reader)?),
            "use" => uses = Some(read_uses(reader)?),
            _ => return Err(JsonError::UnknownMember.into()),
        }
        Ok::<_, DocumentError>(())
    })?;
    let algorithm = match &*required(algorithm)? {
        "Ed25519" => Algorithm::Ed25519,
        other => Algorithm::from_name(other)
            .filter(|algorithm| *algorithm != Algorithm::Hs256)
            .ok_or(DocumentError::Algorithm)?,
    };
    let key = PublicKey::parse(&required(key)?)?;
    if key.algorithm() != algorithm {
        return Err(DocumentError::Algorithm);
    }
    if sender.as_deref().is_some_and(|sender| !Charset::Visible.admits(sender)) {
        return Err(KeyError::Identifier.into());
    }
    Ok(KeyEntry {
        id: required(id)?,
        sender,
        key,
        created_ms,
        not_before_ms,
        expires_ms,
        revoked,
        revoked_at_ms,
        uses,
    })
}

fn read_uses(reader: &mut Reader<'_>) -> Result<Uses, JsonError> {
    let mut uses = Vec::new();
    reader.array(|reader| {
        // Doubled names would let the list grow without saying more.
        let one = Use::from_name(&reader.string()?).ok_or(JsonError::UnknownMember)?;
        if uses.contains(&one) {
            return Err(JsonError::DuplicateMember);
        }
        uses.push(one);
        Ok(())
    })?;
    Ok(uses.into_iter().collect())
}

fn read_signatures(reader: &mut Reader<'_>) -> Result<Vec<(String, String, String)>, DocumentError> {
    let mut signatures = Vec::new();
    reader.array(|reader| {
        let (mut key_id, mut alg, mut value) = (None, None, None);
        reader.object(|name, reader| {
            let slot = match name {
                "keyId" => &mut key_id,
                "alg" => &mut alg,
                "value" => &mut value,
                _ => return Err(JsonError::UnknownMember),
            };
            *slot = Some(reader.string()?.into_owned());
            Ok(())
        })?;
        // A handful for a rotation of discovery keys.
        if signatures.len() == 8 {
            return Err(DocumentError::TooLarge);
        }
        signatures.push((required(key_id)?, required(alg)?, required(value)?));
        Ok(())
    })?;
    Ok(signatures)
}

fn write_entry(entry: &KeyEntry, out: &mut Vec<u8>) {
    let text = |name: &[u8], value: &str, out: &mut Vec<u8>| {
        out.extend_from_slice(name);
        write_string(value, out);
    };
    text(b"{\"id\":", &entry.id, out);
    if let Some(sender) = &entry.sender {
        text(b",\"sender\":", sender, out);
    }
    let algorithm = entry.key.algorithm();
    text(b",\"algorithm\":", if algorithm == Algorithm::Ed25519 { "Ed25519" } else { algorithm.name() }, out);
    text(b",\"publicKey\":", &entry.key.to_text(), out);
    let times: [(&[u8], Option<i64>); 4] = [
        // Peers have no key without one.
        (b",\"created\":", Some(entry.created_ms.unwrap_or(0))),
        (b",\"notBefore\":", entry.not_before_ms),
        (b",\"expires\":", entry.expires_ms),
        (b",\"revokedAt\":", entry.revoked_at_ms),
    ];
    for (name, time) in times {
        if let Some(time) = time {
            out.extend_from_slice(name);
            write_integer(unsigned(time), out);
        }
    }
    if entry.revoked {
        out.extend_from_slice(b",\"revoked\":true");
    }
    if let Some(uses) = entry.uses {
        out.extend_from_slice(b",\"use\":[");
        for (index, one) in uses.iter().enumerate() {
            text(if index > 0 { b"," } else { b"" }, one.name(), out);
        }
        out.push(b']');
    }
    out.push(b'}');
}

fn time(reader: &mut Reader<'_>) -> Result<i64, JsonError> {
    i64::try_from(reader.integer()?).map_err(|_| JsonError::Integer)
}

fn unsigned(ms: i64) -> u64 {
    u64::try_from(ms).unwrap_or(0)
}
