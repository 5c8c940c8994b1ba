//! `examples/policy.toml`: it loads, shows every key, and each of its rules decides something (AT-21).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use common::machine::{DEBUG_BIT, MIGRATION_BIT, Machine, Model, NOW, at};
use sealwire_attest::{Kind, Policy, Verifier, verify::Expected};
use std::time::Duration;

const EXAMPLE: &str = include_str!("../../../examples/policy.toml");

/// The file without what it says of development machines.
fn for_hardware() -> &'static str {
    EXAMPLE.split_once("# The same for development machines").unwrap().0
}

/// The other file, which stands in comments at the end.
fn for_development() -> String {
    let (_, rest) = EXAMPLE.split_once("# The same for development machines").unwrap();
    rest.lines()
        .filter_map(|line| line.strip_prefix("#   ").or_else(|| (line == "#").then_some("")))
        .flat_map(|line| [line, "\n"])
        .collect()
}

#[test]
fn it_loads_and_says_what_it_says() {
    let policy = Policy::from_toml(EXAMPLE).unwrap_or_else(|error| panic!("{error}"));
    assert!(!policy.is_development());
    assert!(policy.development_roots().is_empty());
    assert_eq!(policy.operator_rule().keys.len(), 1);
    assert!(!policy.operator_rule().any && policy.operator_rule().config_digests.is_empty());

    let development = for_development();
    let policy = Policy::from_toml(&development).unwrap_or_else(|error| panic!("{error}\n{development}"));
    assert!(policy.is_development());
    assert_eq!(policy.development_roots().len(), 1);
    assert_eq!(policy.operator_rule().config_digests.len(), 1);
}

// What the comments call defaults are defaults.
#[test]
fn its_ages_are_the_defaults() {
    let (shown, default) =
        (Policy::from_toml(EXAMPLE).unwrap(), Policy::from_toml("version = 1\nany-operator = true").unwrap());
    let ages = |policy: &Policy| (policy.max_lifetime(), policy.max_age(), policy.grace());
    assert_eq!(ages(&shown), ages(&default));
    assert_eq!(shown.grace(), Duration::ZERO);
}

/// The names that the parser says it knows.
fn known(text: &str) -> Vec<String> {
    let error = Policy::from_toml(text).unwrap_err();
    let listed = match error.problem.split_once("known are ") {
        Some((_, names)) => names,
        None => {
            error.hint.split_once("expected one of ").expect("a list of keys").1.trim_end_matches(" here")
        }
    };
    listed.split(", ").map(str::to_owned).collect()
}

/// The least that an alternative of a kind says.
fn least(kind: Kind) -> String {
    const ANY: &str = "{ any = \"x\" }";
    let line = |key: &str| format!("{key} = {ANY}\n");
    let lines = |keys: &[&str]| keys.iter().map(|key| line(key)).collect::<String>();
    let snp = lines(&["measurement", "host-data", "minimum-tcb"]);
    let tdx = lines(&["mrtd", "rtmr-0", "rtmr-1", "rtmr-2", "rtmr-3", "mr-config-id"]);
    let pcrs = lines(&["pcr-0", "pcr-2", "pcr-4", "pcr-7", "pcr-8", "pcr-9", "pcr-11", "pcr-12"]);
    let hex = |len: usize| "00".repeat(len);
    match kind {
        Kind::Snp => snp,
        Kind::Development => format!("{snp}roots = [\"sha256:{}\"]\n", hex(32)),
        Kind::Tdx => tdx,
        Kind::Sgx => format!("mrenclave = \"{}\"\n{}", hex(32), line("mrsigner")),
        Kind::Nitro => lines(&["pcr-0", "pcr-1", "pcr-2"]),
        Kind::Tpm => format!("{pcrs}roots = [\"sha256:{}\"]\n", hex(32)),
        Kind::AzureSnp => snp + &pcrs,
        Kind::AzureTdx => tdx + &pcrs,
        Kind::Nvidia => lines(&["driver-versions", "vbios-versions"]),
        kind => panic!("{kind}"),
    }
}

