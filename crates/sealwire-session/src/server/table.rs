//! The sessions of an instance (SE-13, SE-38): who is found by an id, how long, and who goes first when it is full.
//!
//! A session comes in half-open. The first MAC that holds confirms it and moves it to where half-open ones cannot push it
//! out. A MAC that fails moves nothing: not the window, not the order of eviction, not the idle time (SE-74).
//!
//! No lock is held while a MAC is computed. What is taken out is wiped once the requests that are just being looked up
//! are done with it; requests that were admitted have keys of their own.
//! Channels hold a [`Tie`], by which they learn that their session has ended, and by which it is in use.

mod tie;

pub use tie::{End, Tie};

use super::{
    HalfOpen,
    slots::{BUSY_WITHIN, Slots},
};
use crate::{
    Error, Limits, Outside, Secrets, SessionId, Suite,
    channel::Channel,
    message::{ChannelOpen, ChannelOpened, Close, Closed},
    request::{Listed, Mode, RequestKeys, Ticket, Window},
};
use sealwire_crypto::random::Random;
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tie::Life;

/// Sessions are divided by their ids, which are random, so that few requests wait for one lock.
const SHARDS: usize = 64;
/// How many sessions with open channels are passed over for one that makes room, at most.
const PASSED_OVER: usize = 16;

/// How long a session keeps its request key ready without a request, in milliseconds.
const RESTS_AFTER: u64 = 60_000;

/// The sessions of one instance. `T` is what the caller knows of a session, such as an `Arc` of what its client has shown.
/// Time is Unix milliseconds.
pub struct Table<T> {
    limits: Limits,
    half_open: Mutex<Shard<T>>,
    confirmed: Box<[Mutex<Shard<T>>]>,
    /// of each of `confirmed`
    capacity: usize,
}

type Shard<T> = Slots<Arc<Entry<T>>>;

struct Entry<T> {
    id: SessionId,
    suite: Suite,
    authority: Arc<str>,
    secrets: Secrets,
    established: u64,
    data: T,
    state: Mutex<State>,
}

struct State {
    window: Window,
    /// requests and channels so far
    taken: u64,
    /// when the last was taken
    used: u64,
    confirmed: bool,
    /// closed, or over: whoever has just looked it up comes too late
    gone: bool,
    /// from the first channel on, or what else has asked for a tie
    channels: Option<Arc<Life>>,
}

impl State {
    /// When the session was last used.
    fn used(&self, now: u64) -> u64 {
        self.channels.as_ref().map_or(self.used, |channels| self.used.max(channels.used(now)))
    }

    /// `None` where it is gone.
    fn tie(&mut self) -> Option<Tie> {
        (!self.gone).then(|| self.channels.get_or_insert_default().tie())
    }

    fn end(&mut self, end: End) {
        self.gone = true;
        if let Some(channels) = &self.channels {
            channels.end(end);
        }
    }
}

/// Whatever takes a session out of the table ends it, once nobody looks at it any more.
impl<T> Drop for Entry<T> {
    fn drop(&mut self) {
        self.state.get_mut().unwrap_or_else(PoisonError::into_inner).end(End::Over);
    }
}

/// A request, or a channel, that may be opened: its MAC has held, its number is marked, and the session has room for it.
pub struct Granted<T, K = RequestKeys> {
    /// keys of the request, good for as long as it takes, whatever becomes of the session; of a channel itself, and the
    /// message that opens it
    pub keys: K,
    /// what runs
    pub suite: Suite,
    /// the name that the session is for
    pub authority: Arc<str>,
    /// what the caller knows of the session
    pub data: T,
}

/// A channel that may be used.
pub struct OpenChannel {
    /// the message that opens it
    pub opened: ChannelOpened,
    /// its keys
    pub channel: Channel,
    /// to its session
    pub tie: Tie,
}

/// A request, or a channel, that is not opened.
pub struct Refused<K = RequestKeys> {
    reason: Error,
    keys: Option<Box<K>>,
}

