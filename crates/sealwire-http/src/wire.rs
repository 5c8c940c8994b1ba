//! The wire table: how the outside of a request tells which wire it came by.

use crate::{channel, tunnel, websocket};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header, request::Parts};
use sealwire_ehbp::field::ENCAPSULATED_KEY;
use sealwire_oblivious::media;
use sealwire_session::{media as session, request::BASE_ID};

/// A wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Wire {
    /// No wire: the request came in clear.
    Plain,
    /// Oblivious HTTP, one message each way.
    ObliviousSingle,
    /// Oblivious HTTP, chunked.
    ObliviousChunked,
    /// The handshake of an attested session, and its end.
    SessionHandshake,
    /// The handshake of a resumed session with a request behind it (SE-42).
    SessionEarly,
    /// A request over an attested session, nothing of which shows outside.
    Session,
    /// A request over an attested session whose method and target show outside (SE-31).
    SessionBound,
    /// The channel of an attested session.
    SessionChannel,
    /// Content alone is sealed, as EHBP has it.
    Ehbp,
    /// Version 0 of the RA tunnel: not forward secret, and repeats are recognised within one connection and key alone
    /// (TU-34).
    TunnelV0,
    /// hpke-http/3.
    HpkeHttp,
    /// The releases 1.x of hpke-http.
    HpkeHttpLegacy,
}

impl Wire {
    /// The stable name, for logs and metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::ObliviousSingle => "oblivious-single",
            Self::ObliviousChunked => "oblivious-chunked",
            Self::SessionHandshake => "session-handshake",
            Self::SessionEarly => "session-early",
            Self::Session => "session",
            Self::SessionBound => "session-bound",
            Self::SessionChannel => "session-channel",
            Self::Ehbp => "ehbp",
            Self::TunnelV0 => "tunnel-v0",
            Self::HpkeHttp => "hpke-http",
            Self::HpkeHttpLegacy => "hpke-http-1",
        }
    }
}

/// Where the oblivious wire is spoken (RFC 9540 section 5).
pub const OBLIVIOUS_PATH: &str = "/.well-known/ohttp-gateway";

/// Where hpke-http/3 is spoken, unless another path is configured (HH-01).
pub const HPKE_HTTP_PATH: &str = "/.well-known/sealwire/hpke-http";

/// Where sessions are made.
pub const SESSION_PATH: &str = "/.well-known/sealwire/session";
/// Where requests over sessions go, in hidden mode.
pub const SESSION_REQUEST_PATH: &str = "/.well-known/sealwire/r";
/// The method that makes a request to any path a message for [`SESSION_PATH`].
pub const ATTEST: &str = "ATTEST";

/// One row: a request that fits all of it came by `wire`.
struct Row {
    method: Method,
    path: &'static str,
    media_type: &'static str,
    wire: Wire,
}

/// Every wire that has a place, in one place.
static TABLE: [Row; 5] = [
    Row {
        method: Method::POST,
        path: OBLIVIOUS_PATH,
        media_type: media::CHUNKED_REQUEST,
        wire: Wire::ObliviousChunked,
    },
    Row {
        method: Method::POST,
        path: OBLIVIOUS_PATH,
        media_type: media::REQUEST,
        wire: Wire::ObliviousSingle,
    },
    Row {
        method: Method::POST,
        path: SESSION_PATH,
        media_type: session::HANDSHAKE,
        wire: Wire::SessionHandshake,
    },
    Row { method: Method::POST, path: SESSION_PATH, media_type: session::EARLY, wire: Wire::SessionEarly },
    Row {
        method: Method::POST,
        path: SESSION_REQUEST_PATH,
        media_type: session::REQUEST,
        wire: Wire::Session,
    },
];

/// What the outside of a request says about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pick {
    /// It belongs to this wire.
    Wire(Wire),
    /// It is at a wire's place, but not in a form that the wire takes (OB-107, OB-44): 405, 415 or 417; for a channel 400,
    /// 405 or 426 (SE-37).
    Refused(StatusCode),
    /// It is no wire's.
    Plain,
}

