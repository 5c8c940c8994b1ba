//! TLS on both ends.

use crate::support::{NAME, get, plain, start, status};
use http::{Request, Response};
use http_body_util::BodyExt;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::{
    ClientConfig, NamedGroup, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
};
use sealwire_gateway::{
    config::{Route, Tls},
    listener::{ConnectionLimits, Listener},
};
use sealwire_http::body;
use std::{fs, net::SocketAddr, path::Path, sync::Arc};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_util::sync::CancellationToken;
use tower::service_fn;

/// Writes `name.pem` and `name.key`.
fn certificate(folder: &Path, name: &str) -> Tls {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(vec![NAME.to_owned(), "localhost".to_owned()]).unwrap();
    let tls =
        Tls { certificate: folder.join(format!("{name}.pem")), key: folder.join(format!("{name}.key")) };
    fs::write(&tls.certificate, cert.pem()).unwrap();
    fs::write(&tls.key, signing_key.serialize_pem()).unwrap();
    tls
}

async fn connect(to: SocketAddr, trusted: &Path, alpn: &[&[u8]]) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(trusted).unwrap()).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    let stream = TcpStream::connect(to).await.unwrap();
    TlsConnector::from(Arc::new(config)).connect(ServerName::try_from(NAME).unwrap(), stream).await
}

#[tokio::test]
async fn the_listener_speaks_tls_with_both_versions_of_http() {
    let folder = tempfile::tempdir().unwrap();
    let tls = certificate(folder.path(), "first");
    let mut config = plain(crate::support::named("over tls").await);
    config.tls = Some(tls.clone());
    let gateway = start(config).await;
    for (offered, chosen) in [
        (&[b"h2".as_slice(), b"http/1.1"][..], Some(b"h2".as_slice())),
        (&[b"http/1.1"], Some(b"http/1.1")),
        (&[], None),
    ] {
        let stream = connect(gateway.address(), &tls.certificate, offered).await.unwrap();
        let session = stream.get_ref().1;
        assert_eq!(session.alpn_protocol(), chosen);
        assert_eq!(session.negotiated_key_exchange_group().unwrap().name(), NamedGroup::X25519MLKEM768);
        let io = hyper_util::rt::TokioIo::new(stream);
        let request =
            Request::get(format!("https://{NAME}/")).header("host", NAME).body(body::empty()).unwrap();
        let response = if chosen == Some(b"h2") {
            let executor = hyper_util::rt::TokioExecutor::new();
            let (mut sender, connection) = hyper::client::conn::http2::handshake(executor, io).await.unwrap();
            tokio::spawn(connection);
            let mut request = request;
            request.headers_mut().remove("host");
            sender.send_request(request).await.unwrap()
        } else {
            let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await.unwrap();
            tokio::spawn(connection);
            sender.send_request(request).await.unwrap()
        };
        assert_eq!(response.status(), 200);
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "over tls");
    }
}

#[tokio::test]
async fn a_reload_reads_a_renewed_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (certificate(folder.path(), "first"), certificate(folder.path(), "second"));
    let mut config = plain(crate::support::named("a").await);
    config.tls = Some(first.clone());
    let gateway = start(config.clone()).await;
    connect(gateway.address(), &first.certificate, &[]).await.unwrap();
    config.tls = Some(second.clone());
    gateway.reload(config.clone()).await.unwrap();
    connect(gateway.address(), &second.certificate, &[]).await.unwrap();
    connect(gateway.address(), &first.certificate, &[]).await.unwrap_err();
    config.tls = None;
    let error = gateway.reload(config).await.unwrap_err();
    assert_eq!(error.to_string(), "needs a restart to change: tls");
}

/// An application that speaks TLS.
async fn tls_application(tls: &Tls) -> SocketAddr {
    let chain = vec![CertificateDer::from_pem_file(&tls.certificate).unwrap()];
    let key = PrivateKeyDer::from_pem_file(&tls.key).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let listener = Listener::bind(crate::support::LOOPBACK, Some(Arc::new(config))).await.unwrap();
    let address = listener.local_addr();
    let service = service_fn(|request: Request<_>| async move {
        let host = request.headers()["host"].to_str().unwrap().to_owned();
        Ok(Response::new(body::full(host)))
    });
    tokio::spawn(listener.serve(service, ConnectionLimits::default(), CancellationToken::new()));
    address
}

// OB-46
#[tokio::test]
async fn an_upstream_by_https_must_chain_to_the_roots() {
    let folder = tempfile::tempdir().unwrap();
    let (good, other) = (certificate(folder.path(), "good"), certificate(folder.path(), "other"));
    let port = tls_application(&good).await.port();
    for (roots, code) in [(&good, 200), (&other, 502)] {
        let mut config = crate::support::config();
        let mut route = Route::new("/", format!("https://localhost:{port}"));
        route.plaintext = true;
        config.routes = vec![route];
        config.upstream_roots = Some(roots.certificate.clone());
        let gateway = start(config).await;
        let answer = get(gateway.address(), "/").await;
        assert_eq!(status(&answer), code, "{answer}");
        if code == 200 {
            assert!(answer.ends_with(NAME), "the request's own authority: {answer}");
        }
    }
}
