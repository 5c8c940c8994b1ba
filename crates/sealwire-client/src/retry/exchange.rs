//! One request, from the caller to an answer: at most one renewal, one repetition for it, and one for its Date.

use super::{date, instead, is_repeatable, tape::Tape};
use crate::{
    Error,
    keys::{Cause, Errand, Keeper, Pin},
};
use http::{HeaderValue, Request, Response, StatusCode, Uri, header, request::Parts, uri::PathAndQuery};
use sealwire_http::{Body, client::oblivious, opened::Fault, session};
use std::sync::{Arc, atomic::Ordering};
use tower::ServiceExt;

/// Sends a request and does what SE-43, OB-43 and OB-47 permit when that fails.
pub(super) async fn exchange(keeper: &Arc<Keeper>, request: Request<Body>) -> Result<Response<Body>, Error> {
    let (head, content) = request.into_parts();
    let head = addressed(head, keeper.appraiser().authority())?;
    let mut attempts = Attempts { tape: Tape::new(content), head, date: None };
    let mut errand = attempts.errand(keeper);
    let mut pin = keeper.usable(&mut errand).await?;
    let mut repeated = false;
    loop {
        let early = errand.answer.take();
        let was_early = early.is_some();
        let sent = match early {
            Some(answer) => pin.cut.unless_cut(answer.response()).await?,
            None => {
                let Some(request) = attempts.next() else { return Err(Error::OutcomeUnknown) };
                pin.cut.unless_cut(pin.channel.clone().oneshot(request)).await?
            }
        };
        if was_early && sent.is_ok() {
            keeper.counters.early.fetch_add(1, Ordering::Relaxed);
        }
        match sent {
            Ok(response) => match pin.cut.unless_cut(attempts.judge(response, pin.channel.is_dated())).await?
            {
                Some(response) => {
                    attempts.tape.let_go();
                    return Ok(keeper.guarded(response, &pin));
                }
                None => {
                    keeper.counters.redated.fetch_add(1, Ordering::Relaxed);
                }
            },
            Err(_) if attempts.tape.has_failed() => return Err(Error::RequestBody),
            // Nothing was acted upon, under the keys of this very session: it goes in the session now (SE-42).
            Err(oblivious::Error::NotAccepted) if was_early => {}
            Err(error) => {
                if repeated {
                    return Err(attempts.give_up(error));
                }
                pin = attempts.after(error, keeper, &pin).await?;
                repeated = true;
                keeper.counters.resent.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

struct Attempts {
    head: Parts,
    tape: Tape,
    /// the gateway's time, for one retry (OB-43)
    date: Option<HeaderValue>,
}

impl Attempts {
    /// What may go along with a handshake that it would have to wait for: safe methods alone (SE-42).
    fn errand(&self, keeper: &Keeper) -> Errand {
        let may = keeper.appraiser().sends_early() && self.head.method.is_safe();
        Errand { request: if may && !keeper.is_ready() { self.next() } else { None }, answer: None }
    }

    fn next(&self) -> Option<Request<Body>> {
        let mut request = Request::from_parts(self.head.clone(), self.tape.play()?);
        if let Some(date) = &self.date {
            request.headers_mut().insert(header::DATE, date.clone());
        }
        Some(request)
    }

    /// The answer, unless the request is to be sent once more with another Date (OB-43). A Date that the caller chose
    /// is the caller's to mend.
    async fn judge(&mut self, response: Response<Body>, dated: bool) -> Option<Response<Body>> {
        // On a wire without dates the application alone could say such a thing.
        if !dated
            || self.date.is_some()
            || self.head.headers.contains_key(header::DATE)
            || !self.tape.is_whole()
        {
            return Some(response);
        }
        match date::judge(response).await {
            date::Verdict::Off(date, response) if self.tape.is_whole() => {
                drop(response);
                self.date = Some(date);
                None
            }
            date::Verdict::Off(_, response) | date::Verdict::Fine(response) => Some(response),
        }
    }

    /// What to seal to instead, if the request may be sent again.
    async fn after(
        &self,
        error: oblivious::Error,
        keeper: &Arc<Keeper>,
        pin: &Arc<Pin>,
    ) -> Result<Arc<Pin>, Error> {
        // The number came before, so somebody has sent the request twice: what became of the first is not known.
        if matches!(error, oblivious::Error::Repeated) {
            return Err(Error::OutcomeUnknown);
        }
        let stale = is_stale(&error);
        if !stale && !is_broken(&error) {
            return Err(error.into());
        }
        // The keys are renewed even where this request cannot be repeated: the next one must not meet the same.
        let cause = if is_over(&error) { Cause::Over } else { Cause::Request };
        let renewal = keeper.renew(pin, cause, &mut Errand::default()).await;
        if !self.may_repeat(&error) {
            return Err(self.give_up(error));
        }
        instead(keeper, renewal, stale, error.into()).await
    }

    /// OB-47, SE-43
    fn may_repeat(&self, error: &oblivious::Error) -> bool {
        self.tape.is_whole() && (is_unprocessed(error) || is_repeatable(&self.head))
    }

    /// The error for the caller: whether the request was carried out must be known, or said to be unknown (SE-43).
    fn give_up(&self, error: oblivious::Error) -> Error {
        // A refusal tells more than that nobody knows; whose word it is, it says itself.
        let is_refusal = matches!(error, oblivious::Error::Refused(_));
        let ambiguous = (is_stale(&error) || is_broken(&error)) && !is_unprocessed(&error) && !is_refusal;
        if ambiguous && !(is_repeatable(&self.head) && self.tape.is_whole()) {
            Error::OutcomeUnknown
        } else {
            error.into()
        }
    }
}

/// Whether the connection failed, at whatever moment before the answer's head.
pub(super) fn is_broken(error: &oblivious::Error) -> bool {
    matches!(error, oblivious::Error::Transport { .. } | oblivious::Error::Answer(Fault::Transport))
}

/// Whether keys or session are of no more use: by a hint, by the session's own word, or by this side's count.
fn is_stale(error: &oblivious::Error) -> bool {
    // hpke-http has one answer for all that does not open, a key that is not known among it.
    let may_be_stale = matches!(
        error,
        oblivious::Error::StaleKey(_)
            | oblivious::Error::NotAccepted
            | oblivious::Error::Refused(StatusCode::BAD_REQUEST)
    );
    may_be_stale || is_over(error)
}

/// Whether key or session take no more, and have not taken this: by this side's own count, or by the gateway's word under
/// the session's keys.
fn is_over(error: &oblivious::Error) -> bool {
    use session::Error::{Closed, RequestLimit};
    matches!(error, oblivious::Error::KeyExpired | oblivious::Error::Session(RequestLimit | Closed))
}

/// Whether nothing was acted upon: nothing was sent, or the gateway says so under the session's keys (SE-43).
pub(super) fn is_unprocessed(error: &oblivious::Error) -> bool {
    matches!(error, oblivious::Error::Transport { unprocessed: true, .. } | oblivious::Error::NotAccepted)
        || is_over(error)
}

/// The request's head with an absolute URI of the attested authority; that authority governs, so no Host field.
pub(crate) fn addressed(mut head: Parts, authority: &str) -> Result<Parts, Error> {
    let found = head.uri.authority().map(|found| found.as_str());
    if let Some(found) = found
        && !sealwire_attest::key_document::authority::normalise(found, 443)
            .is_ok_and(|found| found == authority)
    {
        return Err(Error::Misdirected { expected: authority.to_owned(), found: found.to_owned() });
    }
    let path = head.uri.path_and_query().cloned().unwrap_or(PathAndQuery::from_static("/"));
    // What a sealed channel carries is at least as protected as https says.
    head.uri = Uri::builder().scheme("https").authority(authority).path_and_query(path).build()?;
    head.headers.remove(header::HOST);
    Ok(head)
}
