//! What shows of a request (SE-31).

use super::Live;
use crate::{INCREMENTAL, client::Error, listed};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header, uri::Scheme};
use sealwire_attest::key_document::authority;
use sealwire_message::bhttp::RequestHead;
use sealwire_session::{
    media,
    request::{BASE_ID, LISTED, Listed, Mode, TICKET, Ticket},
};
use std::sync::Arc;

/// What requests show outside.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Outside {
    /// nothing but whose session it is
    #[default]
    Hidden,
    /// Method and target, and those of these fields that a request has, all of them under its header MAC. Where a method
    /// does not permit that (the answer to a HEAD has no content, a TRACE none itself), nothing shows.
    Bound(Arc<[HeaderName]>),
}

/// The outer request of one that is sealed: its head, and what the header MAC covers of it.
pub(super) struct Outer {
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) headers: HeaderMap,
    pub(super) mode: Mode,
    pub(super) listed: Listed,
}

impl Outer {
    pub(super) fn of(live: &Live, head: &RequestHead) -> Result<Self, Error> {
        match &live.settings.outside {
            Outside::Bound(names) if can_show(head) => Self::bound(live, head, names),
            _ => Ok(Self {
                method: Method::POST,
                uri: live.resource.clone(),
                headers: HeaderMap::new(),
                mode: Mode::Hidden,
                listed: Listed::nothing(),
            }),
        }
    }

    fn bound(live: &Live, head: &RequestHead, names: &[HeaderName]) -> Result<Self, Error> {
        let malformed = Error::Request("its target cannot show outside");
        let authority = head.authority.as_ref().map_or("", http::uri::Authority::as_str);
        let (path, query) = (head.path.path(), head.path.query().unwrap_or_default());
        let mut listed = Listed::target(head.method.as_str(), authority, path, query);
        let mut headers = HeaderMap::new();
        let mut shown = Vec::new();
        for name in names {
            let Some(value) = listed::value(&head.headers, name) else { continue };
            listed.field(name.as_str(), &value);
            for line in head.headers.get_all(name) {
                headers.append(name.clone(), line.clone());
            }
            shown.push(name);
        }
        if !shown.is_empty() {
            let list = listed::write(shown.into_iter()).ok_or(sealwire_session::Error::Field)?;
            headers.insert(HeaderName::from_static(LISTED), list);
        }
        let uri = target(&live.resource, authority, head).ok_or(malformed)?;
        // Left to itself, HTTP/1.1 without TLS would leave the port 80 out, which is part of the name inside.
        if uri.scheme() == Some(&Scheme::HTTP)
            && let Some(host) = uri.authority()
            && let Ok(host) = HeaderValue::try_from(host.as_str())
        {
            headers.insert(header::HOST, host);
        }
        // What a cache on the way holds of this URL was not sealed, or to somebody else.
        headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-cache"));
        Ok(Self { method: head.method.clone(), uri, headers, mode: Mode::Bound, listed })
    }

    /// Adds what every sealed request has.
    pub(super) fn mark(&mut self, live: &Live, ticket: &Ticket) -> Result<(), Error> {
        let ticket = HeaderValue::try_from(ticket.to_field()).map_err(|_| sealwire_session::Error::Field)?;
        let headers = &mut self.headers;
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media::REQUEST));
        headers.insert(HeaderName::from_static(BASE_ID), live.base_id.clone());
        headers.insert(HeaderName::from_static(TICKET), ticket);
        headers.insert(INCREMENTAL, HeaderValue::from_static("?1"));
        Ok(())
    }
}

/// Whether content can go both ways under the method, and the target is a path (`OPTIONS *` has none).
fn can_show(head: &RequestHead) -> bool {
    !matches!(head.method, Method::HEAD | Method::TRACE) && head.path.path().starts_with('/')
}

/// Where the request goes: to the place of the session's resource. The name there is the one inside, as it is written
/// inside, if it is the same; another one is for the gateway to know.
fn target(resource: &Uri, inner: &str, head: &RequestHead) -> Option<Uri> {
    let (scheme, outer) = (resource.scheme()?, resource.authority()?);
    let port = if *scheme == Scheme::HTTP { 80 } else { authority::DEFAULT_PORT };
    let same = authority::normalise(outer.as_str(), port).is_ok_and(|outer| outer == inner);
    let name = if same { inner } else { outer.as_str() };
    Uri::builder().scheme(scheme.clone()).authority(name).path_and_query(head.path.clone()).build().ok()
}
