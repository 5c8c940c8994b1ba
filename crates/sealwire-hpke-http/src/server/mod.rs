//! The server's side: a chain of types, each of which is only had from the one before.
//!
//! [`Start`] takes the front of the outer body. [`Start::preparse`] finds the key and tells the PSK id; [`Preparsed::authenticate`]
//! opens the request's START, or fails in the same time and with the same error for an id that nobody has (HH-67);
//! [`Authenticated::admit`] needs the decision of a replay register (HH-16), and only then are there a head, a body and
//! the one right to answer.

mod admit;
mod body;
mod key;
pub(crate) mod reply;
mod start;

pub use admit::{Authenticated, Decision, Opened, Reservation};
pub use body::{Record, RequestBody};
pub use key::ServerKey;
pub use reply::{EventSealer, FiniteSealer, Reply, ResponseSealer};
pub use start::{Preparsed, Start};
