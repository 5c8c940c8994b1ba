//! Messages that wait: how many bytes of them there are is bounded (TU-27).

use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

/// What a message takes besides its content.
const LEAST: usize = 256;

/// How many bytes may wait, wherever it is shared.
#[derive(Clone)]
pub(crate) struct Budget {
    room: Arc<Semaphore>,
    total: usize,
}

impl Budget {
    pub(crate) fn new(total: usize) -> Self {
        let total = total.clamp(LEAST, u32::MAX as usize).min(Semaphore::MAX_PERMITS);
        Self { room: Arc::new(Semaphore::new(total)), total }
    }

    fn permits(&self, content: usize) -> u32 {
        // One message that is longer than all the room still gets through, alone.
        let wanted = content.saturating_add(LEAST).min(self.total);
        u32::try_from(wanted).unwrap_or(u32::MAX)
    }
}

/// Hands messages to whoever writes to the control WebSocket.
pub(crate) struct Outbox<M> {
    queue: mpsc::UnboundedSender<Queued<M>>,
    budget: Budget,
}

impl<M> Clone for Outbox<M> {
    fn clone(&self) -> Self {
        Self { queue: self.queue.clone(), budget: self.budget.clone() }
    }
}

/// Where messages for one socket wait. The wire has nothing that would slow their sender down, and what is lost must not be lost
/// unseen: when there is no more room, the socket ends, whatever it is at.
pub(crate) struct Inlet<M> {
    outbox: Outbox<M>,
    overrun: CancellationToken,
}

/// The other end of an [`Inlet`].
pub(crate) struct Outlet<M> {
    pub(crate) waiting: mpsc::UnboundedReceiver<Queued<M>>,
    /// cancelled when there was no more room
    pub(crate) overrun: CancellationToken,
}

/// Both ends, with the room that all have that share it.
pub(crate) fn inlet<M>(budget: &Budget) -> (Inlet<M>, Outlet<M>) {
    let (outbox, waiting) = Outbox::within(budget.clone());
    let overrun = CancellationToken::new();
    (Inlet { outbox, overrun: overrun.clone() }, Outlet { waiting, overrun })
}

impl<M> Inlet<M> {
    /// Hands a message over, or ends the socket.
    pub(crate) fn say(&self, message: M, len: usize) {
        match self.outbox.room(len) {
            Some(room) => self.outbox.send(message, room),
            None => self.overrun.cancel(),
        }
    }
}

/// A message and the room that it takes until it has been written.
pub(crate) struct Queued<M> {
    pub(crate) message: M,
    pub(crate) room: Room,
}

/// Room for so many bytes.
pub(crate) struct Room(OwnedSemaphorePermit);

impl Room {
    /// More of it.
    pub(crate) fn and(mut self, more: Self) -> Self {
        self.0.merge(more.0);
        self
    }
}

impl<M> Outbox<M> {
    /// Room for so many bytes at once, and what is sent, in order.
    pub(crate) fn new(total: usize) -> (Self, mpsc::UnboundedReceiver<Queued<M>>) {
        Self::within(Budget::new(total))
    }

    fn within(budget: Budget) -> (Self, mpsc::UnboundedReceiver<Queued<M>>) {
        // Room is what bounds it.
        let (queue, waiting) = mpsc::unbounded_channel();
        (Self { queue, budget }, waiting)
    }

    /// Room for so much content, if there is any now.
    pub(crate) fn room(&self, content: usize) -> Option<Room> {
        let Budget { room, .. } = self.budget.clone();
        room.try_acquire_many_owned(self.budget.permits(content)).ok().map(Room)
    }

    /// The same, as soon as there is: whoever waits here takes nothing more in meanwhile.
    pub(crate) async fn room_in_turn(&self, content: usize) -> Option<Room> {
        let Budget { room, .. } = self.budget.clone();
        room.acquire_many_owned(self.budget.permits(content)).await.ok().map(Room)
    }

    /// Sends a message. Where nobody writes any more, it is lost with the connection.
    pub(crate) fn send(&self, message: M, room: Room) {
        let _ = self.queue.send(Queued { message, room });
    }

    /// Ready once everything that was sent has been written.
    pub(crate) async fn flushed(&self) {
        let all = u32::try_from(self.budget.total).unwrap_or(u32::MAX);
        let _ = self.budget.room.acquire_many(all).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    // TU-27: what waits takes room, and gives it back when it is written.
    #[tokio::test]
    async fn room_is_bounded() {
        let (outbox, mut waiting) = Outbox::new(10_000);
        let room = outbox.room(5000).unwrap().and(outbox.room(3000).unwrap());
        assert!(outbox.room(5000).is_none());
        outbox.send(1, room);
        assert!(outbox.room(5000).is_none(), "it still waits");
        let written = waiting.recv().await.unwrap();
        assert_eq!(written.message, 1);
        let later = outbox.room_in_turn(5000);
        drop(written);
        assert!(tokio::time::timeout(Duration::from_secs(20), later).await.unwrap().is_some());
        outbox.flushed().await;
        // One that is longer than all gets through alone.
        let all = outbox.room(1 << 30).unwrap();
        assert!(outbox.room(0).is_none());
        drop(all);
    }

    // TU-27: however many sockets there are, what waits for them is bounded together, and let go of with each.
    #[tokio::test]
    async fn sockets_share_their_room() {
        let budget = Budget::new(10_000);
        let (slow, of_slow) = inlet(&budget);
        let (other, of_other) = inlet(&budget);
        slow.say("slow", 6000);
        assert!(!of_slow.overrun.is_cancelled());
        other.say("other", 6000);
        assert!(of_other.overrun.is_cancelled() && !of_slow.overrun.is_cancelled());
        drop(of_slow);
        let (again, of_again) = inlet(&budget);
        again.say("again", 6000);
        assert!(!of_again.overrun.is_cancelled(), "what waited for the slow one is gone with it");
    }
}
