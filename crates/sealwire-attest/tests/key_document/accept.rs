//! AT-41, AT-42, AT-44: what a client accepts, each rule on both sides of its boundary, with genuine evidence under
//! a development root.

use super::{key, sample};
use sealwire_attest::{
    Binding, Endorsements, Evidence, KeyDocument, Kind, Policy, UnixTime, Verifier,
    key_document::{
        Acceptance, Age, OperatorGround, Published, Seen, Wanted, accept, operator::OperatorStatement,
        report_data,
    },
    revocation::RevocationList,
    verdict::Denial,
};
use sealwire_crypto::{digest::sha384, random::OsRandom, sign::ed25519::SigningKey};
use sealwire_tee::development::forge::Forge;
use std::{
    path::Path,
    sync::OnceLock,
    time::{Duration, SystemTime},
};

const CHALLENGE: [u8; 32] = [0x42; 32];

struct World {
    forge: Forge,
    verifier: Verifier,
    at: UnixTime,
}

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| {
        let forge = Forge::open(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("development-root")).unwrap();
        let verifier = Verifier::new(&[forge.development().root_fingerprint()]);
        let at = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        World { forge, verifier, at: UnixTime(at) }
    })
}

/// Accepts this machine's evidence for at most an hour and ten minutes after it was made.
fn policy(head: &str) -> Policy {
    let root = hex::encode(world().forge.development().root_fingerprint());
    let measurement = hex::encode(world().forge.development().measurement());
    Policy::from_toml(&format!(
        r#"
            version = 1
            max-lifetime = "2h"
            max-age = "1h"
            grace = "10m"
            {head}
            [[accept]]
            kind = "development"
            roots = ["sha256:{root}"]
            measurement = ["{measurement}"]
            host-data = {{ any = "the development TEE has none" }}
            minimum-tcb = {{ bootloader = 0, tee = 0, snp = 0, microcode = 0 }}
            crl = "if-available"
            vmpl = 0
        "#
    ))
    .unwrap()
}

const ANY: &str = "any-operator = true";

/// Makes evidence for the bytes of a document.
type Attest = Box<dyn Fn(&[u8]) -> Evidence>;

/// One attempt: the document as it is published, and what a client has to say to it.
struct Attempt {
    document: KeyDocument,
    evidence: Attest,
    endorsements: Endorsements,
    policy: Policy,
    authority: String,
    challenge: Vec<u8>,
    seen: Seen,
}

/// Evidence over the document, and over a challenge if there is one.
fn over(challenge: &[u8]) -> Attest {
    let challenge = challenge.to_vec();
    Box::new(move |document| {
        let report_data = report_data(document, Kind::Development, &challenge);
        world().forge.report(&report_data, |_| {}).unwrap()
    })
}

fn attempt(change: impl FnOnce(&mut Attempt)) -> Result<Acceptance, Denial> {
    let World { forge, verifier, at } = world();
    let mut attempt = Attempt {
        document: sample(*at),
        evidence: over(&[]),
        endorsements: forge.endorsements(),
        policy: policy(ANY),
        authority: "gateway.example".to_owned(),
        challenge: Vec::new(),
        seen: Seen::default(),
    };
    change(&mut attempt);
    let document = attempt.document.encode();
    let evidence = (attempt.evidence)(&document);
    let published = Published { document, evidence: evidence.into(), endorsements: attempt.endorsements };
    let Attempt { policy, authority, challenge, seen, .. } = attempt;
    accept(&published, verifier, &policy, Wanted::Gateway(&authority), &challenge, seen, *at)
}

/// The codes of the rules that failed; none when it was accepted.
fn codes(change: impl FnOnce(&mut Attempt)) -> Vec<&'static str> {
    match attempt(change) {
        Ok(_) => Vec::new(),
        Err(denial) => denial.reasons.iter().map(|reason| reason.code).collect(),
    }
}

const NONE: [&str; 0] = [];

fn after(seconds: i64) -> UnixTime {
    UnixTime(world().at.0.checked_add_signed(seconds).unwrap())
}

