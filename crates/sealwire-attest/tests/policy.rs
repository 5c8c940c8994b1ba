//! Policy files: what loads, what does not and why, and what they accept (AT-06, AT-07, AT-21, AT-44).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use common::{
    machine::{ARK, DEBUG_BIT, MIGRATION_BIT, Machine, Model, NOW, at},
    samples::{MILAN_TIME, milan},
};
use proptest::prelude::*;
use sealwire_attest::{
    Claims, Kind, Policy, UnixTime, Verified, Verifier, policy::PolicyError, verify::Expected,
};
use serde_json::Value;
use std::time::Duration;

const HEAD: &str = "version = 1\nany-operator = true\n";
const ANY: &str = "{ any = \"a test\" }";

/// A development alternative for `machine`, with more lines.
fn development(machine: &Machine, more: &str) -> String {
    let root = hex::encode(machine.fingerprint());
    format!(
        "{HEAD}[[accept]]\nkind = \"development\"\nroots = [\"sha256:{root}\"]\n\
         measurement = \"{}\"\nhost-data = \"{}\"\n{more}",
        "22".repeat(48),
        "33".repeat(32),
    )
}

fn snp(more: &str) -> String {
    format!("{HEAD}[[accept]]\nkind = \"snp\"\nmeasurement = {ANY}\nhost-data = {ANY}\n{more}")
}

fn verified(machine: &Machine) -> Verified<Claims> {
    let verifier = Verifier::new(&[machine.fingerprint()]);
    verifier.verify(&machine.evidence(), &machine.endorsements(), Expected::Unbound, NOW).unwrap()
}

/// Codes of the rules that failed; empty where it was accepted.
fn codes(policy: &str, machine: &Machine) -> Vec<&'static str> {
    let policy = Policy::from_toml(policy).unwrap();
    match policy.appraise(verified(machine), NOW) {
        Ok(_) => Vec::new(),
        Err(denial) => denial.reasons.iter().map(|reason| reason.code).collect(),
    }
}

fn error(text: &str) -> PolicyError {
    Policy::from_toml(text).unwrap_err()
}

// AT-21
#[test]
fn exact_values_are_accepted_and_others_named() {
    let machine = Machine::new(Model::Milan);
    let policy = Policy::from_toml(&development(&machine, "")).unwrap();
    let accepted = policy.appraise(verified(&machine), NOW).unwrap();
    assert!(accepted.get().development);
    assert_eq!(accepted.verdict().exit, 0);
    assert_eq!(accepted.verdict().claims["development"], true);
    assert_eq!(policy.development_roots(), [machine.fingerprint()]);
    assert!(policy.is_development());

    let mut other = machine.clone();
    other.report[at::MEASUREMENT] ^= 1;
    other.report[at::HOST_DATA + 31] ^= 1;
    let denial = policy.appraise(verified(&other), NOW).unwrap_err();
    let [measurement, host_data] = &denial.reasons[..] else { panic!("{denial:?}") };
    assert_eq!(measurement.code, "measurement-not-listed");
    assert_eq!(measurement.rule, "accept[0].measurement");
    assert_eq!(measurement.expected, "22".repeat(48));
    assert_eq!(measurement.found, format!("23{}", "22".repeat(47)));
    assert_eq!(host_data.code, "host-data-not-listed");
    assert_eq!(host_data.rule, "accept[0].host-data");
}

// AT-21: an empty policy accepts nobody.
#[test]
fn an_empty_policy_accepts_nobody() {
    let machine = Machine::new(Model::Milan);
    assert_eq!(codes(HEAD, &machine), ["kind-not-accepted"]);
    let Some((evidence, endorsements)) = milan() else { return };
    let verifier = Verifier::new(&[]);
    let claims = verifier.verify(&evidence, &endorsements, Expected::Unbound, MILAN_TIME).unwrap();
    let denial = Policy::from_toml(HEAD).unwrap().appraise(claims, MILAN_TIME).unwrap_err();
    assert_eq!(denial.reasons[0].expected, "nobody: the policy is empty");
    // And no text at all is no policy.
    assert_eq!(error("").key, "version");
}

