//! Files of Trustee's reference value service.
//!
//! It has written three forms so far: a list of values with their names, an object of such values by name, and an object
//! from names to plain values, as its tool shows them. A value that is no string (a security version, a flag) is none of
//! a register's and left out.

use super::Entry;
use crate::UnixTime;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::Value;

/// Longest name in bytes.
const MAX_NAME: usize = 512;
/// Longest value in bytes; registers are shorter.
const MAX_VALUE: usize = 128;

pub(super) fn parse(json: &[u8]) -> Result<Vec<Entry>, String> {
    let file: Value = serde_json::from_slice(json).map_err(|error| error.to_string())?;
    let mut entries = Vec::new();
    match &file {
        Value::Array(list) => {
            for (index, item) in list.iter().enumerate() {
                let name = item.get("name").and_then(Value::as_str);
                let name = name.ok_or_else(|| format!("value {index} has no name"))?;
                read(name, item, &mut entries)?;
            }
        }
        Value::Object(map) => {
            for (name, item) in map {
                read(name, item, &mut entries)?;
            }
        }
        _ => return Err("neither a list nor an object".to_owned()),
    }
    Ok(entries)
}

/// One name and what stands there: a value with its expiry, or values alone.
fn read(name: &str, item: &Value, entries: &mut Vec<Entry>) -> Result<(), String> {
    if name.len() > MAX_NAME {
        return Err(format!("a name longer than {MAX_NAME} bytes"));
    }
    let until = expiry(name, item)?;
    let values = match item {
        Value::Object(object) => object
            .get("hash-value")
            .or_else(|| object.get("hash_value"))
            .or_else(|| object.get("value"))
            .ok_or_else(|| format!("`{name}` has neither hash-value nor value"))?,
        plain => plain,
    };
    let values = match values {
        Value::Array(list) => list.iter().collect(),
        one => vec![one],
    };
    for value in values {
        // In a list of hashes each has its algorithm; the width tells that as well.
        let value = value.get("value").unwrap_or(value);
        let Some(text) = value.as_str() else { continue };
        let value = decode(text).ok_or_else(|| format!("`{name}`: {text:.20}… is neither hex nor base64"))?;
        entries.push(Entry { name: name.to_owned(), value, from: None, until });
    }
    Ok(())
}

/// A value without an expiry counts for ever; one with an expiry that cannot be read does not count.
fn expiry(name: &str, item: &Value) -> Result<Option<UnixTime>, String> {
    let Some(expiry) = item.get("expiration").or_else(|| item.get("expired")) else { return Ok(None) };
    if expiry.is_null() {
        return Ok(None);
    }
    let time = expiry.as_str().and_then(|text| UnixTime::from_rfc3339(text).ok());
    time.map(Some).ok_or_else(|| format!("`{name}`: its expiry is no time"))
}

/// Hex where all of it is hex, else base64: no base64 of a digest is made of hex digits alone but by a chance that
/// nobody meets.
fn decode(text: &str) -> Option<Vec<u8>> {
    if text.len() > 2 * MAX_VALUE {
        return None;
    }
    let hex_digits = text.strip_prefix("0x").unwrap_or(text);
    let value = hex::decode(hex_digits).ok().or_else(|| BASE64_STANDARD.decode(text).ok())?;
    (!value.is_empty()).then_some(value)
}
