//! What the proxy says itself, as problem documents (RFC 9457). Only the caller reads them, so they may say everything.

use super::guard::Refusal;
use http::{HeaderName, HeaderValue, Response, StatusCode, Uri, header};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use sealwire_attest::verdict::{Denial, Reason};
use sealwire_client::Error;
use sealwire_http::{
    Body, body, channel,
    client::{oblivious, tunnel},
    problem::MEDIA_TYPE,
};
use serde_json::{Value, json};

/// Problem types are `tag:` URIs (RFC 4151): names, not addresses.
const TYPES: &str = "tag:sealwire,2026:";
/// Seconds between two renewals for the sake of requests (SE-43).
const HINT_PAUSE: u16 = 30;

struct Problem {
    status: StatusCode,
    /// behind [`TYPES`]
    kind: &'static str,
    title: &'static str,
    detail: String,
    /// extension member of a failed appraisal (AT-23)
    reasons: Vec<Reason>,
    /// seconds after which it may go better
    retry_after: Option<u16>,
}

impl Problem {
    fn new(status: StatusCode, kind: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        Self { status, kind, title, detail: detail.into(), reasons: Vec::new(), retry_after: None }
    }

    fn response(self) -> Response<Body> {
        let mut document = json!({
            "type": format!("{TYPES}{}", self.kind),
            "title": self.title,
            "status": self.status.as_u16(),
            "detail": self.detail,
        });
        if let (false, Some(members)) = (self.reasons.is_empty(), document.as_object_mut()) {
            members.insert("reasons".to_owned(), reasons(&self.reasons));
        }
        let mut response = Response::new(body::full(format!("{document}\n")));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

pub(super) fn reasons(reasons: &[Reason]) -> Value {
    serde_json::to_value(reasons).unwrap_or_default()
}

/// What a message of gRPC has encoded, besides what is not ASCII.
const ENCODED: &AsciiSet = &CONTROLS.add(b'%');

/// How the caller wants to hear of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// a problem document
    Document,
    /// the status of gRPC, whose callers see nothing else
    Grpc,
}

impl Problem {
    /// The same as an answer of gRPC that is trailers alone.
    fn grpc_response(self) -> Response<Body> {
        // Callers try again by themselves where they are told that a service is unavailable.
        let status = match self.kind {
            "no-upgrade" => "12",
            "denied" | "no-session" | "not-attested" => "9",
            "outcome-unknown" | "revoked" | "request-body" => "2",
            _ => "14",
        };
        let message = format!("{}: {}", self.title, self.detail);
        let message = utf8_percent_encode(&message, ENCODED).to_string();
        let mut response = Response::new(body::empty());
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        headers.insert("grpc-status", HeaderValue::from_static(status));
        headers.extend(HeaderValue::try_from(message).ok().map(|message| {
            let name = HeaderName::from_static("grpc-message");
            (name, message)
        }));
        response
    }
}

/// Somebody was not let in.
pub(super) fn refused(refusal: &Refusal) -> Response<Body> {
    let (title, detail) = match refusal {
        Refusal::Host(host) => (
            "This proxy does not go by that name",
            format!(
                "The request is for `{host}`. If that is a name of this machine, allow it with --allow-host."
            ),
        ),
        Refusal::Origin(origin) => (
            "Web pages of that origin may not use this proxy",
            format!("The page is of `{origin}`. If you trust it, allow it with --allow-origin."),
        ),
        Refusal::CrossSite => (
            "Web pages elsewhere may not use this proxy",
            "A browser sent this for a page of another site, or followed its link. Type the address instead."
                .to_owned(),
        ),
    };
    Problem::new(StatusCode::FORBIDDEN, "not-allowed", title, detail).response()
}

/// HTTP/1.0 cannot tell an answer that was cut from one that is whole.
pub(super) fn old_version() -> Response<Body> {
    let detail = "An answer of HTTP/1.0 ends with its connection, so one that is cut would look whole. Use HTTP/1.1; for \
                  nginx that is proxy_http_version 1.1.";
    let status = StatusCode::HTTP_VERSION_NOT_SUPPORTED;
    Problem::new(status, "version", "This proxy speaks HTTP/1.1 and HTTP/2", detail).response()
}

/// A CONNECT that is no WebSocket's.
pub(super) fn no_tunnel() -> Response<Body> {
    let detail = "This is the base URL of one service, no proxy for others: it takes no CONNECT but that of a WebSocket \
                  (RFC 8441).";
    Problem::new(StatusCode::NOT_IMPLEMENTED, "no-upgrade", "This proxy makes no tunnels", detail).response()
}

/// RFC 9110 section 10.1.1
pub(super) fn unknown_expectation() -> Response<Body> {
    let detail = "The only expectation there is is 100-continue.";
    Problem::new(StatusCode::EXPECTATION_FAILED, "expectation", "That expectation cannot be met", detail)
        .response()
}

/// Which way requests go.
pub(super) struct Way {
    to: String,
    relay: Option<String>,
}

impl Way {
    pub(super) fn new(to: &Uri, relay: Option<&Uri>) -> Self {
        let text = |uri: &Uri| uri.to_string().trim_end_matches('/').to_owned();
        Self { to: text(to), relay: relay.map(text) }
    }

