//! Named secrets for enclaves that call (SE-20): given to whom a policy accepts, each delivery written down first.

mod access;
mod answer;
mod audit;
mod layer;
mod rules;
mod store;

pub(crate) use audit::Audit;
pub(crate) use layer::{Provision, SecretsLayer};
pub(crate) use rules::{Judge, Pattern, Rule, Rules};

use sealwire_http::{Clock, server::session::CallerPolicy};
use std::{sync::Arc, time::Duration};
use store::{Held, Store};

/// The secrets under one configuration.
pub(crate) struct Secrets {
    /// what every caller has to meet, whatever it asks for
    callers: Arc<CallerPolicy>,
    rules: Arc<Rules>,
    store: Arc<Store>,
    audit: Arc<Audit>,
    instance: [u8; 16],
    /// how long a secret may take to arrive
    content_time: Duration,
    clock: Arc<dyn Clock>,
}

/// What secrets need besides their rules.
#[derive(Clone)]
pub(crate) struct Surroundings {
    pub(crate) callers: Arc<CallerPolicy>,
    pub(crate) audit: Arc<Audit>,
    pub(crate) instance: [u8; 16],
    pub(crate) content_time: Duration,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Secrets {
    /// None yet.
    pub(crate) fn new(rules: Arc<Rules>, around: Surroundings) -> Self {
        Self::with(Arc::new(Store::new(Held::default())), rules, around)
    }

    /// The same secrets as `earlier`, which has the same rules and may still be asked.
    pub(crate) fn going_on(earlier: &Self, rules: Arc<Rules>, around: Surroundings) -> Self {
        Self::with(earlier.store.clone(), rules, around)
    }

    /// Takes over from `earlier`, which gives nothing any more, what has the same rule in both.
    ///
    /// A host can have the gateway reload another configuration. What was put under rules that the writer has seen in the
    /// key document must not be read under others (AT-44).
    pub(crate) async fn taking_over(earlier: &Arc<Self>, rules: Arc<Rules>, around: Surroundings) -> Self {
        let (old, new) = (earlier.clone(), rules.clone());
        // In turn, so that no write is told done that went to where nobody looks any more.
        let held = earlier.audit.in_turn(move |_| old.store.retire(&old.rules, Some(&new))).await;
        Self::with(Arc::new(Store::new(held.unwrap_or_default())), rules, around)
    }

    /// Wipes everything.
    pub(crate) async fn retire(self: &Arc<Self>) {
        let this = self.clone();
        let _nothing = self.audit.in_turn(move |_| this.store.retire(&this.rules, None)).await;
    }

    fn with(store: Arc<Store>, rules: Arc<Rules>, around: Surroundings) -> Self {
        let Surroundings { callers, audit, instance, content_time, clock } = around;
        Self { callers, rules, store, audit, instance, content_time, clock }
    }

    pub(crate) fn audit(&self) -> &Arc<Audit> {
        &self.audit
    }
}