#[test]
fn it_shows_every_key() {
    let head = "version = 1\nany-operator = true\n";
    let is_shown = |key: &str| {
        EXAMPLE.lines().any(|line| {
            let line = line.trim_start_matches("# ");
            let heads = [format!("{key} = "), format!("{key}.")];
            heads.iter().any(|head| line.starts_with(head)) || line.ends_with(&format!("{key}]]"))
        })
    };
    for key in known(&format!("{head}unheard-of = 1")) {
        assert!(is_shown(&key), "`{key}` is not in the example");
    }
    for kind in Kind::ALL {
        let body = format!("{head}[[accept]]\nkind = \"{kind}\"\n{}", least(kind));
        Policy::from_toml(&body).unwrap_or_else(|error| panic!("{error}\n{body}"));
        let keys = known(&format!("{body}unheard-of = 1"));
        assert!(keys.len() > 6, "{keys:?}");
        for key in keys {
            // One register of many: `pcr-0 to pcr-23`.
            let shown = match key.split_once("0 to ").or(key.split_once("1 to ")) {
                Some((prefix, _)) => {
                    EXAMPLE.contains(&format!("\n{prefix}")) || EXAMPLE.contains(&format!("# {prefix}"))
                }
                None => is_shown(&key),
            };
            assert!(shown, "`{key}` of {kind} is not in the example");
        }
        let unheard = Policy::from_toml(&format!("{body}attributes = {{ unheard-of = true }}")).unwrap_err();
        let names = unheard.problem.split_once("known are ").unwrap().1.to_owned();
        for name in names.split(", ").filter(|name| !name.is_empty()) {
            assert!(EXAMPLE.contains(name), "the attribute `{name}` of {kind} is not in the example");
        }
    }
    // What is commented out is right, too.
    let every: String = for_hardware()
        .lines()
        .map(|line| match line.strip_prefix("# ").and_then(|rest| rest.strip_suffix(" # example")) {
            Some(rest) => rest,
            None => line,
        })
        .flat_map(|line| [line, "\n"])
        .collect();
    let policy = Policy::from_toml(&every).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(policy.operator_rule().config_digests.len(), 1);
    assert_eq!((policy.trust().enrolment.len(), policy.trust().tpm_keys.len()), (1, 1));
}

/// The rules of the example, for a machine that a test can make.
fn rules(text: &str, machine: &Machine) -> Vec<String> {
    let root = hex::encode(machine.fingerprint());
    let (first, _) = text.split_once("# Intel TDX, with a GPU").unwrap();
    let text = first.replace("kind = \"snp\"", "kind = \"development\"");
    let (before, roots) = text.split_once("\nroots = ").unwrap();
    let (_, after) = roots.split_once(']').unwrap();
    let text = format!("{before}\nroots = [\"sha256:{root}\"]{after}");
    let policy = Policy::from_toml(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let verified = Verifier::new(&policy.development_roots())
        .verify(&machine.evidence(), &machine.endorsements(), Expected::Unbound, NOW)
        .unwrap();
    match policy.appraise(verified, NOW) {
        Ok(_) => Vec::new(),
        Err(denial) => {
            let short = |rule: &String| rule.strip_prefix("accept[0].").unwrap_or(rule).to_owned();
            denial.reasons.iter().map(|reason| short(&reason.rule)).collect()
        }
    }
}

// AT-21
#[test]
fn each_of_its_rules_decides() {
    let mut machine = Machine::new(Model::Turin);
    machine.set_policy(DEBUG_BIT | MIGRATION_BIT);
    machine.report[at::VMPL] = 1;
    assert_eq!(
        rules(EXAMPLE, &machine),
        [
            "measurement",
            "host-data",
            "id-key-digest",
            "minimum-tcb.bootloader",
            "minimum-tcb.snp",
            "minimum-tcb.microcode",
            "minimum-tcb.fmc",
            "products",
            "debug",
            "migration-agent",
            "vmpl",
            "attributes.alias-check-complete",
            "attributes.smt-allowed",
        ]
    );
    let strict = EXAMPLE.replace("crl = \"if-available\"", "crl = \"required\"");
    assert_ne!(strict, EXAMPLE);
    assert_eq!(rules(&strict, &machine).last().unwrap(), "crl");

    // A machine of the build that the example is about.
    let value = |key: &str| {
        let (_, rest) = EXAMPLE.split_once(&format!("\n{key} = ")).unwrap();
        hex::decode(rest.split('"').nth(1).unwrap()).unwrap()
    };
    let example = EXAMPLE.replace(
        "bootloader = 4, tee = 0, snp = 24, microcode = 219",
        "bootloader = 3, tee = 0, snp = 9, microcode = 115",
    );
    let mut machine = Machine::new(Model::Milan);
    // SMT is not among what the guest's owner permits; the platform has checked for aliases (AMD 56860, bit 5).
    machine.report[at::POLICY..][..8].copy_from_slice(&0x2_0000_u64.to_le_bytes());
    machine.report[0x40] = 1 << 5;
    machine.report[at::MEASUREMENT..][..48].copy_from_slice(&value("measurement"));
    machine.report[at::HOST_DATA..][..32].copy_from_slice(&value("host-data"));
    machine.report[0xe0..][..48].copy_from_slice(&value("id-key-digest"));
    assert!(rules(&example, &machine).is_empty(), "{:?}", rules(&example, &machine));
}
