//! The releases 1.x: known messages in both directions, what a careful server does, and hostile input.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used, clippy::panic)]

mod adversary;
mod known;
mod policy;
#[path = "../common/vectors.rs"]
mod vectors;

use bytes::BytesMut;
use http::{HeaderMap, HeaderName, HeaderValue};
use sealwire_crypto::{
    kem::{Kem, PrivateKey},
    random::OsRandom,
};
use sealwire_hpke_http::legacy::{
    Credential, Error, Limits, client,
    server::{Data, Opened, Preparsed, Reply, RequestBody, ResponseSealer, ServerKey},
};

const PSK: &[u8] = b"a pre-shared key of 32 bytes or more";

fn key() -> ServerKey {
    ServerKey::new(PrivateKey::from_bytes(Kem::X25519, &[0x42; 32]).unwrap()).unwrap()
}

fn credential() -> Credential {
    Credential::new("tenant", PSK).unwrap()
}

fn headers(lines: &[(&str, &str)]) -> HeaderMap {
    let line = |(name, value): &(&str, &str)| {
        (HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap())
    };
    lines.iter().map(line).collect()
}

/// A request up to the register's admission.
fn open(
    key: &ServerKey,
    credential: &Credential,
    headers: &HeaderMap,
    limits: &Limits,
    slices: &[&[u8]],
) -> Result<(Vec<u8>, Reply), Error> {
    let mut claimed = Preparsed::new(headers)?.claim(key, credential, limits)?;
    let mut slices = slices.iter();
    while !claimed.is_proven()? {
        match slices.next() {
            Some(slice) => claimed.push(slice),
            None => claimed.end(),
        }
    }
    let Opened { body, reply } = claimed.prove()?.admit(true)?;
    Ok((read(body, slices)?, reply))
}

fn read<'a>(mut body: RequestBody, mut slices: impl Iterator<Item = &'a &'a [u8]>) -> Result<Vec<u8>, Error> {
    let mut content = Vec::new();
    loop {
        match body.next_data()? {
            Some(Data::Data(data)) => content.extend_from_slice(&data),
            Some(Data::End) => {
                assert_eq!(body.next_data(), Ok(None));
                return Ok(content);
            }
            None => match slices.next() {
                Some(slice) => body.push(slice),
                None => body.end(),
            },
        }
    }
}

fn read_answer(mut reader: client::ResponseReader, slices: &[&[u8]]) -> Result<Vec<Vec<u8>>, Error> {
    let mut pieces = Vec::new();
    let mut slices = slices.iter();
    loop {
        match reader.next_data()? {
            Some(client::Data::Data(data)) => pieces.push(data.to_vec()),
            Some(client::Data::End) => {
                assert_eq!(reader.next_data(), Ok(None));
                return Ok(pieces);
            }
            None => match slices.next() {
                Some(slice) => reader.push(slice),
                None => reader.end(),
            },
        }
    }
}

/// A request of our client.
fn seal(content: &[u8]) -> (HeaderMap, BytesMut, client::AwaitedAnswer) {
    let mut started = client::start(key().public_key(), &credential(), None, &OsRandom).unwrap();
    let mut out = BytesMut::new();
    let (whole, rest) = content.split_at(content.len() / 2);
    started.body.data(&mut out, whole).unwrap();
    started.body.finish(&mut out, rest).unwrap();
    (started.headers, out, started.answer)
}

/// An answer with these fields and pieces, and what its client needs of them.
fn answer(reply: Reply, content_type: &'static str, pieces: &[&[u8]]) -> (HeaderMap, BytesMut) {
    let is_events = sealwire_hpke_http::legacy::is_event_stream(content_type);
    let (stream, sealer) = reply.start(is_events, &OsRandom).unwrap();
    let mut fields = headers(&[("content-type", content_type)]);
    fields.insert(sealwire_hpke_http::legacy::name::STREAM, stream);
    let mut out = BytesMut::new();
    match sealer {
        ResponseSealer::Chunks(mut sealer) => {
            for piece in pieces {
                sealer.data(&mut out, piece).unwrap();
            }
            sealer.finish(&mut out, b"").unwrap();
        }
        ResponseSealer::Events(mut sealer) => {
            for piece in pieces {
                sealer.write(&mut out, piece).unwrap();
            }
            sealer.finish(&mut out).unwrap();
        }
    }
    (fields, out)
}