// AT-41, AT-07
#[test]
fn a_sound_document_is_accepted() {
    let acceptance = attempt(|attempt| attempt.document.issued_at = after(-30)).unwrap();
    assert_eq!(acceptance.document.get().serial, 7);
    assert_eq!(acceptance.age, Age::SelfAsserted(Duration::from_secs(30)));
    assert_eq!(acceptance.age.name(), "self-asserted");
    assert_eq!(acceptance.operator, OperatorGround::Any);
    assert!(acceptance.claims.get().development);
    assert!(acceptance.document.claims().development);
}

// AT-41
#[test]
fn the_issue_is_not_in_the_future() {
    let issued = |seconds| {
        codes(|attempt| {
            attempt.document.issued_at = after(seconds);
            attempt.document.not_after = after(seconds + 3600);
            attempt.document.keys = vec![key(1, after(0))];
        })
    };
    assert_eq!(issued(60), NONE);
    assert_eq!(issued(61), ["document-from-the-future"]);
}

// AT-41
#[test]
fn the_document_has_not_ended() {
    let ended = |seconds| {
        codes(|attempt| {
            attempt.document.issued_at = after(-600);
            attempt.document.not_after = after(seconds);
            attempt.document.keys = vec![key(1, after(-600))];
        })
    };
    assert_eq!(ended(0), NONE);
    assert_eq!(ended(-1), ["document-expired"]);
}

// AT-41
#[test]
fn the_lifetime_is_the_policys_to_limit() {
    let lifetime = |seconds| codes(|attempt| attempt.document.not_after = after(seconds));
    assert_eq!(lifetime(7200), NONE);
    assert_eq!(lifetime(7201), ["document-lifetime"]);
}

// AT-41
#[test]
fn the_age_is_the_policys_to_limit() {
    let aged = |seconds: i64| {
        move |attempt: &mut Attempt| {
            attempt.document.issued_at = after(-seconds);
            attempt.document.not_after = after(1);
            attempt.document.keys = vec![key(1, after(-seconds))];
        }
    };
    assert_eq!(codes(aged(3600 + 600)), NONE);
    assert_eq!(codes(aged(3600 + 601)), ["document-too-old"]);
    // Evidence over the client's own challenge is fresh, whatever the document says of itself.
    let challenged = attempt(|attempt| {
        aged(3600 + 601)(attempt);
        attempt.evidence = over(&CHALLENGE);
        attempt.challenge = CHALLENGE.to_vec();
    });
    let age = challenged.unwrap().age;
    assert_eq!((age, age.name()), (Age::Challenged, "challenged"));
}

// AT-41
#[test]
fn the_document_ends_before_what_is_underneath() {
    let world = world();
    let mut leaf = world.forge.usual_leaf();
    leaf.not_after = after(1800);
    let endorsements = world.forge.endorsements_with(&leaf).unwrap();
    let ends = |seconds| {
        codes(|attempt| {
            attempt.endorsements = endorsements.clone();
            attempt.document.not_after = after(seconds);
        })
    };
    assert_eq!(ends(1800), NONE);
    assert_eq!(ends(1801), ["document-outlives-evidence"]);
}

// AT-44
#[test]
fn a_key_is_live() {
    let begins = |seconds| codes(|attempt| attempt.document.keys = vec![key(1, after(seconds))]);
    assert_eq!(begins(60), NONE);
    assert_eq!(begins(61), ["no-live-key"]);
    let ends = |seconds| {
        codes(|attempt| {
            attempt.document.issued_at = after(-600);
            attempt.document.keys = vec![key(1, after(-600))];
            attempt.document.keys[0].not_after = after(seconds);
        })
    };
    assert_eq!(ends(0), NONE);
    assert_eq!(ends(-1), ["no-live-key"]);
    // One of several is enough.
    assert_eq!(codes(|attempt| attempt.document.keys[0].not_before = after(100)), NONE);
}

// AT-41
#[test]
fn serials_go_up_within_an_instance() {
    let seen = |instance, serial| codes(|attempt| attempt.seen = Seen { serial: Some((instance, serial)) });
    assert_eq!(seen([1; 16], 6), NONE);
    assert_eq!(seen([1; 16], 7), NONE);
    assert_eq!(seen([1; 16], 8), ["serial-went-back"]);
    assert_eq!(seen([2; 16], 8), NONE);
}

