//! Exchanges with another implementation, the crate `ohttp` 0.8, as client and as gateway.
//!
//! It has X25519, X-Wing and P-256 with AES-128-GCM and ChaCha20-Poly1305; it has no AES-256-GCM. Avoided here, because
//! they are defects of its own: as a streaming client it has room for 16-byte response nonces only and panics with
//! ChaCha20-Poly1305 (OB-150); it takes the first pair and the last config of a list unchecked (OB-151, OB-152); its
//! streaming reader hangs on bytes in small pieces (OB-156).
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used, clippy::panic)]

mod common;

use bytes::BytesMut;
use common::{cases, pair, receive_answer, receive_chunked, receive_single, slices, suite};
use futures_util::{AsyncReadExt, AsyncWrite, AsyncWriteExt, FutureExt};
use ohttp::{
    ClientRequest, KeyConfig as TheirConfig, Server, SymmetricSuite,
    hpke::{Aead as TheirAead, Kdf as TheirKdf, Kem as TheirKem},
};
use proptest::prelude::*;
use sealwire_crypto::{aead::Aead, kem::Kem, random::OsRandom};
use sealwire_oblivious::{
    Limits,
    client::{seal_single, start_chunked},
    config::{Selected, encode_list, parse_list, select},
    gateway::GatewayKey,
};
use std::{
    io,
    pin::Pin,
    slice,
    sync::{Arc, Mutex},
    task::{Context, Poll},
};

const KEMS: [(Kem, TheirKem); 3] =
    [(Kem::X25519, TheirKem::X25519Sha256), (Kem::XWing, TheirKem::XWing), (Kem::P256, TheirKem::P256Sha256)];
const AEADS: [(Aead, TheirAead); 2] =
    [(Aead::Aes128Gcm, TheirAead::Aes128Gcm), (Aead::ChaCha20Poly1305, TheirAead::ChaCha20Poly1305)];

/// Their gateway, and what our client selects of its list.
fn their_gateway(kem: (Kem, TheirKem), aead: (Aead, TheirAead)) -> (Server, Selected) {
    let suites = vec![SymmetricSuite::new(TheirKdf::HkdfSha256, aead.1)];
    let server = Server::new(TheirConfig::new(3, kem.1, suites).unwrap()).unwrap();
    let list = TheirConfig::encode_list(slice::from_ref(server.config())).unwrap();
    let selected = select(&parse_list(&list, &Limits::default()).unwrap(), &[kem.0]).unwrap();
    assert_eq!(selected.suite, suite(aead.0));
    (server, selected)
}

/// Our gateway, and their client with its list.
fn our_gateway(kem: Kem, aead: Aead) -> (GatewayKey, ClientRequest) {
    let (key, _) = pair(kem, aead, 50);
    let list = encode_list(slice::from_ref(key.config()));
    (key, ClientRequest::from_encoded_config_list(&list).unwrap())
}

proptest! {
    #![proptest_config(cases(16))]

    /// OB-01
    #[test]
    fn single_shot(
        request in prop::collection::vec(any::<u8>(), 1..3000),
        response in prop::collection::vec(any::<u8>(), 1..3000),
    ) {
        let limits = Limits::default();
        for kem in KEMS {
            for aead in AEADS {
                let (server, selected) = their_gateway(kem, aead);
                let (sealed, expect) = seal_single(&selected, &request, &limits, &OsRandom).unwrap();
                let (opened, reply) = server.decapsulate(&sealed).unwrap();
                prop_assert_eq!(&opened, &request);
                let answer = reply.encapsulate(&response).unwrap();
                prop_assert_eq!(expect.open(BytesMut::from(&answer[..])).unwrap(), response.clone());

                let (key, client) = our_gateway(kem.0, aead.0);
                let (sealed, expect) = client.encapsulate(&request).unwrap();
                let opened = receive_single(slice::from_ref(&key), &sealed, &limits).unwrap();
                prop_assert_eq!(&opened.plaintext[..], &request[..]);
                let mut answer = opened.reply.buffer(response.len());
                answer.extend_from_slice(&response);
                let answer = opened.reply.seal(answer, &OsRandom).unwrap();
                prop_assert_eq!(&expect.decapsulate(&answer).unwrap(), &response);
            }
        }
    }

    /// OB-01, OB-22: chunks of any size up to 16384, in any split on the wire towards us.
    #[test]
    fn chunked(
        request in prop::collection::vec(any::<u8>(), 0..40_000),
        response in prop::collection::vec(any::<u8>(), 0..40_000),
        plaintext_size in 1..20_000usize,
        slice_size in 1..20_000usize,
    ) {
        for kem in KEMS {
            for aead in AEADS {
                ours_to_theirs(kem, aead, &request, &response, slice_size);
                theirs_to_ours(kem.0, aead.0, &request, &response, plaintext_size, slice_size);
            }
        }
    }
}

fn ours_to_theirs(
    kem: (Kem, TheirKem),
    aead: (Aead, TheirAead),
    request: &[u8],
    response: &[u8],
    slice_size: usize,
) {
    let (server, selected) = their_gateway(kem, aead);
    let mut sealed = BytesMut::new();
    let (mut sealer, expect) = start_chunked(&selected, &mut sealed, &Limits::default(), &OsRandom).unwrap();
    let (front, last) = request.split_at(request.len() - request.len().min(100));
    sealer.chunks(&mut sealed, front).unwrap();
    sealer.finish(&mut sealed, &[last]).unwrap();

    let mut reader = server.decapsulate_stream(&sealed[..]);
    let mut opened = Vec::new();
    reader.read_to_end(&mut opened).now_or_never().unwrap().unwrap();
    assert_eq!(opened, request);

    let answer = Pipe::default();
    let mut writer = reader.response(answer.clone()).unwrap();
    writer.write_all(response).now_or_never().unwrap().unwrap();
    writer.close().now_or_never().unwrap().unwrap();
    let received = receive_answer(expect, slices(&answer.take(), slice_size));
    assert_eq!(received.outcome, Ok(()));
    assert_eq!(received.plaintext(), response);
}

fn theirs_to_ours(
    kem: Kem,
    aead: Aead,
    request: &[u8],
    response: &[u8],
    plaintext_size: usize,
    slice_size: usize,
) {
    let (key, client) = our_gateway(kem, aead);
    let sealed = Pipe::default();
    let mut writer = client.encapsulate_stream(sealed.clone()).unwrap();
    for chunk in request.chunks(plaintext_size) {
        writer.write_all(chunk).now_or_never().unwrap().unwrap();
    }
    writer.close().now_or_never().unwrap().unwrap();
    let (received, reply) = receive_chunked(&[key], slices(&sealed.take(), slice_size), &Limits::default());
    assert_eq!(received.outcome, Ok(()));
    assert_eq!(received.plaintext(), request);

    if aead != Aead::Aes128Gcm {
        return; // OB-150, theirs
    }
    let mut answer = BytesMut::new();
    let mut sealer = reply.unwrap().0.start(&mut answer, &OsRandom).unwrap();
    sealer.chunks(&mut answer, response).unwrap();
    sealer.finish(&mut answer, &[]).unwrap();
    let mut opened = Vec::new();
    let mut reader = writer.response(&answer[..]).unwrap();
    reader.read_to_end(&mut opened).now_or_never().unwrap().unwrap();
    assert_eq!(opened, response);
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
