//! Quotes are made in a task of their own, with a queue limit and a timeout (AT-61).

use crate::{Error, Produced, Tee};
use sealwire_attest::Kind;
use std::{sync::Arc, time::Duration};

/// A handle to the task that makes quotes.
#[derive(Clone)]
pub struct Quoter {}

impl Quoter {
    /// Starts a blocking worker. At most `queue` requests wait; each waits at most `timeout`.
    #[must_use]
    pub fn spawn(_tee: Arc<dyn Tee>, _queue: usize, _timeout: Duration) -> Self {
        todo!()
    }
    /// The kind of its evidence.
    #[must_use]
    pub fn kind(&self) -> Kind {
        todo!()
    }
    /// Makes evidence over 64 bytes of report data.
    ///
    /// # Errors
    /// [`Error::NoTee`] and what the platform said, a full queue, a timeout.
    pub async fn quote(&self, _report_data: [u8; 64]) -> Result<Produced, Error> {
        todo!()
    }
}
