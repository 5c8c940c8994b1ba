//! Vectors of the attested session (SE-80): every message, transcript hash, secret, key, iv and record of sessions that
//! follow from fixed randomness. `session.json` is made here and held against the code here; `tests/peers/session.py`, which
//! knows the specification and nothing of this code, computes all of it again.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod ends;
mod evidence;
mod handshake;
mod record;
mod requests;
mod schedule;
mod script;

use ends::{Caller, Gateway};
use evidence::Evidence;
use handshake::Plan;
use sealwire_attest::{KeyDocument, cmw};
use sealwire_crypto::{aead::Aead, kx::Group};
use sealwire_session::{
    Scheme, Suite, client,
    message::{Authentication, EvidenceMode},
    server,
};
use serde_json::{Value, json};
use std::{env, fs, path::Path};

/// When everything happens, in Unix milliseconds.
pub(crate) const CLOCK: u64 = 1_800_000_000_000;
pub(crate) const AUTHORITY: &str = "app.example";

/// Everything there is to say, in the order in which it is written.
fn all(evidence: &Evidence) -> Value {
    let mut sessions = suites(evidence);
    sessions.extend(schemes(evidence));
    sessions.extend(modes(evidence));
    sessions.extend(retries(evidence));
    sessions.extend(resumptions(evidence));
    json!({
        "about": "Sessions of docs/spec/session.md from fixed randomness. Byte strings are hexadecimal. Written by `cargo xtask vectors`.",
        "clock": CLOCK,
        "given": evidence.to_json(),
        "gateway": Gateway::new(evidence, server::Config::default()).to_json(),
        "caller": Caller::new(evidence).to_json(),
        "sessions": sessions,
    })
}

fn only(group: Group, aead: Aead, scheme: Scheme) -> (server::Config, client::Config) {
    let (groups, suites, schemes) = (vec![group], vec![Suite { aead }], vec![scheme]);
    let server = server::Config {
        groups: groups.clone(),
        suites: suites.clone(),
        schemes: schemes.clone(),
        ..server::Config::default()
    };
    (server, client::Config { groups, suites, schemes, ..client::Config::default() })
}

/// SE-04, SE-80: every group with every AEAD. The document is known and the signature short: they are seen elsewhere.
fn suites(evidence: &Evidence) -> Vec<Value> {
    let mut sessions = Vec::new();
    for (group, group_name) in [
        (Group::X25519MlKem768, "X25519MLKEM768"),
        (Group::SecP384r1MlKem1024, "SecP384r1MLKEM1024"),
        (Group::X25519, "X25519"),
    ] {
        for aead in [Aead::Aes256Gcm, Aead::Aes128Gcm, Aead::ChaCha20Poly1305] {
            let (server, client) = only(group, aead, Scheme::Ed25519);
            let gateway = Gateway::new(evidence, server);
            let name = format!("{group_name}, {}", Suite { aead }.name());
            let plan = Plan { known: true, ..Plan::new(name, client) };
            let mut session = handshake::run(&gateway, evidence, plan);
            requests::hidden(&mut session, 7, 256, &[b"the question"], b"the answer");
            requests::channel(&mut session, 8, 1);
            sessions.push(session.finish());
        }
    }
    sessions
}

/// SE-09, and all that is said in the session of the defaults (SE-30 to SE-37).
fn schemes(evidence: &Evidence) -> Vec<Value> {
    let gateway = Gateway::new(evidence, server::Config::default());
    let plan = Plan::new("defaults", client::Config::default());
    let mut session = handshake::run(&gateway, evidence, plan);
    requests::hidden(&mut session, 0, 256, &[b""], b"");
    requests::hidden(&mut session, u64::MAX, 0, &[&[0x61; 300], &[0x62; 40]], &[0x63; 200]);
    requests::hidden(&mut session, 2, 64, &[&[0x64; 150], b"", &[0x65; 3]], &[0x66; 130]);
    requests::bound(&mut session, 3);
    requests::channel(&mut session, 4, 70);
    requests::exports(&mut session);
    let mut sessions = vec![session.finish()];

    let scheme = Scheme::SlhDsaSha2192f;
    let (server, client) = only(Group::X25519MlKem768, Aead::Aes256Gcm, scheme);
    let gateway = Gateway::new(evidence, server);
    let plan = Plan { known: true, ..Plan::new(scheme.name(), client) };
    sessions.push(handshake::run(&gateway, evidence, plan).finish());
    sessions
}

/// SE-08, SE-11
fn modes(evidence: &Evidence) -> Vec<Value> {
    let config = client::Config { evidence: EvidenceMode::Handshake, ..client::Config::default() };
    let gateway = Gateway::new(evidence, server::Config::default());
    let plan = Plan { known: true, ..Plan::new("evidence for the handshake", config.clone()) };
    let mut sessions = vec![handshake::run(&gateway, evidence, plan).finish()];

    let caller = Caller::new(evidence);
    let config = client::Config { attests: true, ..config };
    for (name, authentication, caller, evidence_mode) in [
        ("an attested caller", Authentication::Required, Some(&caller), EvidenceMode::Identity),
        (
            "an attested caller with a new quote",
            Authentication::Wanted,
            Some(&caller),
            EvidenceMode::Handshake,
        ),
        ("a caller that shows nothing", Authentication::Wanted, None, EvidenceMode::Identity),
    ] {
        let config = client::Config { evidence: evidence_mode, ..config.clone() };
        let plan = Plan { known: true, authentication, caller, ..Plan::new(name, config) };
        let mut session = handshake::run(&gateway, evidence, plan);
        requests::hidden(&mut session, 1, 256, &[b"the question"], b"the answer");
        sessions.push(session.finish());
    }
    sessions
}

