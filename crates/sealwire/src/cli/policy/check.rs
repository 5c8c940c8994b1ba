//! `sealwire policy check`: what a policy accepts, in words.

use super::parse;
use crate::cli::{
    exit::{Exit, Outcome},
    files, names,
    output::{self, dim, field, leaf, node, strong, warn},
};
use clap::Args as ClapArgs;
use sealwire_attest::Policy;
use serde_json::json;
use std::path::PathBuf;
use termtree::Tree;
use toml::{Table, Value};

/// Say what a policy accepts
///
/// Parses the file as `connect` does, so a mistake is reported with its line, and tells in words what passes.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example:
  sealwire policy check policy.toml

Exit codes: 0 it loads · 2 it does not")]
pub(crate) struct Args {
    /// The policy
    file: PathBuf,
    /// Print JSON: file, development, alternatives, rego, any-operator, operator-keys, config-digests,
    /// revocation-keys, max-lifetime, max-age, grace, fresh-evidence
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Outcome {
    let text = files::read_text(&args.file)?;
    let policy = parse(&args.file, &text)?;
    // The policy has loaded, so its keys are known and their values valid; they are shown as they are written.
    let table: Table = text.parse()?;
    let alternatives = table.get("accept").and_then(Value::as_array).cloned().unwrap_or_default();
    let rego = table.get("rego").and_then(Value::as_str);
    if args.json {
        let rule = policy.operator_rule();
        output::json(&json!({
            "file": args.file,
            "development": policy.is_development(),
            "alternatives": alternatives,
            "rego": rego,
            "any-operator": rule.any,
            "operator-keys": rule.keys.iter().map(names::operator_key).collect::<Vec<_>>(),
            "config-digests": rule.config_digests.iter().map(names::config_digest).collect::<Vec<_>>(),
            "revocation-keys": policy.revocation_keys().iter().map(names::operator_key).collect::<Vec<_>>(),
            "max-lifetime": policy.max_lifetime().as_secs(),
            "max-age": policy.max_age().as_secs(),
            "grace": policy.grace().as_secs(),
            "fresh-evidence": policy.fresh_evidence(),
        }))?;
    } else {
        output::print(tree(&args.file.display().to_string(), &policy, &alternatives, rego).to_string())?;
    }
    Ok(Exit::Ok)
}

fn tree(file: &str, policy: &Policy, alternatives: &[Value], rego: Option<&str>) -> Tree<String> {
    let mut lines = Vec::new();
    if alternatives.is_empty() {
        lines.push(leaf(warn("accepts nobody: there is no [[accept]]")));
    }
    if policy.is_development() {
        lines.push(leaf(warn("accepts DEVELOPMENT evidence, and nothing else: no hardware is proven")));
    }
    for (index, alternative) in alternatives.iter().enumerate() {
        if let Some(table) = alternative.as_table() {
            lines.push(accepts(index, table));
        }
    }
    lines.extend(rego.map(|file| leaf(format!("and only what the Rego policy {} allows", strong(file)))));
    let keys = policy.revocation_keys();
    if !keys.is_empty() {
        let signers = keys.iter().map(|key| leaf(names::operator_key(key)));
        lines.push(node("and only what no revocation list names, of which there has to be one, by", signers));
    }
    lines.push(operator(policy));
    lines.push(node(
        "and a key document",
        [
            field("lives at most", format!("{} s", policy.max_lifetime().as_secs())),
            field(
                "is at most",
                format!("{} s old, plus {} s of grace", policy.max_age().as_secs(), policy.grace().as_secs()),
            ),
        ],
    ));
    if policy.fresh_evidence() {
        lines.push(leaf("and evidence over each full handshake of a session, too".to_owned()));
    }
    node(strong(file), lines)
}

fn accepts(index: usize, table: &Table) -> Tree<String> {
    let kind = table.get("kind").and_then(Value::as_str).unwrap_or_default();
    let rules = table.iter().filter(|(key, _)| *key != "kind").map(|(key, value)| rule(key, value));
    node(format!("{} evidence of kind {}", if index == 0 { "accepts" } else { "or" }, strong(kind)), rules)
}

/// `measurement = ["9b21…"]` as "measurement is 9b21…".
fn rule(key: &str, value: &Value) -> Tree<String> {
    if let Some(reason) = value.as_table().and_then(|table| table.get("any")).and_then(Value::as_str) {
        return field(key, format!("{} {}", warn("any value"), dim(format!("({reason})"))));
    }
    match value {
        Value::Array(companions) if key == "companion" => {
            let rules = companions.iter().filter_map(Value::as_table).map(|table| {
                let kind = table.get("kind").and_then(Value::as_str).unwrap_or_default();
                let rules = table.iter().filter(|(key, _)| *key != "kind");
                node(format!("evidence of kind {}", strong(kind)), rules.map(|(key, value)| rule(key, value)))
            });
            node("together with", rules)
        }
        Value::Array(values) => {
            node(format!("{key} is one of"), values.iter().map(|value| leaf(plain(value))))
        }
        Value::Table(table) if key == "minimum-tcb" => {
            let parts: Vec<_> =
                table.iter().map(|(name, least)| format!("{name} {}", plain(least))).collect();
            field("TCB", format!("at least {}", parts.join(", ")))
        }
        Value::Table(table) => node(key, table.iter().map(|(name, value)| field(name, plain(value)))),
        other => field(key, plain(other)),
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}

fn operator(policy: &Policy) -> Tree<String> {
    let rule = policy.operator_rule();
    let mut lines: Vec<_> = rule
        .keys
        .iter()
        .map(|key| leaf(format!("one who signs with {}", names::operator_key(key))))
        .collect();
    lines.extend(
        rule.config_digests
            .iter()
            .map(|digest| leaf(format!("anyone, with the configuration {}", names::config_digest(digest)))),
    );
    if rule.any {
        lines.push(leaf(warn("anyone at all: the host may send plaintext anywhere")));
    }
    node("run by", lines)
}
