//! The server's side of the channel: HTTP/2 with prior knowledge inside (SE-37).

use crate::{
    Body, Identity, Peer, Wire, body,
    channel::{self, ChannelStream, Error, Settings, Verdict},
    problem,
    server::exchange::Application,
};
use futures_util::future::{BoxFuture, Either, select};
use http::{Request, Response, StatusCode, header};
use hyper::{body::Incoming, server::conn::http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use metrics::counter;
use sealwire_attest::key_document::authority;
use sealwire_message::bhttp;
use sealwire_session::message::ChannelOpen;
use std::{convert::Infallible, future::Future, pin::pin, sync::Arc};
use tokio::io::{AsyncRead, AsyncWrite};
use tower::{Service, ServiceExt};

/// Whose channel it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opener {
    /// the name that the session is for, in its normal form
    pub authority: String,
    /// who the client has shown itself to be
    pub identity: Identity,
}

/// Takes the opening of a channel from a connection that has been upgraded to a WebSocket, and hands the requests in it to
/// `service`, each with a [`Peer`] in its extensions, until it ends; an extended CONNECT has
/// [`hyper::ext::Protocol`] there too, and [`hyper::upgrade::on`] gives its tunnel. Once `shutdown` is ready nothing new
/// is taken, and the channel ends with the last answer.
///
/// `admit` is as in [`channel::accept`].
///
/// # Errors
/// As [`channel::accept`]; how the channel went wrong. Only what was closed by the client's keys ends well.
pub async fn serve<T, S>(
    io: T,
    admit: impl FnOnce(&ChannelOpen) -> Verdict<Opener>,
    service: S,
    shutdown: impl Future<Output = ()>,
    settings: &Settings,
) -> Result<(), Error>
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send>
        + Clone
        + Send
        + 'static,
{
    let (stream, opener) = channel::accept(io, admit, settings).await?;
    requests(stream, opener, service, shutdown, settings).await
}

/// The same, of a channel that is open.
pub(crate) async fn requests<T, S>(
    stream: ChannelStream<T>,
    opener: Opener,
    service: S,
    shutdown: impl Future<Output = ()>,
    settings: &Settings,
) -> Result<(), Error>
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Application,
{
    let progress = stream.progress();
    let (interval, timeout) = settings.keep_alive;
    let inside = Inside { service, opener: Arc::new(opener) };
    let connection = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .enable_connect_protocol()
        .max_concurrent_streams(settings.streams)
        .initial_stream_window_size(settings.stream_window)
        .initial_connection_window_size(settings.connection_window)
        .max_frame_size(channel::FRAME)
        .max_send_buf_size(channel::SEND_BUFFER)
        .max_header_list_size(channel::HEAD)
        .keep_alive_interval(interval)
        .keep_alive_timeout(timeout)
        .serve_connection(TokioIo::new(stream), inside);
    let result = match select(pin!(connection), pin!(shutdown)).await {
        Either::Left((result, _)) => result,
        Either::Right(((), mut connection)) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    // What is inside may take the loss of an idle connection for an end; it is none.
    progress.check()?;
    Ok(result?)
}

/// Requests of one channel.
struct Inside<S> {
    service: S,
    opener: Arc<Opener>,
}

impl<S: Application> hyper::service::Service<Request<Incoming>> for Inside<S> {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        match opened(request, &self.opener) {
            Ok(request) => Box::pin(self.service.clone().oneshot(request)),
            Err(status) => Box::pin(async move { Ok(refused(status)) }),
        }
    }
}

/// The ordinary request that came through the channel. The authority has to be the session's (SE-36).
fn opened(request: Request<Incoming>, opener: &Opener) -> Result<Request<Body>, StatusCode> {
    let mut request = request.map(body::boxed);
    let authority = request.uri().authority().ok_or(StatusCode::BAD_REQUEST)?;
    let normal = authority::normalise(authority.as_str(), authority::DEFAULT_PORT);
    if normal.map_err(|_| StatusCode::BAD_REQUEST)? != opener.authority {
        return Err(StatusCode::MISDIRECTED_REQUEST);
    }
    let headers = request.headers_mut();
    // The authority says it; the upstream's side writes the field that its protocol version wants.
    headers.remove(header::HOST);
    bhttp::remove_connection_fields(headers);
    bhttp::join_cookies(headers);
    let peer = Peer { wire: Wire::SessionChannel, identity: opener.identity.clone() };
    request.extensions_mut().insert(peer);
    Ok(request)
}

fn refused(status: StatusCode) -> Response<Body> {
    counter!("sealwire_refusals_total", "reason" => "authority").increment(1);
    let title = "The request is not for the authority of its session";
    problem::response(status, problem::BLANK, title, "")
}
