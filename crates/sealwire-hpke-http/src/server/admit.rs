use super::{Reply, RequestBody};
use crate::{Error, message::RequestHead};

/// What a replay register has to remember of a request, and for how long (HH-16).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reservation {
    /// names the request among all requests
    pub id: [u8; 32],
    /// the exclusive Unix second until which it is remembered
    pub deadline: u64,
}

impl Reservation {
    /// The register's decision: whether this request is the first of its id, and is now remembered. A register that fails
    /// or does not answer has not decided: then the request is refused (HH-17).
    #[must_use]
    pub fn decide(self, is_first: bool) -> Decision {
        Decision { about: self, is_first }
    }
}

/// What a register decided, and about which request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    about: Reservation,
    is_first: bool,
}

/// A request that somebody sealed who has the pre-shared key. Whether it is new is not known yet, so nothing of it
/// can be had.
pub struct Authenticated {
    reservation: Reservation,
    opened: Opened,
}

impl Authenticated {
    pub(super) fn new(
        id: [u8; 32],
        deadline: u64,
        head: RequestHead,
        body: RequestBody,
        reply: Reply,
    ) -> Self {
        Self { reservation: Reservation { id, deadline }, opened: Opened { head, body, reply } }
    }

    /// What the register has to reserve, in one step with looking for it.
    #[must_use]
    pub fn reservation(&self) -> Reservation {
        self.reservation
    }

    /// The request, if the register had not seen it and it is not yet too late. `now` is read again, in Unix seconds.
    ///
    /// # Errors
    /// [`Error::ReplayDecisionMismatch`], [`Error::ReplayRejected`], [`Error::InvalidRequestTime`]
    pub fn admit(self, decision: Decision, now: u64) -> Result<Opened, Error> {
        if decision.about != self.reservation {
            return Err(Error::ReplayDecisionMismatch);
        }
        if !decision.is_first {
            return Err(Error::ReplayRejected);
        }
        // The register has forgotten the request from then on (HH-16).
        if now >= self.reservation.deadline {
            return Err(Error::InvalidRequestTime);
        }
        Ok(self.opened)
    }
}

/// A request that is authentic and new. Whose it is for is still to be checked ([`crate::message::same_origin`]).
pub struct Opened {
    /// its head
    pub head: RequestHead,
    /// opens its body, as it comes
    pub body: RequestBody,
    /// the right to answer it, once
    pub reply: Reply,
}
