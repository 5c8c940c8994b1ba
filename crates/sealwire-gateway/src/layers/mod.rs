//! The layers between listener and upstream; `stack` puts them together.

mod in_flight;
mod observe;
mod pick;
mod plain;
mod policy;
mod rate;
mod tenant;

pub(crate) use in_flight::{InFlight, InFlightLayer};
pub(crate) use observe::{Observe, ObserveLayer};
pub(crate) use pick::{
    Anywhere, Ehbp as SealedContent, Legacy, PickWire, Placed, Resumed, Sealed, Services, SessionServices,
    TunnelWire, first_frame,
};
pub(crate) use plain::{Plain, PlainLayer};
pub(crate) use policy::{Matched, Policy, PolicyLayer};
pub(crate) use rate::{RateLayer, RateLimit};
pub(crate) use tenant::{Tenant, TenantLayer};

use futures_util::future::{Either, Ready, ready};
use http::{Request, Response, StatusCode};
use sealwire_http::{Body, problem};
use std::convert::Infallible;
use tower::Service;

/// What every layer here is around.
pub(crate) trait Inner:
    Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send> + Clone + Send + 'static
{
}

impl<S> Inner for S where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send>
        + Clone
        + Send
        + 'static
{
}

/// The future of a layer that refuses a request or passes it on.
pub(crate) type Gate<F> = Either<Ready<Result<Response<Body>, Infallible>>, F>;

/// Answers at once.
pub(crate) fn answer<F>(response: Response<Body>) -> Gate<F> {
    Either::Left(ready(Ok(response)))
}

/// A refusal of the gateway's own, counted by `reason`.
pub(crate) fn refusal(reason: &'static str, status: StatusCode, title: &str, detail: &str) -> Response<Body> {
    crate::metrics::refused(reason);
    problem::response(status, problem::BLANK, title, detail)
}
