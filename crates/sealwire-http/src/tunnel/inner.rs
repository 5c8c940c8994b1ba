//! WebSockets to and from HTTP services in this process.
//!
//! The tunnel carries messages, where all else here carries a WebSocket's bytes. So a WebSocket in it has two short ends in
//! memory, with HTTP/1.1 between them: one side of that asks for the upgrade, the other is a service that grants it.

use crate::{
    Body, body,
    server::exchange::Application,
    websocket::{Asking, Form},
};
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use hyper::{
    body::Incoming,
    client::conn::http1 as client,
    ext::Protocol,
    server::conn::http1 as server,
    service::service_fn,
    upgrade::{self, OnUpgrade, Upgraded},
};
use hyper_util::rt::TokioIo;
use sealwire_crypto::random::Random;
use std::{convert::Infallible, future::Future, sync::Mutex};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::protocol::{Role, WebSocketConfig},
};
use tower::ServiceExt;

/// What is in memory between the two ends, in bytes.
const BETWEEN: usize = 16 << 10;

/// A WebSocket whose other end is in this process.
pub(crate) type WebSocket = WebSocketStream<TokioIo<Upgraded>>;

/// Sends a request for an upgrade to a service in this process; gives its answer, from which [`upgrade::on`] gives the
/// connection where that is 101.
async fn exchange<F>(
    request: Request<Body>,
    service: impl Fn(Request<Incoming>) -> F,
) -> hyper::Result<Response<()>>
where
    F: Future<Output = Result<Response<Body>, Infallible>>,
{
    let (near, far) = tokio::io::duplex(BETWEEN);
    let serving = server::Builder::new().serve_connection(TokioIo::new(far), service_fn(service));
    let (mut sender, sending) = client::Builder::new().handshake(TokioIo::new(near)).await?;
    let asking = async move {
        // The sender goes with it, and so does the content of an answer that is no upgrade: neither end waits for the other.
        let answer = sender.send_request(request).await;
        drop(sender);
        answer.map(|answer| answer.map(drop))
    };
    // Both ends have to come to where they hand their connection over.
    let (answer, _, _) = tokio::join!(asking, serving.with_upgrades(), sending.with_upgrades());
    answer
}

/// Opens a WebSocket to an application, as a channel would: by an extended CONNECT. The request is a GET whose URI is
/// absolute.
///
/// # Errors
/// The status with which the application answers in its place.
pub(crate) async fn open(
    request: Request<Body>,
    application: impl Application,
    config: WebSocketConfig,
    random: &dyn Random,
) -> Result<WebSocket, StatusCode> {
    let failed = StatusCode::BAD_GATEWAY;
    let (mut parts, content) = request.into_parts();
    let asking = Asking::ask(&mut parts, random).map_err(|_| failed)?;
    // HTTP/1.1 carries the path alone, and no extensions.
    let (uri, extensions) = (parts.uri.clone(), std::mem::take(&mut parts.extensions));
    if let Ok(host) = uri.authority().map_or("", |authority| authority.as_str()).try_into() {
        parts.headers.insert(header::HOST, host);
    }
    let service = move |arrived: Request<Incoming>| {
        let (application, uri, extensions) = (application.clone(), uri.clone(), extensions.clone());
        async move {
            let (mut parts, _) = arrived.into_parts();
            let Ok(form) = Form::of(&parts) else { return Ok(status(failed)) };
            parts.uri = uri;
            parts.method = Method::CONNECT;
            parts.version = http::Version::HTTP_2;
            parts.extensions.extend(extensions);
            parts.extensions.insert(Protocol::from_static(crate::websocket::NAME));
            for name in [header::HOST, header::CONNECTION, header::UPGRADE, header::SEC_WEBSOCKET_KEY] {
                parts.headers.remove(name);
            }
            let answer = application.oneshot(Request::from_parts(parts, body::empty())).await?;
            Ok(if answer.status().is_success() { form.answer(answer.into_parts().0.headers) } else { answer })
        }
    };
    let mut answer = exchange(Request::from_parts(parts, content), service).await.map_err(|_| failed)?;
    if answer.status() != StatusCode::SWITCHING_PROTOCOLS {
        return Err(answer.status());
    }
    if !asking.is_met(&answer) {
        return Err(failed);
    }
    let upgraded = upgrade::on(&mut answer).await.map_err(|_| failed)?;
    Ok(WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Client, Some(config)).await)
}

/// A WebSocket between two ends in this process: what a local client takes over once it is told of its upgrade, and the
/// end that is this side's. `None` without randomness.
pub(crate) async fn grant(config: WebSocketConfig, random: &dyn Random) -> Option<(OnUpgrade, WebSocket)> {
    let (mut parts, ()) = Request::new(()).into_parts();
    Asking::ask(&mut parts, random).ok()?;
    let (give, taken) = tokio::sync::oneshot::channel();
    let give = Mutex::new(Some(give));
    let service = move |mut arrived: Request<Incoming>| {
        let upgrade = upgrade::on(&mut arrived);
        if let Some(give) = give.lock().ok().and_then(|mut give| give.take()) {
            let _ = give.send(upgrade);
        }
        let form = Form::of(&arrived.into_parts().0);
        let answer =
            form.map_or_else(|_| status(StatusCode::BAD_REQUEST), |form| form.answer(HeaderMap::new()));
        std::future::ready(Ok(answer))
    };
    let mut answer = exchange(Request::from_parts(parts, body::empty()), service).await.ok()?;
    let upgraded = taken.await.ok()?.await.ok()?;
    let socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(config)).await;
    Some((upgrade::on(&mut answer), socket))
}

fn status(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(body::empty());
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use futures_util::{StreamExt, stream};
    use http_body::Frame;
    use http_body_util::StreamBody;
    use sealwire_crypto::random::OsRandom;
    use std::time::Duration;
    use tower::service_fn;

    // TU-27, TU-29: whatever comes with a refusal, it is one: content in several pieces, more than there is room for, and
    // content without an end.
    #[tokio::test]
    async fn a_refusal_with_content_ends() {
        for (pieces, ends) in [(1, true), (3, true), (64, true), (1, false), (64, false)] {
            let application = service_fn(move |_: Request<Body>| async move {
                let piece = || Ok::<_, crate::BoxError>(Frame::data(Bytes::from_static(&[b'x'; 4096])));
                let rest = stream::pending().take(usize::from(!ends));
                let content = stream::iter((0..pieces).map(move |_| piece())).chain(rest);
                let mut answer = Response::new(body::boxed(StreamBody::new(content)));
                *answer.status_mut() = StatusCode::FORBIDDEN;
                Ok::<_, Infallible>(answer)
            });
            let request = Request::get("https://a.example/socket").body(body::empty()).unwrap();
            let opening = open(request, application, WebSocketConfig::default(), &OsRandom);
            let opened = tokio::time::timeout(Duration::from_secs(60), opening).await;
            assert_eq!(opened.expect("it ends").err(), Some(StatusCode::FORBIDDEN), "{pieces}, {ends}");
        }
    }
}