// AT-07: a policy for hardware takes no development evidence, and the reverse.
#[test]
fn kinds_do_not_mix() {
    let machine = Machine::new(Model::Milan);
    let policy = snp(&format!("minimum-tcb = {ANY}\ncrl = \"if-available\""));
    assert_eq!(codes(&policy, &machine), ["kind-not-accepted"]);
    assert!(Policy::from_toml(&policy).unwrap().development_roots().is_empty());

    let Some((evidence, endorsements)) = milan() else { return };
    let verify =
        || Verifier::new(&[]).verify(&evidence, &endorsements, Expected::Unbound, MILAN_TIME).unwrap();
    Policy::from_toml(&policy).unwrap().appraise(verify(), MILAN_TIME).unwrap();
    let development = Policy::from_toml(&development(&machine, "")).unwrap();
    let denial = development.appraise(verify(), MILAN_TIME).unwrap_err();
    assert_eq!(denial.reasons[0].code, "kind-not-accepted");

    let mixed = format!(
        "{policy}\n[[accept]]\nkind = \"development\"\nroots = [\"sha256:{}\"]\nmeasurement = {ANY}\nhost-data = {ANY}",
        "00".repeat(32)
    );
    let error = error(&mixed);
    assert_eq!((error.line, error.key.as_str()), (9, "kind"));
}

// AT-07: development names its roots, and none of them is AMD's.
#[test]
fn roots_belong_to_their_kind() {
    let machine = Machine::new(Model::Milan);
    let text = development(&machine, "");
    let without: String =
        text.lines().filter(|line| !line.starts_with("roots")).map(|line| format!("{line}\n")).collect();
    assert_eq!(error(&without).key, "roots");
    let amd = "69d063b45344d26a2e94e1f4210de49ef555308287d4c174445c95639a540bcd";
    let with_amd = text.replace(&hex::encode(machine.fingerprint()), amd);
    assert_eq!(error(&with_amd).key, "roots");
    assert_eq!(error(&with_amd).line, 5);
    let foreign = snp(&format!("minimum-tcb = {ANY}\nroots = [\"sha256:{}\"]", "00".repeat(32)));
    assert_eq!(error(&foreign).key, "roots");

    // For AMD's evidence they only narrow.
    let Some((evidence, endorsements)) = milan() else { return };
    let genoa = "4c6598d19c18719c5dfd4a7d335f674e5bfe1d8f800cea2cf270c10d103db2f1";
    for (root, accepted) in [(amd, true), (genoa, false)] {
        let policy =
            snp(&format!("minimum-tcb = {ANY}\ncrl = \"if-available\"\nroots = [\"sha256:{root}\"]"));
        let verified =
            Verifier::new(&[]).verify(&evidence, &endorsements, Expected::Unbound, MILAN_TIME).unwrap();
        let decision = Policy::from_toml(&policy).unwrap().appraise(verified, MILAN_TIME);
        assert_eq!(decision.is_ok(), accepted);
        if let Err(denial) = decision {
            assert_eq!(denial.reasons[0].code, "root-not-listed");
        }
    }
    let other_root = development(&machine, "");
    let mut other = machine.clone();
    other.root.serial = 77;
    assert_eq!(codes(&other_root, &other), ["root-not-listed"]);
}

// AT-44: a policy that does not say who may run the service does not load.
#[test]
fn a_policy_names_its_operator() {
    let body = |head: &str| format!("version = 1\n{head}");
    let key = [5; 32];
    let digest = [6; 48];
    assert!(error(&body("")).hint.contains("any-operator"));
    assert!(error(&body("any-operator = false")).hint.contains("operator-keys"));
    assert!(error(&body("operator-keys = []")).hint.contains("config-digests"));

    let policy = Policy::from_toml(&body("any-operator = true")).unwrap();
    assert!(policy.operator_rule().any);
    let text = body(&format!("operator-keys = [\"ed25519:{}\"]", hex::encode(key)));
    assert_eq!(Policy::from_toml(&text).unwrap().operator_rule().keys, [key]);
    let base64url = "BQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQU";
    let text = body(&format!("operator-keys = [\"ed25519:{base64url}\"]"));
    assert_eq!(Policy::from_toml(&text).unwrap().operator_rule().keys, [key]);
    let text = body(&format!("config-digests = [\"sha384:{}\"]", hex::encode(digest)));
    let policy = Policy::from_toml(&text).unwrap();
    assert_eq!(policy.operator_rule().config_digests, [digest]);
    assert!(!policy.operator_rule().any);
}