/// SE-13
fn retries(evidence: &Evidence) -> Vec<Value> {
    let scheme = Scheme::Ed25519;
    let client = client::Config { schemes: vec![scheme], ..client::Config::default() };
    let config = server::Config { schemes: vec![scheme], ..server::Config::default() };
    let gateway = Gateway::new(evidence, config.clone());
    let plan = Plan { known: true, busy: true, ..Plan::new("retry", client.clone()) };
    let mut sessions = vec![handshake::run(&gateway, evidence, plan).finish()];

    let gateway =
        Gateway::new(evidence, server::Config { groups: vec![Group::SecP384r1MlKem1024], ..config });
    let plan = Plan { known: true, ..Plan::new("retry with another group", client) };
    sessions.push(handshake::run(&gateway, evidence, plan).finish());
    sessions
}

/// SE-40 to SE-42
fn resumptions(evidence: &Evidence) -> Vec<Value> {
    let mut sessions = Vec::new();
    for (name, aead, without_agreement) in [
        ("resumption with key agreement", Aead::Aes256Gcm, false),
        ("resumption without key agreement", Aead::Aes128Gcm, true),
    ] {
        let (server, client) = only(Group::X25519MlKem768, aead, Scheme::Ed25519);
        let gateway = Gateway::new(evidence, server::Config { without_agreement, ..server });
        let client = client::Config { without_agreement, ..client };
        let plan = Plan { known: true, ..Plan::new(format!("{name}: before"), client.clone()) };
        let (ticket, before) = handshake::run(&gateway, evidence, plan).ticket();
        let plan = Plan { resumes: Some(ticket), now: CLOCK + 5000, early: true, ..Plan::new(name, client) };
        let mut session = handshake::run(&gateway, evidence, plan);
        requests::hidden(&mut session, 1, 256, &[b"the question"], b"the answer");
        sessions.extend([before, session.finish()]);
    }
    sessions
}

// SE-80, SE-04, SE-05: a suite that is negotiated is the one that runs. Nothing is left out of the comparison; evidence is
// taken from the file, since no machine signs twice alike.
#[test]
fn the_vectors_are_what_the_code_makes() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/session.json");
    let render = |value: &Value| serde_json::to_string_pretty(value).unwrap() + "\n";
    if env::var_os("SEALWIRE_WRITE_VECTORS").is_some() {
        fs::write(&path, render(&all(&Evidence::new()))).unwrap();
    }
    let kept = fs::read_to_string(&path).expect("type: cargo xtask vectors");
    let evidence = Evidence::kept(&serde_json::from_str::<Value>(&kept).unwrap()["given"]);
    let made = render(&all(&evidence));
    let differs = made.lines().zip(kept.lines()).position(|(made, kept)| made != kept);
    assert_eq!(differs.map(|line| line + 1), None, "line of stale vectors; type: cargo xtask vectors");
    assert!(made == kept, "stale vectors; type: cargo xtask vectors");
}

// SE-06: nothing of what is sealed stands in a message, on either side: no identity key, no hardware, no signature, no
// ticket that was just made. (The hash of a document that the client knows does: whoever has that asks for it by its hash.)
#[test]
fn nothing_of_the_ends_shows_outside() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/session.json");
    let kept: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let bytes = |value: &Value| hex::decode(value.as_str().unwrap()).unwrap();
    let mut hidden = Vec::new();
    for end in ["gateway", "caller"] {
        let document = KeyDocument::decode(&bytes(&kept[end]["document"])).unwrap();
        hidden.extend(document.keys.into_iter().map(|key| key.bytes));
    }
    for report in kept["given"]["evidence"].as_object().unwrap().values() {
        let report = cmw::decode(&bytes(report)).unwrap().lead.bytes;
        // CHIP_ID and the signature of ATTESTATION_REPORT
        hidden.extend([report[0x1a0..0x1e0].to_vec(), report[0x2a0..0x300].to_vec()]);
    }
    let mut sent_in_all = 0;
    for session in kept["sessions"].as_array().unwrap() {
        let messages = session["messages"].as_array().unwrap();
        let named = |names: &[&str]| -> Vec<Vec<u8>> {
            let is_named = |message: &&Value| names.contains(&message["name"].as_str().unwrap());
            messages.iter().filter(is_named).map(|message| bytes(&message["bytes"])).collect()
        };
        let sealed = [
            "server proof",
            "server Finished",
            "ticket",
            "client credential",
            "client proof",
            "client Finished",
        ];
        let sealed = named(&sealed).into_iter().filter(|part| part.len() > 16);
        let parts: Vec<_> = sealed.chain(hidden.iter().cloned()).collect();
        let sent = ["client hello", "hello again", "server flight", "client finish", "finish answer"];
        for message in named(&sent) {
            sent_in_all += 1;
            let shows = |part: &Vec<u8>| message.windows(16).any(|window| window == &part[..16]);
            assert!(!parts.iter().any(shows), "{}", session["name"]);
        }
    }
    assert!(sent_in_all > 40);
}
