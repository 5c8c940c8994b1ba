//! Signed messages of agents: what each form of them is for, and what it stops.

use super::report::Told;
use anyhow::{anyhow, bail, ensure};
use sealwire_crypto::random::OsRandom;
use sealwire_envelope::{
    Algorithm, Authentic, Checked, Envelope, Message, Rules,
    audit::{self, Checkpoint, Event, Head, Intervals, Keys, Kind, Log},
    binding::http::{
        CAPABILITY_FIELD, Content, Coverage, ENVELOPE_FIELD, Field, Request, RequestMessage, Route,
        sign_request, to_field, verify_request,
    },
    capability::{Delegation, Grant, RootAuthority, Scope, Verifier, delegate, field, issue},
    encoding::Options,
    key::{KeyRecord, Keyring, PrivateKey, Signer, Use},
    replay::Register,
    stream::{Data, Error as StreamError, Frame, Opened, Opening, Reader, Tags, open},
    threshold::{Aggregator, Group, Participant, SecretKey},
};
use sealwire_http::{Clock, SystemClock};

const SERVICE: &str = "svc.demo";
const KEY_ID: &str = "k1";

/// Somebody with a key of their own.
struct Agent {
    signer: Signer,
    record: KeyRecord,
}

impl Agent {
    fn new(name: &str, purpose: Use) -> anyhow::Result<Self> {
        let key = PrivateKey::generate(Algorithm::Ed25519, &OsRandom)?;
        let record = KeyRecord::public(name, KEY_ID, key.public_key()?)?.with_uses(purpose);
        Ok(Self { signer: Signer::private(name, KEY_ID, key)?.with_uses(purpose), record })
    }

    fn keyring(&self) -> anyhow::Result<Keyring> {
        let mut keys = Keyring::new();
        keys.insert(self.record.clone())?;
        Ok(keys)
    }
}

fn now_ms() -> i64 {
    i64::try_from(SystemClock.unix_millis()).unwrap_or(i64::MAX)
}

fn now() -> u64 {
    SystemClock.unix_millis()
}

fn message<'a>(recipient: &'a str, content: &'a str) -> Message<'a> {
    Message {
        recipient: Some(recipient),
        intent: "TASK",
        content,
        capability: None,
        correlation_id: None,
        ttl_ms: 60_000,
    }
}

/// A request to the service, with these fields.
fn asking<'a>(target: &'a str, fields: &'a [Field<'a>], body: &[u8]) -> Request<'a> {
    let content = Content::of(body);
    Request { method: "POST", scheme: "https", authority: "svc.example", target, fields, content }
}

fn signed(request: &Request<'_>, by: &Agent) -> anyhow::Result<String> {
    let message = RequestMessage {
        recipient: SERVICE,
        ttl_ms: 60_000,
        capability: None,
        coverage: &Coverage::default(),
    };
    let envelope = sign_request(request, &message, &by.signer, now_ms(), &OsRandom)?;
    to_field(&envelope, &Options::default()).ok_or_else(|| anyhow!("the envelope does not fit into a field"))
}

/// A request that says who makes it, and is good for nothing else.
pub(super) async fn envelope() -> anyhow::Result<Told> {
    let alice = Agent::new("alice", Use::Envelope)?;
    let (keys, route) = (alice.keyring()?, Route::new(SERVICE));
    let envelope = signed(&asking("/pay?to=bob", &[], b"{\"amount\":5}"), &alice)?;
    let fields = [(ENVELOPE_FIELD, envelope.as_bytes())];
    let outcome =
        |target, body: &[u8]| verify_request(&asking(target, &fields, body), &route, &keys, now_ms());
    let verified = outcome("/pay?to=bob", b"{\"amount\":5}")?;
    ensure!(verified.authentic.sender() == "alice", "another sender: {}", verified.authentic.sender());
    for (target, body) in [("/pay?to=eve", &b"{\"amount\":5}"[..]), ("/pay?to=bob", b"{\"amount\":500}")] {
        ensure!(outcome(target, body).is_err(), "the envelope passed for a request to {target}");
    }
    let mut register = Register::new(16);
    let mut reserve = || {
        let authentic = &verified.authentic;
        register.reserve(
            &authentic.replay_key(),
            authentic.sender(),
            authentic.remembered_until_ms(),
            now_ms(),
        )
    };
    let (first, second) = (reserve()?, reserve()?);
    ensure!(first != second, "the same envelope was taken twice");
    Ok(Told::new("a request signed by alice passes once, and for no other target, body or service")
        .saw("service", "POST /pay?to=bob {\"amount\":5} is alice's")
        .saw(
            "service",
            "the same envelope with another target or amount: binding-mismatch; a second time: replay",
        ))
}

