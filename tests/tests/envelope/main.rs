//! Envelopes beside the published packages, in both directions (EN-117): the package for Python, in an environment of its
//! own, and the crate.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used, clippy::panic)]

mod krate;
mod python;

use sealwire_crypto::random::OsRandom;
use sealwire_envelope::{
    Algorithm, Authentic, Envelope, Message, Reason, Rules,
    binding::http::{Content, Coverage, Field, Request, RequestMessage, Route, sign_request, to_field},
    encoding::{Options, json},
    key::{KeyRecord, Keyring, PrivateKey, PublicKey, Require, SharedSecret, Signer, Use, Uses},
    validate::MAX_TTL_MS,
};
use std::time::{SystemTime, UNIX_EPOCH};

const SECRET: &str = "thirty-two bytes of a shared secret, at the very least";

/// What a string has to survive: every kind of escape, and everything that is none.
const TEXT: &str = "a\"b\\c/d\u{8}\u{c}\n\r\t\u{1}\u{1f}\u{7f}é\u{2028}\u{2029}<&>\u{feff}😀e\u{301}";

/// Payloads that all published peers write alike (EN-46).
const PORTABLE: [&str; 3] = [r#"{"a":1,"b":2}"#, r#"{"list":[true,null,"x"],"n":-5}"#, "{}"];

fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

fn private() -> PrivateKey {
    PrivateKey::from_seed(Algorithm::Ed25519, &[3; 32]).unwrap()
}

fn private_text() -> String {
    private().to_text().unwrap().to_string()
}

fn public() -> PublicKey {
    private().public_key().unwrap()
}

fn all() -> Uses {
    Use::ALL.into_iter().collect()
}

fn signer() -> Signer {
    Signer::private("agent.a", "k1", private()).unwrap().with_uses(all())
}

fn secret_signer() -> Signer {
    Signer::secret("agent.a", "agent.b", "h1", SharedSecret::new(SECRET)).unwrap().with_uses(all())
}

/// The key of `agent.a`, whatever the peer calls it (EN-06), and a secret.
fn keys() -> Keyring {
    let mut keys = Keyring::new();
    keys.insert(KeyRecord::public("agent.a", "k1", public()).unwrap().with_uses(all())).unwrap();
    keys.insert(KeyRecord::secret("agent.a", "agent.b", "h1", SharedSecret::new(SECRET)).unwrap()).unwrap();
    keys.allow_any_key_id("agent.a");
    keys
}

fn rules() -> Rules {
    Rules::new("agent.b").with_require(Require::Any).with_max_ttl_ms(MAX_TTL_MS)
}

fn signed_by(signer: &Signer, content: &str) -> Envelope {
    let message = Message {
        recipient: Some("agent.b"),
        intent: "TASK",
        content,
        capability: Some("task.plan"),
        correlation_id: Some("c-1"),
        ttl_ms: 60_000,
    };
    message.signed(signer, Use::Envelope, now(), &OsRandom).unwrap()
}

fn verify(text: &str) -> Result<Authentic, Reason> {
    let envelope = json::decode(text.as_bytes(), &Options::default())?;
    Authentic::verify(envelope, Use::Envelope, &rules(), &keys(), now())
}

fn request<'a>(fields: &'a [Field<'a>]) -> Request<'a> {
    Request {
        method: "POST",
        scheme: "https",
        authority: "b.example",
        target: "/v1/pay?x=1",
        fields,
        content: Content::of(b"{}"),
    }
}

/// The field of a request with a binding, which peers take for any other envelope.
fn bound_request() -> String {
    let coverage = Coverage::default();
    let message =
        RequestMessage { recipient: "agent.b", ttl_ms: 60_000, capability: None, coverage: &coverage };
    let envelope = sign_request(&request(&[]), &message, &signer(), now(), &OsRandom).unwrap();
    to_field(&envelope, &Options::default()).unwrap()
}

fn unbound() -> Route {
    let mut route = Route::new("agent.b");
    route.unbound = true;
    route
}
