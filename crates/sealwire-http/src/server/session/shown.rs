//! What an instance shows of itself, and what it wants to see of its callers.

use bytes::Bytes;
use futures_util::future::BoxFuture;
use sealwire_attest::{
    Appraised, Bound, Claims, Policy, UnixTime, Verifier, cmw,
    key_document::{self, Acceptance, Published, Seen, Wanted},
    verdict::Denial,
};
use sealwire_session::message::Authentication;
use std::sync::Arc;

/// The key document in force.
#[derive(Debug, Clone)]
pub struct Shown {
    /// SHA-384 of its exact bytes
    pub document: [u8; 48],
    /// its published form
    pub published: Bytes,
    /// the names that it lists, in normal form (SE-07)
    pub authorities: Arc<[String]>,
}

/// Who knows what is in force, and makes evidence.
pub trait Shows: Send + Sync + 'static {
    /// The document of this moment.
    fn shown(&self) -> Arc<Shown>;

    /// A new quote (CMW) over a handshake; `None` when none can be had now (SE-08, SE-13).
    fn quote(&self, bound: Bound) -> BoxFuture<'static, Option<Vec<u8>>>;
}

/// What is asked of callers (SE-11).
#[derive(Clone)]
pub enum Callers {
    /// nothing
    Anybody,
    /// evidence, from those who have some, or from everybody
    Attested {
        /// [`Authentication::Wanted`] or [`Authentication::Required`]
        asked: Authentication,
        /// what is accepted
        policy: Arc<Policy>,
        /// of evidence
        verifier: Arc<Verifier>,
    },
}

impl Callers {
    pub(super) fn asked(&self) -> Authentication {
        match self {
            Self::Anybody => Authentication::NotAsked,
            Self::Attested { asked, .. } => *asked,
        }
    }

    /// Accepts a caller's document, and the quote where there is one. `None` for whatever is wrong: the peer is told
    /// nothing, the log is.
    pub(super) fn accept(
        &self,
        published: &[u8],
        quote: Option<(&[u8], Bound)>,
        at: UnixTime,
    ) -> Option<(Acceptance, Option<Appraised<Claims>>)> {
        let Self::Attested { policy, verifier, .. } = self else { return None };
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
