//! Verdicts (AT-80, AT-81, AT-23) and the table of checks (AT-03).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use common::{
    machine::{DEBUG_BIT, Machine, Model, NOT_AFTER, NOW, at},
    samples::{MILAN_LAST, MILAN_TIME, milan, sample},
    tpm::{Ak, Log, SHA256, Tpm},
};
use sealwire_attest::{
    Endorsements, Error, Evidence, Kind, Place, Policy, UnixTime, Verdict, Verifier,
    event_log::{Bank, replay},
    verdict::{ear::Terms, judge},
    verify::Expected,
};
use sealwire_crypto::{random::OsRandom, sign::ed25519};
use std::collections::BTreeMap;

fn without_policy(evidence: Result<Evidence, Error>, endorsements: &Endorsements, at: UnixTime) -> Verdict {
    judge(&Verifier::new(&[]), evidence, endorsements, None, Expected::Unbound, at)
}

fn with_policy(machine: &Machine, more: &str) -> Verdict {
    let policy = format!(
        "version = 1\nany-operator = true\n[[accept]]\nkind = \"development\"\nroots = [\"sha256:{}\"]\n\
         measurement = {{ any = \"a test\" }}\nhost-data = {{ any = \"a test\" }}\n{more}",
        hex::encode(machine.fingerprint())
    );
    let policy = Policy::from_toml(&policy).unwrap();
    let verifier = Verifier::new(&policy.development_roots());
    judge(&verifier, Ok(machine.evidence()), &machine.endorsements(), Some(&policy), Expected::Unbound, NOW)
}

fn json(verdict: &Verdict) -> serde_json::Value {
    serde_json::to_value(verdict).unwrap()
}

// AT-81: the fields and their order.
#[test]
fn an_accepted_verdict_has_its_fields() {
    let Some((evidence, endorsements)) = milan() else { return };
    let verdict = without_policy(Ok(evidence), &endorsements, MILAN_TIME);
    let json = json(&verdict);
    let fields: Vec<_> = json.as_object().unwrap().keys().cloned().collect();
    assert_eq!(fields, ["verdict", "exit", "kind", "reasons", "claims", "checks"]);
    assert_eq!(json["verdict"], "accepted");
    assert_eq!(json["exit"], 0);
    assert_eq!(json["kind"], "snp");
    assert_eq!(json["reasons"], serde_json::json!([]));
    let claims: Vec<_> = json["claims"].as_object().unwrap().keys().cloned().collect();
    let expected = [
        "kind",
        "development",
        "hardware-model",
        "product",
        "signer",
        "firmware",
        "versions",
        "security-version",
        "measurements",
        "tcb",
        "launch-tcb",
        "tcb-status",
        "advisories",
        "tcb-date",
        "tcb-evaluation",
        "debug",
        "attributes",
        "report-data",
        "made-at",
        "root",
        "not-after",
        "companions",
    ];
    assert_eq!(claims, expected);
    assert_eq!(json["claims"]["not-after"], "2030-04-03T19:23:43Z");
    let checks: Vec<_> = json["checks"].as_object().unwrap().keys().cloned().collect();
    let expected = [
        "format",
        "chain",
        "validity",
        "revocation",
        "signature",
        "tcb",
        "attributes",
        "binding",
        "freshness",
    ];
    assert_eq!(checks, expected);
    assert_eq!(json["checks"]["signature"]["outcome"], "passed");
    assert_eq!(json["checks"]["revocation"]["outcome"], "not-supplied");
    assert_eq!(json["checks"]["freshness"]["outcome"], "not-available");
}

// AT-80: 10 malformed.
#[test]
fn malformed_evidence_exits_with_10() {
    let Some((evidence, endorsements)) = milan() else { return };
    let cut = Evidence::detect(&evidence.bytes[..1183], None);
    let verdict = without_policy(cut, &endorsements, MILAN_TIME);
    assert_eq!((verdict.verdict, verdict.exit), ("malformed", 10));
    assert_eq!(verdict.reasons[0].code, "length");
    assert_eq!(verdict.reasons[0].rule, "format");
    let json = json(&verdict);
    assert_eq!(json["claims"], serde_json::Value::Null);
    assert_eq!(json["checks"]["format"]["outcome"], "failed");
    assert_eq!(json["checks"]["chain"]["outcome"], "not-reached");
}

