//! Both sides of exchanges, driven as their callers drive them.
#![allow(dead_code)]

pub(crate) mod forge;
pub(crate) mod vectors;

use bytes::BytesMut;
use sealwire_crypto::{
    kem::{Kem, PrivateKey},
    random::OsRandom,
};
use sealwire_hpke_http::{
    Compression, Credential, Error, Limits,
    client::{self, Event, ResponseReader, Target},
    message::{Fields, Method, RequestHead, ResponseHead},
    server::{Opened, Record, Reply, RequestBody, ResponseSealer, ServerKey, Start},
};

pub(crate) const NOW: u64 = 1_800_000_000;
pub(crate) const PSK: &[u8] = b"a pre-shared key of 32 bytes or more";

pub(crate) fn key() -> ServerKey {
    let private = PrivateKey::from_bytes(Kem::X25519, &[0x42; 32]).unwrap();
    ServerKey::new("key", private, &OsRandom).unwrap()
}

pub(crate) fn credential() -> Credential {
    Credential::new("tenant", PSK).unwrap()
}

pub(crate) fn fields(lines: &[(&str, &str)]) -> Fields {
    Fields::new(lines.iter().copied()).unwrap()
}

pub(crate) fn head(method: Method, lines: &[(&str, &str)]) -> RequestHead {
    RequestHead::new(method, "api.example.test", "/v1/items?limit=2", fields(lines)).unwrap()
}

/// Slices of these lengths in turn.
pub(crate) fn slices<'a>(mut bytes: &'a [u8], lengths: &[usize]) -> Vec<&'a [u8]> {
    let mut slices = Vec::new();
    for len in lengths.iter().cycle() {
        if bytes.is_empty() {
            break;
        }
        let (slice, rest) = bytes.split_at((*len).clamp(1, bytes.len()));
        slices.push(slice);
        bytes = rest;
    }
    slices
}

/// A request up to admission, and what was not yet read of it.
pub(crate) fn admit<'a>(
    key: &ServerKey,
    credential: Option<&Credential>,
    limits: Limits,
    now: u64,
    slices: &'a [&'a [u8]],
) -> Result<(Opened, &'a [&'a [u8]]), Error> {
    let mut start = Start::new(limits);
    let mut rest = slices;
    while !start.is_whole()? {
        let Some((slice, others)) = rest.split_first() else { break };
        start.push(slice);
        rest = others;
    }
    let preparsed = start.preparse(|id| (id == key.recipient().id()).then_some(key))?;
    let credential = credential.filter(|credential| credential.id() == preparsed.psk_id());
    let authenticated = preparsed.authenticate(credential, now)?;
    let decision = authenticated.reservation().decide(true);
    Ok((authenticated.admit(decision, now)?, rest))
}

/// The body of a request to its end.
pub(crate) fn body(mut body: RequestBody, slices: &[&[u8]]) -> Result<Vec<u8>, Error> {
    let mut content = Vec::new();
    let mut slices = slices.iter();
    loop {
        match body.next_record()? {
            Some(Record::Data(data)) => {
                assert!(!data.is_empty());
                content.extend_from_slice(&data);
            }
            Some(Record::End) => {
                assert_eq!(body.next_record(), Ok(None));
                return Ok(content);
            }
            None => match slices.next() {
                Some(slice) => body.push(slice),
                None => body.end(),
            },
        }
    }
}

/// A whole request.
pub(crate) struct Received {
    pub(crate) head: RequestHead,
    pub(crate) content: Vec<u8>,
    pub(crate) reply: Reply,
}

impl std::fmt::Debug for Received {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Received").field(&self.head).finish()
    }
}

pub(crate) fn receive(
    key: &ServerKey,
    credential: Option<&Credential>,
    limits: Limits,
    now: u64,
    slices: &[&[u8]],
) -> Result<Received, Error> {
    let (opened, rest) = admit(key, credential, limits, now, slices)?;
    Ok(Received { head: opened.head, content: body(opened.body, rest)?, reply: opened.reply })
}

/// What a whole answer holds: the head and the pieces of its body.
pub(crate) type Answer = (ResponseHead, Vec<Vec<u8>>);

pub(crate) fn read(mut reader: ResponseReader, slices: &[&[u8]]) -> Result<Answer, Error> {
    let (mut head, mut pieces) = (None, Vec::new());
    let mut slices = slices.iter();
    loop {
        match reader.next_event()? {
            Some(Event::Head(found)) => assert!(head.replace(found).is_none()),
            Some(Event::Data(data)) => pieces.push(data.to_vec()),
            Some(Event::End) => {
                assert_eq!(reader.next_event(), Ok(None));
                return Ok((head.unwrap(), pieces));
            }
            None => match slices.next() {
                Some(slice) => reader.push(slice),
                None => reader.end(),
            },
        }
    }
}

/// A whole answer with these pieces: one body, or the blocks of an event stream.
pub(crate) fn answer(
    reply: Reply,
    status: u16,
    lines: &[(&str, &str)],
    pieces: &[&[u8]],
) -> Result<BytesMut, Error> {
    let mut out = BytesMut::new();
    match reply.start(status, fields(lines), &mut out, &OsRandom)? {
        ResponseSealer::Finite(sealer) => sealer.finish(&mut out, pieces)?,
        ResponseSealer::EventStream(mut sealer) => {
            for piece in pieces {
                sealer.write(&mut out, piece)?;
            }
            sealer.finish(&mut out)?;
        }
    }
    Ok(out)
}

/// A request of our client, and what opens the answer.
pub(crate) fn seal(
    head: &RequestHead,
    parts: &[&[u8]],
    compression: Compression,
) -> (BytesMut, ResponseReader) {
    let (key, credential) = (key(), credential());
    let target = Target { recipient: key.recipient(), credential: &credential };
    let mut out = BytesMut::new();
    let (sealer, reader) = client::start(target, head, &Limits::default(), NOW, &OsRandom, &mut out).unwrap();
    let mut sealer = sealer.compressed(compression);
    for part in parts {
        sealer.data(&mut out, part).unwrap();
    }
    sealer.finish(&mut out).unwrap();
    (out, reader)
}

/// What the server of these tests makes of a whole request.
pub(crate) fn receive_whole(sealed: &[u8]) -> Result<Received, Error> {
    receive(&key(), Some(&credential()), Limits::default(), NOW, &[sealed])
}
