//! The client's side of the channel: HTTP/2 with prior knowledge inside (SE-37).

use crate::{
    Body, body,
    channel::{self, ChannelStream, Error, Progress, Settings},
};
use futures_util::future::{BoxFuture, Either, select};
use http::{Method, Request, Response, header};
use hyper::client::conn::http2::{self, SendRequest};
use hyper::upgrade::Upgraded;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use sealwire_crypto::random::Random;
use sealwire_message::bhttp;
use sealwire_session::{Secrets, SessionId};
use std::{
    pin::pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::watch,
    time::timeout,
};
use tower::Service;

/// Sends requests through a channel, as many at once as the server takes.
///
/// The request's URI is absolute, and its authority the session's. A WebSocket is a CONNECT with
/// [`hyper::ext::Protocol`] in its extensions; what [`hyper::upgrade::on`] gives for its answer is the tunnel. Dropping
/// a request's future or its answer's body cancels it. When all clones are dropped, the channel closes.
#[derive(Clone)]
pub struct Channel {
    requests: SendRequest<Body>,
    extended: watch::Receiver<bool>,
    patience: Duration,
    progress: Arc<Progress>,
}

impl Channel {
    /// Whether it takes no more requests: it broke, or the server wants it to end.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.requests.is_closed()
    }
}

/// A channel over a connection that this side has asked for.
pub type Stream = ChannelStream<TokioIo<Upgraded>>;

/// What carries a channel: somebody has to await it. It ends well only if the channel was closed by its keys.
pub type Connection = BoxFuture<'static, Result<(), Error>>;

/// Opens a channel over a connection that has been upgraded to a WebSocket at [`channel::PATH`], with the subprotocol
/// [`channel::SUBPROTOCOL`]. The number is one of the session's, as for a request.
///
/// # Errors
/// [`Error::Unknown`], [`Error::TimedOut`], [`Error::Fault`], [`Error::Http`]
pub async fn connect<T>(
    io: T,
    session: &SessionId,
    secrets: &Secrets,
    number: u64,
    settings: &Settings,
    random: &dyn Random,
) -> Result<(Channel, Connection), Error>
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let stream = channel::connect(io, session, secrets, number, settings, random).await?;
    let progress = stream.progress();
    over(stream, progress, settings).await
}

/// HTTP/2 over `stream`, of which `progress` tells.
pub(super) async fn over<T>(
    stream: T,
    progress: Arc<Progress>,
    settings: &Settings,
) -> Result<(Channel, Connection), Error>
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (interval, answer) = settings.keep_alive;
    let handshake = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .initial_stream_window_size(settings.stream_window)
        .initial_connection_window_size(settings.connection_window)
        .max_frame_size(channel::FRAME)
        .max_send_buf_size(channel::SEND_BUFFER)
        .max_header_list_size(channel::HEAD)
        .keep_alive_interval(interval)
        .keep_alive_timeout(answer)
        .handshake(TokioIo::new(stream));
    let (requests, connection) = handshake.await?;
    let (enable, extended) = watch::channel(false);
    let channel = Channel { requests, extended, patience: settings.opening, progress: Arc::clone(&progress) };
    let connection = async move {
        let mut connection = pin!(connection);
        let result = loop {
            let mut asked = pin!(progress.asked_again());
            if connection.is_extended_connect_protocol_enabled() {
                let _ = enable.send(true);
                break connection.await;
            }
            match select(connection.as_mut(), asked.as_mut()).await {
                Either::Left((result, _)) => break result,
                Either::Right(((), _)) => {}
            }
        };
        if progress.is_over() {
            return Err(Error::Over);
        }
        // What is inside may take the loss of an idle connection for an end; it is none.
        progress.check()?;
        Ok(result?)
    };
    Ok((channel, Box::pin(connection)))
}

impl Service<Request<Body>> for Channel {
    type Response = Response<Body>;
    type Error = Error;
    type Future = BoxFuture<'static, Result<Response<Body>, Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.requests.poll_ready(cx).map_err(Error::Http)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let extended = match prepare(&mut request) {
            Ok(extended) => extended,
            Err(error) => return Box::pin(async { Err(error) }),
        };
        if !extended {
            let answer = self.requests.send_request(request);
            let progress = Arc::clone(&self.progress);
            return Box::pin(async move { answered(&progress, answer.await) });
        }
        let Self { mut requests, mut extended, patience, progress } = self.clone();
        Box::pin(async move {
            // Before the server's settings no CONNECT may be extended (RFC 8441 section 3). That the connection is gone,
            // the request itself finds out.
            let enabled = timeout(patience, extended.wait_for(|extended| *extended)).await.is_ok();
            if !enabled {
                return Err(Error::Request("the server takes no extended CONNECT"));
            }
            answered(&progress, requests.send_request(request).await)
        })
    }
}

/// What came of a request. What is inside does not know why the channel ended, if it did.
fn answered(
    progress: &Progress,
    answer: hyper::Result<Response<hyper::body::Incoming>>,
) -> Result<Response<Body>, Error> {
    match answer {
        Ok(answer) => Ok(answer.map(body::boxed)),
        Err(_) if progress.is_over() => Err(Error::Over),
        // It never left, which is more than the fault would tell.
        Err(error) if error.is_canceled() => Err(Error::Http(error)),
        Err(error) if is_not_accepted(&error) => Err(Error::NotAccepted),
        Err(error) => Err(progress.check().err().map_or(Error::Http(error), Error::Fault)),
    }
}

/// Whether the server says that it has not acted upon the request, and never will (RFC 9113 section 8.7). What comes in a
/// channel is its own word.
fn is_not_accepted(error: &hyper::Error) -> bool {
    let error = std::error::Error::source(error).and_then(|source| source.downcast_ref::<h2::Error>());
    error.is_some_and(|error| {
        let refused = error.is_reset() && error.reason() == Some(h2::Reason::REFUSED_STREAM);
        // One that says so while it ends well takes what came before it to its end.
        let behind_the_last = error.is_go_away() && error.reason() == Some(h2::Reason::NO_ERROR);
        error.is_remote() && (refused || behind_the_last)
    })
}

/// Makes a request one of HTTP/2; says whether it is an extended CONNECT.
fn prepare(request: &mut Request<Body>) -> Result<bool, Error> {
    let extended = request.extensions().get::<hyper::ext::Protocol>().is_some();
    if (request.method() == Method::CONNECT) != extended {
        return Err(Error::Request("a channel carries no tunnel, but an extended CONNECT"));
    }
    if request.uri().authority().is_none() {
        return Err(Error::Request("its URI names no authority"));
    }
    if request.headers().contains_key(header::UPGRADE) {
        return Err(Error::Request("an upgrade is an extended CONNECT in a channel"));
    }
    *request.version_mut() = http::Version::HTTP_2;
    let headers = request.headers_mut();
    bhttp::remove_connection_fields(headers);
    headers.remove(header::HOST);
    Ok(extended)
}
