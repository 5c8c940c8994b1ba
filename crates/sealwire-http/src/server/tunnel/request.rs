//! `http_request`: an ordinary request to the application, and its answer, whole (TU-08).

use super::{Settings, connection::Shared};
use crate::{
    Body, Identity, Peer, body,
    server::exchange::Application,
    tunnel::{AROUND, WIRE, outbox::Room},
};
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, Uri, header, uri};
use http_body_util::BodyExt;
use metrics::counter;
use sealwire_hpke_http::message::{self as http_rules, Fields, Method, RequestHead};
use sealwire_message::bhttp;
use sealwire_tunnel::{
    Id,
    live::Refused,
    message::{self, Content, FromServer, Text},
};
use std::{collections::BTreeMap, sync::Arc};
use tokio::task::JoinSet;
use tower::ServiceExt;

/// The most fields of an answer: no more are read (TU-14).
const FIELDS: usize = 256;

/// Why a request is answered by the gateway itself. Each has one fixed phrase (TU-28).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    /// TU-26
    InUse,
    /// TU-27
    TooMany,
    /// TU-27
    Full,
    /// TU-32
    Request,
    /// TU-33
    TooLong,
    /// TU-31
    Cookies,
    /// what the wire cannot carry
    Answer,
    /// it broke off
    Broken,
}

impl Refusal {
    fn answer(self) -> (StatusCode, &'static str) {
        match self {
            Self::InUse => (StatusCode::CONFLICT, "this requestId is in use"),
            Self::TooMany => (StatusCode::SERVICE_UNAVAILABLE, "too many requests at once"),
            Self::Full => (StatusCode::SERVICE_UNAVAILABLE, "too much waits to be sent"),
            Self::Request => (StatusCode::BAD_REQUEST, "method, target or fields are not taken"),
            Self::TooLong => (
                StatusCode::BAD_GATEWAY,
                "this answer is a stream, or too long, for version 0 of the tunnel; the session wire carries it",
            ),
            Self::Cookies => (
                StatusCode::BAD_GATEWAY,
                "this answer sets several cookies, which version 0 of the tunnel would join; the session wire keeps them apart",
            ),
            Self::Answer => {
                (StatusCode::BAD_GATEWAY, "this answer has fields that version 0 of the tunnel cannot carry")
            }
            Self::Broken => (StatusCode::BAD_GATEWAY, "the answer broke off"),
        }
    }

    fn response(self, id: Id) -> message::Response {
        counter!("sealwire_refusals_total", "reason" => "tunnel-request").increment(1);
        let (status, phrase) = self.answer();
        message::Response {
            id,
            status: status.as_u16(),
            status_text: status.canonical_reason().unwrap_or_default().to_owned(),
            headers: vec![("content-type".to_owned(), "text/plain; charset=utf-8".to_owned())],
            body: Some(Content::Text(Text::from(phrase))),
            error: None,
        }
    }
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::InUse => Self::InUse,
            Refused::Full => Self::TooMany,
        }
    }
}

/// In the place of an answer that turned out too long.
pub(super) fn too_long(id: Id) -> message::Response {
    Refusal::TooLong.response(id)
}

/// Begins a request, or refuses it. Refusals wait for room like all else: who does not take them is not read from.
pub(super) async fn begin(
    shared: &Arc<Shared>,
    request: message::Request,
    inner: impl Application,
    tasks: &mut JoinSet<()>,
) {
    let id = request.id.clone();
    let begun = shared.requests().begin(id.clone(), ());
    if let Err(refused) = begun {
        let Some(room) = shared.outbox.room_in_turn(0).await else { return };
        shared.outbox.send(FromServer::Response(Refusal::from(refused).response(id)), room);
        return;
    }
    let shared = Arc::clone(shared);
    tasks.spawn(async move {
        let (answer, room) = match answered(&shared, request, inner).await {
            Ok((answer, room)) => (answer, Some(room)),
            Err(refusal) => (refusal.response(id.clone()), shared.outbox.room_in_turn(0).await),
        };
        // The client may use the id again as soon as it has the answer.
        shared.requests().end(&id);
        if let Some(room) = room {
            shared.outbox.send(FromServer::Response(answer), room);
        }
    });
}

