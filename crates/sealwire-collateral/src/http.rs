//! GET with hard caps on size and time, no redirects and no decompression (AT-70).

use crate::{Error, Failure, error::BoxError, item::Validators, request::MAX_ANSWER};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};
use hyper_rustls::{HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo, TokioTimer},
};
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs, pki_types::CertificateDer};
use std::{sync::Arc, time::Duration, time::SystemTime};
use tokio::net::TcpStream;
use tower::{timeout::Timeout, util::BoxCloneSyncService};

/// Longest header section of an answer. Those of PCS hold a certificate chain.
const MAX_HEADERS: usize = 64 * 1024;
/// How long a connection is kept: the items of one round come from one or two hosts.
const IDLE: Duration = Duration::from_secs(5);

type Connect = BoxCloneSyncService<Uri, MaybeHttpsStream<TokioIo<TcpStream>>, BoxError>;

/// Cheap to clone; clones share connections.
#[derive(Clone)]
pub(crate) struct Http {
    client: Client<Connect, Empty<Bytes>>,
}

/// What came.
pub(crate) enum Got {
    Fresh {
        headers: HeaderMap,
        content: Bytes,
        validators: Validators,
    },
    /// what is at hand is the latest
    NotModified,
}

impl Http {
    /// `roots` are certificates in DER that TLS trusts besides the system's.
    pub(crate) fn new(tls: bool, roots: &[Vec<u8>], connect: Duration) -> Result<Self, Failure> {
        let roots = if tls { trusted(roots).map_err(Failure::Tls)? } else { RootCertStore::empty() };
        let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| Failure::Tls(error.into()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        // Tries the addresses of both families (RFC 8305).
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_connect_timeout(Some(connect));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(config)
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .http1_max_buf_size(MAX_HEADERS)
            .build(BoxCloneSyncService::new(Timeout::new(connector, connect)));
        Ok(Self { client })
    }

    /// One exchange, of at most `time` altogether.
    pub(crate) async fn get(&self, uri: &Uri, known: &Validators, time: Duration) -> Result<Got, Error> {
        let exchange = self.exchange(uri, known);
        tokio::time::timeout(time, exchange).await.unwrap_or(Err(Error::TimedOut(time)))
    }

    async fn exchange(&self, uri: &Uri, known: &Validators) -> Result<Got, Error> {
        let unreachable = |error: hyper_util::client::legacy::Error| Error::Unreachable(error.into());
        let response = self.client.request(request(uri, known)).await.map_err(unreachable)?;
        let conditional = *known != Validators::default();
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_MODIFIED if conditional => return Ok(Got::NotModified),
            StatusCode::NOT_FOUND => return Err(Error::Unknown),
            status @ (StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) => {
                let retry_after = retry_after(response.headers(), SystemTime::now());
                return Err(Error::Busy { status, retry_after });
            }
            status if status.is_redirection() && status != StatusCode::NOT_MODIFIED => {
                return Err(Error::Redirected(status));
            }
            status => return Err(Error::Status(status)),
        }
        let identity = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"identity");
        if !response.headers().get_all(header::CONTENT_ENCODING).iter().all(identity) {
            return Err(Error::Encoded);
        }
        let text =
            |name| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let validators = Validators { etag: text(header::ETAG), last_modified: text(header::LAST_MODIFIED) };
        let headers = response.headers().clone();
        let content = content(response).await?;
        Ok(Got::Fresh { headers, content, validators })
    }
}

fn request(uri: &Uri, known: &Validators) -> Request<Empty<Bytes>> {
    let mut request = Request::new(Empty::new());
    *request.uri_mut() = uri.clone();
    let headers = request.headers_mut();
    headers.insert(header::USER_AGENT, HeaderValue::from_static("sealwire"));
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    let conditions =
        [(header::IF_NONE_MATCH, &known.etag), (header::IF_MODIFIED_SINCE, &known.last_modified)];
    for (name, value) in conditions {
        if let Some(value) = value.as_deref().and_then(|value| HeaderValue::from_str(value).ok()) {
            headers.insert(name, value);
        }
    }
    request
}

async fn content(response: Response<Incoming>) -> Result<Bytes, Error> {
    // Before a byte of it is read.
    if response.body().size_hint().lower() > MAX_ANSWER as u64 {
        return Err(Error::TooLong(MAX_ANSWER));
    }
    let gathered = Limited::new(response.into_body(), MAX_ANSWER).collect().await;
    let content = gathered.map_err(|error| match error.is::<LengthLimitError>() {
        true => Error::TooLong(MAX_ANSWER),
        false => Error::Unreachable(error),
    })?;
    Ok(content.to_bytes())
}

/// Seconds, or a date (RFC 9110 section 10.2.3).
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    match text.parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => httpdate::parse_http_date(text).ok()?.duration_since(now).ok(),
    }
}

/// The system's roots and `extra`.
fn trusted(extra: &[Vec<u8>]) -> Result<RootCertStore, BoxError> {
    let mut store = RootCertStore::empty();
    for der in extra {
        store.add(CertificateDer::from_slice(der))?;
    }
    // A system's store may hold certificates that rustls does not take; they are left out.
    store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if store.is_empty() {
        return Err("no root certificates: the system has none, and none were given".into());
    }
    Ok(store)
}

#[cfg(test)]
mod tests {
    use super::*;

    // AT-70
    #[test]
    fn both_forms_of_retry_after_are_read() {
        let now = httpdate::parse_http_date("Fri, 20 Nov 2026 06:00:00 GMT").unwrap();
        let read = |text: &str| {
            let headers = HeaderMap::from_iter([(header::RETRY_AFTER, text.parse().unwrap())]);
            retry_after(&headers, now)
        };
        assert_eq!(read("120"), Some(Duration::from_secs(120)));
        assert_eq!(read("Fri, 20 Nov 2026 06:01:00 GMT"), Some(Duration::from_secs(60)));
        assert_eq!(read("Fri, 20 Nov 2026 05:01:00 GMT"), None);
        assert_eq!(read("-1"), None);
        assert_eq!(read("soon"), None);
    }
}
