//! The client's side of the session wire.

mod channel;
mod early;
mod handshake;
mod live;
mod outside;
mod requests;

pub use channel::talk;
pub use early::EarlyAnswer;
pub use handshake::{Connected, Judge, Opening, Refused, connect, connect_in};
pub use live::{Facts, Live, Settings};
pub use outside::Outside;

use super::Error;
use crate::{Body, BoxError};
use futures_util::future::BoxFuture;
use http::{Request, Response};
use std::{
    sync::Arc,
    task::{Context, Poll},
};
use tower::Service;

/// Sends requests over one session, each sealed with keys of its own, in any number at a time (SE-30).
///
/// The request's URI is absolute; its authority is the one that the session was made for.
#[derive(Clone)]
pub struct Session<T> {
    transport: T,
    live: Arc<Live>,
}

impl<T> Session<T> {
    /// Over `live`.
    #[must_use]
    pub fn new(transport: T, live: Arc<Live>) -> Self {
        Self { transport, live }
    }

    /// The session.
    #[must_use]
    pub fn live(&self) -> &Arc<Live> {
        &self.live
    }
}

impl<T> Service<Request<Body>> for Session<T>
where
    T: Service<Request<Body>, Response = Response<Body>, Future: Send> + Clone + Send + 'static,
    T::Error: Into<BoxError>,
{
    type Response = Response<Body>;
    type Error = Error;
    type Future = BoxFuture<'static, Result<Response<Body>, Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.transport.poll_ready(cx).map_err(Error::transport)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let live = Arc::clone(&self.live);
        // The clone takes the place of the one that is ready.
        let fresh = self.transport.clone();
        let transport = std::mem::replace(&mut self.transport, fresh);
        Box::pin(async move { requests::attempt(&live, transport, request).await })
    }
}
