//! When a request is sent again (OB-43, OB-47, SE-43), and how its body is kept for that.

mod channel;
pub(crate) mod date;
mod exchange;
mod once;
mod tape;

pub use channel::is_grpc;
pub(crate) use exchange::addressed;
pub(crate) use once::exchange_with;

use crate::{
    Error,
    keys::{Errand, Keeper, Pin, Renewal},
};
use http::{Method, Request, Response, request::Parts};
use sealwire_http::Body;
use std::sync::Arc;

/// In a request's extensions: repeating it does no harm, whatever its method (SE-43).
#[derive(Debug, Clone, Copy)]
pub struct ReplaySafe;

/// Whether carrying a request out twice does what carrying it out once does (RFC 9110 section 9.2.2, SE-43).
fn is_repeatable(head: &Parts) -> bool {
    head.extensions.get::<ReplaySafe>().is_some()
        || matches!(
            head.method,
            Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE | Method::PUT | Method::DELETE
        )
}

/// What a request that may be sent again is sent with: `stale` is whether it would only meet `error` again with what there
/// is, where a broken connection may heal.
async fn instead(
    keeper: &Arc<Keeper>,
    renewal: Renewal,
    stale: bool,
    error: Error,
) -> Result<Arc<Pin>, Error> {
    match renewal {
        Renewal::Fresh(pin) => Ok(pin),
        Renewal::NotNow if !stale => keeper.usable(&mut Errand::default()).await,
        Renewal::NotNow => Err(Error::TooSoon { source: Box::new(error) }),
        Renewal::Failed(failure) => match failure.into() {
            why @ (Error::Denied(_) | Error::NoSession { .. } | Error::NotAttested(_)) => Err(why),
            _ => Err(error),
        },
    }
}

/// Sends a request: what a connection has to be open for goes over a channel, all else by itself. In a tunnel, everything goes
/// over a channel.
pub(crate) async fn exchange(keeper: &Arc<Keeper>, request: Request<Body>) -> Result<Response<Body>, Error> {
    let (head, content) = request.into_parts();
    let kind =
        channel::Kind::of(&head).or_else(|| keeper.appraiser().is_tunnel().then_some(channel::Kind::Request));
    let request = Request::from_parts(head, content);
    match kind {
        Some(kind) => Box::pin(channel::exchange(keeper, kind, request)).await,
        None => exchange::exchange(keeper, request).await,
    }
}
