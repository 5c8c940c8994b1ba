//! The document as deterministic CBOR, and the rules that a document keeps by itself.

use super::{Error, KeyDocument, PublishedKey, authority, operator::OperatorStatement};
use crate::{
    PROTOCOL, UnixTime,
    cbor::{self, Reader, Written, len},
};
use minicbor::Encoder;
use std::collections::{BTreeMap, BTreeSet};

/// Longest document in bytes.
pub const MAX_LEN: usize = 64 * 1024;
/// Most authorities of a document.
pub const MAX_AUTHORITIES: u64 = 64;
/// Most keys of a document.
pub const MAX_KEYS: u64 = 64;
/// Most wires of a document, and most suites of a wire.
pub const MAX_WIRES: u64 = 32;

/// Longest role, purpose, wire or suite name in bytes.
pub(super) const MAX_NAME: usize = 64;
/// Longest authority in bytes: host, colon, port.
const MAX_TEXT: usize = 260;
const MAX_KEY_ID: usize = 64;
const MAX_KEY_BYTES: usize = 16 * 1024;

pub(super) type Writer = Encoder<Vec<u8>>;

impl KeyDocument {
    /// Deterministic CBOR. What breaks a limit is written all the same, and refused by [`Self::decode`]:
    /// [`Self::validate`] tells beforehand.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        cbor::encode(|e| {
            e.map(if self.operator.is_some() { 13 } else { 12 })?;
            e.u8(0)?.str(PROTOCOL)?.u8(1)?.bytes(&self.instance)?.u8(2)?.u64(self.serial)?;
            e.u8(3)?.u64(self.issued_at.0)?.u8(4)?.u64(self.not_after.0)?.u8(5)?.str(&self.role)?.u8(6)?;
            write_texts(e, &self.authorities)?;
            e.u8(7)?.array(len(&self.keys))?;
            for key in &self.keys {
                key.write(e)?;
            }
            e.u8(8)?;
            write_texts(e, &self.wires)?;
            e.u8(9)?.map(self.suites.len() as u64)?;
            for (wire, suites) in by_text(&self.suites) {
                write_texts(e.str(wire)?, suites)?;
            }
            e.u8(10)?.map(self.limits.len() as u64)?;
            for (wire, limit) in by_text(&self.limits) {
                e.str(wire)?.u64(*limit)?;
            }
            e.u8(11)?.bytes(&self.config_digest)?;
            if let Some(statement) = &self.operator {
                statement.write(e.u8(12)?)?;
            }
            Ok(())
        })
    }

    /// Parses and validates.
    ///
    /// # Errors
    /// AT-08: [`Error`] says which rule was broken.
    pub fn decode(bytes: &[u8]) -> Result<Self, crate::Error> {
        let document = Self::read(bytes)?;
        document.check()?;
        Ok(document)
    }

    fn read(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() > MAX_LEN {
            return Err(Error::Bounds);
        }
        let r = &mut Reader::new(bytes);
        let mut fields = r.fields()?;
        fields.required(r, 0)?;
        if r.text(MAX_NAME)? != PROTOCOL {
            return Err(Error::Protocol);
        }
        fields.required(r, 1)?;
        let instance = r.fixed()?;
        fields.required(r, 2)?;
        let serial = r.uint()?;
        fields.required(r, 3)?;
        let issued_at = UnixTime(r.uint()?);
        fields.required(r, 4)?;
        let not_after = UnixTime(r.uint()?);
        fields.required(r, 5)?;
        let role = r.text(MAX_NAME)?.to_owned();
        fields.required(r, 6)?;
        let authorities = read_texts(r, MAX_AUTHORITIES)?;
        fields.required(r, 7)?;
        let keys = read_array(r, MAX_KEYS, PublishedKey::read)?;
        fields.required(r, 8)?;
        let wires = read_texts(r, MAX_WIRES)?;
        fields.required(r, 9)?;
        let suites = read_by_text(r, |r| read_texts(r, MAX_WIRES))?;
        fields.required(r, 10)?;
        let limits = read_by_text(r, |r| Ok(r.uint()?))?;
        fields.required(r, 11)?;
        let config_digest = r.fixed()?;
        let operator = if fields.optional(r, 12)? { Some(OperatorStatement::read(r)?) } else { None };
        fields.finish(r)?;
        r.finish()?;
        Ok(Self {
            instance,
            serial,
            issued_at,
            not_after,
            role,
            authorities,
            keys,
            wires,
            suites,
            limits,
            config_digest,
            operator,
        })
    }

    /// Whether others can read it: the rules that a document keeps whoever reads it, and at whatever time.
    ///
    /// # Errors
    /// The first that is broken.
    pub fn validate(&self) -> Result<(), Error> {
        self.check()?;
        // The bounds on single items do not add up to the one on the whole.
        if self.encode().len() > MAX_LEN { Err(Error::Bounds) } else { Ok(()) }
    }

    fn check(&self) -> Result<(), Error> {
        if self.not_after <= self.issued_at {
            return Err(Error::Window);
        }
        check_name(&self.role)?;
        // Nobody comes to a client, so it need not have a name.
        if self.role != super::CLIENT || !self.authorities.is_empty() {
            check_authorities(&self.authorities)?;
        }
        self.check_keys()?;
        self.check_wires()?;
        self.operator.as_ref().map_or(Ok(()), OperatorStatement::validate)
    }

    fn check_keys(&self) -> Result<(), Error> {
        if self.keys.is_empty() || len(&self.keys) > MAX_KEYS {
            return Err(Error::Bounds);
        }
        let mut ids = BTreeSet::new();
        for key in &self.keys {
            check_name(&key.purpose)?;
            let id = (1..=MAX_KEY_ID).contains(&key.id.len());
            let bytes = (1..=MAX_KEY_BYTES).contains(&key.bytes.len());
            if !id || !bytes {
                return Err(Error::Bounds);
            }
            let live = key.not_before <= key.not_after
                && key.not_before <= self.not_after
                && key.not_after >= self.issued_at;
            if !live {
                return Err(Error::KeyWindow);
            }
            if !ids.insert((&key.purpose, &key.id)) {
                return Err(Error::DuplicateKey);
            }
        }
        Ok(())
    }

    fn check_wires(&self) -> Result<(), Error> {
        if len(&self.wires) > MAX_WIRES || self.suites.values().any(|suites| len(suites) > MAX_WIRES) {
            return Err(Error::Bounds);
        }
        self.wires.iter().chain(self.suites.values().flatten()).try_for_each(|name| check_name(name))?;
        let offered: BTreeSet<_> = self.wires.iter().collect();
        let known = self.suites.keys().chain(self.limits.keys()).all(|wire| offered.contains(wire));
        if known && offered.len() == self.wires.len() { Ok(()) } else { Err(Error::Wires) }
    }
}