// AT-80: 20 not genuine; what ran before the failure says how it came out.
#[test]
fn evidence_that_is_not_genuine_exits_with_20() {
    let Some((mut evidence, endorsements)) = milan() else { return };
    let late = without_policy(Ok(evidence.clone()), &endorsements, UnixTime(MILAN_LAST.0 + 1));
    assert_eq!((late.verdict, late.exit, late.reasons[0].code), ("not-genuine", 20, "certificate-expired"));
    let unbound = judge(
        &Verifier::new(&[]),
        Ok(evidence.clone()),
        &endorsements,
        None,
        Expected::ReportData(&[0; 64]),
        MILAN_TIME,
    );
    assert_eq!((unbound.exit, unbound.reasons[0].code), (20, "binding"));
    evidence.bytes[at::MEASUREMENT] ^= 1;
    let changed = without_policy(Ok(evidence), &endorsements, MILAN_TIME);
    assert_eq!((changed.exit, changed.reasons[0].code), (20, "signature"));
    let json = json(&changed);
    assert_eq!(json["checks"]["validity"]["outcome"], "passed");
    assert_eq!(json["checks"]["signature"]["outcome"], "failed");
    assert_eq!(json["checks"]["tcb"]["outcome"], "not-reached");
}

/// A policy for a TPM of the forge.
fn tpm_policy(tpm: &Tpm, registers: &str) -> Policy {
    let text = format!(
        "version = 1\nany-operator = true\n[[accept]]\nkind = \"tpm\"\nroots = [\"sha256:{}\"]\n{registers}\n",
        hex::encode(tpm.root())
    );
    Policy::from_toml(&text).unwrap()
}

// AT-02, AT-23: a TPM is judged by its registers, and an event log beside its quote by them as well.
#[test]
fn an_event_log_beside_a_quote_leads_to_its_registers() {
    let log = Log::new(&[(SHA256, 32)]).event(4, 8, b"loader").event(9, 13, b"kernel");
    let values = replay(&log.write(), Bank::Sha256).unwrap();
    let mut pcrs: BTreeMap<u8, [u8; 32]> = [0, 2, 7, 8, 11, 12].map(|index| (index, [0; 32])).into();
    pcrs.extend(values.iter().map(|(index, value)| (*index as u8, value[..].try_into().unwrap())));
    let mut tpm = Tpm::new(Ak::P256);
    tpm.set_pcrs(pcrs.clone());
    let registers = |pcrs: &BTreeMap<u8, [u8; 32]>| {
        let lines = pcrs.iter().map(|(index, value)| format!("pcr-{index} = \"{}\"\n", hex::encode(value)));
        lines.collect::<String>()
    };
    let policy = tpm_policy(&tpm, &registers(&pcrs));
    let verifier = Verifier::new(policy.trust());
    let (evidence, endorsements) = (tpm.evidence(), tpm.endorsements());
    let verify = |policy: &Policy| {
        judge(&verifier, Ok(evidence.clone()), &endorsements, Some(policy), Expected::Unbound, NOW)
    };
    let verdict = verify(&policy);
    assert_eq!((verdict.verdict, verdict.kind.as_str()), ("accepted", "tpm"), "{:?}", verdict.reasons);
    let verified = verifier.verify(&evidence, &endorsements, Expected::Unbound, NOW).unwrap();
    let with_log = verdict.clone().with_event_log(verified.get(), &log.write());
    assert_eq!(with_log.exit, 0);
    let told = json(&with_log)["checks"]["signature"]["detail"].as_str().unwrap().to_owned();
    assert!(told.ends_with("the event log leads to pcr-4, pcr-9"), "{told}");
    let other = Log::new(&[(SHA256, 32)]).event(4, 8, b"another loader");
    let with_log = verdict.with_event_log(verified.get(), &other.write());
    assert_eq!((with_log.exit, with_log.reasons[0].code), (20, "event-log"));
    assert_eq!(json(&with_log)["checks"]["signature"]["outcome"], "failed");

    // A changed register is refused, and one that was not quoted is none.
    let mut changed = pcrs.clone();
    changed.insert(9, [1; 32]);
    let verdict = verify(&tpm_policy(&tpm, &registers(&changed)));
    assert_eq!((verdict.exit, verdict.reasons[0].rule.as_str()), (30, "accept[0].pcr-9"));
    changed = pcrs.clone();
    changed.insert(23, [0; 32]);
    let verdict = verify(&tpm_policy(&tpm, &registers(&changed)));
    assert_eq!((verdict.exit, verdict.reasons[0].found.as_str()), (30, "none"));
    // A key that is pinned itself, as `policy init` writes it.
    let by_key = Policy::exactly(
        &Verifier::new(tpm.trust_by_name()).verify(&evidence, &endorsements, Expected::Unbound, NOW).unwrap(),
        None,
        None,
    );
    let policy = Policy::from_toml(&by_key).unwrap();
    assert_eq!(policy.trust(), tpm.trust_by_name());
    let verifier = Verifier::new(policy.trust());
    let judged = judge(&verifier, Ok(evidence.clone()), &endorsements, Some(&policy), Expected::Unbound, NOW);
    assert_eq!(judged.exit, 0, "{by_key}\n{:?}", judged.reasons);
}

