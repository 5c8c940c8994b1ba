//! What goes out beside the evidence, so that a client needs no network but the gateway (AT-40, AT-70): what the platform
//! hands out, what lies in the operator's folder, and what was fetched from the vendors.

use crate::{
    config,
    metrics::{ENDORSEMENT_EVENTS, ENDORSEMENTS},
    tls,
};
use sealwire_attest::{Endorsements, Presented, UnixTime};
use sealwire_collateral::{Counts, Failure, Fetcher, Keeping, Limits, Service, Sources, Store, folder};
use sealwire_http::Clock;
use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// The most that is stapled, in bytes: a client reads 1 MiB of a published document, and takes none that is longer.
const MAX_SIZE: usize = 768 * 1024;

/// Gathers endorsements.
pub(crate) struct Staple {
    folder: Option<PathBuf>,
    service: Option<Service>,
    clock: Arc<dyn Clock>,
    /// what the folder held when it was last looked at
    seen: Mutex<Option<Endorsements>>,
    /// what the metrics, which all gateways of a process share, have of this one
    reported: Mutex<Counts>,
}

impl Staple {
    /// As configured. Blocking: makes the folder of the cache, and reads certificates.
    pub(crate) fn new(config: &config::Endorsements, clock: Arc<dyn Clock>) -> Result<Self, Failure> {
        let service = match config.fetch {
            true => Some(service(config, &clock)?),
            false => None,
        };
        let folder = config.folder.clone();
        Ok(Self { folder, service, clock, seen: Mutex::default(), reported: Mutex::default() })
    }

    /// What goes out beside `evidence`. What cannot be had is logged, and goes out without.
    pub(crate) async fn beside(&self, evidence: &Presented, produced: Endorsements) -> Endorsements {
        let mut stapled = produced;
        if let Some(found) = self.read_folder().await {
            add(&mut stapled, &found, "the folder");
            self.remember(found);
        }
        let Some(service) = &self.service else { return stapled };
        match service.endorse(evidence, &stapled).await {
            Ok(gathered) => {
                for failure in &gathered.failures {
                    tracing::warn!(error = %failure, "clients must bring this endorsement themselves");
                }
                for what in &gathered.elsewhere {
                    tracing::debug!(what, "not published by the vendor");
                }
                add(&mut stapled, &gathered.endorsements, "what was fetched");
            }
            Err(error) => {
                tracing::warn!(%error, "what the evidence needs cannot be told; nothing is fetched")
            }
        }
        stapled
    }

