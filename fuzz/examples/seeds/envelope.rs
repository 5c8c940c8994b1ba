//! Seeds of `envelope_capability`, `envelope_stream`, `envelope_seal`, `envelope_threshold` and `envelope_audit`.

use super::{Result, seed};
use sealwire_crypto::{
    kem::{Kem, PrivateKey as KemKey},
    random::OsRandom,
};
use sealwire_envelope::{
    Algorithm, Body, Message,
    audit::{self, Event, Intervals, Kind, Log, legacy},
    base64url,
    capability::{Delegation, Grant, Scope, delegate, field, issue},
    key::{PrivateKey, Signer, Use},
    seal::{self, SealTo},
    shamir,
    stream::{
        Data, Opening, Tags,
        legacy::{Chunk, Final},
        open,
    },
    threshold::SecretKey,
};
use sealwire_fuzz::Fixed;

const NOW: u64 = 1_712_500_000_000;

pub(crate) fn seeds() -> Result {
    capabilities()?;
    streams()?;
    sealed()?;
    thresholds()?;
    logs()
}

fn signer(name: &str, purpose: Use) -> Result<Signer> {
    let key = PrivateKey::from_seed(Algorithm::Ed25519, &[1; 32])?;
    Ok(Signer::private(name, "k1", key)?.with_uses(purpose))
}

fn message(sender: &str) -> Result<sealwire_envelope::Envelope> {
    let message = Message {
        recipient: Some("bob"),
        intent: "TASK",
        content: "x",
        capability: None,
        correlation_id: None,
        ttl_ms: 60_000,
    };
    Ok(message.envelope(sender, i64::try_from(NOW)?, &Fixed)?)
}

fn capabilities() -> Result {
    let scope = |glob: &str| Scope {
        path_glob: glob.to_owned(),
        methods: Some(vec!["GET".to_owned()]),
        max_delegations: Some(1),
    };
    let grant = Grant {
        subject: "worker".to_owned(),
        scopes: vec![scope("/api/**")],
        ttl_ms: 60_000,
        max_delegations: 1,
        audience: "svc".to_owned(),
    };
    let first = issue(&signer("root", Use::Capability)?, grant, NOW, &Fixed)?;
    let delegation = Delegation {
        subject: "helper".to_owned(),
        scopes: vec![Scope { max_delegations: Some(0), ..scope("/api/x") }],
        ttl_ms: 30_000,
        max_delegations: None,
    };
    let second =
        delegate(&signer("worker", Use::Capability)?, std::slice::from_ref(&first), delegation, NOW, &Fixed)?;
    seed("envelope_capability", "one", field(std::slice::from_ref(&first)))?;
    seed("envelope_capability", "two", field(&[first, second]))?;
    seed("envelope_capability", "glob", "/api/*/x?/**\n/api/a/xb/c/d")
}

fn streams() -> Result {
    let recipient = KemKey::from_bytes(Kem::X25519, &[7; 32])?;
    for (name, tags) in [("sig", Tags::Signed), ("mac", Tags::Shared(recipient.public_key()))] {
        let opening = Opening {
            header: message("ed")?.header,
            intent: "RESULT",
            correlation_id: None,
            request: None,
            media_type: "text/plain",
            every: 2,
            tags,
        };
        let (envelope, mut writer) = open(&signer("ed", Use::Envelope)?, Use::Envelope, opening, &Fixed)?;
        seed("envelope_stream", &format!("statement-{name}"), envelope.body.content)?;
        let frames =
            [writer.write(Data::Text("a".to_owned()), 0)?, writer.write(Data::Binary(vec![0, 0xff]), 0)?];
        let last = writer.finish(Data::Text(String::new()))?;
        let frames = [&frames[..], &[last]].concat();
        for (at, frame) in frames.iter().enumerate() {
            seed("envelope_stream", &format!("{name}-{at}"), frame.to_json())?;
        }
        let wire: Vec<u8> = frames.iter().flat_map(|frame| frame.to_bytes()).collect();
        seed("envelope_stream", &format!("{name}-binary"), wire)?;
    }
    let chunk = Chunk { index: 0, data: "a".to_owned(), hash: "h".to_owned(), last: None };
    seed("envelope_stream", "legacy", chunk.to_json())?;
    let last = Some(Final { sig: Some("AAAA".to_owned()), kid: Some("k1".to_owned()) });
    seed("envelope_stream", "legacy-final", Chunk { last, ..chunk }.to_json())
}

fn sealed() -> Result {
    let own = KemKey::from_bytes(Kem::X25519, &[7; 32])?;
    let inner =
        Body { intent: "TASK".to_owned(), content: "x".to_owned(), capability: None, correlation_id: None };
    let by = signer("ed", Use::Envelope)?;
    let to = SealTo { key: own.public_key(), key_id: "x1" };
    let envelope = seal::seal(&by, message("ed")?.header, &inner, &to, &Fixed)?;
    seed("envelope_seal", "version-2", base64url::decode(&envelope.body.content)?)?;
    let public = own.public_key().as_bytes().try_into()?;
    let envelope = seal::legacy::seal(&by, message("ed")?.header, &inner, &public, &Fixed)?;
    seed("envelope_seal", "version-1", base64url::decode(&envelope.body.content)?)
}

fn thresholds() -> Result {
    let key = SecretKey::generate(&Fixed)?;
    seed("envelope_threshold", "part", key.sign("a", &message("council")?).to_json())?;
    seed("envelope_threshold", "key", key.to_text().as_bytes())?;
    let share = shamir::split(key.as_bls(), 2, 3, &OsRandom)?.remove(0);
    seed("envelope_threshold", "share", share.to_text().as_bytes())?;
    let member = [base64url::decode(key.public_key_text())?, base64url::decode(key.possession_text())?];
    seed("envelope_threshold", "member", member.concat())
}

fn logs() -> Result {
    let by = audit::Signer::new(signer("gateway", Use::Audit)?)?;
    let mut log = Log::start(by, Intervals::default(), NOW, &Fixed)?;
    let mut lines = Vec::new();
    let mut entries = Vec::new();
    for kind in [Kind::VerifyOk, Kind::VerifyFail, Kind::Replay] {
        let event = Event {
            sender: Some("ed".to_owned()),
            path: Some("/api/x".to_owned()),
            status: Some(200),
            ..Event::new(kind)
        };
        let pending = log.prepare(event, NOW);
        lines.push(pending.line().to_owned());
        entries.push(audit::Entry::from_line(pending.line())?);
        pending.commit();
    }
    if let Some(rotation) = log.rotate(NOW)? {
        lines.extend(rotation.checkpoint);
        lines.push(rotation.segment);
    }
    seed("envelope_audit", "log", lines.join("\n"))?;
    seed("envelope_audit", "entry", &lines[0])?;
    seed("envelope_audit", "checkpoint", &lines[3])?;
    let old = legacy::export(&entries, &signer("gateway", Use::Audit)?)?;
    seed("envelope_audit", "legacy", old[0].to_json())
}