// AT-80: 30 genuine, refused by the policy.
#[test]
fn what_a_policy_refuses_exits_with_30() {
    let mut machine = Machine::new(Model::Milan);
    machine.set_policy(DEBUG_BIT);
    let verdict = with_policy(&machine, "");
    assert_eq!((verdict.verdict, verdict.exit, verdict.reasons[0].code), ("refused", 30, "debug"));
    assert_eq!(verdict.claims["development"], true);
    assert_eq!(json(&verdict)["checks"]["signature"]["outcome"], "passed");
    // A debug guest that lacks a CRL as well would not pass with one.
    let verdict = with_policy(&machine, "crl = \"required\"");
    assert_eq!((verdict.exit, verdict.reasons.len()), (30, 2));
}

// AT-06, AT-80: 40 an endorsement is missing.
#[test]
fn a_missing_endorsement_exits_with_40() {
    let verdict = with_policy(&Machine::new(Model::Milan), "crl = \"required\"");
    assert_eq!((verdict.verdict, verdict.exit), ("endorsement-missing", 40));
    assert_eq!(verdict.reasons[0].code, "endorsement-missing");
    let Some(bytes) = sample("snp/aws-vlek.report.bin") else { return };
    let mut endorsements = Endorsements::default();
    endorsements.add(&sample("snp/aws-vlek.der").unwrap()).unwrap();
    let verdict = without_policy(Evidence::detect(&bytes, None), &endorsements, MILAN_TIME);
    assert_eq!((verdict.verdict, verdict.exit, verdict.kind.as_str()), ("endorsement-missing", 40, "snp"));
}

// AT-80, QI-02: what holds where no policy is given.
#[test]
fn without_a_policy_development_evidence_is_refused() {
    let machine = Machine::new(Model::Milan);
    let verifier = Verifier::new(&[machine.fingerprint()]);
    let verdict =
        judge(&verifier, Ok(machine.evidence()), &machine.endorsements(), None, Expected::Unbound, NOW);
    assert_eq!((verdict.exit, verdict.reasons[0].code), (30, "kind-not-accepted"));
    assert!(Policy::without_policy().development_roots().is_empty());

    // AT-23: the root that a policy would have to name is told, with what was expected instead.
    let verdict = without_policy(Ok(machine.evidence()), &machine.endorsements(), NOW);
    let reason = &verdict.reasons[0];
    assert_eq!(
        (reason.code, reason.expected.as_str()),
        ("root-not-pinned", "a root of the vendor's, or one that the policy names")
    );
    let root = format!("; beside it lies sha256:{}", hex::encode(machine.fingerprint()));
    assert!(reason.found.ends_with(&root), "{reason:?}");
}