/// Finds the row that a request fits.
#[must_use]
pub fn pick(request: &Parts) -> Pick {
    if request.method.as_str() == ATTEST {
        return by_media_type(request, TABLE.iter().filter(|row| row.path == SESSION_PATH));
    }
    let path = request.uri.path();
    if path == channel::PATH {
        return pick_channel(request);
    }
    // Exactly there; whatever else is asked of that path is the application's (TU-21).
    if path == tunnel::PATH && websocket::Form::of(request).is_ok() {
        return Pick::Wire(Wire::TunnelV0);
    }
    let mut rows = TABLE.iter().filter(|row| row.path == path).peekable();
    if rows.peek().is_none() {
        return if is_bound(&request.headers) { bound(request) } else { marked(&request.headers) };
    }
    // Reading what is published at the same place is no wire's business.
    if matches!(request.method, Method::GET | Method::HEAD) {
        return Pick::Plain;
    }
    let mut rows = rows.filter(|row| row.method == request.method).peekable();
    if rows.peek().is_none() {
        return Pick::Refused(StatusCode::METHOD_NOT_ALLOWED);
    }
    by_media_type(request, rows)
}

/// Of rows that fit otherwise, the one of the request's media type.
fn by_media_type<'a>(request: &Parts, mut rows: impl Iterator<Item = &'a Row>) -> Pick {
    let media_type = match media_type(&request.headers) {
        Ok(media_type) => media_type,
        Err(status) => return Pick::Refused(status),
    };
    rows.find(|row| media_type.eq_ignore_ascii_case(row.media_type))
        .map_or(Pick::Refused(StatusCode::UNSUPPORTED_MEDIA_TYPE), |row| Pick::Wire(row.wire))
}

/// The channel is no message but a WebSocket, in either of its two forms.
fn pick_channel(request: &Parts) -> Pick {
    if ![Method::GET, Method::CONNECT].contains(&request.method) {
        return Pick::Refused(StatusCode::METHOD_NOT_ALLOWED);
    }
    match websocket::Form::of(request) {
        Ok(_)
            if websocket::names(&request.headers, &header::SEC_WEBSOCKET_PROTOCOL, channel::SUBPROTOCOL) =>
        {
            Pick::Wire(Wire::SessionChannel)
        }
        Ok(_) | Err(websocket::Refused::Key) => Pick::Refused(StatusCode::BAD_REQUEST),
        Err(websocket::Refused::NotAsked | websocket::Refused::Version) => {
            Pick::Refused(StatusCode::UPGRADE_REQUIRED)
        }
    }
}

/// Whether a request that is at no wire's place says that it is sealed: by its media type, and by the field that tells
/// to which session (SE-31). Without that field it is the application's own.
fn is_bound(headers: &HeaderMap) -> bool {
    let is_sealed = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(session::REQUEST.as_bytes());
    headers.contains_key(BASE_ID) && headers.get_all(header::CONTENT_TYPE).iter().any(is_sealed)
}

/// Wires that may be spoken anywhere, each with the field that says so. Whether one is, its route says.
static MARKERS: [(HeaderName, Wire); 1] = [(HeaderName::from_static(ENCAPSULATED_KEY), Wire::Ehbp)];

fn marked(headers: &HeaderMap) -> Pick {
    let mut found = MARKERS.iter().filter(|(marker, _)| headers.contains_key(marker));
    found.next().map_or(Pick::Plain, |(_, wire)| Pick::Wire(*wire))
}

fn bound(request: &Parts) -> Pick {
    // The answer to a HEAD has no content, in which it could be sealed, and a TRACE or CONNECT none itself.
    if matches!(request.method, Method::HEAD | Method::TRACE | Method::CONNECT) {
        return Pick::Refused(StatusCode::METHOD_NOT_ALLOWED);
    }
    media_type(&request.headers).map_or_else(Pick::Refused, |_| Pick::Wire(Wire::SessionBound))
}

/// The media type of a sealed message, if the rest of the outside lets it be one: its bytes are those that were sealed
/// (OB-107), and nobody waits for an answer before it comes (OB-44, SE-36).
fn media_type(headers: &HeaderMap) -> Result<&str, StatusCode> {
    if headers.contains_key(header::EXPECT) {
        return Err(StatusCode::EXPECTATION_FAILED);
    }
    let found = single(headers, &header::CONTENT_TYPE).filter(|_| is_identity(headers));
    found.ok_or(StatusCode::UNSUPPORTED_MEDIA_TYPE)
}

/// The value of a field that has exactly one line.
pub(crate) fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut lines = headers.get_all(name).iter();
    let value = lines.next()?;
    if lines.next().is_some() {
        return None;
    }
    value.to_str().ok().map(str::trim)
}

