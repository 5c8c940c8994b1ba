//! What a server wants to see of its callers (SE-11).

use crate::peer::Attested;
use sealwire_attest::{
    Appraised, Bound, Claims, Policy, UnixTime, Verifier, cmw,
    key_document::{self, Acceptance, Published, Seen, Wanted},
    revocation,
    verdict::Denial,
};
use sealwire_session::message::Authentication;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

/// What is asked of callers.
#[derive(Clone)]
pub enum Callers {
    /// nothing
    Anybody,
    /// evidence, of those who have some, or of everybody
    Attested {
        /// [`Authentication::Wanted`] or [`Authentication::Required`]
        asked: Authentication,
        /// what is accepted
        policy: Arc<CallerPolicy>,
    },
}

impl Callers {
    /// What a flight says to a client that can, or cannot, attest itself. Where evidence is only wanted, one that has none
    /// is spared the round trip; what it said is in the transcript (SE-75).
    pub(super) fn asked(&self, client_attests: bool) -> Authentication {
        match self {
            Self::Attested { asked: Authentication::Wanted, .. } if !client_attests => {
                Authentication::NotAsked
            }
            Self::Attested { asked, .. } => *asked,
            Self::Anybody => Authentication::NotAsked,
        }
    }
}

/// What is accepted of callers, with the revocation lists in force.
pub struct CallerPolicy {
    verifier: Verifier,
    policy: RwLock<Policy>,
}

impl CallerPolicy {
    /// By this policy.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        Self { verifier: Verifier::new(policy.trust()), policy: RwLock::new(policy) }
    }

    /// Takes a revocation list; whether it is another than those in force (AT-25). Sessions are not looked at here:
    /// [`Self::still_accepts`] tells of each whether it goes on. None that is kept later was judged without the list.
    ///
    /// # Errors
    /// Why the list is not taken.
    pub fn take_list(&self, bytes: &[u8]) -> Result<bool, revocation::Error> {
        let mut policy = self.policy.write().unwrap_or_else(PoisonError::into_inner);
        let next = policy.with_revocation_list(bytes)?;
        let is_new = !next.revocation_lists().eq(policy.revocation_lists());
        *policy = next;
        Ok(is_new)
    }

    /// Whether a caller that was accepted would be accepted again: its document has not ended and is not too old, and
    /// nothing of it is revoked (AT-25, SE-41).
    ///
    /// # Errors
    /// Why not.
    pub fn still_accepts(&self, caller: &Attested, at: UnixTime) -> Result<(), Denial> {
        caller.acceptance.recheck(&self.read(), at)
    }

    /// Whether this policy, which need not be the one that accepted the caller, accepts it now (SE-20).
    ///
    /// # Errors
    /// Every rule that failed.
    pub fn accepts(&self, caller: &Attested, at: UnixTime) -> Result<Appraised<Claims>, Denial> {
        caller.acceptance.appraise(&self.read(), at)
    }

    /// To judge by. It has to be held until the caller's session is kept: a revocation list that comes meanwhile waits,
    /// and then finds the session.
    pub(super) fn judging(&self) -> Judging<'_> {
        Judging { verifier: &self.verifier, policy: self.read() }
    }

    fn read(&self) -> RwLockReadGuard<'_, Policy> {
        self.policy.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// See [`CallerPolicy::judging`].
pub(super) struct Judging<'a> {
    verifier: &'a Verifier,
    policy: RwLockReadGuard<'a, Policy>,
}

impl Judging<'_> {
    /// Accepts a caller's document, and the quote where there is one. `None` for whatever is wrong: the peer is told
    /// nothing, the log is.
    pub(super) fn accept(
        &self,
        published: &[u8],
        quote: Option<(&[u8], Bound)>,
        at: UnixTime,
    ) -> Option<(Acceptance, Option<Appraised<Claims>>)> {
        let Self { verifier, policy } = self;
        let published = Published::decode(published)
            .inspect_err(|error| tracing::info!(%error, "a caller's document is malformed"))
            .ok()?;
        let told = |denial: &Denial| tracing::info!(%denial, "a caller is refused");
        let acceptance =
            key_document::accept(&published, verifier, policy, Wanted::Client, &[], Seen::default(), at)
                .inspect_err(told)
                .ok()?;
        let claims = match quote {
            None => None,
            Some((quote, bound)) => {
                let presented = cmw::decode(quote).ok()?;
                let verified = verifier
                    .verify_presented(&presented, &published.endorsements, &bound, at)
                    .inspect_err(|error| tracing::info!(%error, "a caller's quote is refused"))
                    .ok()?;
                Some(policy.appraise(verified, at).inspect_err(told).ok()?)
            }
        };
        Some((acceptance, claims))
    }
}
