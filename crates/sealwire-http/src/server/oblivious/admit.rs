//! Whether an opened request may go on: early data, Date, replay.

use super::Settings;
use crate::{key_ring::LiveKey, server::RouteRules};
use http::{HeaderMap, HeaderName, StatusCode, header};
use sealwire_message::bhttp::RequestHead;
use sealwire_oblivious::gateway::EncDigest;
use sealwire_store::{FOREVER, Reservation};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const EARLY_DATA: HeaderName = HeaderName::from_static("early-data");

/// Why an opened request does not go on. Answered inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// OB-63
    EarlyData,
    /// OB-43, OB-62
    Date,
    /// OB-60
    Replay,
    /// OB-61
    RegisterFull,
    /// OB-130
    Upgrade,
}

impl Refusal {
    /// Stable, for metrics.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::EarlyData => "early-data",
            Self::Date => "date",
            Self::Replay => "replay",
            Self::RegisterFull => "register-full",
            Self::Upgrade => "upgrade",
        }
    }

    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::EarlyData => StatusCode::TOO_EARLY,
            Self::Date | Self::Upgrade => StatusCode::BAD_REQUEST,
            Self::Replay => StatusCode::CONFLICT,
            Self::RegisterFull => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// Checks a request whose head has authenticated, and reserves its encapsulated key.
///
/// The reservation is the last step: a request that is refused for another reason may be sent again.
pub(super) fn admit(
    settings: &Settings,
    outer: &HeaderMap,
    head: &RequestHead,
    key: &LiveKey,
    enc_digest: EncDigest,
) -> Result<RouteRules, Refusal> {
    let rules = settings.routes.rules(head);
    if outer.contains_key(EARLY_DATA) && !rules.early_data {
        return Err(Refusal::EarlyData);
    }
    if head.headers.contains_key(header::UPGRADE) {
        return Err(Refusal::Upgrade);
    }
    let now = settings.clock.now();
    // An undated request can come again as long as its key opens it.
    let remembered_until = match date(head) {
        // Exclusive, and the window's last moment counts.
        Some(date) if distance(date, now) <= settings.window => millis(date)
            .saturating_add(u64::try_from(settings.window.as_millis()).unwrap_or(u64::MAX))
            .saturating_add(1),
        Some(_) => return Err(Refusal::Date),
        None if head.headers.contains_key(header::DATE) || !rules.undated => return Err(Refusal::Date),
        None => FOREVER,
    };
    if rules.idempotent {
        return Ok(rules);
    }
    match key.register().reserve(enc_digest, millis(now), remembered_until) {
        Ok(Reservation::Fresh) => Ok(rules),
        Ok(Reservation::Seen) => Err(Refusal::Replay),
        // The clock went back behind what the register has forgotten: whether it was seen cannot be known.
        Err(sealwire_store::Error::Expired) => Err(Refusal::Date),
        Err(_) => Err(Refusal::RegisterFull),
    }
}

fn date(head: &RequestHead) -> Option<SystemTime> {
    httpdate::parse_http_date(crate::wire::single(&head.headers, &header::DATE)?).ok()
}

fn distance(a: SystemTime, b: SystemTime) -> Duration {
    a.duration_since(b).or_else(|_| b.duration_since(a)).unwrap_or_default()
}

fn millis(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
