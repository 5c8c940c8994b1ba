//! What a policy may name besides its own rules: Rego, reference values, builds, revocation lists (AT-22, AT-24, AT-25).
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used, clippy::panic)]

mod build;
#[path = "../common/mod.rs"]
mod common;
mod reference;
mod rego;
mod revocation;
mod sigstore;

use common::machine::{Machine, NOW};
use sealwire_attest::{
    Claims, Policy, Verified, Verifier, policy::PolicyError, verdict::Reason, verify::Expected,
};

const HEAD: &str = "version = 1\nany-operator = true\n";

/// A development alternative for `machine` without registers: `more` has them.
fn development(machine: &Machine, more: &str) -> String {
    let root = hex::encode(machine.fingerprint());
    format!("[[accept]]\nkind = \"development\"\nroots = [\"sha256:{root}\"]\n{more}\n")
}

/// Its registers, as [`Machine::new`] fills them.
fn registers() -> String {
    format!("measurement = \"{}\"\nhost-data = \"{}\"\n", "22".repeat(48), "33".repeat(32))
}

/// Loads a policy beside these files.
fn load(text: &str, files: &[(&str, &[u8])]) -> Result<Policy, PolicyError> {
    Policy::load(text, &|name| {
        let file = files.iter().find(|(known, _)| *known == name);
        file.map(|(_, bytes)| bytes.to_vec()).ok_or_else(|| "no such file".to_owned())
    })
}

fn verified(machine: &Machine) -> Verified<Claims> {
    let verifier = Verifier::new(&[machine.fingerprint()]);
    verifier.verify(&machine.evidence(), &machine.endorsements(), Expected::Unbound, NOW).unwrap()
}

/// Why `policy` refuses `machine`; empty where it accepts.
fn reasons(policy: &Policy, machine: &Machine) -> Vec<Reason> {
    policy.appraise(verified(machine), NOW).err().map(|denial| denial.reasons).unwrap_or_default()
}

fn codes(policy: &Policy, machine: &Machine) -> Vec<&'static str> {
    reasons(policy, machine).iter().map(|reason| reason.code).collect()
}

// AT-81: the codes of extensions are the documented ones.
#[test]
fn reason_codes_are_documented() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let page = std::fs::read_to_string(format!("{root}/docs/spec/attestation-extensions.md")).unwrap();
    let (_, table) = page.split_once("## Reason codes").unwrap();
    let (table, _) = table.split_once("\n## ").unwrap();
    let documented: Vec<&str> =
        table.lines().filter_map(|line| Some(line.strip_prefix("| `")?.split_once('`')?.0)).collect();
    let sources = ["policy/rego.rs", "policy/build.rs", "policy/reference/mod.rs", "revocation/rule.rs"]
        .map(|file| std::fs::read_to_string(format!("{root}/crates/sealwire-attest/src/{file}")).unwrap())
        .concat();
    let given: std::collections::BTreeSet<&str> = sources
        .match_indices("code: \"")
        .chain(sources.match_indices("reason(\""))
        .chain(sources.match_indices("revoked(\""))
        .map(|(start, found)| sources[start + found.len()..].split_once('"').unwrap().0)
        .collect();
    assert_eq!(documented.iter().copied().collect::<std::collections::BTreeSet<_>>(), given);
    assert_eq!(documented.len(), given.len());
}
