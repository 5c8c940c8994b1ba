//! The keys of version 0 of the RA tunnel, each with a quote over it, of one configuration (TU-16, TU-35).

use crate::{
    config::{Plan, TunnelPlan},
    instance::{self, Instance},
};
use arc_swap::ArcSwap;
use sealwire_attest::UnixTime;
use sealwire_http::{
    crypto::random::Random,
    ra_tunnel::server::{Offer, Unquoted},
    server::tunnel::Offers,
};
use std::sync::Arc;

/// What new connections are shown. A key that was replaced goes with the last connection that was shown it.
pub(crate) struct TunnelKeys(ArcSwap<Made>);

struct Made {
    offer: Arc<Offer>,
    at: UnixTime,
}

impl TunnelKeys {
    /// A first key, and a quote over it. Takes as long as a quote.
    pub(crate) async fn new(
        instance: &Instance,
        plan: &Plan,
        of: &TunnelPlan,
        random: &dyn Random,
    ) -> Result<Self, instance::Error> {
        tracing::warn!(
            "version 0 of the RA tunnel is on. What its network lets pass twice on one connection is dropped, but order, loss \
             and end are not protected (TU-40); whoever gets its key of the day opens what was recorded that day (TU-43); and a \
             client cannot tell when its quote was made (TU-44). Use the session wire wherever both ends are yours"
        );
        made(instance, plan, of, random).await.map(|made| Self(ArcSwap::from_pointee(made)))
    }

    /// Replaces the key where that is due.
    pub(crate) async fn renew(
        &self,
        instance: &Instance,
        plan: &Plan,
        of: &TunnelPlan,
        random: &dyn Random,
    ) -> Result<(), instance::Error> {
        let current = self.0.load_full();
        let is_old = instance.now() >= current.at.saturating_add(of.rotation);
        if is_old || current.offer.is_worn() {
            self.0.store(Arc::new(made(instance, plan, of, random).await?));
        }
        Ok(())
    }
}

async fn made(
    instance: &Instance,
    plan: &Plan,
    of: &TunnelPlan,
    random: &dyn Random,
) -> Result<Made, instance::Error> {
    let at = instance.now();
    let unquoted = Unquoted::generate(&plan.digest, at, random)?;
    let (quote, endorsements) = instance.tunnel_quote(unquoted.report_data()).await?;
    let offer = Arc::new(unquoted.quoted(quote, endorsements, &of.limits));
    Ok(Made { offer, at })
}

impl Offers for TunnelKeys {
    fn offer(&self) -> Arc<Offer> {
        self.0.load().offer.clone()
    }
}
