//! Another implementation, the crates `ohttp` and `bhttp` 0.8, as client of our gateway and as gateway of our client,
//! all of them running, over real sockets (OB-01).
//!
//! It has X25519, X-Wing and P-256 with AES-128-GCM and ChaCha20-Poly1305. Avoided here, because they are defects of its
//! own: as a streaming client it has room for 16-byte response nonces only and panics with ChaCha20-Poly1305 (OB-150); it
//! takes the first pair and the last config of a list unchecked (OB-151, OB-152); its streaming reader hangs on bytes in
//! small pieces (OB-156).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use axum::{Router, extract::Request, response::Response, routing::post};
use bhttp::{Message, Mode, StatusCode};
use futures_util::{AsyncReadExt, AsyncWrite, AsyncWriteExt, FutureExt};
use http_body_util::BodyExt;
use ohttp::{
    ClientRequest, KeyConfig as TheirConfig, Server as TheirServer, SymmetricSuite,
    hpke::{Aead as TheirAead, Kdf as TheirKdf, Kem as TheirKem},
};
use sealwire_client::{Connector, SealedWith, Settings};
use sealwire_crypto::{aead::Aead, hpke::Symmetric, kdf::Hkdf, kem::Kem};
use sealwire_http::{client::oblivious, wire::OBLIVIOUS_PATH};
use sealwire_oblivious::{config::KeyConfig, media};
use sealwire_tests::{
    Stage,
    document::Server,
    fake::outer,
    message::{date, later},
    raw::{request, transfer_chunk},
    stage::{AUTHORITY, settings},
    within,
};
use std::{
    io::{self, Cursor},
    pin::Pin,
    slice,
    sync::{Arc, Mutex},
    task::{Context, Poll},
};

const KEMS: [(Kem, TheirKem); 3] =
    [(Kem::X25519, TheirKem::X25519Sha256), (Kem::XWing, TheirKem::XWing), (Kem::P256, TheirKem::P256Sha256)];
const AEADS: [(Aead, TheirAead); 2] =
    [(Aead::Aes128Gcm, TheirAead::Aes128Gcm), (Aead::ChaCha20Poly1305, TheirAead::ChaCha20Poly1305)];
/// Below, at and above what one chunk, one bucket and one read hold.
const LENGTHS: [usize; 5] = [0, 1, 5000, 16_384, 100_000];

fn content(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i % 251) as u8).collect()
}

/// Our gateway with every suite that they have.
async fn our_gateway() -> Stage {
    Stage::with(|config| {
        config.keys.kems = KEMS.map(|(kem, _)| kem).to_vec();
        config.keys.aeads = AEADS.map(|(aead, _)| aead).to_vec();
    })
    .await
}

/// Their client of one of our keys, with one suite, which is all that it looks at.
fn their_client(keys: &[KeyConfig], kem: Kem, aead: Aead) -> ClientRequest {
    let key = keys.iter().find(|key| key.public_key.kem() == kem).unwrap();
    let suites = vec![Symmetric { kdf: Hkdf::Sha256, aead }];
    ClientRequest::from_encoded_config(&KeyConfig { suites, ..key.clone() }.encode()).unwrap()
}

/// A request in their Binary HTTP.
fn their_request(mode: Mode, content: &[u8]) -> Vec<u8> {
    let mut message =
        Message::request(b"POST".to_vec(), b"https".to_vec(), AUTHORITY.as_bytes().to_vec(), b"/v1".to_vec());
    message.put_header("date", date(later(0)).as_bytes());
    message.put_header("x-theirs", "yes");
    message.write_content(content);
    let mut out = Vec::new();
    message.write_bhttp(mode, &mut out).unwrap();
    out
}

fn check_answer(bytes: &[u8], expected: &[u8]) {
    let message = Message::read_bhttp(&mut Cursor::new(bytes)).unwrap();
    assert_eq!(message.control().status().unwrap().code(), 200);
    assert!(message.header().get(b"content-length").is_some());
    assert!(message.content() == expected);
}

#[tokio::test]
async fn their_single_shot_client_and_our_gateway() {
    let stage = our_gateway().await;
    let keys = stage.keys().await;
    let mut raw = stage.connect().await;
    for (kem, _) in KEMS {
        for (aead, _) in AEADS {
            for mode in [Mode::KnownLength, Mode::IndeterminateLength] {
                for len in LENGTHS {
                    let content = content(len);
                    let (sealed, expect) =
                        their_client(&keys, kem, aead).encapsulate(&their_request(mode, &content)).unwrap();
                    let fields = [("content-type", media::REQUEST)];
                    let answer = raw.post(OBLIVIOUS_PATH, &fields, &sealed).await.answer().await;
                    assert_eq!((answer.status, answer.field("content-type")), (200, media::RESPONSE));
                    check_answer(&expect.decapsulate(&answer.content).unwrap(), &content);
                }
            }
        }
    }
    let seen = stage.app.seen();
    assert_eq!(seen.len(), 6 * 2 * LENGTHS.len());
    assert!(seen.iter().all(|head| head.headers["x-theirs"] == "yes" && head.headers["host"] == AUTHORITY));
}

