#![no_main]
//! Requests of hpke-http 1.x at the server. The first byte chooses what the body says that it is compressed with; what
//! follows comes as it is, and as the content of chunks that authenticate.

use bytes::BytesMut;
use http::HeaderValue;
use libfuzzer_sys::fuzz_target;
use sealwire_crypto::kem::{Kem, PrivateKey};
use sealwire_fuzz::{Fixed, divisions};
use sealwire_hpke_http::legacy::server::{Data, Preparsed, ServerKey};
use sealwire_hpke_http::legacy::{Credential, Error, Limits, client, is_whole_json, name};

const LIMITS: Limits = Limits { request: 100_000, response: 5000, event: 500, ratio: 20 };

fn open<'a>(
    headers: &http::HeaderMap,
    key: &ServerKey,
    credential: &Credential,
    mut slices: impl Iterator<Item = &'a [u8]>,
) -> Result<Vec<u8>, Error> {
    let mut claimed = Preparsed::new(headers)?.claim(key, credential, &LIMITS)?;
    while !claimed.is_proven()? {
        match slices.next() {
            Some(slice) => claimed.push(slice),
            None => claimed.end(),
        }
    }
    let mut body = claimed.prove()?.admit(true)?.body;
    let mut content = Vec::new();
    loop {
        match body.next_data()? {
            Some(Data::Data(data)) => content.extend_from_slice(&data),
            Some(Data::End) => return Ok(content),
            None => match slices.next() {
                Some(slice) => body.push(slice),
                None => body.end(),
            },
        }
    }
}

fuzz_target!(|input: &[u8]| {
    let Some((choice, input)) = input.split_first() else { return };
    let key = PrivateKey::from_bytes(Kem::X25519, &[0x24; 32]).expect("32 bytes are a scalar");
    let key = ServerKey::new(key).expect("a key of X25519");
    let credential = Credential::new("tenant", &[7; 32]).expect("of 32 bytes");
    let mut started =
        client::start(key.public_key(), &credential, None, &Fixed).expect("fixed randomness is some");
    let encoding = match choice % 3 {
        0 => None,
        1 => Some("zstd"),
        _ => Some("gzip"),
    };
    if let Some(encoding) = encoding {
        started.headers.insert(name::ENCODING, HeaderValue::from_static(encoding));
    }
    let mut sealed = BytesMut::new();
    for part in input.chunks(usize::from(choice / 3).max(1) * 16) {
        started.body.data(&mut sealed, part).expect("not used up");
    }
    started.body.finish(&mut sealed, b"").expect("not used up");

    for message in [input, &sealed] {
        let [whole, small] =
            divisions(message).map(|slices| open(&started.headers, &key, &credential, slices));
        assert_eq!(whole, small, "the division of the input changes the result");
        if let Ok(content) = whole {
            assert!(content.len() as u64 <= LIMITS.request);
            let _ = is_whole_json(&content);
        }
    }
    if encoding.is_none() {
        let found = open(&started.headers, &key, &credential, sealed.chunks(sealed.len()));
        assert_eq!(found.is_err(), input.len() as u64 > LIMITS.request);
    }
    if let Ok(value) = HeaderValue::from_bytes(input) {
        for field in [name::ENC, name::STREAM, name::PSK_ID, name::ENCODING] {
            let mut headers = started.headers.clone();
            headers.insert(field, value.clone());
            let _ = Preparsed::new(&headers);
        }
    }
});
