//! The answer, as its client awaits it (section 7).

use super::{Binder, Opener, Ticket, keys::split};
use crate::{Error, Suite};
use sealwire_crypto::kdf::Prk;
use sealwire_message::chunk;

/// A request is sent.
pub struct AwaitAnswer {
    suite: Suite,
    response: Prk,
    ticket: Ticket,
    limits: chunk::Limits,
}

impl AwaitAnswer {
    pub(super) fn new(suite: Suite, response: Prk, ticket: Ticket, limits: chunk::Limits) -> Self {
        Self { suite, response, ticket, limits }
    }

    /// Takes the field of an answer. The answer to another request, or of another session, is refused here, before
    /// anything of it is opened (SE-32, SE-34).
    ///
    /// # Errors
    /// [`Error::Binding`]
    pub fn receive(self, binder: &Binder) -> Result<Opener, Error> {
        let (sequence, key) = split(self.suite, &self.response, "response", &[&binder.random])?;
        key.mac_key().verify_truncated(&[&self.ticket.bytes()], &binder.mac).map_err(|_| Error::Binding)?;
        Ok(Opener::new(sequence, self.limits))
    }
}