// AT-41
#[test]
fn ages_have_defaults_and_units() {
    let policy = Policy::from_toml(HEAD).unwrap();
    let day = Duration::from_secs(86_400);
    assert_eq!((policy.max_lifetime(), policy.max_age(), policy.grace()), (day, day, Duration::ZERO));
    let text = format!("{HEAD}max-lifetime = \"90s\"\nmax-age = \"10m\"\ngrace = \"1h 30m\"\n");
    let policy = Policy::from_toml(&text).unwrap();
    assert_eq!(policy.max_lifetime(), Duration::from_secs(90));
    assert_eq!(policy.max_age(), Duration::from_secs(600));
    assert_eq!(policy.grace(), Duration::from_secs(5400));
    for wrong in ["\"-1h\"", "\"soon\"", "\"\"", "90"] {
        let error = error(&format!("{HEAD}max-age = {wrong}\n"));
        assert_eq!((error.line, error.key.as_str()), (3, "max-age"), "{error}");
        assert!(error.hint.contains("\"10m\""), "{error}");
    }
}

// AT-21: the firmware level.
#[test]
fn a_minimum_of_the_firmware_level_is_kept() {
    let minimum = |bootloader: u8, snp: u8, microcode: u8, fmc: &str| {
        format!(
            "minimum-tcb = {{ bootloader = {bootloader}, tee = 0, snp = {snp}, microcode = {microcode}{fmc} }}"
        )
    };
    let milan = Machine::new(Model::Milan);
    assert!(codes(&development(&milan, &minimum(3, 9, 115, "")), &milan).is_empty());
    assert!(codes(&development(&milan, &minimum(2, 0, 1, "")), &milan).is_empty());
    assert_eq!(codes(&development(&milan, &minimum(4, 9, 115, "")), &milan), ["tcb-too-old"]);
    assert_eq!(codes(&development(&milan, &minimum(4, 10, 116, "")), &milan), ["tcb-too-old"; 3]);
    // Turin has one component more; who does not name it has not thought of it.
    let turin = Machine::new(Model::Turin);
    assert_eq!(codes(&development(&turin, &minimum(3, 9, 115, "")), &turin), ["tcb-unlisted"]);
    assert!(codes(&development(&turin, &minimum(3, 9, 115, ", fmc = 1")), &turin).is_empty());
    assert_eq!(codes(&development(&turin, &minimum(3, 9, 115, ", fmc = 2")), &turin), ["tcb-too-old"]);
    assert_eq!(codes(&development(&milan, &minimum(3, 9, 115, ", fmc = 0")), &milan), ["tcb-too-old"]);

    assert_eq!(error(&snp("crl = \"required\"")).key, "minimum-tcb");
    let partly = error(&snp("minimum-tcb = { bootloader = 3, tee = 0, snp = 8 }"));
    assert_eq!((partly.line, partly.key.as_str()), (7, "microcode"));
    let mixed = error(&snp("minimum-tcb = { any = \"why\", snp = 8 }"));
    assert_eq!((mixed.line, mixed.key.as_str()), (7, "minimum-tcb"));
    let large = error(&snp("minimum-tcb = { bootloader = 3, tee = 0, snp = 256, microcode = 0 }"));
    assert_eq!(large.line, 7);
}

// AT-21: dangerous attributes have to be allowed, each by its name.
#[test]
fn dangerous_attributes_are_refused_by_default() {
    let mut machine = Machine::new(Model::Milan);
    machine.set_policy(DEBUG_BIT);
    assert_eq!(codes(&development(&machine, ""), &machine), ["debug"]);
    assert!(codes(&development(&machine, "debug = true"), &machine).is_empty());
    machine.set_policy(MIGRATION_BIT);
    assert_eq!(codes(&development(&machine, ""), &machine), ["migration-agent"]);
    assert!(codes(&development(&machine, "migration-agent = true"), &machine).is_empty());
    machine.set_policy(0);
    machine.report[at::VMPL] = 1;
    assert_eq!(codes(&development(&machine, ""), &machine), ["vmpl"]);
    assert!(codes(&development(&machine, "vmpl = 1"), &machine).is_empty());
    assert!(codes(&development(&machine, "vmpl = [0, 1]"), &machine).is_empty());
    assert!(codes(&development(&machine, &format!("vmpl = {ANY}")), &machine).is_empty());

    // On hardware there is no word for it.
    let debug = error(&snp(&format!("minimum-tcb = {ANY}\ndebug = true")));
    assert_eq!((debug.line, debug.key.as_str()), (8, "debug"));
    Policy::from_toml(&snp(&format!("minimum-tcb = {ANY}\ndebug = false"))).unwrap();
    assert_eq!(error(&snp(&format!("minimum-tcb = {ANY}\nvmpl = 4"))).key, "vmpl");
}