impl<K> Refused<K> {
    /// Why: for counters, never for the answer.
    #[must_use]
    pub fn reason(&self) -> Error {
        self.reason
    }

    /// Whether the answer inside may say `not-accepted` (SE-43): the number was marked for nothing, so nothing was or
    /// will be acted upon for it. Never true of a replay: the first of that number may have been acted upon.
    #[must_use]
    pub fn is_not_accepted(&self) -> bool {
        self.keys.is_some() && self.reason != Error::Replay
    }

    /// What seals the answer, where the MAC has held. Where this is `None`, the answer is the hint, the same bytes
    /// whatever the reason (SE-43): [`Outside::Session`].
    #[must_use]
    pub fn inside(self) -> Option<K> {
        self.keys.map(|keys| *keys)
    }

    /// What is said where nothing can be sealed.
    #[must_use]
    pub fn outside(&self) -> Outside {
        Outside::Session
    }

    fn hint(reason: Error) -> Self {
        Self { reason, keys: None }
    }
}

impl<T: Clone> Table<T> {
    /// An empty table.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        let sessions = limits.sessions.max(1);
        // Below, the shares would be too uneven for the oldest of a share to be old.
        let shards = if sessions < SHARDS.saturating_mul(256) { 1 } else { SHARDS };
        Self {
            limits,
            half_open: Mutex::new(Slots::new()),
            confirmed: (0..shards).map(|_| Mutex::new(Slots::new())).collect(),
            capacity: sessions.checked_div(shards).unwrap_or(1),
        }
    }

    /// Keeps a session. One whose client has authenticated itself has confirmed its keys by that; any other is half-open,
    /// and pushes out only the oldest of those.
    pub fn insert(&self, session: Box<HalfOpen>, data: T, now: u64) {
        // What the ticket remembered, its secret included, ends here.
        let HalfOpen { id, suite, authority, secrets, confirmed, .. } = *session;
        let state = State {
            window: Window::new(self.limits.window),
            taken: 0,
            used: now,
            confirmed,
            gone: false,
            channels: None,
        };
        let authority = authority.into();
        let state = Mutex::new(state);
        let entry = Arc::new(Entry { id, suite, authority, secrets, established: now, data, state });
        if confirmed {
            self.keep(entry);
            return;
        }
        let _evicted = {
            let mut slots = self.half_open();
            let oldest = if slots.len() >= self.limits.half_open.max(1) { slots.pop() } else { None };
            slots.insert(id, entry);
            oldest
        };
    }

    /// Takes a request, in the order of section 7: look up, MAC, window and mark, limits.
    ///
    /// # Errors
    /// As [`Refused`] says.
    pub fn admit(
        &self,
        session: &SessionId,
        ticket: Ticket,
        mode: Mode,
        listed: &Listed,
        now: u64,
    ) -> Result<Granted<T>, Refused> {
        let entry = self.find(session).ok_or(Refused::hint(Error::UnknownSession))?;
        let request = &entry.secrets.request;
        let admitted = request.admit(session, ticket, mode, listed).map_err(Refused::hint)?;
        let number = admitted.number();
        let keys = request.open(admitted).map_err(Refused::hint)?;
        match self.take(&entry, number, now) {
            Ok(()) => Ok(entry.grant(keys)),
            Err(reason @ Error::UnknownSession) => Err(Refused::hint(reason)),
            Err(reason) => Err(Refused { reason, keys: Some(Box::new(keys)) }),
        }
    }

    /// Opens a channel, in the same order (SE-37). A refusal that is not the hint is told under the channel's keys, in which
    /// nothing else is said then.
    ///
    /// # Errors
    /// As [`Refused`] says. A number that was used is the hint too: a repetition opens nothing (section 9).
    pub fn open_channel(
        &self,
        open: &ChannelOpen,
        now: u64,
        random: &dyn Random,
    ) -> Result<Granted<T, OpenChannel>, Refused<(ChannelOpened, Channel)>> {
        let entry = self.find(&open.session).ok_or(Refused::hint(Error::UnknownSession))?;
        let admitted = entry.secrets.admit_channel(&open.session, open).map_err(Refused::hint)?;
        let taken = self.take(&entry, admitted.number(), now);
        if let Err(reason @ (Error::UnknownSession | Error::Replay)) = taken {
            return Err(Refused::hint(reason));
        }
        let opened = admitted.accept(&entry.secrets.channel, random).map_err(Refused::hint)?;
        if let Err(reason) = taken {
            return Err(Refused { reason, keys: Some(Box::new(opened)) });
        }
        let Some(tie) = entry.lock().tie() else {
            // Somebody has ended it between the two.
            return Err(Refused { reason: Error::UnknownSession, keys: Some(Box::new(opened)) });
        };
        let (opened, channel) = opened;
        Ok(entry.grant(OpenChannel { opened, channel, tie }))
    }

    /// For a request that was admitted, and that is to learn of the end of its session as channels do. `None` where that has
    /// come.
    #[must_use]
    pub fn tie(&self, session: &SessionId) -> Option<Tie> {
        self.find(session)?.lock().tie()
    }

    /// Ends a session at its client's word (SE-39).
    ///
    /// # Errors
    /// As [`Refused`] says; the session goes on.
    pub fn close(&self, close: &Close) -> Result<Closed, Refused> {
        let entry = self.find(&close.session).ok_or(Refused::hint(Error::UnknownSession))?;
        let closed = entry.secrets.close.answer(close).map_err(Refused::hint)?;
        if self.remove(&entry) { Ok(closed) } else { Err(Refused::hint(Error::UnknownSession)) }
    }

    /// Whether there is a session of this id. The id comes in clear, so this says nothing of who asks (SE-72).
    #[must_use]
    pub fn knows(&self, session: &SessionId) -> bool {
        self.find(session).is_some()
    }

    /// Whether hellos should be answered with a retry (SE-13): so many sessions of the last minute are half-open. Those
    /// whose client is asked who it is are in [`Pending`](super::Pending), which has its own word on it.
    #[must_use]
    pub fn is_busy(&self, now: u64) -> bool {
        let recent = |entry: &Arc<Entry<T>>| now.saturating_sub(entry.established) < BUSY_WITHIN;
        self.half_open().are_many(self.limits.retry_from, recent)
    }

    /// How many sessions are half-open, and how many are confirmed.
    #[must_use]
    pub fn len(&self) -> (usize, usize) {
        let confirmed = self.confirmed.iter().map(|shard| lock(shard).len()).sum();
        (self.half_open().len(), confirmed)
    }

    /// Ends what is over by its lifetime or idle time, and makes small what has not been used for a minute.
    pub fn sweep(&self, now: u64) {
        self.end_if(End::Over, |entry| {
            let used = entry.lock().used(now);
            if now.saturating_sub(used) >= RESTS_AFTER {
                entry.secrets.request.rest();
            }
            self.is_over(entry, used, now)
        });
    }

    /// Ends the sessions that the caller does not want any more, by what it knows of them: because of a policy, or of a
    /// revocation. Their channels learn it as [`End::Unwanted`].
    pub fn retain(&self, keep: impl Fn(&T) -> bool) {
        self.end_if(End::Unwanted, |entry| !keep(&entry.data));
    }

    fn end_if(&self, end: End, chosen: impl Fn(&Entry<T>) -> bool) {
        // In the order in which sessions move, so that none is missed between the two.
        for slots in std::iter::once(&self.half_open).chain(&self.confirmed) {
            let ended = lock(slots).take_if(|entry| chosen(entry));
            ended.iter().for_each(|entry| entry.lock().end(end));
        }
    }

    /// Window, mark and limits, in one step.
    fn take(&self, entry: &Arc<Entry<T>>, number: u64, now: u64) -> Result<(), Error> {
        let confirms = {
            let mut state = entry.lock();
            if state.gone {
                return Err(Error::UnknownSession);
            }
            // First of all: what is refused below stays refused, whatever the clock says later.
            state.window.mark(number)?;
            if self.is_over(entry, state.used(now), now) {
                drop(state);
                self.remove(entry);
                return Err(Error::Expired);
            }
            if state.taken >= self.limits.requests {
                return Err(Error::RequestLimit);
            }
            state.taken = state.taken.saturating_add(1);
            state.used = state.used.max(now);
            !std::mem::replace(&mut state.confirmed, true)
        };
        if confirms {
            self.keep(Arc::clone(entry));
            self.half_open().remove(&entry.id);
            // Somebody may have ended it between the two.
            if entry.lock().gone {
                self.shard(&entry.id).remove(&entry.id);
            }
        } else {
            self.shard(&entry.id).touch(&entry.id);
        }
        Ok(())
    }

    /// A clock that went back makes nobody older.
    fn is_over(&self, entry: &Entry<T>, used: u64, now: u64) -> bool {
        let over = |since, limit: Duration| u128::from(now.saturating_sub(since)) >= limit.as_millis();
        over(entry.established, self.limits.lifetime) || over(used, self.limits.idle)
    }

    /// Among the confirmed; the longest idle makes room.
    fn keep(&self, entry: Arc<Entry<T>>) {
        let _evicted = {
            let mut slots = self.shard(&entry.id);
            let idle = if slots.len() >= self.capacity { longest_idle(&mut slots) } else { None };
            slots.insert(entry.id, entry);
            idle
        };
    }

    fn find(&self, id: &SessionId) -> Option<Arc<Entry<T>>> {
        let confirmed = || self.shard(id).get(id).map(Arc::clone);
        // It may be on its way from one to the other.
        confirmed().or_else(|| self.half_open().get(id).map(Arc::clone)).or_else(confirmed)
    }

    /// Whether it was there.
    fn remove(&self, entry: &Entry<T>) -> bool {
        let was_gone = {
            let mut state = entry.lock();
            let was_gone = state.gone;
            state.end(End::Over);
            was_gone
        };
        let _half_open = self.half_open().remove(&entry.id);
        let _confirmed = self.shard(&entry.id).remove(&entry.id);
        !was_gone
    }

    fn half_open(&self) -> MutexGuard<'_, Shard<T>> {
        lock(&self.half_open)
    }

    fn shard(&self, id: &SessionId) -> MutexGuard<'_, Shard<T>> {
        // The last byte is random; the first half is the instance's.
        let [.., last] = id;
        let at = usize::from(*last).checked_rem(self.confirmed.len()).unwrap_or_default();
        // There is a shard for each remainder; the half-open ones would do as well as any.
        lock(self.confirmed.get(at).unwrap_or(&self.half_open))
    }
}

impl<T: Clone> Entry<T> {
    fn grant<K>(&self, keys: K) -> Granted<T, K> {
        let Self { suite, authority, data, .. } = self;
        Granted { keys, suite: *suite, authority: Arc::clone(authority), data: data.clone() }
    }
}

impl<T> Entry<T> {
    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

/// Takes out what was used the longest ago. A session with an open channel is in use, so it counts as used just now; only
/// where there is nothing but such does one of them go.
fn longest_idle<T>(slots: &mut Shard<T>) -> Option<Arc<Entry<T>>> {
    for _ in 0..PASSED_OVER {
        let oldest = slots.pop()?;
        let is_used = oldest.lock().channels.as_ref().is_some_and(|channels| channels.is_used());
        if !is_used {
            return Some(oldest);
        }
        slots.insert(oldest.id, oldest);
    }
    slots.pop()
}

/// Nothing panics while it holds one of these locks.
fn lock<V>(mutex: &Mutex<V>) -> MutexGuard<'_, V> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