// AT-80: raw bytes, hex or base64, told apart by content.
#[test]
fn evidence_files_are_told_apart_by_content() {
    use base64::{
        Engine as _,
        prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
    };
    let bytes = Machine::new(Model::Milan).evidence().bytes;
    let hex = hex::encode(&bytes);
    let wrapped = hex.as_bytes().chunks(64).map(|line| [line, b"\r\n"].concat()).collect::<Vec<_>>().concat();
    let forms = [
        bytes.clone(),
        hex.clone().into_bytes(),
        hex.to_uppercase().into_bytes(),
        wrapped,
        BASE64_STANDARD.encode(&bytes).into_bytes(),
        format!("{}\n", BASE64_URL_SAFE_NO_PAD.encode(&bytes)).into_bytes(),
    ];
    for form in &forms {
        let evidence = Evidence::detect(form, None).unwrap();
        assert_eq!((evidence.kind, &evidence.bytes), (Kind::Snp, &bytes));
        assert_eq!(Evidence::detect(form, Some(Kind::Development)).unwrap().kind, Kind::Development);
    }
    let unknown = Error::Malformed("evidence of no kind that is known");
    assert_eq!(Evidence::detect(b"", None), Err(unknown.clone()));
    assert_eq!(Evidence::detect(&[0xd2; 1184], None), Err(unknown));
    // JSON may be an agent's evidence, and is not text of anything else.
    assert_eq!(Evidence::detect(b"{}", None), Err(Error::Malformed("evidence of no kind that is known")));
    assert_eq!(Evidence::detect(b"()", None), Err(Error::Malformed("text that is neither hex nor base64")));
    let mut trailing = bytes;
    trailing.push(0);
    assert_eq!(
        Evidence::detect(&trailing, None),
        Err(Error::Length { what: "SEV-SNP report", expected: 1184, found: 1185 })
    );
}

// AT-80: endorsements by content.
#[test]
fn endorsements_are_recognised_by_content() {
    use base64::{Engine as _, prelude::BASE64_STANDARD};
    let machine = Machine::new(Model::Milan);
    let pem = |label: &str, der: &[u8]| {
        let body = BASE64_STANDARD.encode(der);
        let lines: Vec<_> =
            body.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
        format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
    };
    let expected = {
        let mut endorsements = machine.endorsements();
        endorsements.crls.push(machine.crl().sign(&common::machine::ARK));
        endorsements
    };
    let mut by_der = Endorsements::default();
    for der in expected.certificates.iter().chain(&expected.crls) {
        by_der.add(der).unwrap();
        by_der.add(der).unwrap();
    }
    assert_eq!(by_der, expected);
    let mut text = String::from("subject=CN = SEV-VCEK\n");
    for der in &expected.certificates {
        text.push_str(&pem("CERTIFICATE", der));
        text.push('\n');
    }
    text.push_str(&pem("X509 CRL", &expected.crls[0]));
    let mut by_pem = Endorsements::default();
    by_pem.add(text.as_bytes()).unwrap();
    assert_eq!(by_pem, expected);
    assert_eq!(by_pem.self_issued(), [machine.fingerprint()]);

    // All or nothing.
    text.push_str(&pem("PRIVATE KEY", b"\x30\x00"));
    let mut none = Endorsements::default();
    for wrong in
        [text.as_bytes(), b"", b"hello", b"\x30\x03abc", b"-----BEGIN CERTIFICATE-----\n", &[0x30; 2_000_000]]
    {
        none.add(wrong).unwrap_err();
    }
    assert_eq!(none, Endorsements::default());
}