/// A permission that is handed on, narrower at each step, and worth nothing to whoever steals it.
pub(super) async fn capability() -> anyhow::Result<Told> {
    let (root, worker) = (Agent::new("root", Use::Capability)?, Agent::new("worker", Use::Capability)?);
    let (helper, thief) = (Agent::new("helper", Use::Envelope)?, Agent::new("thief", Use::Envelope)?);
    let scope = |glob: &str| Scope { path_glob: glob.to_owned(), methods: None, max_delegations: None };
    let grant = Grant {
        subject: "worker".to_owned(),
        scopes: vec![scope("/api/**")],
        ttl_ms: 60_000,
        max_delegations: 1,
        audience: SERVICE.to_owned(),
    };
    let first = issue(&root.signer, grant, now(), &OsRandom)?;
    let handed = |glob: &str| Delegation {
        subject: "helper".to_owned(),
        scopes: vec![scope(glob)],
        ttl_ms: 30_000,
        max_delegations: None,
    };
    let wider = delegate(&worker.signer, std::slice::from_ref(&first), handed("/**"), now(), &OsRandom);
    ensure!(wider.is_err(), "a permission was handed on wider than it was given");
    let second =
        delegate(&worker.signer, std::slice::from_ref(&first), handed("/api/read"), now(), &OsRandom)?;
    let chain = field(&[first, second]);

    let authority =
        RootAuthority { scopes: vec![scope("/api/**")], max_depth: 2, keys: vec![root.record.clone()] };
    let verifier = Verifier {
        roots: [("root".to_owned(), authority)].into(),
        delegates: vec![worker.record.clone()],
        audience: SERVICE.to_owned(),
        ..Verifier::default()
    };
    let asks = |agent: &Agent, target: &str| -> anyhow::Result<()> {
        let chain_field: [Field<'_>; 1] = [(CAPABILITY_FIELD, chain.as_bytes())];
        let envelope = signed(&asking(target, &chain_field, b""), agent)?;
        let fields = [(CAPABILITY_FIELD, chain.as_bytes()), (ENVELOPE_FIELD, envelope.as_bytes())];
        let request = asking(target, &fields, b"");
        let verified = verify_request(&request, &Route::new(SERVICE), &agent.keyring()?, now_ms())?;
        let chain = verifier.verify_field(chain.as_bytes(), now())?;
        Ok(chain.bind(verified.authentic.sender(), &verified.binding)?.authorise(target, "POST")?)
    };
    asks(&helper, "/api/read")?;
    let Err(stolen) = asks(&thief, "/api/read") else { bail!("the thief was served") };
    let Err(beyond) = asks(&helper, "/api/write") else { bail!("the helper wrote") };
    Ok(Told::new(
        "root lets worker, worker lets helper: helper may read, and nobody else with the same tokens",
    )
    .saw("service", "helper reads: yes")
    .saw("service", format!("thief with helper's tokens: {stolen}; helper writes: {beyond}")))
}

/// An answer that is authenticated while it is written.
pub(super) async fn stream() -> anyhow::Result<Told> {
    let service = Agent::new(SERVICE, Use::Envelope)?;
    let opening = Opening {
        header: message("alice", "").envelope(SERVICE, now_ms(), &OsRandom)?.header,
        intent: "RESULT",
        correlation_id: None,
        request: None,
        media_type: "text/plain",
        every: 2,
        tags: Tags::Signed,
    };
    let (envelope, mut writer) = open(&service.signer, Use::Envelope, opening, &OsRandom)?;
    let mut frames = Vec::new();
    for word in ["the ", "quick ", "brown "] {
        frames.push(writer.write(Data::Text(word.to_owned()), now())?);
    }
    frames.push(writer.finish(Data::Text("fox".to_owned()))?);

    let keys = service.keyring()?;
    let authentic = Authentic::verify(envelope, Use::Envelope, &Rules::new("alice"), &keys, now_ms())?;
    let read = |frames: &[Frame]| -> Result<(String, Result<(), StreamError>), StreamError> {
        let mut reader = Reader::new(Opened::read(&authentic, None, None)?.0);
        let mut text = String::new();
        for frame in frames {
            match reader.push(frame.clone()) {
                Ok(released) => {
                    text.extend(released.iter().map(|piece| String::from_utf8_lossy(piece.as_bytes())));
                }
                Err(error) => return Ok((text, Err(error))),
            }
        }
        Ok((text, reader.finish()))
    };
    let (whole, ended) = read(&frames)?;
    ended?;
    ensure!(whole == "the quick brown fox", "the stream said {whole:?}");
    let (front, cut) = read(frames.get(..3).unwrap_or_default())?;
    ensure!(front == "the quick " && cut == Err(StreamError::Truncated), "a cut stream: {front:?} {cut:?}");
    frames.swap(0, 1);
    let (nothing, swapped) = read(&frames)?;
    ensure!(nothing.is_empty() && swapped.is_err(), "frames were exchanged: {nothing:?}");
    Ok(Told::new("data is given out once a tag covers it; a cut, moved or changed stream gives out nothing that was not said")
        .saw("alice", format!("{whole:?}, in {} frames with a tag for every second", frames.len()))
        .saw("alice", format!("cut after three frames: {front:?}, then {}", StreamError::Truncated)))
}

/// A message that nobody can send alone.
pub(super) async fn threshold() -> anyhow::Result<Told> {
    let signers = ["ada", "bea", "cyd"].map(|name| SecretKey::generate(&OsRandom).map(|key| (name, key)));
    let signers: Vec<(&str, SecretKey)> = signers.into_iter().collect::<Result<_, _>>()?;
    let members = signers
        .iter()
        .map(|(name, key)| Participant::register(name, &key.public_key_text(), &key.possession_text()))
        .collect::<Result<_, _>>()?;
    let group = Group::new("council", 2, members)?;
    let draft = message(SERVICE, "deploy v2").envelope("council", now_ms(), &OsRandom)?;
    let [(ada, first), (bea, second), ..] = signers.as_slice() else { bail!("three signers") };
    let mut aggregator = Aggregator::new(&group, draft.clone());
    aggregator.add(&first.sign(ada, &draft))?;
    let Err(twice) = aggregator.add(&first.sign(ada, &draft)) else { bail!("one signer counted twice") };
    aggregator.add(&second.sign(bea, &draft))?;
    let together = aggregator.finish()?;
    let verify = |envelope: Envelope| {
        Checked::new(envelope, &Rules::new(SERVICE), now_ms()).and_then(|checked| group.authenticate(checked))
    };
    verify(together.clone())?;
    let mut changed = together;
    changed.body.content = "deploy v3".to_owned();
    let Err(refused) = verify(changed) else { bail!("a changed message passed") };
    let own = SecretKey::generate(&OsRandom)?;
    let Err(rogue) = Participant::register("eve", &own.public_key_text(), &second.possession_text()) else {
        bail!("a key joined without proof that it is held");
    };
    Ok(Told::new("two of three sign together, as one signature; no key joins without proof that it is held")
        .saw("service", "\"deploy v2\" is the council's")
        .saw("service", format!("changed: {refused}; counted twice: {twice}; a key without proof: {rogue}")))
}

/// A log in which nothing can be changed or cut off unseen.
pub(super) async fn audit() -> anyhow::Result<Told> {
    let auditor = Agent::new("gateway", Use::Audit)?;
    let keys = Keys::new(vec![auditor.record.clone()]);
    let signer = audit::Signer::new(auditor.signer)?;
    let mut log = Log::start(signer, Intervals::default(), now(), &OsRandom)?;
    let mut lines = Vec::new();
    for sender in ["alice", "bob", "eve"] {
        let event = Event { sender: Some(sender.to_owned()), ..Event::new(Kind::VerifyOk) };
        let pending = log.prepare(event, now());
        lines.push(pending.line().to_owned());
        pending.commit();
    }
    let sealed = log.checkpoint(now())?.ok_or_else(|| anyhow!("three entries and no checkpoint"))?;
    let head = Head::from(&Checkpoint::from_line(&sealed)?);
    let broken = |lines: &[String]| {
        audit::verify(lines.iter().map(String::as_str), None, Some(head), &keys)
            .broken
            .map(|broken| broken.why)
    };
    ensure!(broken(&lines).is_none(), "a genuine log is broken");
    let without_eve = broken(lines.get(..2).unwrap_or_default());
    let Some(cut) = without_eve else { bail!("the last entry was cut off unseen") };
    let renamed: Vec<_> = lines.iter().map(|line| line.replace("\"bob\"", "\"bea\"")).collect();
    let Some(changed) = broken(&renamed) else { bail!("an entry was changed unseen") };
    Ok(Told::new(
        "entries name each other, and a signed checkpoint kept elsewhere says how far the log had come",
    )
    .saw("auditor", "three entries and a checkpoint: genuine")
    .saw("auditor", format!("last entry cut off: {cut}; a sender renamed: {changed}")))
}
