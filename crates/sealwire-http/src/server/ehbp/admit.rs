//! Whether an opened request may go on: early data, the path, replay.

use super::{LiveKey, Settings};
use crate::server::RouteRules;
use http::{HeaderName, StatusCode, header};
use sealwire_ehbp::EncapsulatedKey;
use sealwire_message::bhttp::RequestHead;
use sealwire_store::Reservation;

const EARLY_DATA: HeaderName = HeaderName::from_static("early-data");

/// Why an opened request does not go on. Answered inside (EH-07).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// EH-20: the path is not one that sealed content may go to
    Path,
    /// OB-63 holds here, too
    EarlyData,
    /// the request asks for another protocol
    Upgrade,
    /// EH-21
    Replay,
    /// EH-21
    RegisterFull,
}

impl Refusal {
    /// Stable, for metrics.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Path => "sealed-path",
            Self::EarlyData => "early-data",
            Self::Upgrade => "upgrade",
            Self::Replay => "replay",
            Self::RegisterFull => "register-full",
        }
    }

    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::Path => StatusCode::FORBIDDEN,
            Self::EarlyData => StatusCode::TOO_EARLY,
            Self::Upgrade => StatusCode::BAD_REQUEST,
            Self::Replay => StatusCode::CONFLICT,
            Self::RegisterFull => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// What an admitted request is held to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Admitted {
    pub(super) route: RouteRules,
    /// content whose format has an end must show it (EH-22)
    pub(super) whole: bool,
}

/// Checks a request whose first frame has authenticated, and reserves its encapsulated key.
///
/// The reservation is the last step: a request that is refused for another reason may be sent again.
pub(super) fn admit(
    settings: &Settings,
    head: &RequestHead,
    key: &LiveKey,
    enc: &EncapsulatedKey,
) -> Result<Admitted, Refusal> {
    let route = settings.routes.rules(head);
    let rules = route.ehbp.ok_or(Refusal::Path)?;
    if head.headers.contains_key(EARLY_DATA) && !route.early_data {
        return Err(Refusal::EarlyData);
    }
    if head.headers.contains_key(header::UPGRADE) {
        return Err(Refusal::Upgrade);
    }
    let admitted = Admitted { route, whole: rules.whole };
    // EH-21 has no exception, not for `idempotent` routes either: nothing binds content to a path, so that what is let through
    // twice here would be let through once more at another.
    match key.reserve(enc, settings.clock.unix_millis()) {
        Ok(Reservation::Fresh) => Ok(admitted),
        Ok(Reservation::Seen) => Err(Refusal::Replay),
        Err(_) => Err(Refusal::RegisterFull),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        SystemClock,
        server::{
            EhbpRules, Routes,
            ehbp::{SecondTries, keys},
        },
    };
    use http::{HeaderMap, Method, uri::Scheme};
    use sealwire_crypto::random::OsRandom;
    use std::{num::NonZeroU32, sync::Arc, time::Duration};

    struct Idempotent;

    impl Routes for Idempotent {
        fn rules(&self, _: &RequestHead) -> RouteRules {
            RouteRules { idempotent: true, ehbp: Some(EhbpRules::default()), ..RouteRules::default() }
        }
    }

    // EH-21: on any route.
    #[test]
    fn an_idempotent_route_takes_it_once() {
        let keys = keys::Settings { overlap: Duration::from_secs(60), register_capacity: 16 };
        let settings = Settings {
            keys: Arc::new(keys::Keys::new(keys, Arc::new(SystemClock), &OsRandom).unwrap()),
            routes: Arc::new(Idempotent),
            clock: Arc::new(SystemClock),
            random: Arc::new(OsRandom),
            limits: sealwire_ehbp::Limits::default(),
            second_tries: Arc::new(SecondTries::per_second(NonZeroU32::MIN)),
            header_time: Duration::from_secs(600),
            idle_time: Duration::from_secs(600),
            gathered: 1 << 20,
        };
        let head = RequestHead {
            method: Method::POST,
            scheme: Scheme::HTTPS,
            authority: Some("a.example".parse().unwrap()),
            path: "/".parse().unwrap(),
            headers: HeaderMap::new(),
        };
        let enc = EncapsulatedKey::from_field("07".repeat(32).as_bytes()).unwrap();
        let (key, _) = settings.keys.live();
        assert!(admit(&settings, &head, &key, &enc).is_ok());
        assert_eq!(admit(&settings, &head, &key, &enc).err(), Some(Refusal::Replay));
    }
}