    /// The address that was tried.
    fn tried(&self) -> String {
        match &self.relay {
            Some(relay) => format!("Tried the relay {relay}"),
            None => format!("Tried {}", self.to),
        }
    }
}

/// There is no answer from beyond.
pub(super) fn failed(error: &Error, way: &Way, form: Form) -> Response<Body> {
    let mut problem = problem_of(error, way);
    if error.is_too_soon() {
        // The error itself says the first half.
        if let Error::TooSoon { source } = error {
            problem.detail = format!("{source}.");
        }
        problem.detail.push_str(" Its keys were fetched less than 30 s ago; try again in a moment.");
        problem.retry_after = Some(HINT_PAUSE);
    }
    match form {
        Form::Document => problem.response(),
        Form::Grpc => problem.grpc_response(),
    }
}

/// AT-23: every rule that failed, for the caller alone.
fn of_denial(kind: &'static str, title: &'static str, outcome: &str, denial: &Denial) -> Problem {
    let each = denial.reasons.iter().map(|reason| {
        let Reason { code, rule, expected, found } = reason;
        format!("{rule}: {code}, expected {expected}, found {found}")
    });
    let failed = each.collect::<Vec<_>>().join("; ");
    let mut problem = Problem::new(StatusCode::BAD_GATEWAY, kind, title, format!("{outcome}. {failed}."));
    problem.reasons.clone_from(&denial.reasons);
    problem
}

fn problem_of(error: &Error, way: &Way) -> Problem {
    let status = if error.is_timeout() { StatusCode::GATEWAY_TIMEOUT } else { StatusCode::BAD_GATEWAY };
    let detail = || error.to_string();
    match error {
        Error::Denied(denial) => {
            let title = "The gateway is not what the policy asks for";
            of_denial("denied", title, "Nothing was sent", denial)
        }
        Error::CutOff(denial) => {
            let title = "The gateway was revoked while the request was on its way";
            of_denial("revoked", title, "It was cut off; whether it was carried out is unknown", denial)
        }
        Error::OutcomeUnknown => Problem::new(
            StatusCode::BAD_GATEWAY,
            "outcome-unknown",
            "Whether the request was carried out is unknown",
            "The gateway's keys changed, or the connection failed, after the request was sent. It was not sent again, \
             because it may have been carried out. Find out before you repeat it.",
        ),
        Error::Unreachable { .. } | Error::NoKey { .. } => Problem::new(
            status,
            "unreachable",
            "The gateway's keys cannot be learnt",
            format!("Nothing was sent. {}: {}.", way.tried(), detail()),
        ),
        // Why is the gateway's to know where it refuses who calls (SE-11).
        Error::NoSession { .. } => Problem::new(
            status,
            "no-session",
            "No session can be made with the gateway",
            format!("{}.", detail()),
        ),
        Error::NotAttested(_) => Problem::new(
            StatusCode::BAD_GATEWAY,
            "not-attested",
            "This machine cannot attest itself",
            format!("{}.", detail()),
        ),
        Error::RaTunnel(tunnel::Error::Request(_)) => Problem::new(
            StatusCode::NOT_IMPLEMENTED,
            "not-carried",
            "This wire cannot carry the request",
            format!(
                "Nothing was sent. {}. A session carries it: --wire session, or --wire tunnel.",
                detail()
            ),
        ),
        Error::RaTunnel(tunnel) if !tunnel.is_unprocessed() => Problem::new(
            status,
            "outcome-unknown",
            "Whether the request was carried out is unknown",
            format!("{}. It was not sent again. Find out before you repeat it.", detail()),
        ),
        Error::RaTunnel(_) => Problem::new(
            status,
            "no-channel",
            "No tunnel to the server",
            format!("Nothing was sent. {}: {}.", way.tried(), detail()),
        ),
        // OB-46
        Error::NeedsSession => Problem::new(
            StatusCode::NOT_IMPLEMENTED,
            "no-upgrade",
            "This wire carries no WebSockets and no gRPC",
            "It carries requests and answers, each by itself; server-sent events work. For WebSockets and gRPC start sealwire \
             connect with --wire session, to an attested gateway and without a relay.",
        ),
        Error::WebSocket(_) => Problem::new(
            StatusCode::BAD_REQUEST,
            "websocket",
            "This is no upgrade to a WebSocket",
            format!("{}.", detail()),
        ),
        Error::Channel(channel::Error::NotUpgraded(outer)) => Problem::new(
            StatusCode::BAD_GATEWAY,
            "no-channel",
            "No channel to the gateway",
            format!(
                "WebSockets and gRPC go over a WebSocket to the gateway, and something on the way answered it with status \
                 {outer}: a proxy or load balancer that lets no WebSocket through, or a gateway without channels. {}.",
                way.tried()
            ),
        ),
        Error::Channel(_) => Problem::new(
            status,
            "no-channel",
            "No channel to the gateway",
            format!(
                "It was not carried out, or does no harm when it is repeated. {}: {}.",
                way.tried(),
                detail()
            ),
        ),
        Error::RequestBody => {
            Problem::new(StatusCode::BAD_REQUEST, "request-body", "The request broke off", detail())
        }
        Error::Wire(oblivious::Error::Seal(sealwire_oblivious::Error::RequestTooLong)) => Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too-long",
            "The request is too long for one message",
            "The single-shot form seals whole requests up to a limit; the chunked form streams.",
        ),
        Error::NotOffered { .. } => Problem::new(
            StatusCode::BAD_GATEWAY,
            "not-offered",
            "The gateway no longer offers this wire",
            format!("Nothing was sent. {}.", detail()),
        ),
        Error::Wire(oblivious::Error::Refused(outer)) => Problem::new(
            StatusCode::BAD_GATEWAY,
            "refused",
            "The server refuses the sealed request",
            format!("{} {}.", refused_because(*outer), way.tried()),
        ),
        // EH-23
        Error::Wire(oblivious::Error::NothingToSeal) => Problem::new(
            StatusCode::UPGRADE_REQUIRED,
            "nothing-to-seal",
            "This wire seals content alone, and the request has none",
            "It was not sent, since it and its answer would go in clear. Use another wire; or start sealwire connect with \
             --clear-without-content, if such requests and their answers may be seen and changed on the way.",
        ),
        Error::Wire(oblivious::Error::InnerCoding) => Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "content-coding",
            "This wire carries no content coding",
            "Send the content as it is, without Content-Encoding.",
        ),
        Error::Wire(oblivious::Error::Sealing(_)) => Problem::new(
            StatusCode::BAD_REQUEST,
            "not-sealable",
            "This wire cannot carry the request",
            format!("{}.", detail()),
        ),
        Error::Wire(oblivious::Error::NotEncapsulated(outer)) => Problem::new(
            StatusCode::BAD_GATEWAY,
            "not-sealed",
            "The answer is not the gateway's",
            format!(
                "Something on the way answered in the gateway's place, with status {outer}. Its answer proves nothing \
                 and is not passed on. {}.",
                way.tried()
            ),
        ),
        Error::Wire(oblivious::Error::Transport { unprocessed: true, .. }) => Problem::new(
            status,
            "unreachable",
            "The gateway cannot be reached",
            format!("The request was not carried out. {}: {}.", way.tried(), detail()),
        ),
        _ => Problem::new(status, "failed", "The exchange with the gateway failed", format!("{}.", detail())),
    }
}

