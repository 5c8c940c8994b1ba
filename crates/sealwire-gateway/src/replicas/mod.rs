//! Several instances behind the same names (SE-44). Each has its own keys; sealed bytes that reach the wrong one are
//! forwarded to their owner unopened. Where the owner is comes from a registry that is trusted for availability only.

mod forward;
mod keep;

pub(crate) use forward::{Forward, ForwardLayer, client};
pub(crate) use keep::{announced, keep};

use crate::{config, metrics};
use sealwire_store::registry::{Error, Instance, Registry};
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// How long an answer of the registry is believed without asking again.
const BELIEVED: Duration = Duration::from_secs(2);
/// Answers that are remembered; ids of callers' making must not fill the memory.
const REMEMBERED: usize = 1024;

/// The registry, and what this instance says in it.
pub(crate) struct Replicas {
    registry: Registry,
    advertise: String,
    ttl: Duration,
    addresses: Mutex<HashMap<Instance, (Option<String>, Instant)>>,
}

impl Replicas {
    pub(crate) fn new(config: &config::Registry) -> Result<Self, Error> {
        Ok(Self {
            registry: Registry::open(&config.url)?,
            advertise: config.advertise.trim_end_matches('/').to_owned(),
            ttl: config.ttl,
            addresses: Mutex::default(),
        })
    }

    /// Takes key ids for this instance. `false` when one is another's. A registry that cannot be asked forbids nothing: then
    /// two instances may have the same id, and callers of one of them begin anew.
    pub(crate) async fn claim(&self, instance: &Instance, ids: impl IntoIterator<Item = u8>) -> bool {
        for id in ids {
            match self.registry.claim(id, instance, self.ttl).await {
                Ok(true) => {}
                Ok(false) => return false,
                Err(error) => {
                    unreachable(&error);
                    return true;
                }
            }
        }
        true
    }

    /// Where an instance is; `None` where nobody knows, or cannot be asked.
    async fn address(&self, instance: &Instance) -> Option<String> {
        let known = self.addresses.lock().unwrap_or_else(PoisonError::into_inner).get(instance).cloned();
        if let Some((address, at)) = known
            && at.elapsed() < BELIEVED
        {
            return address;
        }
        let address = self.registry.address(instance).await.inspect_err(unreachable).ok()?;
        let mut addresses = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        if addresses.len() >= REMEMBERED {
            addresses.clear();
        }
        addresses.insert(*instance, (address.clone(), Instant::now()));
        address
    }

    /// Whose key an id is, if another's.
    async fn owner(&self, key_id: u8, own: &Instance) -> Option<Instance> {
        let owner = self.registry.owner(key_id).await.inspect_err(unreachable).ok()?;
        owner.filter(|owner| owner != own)
    }
}

fn unreachable(error: &Error) {
    ::metrics::counter!(metrics::REGISTRY_FAILURES).increment(1);
    tracing::warn!(%error, "sealed requests for other instances cannot be forwarded");
}