// AT-21: required attributes.
#[test]
fn attributes_can_be_required() {
    let machine = Machine::new(Model::Milan);
    let with = |attributes: &str| development(&machine, &format!("attributes = {attributes}"));
    assert!(codes(&with("{ smt-allowed = true, debug = false, vmpl = 0 }"), &machine).is_empty());
    assert_eq!(codes(&with("{ smt-allowed = false }"), &machine), ["attribute"]);
    assert_eq!(
        codes(&with("{ ciphertext-hiding = true, alias-check-complete = 1 }"), &machine),
        ["attribute"; 2]
    );
    // Not in a report of version 3.
    assert_eq!(codes(&with("{ current-mitigations = 1 }"), &machine), ["attribute"]);
    let unknown = error(&with("{ smt = false }"));
    assert_eq!((unknown.line, unknown.key.as_str()), (8, "attributes"));
    assert!(unknown.problem.contains("smt-allowed"), "{unknown}");
}

// AT-21: registers that may be asked for.
#[test]
fn further_registers_and_products_can_be_listed() {
    let mut machine = Machine::new(Model::Genoa);
    machine.report[0xe0..0x110].fill(0x44);
    let key = |byte: &str| development(&machine, &format!("id-key-digest = [\"{}\"]", byte.repeat(48)));
    assert!(codes(&key("44"), &machine).is_empty());
    assert_eq!(codes(&key("45"), &machine), ["register-not-listed"]);
    let author = development(&machine, &format!("author-key-digest = \"{}\"", "45".repeat(48)));
    assert_eq!(codes(&author, &machine), ["register-not-listed"]);
    assert!(codes(&development(&machine, "products = [\"milan\", \"genoa\"]"), &machine).is_empty());
    assert_eq!(codes(&development(&machine, "products = [\"milan\"]"), &machine), ["product-not-listed"]);
    assert_eq!(error(&development(&machine, "products = [\"rome\"]")).line, 8);
    assert_eq!(error(&development(&machine, "products = []")).key, "products");
}

// AT-06: a CRL that the policy requires.
#[test]
fn a_crl_is_required_unless_the_policy_says_otherwise() {
    let machine = Machine::new(Model::Milan);
    assert!(codes(&development(&machine, "crl = \"if-available\""), &machine).is_empty());
    let required = development(&machine, "crl = \"required\"");
    assert_eq!(codes(&required, &machine), ["endorsement-missing"]);

    let mut endorsements = machine.endorsements();
    endorsements.crls.push(machine.crl().sign(&ARK));
    let verifier = Verifier::new(&[machine.fingerprint()]);
    let verified = verifier.verify(&machine.evidence(), &endorsements, Expected::Unbound, NOW).unwrap();
    Policy::from_toml(&required).unwrap().appraise(verified, NOW).unwrap();

    // AMD's evidence needs one where nothing is said.
    let Some((evidence, endorsements)) = milan() else { return };
    let verified =
        Verifier::new(&[]).verify(&evidence, &endorsements, Expected::Unbound, MILAN_TIME).unwrap();
    let denial =
        Policy::from_toml(&snp(&format!("minimum-tcb = {ANY}"))).unwrap().appraise(verified, MILAN_TIME);
    assert_eq!(denial.unwrap_err().reasons[0].rule, "accept[0].crl");
}

// AT-21: any one of the alternatives; a denial lists what failed of each.
#[test]
fn one_alternative_is_enough() {
    let machine = Machine::new(Model::Milan);
    let root = hex::encode(machine.fingerprint());
    let alternative = |measurement: &str| {
        format!(
            "[[accept]]\nkind = \"development\"\nroots = [\"sha256:{root}\"]\nhost-data = {ANY}\nmeasurement = [{}]\n",
            measurement
                .split(' ')
                .map(|byte| format!("\"{}\"", byte.repeat(48)))
                .collect::<Vec<_>>()
                .join(", ")
        )
    };
    let text = format!("{HEAD}{}{}", alternative("aa"), alternative("bb 22"));
    assert!(codes(&text, &machine).is_empty());
    let text = format!("{HEAD}{}{}", alternative("aa"), alternative("bb cc"));
    let denial = Policy::from_toml(&text).unwrap().appraise(verified(&machine), NOW).unwrap_err();
    let rules: Vec<_> = denial.reasons.iter().map(|reason| reason.rule.as_str()).collect();
    assert_eq!(rules, ["accept[0].measurement", "accept[1].measurement"]);
}