/// What the wires of others mean by a status, which anybody on the way can send.
fn refused_because(outer: StatusCode) -> String {
    let why = match outer {
        StatusCode::BAD_REQUEST => {
            "it does not know the key, or the pre-shared key or its id (--pinned-key, --psk-id)"
        }
        StatusCode::UNAUTHORIZED => "it does not know the pre-shared key or its id (--psk-id)",
        StatusCode::CONFLICT => {
            "the clocks of both sides differ by more than it accepts, or it has seen the request before"
        }
        StatusCode::MISDIRECTED_REQUEST => "it goes by another name (--authority)",
        StatusCode::SERVICE_UNAVAILABLE => "it is not ready, or its stores are not",
        _ => "it says no more",
    };
    format!("It answered with status {}: {why}. Nobody has authenticated that answer.", outer.as_u16())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way(relay: Option<&str>) -> Way {
        Way { to: "http://gateway.example".to_owned(), relay: relay.map(ToOwned::to_owned) }
    }

    #[test]
    fn what_answers_in_the_gateways_place_is_named() {
        let error = Error::Wire(oblivious::Error::NotEncapsulated(StatusCode::NOT_FOUND));
        let told = problem_of(&error, &way(Some("https://relay.example/unit"))).detail;
        assert!(told.contains("404") && told.contains("the relay https://relay.example/unit"), "{told}");
        assert!(!told.contains("gateway.example"), "{told}");
        assert!(problem_of(&error, &way(None)).detail.contains("http://gateway.example"));
    }

    // SE-43
    #[test]
    fn a_renewal_that_was_left_out_says_when_to_try_again() {
        let stale = || oblivious::Error::StaleKey(StatusCode::BAD_REQUEST);
        let answer =
            failed(&Error::TooSoon { source: Box::new(Error::Wire(stale())) }, &way(None), Form::Document);
        assert_eq!(answer.status(), StatusCode::BAD_GATEWAY);
        assert_eq!(answer.headers()[header::RETRY_AFTER], "30");
        assert!(
            !failed(&Error::Wire(stale()), &way(None), Form::Document)
                .headers()
                .contains_key(header::RETRY_AFTER)
        );
    }

    // gRPC's callers see a status and a message; they repeat by themselves what is said to be unavailable.
    #[test]
    fn a_call_hears_of_it_in_its_own_words() {
        for (error, status) in [
            (Error::NeedsSession, "12"),
            (Error::OutcomeUnknown, "2"),
            (Error::Denied(Denial { reasons: Vec::new() }), "9"),
            (Error::Channel(channel::Error::TimedOut), "14"),
        ] {
            let answer = failed(&error, &way(None), Form::Grpc);
            assert_eq!(answer.status(), StatusCode::OK);
            assert_eq!(answer.headers()["grpc-status"], status);
            assert!(!answer.headers()["grpc-message"].is_empty());
        }
        let told = failed(&Error::NeedsSession, &way(None), Form::Grpc);
        assert!(told.headers()["grpc-message"].to_str().unwrap().contains("--wire session"));
        let document = failed(&Error::NeedsSession, &way(None), Form::Document);
        assert_eq!(document.status(), StatusCode::NOT_IMPLEMENTED);
    }
}
