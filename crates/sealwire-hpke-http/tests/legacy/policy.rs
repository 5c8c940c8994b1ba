//! What a careful server does with requests that the released one takes, or takes wrongly (HH-107).

use super::{credential, headers, key, seal, vectors};
use http::{HeaderMap, Method};
use sealwire_crypto::kem::{Kem, PrivateKey};
use sealwire_hpke_http::legacy::{
    Credential, Error, Limits, is_whole_json, name,
    server::{Opened, Preparsed, ServerKey},
};
use serde_json::Value;
use std::collections::HashSet;
use vectors::{bytes, load, text};

/// A server as the crate's types lead to it: a register, and routes that take no methods without a body.
struct Server {
    key: ServerKey,
    credential: Credential,
    seen: HashSet<[u8; 32]>,
}

impl Server {
    fn answer(&mut self, method: &Method, headers: &HeaderMap, body: &[u8]) -> u16 {
        match self.serve(method, headers, body) {
            Ok(()) => 200,
            Err(error) => error.status(),
        }
    }

    fn serve(&mut self, method: &Method, headers: &HeaderMap, body: &[u8]) -> Result<(), Error> {
        let preparsed = Preparsed::new(headers)?;
        let mut claimed = preparsed.claim(&self.key, &self.credential, &Limits::default())?;
        if [Method::GET, Method::HEAD, Method::DELETE, Method::OPTIONS].contains(method) && body.is_empty() {
            // HH-91: nothing can be proven, and this route asks for proof.
            return Err(Error::Unsealed);
        }
        claimed.push(body);
        claimed.end();
        let pending = claimed.prove()?;
        let is_first = self.seen.insert(*pending.replay_id());
        let Opened { body, .. } = pending.admit(is_first)?;
        let mut ended = body;
        ended.end();
        let content = super::read(ended, std::iter::empty())?;
        let content_type = headers.get(name::CONTENT_TYPE).map(|value| value.as_bytes());
        if content_type == Some(b"application/json") && !is_whole_json(&content) {
            return Err(Error::Truncated);
        }
        Ok(())
    }
}

// HH-91, HH-92, HH-95, HH-96, HH-97, HH-107: every case, by what the file requires of it.
#[test]
fn cases() {
    let Some(vectors) = load("v1-policy.json") else { return };
    let server = || Server {
        key: ServerKey::new(
            PrivateKey::from_bytes(Kem::X25519, &bytes(&vectors, "recipient_private_key")).unwrap(),
        )
        .unwrap(),
        credential: Credential::new(bytes(&vectors, "psk_id"), &bytes(&vectors, "psk")).unwrap(),
        seen: HashSet::new(),
    };
    for case in vectors["cases"].as_array().unwrap() {
        let id = text(case, "id");
        let method = Method::from_bytes(text(case, "method").as_bytes()).unwrap();
        let fields = case["headers"].as_object().unwrap();
        let lines: Vec<_> =
            fields.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap())).collect();
        let (fields, body) = (headers(&lines), bytes(case, "body"));
        let mut server = server();
        if ["HP-04", "HP-05"].contains(&id) {
            // The same envelope came before, on /a.
            assert_eq!(server.answer(&Method::POST, &fields, &body), 200, "{id}");
        }
        let status = server.answer(&method, &fields, &body);
        assert!(required(case).contains(&status), "{id}: {status}");
    }
}

/// The statuses that a case allows: all that its words name.
fn required(case: &Value) -> Vec<u16> {
    let words = text(case, "required").split(|c: char| !c.is_ascii_digit());
    words.filter_map(|word| word.parse().ok()).filter(|status| (400..500).contains(status)).collect()
}

// HH-91: without a chunk there is no caller, whatever the fields say.
#[test]
fn made_up_fields_prove_nothing() {
    let (fields, body, _) = seal(b"");
    let claim = |fields: &HeaderMap| {
        Preparsed::new(fields).unwrap().claim(&key(), &credential(), &Limits::default()).unwrap()
    };
    let mut claimed = claim(&fields);
    assert_eq!(claimed.is_proven(), Ok(false));
    claimed.end();
    assert_eq!(claimed.is_proven(), Err(Error::Unproven));
    assert_eq!(claim(&fields).prove().err(), Some(Error::Unproven));
    // An empty body of our client has a chunk, which proves it.
    let mut claimed = claim(&fields);
    claimed.push(&body);
    assert_eq!(claimed.is_proven(), Ok(true));
    // No salt, no body.
    let mut unsalted = fields;
    unsalted.remove(name::STREAM);
    let mut claimed = claim(&unsalted);
    claimed.push(&body);
    assert_eq!(claimed.is_proven(), Err(Error::Field));
    assert!(claimed.anonymous().admit(true).is_ok());
}

// HH-93
#[test]
fn a_key_is_not_its_own_id() {
    let psk = [7; 32];
    assert_eq!(Credential::new(psk.to_vec(), &psk).err(), Some(Error::Credential));
    assert_eq!(Credential::new("", &psk).err(), Some(Error::Credential));
    assert_eq!(Credential::new(vec![1; 129], &psk).err(), Some(Error::Credential));
    assert_eq!(Credential::new("a", &psk[1..]).err(), Some(Error::Credential));
    assert!(Credential::new(vec![1; 128], &psk).is_ok());
}
