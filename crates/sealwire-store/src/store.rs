use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;

use crate::Error;

/// A future on the heap, so that [`Store`] can be a trait object.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The answer to a reservation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a message that was seen before must be refused"]
pub enum Reservation {
    /// The id was not held; from now on it is.
    Fresh,
    /// The id is held already: the message is a replay.
    Seen,
}

/// A place where an id can be reserved once.
///
/// One operation only, so that a backend without an atomic "set if absent" cannot be written against it.
pub trait Store: Debug + Send + Sync + 'static {
    /// Reserves `id` in `space` from `now` until `expires`, exclusive; both in milliseconds since the Unix epoch.
    ///
    /// Of any number of concurrent calls for one id exactly one gets [`Reservation::Fresh`], and the reservation is
    /// durable, as far as the backend is, before that answer is given. The same id in another space is another id.
    /// A call that is dropped before it has answered may or may not have reserved.
    ///
    /// # Errors
    /// All mean refusal: [`Error::Full`], [`Error::Expired`], [`Error::KeyLength`], and [`Error::Unavailable`] for
    /// whatever is wrong with the backend.
    fn reserve<'a>(
        &'a self,
        space: &'a str,
        id: &'a [u8],
        now: u64,
        expires: u64,
    ) -> BoxFuture<'a, Result<Reservation, Error>>;
}
