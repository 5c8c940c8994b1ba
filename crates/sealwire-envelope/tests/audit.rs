//! The audit log: vectors of both versions, the one writer, and what has to show.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used, clippy::panic)]

mod common;

use common::{Fixed, cases, record, signer, text, vectors};
use proptest::prelude::*;
use sealwire_crypto::random::OsRandom;
use sealwire_envelope::{
    Algorithm,
    audit::{
        Break, Checkpoint, Entry, Event, Head, Intervals, Keys, Kind, Log, Report, Signer, Why, hash,
        legacy::{self, Query},
        verify,
    },
    key::{self, KeyRecord, PrivateKey, SignError, Use},
};
use serde_json::{Value, json};

fn lines(case: &Value) -> Vec<&str> {
    case["lines"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect()
}

fn as_json(report: &Report) -> Value {
    match report.broken {
        Some(Break { at, why }) => json!({ "ok": false, "brokenAt": at, "reason": why.to_string() }),
        None => json!({ "ok": true, "length": report.length, "unsealed": report.unsealed }),
    }
}

// SP-71, SP-73, SP-74, SP-75, SP-16
#[test]
fn the_vectors_of_version_2_verify_as_expected() {
    let Some(file) = vectors("audit-v2") else { return };
    let keys = Keys::new(vec![record("gateway", "audit", &file["shared"]["keys"]["audit"], Use::Audit)]);
    for case in cases(&file) {
        let id = text(case, "id");
        let start = case["start"].as_str().map(|line| Checkpoint::from_line(line).unwrap());
        let head = case["expectedHead"].as_object().map(|head| Head {
            seq: head["seq"].as_u64().unwrap(),
            hash: hex::decode(head["hash"].as_str().unwrap()).unwrap().try_into().unwrap(),
        });
        let report = verify(lines(case), start.as_ref(), head, &keys);
        assert_eq!(as_json(&report), case["expect"], "{id}");
        let entries = lines(case).into_iter().filter_map(|line| Entry::from_line(line).ok().map(|_| line));
        for (line, expected) in entries.zip(case["entryHash"].as_array().into_iter().flatten()) {
            assert_eq!(hex::encode(hash(line)), expected.as_str().unwrap(), "{id}");
        }
    }
}

/// Writes the vectors' log again from what its lines say.
// SP-71, SP-72, SP-73, SP-74
#[test]
fn the_vectors_of_version_2_are_written_byte_for_byte() {
    let Some(file) = vectors("audit-v2") else { return };
    let by = signer("gateway", "audit", &file["shared"]["keys"]["audit"], Use::Audit);
    let mut log = Log::start(Signer::new(by).unwrap(), Intervals::default(), 0, &Fixed(0x44)).unwrap();
    let case = |id: &str| cases(&file).iter().find(|case| case["id"] == id).unwrap();
    for line in lines(case("five-with-checkpoint")) {
        match Entry::from_line(line) {
            Ok(entry) => {
                let pending = log.prepare(entry.event, entry.ts);
                assert_eq!(pending.line(), line);
                pending.commit();
            }
            Err(_) => {
                let ts = Checkpoint::from_line(line).unwrap().ts;
                assert_eq!(log.checkpoint(ts).unwrap().as_deref(), Some(line));
            }
        }
    }
    let second = lines(case("second-segment-from-checkpoint"));
    let rotation = log.rotate(Entry::from_line(second[0]).unwrap().ts).unwrap().unwrap();
    assert_eq!((rotation.checkpoint, rotation.segment.as_str()), (None, second[0]));
}

// EN-74, EN-75, EN-76, EN-77
#[test]
fn the_vectors_of_version_1_verify_and_are_signed_again() {
    let Some(file) = vectors("audit-v1") else { return };
    let key = record("gateway", "audit", &file["shared"], Use::Audit);
    let by = signer("gateway", "audit", &file["shared"], Use::Audit);
    for case in cases(&file) {
        let id = text(case, "id");
        let entries = legacy::from_json_array(case["entries"].to_string().as_bytes()).unwrap();
        let report = legacy::verify(&entries, &key);
        let expected = &case["expect"];
        assert_eq!(report.length as u64, expected["length"], "{id}");
        assert_eq!(report.broken.is_none(), expected["ok"].as_bool().unwrap(), "{id}");
        if let Some((at, why)) = report.broken {
            assert_eq!(
                (json!(at), json!(why.to_string())),
                (expected["brokenAt"].clone(), expected["reason"].clone())
            );
        }
        for (entry, canonical) in entries.iter().zip(case["canonical"].as_array().into_iter().flatten()) {
            assert_eq!(entry.canonical(), canonical.as_str().unwrap(), "{id}");
        }
        for entry in &entries {
            assert_eq!(&legacy::Entry::from_json(entry.to_json().as_bytes()).unwrap(), entry);
        }
        if report.broken.is_none() {
            let mut again = entries.clone();
            legacy::sign(&mut again, &by).unwrap();
            assert_eq!(again, entries, "{id}");
        }
    }
}

struct Audited {
    log: Log,
    keys: Keys,
    signer: key::Signer,
}

fn audited(intervals: Intervals) -> Audited {
    let key = || PrivateKey::from_seed(Algorithm::Ed25519, &[7; 32]).unwrap();
    let by = || key::Signer::private("gateway", "audit", key()).unwrap().with_uses(Use::Audit);
    let record =
        KeyRecord::public("gateway", "audit", key().public_key().unwrap()).unwrap().with_uses(Use::Audit);
    let log = Log::start(Signer::new(by()).unwrap(), intervals, 1_000, &OsRandom).unwrap();
    Audited { log, keys: Keys::new(vec![record]), signer: by() }
}

fn event(sender: &str) -> Event {
    Event {
        sender: Some(sender.to_owned()),
        path: Some("/api?token=1".to_owned()),
        ..Event::new(Kind::VerifyOk)
    }
}

fn append(log: &mut Log, sender: &str, now: u64) -> String {
    let pending = log.prepare(event(sender), now);
    let line = pending.line().to_owned();
    pending.commit();
    line
}

fn check(lines: &[String], head: Option<Head>, keys: &Keys) -> Result<u64, (usize, Why)> {
    let report = verify(lines.iter().map(String::as_str), None, head, keys);
    report.broken.map_or(Ok(report.unsealed), |broken| Err((broken.at, broken.why)))
}

// SP-72: an entry that could not be written leaves its place to the next.
#[test]
fn an_entry_that_was_not_written_does_not_break_the_chain() {
    let Audited { mut log, keys, .. } = audited(Intervals::default());
    let mut lines = vec![append(&mut log, "a", 1)];
    let lost = log.prepare(event("lost"), 2).line().to_owned();
    assert_eq!(log.count(), 1);
    lines.push(append(&mut log, "b", 3));
    assert_ne!(lines[1], lost);
    assert_eq!(check(&lines, None, &keys), Ok(2));
}

// SP-72: two writers with one tip make two chains, and no third party takes both.
#[test]
fn a_forked_audit_log_shows() {
    let Audited { mut log, keys, .. } = audited(Intervals::default());
    let first = append(&mut log, "a", 1);
    let other = log.prepare(event("hidden"), 2).line().to_owned();
    let second = append(&mut log, "b", 2);
    let checkpoint = log.checkpoint(3).unwrap().unwrap();
    let genuine = [first.clone(), second.clone(), checkpoint.clone()];
    assert_eq!(check(&genuine, None, &keys), Ok(0));
    // One behind the other, the other in place of the one, and the other against what was sent elsewhere.
    let both = [first.clone(), second, other.clone()];
    assert_eq!(check(&both, None, &keys), Err((2, Why::SeqGap)));
    let replaced = [first.clone(), other.clone(), checkpoint.clone()];
    assert_eq!(check(&replaced, None, &keys), Err((2, Why::CheckpointMismatch)));
    let head = Head::from(&Checkpoint::from_line(&checkpoint).unwrap());
    assert_eq!(check(&[first, other], Some(head), &keys), Err((1, Why::CheckpointMismatch)));
}

// SP-75
#[test]
fn a_cut_tail_shows_against_a_checkpoint_from_elsewhere() {
    let Audited { mut log, keys, .. } = audited(Intervals::default());
    let mut lines: Vec<_> = ["a", "b", "c"].iter().map(|sender| append(&mut log, sender, 1)).collect();
    let head = Head::from(&Checkpoint::from_line(&log.checkpoint(2).unwrap().unwrap()).unwrap());
    assert_eq!(check(&lines, Some(head), &keys), Ok(3));
    lines.pop();
    assert_eq!(check(&lines, None, &keys), Ok(2), "nobody can tell from the rest alone");
    assert_eq!(check(&lines, Some(head), &keys), Err((2, Why::Truncated)));
    assert_eq!(check(&[], Some(head), &keys), Err((0, Why::Truncated)));
}

// SP-73
#[test]
fn checkpoints_are_due_by_count_and_by_time_with_news() {
    let Audited { mut log, .. } = audited(Intervals { entries: 3, time_ms: 60_000 });
    assert!(!log.is_checkpoint_due(10_000_000), "no news");
    assert_eq!(log.checkpoint(1).unwrap(), None);
    append(&mut log, "a", 1_000);
    assert!(!log.is_checkpoint_due(60_999));
    assert!(log.is_checkpoint_due(61_000));
    assert!(log.checkpoint(61_000).unwrap().is_some());
    assert_eq!(log.checkpoint(61_000).unwrap(), None, "nothing new");
    append(&mut log, "b", 61_001);
    append(&mut log, "c", 61_002);
    assert!(!log.is_checkpoint_due(61_003));
    append(&mut log, "d", 61_003);
    assert!(log.is_checkpoint_due(61_003));
}

// SP-73: whoever holds the file can write entries, and cannot sign.
#[test]
fn a_rewritten_log_has_no_checkpoint() {
    let Audited { mut log, keys, .. } = audited(Intervals::default());
    append(&mut log, "a", 1);
    let checkpoint = log.checkpoint(2).unwrap().unwrap();
    let mut forged = Checkpoint::from_line(&checkpoint).unwrap();
    let Audited { log: mut other, .. } = audited(Intervals::default());
    let entry = append(&mut other, "forged", 1);
    (forged.log, forged.hash) = (*other.id(), hash(&entry));
    assert_eq!(check(&[entry, forged.to_line()], None, &keys), Err((1, Why::BadCheckpointSignature)));
}

// SP-74
#[test]
fn old_segments_can_be_deleted_and_none_can_be_exchanged() {
    let Audited { mut log, keys, .. } = audited(Intervals::default());
    assert_eq!(log.rotate(1).unwrap(), None, "there is nothing to end");
    append(&mut log, "a", 1);
    let rotation = log.rotate(2).unwrap().unwrap();
    let start = Checkpoint::from_line(&rotation.checkpoint.unwrap()).unwrap();
    let mut rest = vec![rotation.segment, append(&mut log, "b", 3)];
    let from = |start: Option<&Checkpoint>, lines: &[String]| {
        verify(lines.iter().map(String::as_str), start, None, &keys).broken.map(|broken| broken.why)
    };
    assert_eq!(from(Some(&start), &rest), None);
    assert_eq!(from(None, &rest), Some(Why::SeqGap));
    let forged = Checkpoint { seq: 5, ..start.clone() };
    assert_eq!(from(Some(&forged), &rest), Some(Why::BadCheckpointSignature));
    // The first entry of a segment repeats the signature of the checkpoint before it.
    let mut first = Entry::from_line(&rest[0]).unwrap();
    first.event.detail = Some("another".to_owned());
    rest[0] = first.to_line();
    assert_eq!(from(Some(&start), &rest[..1]), Some(Why::CheckpointMismatch));
}

// SP-76
#[test]
fn values_are_bounded_and_paths_have_no_query() {
    let Audited { mut log, keys, .. } = audited(Intervals::default());
    let mut long = event(&"é".repeat(200));
    long.reason = Some("r".repeat(300));
    let pending = log.prepare(long, 1);
    let line = pending.line().to_owned();
    pending.commit();
    let entry = Entry::from_line(&line).unwrap();
    assert_eq!(entry.event.path.as_deref(), Some("/api"));
    assert_eq!(entry.event.sender.map(|sender| sender.len()), Some(256));
    assert_eq!(entry.event.reason.map(|reason| reason.len()), Some(256));
    assert_eq!(check(&[line], None, &keys), Ok(1));
}

// SP-17, SP-73
#[test]
fn keys_for_other_uses_neither_sign_nor_verify_checkpoints() {
    let key = || PrivateKey::from_seed(Algorithm::Ed25519, &[7; 32]).unwrap();
    let by = key::Signer::private("gateway", "audit", key()).unwrap();
    assert_eq!(Signer::new(by).err(), Some(SignError::Use));
    let Audited { mut log, .. } = audited(Intervals::default());
    let lines = [append(&mut log, "a", 1), log.checkpoint(2).unwrap().unwrap()];
    let record = KeyRecord::public("gateway", "audit", key().public_key().unwrap()).unwrap();
    assert_eq!(check(&lines, None, &Keys::new(vec![record])), Err((1, Why::BadCheckpointSignature)));
}

// SP-77
#[test]
fn old_verifiers_take_what_is_exported() {
    let Audited { mut log, signer, .. } = audited(Intervals::default());
    let kinds = [Kind::Config, Kind::VerifyOk, Kind::Replay, Kind::Segment];
    let entries: Vec<Entry> = kinds
        .into_iter()
        .map(|kind| {
            let pending = log.prepare(Event { status: Some(200), ..Event::new(kind) }, 5);
            let entry = Entry::from_line(pending.line()).unwrap();
            pending.commit();
            entry
        })
        .collect();
    let exported = legacy::export(&entries, &signer).unwrap();
    let record = KeyRecord::public(
        "gateway",
        "audit",
        PrivateKey::from_seed(Algorithm::Ed25519, &[7; 32]).unwrap().public_key().unwrap(),
    );
    assert_eq!(legacy::verify(&exported, &record.unwrap().with_uses(Use::Audit)).broken, None);
    assert_eq!(exported.len(), 2);
    assert_eq!(exported[1].fail_reason.as_deref(), Some("replay-detected"));
}

// EN-77
#[test]
fn queries_give_the_last_ones_that_fit() {
    let entry = |at: u64, sender: &str| {
        let text = json!({ "id": "audit-1-0011223344", "timestampMs": at, "type": "verify-ok", "sender": sender,
            "prevHash": "", "entrySignature": "" });
        legacy::Entry::from_json(text.to_string().as_bytes()).unwrap()
    };
    let entries = [entry(1, "a"), entry(2, "b"), entry(3, "a"), entry(4, "a")];
    let times =
        |query: Query| query.select(&entries).iter().map(|entry| entry.timestamp_ms).collect::<Vec<_>>();
    assert_eq!(times(Query { sender: Some("a".to_owned()), limit: Some(2), ..Query::default() }), [3, 4]);
    assert_eq!(times(Query { since_ms: Some(2), ..Query::default() }), [2, 3, 4]);
    assert_eq!(times(Query { kind: Some(Kind::VerifyFail), ..Query::default() }), [] as [u64; 0]);
}

fn option() -> impl Strategy<Value = Option<String>> {
    prop::option::of(prop::string::string_regex("(?s).{0,20}").unwrap())
}

proptest! {
    // SP-71
    #[test]
    fn entries_survive_their_line(detail in option(), reason in option(), sender in option(), status in any::<Option<u16>>()) {
        let Audited { mut log, keys, .. } = audited(Intervals::default());
        let event = Event { detail, reason, sender, status: status.map(u64::from), ..Event::new(Kind::VerifyFail) };
        let pending = log.prepare(event.clone(), 9);
        let line = pending.line().to_owned();
        pending.commit();
        prop_assert_eq!(Entry::from_line(&line).unwrap().event, event);
        prop_assert_eq!(check(&[line], None, &keys), Ok(1));
    }

    // SP-75
    #[test]
    fn no_change_of_one_byte_goes_unseen(at in any::<prop::sample::Index>(), with in 0x20u8..0x7f) {
        let Audited { mut log, keys, .. } = audited(Intervals::default());
        let mut lines = vec![append(&mut log, "a", 1), append(&mut log, "b", 2), log.checkpoint(3).unwrap().unwrap()];
        let text = lines.join("\n");
        let at = at.index(text.len());
        prop_assume!(text.as_bytes()[at] != b'\n' && text.as_bytes()[at] != with);
        let mut changed = text.into_bytes();
        changed[at] = with;
        lines = String::from_utf8(changed).unwrap().split('\n').map(str::to_owned).collect();
        prop_assert!(check(&lines, None, &keys).is_err());
    }
}
