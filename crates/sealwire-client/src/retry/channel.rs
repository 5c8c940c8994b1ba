//! A WebSocket, a call of gRPC, or, in a tunnel, any request, from the caller to an answer, over the channel of the session
//! (SE-37): at most one channel is opened for it in the place of one that broke, and at most one session is begun.

use super::{exchange::addressed, instead, is_repeatable, tape::Tape};
use crate::{
    Error,
    keys::{Cause, Errand, Keeper, Pin, Seat, Seated},
};
use http::{HeaderMap, Method, Request, Response, header, request::Parts};
use hyper::{ext::Protocol, upgrade::OnUpgrade};
use sealwire_http::{
    Body, body,
    channel::{self, Fault},
    session,
    websocket::{self, Form, Occupied, Refused},
};
use std::sync::{Arc, atomic::Ordering};
use tower::ServiceExt;

/// What goes over a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// by an upgrade of HTTP/1.1, or by an extended CONNECT
    WebSocket,
    /// both sides may stream, and trailers end it
    Grpc,
    /// anything else, where there is nothing but the channel
    Request,
}

impl Kind {
    /// What a request is, if a channel has to carry it.
    pub(super) fn of(head: &Parts) -> Option<Self> {
        // One that does not ask well is told so, and not sent as something else.
        if Form::of(head) != Err(Refused::NotAsked) {
            return Some(Self::WebSocket);
        }
        is_grpc(&head.headers).then_some(Self::Grpc)
    }

