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
