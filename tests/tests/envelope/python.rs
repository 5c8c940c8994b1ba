//! PyPI `7h3-protocol` 0.6.1.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use sealwire_crypto::random::OsRandom;
use sealwire_envelope::{
    Authentic, Envelope,
    binding::{
        http::{Binding, ENVELOPE_FIELD, Route, verify_request},
        queue::{self, Dialect, Payload, Readers},
        webhook,
    },
    canonical,
    encoding::{Options, compact, json},
    key::{
        KeyRecord, Keyring, SharedSecret, Use,
        document::{KeyDocument, KeyEntry, RevocationList, Trust},
    },
    validate::validate,
};
use sealwire_tests::peers;
use serde_json::{Value, json};

use crate::{
    PORTABLE, SECRET, TEXT, bound_request, keys, now, private_text, public, request, rules, secret_signer,
    signed_by, signer, unbound, verify,
};

/// The package in a process of its own.
struct Python {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Python {
    fn start() -> Option<Self> {
        let mut command = Command::new(peers::python("envelope")?);
        command.arg("-B").arg(peers::script("envelope/peer.py"));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Some(Self { child, input, output })
    }

    fn call(&mut self, command: &str, arguments: Value) -> Value {
        writeln!(self.input, "{}", json!([command, arguments])).unwrap();
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn value(envelope: &Envelope) -> Value {
    serde_json::from_str(&json::encode(envelope)).unwrap()
}

// EN-07, EN-08, EN-17, EN-117
#[test]
fn signatures_hold_on_both_sides() {
    let Some(mut python) = Python::start() else { return };
    for content in ["", "plain", TEXT] {
        let ours = signed_by(&signer(), content);
        let canonical = python.call("canonical", json!([value(&ours)]));
        assert_eq!(canonical.as_str().unwrap().as_bytes(), canonical::envelope(&ours));
        assert_eq!(python.call("verify", json!([value(&ours), public().to_text()])), true);
        let theirs = python.call("sign", json!([value(&ours), private_text(), "k1"]));
        assert!(verify(&theirs.to_string()).is_ok());
        assert_eq!(theirs["signature"]["value"], ours.signature().unwrap().value);
        let ours = signed_by(&secret_signer(), content);
        assert_eq!(python.call("verify_hmac", json!([value(&ours), SECRET])), true);
        let theirs = python.call("sign_hmac", json!([value(&ours), SECRET, "h1"]));
        assert!(verify(&theirs.to_string()).is_ok());
        let mut forged = value(&ours);
        forged["body"]["content"] = json!("forged");
        assert_eq!(python.call("verify_hmac", json!([forged, SECRET])), false);
    }
}

// EN-27, EN-117
#[test]
fn compact_texts_are_read_on_both_sides() {
    let Some(mut python) = Python::start() else { return };
    let ours = signed_by(&signer(), TEXT);
    let decoded = python.call("decode", json!([compact::encode(&ours).unwrap()]));
    assert_eq!(json::decode(decoded.to_string().as_bytes(), &Options::default()).unwrap(), ours);
    let theirs = python.call("compact", json!([value(&ours)]));
    let theirs = compact::decode(theirs.as_str().unwrap().as_bytes(), &Options::default()).unwrap();
    assert_eq!(theirs, ours);
}

// EN-12, EN-117
#[test]
fn diagnostics_are_the_same() {
    let Some(mut python) = Python::start() else { return };
    let now = now();
    let mut envelope = signed_by(&signer(), "x");
    for (version, nonce, ttl, timestamp, content) in [
        ("7h3/0.1", "n", 60_000, now, "x"),
        ("aip/0.1", "n", 60_000, now, "x"),
        ("7h3/0.1", " ", 0, now - 1, ""),
        ("", "", 86_400_001, now + 30_001, " "),
        ("7h3/0.2", "n", -5, now - 100_000, "x"),
    ] {
        (envelope.header.version, envelope.header.nonce) = (version.to_owned(), nonce.to_owned());
        (envelope.header.ttl_ms, envelope.header.timestamp_ms) = (ttl, timestamp);
        envelope.body.content = content.to_owned();
        let level = |warning| if warning { "warning" } else { "error" };
        let ours: Vec<_> = validate(&envelope, Some(now))
            .map(|diagnostic| json!([level(diagnostic.is_warning()), diagnostic.to_string()]))
            .collect();
        assert_eq!(python.call("validate", json!([value(&envelope), now])), json!(ours));
    }
}

// EN-34, EN-35, EN-36, EN-40, EN-117, SP-26, SP-30
#[test]
fn header_fields_are_taken_on_both_sides() {
    let Some(mut python) = Python::start() else { return };
    let registry = json!({"agent.a": public().to_text()});
    for ours in [json::encode_ascii(&signed_by(&signer(), TEXT)), bound_request()] {
        let verified = python.call("http_verify", json!([{ENVELOPE_FIELD: ours}, registry, {}]));
        assert_eq!(verified, json!({"ok": true, "reason": null}));
    }
    let hmac = json::encode_ascii(&signed_by(&secret_signer(), "x"));
    let verified = python.call("http_verify", json!([{ENVELOPE_FIELD: hmac}, {}, {"h1": SECRET}]));
    assert_eq!(verified["ok"], true);
    let theirs = python.call("http_sign", json!(["agent.a", private_text(), "agent.b", TEXT]));
    let lines = [(ENVELOPE_FIELD, theirs[ENVELOPE_FIELD].as_str().unwrap().as_bytes())];
    let verified = verify_request(&request(&lines), &unbound(), &keys(), now()).unwrap();
    assert_eq!(verified.binding, Binding::None);
    assert_eq!(verified.authentic.envelope().body.content, TEXT);
    // In the safe profile it says nothing about the request.
    assert!(verify_request(&request(&lines), &Route::new("agent.b"), &keys(), now()).is_err());
}

// EN-44, EN-45, EN-46, EN-117, SP-34
#[test]
fn queue_messages_are_taken_on_both_sides() {
    let Some(mut python) = Python::start() else { return };
    let sign = |payload, readers| {
        queue::sign(payload, readers, "agent.b", queue::TTL_MS, &signer(), now(), &OsRandom).unwrap()
    };
    let take = |message: &str| {
        queue::verify(message.as_bytes(), Dialect::Python, &rules(), &Options::default(), &keys(), now())
    };
    let portable = PORTABLE.map(|payload| serde_json::from_str::<Value>(payload).unwrap());
    // Beside them what its own dialect alone writes so.
    for payload in portable.into_iter().chain([json!("hello é"), json!({"b": 1, "a": "é"})]) {
        let theirs = python.call("queue_sign", json!([payload, private_text(), "agent.a", "agent.b"]));
        let theirs = theirs.as_str().unwrap();
        let got = match take(theirs).unwrap().payload() {
            Payload::Json(content) => serde_json::from_str(content).unwrap(),
            Payload::Text(text) => json!(text),
        };
        assert_eq!(got, payload);
        let (envelope, _) = theirs.split_once(",\"payload\":").unwrap();
        assert!(take(&format!("{envelope},\"payload\":{{\"forged\":1}}}}")).is_err());
    }
    for payload in PORTABLE {
        let ours = sign(Payload::Json(payload), Readers::Portable);
        let got = python.call("queue_verify", json!([ours, public().to_text()]));
        assert_eq!(got, serde_json::from_str::<Value>(payload).unwrap());
    }
    let ours = sign(Payload::Text("hello é"), Readers::Dialect(Dialect::Python));
    assert_eq!(python.call("queue_verify", json!([ours, public().to_text()])), "hello é");
}

// EN-47, EN-48, EN-117, SP-35
#[test]
fn webhooks_are_taken_on_both_sides() {
    let Some(mut python) = Python::start() else { return };
    let body = "{\"event\":\"é\"}";
    let fields = |(signature, time): (String, String)| json!({webhook::SIGNATURE_FIELD: signature, webhook::TIME_FIELD: time});
    let take = |theirs: &Value, record: &KeyRecord| {
        let field = |name: &str| theirs[name].as_str().unwrap().to_owned();
        let (signature, time) = (field(webhook::SIGNATURE_FIELD), field(webhook::TIME_FIELD));
        let rules = webhook::Rules::default();
        webhook::verify(body.as_bytes(), &[&signature], &[&time], record, &rules, now()).is_ok()
    };
    let record = KeyRecord::public("agent.a", "k1", public()).unwrap().with_uses(Use::Webhook);
    let ours = fields(webhook::sign(body.as_bytes(), &signer(), now()).unwrap());
    assert_eq!(python.call("webhook_verify", json!([body, ours, public().to_text()])), true);
    assert_eq!(python.call("webhook_verify", json!(["other", ours, public().to_text()])), false);
    assert!(take(&python.call("webhook_sign", json!([body, private_text()])), &record));
    let record = KeyRecord::secret("agent.a", "agent.b", "h1", SharedSecret::new(SECRET)).unwrap();
    let record = record.with_uses(Use::Webhook);
    assert!(take(&python.call("webhook_sign_hmac", json!([body, SECRET])), &record));
    let ours = fields(webhook::sign(body.as_bytes(), &secret_signer(), now()).unwrap());
    assert_eq!(python.call("webhook_verify_hmac", json!([body, ours, SECRET])), true);
}

// EN-90, EN-92, EN-117
#[test]
fn documents_are_read_on_both_sides() {
    let Some(mut python) = Python::start() else { return };
    let mut entry = KeyEntry::new("k1", public(), now());
    entry.expires_ms = Some(now() + 600_000);
    let ours = KeyDocument { updated_ms: Some(now()), keys: vec![entry] };
    let theirs = python.call("keys", json!([ours.to_json()]));
    let read = KeyDocument::read(theirs.as_str().unwrap().as_bytes(), Trust::Pinned, now()).unwrap();
    assert_eq!(read.to_json(), ours.to_json());
    assert!(read.active(None, "k1", now()).is_some());
    let ours = RevocationList { updated_ms: now(), revoked: vec![("k1".to_owned(), 5)] };
    let document: Value = serde_json::from_str(&ours.to_json()).unwrap();
    let theirs = python.call("revoked", json!([document])).to_string();
    assert_eq!(RevocationList::read(theirs.as_bytes()).unwrap().revoked, ours.revoked);
}

// EN-06, SP-15: what the package calls its key is no name of ours, and the switch for that is the peer's.
#[test]
fn a_default_key_id_needs_a_peer_that_is_marked() {
    let Some(mut python) = Python::start() else { return };
    let theirs = python.call("http_sign", json!(["agent.a", private_text(), "agent.b", "x"]));
    let text = theirs[ENVELOPE_FIELD].as_str().unwrap();
    let envelope = json::decode(text.as_bytes(), &Options::default()).unwrap();
    assert_eq!(envelope.signature().unwrap().key_id, "python-ed25519-key");
    let mut unmarked = Keyring::new();
    unmarked.insert(KeyRecord::public("agent.a", "k1", public()).unwrap()).unwrap();
    assert!(Authentic::verify(envelope.clone(), Use::Envelope, &rules(), &keys(), now()).is_ok());
    assert!(Authentic::verify(envelope, Use::Envelope, &rules(), &unmarked, now()).is_err());
}
