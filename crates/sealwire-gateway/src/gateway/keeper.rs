//! Keeps keys and document fresh, off the request path.

use super::State;
use crate::metrics;
use sealwire_attest::UnixTime;
use std::{sync::Arc, time::Duration};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// How often the small things are looked after; due times are met sooner than that.
const TICK: Duration = Duration::from_secs(5);
/// Between attempts, at first and at most.
const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// Rotates keys, renews the document, and wipes what has come to its end, until `finished`.
pub(super) async fn keep(state: Arc<State>, rotation: Duration, finished: CancellationToken) {
    let mut retry = RETRY.0;
    let mut not_before = UnixTime(0);
    let mut changes = state.instance.staple.changes();
    // New endorsements that no document has yet.
    let mut endorsed = false;
    loop {
        let now = state.instance.now();
        let rotate_at = state.rotate_at(rotation);
        let renew_at = if endorsed { now } else { state.live().attested.renew_at() };
        let due = rotate_at.min(renew_at).max(not_before);
        let wait = due.since(now).min(TICK);
        tokio::select! {
            () = finished.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
            () = changed(&mut changes) => {
                endorsed = true;
                continue;
            }
        }
        state.instance.staple.report();
        if let Some(recorder) = metrics::installed() {
            recorder.run_upkeep();
        }
        state.forget().await;
        state.recheck_callers().await;
        state.renew_tunnel().await;
        state.renew_ehbp().await;
        let now = state.instance.now();
        if now < due {
            continue;
        }
        // A rotation publishes a document, too.
        let done = if now >= state.rotate_at(rotation) { state.rotate().await } else { state.renew().await };
        match done {
            Ok(()) => {
                retry = RETRY.0;
                endorsed = false;
            }
            Err(error) => {
                let not_after = state.live().attested.document.not_after;
                tracing::error!(%error, %not_after, "no new key document; the old one stays, and this is tried again");
                not_before = state.instance.now().saturating_add(retry);
                retry = (retry * 2).min(RETRY.1);
            }
        }
    }
}

/// Until a renewal of endorsements brought something new; for ever where none are fetched.
async fn changed(changes: &mut Option<watch::Receiver<u64>>) {
    if let Some(receiver) = changes
        && receiver.changed().await.is_ok()
    {
        return;
    }
    std::future::pending().await
}