// SE-07
#[test]
fn the_authority_is_served() {
    let wanted = |authority: &str| codes(|attempt| attempt.authority = authority.to_owned());
    for name in ["gateway.example", "GATEWAY.example:443", "127.0.0.1:8443"] {
        assert_eq!(wanted(name), NONE, "{name}");
    }
    for name in
        ["other.example", "gateway.example:8443", "127.0.0.1", "", "x@gateway.example", "gateway.example."]
    {
        assert_eq!(wanted(name), ["authority-not-served"], "{name}");
    }
}

// AT-44
#[test]
fn the_role_is_gateway() {
    assert_eq!(codes(|attempt| attempt.document.role = "client".to_owned()), ["role"]);
}

// AT-40
#[test]
fn a_challenge_has_32_to_64_bytes() {
    let challenge = |len: usize| {
        let challenge = vec![7; len];
        codes(|attempt| {
            attempt.evidence = over(&challenge);
            attempt.challenge = challenge;
        })
    };
    assert_eq!(challenge(0), NONE);
    assert_eq!(challenge(1), ["challenge-length"]);
    assert_eq!(challenge(31), ["challenge-length"]);
    assert_eq!(challenge(32), NONE);
    assert_eq!(challenge(64), NONE);
    assert_eq!(challenge(65), ["challenge-length"]);
}

// AT-04, AT-42
#[test]
fn the_evidence_is_over_this_document_and_challenge() {
    let evidence = |evidence: fn(&[u8]) -> Evidence, challenge: &[u8]| {
        codes(|attempt| {
            attempt.evidence = Box::new(evidence);
            attempt.challenge = challenge.to_vec();
        })
    };
    // Another document, by one byte.
    let other = |document: &[u8]| {
        let mut other = document.to_vec();
        *other.last_mut().unwrap() ^= 1;
        over(&[])(&other)
    };
    assert_eq!(evidence(other, &[]), ["binding"]);
    // No challenge where one was sent, another one, and one where none was sent.
    assert_eq!(evidence(|document| over(&[])(document), &CHALLENGE), ["binding"]);
    assert_eq!(evidence(|document| over(&[0x43; 32])(document), &CHALLENGE), ["binding"]);
    assert_eq!(evidence(|document| over(&CHALLENGE)(document), &[]), ["binding"]);
    assert_eq!(evidence(|document| over(&CHALLENGE)(document), &CHALLENGE), NONE);
    // Made for another use or by another role.
    fn bound(usage: &str, role: &str, document: &[u8]) -> Evidence {
        let kind = Kind::Development;
        let binding = Binding { usage, role, kind, bound: document, challenge: &[], companions: &[] };
        world().forge.report(&binding.digest(), |_| {}).unwrap()
    }
    assert_eq!(evidence(|document| bound("handshake", "gateway", document), &[]), ["binding"]);
    assert_eq!(evidence(|document| bound("key-document", "client", document), &[]), ["binding"]);
    assert_eq!(evidence(|document| bound("key-document", "gateway", document), &[]), NONE);
    // Under the label of hardware.
    let labelled = |document: &[u8]| Evidence { kind: Kind::Snp, ..over(&[])(document) };
    assert_eq!(evidence(labelled, &[]).len(), 1);
}

// AT-42: nothing that is not genuine, whatever the policy.
#[test]
fn evidence_has_to_be_genuine() {
    assert_eq!(codes(|attempt| attempt.endorsements = Endorsements::default()), ["endorsement-missing"]);
    let broken = |document: &[u8]| {
        let mut evidence = over(&[])(document);
        evidence.bytes[0x2a0] ^= 1;
        evidence
    };
    assert_eq!(codes(|attempt| attempt.evidence = Box::new(broken)), ["signature"]);
}

// AT-08
#[test]
fn a_document_that_cannot_be_read_is_refused() {
    assert_eq!(codes(|attempt| attempt.document.keys.clear()), ["key-document-malformed"]);
}

