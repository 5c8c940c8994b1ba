//! TLS outside, HTTP/2 where it agrees on it, and what HTTP/2 says about requests that it did not process (OB-47).

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used, clippy::panic)]

mod common;

use common::{AUTHORITY, Act, HOUR, State, policy, serve, text};
use http::{Method, Version};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer},
};
use sealwire_attest::key_document;
use sealwire_client::{Connector, Error, Settings};
use sealwire_crypto::kem::Kem;
use std::{net::SocketAddr, sync::Arc};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;

struct Server {
    listener: TcpListener,
    acceptor: TlsAcceptor,
    certificate: Vec<u8>,
    address: SocketAddr,
}

impl Server {
    async fn start() -> Self {
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let certificate = made.cert.der().to_vec();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![CertificateDer::from(certificate.clone())], key)
            .unwrap();
        config.alpn_protocols = vec![b"h2".to_vec()];
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        Self { listener, acceptor: TlsAcceptor::from(Arc::new(config)), certificate, address }
    }

    fn settings(&self) -> Settings {
        let mut settings = Settings::new(format!("https://{}", self.address).parse().unwrap(), policy());
        settings.authority = Some(AUTHORITY.to_owned());
        settings.tls_roots = vec![self.certificate.clone()];
        settings
    }

    async fn accept(&self) -> std::io::Result<impl AsyncRead + AsyncWrite + Unpin + Send + 'static> {
        let (stream, _) = self.listener.accept().await.unwrap();
        self.acceptor.accept(stream).await
    }

    async fn serve(self, state: Arc<State>) {
        loop {
            if let Ok(stream) = self.accept().await {
                tokio::spawn(serve(stream, state.clone()));
            }
        }
    }
}

fn state() -> Arc<State> {
    State::new(&[Kem::X25519], HOUR, "")
}

#[tokio::test]
async fn http2_is_used_where_tls_agrees_on_it() {
    let (server, state) = (Server::start().await, state());
    let settings = server.settings();
    tokio::spawn(server.serve(state.clone()));
    let connector = Connector::connect(settings.clone()).await.unwrap();
    assert_eq!(text(connector.request(Method::POST, "/").body("h2").await.unwrap()).await, "h2");
    let outer = state.outer.lock().unwrap();
    assert_eq!(outer[0].version, Version::HTTP_2);
    // OB-40, OB-45
    let mut names: Vec<_> = outer[0].headers.keys().map(|name| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["content-type", "incremental"]);
}

// OB-51: TLS is no substitute for attestation, but a certificate that nobody trusts is still refused.
#[tokio::test]
async fn an_untrusted_certificate_is_refused() {
    let (server, state) = (Server::start().await, state());
    let other = Server::start().await;
    let settings = Settings { tls_roots: other.settings().tls_roots, ..server.settings() };
    tokio::spawn(server.serve(state));
    assert!(matches!(Connector::connect(settings).await, Err(Error::Unreachable { .. })));
}

// OB-47, SE-43: REFUSED_STREAM says that nothing ran, but it is somebody on the way who says so: what may do harm when it
// is repeated is not.
#[tokio::test]
async fn a_refused_stream_is_sent_again_if_that_does_no_harm() {
    let (server, state) = (Server::start().await, state());
    let settings = server.settings();
    tokio::spawn(server.serve(state.clone()));
    let connector = Connector::connect(settings).await.unwrap();
    state.act([Act::Refuse]);
    assert_eq!(text(connector.request(Method::PUT, "/").body("again").await.unwrap()).await, "again");
    assert_eq!((state.posts(), state.served()), (2, 1));
    for act in [Act::Refuse, Act::Cut] {
        state.act([act]);
        let error = connector.request(Method::POST, "/").body("x").await.unwrap_err();
        assert!(matches!(error, Error::OutcomeUnknown), "{error}");
    }
}

// OB-47, SE-43: the same for a GOAWAY that names a lower stream.
#[tokio::test]
async fn a_request_above_the_last_stream_of_a_goaway_is_sent_again_if_that_does_no_harm() {
    let (server, state) = (Server::start().await, state());
    let settings = server.settings();
    let of_server = state.clone();
    tokio::spawn(async move {
        answers_one_and_goes_away(server.accept().await.unwrap(), &of_server.published()).await;
        server.serve(of_server).await;
    });
    let connector = Connector::connect(settings).await.unwrap();
    assert_eq!(text(connector.request(Method::PUT, "/").body("again").await.unwrap()).await, "again");
    assert_eq!((state.posts(), state.served()), (1, 1));
}

/// Speaks just enough HTTP/2 to serve the key document, and to say of the next request that it was not taken.
async fn answers_one_and_goes_away(mut stream: impl AsyncRead + AsyncWrite + Unpin, document: &[u8]) {
    let mut preface = [0; 24];
    stream.read_exact(&mut preface).await.unwrap();
    write_frame(&mut stream, 4, 0, 0, &[]).await;
    next_request(&mut stream).await;
    // `:status: 200`, and a literal content-type.
    let mut fields = vec![0x88, 0x0f, 0x10, key_document::MEDIA_TYPE.len() as u8];
    fields.extend_from_slice(key_document::MEDIA_TYPE.as_bytes());
    write_frame(&mut stream, 1, 4, 1, &fields).await;
    write_frame(&mut stream, 0, 1, 1, document).await;
    next_request(&mut stream).await;
    // The last stream that was processed is the first.
    write_frame(&mut stream, 7, 0, 0, &[0, 0, 0, 1, 0, 0, 0, 0]).await;
    // Until the client has read it and closes.
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest).await;
}

/// Reads up to a HEADERS frame.
async fn next_request(stream: &mut (impl AsyncRead + Unpin)) {
    loop {
        let mut header = [0; 9];
        stream.read_exact(&mut header).await.unwrap();
        let mut payload = vec![0; u32::from_be_bytes([0, header[0], header[1], header[2]]) as usize];
        stream.read_exact(&mut payload).await.unwrap();
        if header[3] == 1 {
            return;
        }
    }
}

async fn write_frame(stream: &mut (impl AsyncWrite + Unpin), kind: u8, flags: u8, id: u8, payload: &[u8]) {
    let length = (payload.len() as u32).to_be_bytes();
    let frame = [&length[1..], &[kind, flags, 0, 0, 0, id], payload].concat();
    stream.write_all(&frame).await.unwrap();
    stream.flush().await.unwrap();
}
