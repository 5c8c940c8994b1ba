//! A policy in Rego beside the rules in TOML (AT-22): both have to accept.

use super::extensions::Judged;
use crate::verdict::Reason;
use regorus::{Engine, Value, utils::limits::ExecutionTimerConfig};
use serde_json::json;
use std::{
    fmt,
    num::NonZeroU32,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// The package that a policy is written in.
const PACKAGE: &str = "data.sealwire";
const ALLOW: &str = "data.sealwire.allow";
const REASONS: &str = "data.sealwire.reasons";
/// Longest policy in bytes.
const MAX_POLICY: usize = 256 * 1024;
/// What one evaluation may take. A policy over a few kilobytes of claims takes less than a millisecond.
const LIMITS: ExecutionTimerConfig =
    ExecutionTimerConfig { limit: Duration::from_secs(1), check_interval: NonZeroU32::new(64).unwrap() };
/// Reasons that are told, and their length in characters.
const MAX_REASONS: usize = 32;
const MAX_REASON: usize = 512;

/// A Rego policy, parsed and compiled.
///
/// The builtins that reach outside (http, time, the runtime's environment) are not in this build, and the random one is
/// taken away, so that the same input gives the same answer.
#[derive(Clone)]
pub(super) struct Rego {
    name: String,
    source: Arc<str>,
    /// each evaluation has a copy of its own, which shares what was compiled
    engine: Arc<Mutex<Engine>>,
    gives_reasons: bool,
}

impl Rego {
    /// Parses and compiles; `name` stands in messages.
    pub(super) fn parse(name: &str, bytes: &[u8]) -> Result<Self, String> {
        if bytes.len() > MAX_POLICY {
            return Err(format!("{name} is longer than {MAX_POLICY} bytes"));
        }
        let source = std::str::from_utf8(bytes).map_err(|_| format!("{name} is not text"))?;
        let told = |error: &dyn fmt::Display| one_line(&error.to_string());
        let mut engine = Engine::new();
        engine.set_execution_timer_config(LIMITS);
        // What a policy prints goes nowhere, rather than to standard error.
        engine.set_gather_prints(true);
        engine.set_strict_builtin_errors(true);
        let no_randomness = |_| Err(std::io::Error::other("rand.intn is not available").into());
        engine
            .add_extension("rand.intn".to_owned(), 2, Box::new(no_randomness))
            .map_err(|error| told(&error))?;
        let package = engine.add_policy(name.to_owned(), source.to_owned()).map_err(|error| told(&error))?;
        if package != PACKAGE {
            return Err(format!("{name}:1: the package is `{package}`, not `package sealwire`"));
        }
        let declares = |rule| engine.has_declared_rule_rooted_at(name, rule).unwrap_or_default();
        if !declares("allow") {
            return Err(format!("{name} has no rule `allow`, so it accepts nobody"));
        }
        let gives_reasons = declares("reasons");
        engine.compile_with_entrypoint(&ALLOW.into()).map_err(|error| told(&error))?;
        Ok(Self {
            name: name.to_owned(),
            source: source.into(),
            engine: Arc::new(Mutex::new(engine)),
            gives_reasons,
        })
    }

    /// Why it refuses; empty where it accepts.
    pub(super) fn failures(&self, judged: &Judged<'_>) -> Vec<Reason> {
        let mut engine = self.engine.lock().unwrap_or_else(PoisonError::into_inner).clone();
        engine.set_input(input(judged));
        let found = match engine.eval_rule(ALLOW.to_owned()) {
            Ok(Value::Bool(true)) => return Vec::new(),
            Ok(Value::Bool(false)) => "false".to_owned(),
            Ok(Value::Undefined) => "undefined".to_owned(),
            Ok(_) => "something that is no boolean".to_owned(),
            Err(error) => one_line(&error.to_string()),
        };
        let mut reasons = if self.gives_reasons { told(&mut engine) } else { Vec::new() };
        if reasons.is_empty() {
            reasons.push(found);
        }
        reasons.into_iter().map(|found| self.reason(found)).collect()
    }

    fn reason(&self, found: String) -> Reason {
        Reason { code: "rego", rule: self.name.clone(), expected: format!("{ALLOW} = true"), found }
    }
}

/// What the policy sees as `input`. The hardware id is not among the claims.
fn input(judged: &Judged<'_>) -> Value {
    let Judged { claims, checks, at, alternative, .. } = judged;
    Value::from(json!({
        "kind": claims.kind.name(),
        "at": at.0,
        "claims": claims.to_json(),
        "checks": checks,
        "policy": { "alternative": alternative },
    }))
}

/// The policy's own reasons, a list or a set; nothing where they are something else.
fn told(engine: &mut Engine) -> Vec<String> {
    let Ok(value) = engine.eval_rule(REASONS.to_owned()) else { return Vec::new() };
    let text =
        |value: &Value| value.as_string().ok().map(|text| text.chars().take(MAX_REASON).collect::<String>());
    if let Ok(list) = value.as_array() {
        return list.iter().filter_map(text).take(MAX_REASONS).collect();
    }
    value.as_set().map(|set| set.iter().filter_map(text).take(MAX_REASONS).collect()).unwrap_or_default()
}

/// Regorus draws the place in the source over several lines.
fn one_line(message: &str) -> String {
    let words: Vec<&str> = message.split_whitespace().filter(|word| *word != "|" && *word != "-->").collect();
    words.join(" ").chars().take(MAX_REASON).collect()
}

/// By its source: the engine follows from that.
impl PartialEq for Rego {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.source == other.source
    }
}

impl Eq for Rego {}

impl fmt::Debug for Rego {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rego({})", self.name)
    }
}