// AT-05: a verified value that was kept past its end is not accepted any more.
#[test]
fn what_was_verified_expires() {
    let machine = Machine::new(Model::Milan);
    let policy = Policy::from_toml(&development(&machine, "")).unwrap();
    let verified = verified(&machine);
    let end = verified.get().not_after;
    policy.appraise(verified.clone(), end).unwrap();
    let denial = policy.appraise(verified, UnixTime(end.0 + 1)).unwrap_err();
    assert_eq!(denial.reasons[0].code, "expired");
}

// AT-21: unknown keys, wrong types and missing keys are errors that name the line.
#[test]
fn errors_name_the_line() {
    let complete = snp(&format!("minimum-tcb = {ANY}"));
    let cases: [(String, usize, usize, &str, &str); 17] = [
        ("version = 1\nany-operator = true\nmax-ages = \"1h\"\n".to_owned(), 3, 1, "max-ages", "max-age"),
        ("version = 2\nany-operator = true\n".to_owned(), 1, 11, "version", "1"),
        ("any-operator = true\n".to_owned(), 1, 1, "version", "version 1"),
        ("version = 1\nany-operator = \"yes\"\n".to_owned(), 2, 16, "any-operator", "true or false"),
        ("version = 1\noperator-keys = [\n  \"rsa:00\",\n]\n".to_owned(), 3, 3, "operator-keys", "ed25519:"),
        ("version = 1\nconfig-digests = [\"sha384:00\"]\n".to_owned(), 2, 19, "config-digests", "sha384:"),
        ("version = 1\ngrace = \"0s\"\nversion = 1\n".to_owned(), 3, 1, "version", ""),
        (format!("{HEAD}accept = 1\n"), 3, 10, "accept", "[[accept]]"),
        (format!("{HEAD}accept = [1]\n"), 3, 11, "accept", "[[accept]]"),
        (format!("{HEAD}[[accept]]\n"), 3, 1, "kind", "snp"),
        (format!("{HEAD}[[accept]]\nkind = \"sev\"\n"), 4, 8, "kind", "snp"),
        (format!("{HEAD}[[accept]]\nkind = \"snp\"\nhost-data = {ANY}\n"), 3, 1, "measurement", "48 bytes"),
        (format!("{HEAD}[[accept]]\nkind = \"snp\"\nmeasurement = {ANY}\n"), 3, 1, "host-data", "32 bytes"),
        (format!("{complete}\nmeasurment = {ANY}\n"), 8, 1, "measurment", "measurement"),
        (format!("{complete}\nid-key-digest = []\n"), 8, 17, "id-key-digest", "48 bytes"),
        (format!("{complete}\nid-key-digest = {{ any = \" \" }}\n"), 8, 17, "id-key-digest", "why"),
        (format!("{complete}\ncrl = \"never\"\n"), 8, 7, "crl", "if-available"),
    ];
    for (text, line, column, key, hint) in cases {
        let error = error(&text);
        assert_eq!((error.line, error.column, error.key.as_str()), (line, column, key), "{error}\n{text}");
        assert!(error.hint.contains(hint), "{error}");
        assert!(error.to_string().starts_with(&format!("line {line}, column {column}: ")));
    }
    // Inside of a list, the value that is wrong.
    let text = format!(
        "{HEAD}[[accept]]\nkind = \"snp\"\nhost-data = {ANY}\nmeasurement = [\n  \"{}\",\n  \"22\",\n]\n",
        "11".repeat(48)
    );
    let error = error(&text);
    assert_eq!((error.line, error.column, error.key.as_str()), (8, 3, "measurement"), "{error}");
}