// AT-23: signed, with binding, audience and expiry; read by other implementations of JWT and EAR.
#[test]
fn a_verdict_is_an_attestation_result() {
    use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
    let key = ed25519::SigningKey::generate(&OsRandom).unwrap();
    let machine = Machine::new(Model::Milan);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let terms = Terms {
        audience: "https://relying.example",
        binding: Some(&[9; 64]),
        issued_at: UnixTime(now),
        expires: UnixTime(now + 600),
    };
    let mut debug = machine.clone();
    debug.set_policy(DEBUG_BIT);
    let cases = [
        (with_policy(&machine, ""), "warning"),
        (with_policy(&debug, ""), "contraindicated"),
        (without_policy(Ok(machine.evidence()), &machine.endorsements(), NOW), "contraindicated"),
        (without_policy(Evidence::detect(b"", None), &Endorsements::default(), NOW), "none"),
    ];
    for (verdict, tier) in cases {
        let token = verdict.sign_ear(&terms, &key);
        let public = jsonwebtoken::DecodingKey::from_ed_der(&key.public_key());
        let mut validation = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::EdDSA);
        validation.set_audience(&["https://relying.example"]);
        let claims: serde_json::Value = jsonwebtoken::decode(&token, &public, &validation).unwrap().claims;
        assert_eq!(claims["eat_nonce"], BASE64_URL_SAFE_NO_PAD.encode([9; 64]));
        assert_eq!(claims["exp"], now + 600);
        let appraisal = claims["submods"].as_object().unwrap().values().next().unwrap();
        assert_eq!((&appraisal["ear_status"], &claims["ear_status"]), (&tier.into(), &tier.into()));
        validation.set_audience(&["https://other.example"]);
        jsonwebtoken::decode::<serde_json::Value>(&token, &public, &validation).unwrap_err();
    }
    // It does not outlive the certificates.
    let terms = Terms { expires: UnixTime(u64::MAX), ..terms };
    let ear = with_policy(&machine, "").to_ear(&terms);
    assert_eq!(ear["exp"], NOT_AFTER);
    let Some((evidence, endorsements)) = milan() else { return };
    let ear = without_policy(Ok(evidence), &endorsements, MILAN_TIME).to_ear(&terms);
    assert_eq!(ear["submods"]["snp"]["ear_status"], "affirming");
    assert_eq!(ear["submods"]["snp"]["ear_trustworthiness_vector"]["hardware"], 2);
}

/// The claims that RFC 9711 registers.
const EAT: [&str; 21] = [
    "bootcount",
    "bootseed",
    "dbgstat",
    "dloas",
    "eat_nonce",
    "eat_profile",
    "hwmodel",
    "hwversion",
    "intuse",
    "location",
    "manifests",
    "measres",
    "measurements",
    "oemboot",
    "oemid",
    "submods",
    "sueids",
    "swname",
    "swversion",
    "ueid",
    "uptime",
];

/// The claims of the attester in an attestation result, and those of the verdict that it is of.
fn attester_claims(verdict: &Verdict) -> (serde_json::Value, serde_json::Value) {
    let terms = Terms { audience: "a", binding: None, issued_at: NOW, expires: NOW };
    let claims = json(verdict)["claims"].clone();
    let ear = verdict.to_ear(&terms);
    (ear["submods"][claims["kind"].as_str().unwrap()]["ear_attester_claims"].clone(), claims)
}

