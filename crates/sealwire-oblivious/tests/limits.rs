//! OB-70: every limit that is enforced here, at the limit and one past it. (Those of Binary HTTP are tested with its codec; the two times
//! are enforced where there is a clock.)
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used, clippy::panic)]

mod common;

use bytes::BytesMut;
use common::{Seeded, pair, receive_answer, receive_chunked, receive_single, suite};
use sealwire_crypto::{aead::Aead, kem::Kem};
use sealwire_message::chunk::Error as ChunkError;
use sealwire_oblivious::{
    AES_GCM_MESSAGE, Error, Limits,
    client::{seal_single, seal_single_in_place, single_buffer, start_chunked},
    config::{encode_list, parse_list},
    gateway::GatewayKey,
};
use std::{slice, time::Duration};

#[test]
fn defaults() {
    let limits = Limits::default();
    assert_eq!(limits.single_request, 1024 * 1024);
    assert_eq!(limits.single_response, 8 * 1024 * 1024);
    assert_eq!(limits.chunk.message, 1024 * 1024 * 1024);
    assert_eq!(limits.chunk.received_chunk, 65536); // OB-22: at least 16384
    assert_eq!(limits.chunk.sent_chunk, 16384); // OB-22
    assert_eq!(limits.chunk.chunks, 1 << 24);
    assert_eq!(limits.bhttp.control_data, 8 * 1024);
    assert_eq!((limits.bhttp.section, limits.bhttp.fields), (64 * 1024, 256));
    assert_eq!((limits.bhttp.name, limits.bhttp.value), (256, 16 * 1024));
    assert_eq!(limits.bhttp.informational, 16);
    assert_eq!(limits.bhttp.padding, 1024 * 1024);
    assert_eq!((limits.configs, limits.config_list), (16, 64 * 1024));
    assert_eq!(limits.header_time, Duration::from_secs(10));
    assert_eq!(limits.idle_time, Duration::from_secs(60));
}

#[test]
fn single_shot() {
    let (key, to) = pair(Kem::X25519, Aead::Aes128Gcm, 70);
    let keys = slice::from_ref(&key);
    let limits = Limits::default();
    let wide = Limits { single_request: usize::MAX, single_response: usize::MAX, ..limits };
    let random = Seeded::new(71);
    let at = vec![1; limits.single_request];
    let past = vec![1; limits.single_request + 1];

    // Both sides refuse: the client to send, the gateway from the length alone.
    let (sealed, _) = seal_single(&to, &at, &limits, &random).unwrap();
    assert_eq!(receive_single(keys, &sealed, &limits).unwrap().plaintext.len(), at.len());
    assert_eq!(seal_single(&to, &past, &limits, &random).err(), Some(Error::RequestTooLong));
    let mut buffer = single_buffer(&to, past.len());
    buffer.extend_from_slice(&past);
    let outcome = seal_single_in_place(&to, buffer, &limits, &random);
    assert_eq!(outcome.err(), Some(Error::RequestTooLong));
    let (sealed, _) = seal_single(&to, &past, &wide, &random).unwrap();
    assert_eq!(receive_single(keys, &sealed, &limits).err(), Some(Error::RequestTooLong));

    for (len, want) in
        [(limits.single_response, None), (limits.single_response + 1, Some(Error::ResponseTooLong))]
    {
        let message = vec![2; len];
        let (sealed, expect) = seal_single(&to, b"", &limits, &random).unwrap();
        let seal = |limits: &Limits| {
            let reply = receive_single(keys, &sealed, limits).unwrap().reply;
            let mut buffer = reply.buffer(len);
            buffer.extend_from_slice(&message);
            reply.seal(buffer, &random)
        };
        assert_eq!(seal(&limits).err(), want);
        assert_eq!(expect.open(seal(&wide).unwrap()).err(), want);
    }
}

/// OB-22, OB-112: one chunk, sent and received; the length alone is enough to refuse.
#[test]
fn one_chunk() {
    let (key, to) = pair(Kem::X25519, Aead::Aes128Gcm, 72);
    let limits = Limits::default();
    let mut wide = limits;
    wide.chunk.sent_chunk = usize::MAX;
    let random = Seeded::new(73);

    let mut out = BytesMut::new();
    let (mut sealer, _) = start_chunked(&to, &mut out, &limits, &random).unwrap();
    assert_eq!(sealer.max_chunk(), limits.chunk.sent_chunk);
    sealer.chunk(&mut out, &[&vec![0; limits.chunk.sent_chunk]]).unwrap();
    let outcome = sealer.chunk(&mut out, &[&vec![0; limits.chunk.sent_chunk + 1]]);
    assert_eq!(outcome, Err(ChunkError::ChunkTooLong));

    for (len, want) in [
        (limits.chunk.received_chunk, Ok(())),
        (limits.chunk.received_chunk + 1, Err(Error::Chunk(ChunkError::ChunkTooLong))),
    ] {
        let mut sealed = BytesMut::new();
        let (mut sealer, _) = start_chunked(&to, &mut sealed, &wide, &random).unwrap();
        let start = sealed.len();
        sealer.chunk(&mut sealed, &[&vec![0; len]]).unwrap();
        let length_only = sealed[..start + 4].to_vec();
        sealer.finish(&mut sealed, &[]).unwrap();
        let (received, _) = receive_chunked(slice::from_ref(&key), [&sealed[..]], &limits);
        assert_eq!(received.outcome, want);
        let (received, _) = receive_chunked(slice::from_ref(&key), [&length_only[..]], &limits);
        assert_eq!(received.outcome, want.and(Err(Error::Chunk(ChunkError::Truncated))));

        // The final chunk has no length; it is held to the same limit.
        let mut sealed = BytesMut::new();
        let (sealer, _) = start_chunked(&to, &mut sealed, &wide, &random).unwrap();
        sealer.finish(&mut sealed, &[&vec![0; len]]).unwrap();
        let (received, _) = receive_chunked(slice::from_ref(&key), [&sealed[..]], &limits);
        assert_eq!(received.outcome, want);
    }
}

