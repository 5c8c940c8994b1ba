//! Connections that become WebSockets, up to their first byte, at either end: the upgrade of HTTP/1.1 (RFC 6455 section
//! 4) and the extended CONNECT of HTTP/2 (RFC 8441). What is said after it is carried as bytes, so that fragments, pings
//! and statuses arrive as they were sent.

use crate::{Body, body, wire::single};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::{BufMut, BytesMut};
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, Version, header, request::Parts,
};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use sealwire_crypto::random::{self, Random};
use std::{any::Any, io, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::timeout,
};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// The protocol's name, in `Upgrade` and in `:protocol`.
pub const NAME: &str = "websocket";
const NAME_VALUE: HeaderValue = HeaderValue::from_static(NAME);
const VERSION: HeaderValue = HeaderValue::from_static("13");
const UPGRADE: HeaderValue = HeaderValue::from_static("Upgrade");

/// In the extensions of a request that may take its connection over: who does keeps this for as long, and the limits that
/// count the connection go on to count it.
#[derive(Clone)]
pub struct Occupied(pub Arc<dyn Any + Send + Sync>);

/// How a request asks for a WebSocket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Form {
    /// the upgrade of HTTP/1.1; what is said to its key
    Upgrade(HeaderValue),
    /// the extended CONNECT of HTTP/2
    Connect,
}

/// Why a request gets no WebSocket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// it asks for none
    NotAsked,
    /// it asks for another version than 13
    Version,
    /// its key is none
    Key,
}

impl Form {
    /// Reads a request's head.
    ///
    /// # Errors
    /// [`Refused`]
    pub fn of(request: &Parts) -> Result<Self, Refused> {
        let headers = &request.headers;
        let connects = is_connect(request);
        // RFC 9110 section 7.8: HTTP/1.0 has no upgrades.
        let upgrades = request.method == Method::GET
            && request.version == Version::HTTP_11
            && names(headers, &header::CONNECTION, "upgrade")
            && names(headers, &header::UPGRADE, NAME);
        if !connects && !upgrades {
            return Err(Refused::NotAsked);
        }
        if single(headers, &header::SEC_WEBSOCKET_VERSION) != Some("13") {
            return Err(Refused::Version);
        }
        if connects {
            return Ok(Self::Connect);
        }
        let key = single(headers, &header::SEC_WEBSOCKET_KEY).ok_or(Refused::Key)?;
        if !STANDARD.decode(key).is_ok_and(|key| key.len() == 16) {
            return Err(Refused::Key);
        }
        let accept = HeaderValue::try_from(derive_accept_key(key.as_bytes())).map_err(|_| Refused::Key)?;
        Ok(Self::Upgrade(accept))
    }

    /// The answer that begins the WebSocket, with fields of its own in `headers`, the subprotocol among them.
    #[must_use]
    pub fn answer(self, headers: HeaderMap) -> Response<Body> {
        let mut response = Response::new(body::empty());
        *response.headers_mut() = headers;
        let headers = response.headers_mut();
        headers.remove(header::CONTENT_LENGTH);
        headers.remove(header::SEC_WEBSOCKET_ACCEPT);
        if let Self::Upgrade(accept) = self {
            headers.insert(header::CONNECTION, UPGRADE);
            headers.insert(header::UPGRADE, NAME_VALUE);
            headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
            *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        }
        response
    }
}

/// Whether a request is the extended CONNECT of a WebSocket, well-formed or not.
#[must_use]
pub fn is_connect(request: &Parts) -> bool {
    let protocol = request.extensions.get::<hyper::ext::Protocol>();
    request.method == Method::CONNECT
        && protocol.is_some_and(|protocol| protocol.as_str().eq_ignore_ascii_case(NAME))
}

/// Whether a list field names something, in whatever case.
pub(crate) fn names(headers: &HeaderMap, field: &HeaderName, wanted: &str) -> bool {
    let values = headers.get_all(field).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|name| name.trim().eq_ignore_ascii_case(wanted))
}

/// An upgrade over HTTP/1.1 that this side asks for.
#[derive(Debug)]
pub struct Asking {
    accept: String,
}

