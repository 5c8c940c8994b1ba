//! The channels of the session in use (SE-37): one for all, opened when it is first needed, and another where it is full.

use super::{
    keeper::Keeper,
    pin::{Appraiser, Pin},
};
use crate::status::Counters;
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use sealwire_http::{
    Body, BoxError,
    channel::{Error, Settings},
    client::channel::{Channel, Connection},
};
use std::{
    pin::Pin as Pinned,
    sync::{Arc, Mutex as SyncMutex, MutexGuard, PoisonError, Weak, atomic::Ordering},
    task::{Context, Poll},
};
use tokio::sync::Mutex;

/// Holds the channels. Whoever still uses one that is held no more goes on with it; it closes with the last of them.
#[derive(Default)]
pub(crate) struct Kept {
    /// held by whoever opens one; others wait, and take it
    opening: Mutex<()>,
    open: SyncMutex<Vec<Open>>,
}

struct Open {
    /// whose session it is of. Its connection keeps that in use, so this must not
    pin: Weak<Pin>,
    channel: Channel,
    /// one for each that is taken
    seats: Arc<()>,
}

/// A place among those whom a channel carries at once, until it is dropped. Beyond what the server takes, a request would
/// wait for another's end, which for a WebSocket may be never.
pub(crate) struct Seat(#[allow(dead_code, reason = "held, never read")] Arc<()>);

impl Kept {
    /// A channel of the session of `pin`, and a place in it; `None` where its wire has none.
    pub(crate) async fn of(&self, keeper: &Keeper, pin: &Arc<Pin>) -> Option<Result<(Channel, Seat), Error>> {
        if let Some(taken) = self.take(pin) {
            return Some(Ok(taken));
        }
        let _opening = self.opening.lock().await;
        if let Some(taken) = self.take(pin) {
            return Some(Ok(taken));
        }
        let (channel, connection) = match Box::pin(keeper.appraiser().open_channel(pin)).await? {
            Ok(opened) => opened,
            // Where nothing passes but the one WebSocket that is there, its requests wait for each other's end.
            Err(error) if keeper.appraiser().is_tunnel() => {
                return Some(self.any(pin).ok_or(error));
            }
            Err(error) => return Some(Err(error)),
        };
        run(&keeper.counters, connection);
        let seats = Arc::new(());
        let taken = (channel.clone(), Seat(Arc::clone(&seats)));
        // Where there is another session by now, it is for this one caller.
        if Arc::ptr_eq(&keeper.state().pin, pin) {
            self.open().push(Open { pin: Arc::downgrade(pin), channel, seats });
        }
        Some(Ok(taken))
    }

    /// Holds the channel that came with the session of `pin`, if one did; nobody has to wait for it to be used. One that
    /// cannot be carried is told by the next that wants one.
    pub(crate) async fn begin(&self, appraiser: &Appraiser, counters: &Counters, pin: &Arc<Pin>) {
        if let Some(Ok((channel, connection))) = Box::pin(appraiser.first_channel(pin)).await {
            run(counters, connection);
            self.open().push(Open { pin: Arc::downgrade(pin), channel, seats: Arc::new(()) });
        }
    }

    /// How many are open.
    pub(crate) fn count(&self) -> usize {
        self.open().iter().filter(|open| !open.channel.is_closed()).count()
    }

    /// Nothing new goes over those that are held.
    pub(crate) fn retire(&self) {
        self.open().clear();
    }

    /// Nothing new goes over those of other sessions.
    pub(super) fn retire_all_but(&self, pin: &Arc<Pin>) {
        self.open().retain(|open| open.pin.as_ptr() == Arc::as_ptr(pin));
    }

    /// A place in a channel that is open and has one.
    fn take(&self, pin: &Arc<Pin>) -> Option<(Channel, Seat)> {
        let most = usize::try_from(Settings::default().streams).unwrap_or(usize::MAX);
        // One of the counted is this side's own.
        self.find(pin, |open| Arc::strong_count(&open.seats) <= most)
    }

    /// A channel that is open, with a place or without.
    fn any(&self, pin: &Arc<Pin>) -> Option<(Channel, Seat)> {
        self.find(pin, |_| true)
    }

    fn find(&self, pin: &Arc<Pin>, wanted: impl Fn(&Open) -> bool) -> Option<(Channel, Seat)> {
        let mut open = self.open();
        open.retain(|open| !open.channel.is_closed());
        let mut of_pin = open.iter().filter(|open| open.pin.as_ptr() == Arc::as_ptr(pin));
        let found = of_pin.find(|open| wanted(open))?;
        Some((found.channel.clone(), Seat(Arc::clone(&found.seats))))
    }

    fn open(&self) -> MutexGuard<'_, Vec<Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Carries a channel until it ends.
fn run(counters: &Counters, connection: Connection) {
    counters.channels.fetch_add(1, Ordering::Relaxed);
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a channel ended");
        }
    });
}

/// Content that keeps its place until it is dropped.
pub(crate) struct Seated {
    pub(crate) content: Body,
    pub(crate) _seat: Arc<Seat>,
}

impl HttpBody for Seated {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pinned<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Pinned::new(&mut self.content).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.content.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.content.size_hint()
    }
}
