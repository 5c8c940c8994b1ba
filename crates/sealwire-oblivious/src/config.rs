//! Key configurations (RFC 9458 section 3) and the list form in which they are published.

use crate::{Error, Limits};
use sealwire_crypto::{
    aead::Aead,
    hpke::Symmetric,
    kdf::Hkdf,
    kem::{Kem, PublicKey},
};

/// One key configuration.
#[derive(Debug, Clone)]
pub struct KeyConfig {
    /// key id
    pub key_id: u8,
    /// public key and, by it, the KEM
    pub public_key: PublicKey,
    /// (KDF, AEAD) pairs on offer, ordered by preference; pairs that are unknown here are left out when parsed
    pub suites: Vec<Symmetric>,
}

impl KeyConfig {
    /// The bytes of one config, without a length. A pair that occurs twice is written once.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut suites = self.suites.clone();
        dedup(&mut suites);
        let mut out = Vec::with_capacity(5 + self.public_key.as_bytes().len() + 4 * suites.len());
        out.push(self.key_id);
        out.extend_from_slice(&self.public_key.kem().id().to_be_bytes());
        out.extend_from_slice(self.public_key.as_bytes());
        put_len(&mut out, 4 * suites.len());
        for suite in suites {
            out.extend_from_slice(&suite.kdf.id().to_be_bytes());
            out.extend_from_slice(&suite.aead.id().to_be_bytes());
        }
        out
    }

    /// One config, or `None` if its KEM is unknown here (OB-06).
    fn parse(mut rest: &[u8]) -> Result<(u8, Option<Self>), Error> {
        let [key_id] = take_array(&mut rest)?;
        let Some(kem) = Kem::from_id(take_u16(&mut rest)?) else {
            return Ok((key_id, None));
        };
        let public_key = take(&mut rest, kem.public_key_len())?;
        let public_key = PublicKey::from_bytes(kem, public_key).map_err(|_| Error::PublicKey)?;
        let algorithms_len = usize::from(take_u16(&mut rest)?);
        if algorithms_len == 0 || !algorithms_len.is_multiple_of(4) {
            return Err(Error::ListAlgorithms);
        }
        let mut algorithms = take(&mut rest, algorithms_len)?;
        if !rest.is_empty() {
            return Err(Error::ListTrailing);
        }
        let mut suites = Vec::new();
        while !algorithms.is_empty() {
            let kdf = Hkdf::from_id(take_u16(&mut algorithms)?);
            let aead = Aead::from_id(take_u16(&mut algorithms)?);
            if let (Some(kdf), Some(aead)) = (kdf, aead) {
                let suite = Symmetric { kdf, aead };
                // Distinct pairs are few: a peer cannot size this.
                if !suites.contains(&suite) {
                    suites.push(suite);
                }
            }
        }
        Ok((key_id, Some(Self { key_id, public_key, suites })))
    }
}

/// Keeps the first of equal pairs. At most nine distinct pairs exist, so that a config's lengths always fit 16 bits.
pub(crate) fn dedup(suites: &mut Vec<Symmetric>) {
    let mut seen = Vec::new();
    suites.retain(|suite| {
        let new = !seen.contains(suite);
        if new {
            seen.push(*suite);
        }
        new
    });
}

/// The list form, `application/ohttp-keys`, ordered by preference (OB-05).
#[must_use]
pub fn encode_list(configs: &[KeyConfig]) -> Vec<u8> {
    let mut out = Vec::new();
    for config in configs {
        let config = config.encode();
        put_len(&mut out, config.len());
        out.extend_from_slice(&config);
    }
    out
}

/// Parses a list. Configs with an unknown KEM are stepped over (OB-06); one error discards all.
///
/// A config of which no pair is known here is kept, with no suites: [`select`] passes it over.
///
/// # Errors
/// OB-118, OB-119, OB-07, and the limits.
pub fn parse_list(list: &[u8], limits: &Limits) -> Result<Vec<KeyConfig>, Error> {
    if list.is_empty() {
        return Err(Error::ListEmpty);
    }
    if list.len() > limits.config_list {
        return Err(Error::ListTooLong);
    }
    let mut rest = list;
    let mut key_ids = Vec::new();
    let mut configs = Vec::new();
    while !rest.is_empty() {
        if key_ids.len() >= limits.configs {
            return Err(Error::TooManyConfigs);
        }
        let len = usize::from(take_u16(&mut rest)?);
        let (key_id, config) = KeyConfig::parse(take(&mut rest, len)?)?;
        if key_ids.contains(&key_id) {
            return Err(Error::DuplicateKeyId);
        }
        key_ids.push(key_id);
        configs.extend(config);
    }
    Ok(configs)
}

/// The config and pair that a client uses.
#[derive(Debug, Clone)]
pub struct Selected {
    /// key id
    pub key_id: u8,
    /// public key
    pub public_key: PublicKey,
    /// the pair
    pub suite: Symmetric,
}

/// The first config whose KEM is among `kems` and of which a pair is known here; in it, the first such pair (OB-05).
///
/// # Errors
/// [`Error::NoUsableKey`]
pub fn select(configs: &[KeyConfig], kems: &[Kem]) -> Result<Selected, Error> {
    configs
        .iter()
        .filter(|config| kems.contains(&config.public_key.kem()))
        .find_map(|config| {
            let suite = *config.suites.first()?;
            Some(Selected { key_id: config.key_id, public_key: config.public_key.clone(), suite })
        })
        .ok_or(Error::NoUsableKey)
}

fn take<'a>(rest: &mut &'a [u8], len: usize) -> Result<&'a [u8], Error> {
    let (front, back) = rest.split_at_checked(len).ok_or(Error::ListTruncated)?;
    *rest = back;
    Ok(front)
}

fn take_array<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], Error> {
    let (front, back) = rest.split_first_chunk().ok_or(Error::ListTruncated)?;
    *rest = back;
    Ok(*front)
}

fn take_u16(rest: &mut &[u8]) -> Result<u16, Error> {
    take_array(rest).map(u16::from_be_bytes)
}

/// Appends a length that is known to be below 2^16.
fn put_len(out: &mut Vec<u8>, len: usize) {
    debug_assert!(len <= usize::from(u16::MAX));
    out.extend_from_slice(&(len as u16).to_be_bytes());
}