// AT-42: every rule that failed is told, the policy's and the document's.
#[test]
fn all_reasons_are_told() {
    let denial = attempt(|attempt| {
        attempt.evidence = Box::new(|document| {
            let report_data = report_data(document, Kind::Development, &[]);
            world().forge.report(&report_data, |body| body[0x0a] |= 0x08).unwrap()
        });
        attempt.document.issued_at = after(-3 * 3600);
        attempt.document.not_after = after(-1);
        attempt.document.keys = vec![key(1, after(-3 * 3600 - 24 * 3600 + 1))];
        attempt.document.role = "client".to_owned();
        attempt.authority = "other.example".to_owned();
        attempt.seen = Seen { serial: Some(([1; 16], 8)) };
        attempt.policy = policy(&digests([9; 48]));
    })
    .unwrap_err();
    let codes: Vec<_> = denial.reasons.iter().map(|reason| reason.code).collect();
    assert_eq!(codes[0], "debug", "{codes:?}");
    assert_eq!(
        codes[1..],
        [
            "document-expired",
            "document-lifetime",
            "no-live-key",
            "document-too-old",
            "role",
            "authority-not-served",
            "serial-went-back",
            "operator",
        ]
    );
    let lifetime = denial.reasons.iter().find(|reason| reason.code == "document-lifetime").unwrap();
    assert_eq!((lifetime.expected.as_str(), lifetime.found.as_str()), ("7200 s", "10799 s"));
}

fn digests(digest: [u8; 48]) -> String {
    format!("config-digests = [\"sha384:{}\"]", hex::encode(digest))
}

fn keys(key: &SigningKey) -> String {
    format!("operator-keys = [\"ed25519:{}\"]", hex::encode(key.public_key()))
}

// AT-44
#[test]
fn a_pinned_configuration_is_a_ground() {
    let ground =
        |digest| attempt(|attempt| attempt.policy = policy(&digests(digest))).map(|found| found.operator);
    assert_eq!(ground([3; 48]).unwrap(), OperatorGround::ConfigDigest);
    let denial = ground([4; 48]).unwrap_err();
    assert_eq!(denial.reasons[0].code, "operator");
    assert!(denial.reasons[0].found.contains("no statement"), "{denial:?}");
    // What is pinned stands beside what was found.
    assert_eq!(denial.reasons[0].expected, format!("digest {}", hex::encode([4; 48])));
}

// AT-44
#[test]
fn a_statement_under_a_pinned_key_is_a_ground() {
    let operator = SigningKey::generate(&OsRandom).unwrap();
    let measurement = world().forge.development().measurement();
    let names = sample(world().at).authorities;
    let sign = |key: &SigningKey, names: &[String], digest: [u8; 48], measurement: &[u8]| {
        Some(OperatorStatement::sign(key, names, digest, measurement).unwrap())
    };
    let found = |statement: Option<OperatorStatement>| {
        let answer = attempt(|attempt| {
            attempt.document.operator = statement;
            attempt.policy = policy(&keys(&operator));
        });
        match answer {
            Ok(acceptance) => Ok(acceptance.operator),
            Err(denial) => {
                assert_eq!(denial.reasons.len(), 1);
                assert_eq!(denial.reasons[0].code, "operator");
                Err(denial.reasons[0].found.split(';').next().unwrap().to_owned())
            }
        }
    };
    let sound = sign(&operator, &names, [3; 48], &measurement);
    assert_eq!(found(sound.clone()), Ok(OperatorGround::Signed(operator.public_key())));
    assert_eq!(found(None).unwrap_err(), "no statement");

    let other = SigningKey::generate(&OsRandom).unwrap();
    let stranger = found(sign(&other, &names, [3; 48], &measurement)).unwrap_err();
    assert_eq!(stranger, "a statement under a key that is not pinned");
    let mut forged = sign(&other, &names, [3; 48], &measurement);
    forged.as_mut().unwrap().key = operator.public_key();
    assert_eq!(found(forged).unwrap_err(), "a statement whose signature does not verify");

    // Fewer names, more names, another configuration, another measurement: all of them genuinely signed.
    let fewer = found(sign(&operator, &names[..1], [3; 48], &measurement)).unwrap_err();
    assert_eq!(fewer, "a statement for other authorities");
    let more = [&names[..], &["more.example".to_owned()]].concat();
    assert_eq!(found(sign(&operator, &more, [3; 48], &measurement)).unwrap_err(), fewer);
    let configuration = found(sign(&operator, &names, [4; 48], &measurement)).unwrap_err();
    assert_eq!(configuration, "a statement for another configuration");
    let measured = found(sign(&operator, &names, [3; 48], &[9; 48])).unwrap_err();
    assert_eq!(measured, "a statement for another measurement");
}

