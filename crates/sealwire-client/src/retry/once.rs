//! One request to a key that nothing renews: at most one repetition, where nobody can have carried it out twice by it.

use super::{
    channel::Kind,
    exchange::{addressed, is_broken, is_unprocessed},
    is_repeatable,
    tape::Tape,
};
use crate::Error;
use http::{Request, Response};
use sealwire_http::{Body, client};
use std::sync::atomic::{AtomicU64, Ordering};
use tower::{Service, ServiceExt};

/// Sends a request by `wire`, which seals each attempt afresh (HH-39), and does what SE-43 permits when that fails.
pub(crate) async fn exchange_with<W>(
    wire: &W,
    authority: &str,
    resent: &AtomicU64,
    request: Request<Body>,
) -> Result<Response<Body>, Error>
where
    W: Service<Request<Body>, Response = Response<Body>, Error = client::Error> + Clone,
{
    let (head, content) = request.into_parts();
    let head = addressed(head, authority)?;
    if Kind::of(&head).is_some() {
        return Err(Error::NeedsSession);
    }
    let tape = Tape::new(content);
    let mut repeated = false;
    loop {
        let Some(content) = tape.play() else { return Err(Error::OutcomeUnknown) };
        let error = match wire.clone().oneshot(Request::from_parts(head.clone(), content)).await {
            Ok(response) => {
                tape.let_go();
                return Ok(response);
            }
            Err(error) => error,
        };
        if tape.has_failed() {
            return Err(Error::RequestBody);
        }
        let unprocessed = is_unprocessed(&error);
        if !unprocessed && !is_broken(&error) {
            return Err(error.into());
        }
        if !(unprocessed || is_repeatable(&head)) {
            return Err(Error::OutcomeUnknown);
        }
        if repeated || !tape.is_whole() {
            return Err(error.into());
        }
        repeated = true;
        resent.fetch_add(1, Ordering::Relaxed);
    }
}