// AT-20, AT-23: an attestation result has the names of EAT where there is one for the same thing, and a verdict has its own.
#[test]
fn attestation_results_have_the_names_of_eat() {
    let machine = Machine::new(Model::Milan);
    let mut debug = machine.clone();
    debug.set_policy(DEBUG_BIT);
    for (machine, status) in [(&machine, "disabled-since-boot"), (&debug, "enabled")] {
        let (said, claims) = attester_claims(&with_policy(machine, ""));
        assert_eq!((&said["dbgstat"], &claims["debug"]), (&status.into(), &(status == "enabled").into()));
        assert_eq!((&said["registers"], said.get("measurements")), (&claims["measurements"], None));
        assert_eq!(said.get("iat"), None);
        for name in ["debug", "companions", "made-at", "tcb-status"] {
            assert_eq!(said.get(name), None, "{name}");
        }
        for name in ["kind", "hardware-model", "attributes", "report-data", "tcb", "not-after"] {
            assert_eq!(said[name], claims[name], "{name}");
        }
        let names = said.as_object().unwrap().keys();
        assert_eq!(names.filter(|name| EAT.contains(&name.as_str())).collect::<Vec<_>>(), ["dbgstat"]);
    }
    // Hardware that says when the evidence was made.
    let Some(document) = sample("nitro/production.cose") else { return };
    let made = UnixTime(1_736_179_625);
    let (said, claims) =
        attester_claims(&without_policy(Evidence::detect(&document, None), &Endorsements::default(), made));
    assert_eq!((&said["iat"], &claims["made-at"]), (&made.0.into(), &made.to_string().into()));
    // A report that does not say whether its device can be debugged.
    let report = Evidence::detect(&sample("nvidia/hopper-1.report.hex").unwrap(), None);
    let mut endorsements = Endorsements::default();
    endorsements.add(&sample("nvidia/hopper-1.chain.pem").unwrap()).unwrap();
    let (said, claims) = attester_claims(&without_policy(report, &endorsements, MILAN_TIME));
    assert_eq!((said.get("dbgstat"), &claims["debug"]), (None, &false.into()));
    assert_eq!(said["versions"], claims["versions"]);
}

// AT-03: the documentation says what the code does.
#[test]
fn the_table_of_checks_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/attestation-checks.md");
    let written = std::fs::read_to_string(path).unwrap_or_default();
    if std::env::var_os("SEALWIRE_WRITE_DOCS").is_some() {
        std::fs::write(path, sealwire_attest::check::table()).unwrap();
        return;
    }
    assert_eq!(written, sealwire_attest::check::table(), "run the test with SEALWIRE_WRITE_DOCS=1");
}

/// An error of each variant.
fn every_error() -> Vec<Error> {
    vec![
        Error::Malformed(""),
        Error::Length { what: "", expected: 0, found: 0 },
        Error::Version { what: "", found: 0 },
        Error::Unsupported(""),
        Error::MalformedEndorsement(""),
        Error::EndorsementMissing(""),
        Error::Unsigned,
        Error::RootNotPinned,
        Error::KindMismatch { label: Kind::Snp, found: Kind::Development },
        Error::KeyNotBound(""),
        Error::QeSignature,
        Error::CertificateSignature(Place::Leaf),
        Error::CertificateAlgorithm(Place::Leaf),
        Error::CertificateUsage(Place::Leaf),
        Error::CertificateExtension(""),
        Error::WrongChip,
        Error::WrongProduct,
        Error::Expired { place: Place::Leaf, not_after: NOW },
        Error::NotYetValid { place: Place::Leaf, not_before: NOW },
        Error::CrlInvalid(""),
        Error::CrlExpired(NOW),
        Error::CrlNotYetValid(NOW),
        Error::OcspInvalid("x"),
        Error::OcspExpired(NOW),
        Error::OcspNotYetValid(NOW),
        Error::OcspUnknown(Place::Leaf),
        Error::Revoked(Place::Leaf),
        Error::Signature,
        Error::PcrDigest,
        Error::EventLog(String::new()),
        Error::TcbMismatch { component: "", certified: 0, reported: 0 },
        Error::ReferenceInvalid(""),
        Error::ReferenceExpired { what: "", until: NOW },
        Error::ReferenceNotYetValid { what: "", from: NOW },
        Error::QeIdentity(""),
        Error::TdxModule(""),
        Error::Attributes(""),
        Error::Binding,
        Error::MadeInFuture(NOW),
    ]
}