impl Asking {
    /// Makes a request without content ask for a WebSocket; a subprotocol is among its fields.
    ///
    /// # Errors
    /// No randomness.
    pub fn ask(request: &mut Parts, random: &dyn Random) -> Result<Self, sealwire_crypto::Error> {
        let key = STANDARD.encode(random::array::<16>(random)?);
        let accept = derive_accept_key(key.as_bytes());
        request.method = Method::GET;
        request.version = Version::HTTP_11;
        request.extensions.remove::<hyper::ext::Protocol>();
        let headers = &mut request.headers;
        // Of content that is not there: whoever waits for it takes the next request for it.
        headers.remove(header::CONTENT_LENGTH);
        headers.insert(header::CONNECTION, UPGRADE);
        headers.insert(header::UPGRADE, NAME_VALUE);
        headers.insert(header::SEC_WEBSOCKET_VERSION, VERSION);
        // Base64 is a field's value.
        if let Ok(key) = HeaderValue::try_from(key) {
            headers.insert(header::SEC_WEBSOCKET_KEY, key);
        }
        Ok(Self { accept })
    }

    /// Whether an answer with status 101 comes of somebody who has understood what was asked (RFC 6455 section 4.1).
    #[must_use]
    pub fn is_met<B>(&self, answer: &Response<B>) -> bool {
        let headers = answer.headers();
        answer.status() == StatusCode::SWITCHING_PROTOCOLS
            && names(headers, &header::UPGRADE, NAME)
            && single(headers, &header::SEC_WEBSOCKET_ACCEPT) == Some(&self.accept)
    }
}

/// What is read at once, at least and at most.
const SMALL: usize = 4 << 10;
const LARGE: usize = 64 << 10;

/// How long the other side may go on once one has ended: a WebSocket's server closes behind its client's last word.
const LINGER: Duration = Duration::from_secs(30);

/// Carries bytes between two connections that were taken over, until either ends, with 4 to 64 KiB of each direction in
/// memory, as much as comes at once.
/// What has ended well is told to the other side as an end; what broke off breaks the other off. Gives how many bytes
/// went each way.
///
/// # Errors
/// How one of them broke off.
pub async fn join(near: OnUpgrade, far: OnUpgrade) -> io::Result<(u64, u64)> {
    let near = TokioIo::new(near.await.map_err(io::Error::other)?);
    let far = TokioIo::new(far.await.map_err(io::Error::other)?);
    carry(near, far).await
}

async fn carry<A, B>(near: A, far: B) -> io::Result<(u64, u64)>
where
    A: AsyncRead + AsyncWrite,
    B: AsyncRead + AsyncWrite,
{
    let (mut from_near, mut to_near) = tokio::io::split(near);
    let (mut from_far, mut to_far) = tokio::io::split(far);
    let there = async {
        let sent = copy(&mut from_near, &mut to_far).await?;
        to_far.shutdown().await.map(|()| sent)
    };
    let back = async {
        let sent = copy(&mut from_far, &mut to_near).await?;
        to_near.shutdown().await.map(|()| sent)
    };
    tokio::pin!(there, back);
    let late = |_| io::Error::from(io::ErrorKind::TimedOut);
    tokio::select! {
        sent = &mut there => {
            let sent = sent?;
            Ok((sent, timeout(LINGER, back).await.map_err(late)??))
        }
        sent = &mut back => {
            let sent = sent?;
            Ok((timeout(LINGER, there).await.map_err(late)??, sent))
        }
    }
}

/// Each piece is one frame on the HTTP/2 side, and one record of the channel: small ones cost throughput, large ones cost
/// memory in the many WebSockets where nothing happens. So a buffer grows while it is filled, and shrinks while it is not.
async fn copy(from: &mut (impl AsyncRead + Unpin), to: &mut (impl AsyncWrite + Unpin)) -> io::Result<u64> {
    let mut room = SMALL;
    let mut buffer = BytesMut::new();
    let mut copied = 0_u64;
    loop {
        buffer.reserve(room);
        let read = from.read_buf(&mut (&mut buffer).limit(room)).await?;
        if read == 0 {
            return Ok(copied);
        }
        to.write_all(&buffer).await?;
        to.flush().await?;
        copied = copied.saturating_add(read as u64);
        buffer.clear();
        if read == room {
            room = room.saturating_mul(2).min(LARGE);
        } else if read < room / 4 && room > SMALL {
            room /= 2;
            buffer = BytesMut::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;
    use sealwire_crypto::random::OsRandom;

    // SE-37: on a connection that others use, too, an upgrade says nothing of content.
    #[test]
    fn what_asks_for_a_websocket_has_no_content() {
        let request = Request::get("/socket").header(header::CONTENT_LENGTH, "200").body(()).unwrap();
        let mut parts = request.into_parts().0;
        Asking::ask(&mut parts, &OsRandom).unwrap();
        assert!(!parts.headers.contains_key(header::CONTENT_LENGTH));
        assert!(matches!(Form::of(&parts), Ok(Form::Upgrade(_))));
    }
}