    /// Whether the folder holds something else than when it was last looked at.
    pub(crate) async fn has_changed(&self) -> bool {
        let found = self.read_folder().await;
        found.is_some() && found != *self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Told whenever a renewal brought something new.
    pub(crate) fn changes(&self) -> Option<watch::Receiver<u64>> {
        self.service.as_ref().map(Service::changes)
    }

    /// Renews what was fetched, until `finished`.
    pub(crate) async fn run(&self, finished: CancellationToken) {
        if let Some(service) = &self.service {
            service.run(finished.cancelled()).await;
        }
    }

    /// Brings the metrics up to date.
    pub(crate) fn report(&self) {
        let Some(service) = &self.service else { return };
        let now = service.counts();
        let mut reported = self.reported.lock().unwrap_or_else(PoisonError::into_inner);
        for ((event, now), (_, before)) in events(&now).into_iter().zip(events(&reported)) {
            ::metrics::counter!(ENDORSEMENTS, "event" => event).increment(now.saturating_sub(before));
        }
        *reported = now;
    }

    async fn read_folder(&self) -> Option<Endorsements> {
        let path = self.folder.clone()?;
        let read = tokio::task::spawn_blocking(move || folder::read(&path)).await.ok()?;
        let mut found = match read {
            Ok(loaded) => loaded.endorsements,
            // It was readable at the start. What was stapled before is better than no document.
            Err(error) => {
                tracing::error!(%error, "the folder of endorsements cannot be read; what it held before is used");
                return self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
            }
        };
        let ended = found.drop_ended(UnixTime(self.clock.unix_seconds()));
        if ended > 0 {
            tracing::warn!(ended, "endorsements of the folder are past their end, and left out; renew them");
        }
        Some(found)
    }

    fn remember(&self, found: Endorsements) {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(found);
    }
}

fn events(counts: &Counts) -> [(&'static str, u64); 5] {
    let Counts { hits, misses, refreshes, failures, stale } = *counts;
    let [hit, miss, refresh, failure, late] = ENDORSEMENT_EVENTS;
    [(hit, hits), (miss, misses), (refresh, refreshes), (failure, failures), (late, stale)]
}

/// Adds what fits.
fn add(stapled: &mut Endorsements, more: &Endorsements, what: &'static str) {
    let mut both = stapled.clone();
    match both.merge(more) {
        Ok(()) if both.size() <= MAX_SIZE => *stapled = both,
        Ok(()) => tracing::error!(what, size = both.size(), "more endorsements than clients take; left out"),
        Err(error) => tracing::error!(what, %error, "more endorsements than clients take; left out"),
    }
}

fn service(config: &config::Endorsements, clock: &Arc<dyn Clock>) -> Result<Service, Failure> {
    let mut sources = Sources::default();
    if let Some(pcs) = &config.pcs {
        sources = sources.with_pcs(pcs)?;
    }
    if let Some(kds) = &config.kds {
        sources = sources.with_kds(kds)?;
    }
    if let Some(aws_crls) = &config.aws_crls {
        sources = sources.with_aws_crls(aws_crls)?;
    }
    let roots = match &config.tls_roots {
        Some(path) => tls::certificates(path).map_err(|what| Failure::Tls(what.into()))?,
        None => Vec::new(),
    };
    let roots: Vec<Vec<u8>> = roots.iter().map(|der| der.to_vec()).collect();
    let default = Limits::default();
    let limits = Limits {
        connect: default.connect.min(config.timeout),
        exchange: default.exchange.min(config.timeout),
        total: config.timeout,
        ..default
    };
    let now: sealwire_collateral::Clock = {
        let clock = clock.clone();
        Arc::new(move || UnixTime(clock.unix_seconds()))
    };
    let fetcher = Fetcher::new(sources, &roots, limits, now.clone())?;
    let store = config.cache.as_deref().map(Store::open).transpose()?;
    let keeping = Keeping { interval: config.refresh, grace: config.grace, ..Keeping::default() };
    Ok(Service::new(Some(fetcher), store, keeping, now))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use super::*;
    use axum::{Router, http::HeaderMap, routing::get};
    use sealwire_attest::{Evidence, Kind};
    use sealwire_http::SystemClock;
    use std::time::{Duration, SystemTime};

    /// When the sample's collateral is in force.
    const NOW: u64 = 1_751_624_163;

    struct Then;

    impl Clock for Then {
        fn now(&self) -> SystemTime {
            SystemTime::UNIX_EPOCH + Duration::from_secs(NOW)
        }
    }

    fn sample(name: &str) -> Option<Vec<u8>> {
        let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared");
        let shared = std::env::var_os("SEALWIRE_SHARED").map_or_else(|| PathBuf::from(beside), PathBuf::from);
        let path = shared.join("quotes").join(name);
        if !path.exists() {
            assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "no sample at {}", path.display());
            println!("skipped: no sample at {}", path.display());
            return None;
        }
        Some(std::fs::read(path).unwrap())
    }

    /// A mirror that has TCB info and nothing else.
    async fn mirror(collateral: &serde_json::Value) -> String {
        let text = |key: &str| collateral.get(key).unwrap().as_str().unwrap().to_owned();
        let body =
            format!(r#"{{"tcbInfo":{},"signature":"{}"}}"#, text("tcb_info"), text("tcb_info_signature"));
        let chain =
            text("tcb_info_issuer_chain").replace(' ', "%20").replace('\n', "%0A").replace('+', "%2B");
        let mut headers = HeaderMap::new();
        headers.insert("tcb-info-issuer-chain", chain.parse().unwrap());
        let router = Router::new().route(
            "/tdx/certification/v4/tcb",
            get(move || {
                let answer = (headers.clone(), body.clone());
                async move { answer }
            }),
        );
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        base
    }

    // AT-70: what the evidence needs is had from the mirror; what is not there costs no document.
    #[tokio::test]
    async fn what_the_evidence_needs_is_stapled() {
        let Some(quote) = sample("tdx/phala-2025.bin") else { return };
        let evidence = Evidence::detect(&quote, Some(Kind::Tdx)).unwrap().into();
        let collateral: serde_json::Value =
            serde_json::from_slice(&sample("tdx/phala-2025.collateral.json").unwrap()).unwrap();
        let cache = tempfile::tempdir().unwrap();
        let config = config::Endorsements {
            fetch: true,
            pcs: Some(mirror(&collateral).await),
            cache: Some(cache.path().join("cache")),
            ..config::Endorsements::default()
        };
        let staple = Staple::new(&config, Arc::new(Then)).unwrap();
        let stapled = staple.beside(&evidence, Endorsements::default()).await;
        assert_eq!((stapled.references.len(), stapled.certificates.len(), stapled.crls.len()), (1, 1, 0));
        let counts = staple.service.as_ref().unwrap().counts();
        assert_eq!((counts.misses, counts.failures), (4, 3));
        staple.report();
        assert_eq!(*staple.reported.lock().unwrap(), counts);
        assert!(staple.changes().is_some());
        let nothing = Staple::new(&config::Endorsements::default(), Arc::new(SystemClock)).unwrap();
        assert_eq!(nothing.beside(&evidence, stapled.clone()).await, stapled);
        assert!(nothing.changes().is_none() && !nothing.has_changed().await);
    }

    // AT-40: a client reads no more than a published document can have, so no more is stapled.
    #[test]
    fn what_does_not_fit_is_left_out() {
        let part = |byte| Endorsements { crls: vec![vec![byte; 100 * 1024]], ..Endorsements::default() };
        let mut stapled = Endorsements::default();
        for byte in 0..4 {
            add(&mut stapled, &part(byte), "a test");
        }
        assert_eq!(stapled.crls.len(), 3);
        let many = Endorsements {
            certificates: (0..33_u8).map(|byte| vec![byte]).collect(),
            ..Endorsements::default()
        };
        add(&mut stapled, &many, "a test");
        assert!(stapled.certificates.is_empty());
    }
}
