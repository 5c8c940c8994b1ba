//! What a gateway and an application that attests itself have in common: keys, key documents, and what keeps them.

use super::{Environment, Front, StartError, State, keeper, tee};
use crate::{
    config::{Config, Plan},
    destination::Destination,
    hpke_http,
    instance::Instance,
    layers::InFlightLayer,
    replicas::{self, Replicas},
    stack::{Observers, Parts},
    staple::Staple,
};
use sealwire_http::{key_ring, server::tunnels::Tunnels};
use sealwire_tee::quoter::Quoter;
use std::sync::Arc;
use tokio::{sync::Semaphore, task::JoinHandle};
use tokio_util::sync::CancellationToken;

/// Keys that are attested, and the tasks that renew them. Dropped, it keeps nothing up any more.
pub(crate) struct Core {
    pub(crate) state: Arc<State>,
    /// connections that were taken over
    pub(crate) tunnels: Arc<Tunnels>,
    /// slots of requests, and how many there are
    pub(crate) in_flight: Arc<Semaphore>,
    pub(crate) slots: usize,
    pub(crate) finished: CancellationToken,
    pub(crate) helpers: Vec<JoinHandle<()>>,
}

impl Core {
    /// Makes keys, publishes the first document, and starts what renews them.
    pub(crate) async fn start(
        config: &Config,
        plan: Plan,
        environment: Environment,
        destination: Destination,
    ) -> Result<Self, StartError> {
        let Environment { tee, clock, random } = environment;
        let platform = tee::open(config, tee).await?;
        let quoter = Quoter::spawn(platform, config.quotes.queue, config.quotes.timeout);
        let staple = Arc::new(Staple::new(&config.endorsements, clock.clone())?);
        let prefix = &config.instance_prefix;
        let instance = Instance::new(prefix, quoter, staple.clone(), clock.clone(), random.as_ref())?;
        let slots = config.limits.requests.min(Semaphore::MAX_PERMITS);
        let in_flight = Arc::new(Semaphore::new(slots));
        let tunnels = Arc::new(Tunnels::new(config.limits.connections));
        let store =
            hpke_http::open_store(config.hpke_http.as_ref()).await.map_err(hpke_http::Failure::from)?;
        let replicas = match &config.registry {
            Some(registry) => Some((
                Arc::new(Replicas::new(registry)?),
                replicas::Hops::new(&registry.advertise, tunnels.clone(), random.clone()),
            )),
            None => None,
        };
        let parts = Parts {
            clock,
            random,
            store,
            in_flight: InFlightLayer(in_flight.clone()),
            // What comes in channels may be silent for as long as its client answers pings, so some room is always left
            // for requests that cannot.
            in_channels: InFlightLayer(Arc::new(Semaphore::new(slots.saturating_sub(slots / 4)))),
            observe: Observers::new(),
            tunnels: tunnels.clone(),
            closing: config.limits.drain_time,
            replicas: replicas.clone(),
        };
        let keys = key_ring::Settings {
            kems: config.keys.kems.clone(),
            aeads: config.keys.aeads.clone(),
            overlap: config.keys.overlap,
            list_lifetime: config.keys.lifetime,
            register_capacity: config.keys.register_capacity,
        };
        let state = Arc::new(State::new(instance, parts, keys, plan, destination).await?);
        if let Some((replicas, _)) = &replicas {
            replicas::announced(replicas, &state).await;
        }
        let finished = CancellationToken::new();
        let mut helpers =
            vec![tokio::spawn(keeper::keep(state.clone(), config.keys.rotation, finished.clone()))];
        if let Some((replicas, _)) = replicas {
            helpers.push(tokio::spawn(replicas::keep(replicas, state.clone(), finished.clone())));
        }
        let stop = finished.clone();
        helpers.push(tokio::spawn(async move { staple.run(stop).await }));
        Ok(Self { state, tunnels, in_flight, slots, finished, helpers })
    }

    /// Everything between whoever listens and the application.
    pub(crate) fn front(&self) -> Front {
        Front(self.state.clone())
    }

    /// Ends the tasks, and waits for them.
    pub(crate) async fn finish(&mut self) {
        self.finished.cancel();
        for helper in self.helpers.drain(..) {
            // A task that panicked has stopped, too.
            let _ = helper.await;
        }
    }
}

impl Drop for Core {
    fn drop(&mut self) {
        self.finished.cancel();
        self.tunnels.cut();
    }
}
