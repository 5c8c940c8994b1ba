//! Envelopes of the vectors, and a sender and a service that many tests are about.

use sealwire_envelope::{
    Algorithm, Body, Envelope, Header, Message, Proof, Reason, Rules, Signature,
    encoding::{Options, json},
    key::{KeyRecord, Keyring, PrivateKey, PublicKey, SharedSecret, Signer, Use, Uses},
};
use serde_json::Value;

/// The clock of the vectors.
pub(crate) const NOW: i64 = 1_712_500_000_000;

/// An envelope of a vector, read without any of the checks that decoders make.
pub(crate) fn typed(value: &Value) -> Envelope {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let (header, body) = (&value["header"], &value["body"]);
    let signature = &value["signature"];
    Envelope {
        header: Header {
            version: text(&header["version"]).unwrap(),
            message_id: text(&header["messageId"]).unwrap(),
            timestamp_ms: header["timestampMs"].as_i64().unwrap(),
            ttl_ms: header["ttlMs"].as_i64().unwrap(),
            sender: text(&header["sender"]).unwrap(),
            recipient: text(&header["recipient"]),
            nonce: text(&header["nonce"]).unwrap(),
        },
        body: Body {
            intent: text(&body["intent"]).unwrap(),
            content: text(&body["content"]).unwrap(),
            capability: text(&body["capability"]),
            correlation_id: text(&body["correlationId"]),
        },
        proof: signature.is_object().then(|| {
            Proof::Signature(Signature {
                alg: text(&signature["alg"]).unwrap(),
                key_id: text(&signature["keyId"]).unwrap(),
                value: text(&signature["value"]).unwrap(),
            })
        }),
    }
}

/// An envelope of a vector, through the decoder.
pub(crate) fn decoded(value: &Value) -> Result<Envelope, Reason> {
    Ok(json::decode(value.to_string().as_bytes(), &Options::default())?)
}

/// The name of a refusal, or `accept`.
pub(crate) fn outcome<T>(result: &Result<T, Reason>) -> String {
    match result {
        Ok(_) => "accept".to_owned(),
        Err(reason) => reason.to_string(),
    }
}

pub(crate) fn ed25519(seed: u8) -> PrivateKey {
    PrivateKey::from_seed(Algorithm::Ed25519, &[seed; 32]).unwrap()
}

pub(crate) fn public(seed: u8) -> PublicKey {
    ed25519(seed).public_key().unwrap()
}

/// `alice`, who signs for everything with key `k1`.
pub(crate) fn alice() -> Signer {
    Signer::private("alice", "k1", ed25519(1)).unwrap().with_uses(Uses::from_iter(Use::ALL))
}

/// The keys of alice and of `service`.
pub(crate) fn keys() -> Keyring {
    let mut keys = Keyring::new();
    for (name, seed) in [("alice", 1), ("service", 2)] {
        let record = KeyRecord::public(name, "k1", public(seed)).unwrap();
        keys.insert(record.with_uses(Uses::from_iter(Use::ALL))).unwrap();
    }
    keys
}

/// `service`, which answers with key `k1`.
pub(crate) fn service() -> Signer {
    Signer::private("service", "k1", ed25519(2)).unwrap().with_uses(Uses::from_iter(Use::ALL))
}

/// What the service takes.
pub(crate) fn rules() -> Rules {
    Rules::new("service")
}

/// A message of alice's to the service.
pub(crate) fn message(content: &str) -> Message<'_> {
    Message {
        recipient: Some("service"),
        intent: "TASK",
        content,
        capability: None,
        correlation_id: None,
        ttl_ms: 60_000,
    }
}

/// A secret of alice's and the service's.
pub(crate) fn secret() -> SharedSecret {
    SharedSecret::new("a secret of no less than thirty-two bytes")
}
