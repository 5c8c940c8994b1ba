//! The way to another instance: a plain HTTP hop, whose bytes are sealed.

use super::elsewhere::Elsewhere;
use crate::upstream::{Progress, RequestBody};
use http::{
    HeaderName, HeaderValue, Request, Response, StatusCode, Uri, header, request,
    uri::{Authority, PathAndQuery, Scheme},
};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use sealwire_http::{Body, body, crypto::random::Random, message::bhttp, server::tunnels::Tunnels};
use std::{sync::Arc, time::Duration};

/// Marks what was forwarded once, and is never forwarded again: two instances that each take the other for the owner
/// would pass a request to and fro. A caller who sets it forgoes being forwarded.
pub(super) const HOP: HeaderName = HeaderName::from_static("sealwire-hop");
/// How long a connection to another instance may take to be made.
const CONNECT: Duration = Duration::from_secs(2);
/// How long a connection to another instance is kept without a request: less than that keeps it.
const IDLE: Duration = Duration::from_secs(8);
/// After this time of silence the operating system asks whether the other instance is still there.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// A pool of connections to other instances. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Hops {
    pub(super) client: Client<HttpConnector<Elsewhere>, RequestBody>,
    elsewhere: Elsewhere,
    /// channels that are taken elsewhere count with those that end here
    pub(super) tunnels: Arc<Tunnels>,
    pub(super) random: Arc<dyn Random>,
}

/// How long another instance is waited for.
#[derive(Clone, Copy)]
pub(super) struct Patience {
    /// from the last part of the request that it took to the head of its answer
    pub(super) answer: Duration,
    /// for the next part of the request, of the caller
    pub(super) idle: Duration,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// there was no connection: it has seen nothing of the request
    Unconnected,
    /// it may have seen, and done, anything
    Broken,
}

impl Hops {
    /// `advertise` is where this instance says that it is.
    pub(crate) fn new(advertise: &str, tunnels: Arc<Tunnels>, random: Arc<dyn Random>) -> Self {
        let elsewhere = Elsewhere::than(advertise);
        let mut connector = HttpConnector::new_with_resolver(elsewhere.clone());
        connector.set_connect_timeout(Some(CONNECT));
        connector.set_nodelay(true);
        connector.set_keepalive(Some(KEEPALIVE));
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .build(connector);
        Self { client, elsewhere, tunnels, random }
    }

    /// Where to send what is for the instance at `address`, which is the registry's word: only a host and a port are taken of
    /// it, and none of this machine. `None` where that is no place to send anything to.
    pub(super) fn target(&self, address: &str, path: Option<&PathAndQuery>) -> Option<Uri> {
        target(address, path).filter(|uri| uri.host().is_some_and(|host| self.elsewhere.may_be(host)))
    }

    /// Sends a request there, unopened.
    pub(super) async fn send(
        &self,
        to: Uri,
        request: Request<Body>,
        patience: Patience,
    ) -> Result<Response<Body>, Failure> {
        let (mut parts, content) = request.into_parts();
        bhttp::remove_connection_fields(&mut parts.headers);
        parts.headers.insert(HOP, HeaderValue::from_static("1"));
        keep_name(&mut parts);
        parts.uri = to;
        parts.version = http::Version::HTTP_11;
        parts.extensions.clear();
        let progress = Arc::new(Progress::new());
        let counter = ::metrics::Counter::noop();
        let content = RequestBody::new(content, Some(progress.clone()), patience.idle, counter);
        let mut request = Request::from_parts(parts, content);
        body::frame(&mut request);
        let answer = self.client.request(request);
        match progress.timeout(patience.answer, patience.idle, answer).await {
            // Nobody has asked for another protocol, and in front of this instance it would be taken for a tunnel.
            Ok(Ok(answer)) if answer.status() == StatusCode::SWITCHING_PROTOCOLS => Err(Failure::Broken),
            Ok(Ok(answer)) => {
                let (mut parts, content) = answer.into_parts();
                bhttp::remove_connection_fields(&mut parts.headers);
                Ok(Response::from_parts(parts, body::boxed(content)))
            }
            Ok(Err(error)) => {
                tracing::debug!(%error, "the owner of a sealed request cannot be reached");
                Err(if error.is_connect() { Failure::Unconnected } else { Failure::Broken })
            }
            Err(late) => {
                tracing::debug!(?late, "the owner of a sealed request does not answer");
                Err(Failure::Broken)
            }
        }
    }
}

/// Whom the request names goes along: in bound mode it is under the header MAC (SE-31). HTTP/2 says it in no field. Where a
/// field says something else, both go along, and the owner refuses them as this instance would.
fn keep_name(parts: &mut request::Parts) {
    if let Some(authority) = parts.uri.authority()
        && let Ok(host) = HeaderValue::try_from(authority.as_str())
        && parts.headers.get_all(header::HOST).iter().all(|known| *known != host)
    {
        parts.headers.append(header::HOST, host);
    }
}

/// Of an address only a host and a port.
fn target(address: &str, path: Option<&PathAndQuery>) -> Option<Uri> {
    let authority = address.strip_prefix("http://")?.trim_end_matches('/').parse::<Authority>().ok()?;
    if authority.as_str().contains('@') {
        return None;
    }
    let uri = Uri::builder().scheme(Scheme::HTTP).authority(authority);
    uri.path_and_query(path?.clone()).build().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    // SE-44: the path is the request's own, whatever the registry says.
    #[test]
    fn only_a_host_and_a_port_are_taken() {
        let path = PathAndQuery::from_static("/r?a");
        let to = |address| target(address, Some(&path)).map(|uri| uri.to_string());
        assert_eq!(to("http://10.0.0.5:8443").unwrap(), "http://10.0.0.5:8443/r?a");
        assert_eq!(to("http://10.0.0.5:8443/").unwrap(), "http://10.0.0.5:8443/r?a");
        for address in [
            "https://10.0.0.5",
            "file:///etc/passwd",
            "http://user@10.0.0.5",
            "http://10.0.0.5/admin",
            "http://10.0.0.5?x",
            "http://",
            "10.0.0.5:8443",
            "",
        ] {
            assert_eq!(to(address), None, "{address}");
        }
    }

    // SE-31, SE-44: who is named in two ways at the first instance is at the second.
    #[test]
    fn two_names_stay_two() {
        let hosts = |uri: &str, fields: &[&str]| {
            let mut request = Request::get(uri);
            for field in fields {
                request = request.header(header::HOST, *field);
            }
            let mut parts = request.body(()).unwrap().into_parts().0;
            keep_name(&mut parts);
            let hosts = parts.headers.get_all(header::HOST).iter();
            hosts.map(|host| host.to_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(hosts("http://a.example/", &[]), ["a.example"]);
        assert_eq!(hosts("http://a.example/", &["a.example"]), ["a.example"]);
        assert_eq!(hosts("http://a.example/", &["b.example"]), ["b.example", "a.example"]);
        assert_eq!(hosts("/", &["b.example"]), ["b.example"]);
    }
}