    fn count(self, keeper: &Keeper) {
        let counter = match self {
            Self::WebSocket => &keeper.counters.websockets,
            Self::Grpc => &keeper.counters.grpc,
            Self::Request => return,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// Whether content is that of gRPC, `application/grpc` with or without a format behind it. What browsers call gRPC is an
/// ordinary exchange.
#[must_use]
pub fn is_grpc(headers: &HeaderMap) -> bool {
    const TYPE: &[u8] = b"application/grpc";
    let Some(found) = headers.get(header::CONTENT_TYPE).map(|value| value.as_bytes()) else { return false };
    found.split_at_checked(TYPE.len()).is_some_and(|(kind, rest)| {
        kind.eq_ignore_ascii_case(TYPE) && matches!(rest.first(), None | Some(b'+' | b';' | b' '))
    })
}

/// Sends a request through the channel and does what SE-43 permits when that fails.
pub(super) async fn exchange(
    keeper: &Arc<Keeper>,
    kind: Kind,
    request: Request<Body>,
) -> Result<Response<Body>, Error> {
    let mut pin = keeper.usable(&mut Errand::default()).await?;
    if !pin.channel.is_session() {
        return Err(Error::NeedsSession);
    }
    let (mut head, content) = request.into_parts();
    let form = match kind {
        Kind::WebSocket => Some(extended(&mut head)?),
        Kind::Grpc | Kind::Request => None,
    };
    let head = addressed(head, keeper.appraiser().authority())?;
    let attempts = Attempts { kind, head, tape: Tape::new(content) };
    let (mut reopened, mut renewed) = (false, false);
    loop {
        let failure = match pin.cut.unless_cut(attempts.next(keeper, &pin)).await?? {
            Ok(response) => {
                attempts.tape.let_go();
                kind.count(keeper);
                let response = keeper.guarded(response, &pin);
                return Ok(match form {
                    Some(form) if response.status().is_success() => begun(form, response),
                    _ => response,
                });
            }
            Err(failure) => failure,
        };
        if attempts.tape.has_failed() {
            return Err(Error::RequestBody);
        }
        match failure.cure() {
            Some(Cure::Reopen) if !reopened && attempts.may_repeat(&failure) => reopened = true,
            Some(Cure::Renew(cause)) if !renewed => {
                pin = attempts.renewed(failure, cause, keeper, &pin).await?;
                renewed = true;
                continue;
            }
            _ => return Err(attempts.give_up(failure)),
        }
        keeper.counters.resent.fetch_add(1, Ordering::Relaxed);
    }
}

/// Makes the head of a WebSocket's opening an extended CONNECT, whatever it was.
fn extended(head: &mut Parts) -> Result<Form, Error> {
    let form = Form::of(head).map_err(|refused| {
        Error::WebSocket(match refused {
            Refused::Version => "a WebSocket's Sec-WebSocket-Version is 13",
            _ => "an upgrade to a WebSocket has a Sec-WebSocket-Key of 16 bytes",
        })
    })?;
    head.method = Method::CONNECT;
    head.extensions.insert(Protocol::from_static(websocket::NAME));
    // The key is between the two ends of this connection (RFC 8441 section 5).
    for name in [header::SEC_WEBSOCKET_KEY, header::UPGRADE, header::CONTENT_LENGTH] {
        head.headers.remove(name);
    }
    Ok(form)
}

/// The answer that begins a WebSocket, in the form in which it was asked for. The connection stays with it.
fn begun(form: Form, answer: Response<Body>) -> Response<Body> {
    let (head, content) = answer.into_parts();
    let mut begun = form.answer(head.headers).map(|_| content);
    *begun.extensions_mut() = head.extensions;
    begun
}

/// An answer that keeps its place in the channel: with its content, and, where it begins a WebSocket, with whoever takes
/// the connection over.
fn seated(answer: Response<Body>, seat: Seat) -> Response<Body> {
    let seat = Arc::new(seat);
    let mut answer = answer.map(|content| body::boxed(Seated { content, _seat: Arc::clone(&seat) }));
    if answer.extensions().get::<OnUpgrade>().is_some() {
        answer.extensions_mut().insert(Occupied(seat));
    }
    answer
}

/// Why an attempt failed, and where.
enum Failure {
    /// There is no channel; nothing was sent.
    Opening(channel::Error),
    /// Something may have been.
    Sent(channel::Error),
}

/// What may help.
enum Cure {
    /// another channel of the same session
    Reopen,
    /// another session
    Renew(Cause),
}

impl Failure {
    fn cure(&self) -> Option<Cure> {
        use channel::Error::{Fault as Broken, Http, NotAccepted, Over, TimedOut, Transport, Unknown};
        let (Self::Opening(error) | Self::Sent(error)) = self;
        match (self, error) {
            // By the session's keys, or by this side's own count: no hint.
            (_, Over | Broken(Fault::Record(session::Error::Closed | session::Error::RequestLimit))) => {
                Some(Cure::Renew(Cause::Over))
            }
            (Self::Opening(_), Unknown | Transport(_) | TimedOut | Broken(_) | Http(_)) => {
                Some(Cure::Renew(Cause::Request))
            }
            (Self::Sent(_), Http(_) | Broken(_) | NotAccepted) => Some(Cure::Reopen),
            _ => None,
        }
    }

    /// Whether the gateway has certainly not acted upon it: nothing was sent, or it says so under the session's keys.
    fn is_unprocessed(&self) -> bool {
        match self {
            Self::Opening(_)
            | Self::Sent(channel::Error::Over | channel::Error::NotAccepted | channel::Error::Request(_)) => {
                true
            }
            // A request that comes back from the connection's queue: no byte of it was written.
            Self::Sent(channel::Error::Http(error)) => error.is_canceled(),
            Self::Sent(_) => false,
        }
    }

    /// Whether it would only be met again without another session.
    fn is_stale(&self) -> bool {
        matches!(self, Self::Opening(channel::Error::Unknown))
            || matches!(self.cure(), Some(Cure::Renew(Cause::Over)))
    }

    fn into_inner(self) -> channel::Error {
        let (Self::Opening(error) | Self::Sent(error)) = self;
        error
    }
}

struct Attempts {
    kind: Kind,
    head: Parts,
    tape: Tape,
}

impl Attempts {
    async fn next(&self, keeper: &Keeper, pin: &Arc<Pin>) -> Result<Result<Response<Body>, Failure>, Error> {
        let (channel, seat) = match keeper.channels.of(keeper, pin).await {
            None => return Err(Error::NeedsSession),
            Some(Err(error)) => return Ok(Err(Failure::Opening(error))),
            Some(Ok(taken)) => taken,
        };
        let content = self.tape.play().ok_or(Error::OutcomeUnknown)?;
        let request = Request::from_parts(self.head.clone(), content);
        let answer = channel.oneshot(request).await;
        Ok(answer.map(|answer| seated(answer, seat)).map_err(Failure::Sent))
    }

    /// What to use instead, if the request may be sent again.
    async fn renewed(
        &self,
        failure: Failure,
        cause: Cause,
        keeper: &Arc<Keeper>,
        pin: &Arc<Pin>,
    ) -> Result<Arc<Pin>, Error> {
        // The session is renewed even where this request cannot be repeated: the next one must not meet the same.
        let renewal = keeper.renew(pin, cause, &mut Errand::default()).await;
        if !self.may_repeat(&failure) {
            return Err(self.give_up(failure));
        }
        instead(keeper, renewal, failure.is_stale(), self.give_up(failure)).await
    }

    /// SE-43, TU-69. A WebSocket that was not answered is a GET of HTTP/1.1.
    fn may_repeat(&self, failure: &Failure) -> bool {
        let harmless = self.kind == Kind::WebSocket || is_repeatable(&self.head);
        self.tape.is_whole() && (failure.is_unprocessed() || harmless)
    }

    /// The error for the caller: whether the request was carried out must be known, or said to be unknown (SE-43).
    fn give_up(&self, failure: Failure) -> Error {
        let known = failure.is_unprocessed() || self.may_repeat(&failure);
        if known { Error::Channel(failure.into_inner()) } else { Error::OutcomeUnknown }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(fields: &[(&str, &str)]) -> Parts {
        let mut request = Request::get("/chat");
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    const UPGRADE: [(&str, &str); 5] = [
        ("connection", "keep-alive, Upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("sec-websocket-version", "13"),
        ("sec-websocket-protocol", "chat, superchat"),
    ];

    // SE-37; the key is the example of RFC 6455 section 1.3.
    #[test]
    fn an_upgrade_goes_as_an_extended_connect() {
        let mut head = head(&UPGRADE);
        assert_eq!(Kind::of(&head), Some(Kind::WebSocket));
        let form = extended(&mut head).unwrap();
        assert!(websocket::is_connect(&head));
        assert_eq!(Kind::of(&head), Some(Kind::WebSocket));
        assert!(!head.headers.contains_key("sec-websocket-key") && !head.headers.contains_key("upgrade"));
        assert_eq!(head.headers["sec-websocket-protocol"], "chat, superchat");
        let answer = Response::builder().header("sec-websocket-protocol", "chat").extension(7u8);
        let answer = begun(form, answer.body(body::empty()).unwrap());
        assert_eq!(answer.status(), 101);
        assert_eq!(answer.headers()["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert_eq!(answer.headers()["sec-websocket-protocol"], "chat");
        assert_eq!(answer.extensions().get(), Some(&7u8));
    }

    #[test]
    fn what_does_not_ask_well_is_told_so() {
        for left_out in ["sec-websocket-key", "sec-websocket-version"] {
            let fields: Vec<_> = UPGRADE.into_iter().filter(|(name, _)| *name != left_out).collect();
            let mut head = head(&fields);
            assert_eq!(Kind::of(&head), Some(Kind::WebSocket));
            assert!(matches!(extended(&mut head), Err(Error::WebSocket(_))), "{left_out}");
        }
    }

    #[test]
    fn what_browsers_call_grpc_is_an_ordinary_request() {
        for (kind, is) in [
            ("application/grpc", true),
            ("Application/gRPC+proto", true),
            ("application/grpc; x=y", true),
            ("application/grpc-web+proto", false),
            ("application/grpcx", false),
            ("application/json", false),
        ] {
            assert_eq!(Kind::of(&head(&[("content-type", kind)])).is_some(), is, "{kind}");
        }
    }

    fn failed(error: channel::Error) -> [Failure; 2] {
        let again = match &error {
            channel::Error::Fault(fault) => channel::Error::Fault(*fault),
            channel::Error::Over => channel::Error::Over,
            _ => channel::Error::Unknown,
        };
        [Failure::Opening(error), Failure::Sent(again)]
    }

    // SE-43: a hint leads to a renewal that has its pause, the session's own word to one that has none, and what broke off
    // in the middle is not said to be unprocessed.
    #[test]
    fn what_helps_depends_on_who_says_so() {
        let [opening, _] = failed(channel::Error::Unknown);
        assert!(matches!(opening.cure(), Some(Cure::Renew(Cause::Request))));
        assert!(opening.is_unprocessed() && opening.is_stale());
        for failure in failed(channel::Error::Over) {
            assert!(matches!(failure.cure(), Some(Cure::Renew(Cause::Over))));
            assert!(failure.is_unprocessed());
        }
        let [opening, sent] = failed(Fault::Record(session::Error::Truncated).into());
        assert!(matches!(opening.cure(), Some(Cure::Renew(Cause::Request))));
        assert!(opening.is_unprocessed() && !opening.is_stale());
        assert!(matches!(sent.cure(), Some(Cure::Reopen)));
        assert!(!sent.is_unprocessed());
    }

    // SE-43: a call is sent again only where nothing of it was sent; a WebSocket that was not answered is a GET.
    #[test]
    fn a_call_whose_outcome_is_unknown_is_not_repeated() {
        let attempts = |kind, method: Method| {
            let mut head = head(&[]);
            head.method = method;
            Attempts { kind, head, tape: Tape::new(body::full("x")) }
        };
        let call = attempts(Kind::Grpc, Method::POST);
        let socket = attempts(Kind::WebSocket, Method::CONNECT);
        let [opening, sent] = failed(Fault::Record(session::Error::Truncated).into());
        assert!(call.may_repeat(&opening) && socket.may_repeat(&opening) && socket.may_repeat(&sent));
        assert!(!call.may_repeat(&sent));
        assert!(matches!(call.give_up(sent), Error::OutcomeUnknown));
        assert!(matches!(call.give_up(opening), Error::Channel(_)));
    }
}
