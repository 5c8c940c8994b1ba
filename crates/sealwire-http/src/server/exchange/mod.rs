//! An exchange that streams both ways, whichever the wire: from a head that has authenticated to the sealed answer.

mod answer;
mod awaited;
pub(crate) mod content;
mod message;
mod paced;

pub(crate) use answer::{cannot_seal, fault, not_a_request};
pub(crate) use awaited::seal;
pub(crate) use content::content;
pub(crate) use message::RequestMessage;

use super::{Pace, RouteRules};
use crate::{
    Body, Peer, body,
    chunks::{OpenChunks, SealChunks},
    informational::InformationalSender,
    opened::{Fault, Message},
};
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Request, Response, Uri, header, uri};
use http_body_util::BodyExt;
use paced::Paced;
use sealwire_message::bhttp::{self, RequestHead};
use std::{convert::Infallible, time::Duration};
use tokio::sync::mpsc;
use tower::Service;

/// Informational responses that may wait to be sealed.
const INFORMATIONAL_QUEUE: usize = 4;

/// What answers opened requests.
pub(crate) trait Application:
    Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send> + Clone + Send + 'static
{
}

impl<S> Application for S where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send>
        + Clone
        + Send
        + 'static
{
}

/// An answer that has not begun. It begins once.
pub(crate) trait Reply: Send + 'static {
    /// What seals it.
    type Sealer: SealChunks;

    /// Begins it: `out` gets what goes before the first chunk, `outer` the fields of the outer answer. `None` without
    /// randomness.
    fn begin(self, out: &mut BytesMut, outer: &mut HeaderMap) -> Option<Self::Sealer>;
}

/// A request whose head has authenticated.
pub(crate) struct Begun<C> {
    pub(crate) head: RequestHead,
    /// of the outer body
    pub(crate) rest: Body,
    pub(crate) message: RequestMessage<C>,
}

/// What an exchange may take.
#[derive(Clone, Copy)]
pub(crate) struct Bounds {
    /// how long the outer body may pause
    pub(crate) idle_time: Duration,
    /// what is gathered of a request that HTTP/1.1 cannot stream, in bytes
    pub(crate) gathered: usize,
}

/// Reads on to the head.
///
/// # Errors
/// What is wrong with the message, or with the outer body ([`Fault::Transport`]).
pub(crate) async fn head<C: OpenChunks>(
    body: &mut Body,
    message: &mut RequestMessage<C>,
) -> Result<RequestHead, Fault> {
    loop {
        if let Some(head) = message.head()? {
            return Ok(head);
        }
        match next(body).await? {
            Some(slice) => message.push(&slice)?,
            None => message.end(),
        }
    }
}

/// The next slice of an outer body.
///
/// # Errors
/// [`Fault::Transport`]
pub(crate) async fn next(body: &mut Body) -> Result<Option<Bytes>, Fault> {
    loop {
        match body.frame().await {
            None => return Ok(None),
            Some(Err(_)) => return Err(Fault::Transport),
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        }
    }
}

/// Hands the request to the application, and seals what it answers.
pub(crate) async fn serve<C: OpenChunks, R: Reply>(
    begun: Begun<C>,
    reply: R,
    rules: RouteRules,
    bounds: Bounds,
    peer: Peer,
    mut inner: impl Application,
) -> Response<Body> {
    let Begun { head, rest, message } = begun;
    let length = content::content_length(&head.headers);
    let (content, broken) = match content(bounds, rules, &head.method, length, rest, message).await {
        Ok(content) => content,
        Err(found) => return seal(reply, fault(found)),
    };
    let Some(mut request) = request(head, peer, content) else {
        return seal(reply, not_a_request());
    };
    let (sender, informational) = mpsc::channel(INFORMATIONAL_QUEUE);
    request.extensions_mut().insert(InformationalSender(sender));
    let response = inner.call(request);
    let response = async move {
        let Ok(response) = response.await;
        // The application was told of a broken body; the caller is told what broke (OB-114).
        match (broken.get(), rules.pace) {
            (Some(&found), _) => fault(found),
            (None, Some(pace)) => paced(response, pace),
            (None, None) => response,
        }
    };
    awaited::reply(reply, Box::pin(response), informational, rules.pace).await
}

/// An answer whose content comes in pieces of one size (OB-64, EH-31).
pub(crate) fn paced(response: Response<Body>, pace: Pace) -> Response<Body> {
    response.map(|content| body::boxed(Paced::new(content, pace)))
}

/// The ordinary request that a sealed one stands for. `None` if its parts do not make a URI.
pub(crate) fn request(head: RequestHead, peer: Peer, body: Body) -> Option<Request<Body>> {
    let authority = head.effective_authority()?;
    let mut parts = uri::Parts::default();
    parts.scheme = Some(head.scheme);
    parts.authority = Some(authority);
    parts.path_and_query = Some(head.path);
    let mut request = Request::new(body);
    *request.method_mut() = head.method;
    *request.uri_mut() = Uri::from_parts(parts).ok()?;
    *request.headers_mut() = head.headers;
    let headers = request.headers_mut();
    // The authority says it; the upstream's side writes the field that its protocol version wants.
    headers.remove(header::HOST);
    bhttp::remove_connection_fields(headers);
    bhttp::join_cookies(headers);
    request.extensions_mut().insert(peer);
    Some(request)
}
