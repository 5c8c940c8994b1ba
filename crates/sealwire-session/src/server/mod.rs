//! The server's side of the handshake: [`Server::receive`] → [`Hello`] → [`Answering`] → [`Next`]: a [`HalfOpen`]
//! session, or [`ExpectClientFinish`] → [`ClientPresented`] first. What is between two messages waits in [`Pending`] and
//! in the [`Table`].

mod answer;
mod authenticate;
mod hello;
mod pending;
mod retry;
mod slots;
mod table;
mod ticket;

pub use answer::{Answering, HalfOpen, Next, Presenting};
pub use authenticate::{ClientPresented, ExpectClientFinish};
pub use hello::{Hello, Received};
pub use pending::Pending;
pub use table::{End, Granted, OpenChannel, Refused, Table, Tie};
pub use ticket::Remembered;

use crate::{Error, Identity, Limits, Scheme, Suite, suite::Group};
use retry::TokenKey;
use sealwire_crypto::random::Random;
use ticket::TicketKey;

/// What a server takes, by preference (SE-04, SE-09).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// by preference
    pub groups: Vec<Group>,
    /// by preference
    pub suites: Vec<Suite>,
    /// that it signs with, by preference
    pub schemes: Vec<Scheme>,
    /// whether a ticket may be used without a new key agreement (SE-40)
    pub without_agreement: bool,
    /// limits
    pub limits: Limits,
}

impl Default for Config {
    fn default() -> Self {
        let client = crate::client::Config::default();
        Self {
            groups: client.groups,
            suites: client.suites,
            schemes: vec![Scheme::Ed25519MlDsa65],
            without_agreement: false,
            limits: Limits::default(),
        }
    }
}

/// Remembers what may be used once. Lives and dies with the keys that it guards (AT-45).
pub trait Once: Send + Sync {
    /// Whether `id` is fresh, which it is never again before `expires`, in Unix milliseconds. A register that is full
    /// or cannot tell says no.
    fn take(&self, id: [u8; 16], now: u64, expires: u64) -> bool;

    /// The same for retry tokens, which live for seconds. Apart, so that tickets, which anybody can use up and which are
    /// remembered for a day, never leave a server under load without retries (SE-13).
    fn take_token(&self, id: [u8; 16], now: u64, expires: u64) -> bool {
        self.take(id, now, expires)
    }
}

/// One start of a server: its identity, and the keys under its tokens and tickets.
pub struct Server {
    config: Config,
    instance: [u8; 16],
    identity: Identity,
    token_key: TokenKey,
    ticket_key: TicketKey,
}

impl Server {
    /// Keys for `instance`, the id of the key document.
    ///
    /// # Errors
    /// No randomness; [`Error::NoCommonSuite`] for a configuration that takes nothing, [`Error::NoIdentityKey`] for one
    /// with a scheme that `identity` has no key for.
    pub fn new(
        config: Config,
        instance: [u8; 16],
        identity: Identity,
        random: &dyn Random,
    ) -> Result<Self, Error> {
        if config.groups.is_empty() || config.suites.is_empty() || config.schemes.is_empty() {
            return Err(Error::NoCommonSuite);
        }
        if !config.schemes.iter().all(|scheme| identity.has(*scheme)) {
            return Err(Error::NoIdentityKey);
        }
        let token_key = TokenKey::generate(instance, random)?;
        let ticket_key = TicketKey::generate(instance, random)?;
        Ok(Self { config, instance, identity, token_key, ticket_key })
    }

    /// What it takes.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The instance's id.
    #[must_use]
    pub fn instance(&self) -> &[u8; 16] {
        &self.instance
    }

    /// Its identity keys, for the key document.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }
}
