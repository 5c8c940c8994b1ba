//! Replay reservations: an id is accepted once.
//!
//! Two shapes, for two kinds of secret:
//!
//! * A [`Register`] guards a key that was made at start. It lives in the same memory as the key and dies with it,
//!   so nothing outside the process (disk, another server, a snapshot) can make it forget.
//! * A [`Store`] guards what is configured from outside and outlives the process: pre-shared keys, tenants, signed
//!   senders. A reservation is durable before the store answers, and a store that is down fails closed.
//!
//! Both share one contract. Times are milliseconds since the Unix epoch and come in as parameters. A reservation
//! holds until `expires`, exclusive. What is live is never evicted: when the bound is reached, new ids are refused.
//! `expires` must follow from the message itself (its time and the window around it), not from its arrival: only
//! then is a message that was forgotten also too old, whatever the clock did in between. A clock that went
//! back cannot reopen a slot: an id that would end before something already forgotten is refused as
//! [`Error::Expired`].

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
#[cfg(feature = "credentials")]
pub mod credentials;
mod error;
mod key;
pub mod memory;
#[cfg(feature = "redb")]
pub mod redb;
#[cfg(feature = "redis")]
pub mod redis;
mod register;
#[cfg(feature = "redis")]
pub mod registry;
mod store;
mod table;

pub use error::Error;
pub use register::Register;
pub use store::{BoxFuture, Reservation, Store};

/// As `expires`: for as long as the register or store itself lives.
pub const FOREVER: u64 = u64::MAX;
