//! What the status page shows.

use super::{far::Far, problem, proxy::Counters, websocket::Sockets};
use http::Uri;
use sealwire_attest::{UnixTime, key_document::Age};
use sealwire_client::{Refusal, SealedWith, Status, pinned, ra_tunnel};
use sealwire_crypto::{aead::Aead, kem::Kem, kx::Group};
use sealwire_http::{client::oblivious::Form, session::Scheme};
use serde_json::{Value, json};
use std::{
    net::SocketAddr,
    sync::{Arc, atomic::Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

/// Reads the state of a running proxy.
#[derive(Clone)]
pub(super) struct View<C> {
    address: SocketAddr,
    to: String,
    relay: Option<String>,
    connector: C,
    counters: Arc<Counters>,
    sockets: Arc<Sockets>,
}

impl<C: Far> View<C> {
    pub(super) fn new(
        to: &Uri,
        relay: Option<&Uri>,
        address: SocketAddr,
        connector: C,
        counters: Arc<Counters>,
        sockets: Arc<Sockets>,
    ) -> Self {
        let (to, relay) = (to.to_string(), relay.map(ToString::to_string));
        Self { address, to, relay, connector, counters, sockets }
    }

    /// `/status.json`. Its member names are stable.
    pub(super) fn json(&self) -> Value {
        let mut status = self.connector.describe();
        let own = [
            ("/listen", json!(format!("http://{}", self.address))),
            ("/to", json!(self.to)),
            ("/relay", json!(self.relay)),
            ("/channel/websockets", json!(self.sockets.open())),
            ("/counts/not-let-in", json!(self.counters.refused.load(Ordering::Relaxed))),
            ("/counts/not-possible", json!(self.counters.impossible.load(Ordering::Relaxed))),
        ];
        for (place, value) in own {
            // Where the far side has no such thing, neither has the proxy.
            if let Some(member) = status.pointer_mut(place) {
                *member = value;
            }
        }
        status
    }
}

/// An attested gateway. Members that are the proxy's to know are empty.
pub(super) fn attested(status: &Status) -> Value {
    let acceptance = &status.acceptance;
    let (document, claims) = (acceptance.document.get(), acceptance.claims.get());
    let age = match acceptance.age {
        Age::SelfAsserted(age) => json!({ "known": "self-asserted", "seconds-then": age.as_secs() }),
        age => json!({ "known": age.name() }),
    };
    let counts = status.counts;
    json!({
        "state": if status.refused.is_some() { "refused" } else { "attested" },
        "attested": true,
        "development": claims.development,
        "listen": null,
        "authority": status.authority,
        "to": null,
        "relay": null,
        "wire": wire(&status.sealed_with, status.form),
        "verified": {
            "at": time(status.accepted_at),
            "used-until": status.expires.to_string(),
            "age": age,
            "verdict": acceptance.document.verdict(),
        },
        "document": {
            "instance": hex::encode(document.instance),
            "serial": document.serial,
            "issued-at": document.issued_at.to_string(),
            "not-after": document.not_after.to_string(),
            "authorities": document.authorities,
            "wires": document.wires,
            "config-digest": format!("sha384:{}", hex::encode(document.config_digest)),
        },
        "channel": channel(status),
        "counts": {
            "requests": counts.requests,
            "failed": counts.failed,
            "resent": counts.resent,
            "date-corrected": counts.redated,
            "renewals": counts.renewals,
            "failed-renewals": counts.failed_renewals,
            "resumptions": counts.resumptions,
            "early-data": counts.early,
            "channels": counts.channels,
            "websockets": counts.websockets,
            "grpc-calls": counts.grpc,
            "not-let-in": null,
            "not-possible": null,
        },
        "revocation-list": status.revocation.as_ref().map(|list| json!({
            "serial": list.serial,
            "next-update": list.next_update.to_string(),
            "trouble": list.trouble,
        })),
        "refused": status.refused.as_ref().map(|denial| problem::reasons(&denial.reasons)),
        "refusals": status.refusals.iter().map(refusal).collect::<Vec<_>>(),
    })
}

/// A server by a pinned key, of which nothing is verified.
pub(super) fn pinned(status: &pinned::Status) -> Value {
    let id = &status.key.id;
    json!({
        "state": "pinned",
        "attested": false,
        "notice": "the key is one that the user gave: nothing proves what runs behind it",
        "listen": null,
        "authority": status.authority,
        "to": null,
        "relay": null,
        "wire": {
            "name": status.wire,
            "key-id": (!id.is_empty()).then(|| id.escape_ascii().to_string()),
            "public-key": hex::encode(status.key.public_key),
        },
        "channel": null,
        "counts": {
            "requests": status.requests,
            "failed": status.failed,
            "resent": status.resent,
            "not-let-in": null,
            "not-possible": null,
        },
    })
}

/// A server of version 0 of the RA tunnel: its quote is verified, and there is no document.
pub(super) fn tunnel_v0(status: &ra_tunnel::Status) -> Value {
    let digest = status.config_digest.map(|digest| format!("sha384:{}", hex::encode(digest)));
    json!({
        "state": if status.refused.is_some() { "refused" } else { "attested" },
        "attested": true,
        "development": status.claims.claims().development,
        "notice": "version 0 of the RA tunnel: not forward secret, and the age of the quote is the server's word",
        "listen": null,
        "authority": status.authority,
        "to": null,
        "relay": null,
        "wire": { "name": ra_tunnel::WIRE, "config-digest": digest },
        "verified": { "verdict": status.claims.verdict() },
        "channel": { "open": u8::from(status.open), "websockets": null },
        "counts": {
            "requests": status.requests,
            "failed": status.failed,
            "connections": status.connections,
            "not-let-in": null,
            "not-possible": null,
        },
        "refused": status.refused.as_ref().map(|denial| problem::reasons(&denial.reasons)),
    })
}

/// What WebSockets and gRPC go over; none on a wire that has none.
fn channel(status: &Status) -> Value {
    match status.sealed_with {
        SealedWith::Session(_) | SealedWith::Tunnel(_) => {
            json!({ "open": status.channels_open, "websockets": null })
        }
        _ => Value::Null,
    }
}

fn refusal(refusal: &Refusal) -> Value {
    json!({ "at": time(refusal.at), "reasons": problem::reasons(&refusal.denial.reasons) })
}

fn time(at: SystemTime) -> String {
    UnixTime(at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()).to_string()
}

/// What requests are sealed with.
fn wire(sealed_with: &SealedWith, form: Form) -> Value {
    match sealed_with {
        SealedWith::Oblivious { kem: chosen, suite } => {
            let form = match form {
                Form::Single => "single",
                Form::Chunked => "chunked",
            };
            json!({ "name": "oblivious", "form": form, "kem": kem(*chosen), "aead": aead(suite.aead) })
        }
        SealedWith::Session(facts) | SealedWith::Tunnel(facts) => json!({
            "name": if matches!(sealed_with, SealedWith::Tunnel(_)) { "tunnel" } else { "session" },
            "group": facts.group.map(Group::name),
            "suite": facts.suite.name(),
            "signature": facts.scheme.map(Scheme::name),
            "caller-attested": facts.authenticated,
        }),
        SealedWith::HpkeHttp => json!({ "name": "hpke-http" }),
        SealedWith::HpkeHttp1 => json!({ "name": "hpke-http-1" }),
        SealedWith::Ehbp => json!({ "name": "ehbp" }),
        _ => Value::Null,
    }
}

fn kem(kem: Kem) -> &'static str {
    match kem {
        Kem::P256 => "P-256",
        Kem::X25519 => "X25519",
        Kem::XWing => "X-Wing",
    }
}

fn aead(aead: Aead) -> &'static str {
    match aead {
        Aead::Aes128Gcm => "AES-128-GCM",
        Aead::Aes256Gcm => "AES-256-GCM",
        Aead::ChaCha20Poly1305 => "ChaCha20-Poly1305",
    }
}
