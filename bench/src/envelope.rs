//! Signed envelopes beside the published crate, in one process: PF-03 to PF-06, PF-08.

use std::{collections::HashMap, hint::black_box, time::Duration};

use allocation_counter::measure as count;
use anyhow::{Context, Result, anyhow};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, ParsedPublicKey};
use protocol_7h3 as peer;
use sealwire_crypto::random::OsRandom;
use sealwire_envelope::{
    Envelope, Message,
    binding::http::{
        Content, Coverage, ENVELOPE_FIELD, Request, RequestMessage, Route, sign_request, verify_request,
    },
    canonical,
    encoding::json,
    key::{KeyRecord, Keyring, PrivateKey, Require, SharedSecret, Signer, Use, Wanted},
    replay::{Key, Register, Reserved},
};

use crate::{
    measure::{cpu, cpu_nanos},
    report::{Table, Target},
};

const SEED: [u8; 32] = [7; 32];
const SECRET: &str = "thirty-two bytes of a shared secret, at the very least";
/// Length of the canonical text of an envelope (PF-01).
const LEN: usize = 1024;
/// What an envelope may cost beside the primitive alone (PF-04), in microseconds.
const BESIDE: f64 = 0.9;

/// Every operation that both implementations have, and ours alone where there is none beside it.
pub(crate) fn run() -> Result<Vec<Table>> {
    let mut bench = Bench::new()?;
    let mut table = Table::new(
        "Signed envelopes of 1 KiB, beside crate `protocol-7h3` 0.6.1",
        &[
            "operation",
            "CPU ns",
            "crate, CPU ns",
            "times as fast",
            "allocations",
            "crate's",
            "bytes",
            "crate's",
        ],
    );
    bench.canonicalise(&mut table)?;
    bench.sign_and_verify(&mut table)?;
    let mut alone = Table::new("Signed envelopes, the rest", &["what", "result"]);
    bench.beside_the_primitive(&mut alone)?;
    bench.whole_request(&mut alone)?;
    replays(&mut alone)?;
    Ok(vec![table, alone])
}

struct Bench {
    signer: Signer,
    hmac: Signer,
    keys: Keyring,
    /// as the published crate takes keys: text, parsed in each call
    private: String,
    public: String,
    now_ms: i64,
}

impl Bench {
    fn new() -> Result<Self> {
        let key = || PrivateKey::from_seed(sealwire_envelope::Algorithm::Ed25519, &SEED);
        let public = key()?.public_key()?;
        let mut keys = Keyring::new();
        keys.insert(KeyRecord::public("alice", "k1", public.clone())?)?;
        keys.insert(KeyRecord::secret("alice", "service", "h1", SharedSecret::new(SECRET))?)?;
        let now_ms = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_millis();
        Ok(Self {
            signer: Signer::private("alice", "k1", key()?)?,
            hmac: Signer::secret("alice", "service", "h1", SharedSecret::new(SECRET))?,
            keys,
            private: key()?.to_text()?.to_string(),
            public: public.to_text(),
            now_ms: i64::try_from(now_ms)?,
        })
    }

    /// An envelope whose canonical text has [`LEN`] bytes.
    fn envelope(&self, unit: &str) -> Result<Envelope> {
        let of = |content: &str| {
            Message {
                recipient: Some("service"),
                intent: "TASK",
                content,
                capability: None,
                correlation_id: None,
                ttl_ms: 60_000,
            }
            .envelope("alice", self.now_ms, &OsRandom)
        };
        let mut content = String::new();
        while canonical::envelope(&of(&format!("{content}{unit}"))?).len() <= LEN {
            content.push_str(unit);
        }
        Ok(of(&content)?)
    }

    fn canonicalise(&self, table: &mut Table) -> Result<()> {
        for (name, unit) in
            [("canonicalise", "a"), ("canonicalise, one byte in eight to escape", "an item\n")]
        {
            let ours = self.envelope(unit)?;
            let theirs = theirs(&ours)?;
            let mut buffer = Vec::with_capacity(2 * LEN);
            let ours = || {
                buffer.clear();
                canonical::write_envelope(black_box(&ours), &mut buffer);
                black_box(&buffer);
            };
            let theirs = || drop(black_box(peer::canonicalize_envelope(black_box(&theirs))));
            push(table, name, ours, theirs, Target::AtLeast(3.0));
        }
        Ok(())
    }

