//! Chunked exchanges: both directions stream, and what has authenticated goes on at once.

use super::{Settings, admit, answer, nobody};
use crate::{
    Body, Wire,
    key_ring::LiveKey,
    opened::{Fault, Message as _},
    server::exchange::{self, Application, Begun, Bounds, Reply, RequestMessage},
};
use bytes::BytesMut;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header, request::Parts};
use sealwire_crypto::{
    aead::{Sequence, TAG_LEN},
    hpke::Receiver,
    random::Random,
};
use sealwire_message::chunk::{Opener, Sealer};
use sealwire_oblivious::{
    gateway::{self, ChunkedReply, EncDigest, HEADER_LEN, Header, OpenedChunked},
    media,
};
use std::sync::Arc;

/// Opens, answers and seals one exchange.
pub(super) async fn serve(
    settings: &Settings,
    outer: &Parts,
    body: Body,
    inner: impl Application,
) -> Response<Body> {
    let opened = match tokio::time::timeout(settings.limits.header_time, open(settings, body)).await {
        Err(_) => return answer::outside(StatusCode::REQUEST_TIMEOUT),
        Ok(Err(stop)) => {
            return match stop {
                Stop::Outside(status) => answer::outside(status),
                Stop::Key => answer::key(),
                Stop::Inside(reply, fault) => exchange::seal(reply, exchange::fault(fault)),
            };
        }
        Ok(Ok(opened)) => opened,
    };
    let Opened { begun, key, enc_digest, reply } = opened;
    let rules = match admit::admit(settings, &outer.headers, &begun.head, &key, enc_digest) {
        Ok(rules) => rules,
        Err(refusal) => return exchange::seal(reply, answer::refusal(refusal, settings)),
    };
    let bounds = Bounds { idle_time: settings.limits.idle_time, gathered: settings.limits.single_request };
    exchange::serve(begun, reply, rules, bounds, nobody(Wire::ObliviousChunked), inner).await
}

/// A request whose head has authenticated, and what its answer is sealed with.
struct Opened {
    begun: Begun<Opener<Receiver>>,
    key: Arc<LiveKey>,
    enc_digest: EncDigest,
    reply: SealedReply,
}

/// Why a request does not begin.
enum Stop {
    /// The outer message did not arrive.
    Outside(StatusCode),
    /// Nothing opened.
    Key,
    /// Something opened, so the answer can be sealed.
    Inside(SealedReply, Fault),
}

async fn open(settings: &Settings, mut body: Body) -> Result<Opened, Stop> {
    let mut prefix = BytesMut::new();
    read_to(&mut body, &mut prefix, HEADER_LEN).await?;
    let (header, key) = Header::parse(&prefix, |id| settings.ring.find(id)).map_err(|_| Stop::Key)?;
    // No message is shorter than this, so nothing is computed for one that is (OB-100).
    read_to(&mut body, &mut prefix, header.prefix_len() + TAG_LEN).await?;
    let first = prefix.split_off(header.prefix_len());
    let opened = gateway::open_chunked(header, (*key).as_ref(), &prefix, &settings.limits);
    let OpenedChunked { chunks, enc_digest, reply } = opened.map_err(|_| Stop::Key)?;
    let reply = SealedReply { reply, random: Arc::clone(&settings.random) };
    let mut message = RequestMessage::new(chunks, settings.limits.bhttp);
    message.push(&first).map_err(|_| Stop::Key)?;
    match exchange::head(&mut body, &mut message).await {
        Ok(head) => Ok(Opened { begun: Begun { head, rest: body, message }, key, enc_digest, reply }),
        Err(Fault::Transport) => Err(Stop::Outside(StatusCode::BAD_REQUEST)),
        Err(fault) if message.is_authentic() => Err(Stop::Inside(reply, fault)),
        Err(_) => Err(Stop::Key),
    }
}

/// Reads on until there are `len` bytes. A body that ends before is too short (OB-100).
async fn read_to(body: &mut Body, prefix: &mut BytesMut, len: usize) -> Result<(), Stop> {
    while prefix.len() < len {
        let slice = exchange::next(body).await.ok().flatten();
        prefix.extend_from_slice(&slice.ok_or(Stop::Outside(StatusCode::BAD_REQUEST))?);
    }
    Ok(())
}

/// The answer's keys, and randomness for its nonce.
struct SealedReply {
    reply: ChunkedReply,
    random: Arc<dyn Random>,
}

impl Reply for SealedReply {
    type Sealer = Sealer<Sequence>;

    fn begin(self, out: &mut BytesMut, outer: &mut HeaderMap) -> Option<Self::Sealer> {
        outer.insert(header::CONTENT_TYPE, HeaderValue::from_static(media::CHUNKED_RESPONSE));
        self.reply.start(out, self.random.as_ref()).ok()
    }
}
