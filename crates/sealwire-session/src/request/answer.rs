//! The answer, as its client awaits it (section 7).

use super::{Binder, Opener, Ticket, keys};
use crate::{Error, Suite};
use sealwire_crypto::{digest, mac};
use sealwire_message::chunk;
use std::sync::Arc;

/// A request is sent.
pub struct AwaitAnswer {
    suite: Suite,
    key: Arc<mac::Key>,
    ticket: Ticket,
    limits: chunk::Limits,
}

impl AwaitAnswer {
    pub(super) fn new(suite: Suite, key: Arc<mac::Key>, ticket: Ticket, limits: chunk::Limits) -> Self {
        Self { suite, key, ticket, limits }
    }

    /// Takes the field of an answer. The answer to another request, or of another session, is refused here, before
    /// anything of it is opened (SE-32, SE-34).
    ///
    /// # Errors
    /// [`Error::Binding`]
    pub fn receive(self, binder: &Binder) -> Result<Opener, Error> {
        let (sequence, mac) = keys::answer(self.suite, &self.key, &self.ticket, &binder.random)?;
        if digest::constant_time_eq(&mac, &binder.mac) {
            Ok(Opener::new(sequence, self.limits))
        } else {
            Err(Error::Binding)
        }
    }
}
