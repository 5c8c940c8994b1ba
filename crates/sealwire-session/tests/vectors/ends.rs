//! The two ends: their identities, and the documents that list them.

use super::{AUTHORITY, CLOCK, evidence::Evidence, script::Script};
use sealwire_attest::{
    KeyDocument, UnixTime,
    key_document::{CLIENT, GATEWAY, Published},
};
use sealwire_crypto::digest::sha384;
use sealwire_session::{
    Identity,
    server::{self, Once, Server},
};
use serde_json::{Value, json};
use std::{collections::HashSet, sync::Mutex, time::Duration};

/// Identity keys, and the document that lists them.
fn identity(
    evidence: &Evidence,
    role: &'static str,
    instance: [u8; 16],
    authorities: &[&str],
) -> (Identity, Published, Value) {
    let script = Script::new(format!("{role}: identity"));
    let identity = Identity::generate(true, &script).unwrap();
    let issued_at = UnixTime(CLOCK / 1000 - 60);
    let not_after = issued_at.saturating_add(Duration::from_secs(3600));
    let document = KeyDocument {
        instance,
        serial: 1,
        issued_at,
        not_after,
        role: role.to_owned(),
        authorities: authorities.iter().map(ToString::to_string).collect(),
        keys: identity.published(issued_at, not_after),
        wires: vec![sealwire_session::WIRE.to_owned()],
        suites: Default::default(),
        limits: Default::default(),
        config_digest: [0; 48],
        operator: None,
    };
    let published = evidence.publish(role, document.encode());
    let drawn = script.drawn();
    let json = json!({
        "ed25519 seed": hex::encode(&drawn[1]),
        "ml-dsa-65 seed": hex::encode(&drawn[2]),
        "slh-dsa-sha2-192f seeds": hex::encode(drawn[3..].concat()),
        "document": hex::encode(&published.document),
        "published": hex::encode(published.encode()),
    });
    (identity, published, json)
}

/// What may be used once.
#[derive(Default)]
pub(crate) struct Register(Mutex<HashSet<[u8; 16]>>);

impl Once for Register {
    fn take(&self, id: [u8; 16], _: u64, _: u64) -> bool {
        self.0.lock().unwrap().insert(id)
    }
}

pub(crate) struct Gateway {
    pub(crate) server: Server,
    pub(crate) published: Published,
    pub(crate) register: Register,
    json: Value,
}

impl Gateway {
    pub(crate) fn new(evidence: &Evidence, config: server::Config) -> Self {
        let instance = [0x11; 16];
        let (identity, published, json) = identity(evidence, GATEWAY, instance, &[AUTHORITY]);
        let server = Server::new(config, instance, identity, &Script::new("gateway: start")).unwrap();
        Self { server, published, register: Register::default(), json }
    }

    pub(crate) fn to_json(&self) -> Value {
        self.json.clone()
    }

    pub(crate) fn document_hash(&self) -> [u8; 48] {
        sha384(&[&self.published.document])
    }
}

/// A client that can attest itself.
pub(crate) struct Caller {
    pub(crate) identity: Identity,
    pub(crate) published: Published,
    json: Value,
}

impl Caller {
    pub(crate) fn new(evidence: &Evidence) -> Self {
        let (identity, published, json) = identity(evidence, CLIENT, [0x22; 16], &[]);
        Self { identity, published, json }
    }

    pub(crate) fn to_json(&self) -> Value {
        self.json.clone()
    }

    pub(crate) fn document_hash(&self) -> [u8; 48] {
        sha384(&[&self.published.document])
    }
}
