//! What ties channels, and requests that want it, to their session: while one is open the session is used, and when the
//! session ends they hear of it (section 9).

use super::lock;
use std::{
    collections::BTreeMap,
    future::poll_fn,
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker},
};

/// How a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// closed by its client, over, or pushed out: what was begun may be finished, for a while
    Over,
    /// its client is not wanted any more: nothing is finished
    Unwanted,
}

/// One for all channels of a session, and without secrets: these go with the session.
#[derive(Default)]
pub(super) struct Life(Mutex<State>);

#[derive(Default)]
struct State {
    end: Option<End>,
    made: u64,
    /// by the number in which they were made
    open: BTreeMap<u64, Option<Waker>>,
    /// when the last one ended
    used: u64,
}

impl Life {
    pub(super) fn tie(self: &Arc<Self>) -> Tie {
        let mut state = lock(&self.0);
        let number = state.made;
        state.made = number.wrapping_add(1);
        state.open.insert(number, None);
        Tie { life: Arc::clone(self), number }
    }

    /// When the session was last used by a channel: now, where one is open.
    pub(super) fn used(&self, now: u64) -> u64 {
        let state = lock(&self.0);
        if state.open.is_empty() { state.used } else { now }
    }

    pub(super) fn is_used(&self) -> bool {
        !lock(&self.0).open.is_empty()
    }

    /// Tells the channels. The first word stands.
    pub(super) fn end(&self, end: End) {
        let wakers: Vec<Waker> = {
            let mut state = lock(&self.0);
            state.end.get_or_insert(end);
            state.open.values_mut().filter_map(Option::take).collect()
        };
        // None of them runs under the lock.
        wakers.into_iter().for_each(Waker::wake);
    }
}

/// Held by a channel, or a request, for as long as it is open.
pub struct Tie {
    life: Arc<Life>,
    number: u64,
}

impl Tie {
    /// Waits for the end of the session. One task at a time may.
    pub async fn ended(&self) -> End {
        poll_fn(|cx| self.poll_ended(cx)).await
    }

    fn poll_ended(&self, cx: &Context<'_>) -> Poll<End> {
        let mut state = lock(&self.life.0);
        if let Some(end) = state.end {
            return Poll::Ready(end);
        }
        if let Some(waker) = state.open.get_mut(&self.number) {
            *waker = Some(cx.waker().clone());
        }
        Poll::Pending
    }

    /// The channel has ended: the session is idle from now on, where this was its last. A tie that is merely dropped says
    /// nothing of the time.
    pub fn release(self, now: u64) {
        let mut state = lock(&self.life.0);
        state.used = state.used.max(now);
    }
}

impl Drop for Tie {
    fn drop(&mut self) {
        lock(&self.life.0).open.remove(&self.number);
    }
}
