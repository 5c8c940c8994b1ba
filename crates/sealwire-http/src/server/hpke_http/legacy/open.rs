//! From the fields of a request to the ordinary one.

use super::{Settings, Taken, answer::Refusal, content::Chunks, reply};
use crate::{
    Body, Identity, Peer, Wire, body,
    complete::Completeness,
    server::exchange::{self, Application, Bounds, content},
};
use http::{HeaderMap, Method, Request, Response, header, request::Parts, uri::Scheme};
use sealwire_hpke_http::legacy::{
    Credential, Error, name,
    server::{Claimed, Opened, Pending, Preparsed, Reply},
};
use sealwire_message::bhttp::{self, RequestHead};
use sealwire_store::{
    Reservation,
    credentials::{Credential as Known, Use},
};
use std::sync::Arc;

/// Opens, hands on, and seals what is answered.
pub(super) async fn serve(
    settings: &Settings,
    outer: Parts,
    mut rest: Body,
    mut inner: impl Application,
) -> Result<Response<Body>, Refusal> {
    // Where the wire is taken is looked at once more: what is picked otherwise must not come through.
    let taken = settings.paths.taken(outer.uri.path()).ok_or(Refusal::Unsealed)?;
    if settings.until.is_some_and(|until| settings.clock.unix_seconds() >= until) {
        return Err(Refusal::Ended);
    }
    if outer.headers.contains_key(header::UPGRADE) || outer.method == Method::CONNECT {
        return Err(Refusal::Upgrade);
    }
    let (claimed, tenant) = claim(settings, &outer.headers).await?;
    let is_head = outer.method == Method::HEAD;
    let opening = prove(&outer.method, taken, claimed, &mut rest);
    let proven = tokio::time::timeout(settings.header_time, opening).await.map_err(|_| Refusal::Slow)??;
    let (request, reply, broken) = match proven {
        Proven::Caller(pending) => {
            let Opened { body: chunks, reply } = admit(settings, *pending).await?;
            let head = ordinary(outer).ok_or(Refusal::Authority)?;
            let rules = settings.routes.rules(&head);
            let watch = Completeness { events: false, ..Completeness::default() }.watch(&head.headers);
            let chunks = Chunks::new(chunks, watch);
            let bounds = Bounds { idle_time: settings.idle_time, gathered: settings.gathered };
            let content = content(bounds, rules, &head.method, None, rest, chunks).await;
            let (content, broken) = content.map_err(Refusal::from)?;
            (request(head, Identity::Tenant(tenant), content)?, reply, Some(broken))
        }
        Proven::Nobody(pending) => {
            let reply = admit(settings, pending).await?;
            let head = ordinary(outer).ok_or(Refusal::Authority)?;
            (request(head, Identity::Nobody, body::empty())?, reply, None)
        }
    };
    let Ok(response) = inner.call(request).await;
    // The application was told of a broken body; the caller is told what broke.
    if let Some(&fault) = broken.as_ref().and_then(|broken| broken.get()) {
        return Err(fault.into());
    }
    reply::seal(settings, reply, is_head, response)
}

/// Reads the fields, and derives keys that nothing has proven yet.
async fn claim(settings: &Settings, headers: &HeaderMap) -> Result<(Claimed, Arc<str>), Refusal> {
    let preparsed = Preparsed::new(headers)?;
    let id = preparsed.psk_id();
    let known = settings.credentials.find(id).await.map_err(|_| Refusal::Credentials)?;
    // A key of version 3 is none here (HH-105).
    let known = known.filter(|known| known.usage() == Use::Legacy).ok_or(Error::UnknownPsk)?;
    let credential = Credential::new(id.to_vec(), known.key())?;
    let claimed = preparsed.claim(&settings.key.key, &credential, &settings.limits)?;
    Ok((claimed, Known::tenant(&known).clone()))
}

/// Who a request is from.
enum Proven {
    /// somebody who has the key
    Caller(Box<Pending<Opened>>),
    /// anybody (HH-91)
    Nobody(Pending<Reply>),
}

/// Reads on until a chunk has opened.
async fn prove(
    method: &Method,
    taken: Taken,
    mut claimed: Claimed,
    rest: &mut Body,
) -> Result<Proven, Refusal> {
    let usually_bodyless = [Method::GET, Method::HEAD, Method::DELETE, Method::OPTIONS].contains(method);
    let mut is_empty = true;
    loop {
        match exchange::next(rest).await? {
            Some(slice) if slice.is_empty() => continue,
            Some(slice) => {
                is_empty = false;
                claimed.push(&slice);
            }
            None if is_empty && usually_bodyless && taken.bodyless => {
                return Ok(Proven::Nobody(claimed.anonymous()));
            }
            None if is_empty && usually_bodyless => return Err(Refusal::Unsealed),
            None if is_empty => return Err(Error::Unproven.into()),
            None => claimed.end(),
        }
        if claimed.is_proven()? {
            return Ok(Proven::Caller(Box::new(claimed.prove()?)));
        }
    }
}

/// Gives what is held, once (HH-95, HH-98).
async fn admit<T>(settings: &Settings, pending: Pending<T>) -> Result<T, Refusal> {
    let now = settings.clock.unix_millis();
    let id = *pending.replay_id();
    let reserved =
        settings.key.replays.reserve_in(&settings.key.space, &id, now, settings.expires(now)).await;
    let is_first = match reserved {
        Ok(Reservation::Fresh) => true,
        Ok(Reservation::Seen) => false,
        Err(error) => {
            tracing::warn!(%error, "no reservation, so the request is refused");
            return Err(Refusal::Store);
        }
    };
    Ok(pending.admit(is_first)?)
}

/// The head as it shows, without what is this wire's own. `None` where it does not say, in one way, whom it is for.
fn ordinary(outer: Parts) -> Option<RequestHead> {
    let Parts { method, uri, mut headers, .. } = outer;
    let mut hosts = headers.get_all(header::HOST).iter();
    let (host, another) = (hosts.next(), hosts.next());
    let is_one = match (uri.authority(), host) {
        (Some(name), Some(host)) => host.as_bytes().eq_ignore_ascii_case(name.as_str().as_bytes()),
        (name, host) => name.is_some() || host.is_some(),
    };
    if another.is_some() || !is_one {
        return None;
    }
    // What the content is, the caller says in a field of this wire; nobody has authenticated it (HH-82).
    match headers.remove(name::CONTENT_TYPE) {
        Some(content_type) => headers.insert(header::CONTENT_TYPE, content_type),
        None => headers.remove(header::CONTENT_TYPE),
    };
    for field in [name::ENC, name::STREAM, name::PSK_ID, name::ENCODING] {
        headers.remove(field);
    }
    // Of the sealed bytes; and what is answered is sealed as it is.
    for field in [header::CONTENT_LENGTH, header::CONTENT_ENCODING, header::ACCEPT_ENCODING, header::EXPECT] {
        headers.remove(field);
    }
    bhttp::remove_connection_fields(&mut headers);
    let path = uri.path_and_query().cloned()?;
    let scheme = uri.scheme().cloned().unwrap_or(Scheme::HTTPS);
    Some(RequestHead { method, scheme, authority: uri.authority().cloned(), path, headers })
}

fn request(head: RequestHead, identity: Identity, content: Body) -> Result<Request<Body>, Refusal> {
    let peer = Peer { wire: Wire::HpkeHttpLegacy, identity };
    exchange::request(head, peer, content).ok_or(Refusal::Authority)
}
