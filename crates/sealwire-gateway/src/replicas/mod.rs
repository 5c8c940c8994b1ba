//! Several instances behind the same names (SE-44). Each has its own keys; sealed bytes that reach the wrong one are
//! forwarded to their owner unopened. Where the owner is comes from a registry that is trusted for availability only.

mod beginning;
mod elsewhere;
mod forward;
mod hop;
mod keep;
mod known;
mod tunnel;

pub(crate) use forward::{Forward, ForwardLayer, Times};
pub(crate) use hop::Hops;
pub(crate) use keep::{announced, keep};

use crate::{config, metrics};
use known::Known;
use sealwire_store::registry::{Error, Instance, Registry};
use std::{
    future::Future,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::{Instant, timeout};

/// How long an answer of the registry may take, reconnecting included.
const ASKING: Duration = Duration::from_secs(1);
/// How long a registry that did not answer is not asked again: requests must not wait for it one after the other.
const SILENCE: Duration = Duration::from_secs(1);
/// How long an instance that could not be connected to counts as gone. Its address may stay in the registry for the
/// rest of its time there.
const GONE: Duration = Duration::from_secs(3);

/// The registry, and what this instance says in it.
pub(crate) struct Replicas {
    registry: Registry,
    advertise: String,
    ttl: Duration,
    memory: Mutex<Memory>,
}

/// What was learnt of the others.
struct Memory {
    addresses: Known<Instance, String>,
    owners: Known<u8, Instance>,
    /// instances that could not be connected to
    gone: Known<Instance, ()>,
    /// when the registry is asked again after a failure
    silent_until: Option<Instant>,
}

impl Replicas {
    pub(crate) fn new(config: &config::Registry) -> Result<Self, Error> {
        let memory = Memory {
            addresses: Known::new(config.ttl),
            owners: Known::new(config.ttl),
            gone: Known::new(GONE),
            silent_until: None,
        };
        Ok(Self {
            registry: Registry::open(&config.url)?,
            advertise: config.advertise.trim_end_matches('/').to_owned(),
            ttl: config.ttl,
            memory: Mutex::new(memory),
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

    /// Where another instance is; `None` where nobody knows, or it was just found to be gone.
    async fn address(&self, instance: &Instance) -> Option<String> {
        let before = {
            let memory = self.memory();
            if memory.gone.get(instance).is_some() {
                return None;
            }
            memory.addresses.get(instance)
        };
        if let Some(before) = &before
            && before.is_fresh()
        {
            return before.value.clone();
        }
        match self.ask(self.registry.address(instance)).await {
            Some(address) => {
                self.memory().addresses.put(*instance, address.clone());
                address
            }
            // Its last word is better than none while it says nothing.
            None => before.and_then(|before| before.value),
        }
    }

    /// Whose key an id is, if another's.
    async fn owner(&self, key_id: u8, own: &Instance) -> Option<Instance> {
        let before = self.memory().owners.get(&key_id);
        let owner = match before {
            Some(before) if before.is_fresh() => before.value,
            before => match self.ask(self.registry.owner(key_id)).await {
                Some(owner) => {
                    self.memory().owners.put(key_id, owner);
                    owner
                }
                None => before.and_then(|before| before.value),
            },
        };
        owner.filter(|owner| owner != own)
    }

    /// That an instance cannot be connected to.
    fn is_gone(&self, instance: &Instance) {
        self.memory().gone.put(*instance, Some(()));
    }

    /// Asks the registry, unless it has just failed to answer.
    async fn ask<T>(&self, question: impl Future<Output = Result<T, Error>>) -> Option<T> {
        if self.memory().silent_until.is_some_and(|until| Instant::now() < until) {
            return None;
        }
        match timeout(ASKING, question).await {
            Ok(Ok(answer)) => return Some(answer),
            Ok(Err(error)) => unreachable(&error),
            Err(elapsed) => unreachable(&elapsed),
        }
        self.memory().silent_until = Some(Instant::now() + SILENCE);
        None
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unreachable(error: &dyn std::error::Error) {
    ::metrics::counter!(metrics::REGISTRY_FAILURES).increment(1);
    tracing::warn!(%error, "the registry does not answer: sealed requests for other instances may not be forwarded");
}
