//! GET of a published key document, with hard caps on size and time, and no redirects (AT-40).

use crate::{
    Error,
    error::{NotADocument, NotOk},
    settings::Base,
    transport::Transport,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderValue, Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Limited};
use sealwire_attest::key_document::{self, CHALLENGE_LEN, MAX_PUBLISHED_LEN, Published};
use sealwire_http::{BoxError, body};
use std::time::Duration;
use tower::ServiceExt;

const WHAT: &str = "key document";

/// Fetches a published key document without judging it (`sealwire inspect`, `policy init`).
///
/// `challenge` is 32 to 64 bytes that the evidence must then cover.
///
/// # Errors
/// [`Error::Unreachable`], [`Error::Settings`], [`Error::Tls`]
pub async fn fetch(
    at: &Uri,
    challenge: Option<&[u8]>,
    tls_roots: &[Vec<u8>],
    timeout: Duration,
) -> Result<Published, Error> {
    let path = match challenge {
        None => key_document::PATH.to_owned(),
        Some(challenge) if CHALLENGE_LEN.contains(&challenge.len()) => {
            format!("{}?challenge={}", key_document::PATH, URL_SAFE_NO_PAD.encode(challenge))
        }
        Some(_) => return Err(Error::Settings("a challenge has 32 to 64 bytes")),
    };
    let resource = Base::gateway(at)?.join(&path)?;
    let transport = Transport::new([at], tls_roots, timeout).map_err(Error::Tls)?;
    get(&transport, &resource, timeout).await.map_err(|failed| failed.at(&resource))
}

/// A fetch that failed.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) source: BoxError,
    /// somebody answered: asking again at once would make a flood
    pub(super) answered: bool,
}

impl Failed {
    pub(super) fn at(self, resource: &Uri) -> Error {
        Error::Unreachable { what: WHAT, at: resource.to_string(), source: self.source }
    }
}

pub(super) async fn get(
    transport: &Transport,
    resource: &Uri,
    timeout: Duration,
) -> Result<Published, Failed> {
    let mut answered = false;
    let fetched = tokio::time::timeout(timeout, exchange(transport, resource, &mut answered)).await;
    let fetched = fetched.unwrap_or_else(|elapsed| Err(elapsed.into()));
    fetched.map_err(|source| Failed { source, answered })
}

async fn exchange(transport: &Transport, resource: &Uri, answered: &mut bool) -> Result<Published, BoxError> {
    let mut request = Request::new(body::empty());
    *request.method_mut() = Method::GET;
    *request.uri_mut() = resource.clone();
    request.headers_mut().insert(header::ACCEPT, HeaderValue::from_static(key_document::MEDIA_TYPE));
    let response = transport.clone().oneshot(request).await?;
    *answered = true;
    if response.status() != StatusCode::OK {
        return Err(NotOk(response.status()).into());
    }
    let media_type = response.headers().get(header::CONTENT_TYPE);
    if media_type.is_none_or(|found| found != key_document::MEDIA_TYPE) {
        return Err(NotADocument.into());
    }
    let content = Limited::new(response.into_body(), MAX_PUBLISHED_LEN).collect().await?.to_bytes();
    Ok(Published::decode(&content)?)
}
