//! One request over a session (TrR).

use super::{Settings, answer, outside::Outside, wanted::Wanted};
use crate::{
    Body, Identity, Peer, Wire,
    opened::Fault,
    server::{
        RouteRules,
        exchange::{self, Application, Begun, Bounds, RequestMessage},
    },
};
use bytes::BytesMut;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header, request::Parts};
use sealwire_attest::key_document::authority;
use sealwire_crypto::random::Random;
use sealwire_message::{bhttp::RequestHead, chunk};
use sealwire_session::{
    Limits, SessionId, media,
    request::{
        BASE_ID, BINDER, Listed, Mode, Opener, PADDING_STEP, Padding, REFUSED, Reply, Sealer, TICKET, Ticket,
        parse_base_id,
    },
};
use std::sync::Arc;
use tower::ServiceExt as _;

/// A request of which nothing shows outside.
pub(super) async fn hidden(
    settings: &Settings,
    outer: &Parts,
    body: Body,
    inner: impl Application,
) -> Response<Body> {
    serve(settings, outer, None, body, inner).await
}

/// A request whose method, target and listed fields show outside, under the header MAC (SE-31).
pub(super) async fn bound(
    settings: &Settings,
    outer: &Parts,
    body: Body,
    inner: impl Application,
) -> Response<Body> {
    match Outside::of(outer, &settings.rewrites) {
        Ok(outside) => serve(settings, outer, Some(outside), body, inner).await,
        Err(error) => {
            tracing::debug!(%error, "bound request refused");
            answer::outside(StatusCode::BAD_REQUEST)
        }
    }
}

/// Opens, answers and seals one exchange. The order of work is that of SE-30: the MAC, the window, the number's mark, and
/// only then anything is opened.
async fn serve(
    settings: &Settings,
    outer: &Parts,
    outside: Option<Outside>,
    body: Body,
    inner: impl Application,
) -> Response<Body> {
    let Some((session, ticket)) = fields(&outer.headers) else {
        return answer::outside(StatusCode::BAD_REQUEST);
    };
    let now = settings.clock.unix_millis();
    let limits = chunks(&settings.server.config().limits);
    let random = || Arc::clone(&settings.random);
    let (mode, listed) = match &outside {
        Some(outside) => (Mode::Bound, outside.listed()),
        None => (Mode::Hidden, Listed::nothing()),
    };
    let granted = match settings.table.admit(&session, ticket, mode, &listed, now) {
        Ok(granted) => granted,
        Err(refused) => {
            let inside = answer::refused(&refused);
            // Where no MAC has held, nothing can be said under keys, and everything gets one answer (SE-43).
            let Some(keys) = refused.inside() else {
                // Of a bound request this is also what a rewrite on the way leads to.
                tracing::debug!(?mode, "a request of no session here, or whose MAC does not hold");
                return answer::hint();
            };
            let (_, reply) = keys.opening(limits);
            return exchange::seal(SealedReply { reply, limits, random: random() }, inside);
        }
    };
    let (opener, reply) = granted.keys.opening(limits);
    let reply = SealedReply { reply, limits, random: random() };
    let message = RequestMessage::new(opener, settings.bhttp);
    // Whichever way it came, it is the same caller's.
    let peer = Peer { wire: Wire::Session, identity: granted.data };
    let caller = Caller { peer, authority: granted.authority, outside };
    let tls_early = outer.headers.contains_key(EARLY_DATA);
    let permitted = move |_: &RequestHead, rules: RouteRules| !tls_early || rules.early_data;
    if caller.peer.identity != Identity::Nobody {
        // It may have been revoked between the two.
        let Some(tie) = settings.table.tie(&session) else { return answer::hint() };
        let inner = Wanted::new(inner, tie, settings.channels.closing);
        return open(settings, message, body, reply, permitted, caller, inner).await;
    }
    open(settings, message, body, reply, permitted, caller, inner).await
}