// AT-44: the strongest ground that holds is told, and a worthless statement takes nothing away.
#[test]
fn grounds_have_an_order() {
    let operator = SigningKey::generate(&OsRandom).unwrap();
    let measurement = world().forge.development().measurement();
    let names = sample(world().at).authorities;
    let ground = |head: &str, digest| {
        attempt(|attempt| {
            attempt.document.operator =
                Some(OperatorStatement::sign(&operator, &names, digest, &measurement).unwrap());
            attempt.policy = policy(head);
        })
        .unwrap()
        .operator
    };
    let all = format!("{ANY}\n{}\n{}", keys(&operator), digests([3; 48]));
    assert_eq!(ground(&all, [3; 48]), OperatorGround::ConfigDigest);
    let two = format!("{ANY}\n{}", keys(&operator));
    assert_eq!(ground(&two, [3; 48]), OperatorGround::Signed(operator.public_key()));
    assert_eq!(ground(&two, [4; 48]), OperatorGround::Any);
}

// AT-07
#[test]
fn only_a_policy_that_names_the_root_accepts() {
    let root = hex::encode(world().forge.development().root_fingerprint());
    let other = "00".repeat(32);
    let text = format!(
        r#"
            version = 1
            any-operator = true
            [[accept]]
            kind = "development"
            roots = ["sha256:{other}"]
            measurement = {{ any = "whatever it is" }}
            host-data = {{ any = "whatever it is" }}
            minimum-tcb = {{ bootloader = 0, tee = 0, snp = 0, microcode = 0 }}
            crl = "if-available"
            vmpl = 0
        "#
    );
    let policy_of = |text: &str| Policy::from_toml(text).unwrap();
    assert!(!codes(|attempt| attempt.policy = policy_of(&text)).is_empty());
    assert_eq!(codes(|attempt| attempt.policy = policy_of(&text.replace(&other, &root))), NONE);
    assert!(!codes(|attempt| attempt.policy = Policy::without_policy()).is_empty());
}

// AT-25: a document whose operator's key is revoked, whatever ground it has besides; and one that is revoked itself.
#[test]
fn revoked_documents_and_operators_are_refused() {
    let (operator, revoker) =
        (SigningKey::generate(&OsRandom).unwrap(), SigningKey::generate(&OsRandom).unwrap());
    let revoking = |change: &dyn Fn(&mut RevocationList, &KeyDocument)| {
        codes(|attempt| {
            let authorities = attempt.document.authorities.clone();
            let measurement = world().forge.development().measurement();
            let statement = OperatorStatement::sign(&operator, &authorities, [3; 48], &measurement);
            attempt.document.operator = Some(statement.unwrap());
            let mut list = RevocationList::empty(1, after(-10), after(10));
            change(&mut list, &attempt.document);
            attempt.policy = policy(ANY);
            attempt.policy.pin_revocation_keys(&[revoker.public_key()]);
            attempt.policy = attempt.policy.with_revocation_list(&list.sign(&revoker).unwrap()).unwrap();
        })
    };
    assert_eq!(revoking(&|_, _| {}), NONE);
    assert_eq!(revoking(&|list, _| list.keys.extend([operator.public_key()])), ["revoked-key"]);
    let document = revoking(&|list, document| list.documents.extend([sha384(&[&document.encode()])]));
    assert_eq!(document, ["revoked-document"]);
}