    fn sign_and_verify(&self, table: &mut Table) -> Result<()> {
        let plain = self.envelope("a")?;
        let published = theirs(&plain)?;
        for (alg, signer, sign_bound, verify_bound) in
            [("Ed25519", &self.signer, 4.0, 1.25), ("HS256", &self.hmac, 2.0, 2.0)]
        {
            let ed25519 = alg == "Ed25519";
            let (mut envelope, mut buffer) = (plain.clone(), Vec::with_capacity(2 * LEN));
            let ours = || {
                let signed = signer.sign_envelope_with(Use::Envelope, black_box(&mut envelope), &mut buffer);
                assert!(black_box(signed).is_ok());
            };
            let theirs = || {
                if ed25519 {
                    drop(black_box(peer::sign_envelope_ed25519(black_box(&published), &self.private, "k1")));
                } else {
                    drop(black_box(peer::sign_envelope_hmac(black_box(&published), SECRET, "h1")));
                }
            };
            push(table, &format!("sign, {alg}"), ours, theirs, Target::AtLeast(sign_bound));
            let mut buffer = Vec::with_capacity(2 * LEN);
            let ours = || {
                assert!(self.verify(black_box(&envelope), &mut buffer));
            };
            let signed = self.theirs_signed(&envelope)?;
            let theirs = || {
                let verified = if ed25519 {
                    peer::verify_envelope_ed25519(black_box(&signed), &self.public) == Ok(true)
                } else {
                    peer::verify_envelope_hmac(black_box(&signed), SECRET)
                };
                assert!(verified);
            };
            push(table, &format!("verify, {alg}"), ours, theirs, Target::AtLeast(verify_bound));
        }
        Ok(())
    }

    /// What the published crate's check of an envelope does: canonicalise, and verify with the sender's key.
    fn verify(&self, envelope: &Envelope, buffer: &mut Vec<u8>) -> bool {
        buffer.clear();
        canonical::write_envelope(envelope, buffer);
        let wanted = Wanted {
            sender: &envelope.header.sender,
            recipient: envelope.header.recipient.as_deref(),
            purpose: Use::Envelope,
            require: Require::Any,
            now_ms: self.now_ms,
        };
        envelope.signature().is_some_and(|signature| self.keys.verify(&wanted, buffer, signature).is_ok())
    }

    fn theirs_signed(&self, envelope: &Envelope) -> Result<peer::ProtocolEnvelope> {
        Ok(serde_json::from_str(&json::encode(envelope))?)
    }

    /// PF-04: what an envelope costs beside the signature alone.
    fn beside_the_primitive(&self, table: &mut Table) -> Result<()> {
        let mut envelope = self.envelope("a")?;
        let mut buffer = Vec::with_capacity(2 * LEN);
        self.signer.sign_envelope_with(Use::Envelope, &mut envelope, &mut buffer)?;
        let message = buffer.clone();
        let pair = Ed25519KeyPair::from_seed_unchecked(&SEED).map_err(|error| anyhow!("{error}"))?;
        let public = aws_lc_rs::signature::KeyPair::public_key(&pair);
        let public = ParsedPublicKey::new(&ED25519, public).map_err(|error| anyhow!("{error}"))?;
        let signature = pair.sign(&message);
        let sign_alone = cpu_nanos(|| {
            black_box(pair.sign(black_box(&message)));
        });
        let sign = cpu_nanos(|| {
            let signed = self.signer.sign_envelope_with(Use::Envelope, black_box(&mut envelope), &mut buffer);
            assert!(black_box(signed).is_ok());
        });
        let verify_alone = cpu_nanos(|| {
            assert!(public.verify_sig(black_box(&message), signature.as_ref()).is_ok());
        });
        let verify = cpu_nanos(|| assert!(self.verify(black_box(&envelope), &mut buffer)));
        for (name, whole, alone) in [("sign", sign, sign_alone), ("verify", verify, verify_alone)] {
            let more = (whole - alone) / 1e3;
            let cells = [
                format!("{name}, Ed25519, beside the primitive alone"),
                format!("{:.2} us more than {:.1} us", more, alone / 1e3),
            ];
            table.push(cells, more, Target::AtMost(BESIDE));
        }
        Ok(())
    }

