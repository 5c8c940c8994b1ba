//! What the status page shows.

use super::{ConnectSettings, problem, proxy::Counters, websocket::Sockets};
use sealwire_attest::{UnixTime, key_document::Age};
use sealwire_client::{Connector, Refusal, SealedWith, Status};
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
pub(super) struct View {
    address: SocketAddr,
    to: String,
    relay: Option<String>,
    form: &'static str,
    connector: Connector,
    counters: Arc<Counters>,
    sockets: Arc<Sockets>,
}

impl View {
    pub(super) fn new(
        settings: &ConnectSettings,
        address: SocketAddr,
        connector: Connector,
        counters: Arc<Counters>,
        sockets: Arc<Sockets>,
    ) -> Self {
        Self {
            address,
            to: settings.client.to.to_string(),
            relay: settings.client.relay.as_ref().map(ToString::to_string),
            form: match settings.client.form {
                Form::Single => "single",
                Form::Chunked => "chunked",
            },
            connector,
            counters,
            sockets,
        }
    }

    /// `/status.json`. Its member names are stable.
    pub(super) fn json(&self) -> Value {
        let status = self.connector.status();
        let acceptance = &status.acceptance;
        let (document, claims) = (acceptance.document.get(), acceptance.claims.get());
        let age = match acceptance.age {
            Age::SelfAsserted(age) => json!({ "known": "self-asserted", "seconds-then": age.as_secs() }),
            age => json!({ "known": age.name() }),
        };
        let counts = status.counts;
        json!({
            "state": if status.refused.is_some() { "refused" } else { "attested" },
            "development": claims.development,
            "listen": format!("http://{}", self.address),
            "authority": status.authority,
            "to": self.to,
            "relay": self.relay,
            "wire": wire(&status.sealed_with, self.form),
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
            "channel": channel(&status, self.sockets.open()),
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
                "not-let-in": self.counters.refused.load(Ordering::Relaxed),
                "not-possible": self.counters.impossible.load(Ordering::Relaxed),
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
}

/// What WebSockets and gRPC go over; none on a wire that has none.
fn channel(status: &Status, websockets: usize) -> Value {
    match status.sealed_with {
        SealedWith::Session(_) | SealedWith::Tunnel(_) => {
            json!({ "open": status.channels_open, "websockets": websockets })
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
fn wire(sealed_with: &SealedWith, form: &str) -> Value {
    match sealed_with {
        SealedWith::Oblivious { kem: chosen, suite } => {
            json!({ "name": "oblivious", "form": form, "kem": kem(*chosen), "aead": aead(suite.aead) })
        }
        SealedWith::Session(facts) | SealedWith::Tunnel(facts) => json!({
            "name": if matches!(sealed_with, SealedWith::Tunnel(_)) { "tunnel" } else { "session" },
            "group": facts.group.map(Group::name),
            "suite": facts.suite.name(),
            "signature": facts.scheme.map(Scheme::name),
            "caller-attested": facts.authenticated,
        }),
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
