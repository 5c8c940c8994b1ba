//! From an admitted request to the ordinary one, and to the application's answer.

use super::{
    Settings,
    answer::Refusal,
    open::Admitted,
    reply::{self, Asked},
};
use crate::{
    Body, Identity, Peer, Wire,
    alike::remove_alike,
    lent,
    opened::{Fault, Message, Part},
    problem,
    server::exchange::{self, Application, Bounds, content, content::content_length},
};
use http::{HeaderMap, Method, Response, StatusCode, header, uri::Scheme};
use sealwire_hpke_http::{
    Compression,
    message::{self, same_origin},
    server::{Opened, Record, RequestBody},
};
use sealwire_message::bhttp::RequestHead;
use tower::ServiceExt as _;

/// Hands the request on and seals what is answered. What has authenticated of its content goes on as it comes; if the rest is
/// cut or altered, the application's side is aborted, never completed (HH-63).
pub(super) async fn serve<S: Application>(
    settings: &Settings,
    admitted: Admitted<'_, S>,
    outer: &HeaderMap,
    rest: Body,
) -> Result<Response<Body>, Refusal> {
    let Admitted { opened: Opened { head, body, reply }, tenant, served } = admitted;
    let is_served = |name: &String| name == head.authority() || same_origin(name, head.authority());
    if !served.authorities.iter().any(is_served) {
        return Err(Refusal::Authority);
    }
    if head.fields().get_all("content-encoding").any(|coding| !coding.eq_ignore_ascii_case("identity")) {
        return Err(Refusal::InnerCoding);
    }
    let head = ordinary(settings, &head, outer).ok_or(Refusal::Invalid)?;
    let is_head = head.method == Method::HEAD;
    let rules = served.routes.rules(&head);
    let compression = if rules.compress { Compression::Zstd } else { Compression::Off };
    let reply = reply::Replying { reply: reply.compressed(compression), is_head };
    let bounds = Bounds { idle_time: settings.idle_time, gathered: settings.gathered };
    let length = content_length(&head.headers);
    let content = content(bounds, rules, &head.method, length, rest, Records(body));
    let (content, broken) = match content.await {
        Ok(content) => content,
        // Its sender is known by now, and may be told.
        Err(Fault::TooLong) => {
            let nothing = Asked::default();
            return reply.seal(settings, too_long(), nothing).await;
        }
        Err(fault) => return Err(fault.into()),
    };
    let peer = Peer { wire: Wire::HpkeHttp, identity: Identity::Tenant(tenant) };
    let (content, rest) = lent::lend(content);
    let request = exchange::request(head, peer, content).ok_or(Refusal::Invalid)?;
    let Ok(response) = served.inner.clone().oneshot(request).await;
    reply.seal(settings, response, Asked { rest: Some(rest), broken }).await
}

/// The head of the ordinary request (HH-34). Nothing of the outer one is in it but what is configured (HH-68).
fn ordinary(settings: &Settings, head: &message::RequestHead, outer: &HeaderMap) -> Option<RequestHead> {
    let mut headers = head.fields().to_headers();
    // Answers are sealed as they are: a coding that was asked for could not be told from one that was not (HH-30).
    headers.remove(header::ACCEPT_ENCODING);
    for (from, to) in &settings.copied {
        // What is sealed must not pass for what was outside, under a name that the application takes for the same.
        remove_alike(&mut headers, to);
        for value in outer.get_all(from) {
            headers.append(to, value.clone());
        }
    }
    Some(RequestHead {
        method: head.method().into(),
        scheme: Scheme::HTTPS,
        authority: Some(head.authority().parse().ok()?),
        path: head.target().parse().ok()?,
        headers,
    })
}

fn too_long() -> Response<Body> {
    let title = "More than the route gathers of a request";
    problem::response(StatusCode::PAYLOAD_TOO_LARGE, problem::BLANK, title, "")
}

/// Records go in at one end, content comes out at the other.
struct Records(RequestBody);

impl Message for Records {
    fn push(&mut self, slice: &[u8]) -> Result<(), Fault> {
        self.0.push(slice);
        Ok(())
    }

    fn end(&mut self) {
        self.0.end();
    }

    fn next_part(&mut self) -> Result<Option<Part>, Fault> {
        Ok(self.0.next_record()?.map(|record| match record {
            Record::Data(data) => Part::Data(data),
            Record::End => Part::End,
        }))
    }
}