fn is_identity(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::CONTENT_ENCODING)
        .iter()
        .all(|value| value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"identity"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{Request, Version};

    fn picked(build: impl FnOnce(http::request::Builder) -> http::request::Builder) -> Pick {
        let request = build(Request::builder().method("POST").uri(OBLIVIOUS_PATH)).body(()).unwrap();
        pick(&request.into_parts().0)
    }

    #[test]
    fn media_type_picks_the_form() {
        assert_eq!(
            picked(|r| r.header("content-type", "message/ohttp-req")),
            Pick::Wire(Wire::ObliviousSingle)
        );
        assert_eq!(
            picked(|r| r.header("content-type", "Message/OHTTP-Chunked-Req")),
            Pick::Wire(Wire::ObliviousChunked)
        );
    }

    // OB-107
    #[test]
    fn other_outsides_are_refused() {
        let unsupported = Pick::Refused(StatusCode::UNSUPPORTED_MEDIA_TYPE);
        assert_eq!(picked(|r| r), unsupported);
        assert_eq!(picked(|r| r.header("content-type", "application/json")), unsupported);
        assert_eq!(picked(|r| r.header("content-type", "message/ohttp-req; v=1")), unsupported);
        assert_eq!(
            picked(|r| r
                .header("content-type", "message/ohttp-req")
                .header("content-type", "message/ohttp-req")),
            unsupported
        );
        assert_eq!(
            picked(|r| r.header("content-type", "message/ohttp-req").header("content-encoding", "gzip")),
            unsupported
        );
        assert_eq!(
            picked(|r| r.header("content-type", "message/ohttp-req").header("content-encoding", "identity")),
            Pick::Wire(Wire::ObliviousSingle)
        );
        assert_eq!(picked(|r| r.method("PUT")), Pick::Refused(StatusCode::METHOD_NOT_ALLOWED));
    }

    // OB-44
    #[test]
    fn outer_expect_is_refused() {
        assert_eq!(
            picked(|r| r.header("content-type", "message/ohttp-req").header("expect", "100-continue")),
            Pick::Refused(StatusCode::EXPECTATION_FAILED)
        );
    }

    fn opening(version: Version, change: impl FnOnce(&mut Request<()>)) -> Pick {
        let mut request = Request::builder()
            .uri(channel::PATH)
            .version(version)
            .header("connection", "keep-alive, Upgrade")
            .header("upgrade", "WebSocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
            .header("sec-websocket-protocol", "other, sealwire.v1")
            .body(())
            .unwrap();
        change(&mut request);
        pick(&request.into_parts().0)
    }

    // SE-37
    #[test]
    fn a_channel_is_a_websocket() {
        let wire = Pick::Wire(Wire::SessionChannel);
        assert_eq!(opening(Version::HTTP_11, |_| {}), wire);
        let connect = |protocol: &'static str| {
            opening(Version::HTTP_2, |request| {
                *request.method_mut() = Method::CONNECT;
                request.extensions_mut().insert(hyper::ext::Protocol::from_static(protocol));
                for field in ["connection", "upgrade", "sec-websocket-key"] {
                    request.headers_mut().remove(field);
                }
            })
        };
        assert_eq!(connect("websocket"), wire);
        let upgrade = Pick::Refused(StatusCode::UPGRADE_REQUIRED);
        assert_eq!(connect("connect-udp"), upgrade);
        assert_eq!(opening(Version::HTTP_10, |_| {}), upgrade);
        let without = |field: &'static str| {
            opening(Version::HTTP_11, |request| {
                request.headers_mut().remove(field);
            })
        };
        for field in ["connection", "upgrade", "sec-websocket-version"] {
            assert_eq!(without(field), upgrade, "{field}");
        }
        let bad = Pick::Refused(StatusCode::BAD_REQUEST);
        for field in ["sec-websocket-key", "sec-websocket-protocol"] {
            assert_eq!(without(field), bad, "{field}");
        }
        let post = opening(Version::HTTP_11, |request| *request.method_mut() = Method::POST);
        assert_eq!(post, Pick::Refused(StatusCode::METHOD_NOT_ALLOWED));
    }

    // TU-02, TU-21: the path is exactly that, a query is ignored, and only what asks for a WebSocket is a tunnel.
    #[test]
    fn a_tunnel_is_a_websocket_at_its_path() {
        let at = |path: &'static str| {
            opening(Version::HTTP_11, |request| *request.uri_mut() = http::Uri::from_static(path))
        };
        assert_eq!(at("/__ra__"), Pick::Wire(Wire::TunnelV0));
        assert_eq!(at("/__ra__?x=1"), Pick::Wire(Wire::TunnelV0));
        for other in ["/__ra__/", "/__ra__x", "/__RA__", "/x/__ra__"] {
            assert_eq!(at(other), Pick::Plain, "{other}");
        }
        let get = picked(|request| request.method("GET").uri("/__ra__"));
        assert_eq!(get, Pick::Plain);
    }

    #[test]
    fn elsewhere_is_plain() {
        assert_eq!(picked(|r| r.uri("/v1/chat").header("content-type", "message/ohttp-req")), Pick::Plain);
        assert_eq!(picked(|r| r.method("GET")), Pick::Plain);
    }
    // SE-31: by the type and the marker, on any path but those of wires, with any method that can do it.
    #[test]
    fn a_marked_request_is_bound() {
        let bound = |r: http::request::Builder| {
            r.uri("/v1/chat?x").header("content-type", "message/sealwire-req").header("attest-base-id", "x")
        };
        for method in ["GET", "POST", "PUT", "DELETE", "OPTIONS", "BREW"] {
            assert_eq!(picked(|r| bound(r).method(method)), Pick::Wire(Wire::SessionBound), "{method}");
        }
        let method = Pick::Refused(StatusCode::METHOD_NOT_ALLOWED);
        for name in ["HEAD", "TRACE", "CONNECT"] {
            assert_eq!(picked(|r| bound(r).method(name)), method, "{name}");
        }
        // Without the marker, or of another type, it is the application's.
        let plain = |r: http::request::Builder| r.uri("/v1/chat").header("content-type", "text/plain");
        assert_eq!(picked(|r| plain(r).header("attest-base-id", "x")), Pick::Plain);
        let unmarked = picked(|r| r.uri("/v1").header("content-type", "message/sealwire-req"));
        assert_eq!(unmarked, Pick::Plain);
        // Of two types, neither is it.
        let unsupported = Pick::Refused(StatusCode::UNSUPPORTED_MEDIA_TYPE);
        assert_eq!(picked(|r| bound(r).header("content-type", "text/plain")), unsupported);
        assert_eq!(picked(|r| bound(r).header("content-encoding", "gzip")), unsupported);
        // SE-36
        let expectation = Pick::Refused(StatusCode::EXPECTATION_FAILED);
        assert_eq!(picked(|r| bound(r).header("expect", "100-continue")), expectation);
        // Places of wires stay theirs.
        assert_eq!(picked(|r| bound(r).uri(SESSION_REQUEST_PATH)), Pick::Wire(Wire::Session));
        assert_eq!(picked(|r| bound(r).uri(SESSION_REQUEST_PATH).method("PUT")), method);
    }

    // EH-02: by the field alone, anywhere but at the places of wires.
    #[test]
    fn a_field_marks_sealed_content() {
        let marked = |r: http::request::Builder| r.uri("/v1/chat").header("ehbp-encapsulated-key", "00");
        for method in ["GET", "POST", "PUT", "HEAD"] {
            assert_eq!(picked(|r| marked(r).method(method)), Pick::Wire(Wire::Ehbp), "{method}");
        }
        assert_eq!(picked(|r| r.uri("/v1/chat")), Pick::Plain);
        let media_type = "message/ohttp-req";
        let wire = picked(|r| marked(r).uri(OBLIVIOUS_PATH).header("content-type", media_type));
        assert_eq!(wire, Pick::Wire(Wire::ObliviousSingle));
    }

    // SE-01: the method alone makes it a handshake, wherever it goes.
    #[test]
    fn attest_is_a_handshake_anywhere() {
        let attest = |path: &str, media_type: &str| {
            picked(|r| r.method(ATTEST).uri(path).header("content-type", media_type))
        };
        for path in ["/", "/v1/chat", SESSION_PATH, OBLIVIOUS_PATH] {
            assert_eq!(
                attest(path, "message/sealwire-handshake"),
                Pick::Wire(Wire::SessionHandshake),
                "{path}"
            );
            assert_eq!(attest(path, "message/sealwire-early"), Pick::Wire(Wire::SessionEarly), "{path}");
            let unsupported = Pick::Refused(StatusCode::UNSUPPORTED_MEDIA_TYPE);
            for other in ["message/sealwire-req", "message/ohttp-req", "text/plain"] {
                assert_eq!(attest(path, other), unsupported, "{path} {other}");
            }
        }
        // Methods tell cases apart (RFC 9110 section 9.1).
        assert_eq!(picked(|r| r.method("attest").uri("/")), Pick::Plain);
    }
}