// AT-81: codes and exit codes are the documented ones.
#[test]
fn reason_codes_are_documented() {
    let document =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/verdicts.md")).unwrap();
    let (checks, policies) = document.split_once("## Reason codes of policies").unwrap();
    let (_, checks) = checks.split_once("## Reason codes of checks").unwrap();
    let documented: Vec<_> = checks.lines().filter(|line| line.starts_with("| `")).collect();
    let errors = every_error();
    assert_eq!(documented.len(), errors.len());
    for (row, error) in documented.iter().zip(&errors) {
        let expected = format!("| `{}` | {} | {} |", error.code(), error.exit(), error.check().name());
        assert!(row.starts_with(&expected), "{row}: {expected}");
        let verdict = without_policy(Err(error.clone()), &Endorsements::default(), NOW);
        assert_eq!((verdict.exit, verdict.reasons[0].code), (error.exit(), error.code()));
        // AT-23
        assert!(!verdict.reasons[0].expected.is_empty(), "{error:?}");
    }

    // A companion's error has the code, the check and the exit of what is wrong with the companion.
    for error in errors {
        let companion = Error::Companion { label: "gpu".to_owned(), error: Box::new(error.clone()) };
        assert_eq!(
            (companion.code(), companion.check(), companion.exit()),
            (error.code(), error.check(), error.exit())
        );
    }

    // Every code that the source of the policy gives out.
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/policy/");
    let source = ["failures.rs", "appraise.rs"]
        .map(|file| std::fs::read_to_string(format!("{folder}{file}")).unwrap())
        .concat();
    let documented: Vec<_> = policies
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .map(|(code, _)| code)
        .collect();
    for code in &documented {
        assert!(source.contains(&format!("\"{code}\"")), "{code}");
    }
    let source: String = source.split_whitespace().collect();
    for given in source.split("add(\"").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(documented.contains(&given), "{given}");
    }
}

// AT-03: where a later check failed, an earlier one that could not run is not called passed, and one that ran says on what.
#[test]
fn a_failed_verdict_says_how_the_earlier_checks_came_out() {
    let Some((mut evidence, endorsements)) = milan() else { return };
    evidence.bytes[80] ^= 1;
    let verdict = without_policy(Ok(evidence), &endorsements, MILAN_TIME);
    let checks = &json(&verdict)["checks"];
    assert_eq!(checks["signature"]["outcome"], "failed");
    assert_eq!(checks["revocation"]["outcome"], "not-supplied");
    assert_eq!(checks["binding"]["outcome"], "not-reached");
    for ran in ["format", "chain", "validity"] {
        assert_eq!(checks[ran]["outcome"], "passed");
        assert!(!checks[ran]["detail"].as_str().unwrap().is_empty());
    }
}

// AT-23: a denial says what was expected and what was found, also where a check failed and not a rule.
#[test]
fn a_failed_check_says_what_would_have_passed() {
    let Some((evidence, endorsements)) = milan() else { return };
    let asked = |asked: &[u8]| {
        let expected = Expected::ReportData(asked);
        judge(&Verifier::new(&[]), Ok(evidence.clone()), &endorsements, None, expected, MILAN_TIME)
    };
    let verdict = asked(&[0xab; 2]);
    assert_eq!((verdict.reasons[0].code, verdict.reasons[0].rule.as_str()), ("binding", "binding"));
    assert_eq!(verdict.reasons[0].expected, "abab");
    assert_eq!(verdict.reasons[0].found, hex::encode(&evidence.bytes[0x50..0x90]));
    assert_eq!(asked(&[]).reasons[0].expected, "nothing");
    assert_eq!(verdict.exit, 20);

    let expired = without_policy(Ok(evidence), &endorsements, UnixTime(MILAN_LAST.0 + 1));
    assert_eq!(expired.reasons[0].expected, "certificates that are valid at the time of the verification");
    assert!(expired.reasons[0].found.contains("was valid until 2030-04-03"), "{:?}", expired.reasons);
}

// AT-81: times are RFC 3339, also the last one of all, which certificates without an end have.
#[test]
fn times_are_written_to_the_end_of_the_calendar() {
    let last = 253_402_300_799;
    assert_eq!(UnixTime(0).to_string(), "1970-01-01T00:00:00Z");
    assert_eq!(UnixTime(1_751_624_163).to_string(), "2025-07-04T10:16:03Z");
    assert_eq!(UnixTime(last).to_string(), "9999-12-31T23:59:59Z");
    assert_eq!(UnixTime(last + 1).to_string(), "253402300800");
    assert_eq!(UnixTime(u64::MAX).to_string(), u64::MAX.to_string());
}