/// Whose request it is, and whom the session was made for.
pub(super) struct Caller {
    pub(super) peer: Peer,
    pub(super) authority: Arc<str>,
    /// in bound mode
    pub(super) outside: Option<Outside>,
}

/// Opens the head, asks whether the request may be acted upon, and answers.
pub(super) async fn open(
    settings: &Settings,
    mut message: RequestMessage<Opener>,
    mut rest: Body,
    reply: impl exchange::Reply,
    permitted: impl FnOnce(&RequestHead, RouteRules) -> bool,
    caller: Caller,
    inner: impl Application,
) -> Response<Body> {
    let Caller { peer, authority, outside } = caller;
    let head = tokio::time::timeout(settings.header_time, exchange::head(&mut rest, &mut message)).await;
    let mut head = match head.unwrap_or(Err(Fault::Idle)) {
        Ok(head) => head,
        Err(fault) => return exchange::seal(reply, exchange::fault(fault)),
    };
    if !is_of(&head, &authority) {
        return exchange::seal(reply, answer::misdirected());
    }
    if outside.is_some_and(|outside| outside.complete(&mut head).is_err()) {
        return exchange::seal(reply, answer::not_as_shown());
    }
    let rules = settings.routes.rules(&head);
    if !permitted(&head, rules) {
        return exchange::seal(reply, answer::too_early());
    }
    let bounds = Bounds { idle_time: settings.idle_time, gathered: settings.gathered };
    // The word is the wire's own: the application's would be taken for it (SE-43).
    let inner = inner.map_response(unmarked);
    exchange::serve(Begun { head, rest, message }, reply, rules, bounds, peer, inner).await
}

fn unmarked(mut response: Response<Body>) -> Response<Body> {
    response.headers_mut().remove(REFUSED);
    response
}

/// Says that the outer request came as early data of TLS (RFC 8470).
pub(super) const EARLY_DATA: HeaderName = HeaderName::from_static("early-data");

/// Whether a request names the authority that the session was made for (SE-36).
fn is_of(head: &RequestHead, session: &str) -> bool {
    let authority = head.effective_authority();
    if authority.as_ref().is_some_and(|name| name.as_str() == session) {
        return true;
    }
    let normal = authority.map(|name| authority::normalise(name.as_str(), authority::DEFAULT_PORT));
    normal.is_some_and(|name| name.is_ok_and(|name| name == session))
}

/// `Attest-Base-ID` and `Attest-Ticket`, each once (SE-34).
fn fields(headers: &HeaderMap) -> Option<(SessionId, Ticket)> {
    static NAMES: [HeaderName; 2] = [HeaderName::from_static(BASE_ID), HeaderName::from_static(TICKET)];
    let [session, ticket] = NAMES.each_ref().map(|name| crate::wire::single(headers, name));
    let session = parse_base_id(session?.as_bytes()).ok()?;
    Some((session, Ticket::from_field(ticket?.as_bytes()).ok()?))
}

pub(super) fn chunks(limits: &Limits) -> chunk::Limits {
    chunk::Limits {
        received_chunk: limits.received_chunk,
        sent_chunk: limits.sent_chunk,
        message: limits.message,
        ..chunk::Limits::default()
    }
}

/// The answer's keys, and randomness for them.
struct SealedReply {
    reply: Reply,
    limits: chunk::Limits,
    random: Arc<dyn Random>,
}

impl exchange::Reply for SealedReply {
    type Sealer = Sealer;

    fn begin(self, _: &mut BytesMut, outer: &mut HeaderMap) -> Option<Sealer> {
        let padding = Padding::Short(PADDING_STEP);
        let (binder, sealer) = self.reply.begin(padding, self.limits, self.random.as_ref()).ok()?;
        outer.insert(header::CONTENT_TYPE, HeaderValue::from_static(media::RESPONSE));
        outer.insert(HeaderName::from_static(BINDER), HeaderValue::try_from(binder.to_field()).ok()?);
        Some(sealer)
    }
}
