//! The chain of reasons as a tree: what was checked, on what it rests, how it came out (AT-03, AT-43).

use super::{
    names,
    output::{bad, dim, field, good, leaf, node, strong, warn},
};
use sealwire_attest::{
    Check, Checks, Claims, Kind, Outcome, TcbStatus,
    claims::{Attachment, Companion},
    key_document::OperatorGround,
    verdict::Reason,
};
use termtree::Tree;

/// A check and how it came out, on one line.
pub(crate) fn check(check: Check, outcome: &Outcome) -> Tree<String> {
    let name = format!("{:<11}", check.name());
    leaf(match outcome {
        Outcome::Passed(what) if what.is_empty() => format!("{} {}", good("✓"), check.name()),
        Outcome::Passed(what) => format!("{} {name} {}", good("✓"), dim(what)),
        Outcome::NotAvailable(why) => {
            format!("{} {name} {}", warn("–"), dim(format!("not available: {why}")))
        }
        Outcome::NotSupplied(what) => {
            format!("{} {name} {}", warn("–"), warn(format!("not supplied: {what}")))
        }
        Outcome::Failed(why) => format!("{} {name} {}", bad("✗"), bad(why)),
        Outcome::NotReached => format!("{} {name} {}", dim("·"), dim("not reached")),
    })
}

/// Evidence, the key that signed it, the certificates above that, the root; then what came with it.
///
/// `claims` is there only if all checks passed: what unproven evidence says is not worth showing.
pub(crate) fn evidence(title: String, checks: &Checks, claims: Option<&Claims>) -> Tree<String> {
    let line = |which: Check| check(which, checks.get(which));
    let mut report = vec![
        line(Check::Format),
        line(Check::Binding),
        line(Check::Freshness),
        line(Check::Attributes),
        line(Check::Tcb),
    ];
    report.extend(claims.map(says));
    let signer = claims.map_or("the signing key", |claims| &claims.signer);
    let root = claims.map(root);
    report.push(node(
        format!("signed by {}", strong(signer)),
        [
            line(Check::Signature),
            node(
                "certified",
                [line(Check::Chain), line(Check::Validity), line(Check::Revocation)].into_iter().chain(root),
            ),
        ],
    ));
    report.extend(claims.into_iter().flat_map(|claims| &claims.companions).map(|(label, companion)| {
        let Companion { claims, checks, attachment } = companion;
        let attached = match attachment {
            Attachment::Proven => good("the hardware vouches for it"),
            Attachment::GuestAsserted => {
                warn("guest-asserted: the software in the lead says that it belongs to it")
            }
        };
        let mut tree =
            evidence(format!("{} {label}, {}", strong("companion"), claims.kind), checks, Some(claims));
        tree.leaves.insert(0, leaf(attached));
        tree
    }));
    node(title, report)
}

/// What genuine evidence says.
fn says(claims: &Claims) -> Tree<String> {
    let mut registers: Vec<_> = claims.measurements.iter().collect();
    registers.sort_by_key(|(name, _)| by_number(name));
    let registers = registers.into_iter().map(|(name, bytes)| {
        let zero = bytes.iter().all(|byte| *byte == 0);
        field(name, if zero { dim("all zero") } else { hex::encode(bytes) })
    });
    let level: Vec<_> = claims.tcb.iter().map(|(name, value)| format!("{name} {value}")).collect();
    let versions = claims.versions.iter().map(|(name, version)| field(name, version));
    let set: Vec<_> = claims
        .attributes
        .iter()
        .filter(|(_, value)| **value != 0)
        .map(|(name, value)| if *value == 1 { (*name).to_owned() } else { format!("{name} {value}") })
        .collect();
    let mut says = vec![field("hardware", &claims.hardware_model), field("product", &claims.product)];
    says.extend((!claims.firmware.is_empty()).then(|| field("firmware", &claims.firmware)));
    says.extend(versions);
    says.extend((!level.is_empty()).then(|| field("TCB", level.join(", "))));
    says.extend(claims.tcb_status.map(|status| field("TCB status", told(status, claims))));
    says.extend((!claims.advisories.is_empty()).then(|| field("advisories", claims.advisories.join(", "))));
    says.extend(claims.made_at.map(|at| field("made at", at)));
    says.push(field("debug", debug(claims)));
    says.extend((!set.is_empty()).then(|| field("attributes", set.join(", "))));
    says.push(node("registers", registers));
    node("it says", says)
}

/// Registers in the order of their numbers: `pcr-2` before `pcr-10`.
fn by_number(register: &str) -> (&str, u32) {
    let numbered = register.rsplit_once('-').and_then(|(name, number)| Some((name, number.parse().ok()?)));
    numbered.unwrap_or((register, 0))
}

/// Whether the guest can be debugged, as far as the format has a word for it (AT-20).
fn debug(claims: &Claims) -> String {
    match claims.kind {
        _ if claims.debug => bad("can be debugged"),
        Kind::Tpm | Kind::Nvidia => "not told by evidence of this kind".to_owned(),
        _ => "off".to_owned(),
    }
}

/// The vendor's word on a firmware level, and since when it knows of it.
fn told(status: TcbStatus, claims: &Claims) -> String {
    let name = match status {
        TcbStatus::UpToDate => good(status.name()),
        TcbStatus::Revoked | TcbStatus::Unlisted => bad(status.name()),
        _ => warn(status.name()),
    };
    let date = claims.tcb_date.map(|date| format!("level of {date}"));
    let evaluation = claims.tcb_evaluation.map(|number| format!("evaluation {number}"));
    let from: Vec<_> = date.into_iter().chain(evaluation).collect();
    if from.is_empty() { name } else { format!("{name} {}", dim(format!("({})", from.join(", ")))) }
}

/// What everything rests on, and whose it is.
pub(crate) fn root(claims: &Claims) -> Tree<String> {
    let whose = match claims.kind {
        Kind::Development => {
            warn("a DEVELOPMENT root, made on one machine: it proves nothing about hardware")
        }
        Kind::Tpm => {
            warn("an enrolment CA or a key: its owner's word, and as good as the policy that names it")
        }
        _ => "the vendor's, pinned in this program".to_owned(),
    };
    node(format!("root {}", names::root(&claims.root)), [leaf(whose)])
}

/// The rules that failed.
pub(crate) fn reasons(title: String, reasons: &[Reason]) -> Tree<String> {
    node(title, reasons.iter().map(reason))
}

fn reason(reason: &Reason) -> Tree<String> {
    let mut lines = Vec::new();
    if !reason.expected.is_empty() {
        lines.push(field("expected", &reason.expected));
    }
    lines.push(field("found", &reason.found));
    node(format!("{} {}", bad(reason.code), dim(format!("({})", reason.rule))), lines)
}

/// Why the policy is content with who runs the code (AT-44).
pub(crate) fn ground(operator: OperatorGround) -> String {
    match operator {
        OperatorGround::ConfigDigest => "the policy pins this configuration".to_owned(),
        OperatorGround::Signed(key) => {
            format!("signed by {}, which the policy pins", names::operator_key(&key))
        }
        OperatorGround::Any => {
            warn("the policy accepts any operator: the host may forward plaintext anywhere")
        }
    }
}

/// The same for machines.
pub(crate) fn ground_name(operator: OperatorGround) -> &'static str {
    match operator {
        OperatorGround::ConfigDigest => "config-digest",
        OperatorGround::Signed(_) => "signed",
        OperatorGround::Any => "any",
    }
}