async fn answered(
    shared: &Shared,
    request: message::Request,
    inner: impl Application,
) -> Result<(message::Response, Room), Refusal> {
    let id = request.id.clone();
    let (request, method) = opened(&shared.settings, request).ok_or(Refusal::Request)?;
    let Ok(answer) = inner.oneshot(request).await;
    gathered(shared, id, method, answer).await
}

/// The ordinary request that came (TU-32).
fn opened(settings: &Settings, request: message::Request) -> Option<(Request<Body>, Method)> {
    let message::Request { method, url, headers, body, .. } = request;
    let method = Method::from_bytes(method.as_bytes()).ok()?;
    let mut lines = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        lines.append(HeaderName::from_bytes(name.as_bytes()).ok()?, HeaderValue::from_str(&value).ok()?);
    }
    // The body is what it is, whatever the field says of it.
    lines.remove(header::CONTENT_LENGTH);
    let fields = http_rules::request_fields(&lines).ok()?;
    let head = RequestHead::new(method, &settings.authority, target(&url)?, fields).ok()?;
    let content = body.map_or_else(body::empty, |content| body::full(content.into_bytes()));
    let mut request = Request::new(content);
    *request.method_mut() = method.into();
    *request.uri_mut() = absolute(&settings.authority, head.target())?;
    *request.headers_mut() = head.fields().to_headers();
    bhttp::join_cookies(request.headers_mut());
    request.extensions_mut().insert(Peer { wire: WIRE, identity: Identity::Nobody });
    Some((request, method))
}

/// Path and query, of a URL that is absolute or is that already: its host is ignored (A.2).
pub(super) fn target(url: &str) -> Option<&str> {
    let rest = ["http://", "https://", "ws://", "wss://"].iter().find_map(|scheme| url.strip_prefix(scheme));
    let Some(rest) = rest else { return Some(url) };
    match rest.find(['/', '?', '#']) {
        None => Some("/"),
        Some(at) => rest.get(at..),
    }
}

pub(super) fn absolute(authority: &str, target: &str) -> Option<Uri> {
    let mut parts = uri::Parts::default();
    parts.scheme = Some(uri::Scheme::HTTPS);
    parts.authority = Some(authority.parse().ok()?);
    parts.path_and_query = Some(target.parse().ok()?);
    Uri::from_parts(parts).ok()
}

/// The answer, whole. Each piece of it takes room from the moment when it comes.
async fn gathered(
    shared: &Shared,
    id: Id,
    method: Method,
    answer: Response<Body>,
) -> Result<(message::Response, Room), Refusal> {
    let (parts, mut content) = answer.into_parts();
    let headers = fields(&parts.headers, shared.settings.joined_cookies)?;
    if is_event_stream(&parts.headers) {
        return Err(Refusal::TooLong);
    }
    let around = headers.iter().map(|(name, value)| name.len() + value.len() + 10).sum::<usize>();
    let most = shared.settings.limits.message().saturating_sub(AROUND).checked_sub(around);
    let most = most.ok_or(Refusal::TooLong)?;
    // An announced length that is too long is refused before any of it is taken.
    if method != Method::Head && http_body::Body::size_hint(&content).lower() > most as u64 {
        return Err(Refusal::TooLong);
    }
    let mut room = shared.outbox.room(around).ok_or(Refusal::Full)?;
    let mut whole = BytesMut::new();
    while let Some(frame) = content.frame().await {
        let Ok(piece) = frame.map_err(|_| Refusal::Broken)?.into_data() else { continue };
        if piece.len() > most.saturating_sub(whole.len()) {
            return Err(Refusal::TooLong);
        }
        room = room.and(shared.outbox.room(piece.len()).ok_or(Refusal::Full)?);
        whole.extend_from_slice(&piece);
    }
    let status = parts.status;
    let response = message::Response {
        id,
        status: status.as_u16(),
        status_text: status.canonical_reason().unwrap_or_default().to_owned(),
        headers,
        body: (!has_no_body(status)).then(|| typed(whole.freeze())),
        error: None,
    };
    Ok((response, room))
}

