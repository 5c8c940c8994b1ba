//! From the outside of a request to its first frame.

use super::{LiveKey, Settings};
use crate::{Body, server::exchange};
use http::{HeaderMap, HeaderName, HeaderValue, header, request::Parts, uri::Scheme};
use sealwire_crypto::hpke::Receiver;
use sealwire_ehbp::{
    EncapsulatedKey, Error,
    field::ENCAPSULATED_KEY,
    frame::Opener,
    server::{Begun, ExpectFrame, FirstFrame, Progress, Reply},
};
use sealwire_message::bhttp::RequestHead;
use std::sync::Arc;

/// The field that makes a request one of this wire.
pub(super) const FIELD: HeaderName = HeaderName::from_static(ENCAPSULATED_KEY);

/// A request whose first frame has authenticated.
pub(super) struct Opened {
    pub(super) enc: EncapsulatedKey,
    pub(super) request: Opener<Receiver>,
    /// of the outer body
    pub(super) rest: Body,
    /// what it is sealed to
    pub(super) key: Arc<LiveKey>,
    pub(super) reply: Reply,
}

/// Why a request does not begin. Nothing is known of the caller's key, so the answer is in clear (EH-07).
pub(super) enum Stop {
    /// the field, the framing, or the body broke off: one text for all (EH-34)
    Unreadable,
    /// the first frame does not open
    Key,
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        tracing::debug!(%error, "sealed request refused");
        match error {
            Error::Open => Self::Key,
            _ => Self::Unreadable,
        }
    }
}

/// The encapsulated key, if the field has exactly one line and that is one.
pub(super) fn field(headers: &HeaderMap) -> Option<EncapsulatedKey> {
    let mut lines = headers.get_all(FIELD).iter();
    let line = lines.next().filter(|_| lines.next().is_none())?;
    EncapsulatedKey::from_field(line.as_bytes()).ok()
}

/// Reads on to the first frame, and opens it with one of two keys.
pub(super) async fn open(
    settings: &Settings,
    enc: EncapsulatedKey,
    current: &Arc<LiveKey>,
    previous: Option<&Arc<LiveKey>>,
    mut body: Body,
) -> Result<Opened, Stop> {
    let frame = first_frame(ExpectFrame::new(enc, settings.limits), &mut body).await?;
    let (Begun { enc, request, answer }, key) = match previous {
        None => (frame.open((**current).as_ref())?, Arc::clone(current)),
        Some(previous) => {
            let (current, previous) = (Arc::clone(current), Arc::clone(previous));
            frame.open_either(current, previous, || settings.second_tries.take())?
        }
    };
    Ok(Opened { enc, request, rest: body, key, reply: answer })
}

async fn first_frame(mut expect: ExpectFrame, body: &mut Body) -> Result<FirstFrame, Stop> {
    loop {
        match exchange::next(body).await {
            Err(_) => return Err(Stop::Unreadable),
            Ok(None) => return Err(expect.end().into()),
            Ok(Some(slice)) => match expect.push(&slice)? {
                Progress::Expect(again) => expect = again,
                Progress::Frame(frame) => return Ok(frame),
            },
        }
    }
}

/// The head as it shows, without what is this wire's own. `None` where it does not say, in one way, whom it is for.
pub(super) fn head(outer: Parts) -> Option<RequestHead> {
    let Parts { method, uri, mut headers, .. } = outer;
    let (scheme, authority, path) =
        (uri.scheme().cloned(), uri.authority().cloned(), uri.path_and_query().cloned()?);
    let mut hosts = headers.get_all(header::HOST).iter();
    let host = hosts.next();
    let one = hosts.next().is_none()
        && match (&authority, host) {
            (Some(authority), Some(host)) => {
                host.as_bytes().eq_ignore_ascii_case(authority.as_str().as_bytes())
            }
            (authority, host) => authority.is_some() || host.is_some(),
        };
    if !one {
        return None;
    }
    headers.remove(FIELD);
    // Of the sealed bytes, if it is there at all.
    headers.remove(header::CONTENT_LENGTH);
    // What the answer's fields say is in clear and next to sealed bytes: clients on the way, and the published one too,
    // would undo a coding before they open what it is of.
    if headers.contains_key(header::ACCEPT_ENCODING) {
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    }
    Some(RequestHead { method, scheme: scheme.unwrap_or(Scheme::HTTPS), authority, path, headers })
}
