//! The caller's side: fetch and appraise the key document, choose a wire, pool, retry.

use http::{Request, Response, Uri};
use sealwire_attest::{Appraised, KeyDocument, Policy, key_document::Published, verdict::Denial};
use sealwire_crypto::kem::Kem;
use sealwire_http::{Body, BoxError, client::oblivious};
use std::time::Duration;
use tower::Service;

/// How to reach a gateway, and what it must prove.
#[derive(Clone)]
pub struct Settings {
    /// the gateway, `http://` or `https://`, no path
    pub to: Uri,
    /// the authority that requests name inside; that of `to` unless said
    pub authority: Option<String>,
    /// what the gateway must prove
    pub policy: Policy,
    /// a relay's URL for this gateway (`https://relay/NAME`); keys are then learnt through it too (OB-88)
    pub relay: Option<Uri>,
    /// one message each way, or streams
    pub form: oblivious::Form,
    /// KEMs that may be used, X-Wing first by default
    pub kems: Vec<Kem>,
    /// fetch of the key document, and connection set-up
    pub timeout: Duration,
    /// certificates in DER that TLS trusts besides the system's
    pub tls_roots: Vec<Vec<u8>>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The policy said no. Nothing was sent.
    #[error(transparent)]
    Denied(#[from] Denial),
    /// The gateway could not be reached, or its key document not read.
    #[error("{what} of {at}: {source}")]
    Unreachable {
        /// what was tried
        what: &'static str,
        /// where
        at: String,
        /// why not
        source: BoxError,
    },
    /// The gateway forgot the key after the request was sent; whether it ran is unknown (SE-43).
    #[error("the connection's keys changed under way; whether the request was carried out is unknown")]
    OutcomeUnknown,
    /// The wire failed.
    #[error(transparent)]
    Wire(#[from] oblivious::Error),
}

/// In a request's extensions: repeating it does no harm, whatever its method (SE-43).
#[derive(Debug, Clone, Copy)]
pub struct ReplaySafe;

/// Requests through an attested, sealed channel. Cheap to clone; one pool, one pinned document.
#[derive(Clone)]
pub struct Connector {}

impl Connector {
    /// Fetches the key document and appraises it.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::Unreachable`]
    pub async fn connect(_settings: Settings) -> Result<Self, Error> {
        todo!()
    }
    /// What is pinned now.
    #[must_use]
    pub fn pinned(&self) -> std::sync::Arc<Appraised<KeyDocument>> {
        todo!()
    }
}

impl Service<Request<Body>> for Connector {
    type Response = Response<Body>;
    type Error = Error;
    type Future = futures_util::future::BoxFuture<'static, Result<Response<Body>, Error>>;
    fn poll_ready(&mut self, _cx: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Error>> {
        todo!()
    }
    fn call(&mut self, _request: Request<Body>) -> Self::Future {
        todo!()
    }
}

/// Fetches a published key document without judging it (`sealwire inspect`, `policy init`).
///
/// # Errors
/// [`Error::Unreachable`]
pub async fn fetch(_at: &Uri, _challenge: Option<&[u8]>, _tls_roots: &[Vec<u8>], _timeout: Duration) -> Result<Published, Error> {
    todo!()
}
