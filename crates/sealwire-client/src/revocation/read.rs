//! One look at a list, with hard caps on size and time, and no redirects.

use super::Place;
use crate::{Error, error::NotOk, transport::Transport};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Limited};
use sealwire_attest::revocation::MAX_LIST;
use sealwire_http::{BoxError, body};
use std::{path::Path, time::Duration};
use tokio::io::AsyncReadExt;
use tower::ServiceExt;

/// Reads a list without judging it.
///
/// # Errors
/// [`Error::RevocationList`], [`Error::Tls`]
pub async fn read(place: &Place, tls_roots: &[Vec<u8>], timeout: Duration) -> Result<Vec<u8>, Error> {
    Reader::new(place, tls_roots, timeout)?.read().await
}

/// Reads one place again and again, over one pool of connections.
pub(crate) struct Reader {
    place: Place,
    transport: Option<Transport>,
    timeout: Duration,
}

impl Reader {
    pub(crate) fn new(place: &Place, tls_roots: &[Vec<u8>], timeout: Duration) -> Result<Self, Error> {
        let transport = match place {
            Place::File(_) => None,
            Place::Url(url) => Some(Transport::new([url], tls_roots, timeout).map_err(Error::Tls)?),
        };
        Ok(Self { place: place.clone(), transport, timeout })
    }

    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    pub(crate) async fn read(&self) -> Result<Vec<u8>, Error> {
        let reading = async {
            match (&self.place, &self.transport) {
                (Place::Url(url), Some(transport)) => fetch(transport, url).await,
                (Place::File(path), _) => open(path).await,
                (Place::Url(_), None) => Err("no transport".into()),
            }
        };
        let read = tokio::time::timeout(self.timeout, reading).await;
        read.unwrap_or_else(|elapsed| Err(elapsed.into())).map_err(|source| self.failed(source))
    }

    pub(crate) fn failed(&self, source: impl Into<BoxError>) -> Error {
        Error::RevocationList { at: self.place.to_string(), source: source.into() }
    }
}

pub(super) async fn open(path: &Path) -> Result<Vec<u8>, BoxError> {
    let file = tokio::fs::File::open(path).await?;
    let mut bytes = Vec::new();
    // One byte more than a list may have tells that it is longer.
    file.take(MAX_LIST as u64 + 1).read_to_end(&mut bytes).await?;
    Ok(bytes)
}

async fn fetch(transport: &Transport, url: &http::Uri) -> Result<Vec<u8>, BoxError> {
    let mut request = Request::new(body::empty());
    *request.method_mut() = Method::GET;
    *request.uri_mut() = url.clone();
    let response = transport.clone().oneshot(request).await?;
    if response.status() != StatusCode::OK {
        return Err(NotOk(response.status()).into());
    }
    let content = Limited::new(response.into_body(), MAX_LIST).collect().await?;
    Ok(content.to_bytes().to_vec())
}
