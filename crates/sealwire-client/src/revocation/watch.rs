//! The task that looks for newer lists, and sees to it that the last one's end is kept.

use super::{Source, kept::Kept, read::Reader};
use crate::{Error, keys::Keeper};
use std::{sync::Arc, time::Duration};
use tokio::task::AbortHandle;

/// Stops the task when dropped.
pub(crate) struct Watcher(AbortHandle);

impl Watcher {
    /// Starts it on the current runtime.
    pub(crate) fn spawn(keeper: Arc<Keeper>, source: &Source, reader: Reader) -> Self {
        let kept = source.kept.as_deref().map(Kept::new);
        Self(tokio::spawn(run(keeper, source.every, reader, kept)).abort_handle())
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The first list, without which nothing is accepted.
pub(crate) async fn first(
    appraiser: &crate::keys::Appraiser,
    source: &Source,
    tls_roots: &[Vec<u8>],
    timeout: Duration,
) -> Result<Reader, Error> {
    let reader = Reader::new(&source.place, tls_roots, timeout)?;
    let kept = source.kept.as_deref().map(Kept::new);
    if let Some(kept) = &kept {
        kept.recall(appraiser).await;
    }
    let bytes = reader.read().await?;
    let is_new = appraiser.take_list(&bytes).map_err(|error| reader.failed(error))?;
    if let Some(kept) = kept.filter(|_| is_new) {
        kept.keep(bytes).await;
    }
    Ok(reader)
}

async fn run(keeper: Arc<Keeper>, every: Duration, reader: Reader, kept: Option<Kept>) {
    loop {
        tokio::time::sleep(every.min(until_end(&keeper))).await;
        let taken = match reader.read().await {
            Ok(bytes) => {
                let taken = keeper.appraiser().take_list(&bytes).map_err(|error| reader.failed(error));
                if let (Some(kept), Ok(true)) = (&kept, &taken) {
                    kept.keep(bytes).await;
                }
                taken
            }
            Err(error) => Err(error),
        };
        if let Err(error) = &taken {
            tracing::warn!(%error, "no newer revocation list; the last one stays in force until its next update");
        }
        let news = matches!(taken, Ok(true));
        keeper.note_list(reader.place(), taken.err());
        // Each time, for a list that ends refuses everything.
        keeper.rejudge();
        if news {
            let policy = keeper.appraiser().policy();
            for list in policy.revocation_lists() {
                let (serial, next_update) = (list.get().serial, list.get().next_update);
                tracing::info!(serial, %next_update, "revocation list in force");
            }
            // What was refused for want of a good list, or has been replaced, is asked for again.
            keeper.ask_again();
        }
    }
}

/// Until just after the last good second of the list that ends first, so that what runs on it ends then.
fn until_end(keeper: &Keeper) -> Duration {
    const PAST: Duration = Duration::from_secs(1);
    let policy = keeper.appraiser().policy();
    let now = keeper.appraiser().now();
    let left = policy.revocation_lists().map(|list| list.get().next_update.since(now));
    // What has ended has been dealt with.
    left.filter(|left| !left.is_zero()).min().map_or(Duration::MAX, |left| left + PAST)
}
