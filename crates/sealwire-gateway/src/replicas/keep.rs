//! Keeps what the registry says of this instance true.

use super::{Replicas, unreachable};
use crate::gateway::State;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Says where this instance is, before it serves.
pub(crate) async fn announced(replicas: &Replicas, state: &State) {
    let (instance, ttl) = (state.instance.id(), replicas.ttl);
    if let Err(error) = replicas.registry.announce(&instance, &replicas.advertise, ttl).await {
        unreachable(&error);
    }
    // Ids that are only still accepted, after a rotation, are held on to as well.
    for id in state.live().key_ids() {
        if !replicas.claim(&instance, [id]).await {
            tracing::warn!(
                id,
                "another instance holds this OHTTP key id; its callers and ours may begin anew"
            );
        }
    }
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
    if let Err(error) = replicas.registry.withdraw(&state.instance.id(), &ids).await {
        unreachable(&error);
    }
}