// AT-21: `policy init` writes a file that accepts what is there, and nothing that differs in a register.
#[test]
fn exactly_accepts_exactly_that() {
    let mut machine = Machine::new(Model::Turin);
    machine.report[0xe0..0x110].fill(0x44);
    machine.report[at::VMPL] = 2;
    let text = Policy::exactly(&verified(&machine), None, None);
    assert!(text.contains("WARNING"), "{text}");
    assert!(text.contains("protects nothing"), "{text}");
    assert!(codes(&text, &machine).is_empty(), "{text}");

    let changes: [(usize, &str); 4] = [
        (at::MEASUREMENT, "measurement-not-listed"),
        (at::HOST_DATA, "host-data-not-listed"),
        (0xe0, "register-not-listed"),
        (at::VMPL, "vmpl"),
    ];
    for (offset, code) in changes {
        let mut other = machine.clone();
        other.report[offset] ^= 1;
        assert_eq!(codes(&text, &other), [code]);
    }
    let mut older = machine.clone();
    older.extension("1.3.6.1.4.1.3704.1.3.8").value = vec![0x02, 0x01, 114];
    older.report[at::REPORTED_TCB + 7] = 114;
    assert_eq!(codes(&text, &older), ["tcb-too-old"]);
    // AT-21: launched on older firmware than it runs on, which a report of version 3 always tells.
    let mut launched = machine.clone();
    launched.report[at::LAUNCH_TCB + 7] = 114;
    assert_eq!(codes(&text, &launched), ["tcb-too-old"]);
    let denial = Policy::from_toml(&text).unwrap().appraise(verified(&launched), NOW).unwrap_err();
    assert_eq!(denial.reasons[0].expected, "at least 115, at launch and now");
    assert_eq!(denial.reasons[0].found, "114 at launch, 115 now");
    let json = verified(&launched).get().to_json();
    assert_eq!(
        (&json["launch-tcb"]["microcode"], &json["tcb"]["microcode"]),
        (&Value::from(114), &Value::from(115))
    );
    let of_launch = Policy::exactly(&verified(&launched), None, None);
    assert!(of_launch.contains("microcode = 114") && codes(&of_launch, &launched).is_empty(), "{of_launch}");
    launched.report[at::LAUNCH_TCB..][..8].fill(0);
    assert!(codes(&text, &launched).contains(&"tcb-too-old"));
    // In version 2 it may not have been there yet.
    launched.report[0] = 2;
    launched.report[at::CPUID..][..3].fill(0);
    assert!(codes(&text, &launched).is_empty());
    assert!(verified(&launched).get().to_json()["launch-tcb"].is_null());
    let mut debug = machine.clone();
    debug.set_policy(DEBUG_BIT);
    assert_eq!(codes(&text, &debug), ["debug"]);

    let with_digest = Policy::exactly(&verified(&machine), Some(&[6; 48]), None);
    let rule = Policy::from_toml(&with_digest).unwrap();
    assert_eq!((rule.operator_rule().any, &rule.operator_rule().config_digests[..]), (false, &[[6; 48]][..]));
    let with_key = Policy::exactly(&verified(&machine), Some(&[6; 48]), Some(&[5; 32]));
    let rule = Policy::from_toml(&with_key).unwrap();
    assert_eq!((rule.operator_rule().any, &rule.operator_rule().keys[..]), (false, &[[5; 32]][..]));
}

// AT-21, on hardware: the CRL that is not there is named, and the product is pinned.
#[test]
fn exactly_of_milan_accepts_milan() {
    let Some((evidence, endorsements)) = milan() else { return };
    let verifier = Verifier::new(&[]);
    let verified = verifier.verify(&evidence, &endorsements, Expected::Unbound, MILAN_TIME).unwrap();
    let text = Policy::exactly(&verified, Some(&[6; 48]), None);
    let policy = Policy::from_toml(&text).unwrap();
    assert!(!policy.is_development());
    assert!(text.contains("products = [\"milan\"]"), "{text}");
    assert!(text.contains("No CRL came with the evidence"), "{text}");
    assert_eq!(policy.appraise(verified, MILAN_TIME).unwrap().get().kind, Kind::Snp);
}

proptest! {
    // AT-08
    #[test]
    fn any_text_is_a_policy_or_an_error(text in "\\PC{0,200}") {
        let _ = Policy::from_toml(&text);
    }

    // AT-08: lines that are nearly right.
    #[test]
    fn shuffled_policies_do_not_panic(
        lines in proptest::collection::vec(prop_oneof![
            Just("version = 1"), Just("any-operator = true"), Just("[[accept]]"), Just("kind = \"snp\""),
            Just("kind = \"development\""), Just("measurement = { any = \"x\" }"), Just("host-data = []"),
            Just("minimum-tcb = { any = \"ü\" }"), Just("é = 1"), Just("crl = 3"), Just("accept = {}"), Just("roots = [\"sha256:\"]"),
            Just("[accept]"), Just("attributes = { vmpl = -1 }"),
        ], 0..12),
    ) {
        if let Err(error) = Policy::from_toml(&lines.join("\n")) {
            prop_assert!(error.line >= 1 && error.line <= lines.len().max(1) + 1);
        }
    }
}