#[tokio::test]
async fn their_chunked_client_and_our_gateway() {
    let stage = our_gateway().await;
    let keys = stage.keys().await;
    for (kem, _) in KEMS {
        for (aead, _) in AEADS {
            for len in LENGTHS {
                let content = content(len);
                let sealed = Pipe::default();
                let mut writer = their_client(&keys, kem, aead).encapsulate_stream(sealed.clone()).unwrap();
                for part in their_request(Mode::IndeterminateLength, &content).chunks(10_000) {
                    writer.write_all(part).now_or_never().unwrap().unwrap();
                }
                writer.close().now_or_never().unwrap().unwrap();
                let mut raw = stage.connect().await;
                let fields = [
                    ("content-type", media::CHUNKED_REQUEST),
                    ("incremental", "?1"),
                    ("transfer-encoding", "chunked"),
                ];
                raw.send(request("POST", OBLIVIOUS_PATH, &fields)).await;
                for piece in sealed.take().chunks(1777) {
                    raw.send(transfer_chunk(piece)).await;
                }
                let answer = raw.send("0\r\n\r\n").await.answer().await;
                assert_eq!((answer.status, answer.field("content-type")), (200, media::CHUNKED_RESPONSE));
                if aead == Aead::Aes128Gcm {
                    let mut opened = Vec::new();
                    let mut reader = writer.response(&answer.content[..]).unwrap();
                    reader.read_to_end(&mut opened).now_or_never().unwrap().unwrap();
                    check_answer(&opened, &content);
                }
            }
        }
    }
    let counts = stage.app.counts();
    assert_eq!((counts.completed, counts.aborted), (6 * LENGTHS.len(), 0));
}

/// Their gateway: opens, gives back what it got, and seals.
async fn their_gateway(kem: TheirKem, aead: TheirAead) -> Server {
    let suites = vec![SymmetricSuite::new(TheirKdf::HkdfSha256, aead)];
    let server = TheirServer::new(TheirConfig::new(3, kem, suites).unwrap()).unwrap();
    let list = TheirConfig::encode_list(slice::from_ref(server.config())).unwrap();
    // Our document holds configurations without their lengths.
    let published = [(3, list[2..].to_vec())];
    let take = move |request: Request| async move {
        let (parts, content) = request.into_parts();
        let sealed = content.collect().await.unwrap().to_bytes();
        match parts.headers["content-type"].to_str().unwrap() {
            media::REQUEST => their_answer(&server, &sealed),
            media::CHUNKED_REQUEST => their_chunked_answer(server, &sealed),
            other => panic!("{other}"),
        }
    };
    Server::publishing(&published, Router::new().route(OBLIVIOUS_PATH, post(take))).await
}

fn respond(request: &[u8], mode: Mode) -> Vec<u8> {
    let request = Message::read_bhttp(&mut Cursor::new(request)).unwrap();
    assert_eq!(request.control().method().unwrap(), b"POST");
    assert_eq!(request.control().authority().unwrap(), AUTHORITY.as_bytes());
    assert!(request.header().get(b"date").is_some());
    let mut response = Message::response(StatusCode::try_from(200_u16).unwrap());
    response.put_header("x-path", request.control().path().unwrap());
    response.write_content(request.content());
    response.put_trailer("x-length", request.content().len().to_string());
    let mut out = Vec::new();
    response.write_bhttp(mode, &mut out).unwrap();
    out
}

fn their_answer(server: &TheirServer, sealed: &[u8]) -> Response {
    let (request, reply) = server.decapsulate(sealed).unwrap();
    let answer = reply.encapsulate(&respond(&request, Mode::KnownLength)).unwrap();
    outer(200, media::RESPONSE, answer)
}

fn their_chunked_answer(server: TheirServer, sealed: &[u8]) -> Response {
    let mut reader = server.decapsulate_stream(sealed);
    let mut request = Vec::new();
    reader.read_to_end(&mut request).now_or_never().unwrap().unwrap();
    let answer = Pipe::default();
    let mut writer = reader.response(answer.clone()).unwrap();
    writer.write_all(&respond(&request, Mode::IndeterminateLength)).now_or_never().unwrap().unwrap();
    writer.close().now_or_never().unwrap().unwrap();
    outer(200, media::CHUNKED_RESPONSE, answer.take())
}

#[tokio::test]
async fn our_client_and_their_gateway() {
    for (kem, their_kem) in KEMS {
        for (aead, their_aead) in AEADS {
            let gateway = their_gateway(their_kem, their_aead).await;
            for form in [oblivious::Form::Single, oblivious::Form::Chunked] {
                let settings = Settings { form, kems: vec![kem], ..settings(gateway.address) };
                let connector = within("a connector", Connector::connect(settings)).await.unwrap();
                let SealedWith::Oblivious { kem: chosen, suite } = connector.status().sealed_with else {
                    panic!("another wire than the one that was asked for")
                };
                assert_eq!((chosen, suite.aead), (kem, aead));
                for len in LENGTHS {
                    let content = content(len);
                    let sent = connector.request(http::Method::POST, "/v1?x=1").body(content.clone()).send();
                    let response = within("an answer", sent).await.unwrap();
                    assert_eq!(
                        (response.status().as_u16(), &response.headers()["x-path"]),
                        (200, &"/v1?x=1".parse().unwrap())
                    );
                    let collected = within("the content", response.into_body().collect()).await.unwrap();
                    assert_eq!(collected.trailers().unwrap()["x-length"], len.to_string());
                    assert!(collected.to_bytes() == content);
                }
            }
        }
    }
}

/// What their writers write, at hand while the writer still lives.
#[derive(Clone, Default)]
struct Pipe(Arc<Mutex<Vec<u8>>>);

impl Pipe {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        self.0.lock().unwrap().extend_from_slice(data);
        Poll::Ready(Ok(data.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
