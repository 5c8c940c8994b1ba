//! An HTTP request and its answer, whole (TU-08).

use super::{Error, connection::Shared};
use crate::{
    Body, body,
    tunnel::{AROUND, outbox::Outbox},
};
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use sealwire_hpke_http::message::{self as http_rules};
use sealwire_message::bhttp;
use sealwire_tunnel::{
    Id,
    message::{self, Content, FromClient, Text},
};
use std::collections::BTreeMap;
use tokio::{sync::oneshot, time::timeout};

pub(super) async fn send(shared: &Shared, request: Request<Body>) -> Result<Response<Body>, Error> {
    let settings = &shared.settings;
    let method = request.method().clone();
    let id = Id::of_request(settings.clock.unix_millis(), settings.random.as_ref());
    let id = id.map_err(|_| Error::Random)?;
    let request = sealable(shared, id.clone(), request).await?;
    let _slot = tokio::select! {
        slot = shared.slots.acquire() => slot.map_err(|_| Error::Ended)?,
        () = shared.ended.cancelled() => return Err(Error::Ended),
    };
    let (give, answer) = oneshot::channel();
    shared.requests().begin(id.clone(), give).map_err(|_| Error::Request("too many requests at once"))?;
    let _pending = Pending { shared, id: &id };
    // The end drains what waits; what begins behind it would wait for ever.
    if shared.ended.is_cancelled() {
        return Err(Error::Ended);
    }
    let len = request.body.as_ref().map_or(0, Content::len);
    hand_over(&shared.outbox, FromClient::Request(request), len).await?;
    let answer = timeout(settings.limits.answer, answer).await.map_err(|_| Error::TimedOut)?;
    plain(&method, answer.map_err(|_| Error::Closed)?)
}

pub(super) async fn hand_over(
    outbox: &Outbox<FromClient>,
    message: FromClient,
    len: usize,
) -> Result<(), Error> {
    let room = outbox.room_in_turn(len).await.ok_or(Error::Ended)?;
    outbox.send(message, room);
    Ok(())
}

/// Forgets a request that nobody waits for any more: its answer is dropped when it comes.
struct Pending<'a> {
    shared: &'a Shared,
    id: &'a Id,
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        drop(self.shared.requests().end(self.id));
    }
}

/// The message that a request becomes.
async fn sealable(shared: &Shared, id: Id, request: Request<Body>) -> Result<message::Request, Error> {
    let (mut parts, content) = request.into_parts();
    let refused = |_| Error::Request("its method or fields");
    http_rules::Method::try_from(&parts.method).map_err(refused)?;
    bhttp::join_cookies(&mut parts.headers);
    parts.headers.remove(header::CONTENT_LENGTH);
    let fields = http_rules::request_fields(&parts.headers).map_err(refused)?;
    let mut headers = BTreeMap::<&str, String>::new();
    for (name, value) in &fields {
        headers
            .entry(name)
            .and_modify(|all| *all = format!("{all}, {value}"))
            .or_insert_with(|| value.to_owned());
    }
    let headers: Vec<_> = headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let url = parts.uri.path_and_query().map_or("/", |target| target.as_str()).to_owned();
    let around = headers.iter().map(|(name, value)| name.len() + value.len() + 10).sum::<usize>();
    let most = shared.settings.limits.message().saturating_sub(AROUND);
    let most = most.checked_sub(around.saturating_add(url.len()));
    let too_long = Error::Request("it is longer than a message may be");
    let Some(most) = most else { return Err(too_long) };
    let content = match Limited::new(content, most).collect().await {
        Ok(content) => content.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => return Err(too_long),
        Err(error) => return Err(Error::Content(error)),
    };
    let body = match content.is_empty() {
        true => None,
        // TU-30: the peer would decode it as text, and lose what is none.
        false => Some(Content::Text(
            Text::try_from(content).map_err(|_| Error::Request("its content is not UTF-8"))?,
        )),
    };
    Ok(message::Request { id, method: parts.method.as_str().to_owned(), url, headers, body })
}

/// The ordinary answer that came.
fn plain(method: &Method, answer: message::Response) -> Result<Response<Body>, Error> {
    let message::Response { status, headers, body, error, .. } = answer;
    // TU-09
    if error.is_some() {
        return Err(Error::Failed);
    }
    let status = StatusCode::from_u16(status).ok().filter(|status| !status.is_informational());
    let status = status.ok_or(Error::Answer)?;
    let mut response = Response::new(());
    *response.status_mut() = status;
    let fields = response.headers_mut();
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| Error::Answer)?;
        // Several cookies that were joined stay joined: nobody could take them apart (TU-31).
        fields.append(name, HeaderValue::try_from(value).map_err(|_| Error::Answer)?);
    }
    bhttp::remove_connection_fields(fields);
    let has_content = *method != Method::HEAD && status != StatusCode::NO_CONTENT;
    if has_content {
        fields.remove(header::CONTENT_LENGTH);
    }
    let content =
        body.filter(|_| has_content).map_or_else(body::empty, |content| body::full(content.into_bytes()));
    Ok(response.map(|()| content))
}