    /// PF-05: everything that the safe profile checks of a request, against what the published crate checks.
    fn whole_request(&mut self, table: &mut Table) -> Result<()> {
        let body = vec![b'x'; 1024];
        let coverage = Coverage::default();
        let fields = [("content-type", &b"application/json"[..])];
        let request = |fields| Request {
            method: "POST",
            scheme: "https",
            authority: "service.example",
            target: "/v1/pay",
            fields,
            content: Content::of(black_box(&body)),
        };
        let message =
            RequestMessage { recipient: "service", ttl_ms: 60_000, capability: None, coverage: &coverage };
        let envelope = sign_request(&request(&fields), &message, &self.signer, self.now_ms, &OsRandom)?;
        let value = json::encode_ascii(&envelope);
        let lines = [fields[0], (ENVELOPE_FIELD, value.as_bytes())];
        let route = Route::new("service");
        let mut register = Register::new(Register::DEFAULT_CAPACITY);
        let check = |register: &mut Register| -> Result<Reserved> {
            let verified = verify_request(&request(&lines), &route, &self.keys, self.now_ms)?;
            let key = verified.authentic.replay_key();
            let until = verified.authentic.remembered_until_ms();
            Ok(register.reserve(&key, verified.authentic.sender(), until, self.now_ms)?)
        };
        assert_eq!(check(&mut register)?, Reserved::Fresh);
        let ours = cpu_nanos(|| assert!(matches!(check(&mut register), Ok(Reserved::Replay))));
        let headers = HashMap::from([(ENVELOPE_FIELD.to_owned(), value.clone())]);
        let registry =
            peer::http::StaticKeyRegistry::new(HashMap::from([("alice".to_owned(), self.public.clone())]));
        let theirs = cpu_nanos(|| {
            assert!(peer::http::verify_http_envelope(black_box(&headers), &registry, None, true).is_ok());
        });
        let cells = [
            "verify a whole request of 1 KiB: parse, validate, recipient, signature, binding, replay"
                .to_owned(),
            format!("{:.0}/s; the crate, parse, validate and signature: {:.0}/s", 1e9 / ours, 1e9 / theirs),
        ];
        table.push(cells, (1e9 / ours).round(), Target::AtLeast((1e9 / theirs).round()));
        Ok(())
    }
}

/// PF-06: a register with a million entries that live.
fn replays(table: &mut Table) -> Result<()> {
    const LIVE: u64 = 1_000_000;
    const CALLS: u64 = 500_000;
    let key = |n: u64| Key::of_message("sender", &n.to_string(), "nonce");
    let mut best = (f64::INFINITY, Duration::MAX);
    let mut bytes = 0;
    for _ in 0..3 {
        let mut register = Register::new(usize::try_from(LIVE + CALLS)?);
        bytes = count(|| drop(black_box(Register::new(LIVE as usize)))).bytes_max;
        let mut reserve = |n: u64, now_ms: i64| {
            let sender =
                ["a", "b", "c", "d", "e", "f", "g", "h"].get((n % 8) as usize).copied().unwrap_or("i");
            register.reserve(&key(n), sender, now_ms + 90_000, now_ms)
        };
        for n in 0..LIVE {
            reserve(n, 0).context("full")?;
        }
        // As many leave as come, while a million live: half of the calls are timed together, half each for itself.
        let mut call = |n: u64| -> Result<()> {
            let now_ms = 90_000 + i64::try_from(n / 10)?;
            assert_eq!(reserve(LIVE + n, now_ms), Ok(Reserved::Fresh));
            Ok(())
        };
        let start = cpu();
        (0..CALLS / 2).try_for_each(&mut call)?;
        let each = (cpu() - start).as_nanos() as f64 / (CALLS / 2) as f64 / 1e3;
        let mut longest = Duration::ZERO;
        for n in CALLS / 2..CALLS {
            let before = cpu();
            call(n)?;
            longest = longest.max(cpu() - before);
        }
        best = (best.0.min(each), best.1.min(longest));
    }
    let cells =
        ["remember a message, 1,000,000 live, digest included".to_owned(), format!("{:.2} us", best.0)];
    table.push(cells, best.0, Target::AtMost(2.0));
    let longest = best.1.as_secs_f64() * 1e3;
    let cells = ["the longest of 250,000 such calls".to_owned(), format!("{longest:.3} ms")];
    table.push(cells, longest, Target::AtMost(1.0));
    let each = bytes as f64 / LIVE as f64;
    let cells = ["memory for each entry".to_owned(), format!("{each:.0} B")];
    table.push(cells, each, Target::None);
    Ok(())
}

/// The same envelope for the published crate.
fn theirs(envelope: &Envelope) -> Result<peer::ProtocolEnvelope> {
    Ok(serde_json::from_str(&json::encode(envelope))?)
}

fn push(table: &mut Table, name: &str, mut ours: impl FnMut(), mut theirs: impl FnMut(), target: Target) {
    // One call each before counting, so that buffers have their size.
    ours();
    let (allocated, theirs_allocated) = (count(&mut ours), count(&mut theirs));
    let (our_nanos, their_nanos) = (cpu_nanos(ours), cpu_nanos(theirs));
    let ratio = their_nanos / our_nanos;
    let cells = [
        name.to_owned(),
        format!("{our_nanos:.0}"),
        format!("{their_nanos:.0}"),
        format!("{ratio:.2}"),
        allocated.count_total.to_string(),
        theirs_allocated.count_total.to_string(),
        allocated.bytes_total.to_string(),
        theirs_allocated.bytes_total.to_string(),
    ];
    table.push(cells, ratio, target);
}
