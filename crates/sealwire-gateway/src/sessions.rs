//! The sessions of one configuration: the keys that they are made with live and die with it (AT-45).

use crate::{
    config::{CallersPlan, Plan},
    instance::Instance,
    own::Challenges,
    stack::Parts,
};
use futures_util::future::BoxFuture;
use sealwire_attest::{Bound, UnixTime, cmw};
use sealwire_http::{
    Identity, channel,
    crypto::random::Random,
    server::session::{Callers, Channels, OnceRegister, Settings, Shown, Shows},
    session::{
        self, Scheme,
        server::{Config, Pending, Server, Table},
    },
};
use std::sync::Arc;

/// Tokens and tickets that are remembered as used.
const USED: usize = 1 << 18;

/// Identity, sessions, and what was used once.
pub(crate) struct Sessions {
    server: Arc<Server>,
    pub(crate) table: Arc<Table<Identity>>,
    pending: Arc<Pending>,
    once: Arc<OnceRegister>,
}

impl Sessions {
    /// Fresh keys for the instance with this id.
    pub(crate) fn new(
        config: &Config,
        instance: [u8; 16],
        random: &dyn Random,
    ) -> Result<Self, session::Error> {
        let limits = config.limits;
        let slh_dsa = config.schemes.contains(&Scheme::SlhDsaSha2192f);
        let identity = session::Identity::generate(slh_dsa, random)?;
        Ok(Self {
            server: Arc::new(Server::new(config.clone(), instance, identity, random)?),
            table: Arc::new(Table::new(limits)),
            pending: Arc::new(Pending::new(&limits)),
            once: Arc::new(OnceRegister::new(USED)),
        })
    }

    /// Public keys, for the key document.
    pub(crate) fn identity(&self) -> &session::Identity {
        self.server.identity()
    }

    /// Drops, and so wipes, sessions that are over.
    pub(crate) fn forget(&self, now: UnixTime) {
        self.table.sweep(now.0.saturating_mul(1000));
    }

    /// Ends the sessions of attested callers that their policy would not accept any more, because of the time or of a
    /// revocation list (AT-25, SE-41).
    pub(crate) fn recheck(&self, callers: &CallersPlan, now: UnixTime) {
        self.table.retain(|identity| match identity {
            Identity::Attested(caller) => callers
                .policy
                .still_accepts(caller, now)
                .inspect_err(|denial| tracing::info!(%denial, "an attested caller is cut off"))
                .is_ok(),
            _ => true,
        });
    }

    /// Ends the sessions of all attested callers: what accepted them is replaced.
    pub(crate) fn forget_attested(&self) {
        self.table.retain(|identity| matches!(identity, Identity::Nobody));
    }

    /// What the wire's layer needs, while `shows` is what is published.
    pub(crate) fn settings(&self, parts: &Parts, plan: &Plan, shows: Arc<dyn Shows>) -> Settings {
        Settings {
            server: self.server.clone(),
            table: self.table.clone(),
            pending: self.pending.clone(),
            once: self.once.clone(),
            shows,
            callers: plan.callers.as_ref().map_or(Callers::Anybody, CallersPlan::asks),
            routes: plan.routes.clone(),
            rewrites: plan.rewrites.clone(),
            clock: parts.clock.clone(),
            random: parts.random.clone(),
            bhttp: plan.wire.bhttp,
            header_time: plan.wire.header_time,
            idle_time: plan.wire.idle_time,
            gathered: plan.wire.single_request,
            channels: Channels {
                tunnels: parts.tunnels.clone(),
                settings: channel::Settings::default(),
                closing: parts.closing,
            },
        }
    }
}

/// A published document, and the instance that makes quotes.
pub(crate) struct Presented {
    shown: Arc<Shown>,
    instance: Arc<Instance>,
    challenges: Arc<Challenges>,
}

impl Presented {
    /// `challenges` is how often fresh evidence is made, for all callers together.
    pub(crate) fn new(
        attested: &crate::instance::Attested,
        instance: Arc<Instance>,
        challenges: Arc<Challenges>,
    ) -> Self {
        let shown = Shown {
            document: attested.hash,
            published: attested.cbor.clone(),
            authorities: attested.document.authorities.as_slice().into(),
        };
        Self { shown: Arc::new(shown), instance, challenges }
    }
}

impl Shows for Presented {
    fn shown(&self) -> Arc<Shown> {
        self.shown.clone()
    }

    fn quote(&self, bound: Bound) -> BoxFuture<'static, Option<Vec<u8>>> {
        // The secure processor is slow and shared, and anybody can ask (SE-13).
        if !self.challenges.is_due() {
            return Box::pin(std::future::ready(None));
        }
        let instance = self.instance.clone();
        Box::pin(async move {
            let made = instance.quote("handshake", bound).await;
            let made = made.inspect_err(|error| tracing::debug!(%error, "no quote for a handshake"));
            made.ok().map(|produced| cmw::encode(&produced.evidence))
        })
    }
}
