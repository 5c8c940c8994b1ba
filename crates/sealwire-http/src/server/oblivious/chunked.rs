//! Chunked exchanges: both directions stream, and what has authenticated goes on at once.

use super::{Application, Settings, admit, answer, awaited, message::RequestMessage, paced::Paced, request};
use crate::{
    Body, Wire, body,
    informational::InformationalSender,
    key_ring::LiveKey,
    opened::{Fault, FaultCell, Message, OpenedBody},
    server::RouteRules,
};
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method, Response, StatusCode, header, request::Parts};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use sealwire_crypto::aead::TAG_LEN;
use sealwire_message::bhttp::RequestHead;
use sealwire_oblivious::gateway::{self, ChunkedReply, EncDigest, HEADER_LEN, Header, OpenedChunked};
use std::sync::Arc;
use tokio::sync::mpsc;

/// Informational responses that may wait to be sealed.
const INFORMATIONAL_QUEUE: usize = 4;

/// Opens, answers and seals one exchange.
pub(super) async fn serve(
    settings: &Settings,
    outer: &Parts,
    body: Body,
    mut inner: impl Application,
) -> Response<Body> {
    let begun = match tokio::time::timeout(settings.limits.header_time, begin(settings, body)).await {
        Err(_) => return answer::outside(StatusCode::REQUEST_TIMEOUT),
        Ok(Err(stop)) => {
            return match stop {
                Stop::Outside(status) => answer::outside(status),
                Stop::Key => answer::key(),
                Stop::Inside(reply, fault) => awaited::seal(settings, &reply, answer::fault(fault)),
            };
        }
        Ok(Ok(begun)) => begun,
    };
    let Begun { head, rest, message, key, enc_digest, reply } = begun;
    let rules = match admit::admit(settings, &outer.headers, &head, &key, enc_digest) {
        Ok(rules) => rules,
        Err(refusal) => return awaited::seal(settings, &reply, answer::refusal(refusal, settings)),
    };
    let (content, fault) = match content(settings, rules, &head, rest, message).await {
        Ok(content) => content,
        Err(fault) => return awaited::seal(settings, &reply, answer::fault(fault)),
    };
    let Some(mut request) = request(head, Wire::ObliviousChunked, content) else {
        return awaited::seal(settings, &reply, answer::not_a_request());
    };
    let (sender, informational) = mpsc::channel(INFORMATIONAL_QUEUE);
    request.extensions_mut().insert(InformationalSender(sender));
    let response = inner.call(request);
    let response = async move {
        let Ok(response) = response.await;
        // The application was told of a broken body; the caller is told what broke (OB-114).
        match (fault.get(), rules.pace) {
            (Some(&fault), _) => answer::fault(fault),
            (None, Some(pace)) => response.map(|content| body::boxed(Paced::new(content, pace))),
            (None, None) => response,
        }
    };
    awaited::reply(settings, &reply, Box::pin(response), informational, rules.pace).await
}

/// A request whose head has authenticated.
struct Begun {
    head: RequestHead,
    rest: Body,
    message: RequestMessage,
    key: Arc<LiveKey>,
    enc_digest: EncDigest,
    reply: ChunkedReply,
}

/// Why a request does not begin.
enum Stop {
    /// The outer message did not arrive.
    Outside(StatusCode),
    /// Nothing opened.
    Key,
    /// Something opened, so the answer can be sealed.
    Inside(ChunkedReply, Fault),
}

async fn begin(settings: &Settings, mut body: Body) -> Result<Begun, Stop> {
    let mut prefix = BytesMut::new();
    read_to(&mut body, &mut prefix, HEADER_LEN).await?;
    let (header, key) = Header::parse(&prefix, |id| settings.ring.find(id)).map_err(|_| Stop::Key)?;
    // No message is shorter than this, so nothing is computed for one that is (OB-100).
    read_to(&mut body, &mut prefix, header.prefix_len() + TAG_LEN).await?;
    let first = prefix.split_off(header.prefix_len());
    let opened = gateway::open_chunked(header, (*key).as_ref(), &prefix, &settings.limits);
    let OpenedChunked { chunks, enc_digest, reply } = opened.map_err(|_| Stop::Key)?;
    let mut message = RequestMessage::new(chunks, settings.limits.bhttp);
    message.push(&first).map_err(|_| Stop::Key)?;
    loop {
        match message.head() {
            Ok(Some(head)) => return Ok(Begun { head, rest: body, message, key, enc_digest, reply }),
            Ok(None) => {}
            Err(fault) if message.is_authentic() => return Err(Stop::Inside(reply, fault)),
            Err(_) => return Err(Stop::Key),
        }
        match next(&mut body).await? {
            Some(slice) => message.push(&slice).map_err(|_| Stop::Key)?,
            None => message.end(),
        }
    }
}

async fn next(body: &mut Body) -> Result<Option<Bytes>, Stop> {
    loop {
        match body.frame().await {
            None => return Ok(None),
            Some(Err(_)) => return Err(Stop::Outside(StatusCode::BAD_REQUEST)),
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        }
    }
}

/// Reads on until there are `len` bytes. A body that ends before is too short (OB-100).
async fn read_to(body: &mut Body, prefix: &mut BytesMut, len: usize) -> Result<(), Stop> {
    while prefix.len() < len {
        prefix.extend_from_slice(&next(body).await?.ok_or(Stop::Outside(StatusCode::BAD_REQUEST))?);
    }
    Ok(())
}

/// The content behind the head: a stream, or gathered where the route wants it whole (OB-25).
async fn content(
    settings: &Settings,
    rules: RouteRules,
    head: &RequestHead,
    rest: Body,
    message: RequestMessage,
) -> Result<(Body, FaultCell), Fault> {
    let length = content_length(&head.headers);
    let (mut opened, fault) = OpenedBody::new(rest, message, length, settings.limits.idle_time);
    let usually_empty =
        matches!(head.method, Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE | Method::DELETE);
    if length == Some(0) {
        opened.end_without_content().await?;
        return Ok((body::empty(), fault));
    }
    let empty = if usually_empty { opened.know_whether_empty().await? } else { opened.is_empty()? };
    if empty {
        return Ok((body::empty(), fault));
    }
    // A client of HTTP/1.1 frames a GET or HEAD with content only if it knows its length.
    let unframed = length.is_none() && matches!(head.method, Method::GET | Method::HEAD);
    let cap = rules.complete.or(unframed.then_some(settings.limits.single_request));
    let Some(cap) = cap else { return Ok((body::boxed(opened), fault)) };
    let collected = Limited::new(opened, cap).collect().await.map_err(|error| {
        if error.is::<LengthLimitError>() {
            Fault::TooLong
        } else {
            fault.get().copied().unwrap_or(Fault::Transport)
        }
    })?;
    let trailers = collected.trailers().cloned();
    let whole = http_body_util::Full::new(collected.to_bytes());
    let whole = match trailers {
        None => body::boxed(whole),
        Some(trailers) => body::boxed(whole.with_trailers(std::future::ready(Some(Ok(trailers))))),
    };
    Ok((whole, fault))
}

/// The decoder has checked that there is at most one, and that it is a number (OB-129).
fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
