//! Keeps what the registry says of this instance true.

use super::{ASKING, Replicas, unreachable};
use crate::gateway::State;
use sealwire_store::registry::Error;
use std::{sync::Arc, time::Duration};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// How long taking back may hold up the end of a gateway.
const WITHDRAWING: Duration = Duration::from_secs(2);

/// Says where this instance is, before it serves.
pub(crate) async fn announced(replicas: &Replicas, state: &State) {
    // A registry that is away is away for every entry: one failure will do.
    match timeout(2 * ASKING, announce(replicas, state)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => unreachable(&error),
        Err(elapsed) => unreachable(&elapsed),
    }
}

async fn announce(replicas: &Replicas, state: &State) -> Result<(), Error> {
    let (instance, ttl) = (state.instance.id(), replicas.ttl);
    replicas.registry.announce(&instance, &replicas.advertise, ttl).await?;
    // Ids that are only still accepted, after a rotation, are held on to as well.
    for id in state.live().key_ids() {
        if !replicas.registry.claim(id, &instance, ttl).await? {
            tracing::warn!(
                id,
                "another instance holds this OHTTP key id; its callers and ours may begin anew"
            );
        }
    }
    Ok(())
}

/// Says it again before it ends, until `finished`; then takes it back.
pub(crate) async fn keep(replicas: Arc<Replicas>, state: Arc<State>, finished: CancellationToken) {
    loop {
        tokio::select! {
            () = finished.cancelled() => break,
            () = tokio::time::sleep(replicas.ttl / 3) => announced(&replicas, &state).await,
        }
    }
    let ids = state.live().key_ids();
    match timeout(WITHDRAWING, replicas.registry.withdraw(&state.instance.id(), &ids)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => unreachable(&error),
        Err(elapsed) => unreachable(&elapsed),
    }
}
