//! Reading an answer later, or elsewhere (EH-08).

use super::{Error, Settings, answer};
use crate::Body;
use http::{Method, Response};
use sealwire_ehbp::recovery::RecoveryToken;
use std::sync::{Arc, Mutex, PoisonError};

/// In a request's extensions: keeps what opens its answer. Where a request is sent again, the token of the last attempt is
/// the one that is kept: it opens the answer to that attempt alone.
///
/// Whoever has a token reads that answer. It is wiped when it is dropped, and never written anywhere by itself.
#[derive(Clone, Default)]
pub struct Recovery(Arc<Mutex<Option<RecoveryToken>>>);

impl Recovery {
    /// Takes the token, once the request has been sealed.
    #[must_use]
    pub fn take(&self) -> Option<RecoveryToken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    pub(super) fn keep(&self, token: RecoveryToken) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(token);
    }
}

/// Opens an answer with the token of its request, from its first frame: head and content as they came, or were stored.
/// `method` is that of the request.
///
/// # Errors
/// [`Error::NotEncapsulated`] where the answer has no nonce; a fault where it has a malformed one. Whether the token is the
/// answer's shows in the content.
pub fn recover(
    token: RecoveryToken,
    method: &Method,
    answer: Response<Body>,
    settings: &Settings,
) -> Result<Response<Body>, Error> {
    let (head, content) = answer.into_parts();
    if !head.headers.contains_key(sealwire_ehbp::field::RESPONSE_NONCE) {
        return Err(Error::NotEncapsulated(head.status));
    }
    answer::sealed(head, content, token.into_answer(), method, settings)
}
