//! Webhooks (EN-47, EN-48, SP-35): a signature over a time and a body, without an envelope.

use crate::{
    base64url,
    key::{KeyRecord, SignError, Signer, Use},
    replay,
    validate::MAX_CLOCK_SKEW_MS,
};

/// The field of the signature.
pub const SIGNATURE_FIELD: &str = "x-7h3-sig";
/// The field of the time.
pub const TIME_FIELD: &str = "x-7h3-ts";
/// How old a webhook may be unless told otherwise, in milliseconds.
pub const MAX_AGE_MS: i64 = 300_000;

/// Why a webhook was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// SP-35: no time in its one spelling, no signature, or two of either.
    #[error("a webhook without exactly one time and one signature in their one spelling")]
    Malformed,
    /// SP-35: too old, or from the future.
    #[error("a webhook from another time")]
    Time,
    /// SP-35
    #[error("the signature of a webhook does not verify")]
    Signature,
}

/// The values of both fields for a body.
///
/// # Errors
/// [`SignError`]
pub fn sign(body: &[u8], signer: &Signer, now_ms: i64) -> Result<(String, String), SignError> {
    let time = u64::try_from(now_ms).map_err(|_| SignError::Invalid)?.to_string();
    let signature = signer.sign(Use::Webhook, &signed(&time, body))?;
    Ok((base64url::encode(signature), time))
}

/// What a receiver asks of webhooks.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// how old one may be, in milliseconds
    pub max_age_ms: i64,
    /// the switch `legacy_webhook_future`: times of any future are taken
    pub any_future: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self { max_age_ms: MAX_AGE_MS, any_future: false }
    }
}

/// A webhook whose signature was verified. It has not been held against replays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Authentic {
    /// when it was signed, in milliseconds since the Unix epoch
    pub time_ms: i64,
    /// under what it is remembered
    pub replay_key: replay::Key,
    /// until when it has to be remembered, in milliseconds since the Unix epoch
    pub remembered_until_ms: i64,
}

/// Verifies a webhook. `signatures` and `times` are the lines of both fields; `body` its raw bytes; the record decides
/// on the algorithm.
///
/// # Errors
/// [`Error`]
pub fn verify(
    body: &[u8],
    signatures: &[&str],
    times: &[&str],
    record: &KeyRecord,
    rules: &Rules,
    now_ms: i64,
) -> Result<Authentic, Error> {
    let ([signature], [time]) = (signatures, times) else { return Err(Error::Malformed) };
    let time_ms = parse_time(time).ok_or(Error::Malformed)?;
    let raw = crate::key::raw_signature(record.algorithm(), signature).map_err(|_| Error::Malformed)?;
    let age_ms = now_ms.saturating_sub(time_ms);
    if age_ms > rules.max_age_ms || (age_ms < -MAX_CLOCK_SKEW_MS && !rules.any_future) {
        return Err(Error::Time);
    }
    if !record.verifies(Use::Webhook, &signed(time, body), &raw, now_ms) {
        return Err(Error::Signature);
    }
    Ok(Authentic {
        time_ms,
        replay_key: replay::Key::of_webhook(record.fingerprint().as_str(), &raw),
        remembered_until_ms: time_ms.saturating_add(rules.max_age_ms).saturating_add(MAX_CLOCK_SKEW_MS),
    })
}

/// `[1-9][0-9]{0,15}` (SP-35)
fn parse_time(text: &str) -> Option<i64> {
    let spelt = (1..=16).contains(&text.len())
        && !text.starts_with('0')
        && text.bytes().all(|byte| byte.is_ascii_digit());
    spelt.then(|| text.parse().ok()).flatten()
}

/// `<ts>.<body>`
fn signed(time: &str, body: &[u8]) -> Vec<u8> {
    [time.as_bytes(), b".", body].concat()
}
