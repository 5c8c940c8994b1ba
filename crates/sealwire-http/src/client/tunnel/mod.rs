//! The client's side of version 0 of the RA tunnel.

mod connection;
mod error;
mod exchange;
mod handshake;
mod socket;

pub use connection::Connection;
pub use error::Error;

use crate::{Body, Clock, websocket};
use connection::Shared;
use futures_util::future::BoxFuture;
use handshake::agree;
use http::{Request, Response, header};
use sealwire_attest::{Appraised, Claims, verdict::Denial};
use sealwire_crypto::random::Random;
use sealwire_tunnel::{
    Limits, VerifierData,
    client::{Presented, Trusted},
};
use std::{
    future::Future,
    sync::Arc,
    task::{Context, Poll},
};
use tokio::io::{AsyncRead, AsyncWrite};
use tower::Service;

/// What a tunnel takes from its surroundings.
#[derive(Clone)]
pub struct Settings {
    /// of each connection
    pub limits: Limits,
    /// time of day
    pub clock: Arc<dyn Clock>,
    /// randomness
    pub random: Arc<dyn Random>,
}

/// Sends requests through a tunnel, and opens WebSockets in it: an upgrade of HTTP/1.1, or a CONNECT with
/// [`hyper::ext::Protocol`] in its extensions; what [`hyper::upgrade::on`] gives for its answer is the connection. A request's
/// URI is absolute. Cheap to clone.
///
/// There is one only for a server whose quote, policy and binding have been accepted (TU-36).
#[derive(Clone)]
pub struct Tunnel {
    shared: Arc<Shared>,
    trusted: Arc<Trusted>,
}

/// Shakes hands over a connection that has been upgraded to a WebSocket at [`sealwire_tunnel::PATH`]: `judge` decides
/// whether the server is trusted, before there is a key. Somebody has to await the [`Connection`].
///
/// # Errors
/// [`Error::Denied`], [`Error::Tunnel`], [`Error::TimedOut`], [`Error::Closed`]; the connection is closed.
pub async fn connect<T, F>(
    io: T,
    judge: impl FnOnce(Presented) -> F,
    settings: &Settings,
) -> Result<(Tunnel, Connection), Error>
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    F: Future<Output = Result<Trusted, Denial>>,
{
    let (outer, trusted, keyed) = agree(io, judge, settings).await?;
    let (shared, connection) = connection::begin(outer, keyed, settings.clone());
    Ok((Tunnel { shared, trusted: Arc::new(trusted) }, connection))
}

impl Tunnel {
    /// Whether it takes no more requests.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.shared.ended.is_cancelled()
    }

    /// What was accepted of the server.
    #[must_use]
    pub fn claims(&self) -> &Appraised<Claims> {
        self.trusted.claims()
    }

    /// What its quote covers besides its key.
    #[must_use]
    pub fn verifier_data(&self) -> Option<&VerifierData> {
        self.trusted.verifier_data()
    }
}

impl Service<Request<Body>> for Tunnel {
    type Response = Response<Body>;
    type Error = Error;
    type Future = BoxFuture<'static, Result<Response<Body>, Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let shared = Arc::clone(&self.shared);
        let (parts, content) = request.into_parts();
        let is_websocket = websocket::is_connect(&parts) || parts.headers.contains_key(header::UPGRADE);
        let request = Request::from_parts(parts, content);
        Box::pin(async move {
            if is_websocket {
                socket::open(&shared, request).await
            } else {
                exchange::send(&shared, request).await
            }
        })
    }
}
