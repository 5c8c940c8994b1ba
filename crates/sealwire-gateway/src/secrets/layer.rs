//! Which requests are for secrets, and from whom they come (SE-20 (a)).

use super::{Secrets, access::Who, answer::NoRequest};
use crate::{
    layers::{Gate, Inner, refusal},
    routes::is_otherwise_below,
};
use futures_util::future::{BoxFuture, Either, FutureExt};
use http::{HeaderName, Method, Request, Response, StatusCode};
use sealwire_http::{
    Attested, Body, Identity, Peer, Wire,
    session::secret::{FIELD, Name, OperatorWrite, PATH},
};
use std::{
    convert::Infallible,
    sync::Arc,
    task::{Context, Poll},
};
use tower::{Layer, Service};

/// Answers requests for secrets; none of them, however it is spelt, goes further.
#[derive(Clone)]
pub(crate) struct SecretsLayer(pub(crate) Option<Arc<Secrets>>);

impl<S> Layer<S> for SecretsLayer {
    type Service = Provision<S>;

    fn layer(&self, inner: S) -> Provision<S> {
        Provision { secrets: self.0.clone(), inner }
    }
}

/// See [`SecretsLayer`].
#[derive(Clone)]
pub(crate) struct Provision<S> {
    secrets: Option<Arc<Secrets>>,
    inner: S,
}

impl<S: Inner> Service<Request<Body>> for Provision<S> {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Either<Gate<S::Future>, BoxFuture<'static, Result<Response<Body>, Infallible>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let answered = |response| Either::Left(crate::layers::answer(response));
        let below = match place(request.uri().path()) {
            Place::Elsewhere => return Either::Left(Either::Right(self.inner.call(request))),
            Place::Ambiguous => return answered(ambiguous()),
            Place::Below(below) => below.to_owned(),
        };
        let Some(secrets) = &self.secrets else {
            return answered(refusal("route", StatusCode::NOT_FOUND, "No secrets are kept here", ""));
        };
        match wanted(&request, &below) {
            Err(refused) => answered(refused.response()),
            Ok(wanted) => {
                let secrets = secrets.clone();
                Either::Right(async move { Ok(secrets.answer(wanted, request).await) }.boxed())
            }
        }
    }
}

/// Where a path leads.
enum Place<'a> {
    Elsewhere,
    /// to secrets, for some servers
    Ambiguous,
    /// what is written behind the resource of the list
    Below(&'a str),
}

fn place(path: &str) -> Place<'_> {
    match path.strip_prefix(PATH) {
        Some(below) if below.is_empty() || below.starts_with('/') => Place::Below(below),
        _ if is_otherwise_below(path, PATH) => Place::Ambiguous,
        _ => Place::Elsewhere,
    }
}

/// What is asked for, by whom.
pub(super) enum Wanted {
    List(Arc<Attested>),
    Get(Name, Arc<Attested>),
    Put(Name, Who),
    Delete(Name, Who),
}

fn wanted(request: &Request<Body>, below: &str) -> Result<Wanted, NoRequest> {
    let who = who(request)?;
    if request.uri().query().is_some() {
        return Err(NoRequest::Malformed("A secret has no query"));
    }
    let method = request.method();
    let Some(name) = below.strip_prefix('/') else {
        return match *method {
            Method::GET => Ok(Wanted::List(enclave(who)?)),
            _ => Err(NoRequest::Method("GET")),
        };
    };
    let name = name.parse().map_err(|_| NoRequest::Malformed("This is no name of a secret"))?;
    match *method {
        Method::GET => Ok(Wanted::Get(name, enclave(who)?)),
        Method::PUT => Ok(Wanted::Put(name, who)),
        Method::DELETE => Ok(Wanted::Delete(name, who)),
        _ => Err(NoRequest::Method("GET, PUT, DELETE")),
    }
}

/// Who asks: an operator, where a signature says so, or else the caller that the session knows.
fn who(request: &Request<Body>) -> Result<Who, NoRequest> {
    let peer = request.extensions().get::<Peer>();
    let peer = peer.filter(|peer| matches!(peer.wire, Wire::Session | Wire::SessionChannel));
    let Some(peer) = peer else { return Err(NoRequest::Unattested) };
    let mut fields = request.headers().get_all(HeaderName::from_static(FIELD)).iter();
    match (fields.next(), fields.next(), &peer.identity) {
        (Some(value), None, _) => OperatorWrite::from_field(value.as_bytes())
            .map(Who::Operator)
            .map_err(|_| NoRequest::Malformed("This is no operator's signature")),
        (Some(_), Some(_), _) => Err(NoRequest::Malformed("There are two signatures")),
        (None, _, Identity::Attested(caller)) => Ok(Who::Enclave(caller.clone())),
        (None, ..) => Err(NoRequest::Unattested),
    }
}

/// Reading is for enclaves alone (SE-20 (e)).
fn enclave(who: Who) -> Result<Arc<Attested>, NoRequest> {
    match who {
        Who::Enclave(caller) => Ok(caller),
        Who::Operator(_) => Err(NoRequest::Unattested),
    }
}

fn ambiguous() -> Response<Body> {
    refusal(
        "path",
        StatusCode::BAD_REQUEST,
        "The path can be read in more than one way",
        "It is one of a secret once it is decoded. Names of secrets are written as they are.",
    )
}
