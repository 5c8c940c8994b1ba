//! From the first byte of a request to its admission, in the order of HH-37.

use super::{LiveKey, Served, Settings, answer::Refusal};
use crate::{Body, opened::Fault, server::exchange};
use sealwire_hpke_http::{
    Credential, Error,
    server::{Opened, Preparsed, Start},
};
use sealwire_store::{
    Reservation,
    credentials::{Credential as Known, Use},
};
use std::{ops::Deref, sync::Arc};

/// A request that is authentic and new, who sent it, and where it goes.
pub(super) struct Admitted<'a, S> {
    pub(super) opened: Opened,
    pub(super) tenant: Arc<str>,
    pub(super) served: &'a Served<S>,
}

/// A key, and whose it is.
struct Found<'a, S> {
    key: Arc<LiveKey>,
    served: &'a Served<S>,
}

impl<S> Deref for Found<'_, S> {
    type Target = LiveKey;

    fn deref(&self) -> &LiveKey {
        &self.key
    }
}

/// Reads the front of a request, opens and admits it. What has not been read comes back.
pub(super) async fn open<'a, S>(
    settings: &Settings,
    served: &'a [Served<S>],
    mut body: Body,
) -> Result<(Admitted<'a, S>, Body), Refusal> {
    let front = tokio::time::timeout(settings.header_time, front(settings, &mut body));
    let start = front.await.map_err(|_| Refusal::Slow)??;
    let preparsed = start.preparse(|id| {
        let find = |served: &'a Served<S>| Some(Found { key: served.keys.find(id)?, served });
        served.iter().find_map(find)
    })?;
    let admitted = admit(settings, preparsed).await?;
    Ok((admitted, body))
}

/// Reads on until START is whole.
async fn front(settings: &Settings, body: &mut Body) -> Result<Start, Refusal> {
    let mut start = Start::new(settings.limits);
    while !start.is_whole()? {
        let slice = exchange::next(body).await?.ok_or(Fault::HpkeHttp(Error::MalformedEnvelope))?;
        start.push(&slice);
    }
    Ok(start)
}

async fn admit<'a, S>(
    settings: &Settings,
    preparsed: Preparsed<Found<'a, S>>,
) -> Result<Admitted<'a, S>, Refusal> {
    let id = preparsed.psk_id();
    let known = settings.credentials.find(id).await.map_err(|_| Refusal::Credentials)?;
    // A key of the releases 1.x is none here (HH-105).
    let known = known.filter(|known| known.usage() == Use::Native);
    let credential = known.as_deref().map(|known| Credential::new(id.to_vec(), known.key())).transpose()?;
    let Found { key, served } = preparsed.key();
    let (key, served): (Arc<LiveKey>, &'a Served<S>) = (key.clone(), served);
    let authenticated = preparsed.authenticate(credential.as_ref(), settings.clock.unix_seconds())?;
    let wanted = authenticated.reservation();
    let is_first = match key.replays().reserve(wanted, settings.clock.unix_millis()).await {
        Ok(Reservation::Fresh) => true,
        Ok(Reservation::Seen) => false,
        // The clock went back behind what has been forgotten: whether it was seen cannot be known.
        Err(sealwire_store::Error::Expired) => return Err(Refusal::Time),
        Err(error) => {
            tracing::warn!(%error, "no reservation, so the request is refused");
            return Err(Refusal::Store);
        }
    };
    let opened = authenticated.admit(wanted.decide(is_first), settings.clock.unix_seconds())?;
    let tenant = known.as_deref().map(Known::tenant).cloned().ok_or(Refusal::Invalid)?;
    Ok(Admitted { opened, tenant, served })
}
