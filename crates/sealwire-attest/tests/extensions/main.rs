//! What a policy may name besides its own rules: Rego, reference values, builds, revocation lists (AT-22, AT-24, AT-25).
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used, clippy::panic)]

#[path = "../common/mod.rs"]
mod common;
mod revocation;

use common::machine::{Machine, NOW};
use sealwire_attest::{Claims, Policy, Verified, Verifier, verdict::Reason, verify::Expected};

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