/// OB-114: chunks and bytes of one message, in both directions.
#[test]
fn one_message() {
    let (key, to) = pair(Kem::X25519, Aead::Aes128Gcm, 74);
    let keys = slice::from_ref(&key);
    let random = Seeded::new(75);
    let wide = Limits::default();
    let mut few = wide;
    few.chunk.chunks = 3;
    let mut short = wide;
    short.chunk.message = 12;
    let cases = [
        // The final chunk counts as one.
        (few, 2, Ok(())),
        (few, 3, Err(ChunkError::TooManyChunks)),
        (short, 3, Ok(())),
        (short, 4, Err(ChunkError::MessageTooLong)),
    ];
    for (limits, count, want) in cases {
        let outcome = want.map_err(Error::Chunk);
        let send = |limits: &Limits| {
            let mut out = BytesMut::new();
            let (mut sealer, expect) = start_chunked(&to, &mut out, limits, &random).unwrap();
            for _ in 0..count {
                if let Err(error) = sealer.chunk(&mut out, &[b"four"]) {
                    return (Err(error), out, expect);
                }
            }
            (sealer.finish(&mut out, &[]), out, expect)
        };
        assert_eq!(send(&limits).0, want);
        let (sent, request, _) = send(&wide);
        sent.unwrap();
        let (received, _) = receive_chunked(keys, [&request[..]], &limits);
        assert_eq!(received.outcome, outcome);
        assert!(!received.outcome.is_err_and(|error| error.is_key_error()));

        // The answer.
        let mut request = BytesMut::new();
        let (sealer, expect) = start_chunked(&to, &mut request, &limits, &random).unwrap();
        sealer.finish(&mut request, &[]).unwrap();
        let (_, reply) = receive_chunked(keys, [&request[..]], &wide);
        let mut answer = BytesMut::new();
        let mut sealer = reply.unwrap().0.start(&mut answer, &random).unwrap();
        for _ in 0..count {
            sealer.chunk(&mut answer, &[b"four"]).unwrap();
        }
        sealer.finish(&mut answer, &[]).unwrap();
        assert_eq!(receive_answer(expect, [&answer[..]]).outcome, outcome);
    }
}

/// OB-29: under AES-GCM a message ends at 1 GiB, also where the limit was raised; ChaCha20-Poly1305 has no such bound.
#[test]
fn aes_gcm() {
    let mut limits = Limits::default();
    limits.chunk.message = u64::MAX;
    limits.chunk.sent_chunk = 1 << 24;
    assert_eq!(AES_GCM_MESSAGE, 1 << 30);
    let chunk = vec![0; limits.chunk.sent_chunk];
    let past = Err(ChunkError::MessageTooLong);
    for (aead, want) in [(Aead::Aes128Gcm, past), (Aead::Aes256Gcm, past), (Aead::ChaCha20Poly1305, Ok(()))] {
        let (_, to) = pair(Kem::X25519, aead, 76);
        let mut out = BytesMut::new();
        let (mut sealer, _) = start_chunked(&to, &mut out, &limits, &Seeded::new(77)).unwrap();
        for _ in 0..AES_GCM_MESSAGE / chunk.len() {
            out.clear();
            sealer.chunk(&mut out, &[&chunk]).unwrap();
        }
        assert_eq!(sealer.chunk(&mut out, &[b"."]), want, "{aead:?}");
    }
}

#[test]
fn key_list() {
    let limits = Limits::default();
    let count = |list: &[u8]| parse_list(list, &limits).map(|configs| configs.len());
    let config = |id: u8| {
        GatewayKey::generate(id, Kem::X25519, &[suite(Aead::Aes128Gcm)], &Seeded::new(id.into()))
            .unwrap()
            .config()
            .clone()
    };
    let configs: Vec<_> = (0..=limits.configs as u8).map(config).collect();
    assert_eq!(count(&encode_list(&configs[..limits.configs])), Ok(16));
    assert_eq!(count(&encode_list(&configs)), Err(Error::TooManyConfigs));

    // Configs of an unknown KEM count, and can be of any length.
    let unknown = |id: u8, len: usize| {
        let mut out = u16::try_from(len).unwrap().to_be_bytes().to_vec();
        out.extend_from_slice(&[id, 0x77, 0x77]);
        out.resize(2 + len, 0);
        out
    };
    let many: Vec<u8> = (0..=limits.configs as u8).flat_map(|id| unknown(id, 3)).collect();
    assert_eq!(count(&many[..5 * limits.configs]), Ok(0));
    assert_eq!(count(&many), Err(Error::TooManyConfigs));
    let at = [unknown(1, 60_000), unknown(2, limits.config_list - 60_004)].concat();
    assert_eq!((at.len(), count(&at)), (limits.config_list, Ok(0)));
    let past = [unknown(1, 60_000), unknown(2, limits.config_list - 60_003)].concat();
    assert_eq!(count(&past), Err(Error::ListTooLong));
}