impl PublishedKey {
    fn write(&self, e: &mut Writer) -> Written {
        e.map(5)?.u8(0)?.bytes(&self.id)?.u8(1)?.str(&self.purpose)?;
        e.u8(2)?.u64(self.not_before.0)?.u8(3)?.u64(self.not_after.0)?.u8(4)?.bytes(&self.bytes)?.ok()
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, Error> {
        let mut fields = r.fields()?;
        fields.required(r, 0)?;
        let id = r.bytes(MAX_KEY_ID)?.to_vec();
        fields.required(r, 1)?;
        let purpose = r.text(MAX_NAME)?.to_owned();
        fields.required(r, 2)?;
        let not_before = UnixTime(r.uint()?);
        fields.required(r, 3)?;
        let not_after = UnixTime(r.uint()?);
        fields.required(r, 4)?;
        let bytes = r.bytes(MAX_KEY_BYTES)?.to_vec();
        fields.finish(r)?;
        Ok(Self { id, purpose, not_before, not_after, bytes })
    }
}

pub(super) fn check_authorities(authorities: &[String]) -> Result<(), Error> {
    if len(authorities) > MAX_AUTHORITIES {
        return Err(Error::Bounds);
    }
    if !authorities.iter().all(|name| authority::is_normal(name)) {
        return Err(Error::Authority);
    }
    let different: BTreeSet<_> = authorities.iter().collect();
    let sound = !authorities.is_empty() && different.len() == authorities.len();
    if sound { Ok(()) } else { Err(Error::Authorities) }
}

fn check_name(name: &str) -> Result<(), Error> {
    let token = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-._/".contains(&b);
    let sound = (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(token);
    if sound { Ok(()) } else { Err(Error::Name) }
}

pub(super) fn write_texts(e: &mut Writer, texts: &[String]) -> Written {
    e.array(len(texts))?;
    texts.iter().try_for_each(|text| e.str(text)?.ok())
}

pub(super) fn read_texts(r: &mut Reader<'_>, max: u64) -> Result<Vec<String>, Error> {
    read_array(r, max, |r| Ok(r.text(MAX_TEXT)?.to_owned()))
}

pub(super) fn read_array<T>(
    r: &mut Reader<'_>,
    max: u64,
    item: impl Fn(&mut Reader<'_>) -> Result<T, Error>,
) -> Result<Vec<T>, Error> {
    // `collect` would trust the count for its allocation; the bytes may not be there.
    let mut items = Vec::new();
    for _ in 0..r.array(max)? {
        items.push(item(r)?);
    }
    Ok(items)
}

/// Text keys in the order of their encodings (RFC 8949 section 4.2.1): the head comes first, so shorter ones do.
fn by_text<T>(map: &BTreeMap<String, T>) -> Vec<(&String, &T)> {
    let mut entries: Vec<_> = map.iter().collect();
    entries.sort_by_key(|(key, _)| (key.len(), *key));
    entries
}

fn read_by_text<T>(
    r: &mut Reader<'_>,
    value: impl Fn(&mut Reader<'_>) -> Result<T, Error>,
) -> Result<BTreeMap<String, T>, Error> {
    let mut map = BTreeMap::new();
    let mut last = None;
    for _ in 0..r.map(MAX_WIRES)? {
        let key = r.text(MAX_NAME)?;
        let place = Some((key.len(), key));
        if place <= last {
            return Err(Error::UnknownField);
        }
        last = place;
        map.insert(key.to_owned(), value(r)?);
    }
    Ok(map)
}