/// Text where it is, so that the peer reads what its own server would send. A byte order mark would be lost on the way.
fn typed(content: Bytes) -> Content {
    if content.starts_with(b"\xef\xbb\xbf") {
        return Content::Bytes(content);
    }
    match Text::try_from(content.clone()) {
        Ok(text) => Content::Text(text),
        Err(_) => Content::Bytes(content),
    }
}

/// Statuses for which the peer's platform takes no body, not even an empty one.
fn has_no_body(status: StatusCode) -> bool {
    matches!(status.as_u16(), 204 | 205 | 304)
}

fn is_event_stream(headers: &HeaderMap) -> bool {
    headers.get_all(header::CONTENT_TYPE).iter().any(|value| {
        let media_type = value.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
        media_type.trim_ascii().eq_ignore_ascii_case(b"text/event-stream")
    })
}

/// The fields of an answer, several values of one name joined (TU-31).
fn fields(headers: &HeaderMap, joined_cookies: bool) -> Result<Vec<(String, String)>, Refusal> {
    if headers.get_all(header::SET_COOKIE).iter().count() > 1 && !joined_cookies {
        return Err(Refusal::Cookies);
    }
    let inner: Fields = http_rules::response_fields(headers).map_err(|_| Refusal::Answer)?;
    let mut joined = BTreeMap::<&str, String>::new();
    for (name, value) in &inner {
        match joined.get_mut(name) {
            Some(all) => {
                all.push_str(", ");
                all.push_str(value);
            }
            None => {
                joined.insert(name, value.to_owned());
            }
        }
    }
    if joined.len() > FIELDS {
        return Err(Refusal::Answer);
    }
    Ok(joined.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    // TU-32: the host is ignored, and what remains is as it came (TU-53).
    #[test]
    fn targets_are_found() {
        for (url, found) in [
            ("/a?b=1&b=2", "/a?b=1&b=2"),
            ("http://host/a", "/a"),
            ("https://user@host:1/a?b", "/a?b"),
            ("ws://h", "/"),
            ("wss://h/", "/"),
            ("*", "*"),
        ] {
            assert_eq!(target(url), Some(found), "{url}");
        }
    }

    // TU-31, TU-53
    #[test]
    fn cookies_are_not_joined_unless_somebody_wants_it() {
        let mut headers = HeaderMap::new();
        for (name, value) in [("set-cookie", "a=1"), ("vary", "a"), ("vary", "b"), ("connection", "close")] {
            headers.append(name, HeaderValue::from_static(value));
        }
        let wanted =
            vec![("set-cookie".to_owned(), "a=1".to_owned()), ("vary".to_owned(), "a, b".to_owned())];
        assert_eq!(fields(&headers, false), Ok(wanted));
        headers.append("set-cookie", HeaderValue::from_static("b=2"));
        assert_eq!(fields(&headers, false), Err(Refusal::Cookies));
        assert!(fields(&headers, true).unwrap().contains(&("set-cookie".to_owned(), "a=1, b=2".to_owned())));
    }

    // TU-28: phrases that are the same for everybody; TU-33: and the one that helps names another wire.
    #[test]
    fn refusals_have_fixed_phrases() {
        assert!(Refusal::TooLong.answer().1.contains("session wire"));
        for refusal in [Refusal::InUse, Refusal::TooMany, Refusal::Full, Refusal::Request, Refusal::Broken] {
            let response = refusal.response(Id::parse("x").unwrap());
            assert_eq!(response.status, refusal.answer().0.as_u16());
        }
    }

    #[test]
    fn text_is_text_and_bytes_are_bytes() {
        assert!(matches!(typed(Bytes::from_static(b"{}")), Content::Text(_)));
        assert!(matches!(typed(Bytes::from_static(b"\xff")), Content::Bytes(_)));
        assert!(matches!(typed(Bytes::from_static(b"\xef\xbb\xbfx")), Content::Bytes(_)));
    }
}
