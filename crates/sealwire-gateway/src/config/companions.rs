//! Evidence that goes with the TEE's, which covers it (AT-01, AT-04).

use super::{
    Config, Tee,
    error::{At, Fault},
    values,
};
use sealwire_attest::composite::{MAX_COMPANIONS, MAX_LABEL};
use sealwire_tee::nvidia;
use serde::{
    Deserialize, Deserializer,
    de::{IntoDeserializer, MapAccess, Visitor, value::MapAccessDeserializer},
};
use std::{collections::HashSet, fmt, time::Duration};

/// One companion: in a file a table, or the name of its kind alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Companion {
    /// what makes it
    pub kind: CompanionKind,
    /// what tells it from others; the name of its kind when absent
    pub label: Option<String>,
    /// for `nvidia`: the program that asks the GPU, and its arguments; `{nonce}` in those becomes the nonce in hex
    pub command: Vec<String>,
    /// how long that program may take; half of `quotes.timeout` when absent
    pub timeout: Option<Duration>,
}

/// What makes a companion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CompanionKind {
    /// the machine's TPM, used as `tpm` says
    Tpm,
    /// a GPU, asked by a program of the operator's
    Nvidia,
}

impl CompanionKind {
    /// As configurations name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Tpm => "tpm",
            Self::Nvidia => "nvidia",
        }
    }
}

impl Companion {
    /// What tells it from others.
    #[must_use]
    pub fn label(&self) -> &str {
        self.label.as_deref().unwrap_or(self.kind.name())
    }

    /// The program, for `nvidia`.
    pub(crate) fn helper(&self, config: &Config) -> Result<nvidia::Command, nvidia::Error> {
        nvidia::Command::new(&self.command, self.timeout.unwrap_or(config.quotes.timeout / 2))
    }
}

/// As a table has it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Table {
    kind: CompanionKind,
    #[serde(default)]
    label: Option<String>,
    #[serde(default)]
    command: Vec<String>,
    #[serde(default, deserialize_with = "values::some_time")]
    timeout: Option<Duration>,
}

impl<'de> Deserialize<'de> for Companion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NameOrTable)
    }
}

struct NameOrTable;

impl<'de> Visitor<'de> for NameOrTable {
    type Value = Companion;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a kind, for example \"tpm\", or a table with `kind`")
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Companion, E> {
        let kind = CompanionKind::deserialize(name.into_deserializer())?;
        Ok(Companion { kind, label: None, command: Vec::new(), timeout: None })
    }

    fn visit_map<A: MapAccess<'de>>(self, table: A) -> Result<Companion, A::Error> {
        let Table { kind, label, command, timeout } = Table::deserialize(MapAccessDeserializer::new(table))?;
        Ok(Companion { kind, label, command, timeout })
    }
}

/// What can be told without running anything.
pub(super) fn check(config: &Config) -> Result<(), Fault> {
    let companions = &config.companions;
    if companions.len() > MAX_COMPANIONS {
        let what = format!("has more than {MAX_COMPANIONS}");
        return Err(Fault::new(At::key("companions"), what, "clients take no more in one document"));
    }
    let mut labels = HashSet::new();
    for (index, companion) in companions.iter().enumerate() {
        let at = || At::key("companions").index(index);
        let label = companion.label();
        if !is_label(label) {
            let hint = format!("1 to {MAX_LABEL} lower-case letters, digits and `-`, for example \"gpu-0\"");
            return Err(Fault::new(at().then("label"), format!("`{label}` is no label"), hint));
        }
        if !labels.insert(label) {
            let hint = "give each a `label` of its own";
            return Err(Fault::new(at(), format!("a second companion `{label}`"), hint));
        }
        match companion.kind {
            CompanionKind::Tpm => check_tpm(config, companion, at)?,
            CompanionKind::Nvidia => check_helper(config, companion, at)?,
        }
    }
    Ok(())
}

fn is_label(label: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=MAX_LABEL).contains(&label.len()) && label.bytes().all(allowed)
}

fn check_tpm(config: &Config, companion: &Companion, at: impl Fn() -> At) -> Result<(), Fault> {
    if config.tee == Tee::Tpm {
        let hint = "the TPM leads already: leave the companion out";
        return Err(Fault::new(at(), "is the TPM that makes the lead evidence", hint));
    }
    let unused = [("command", !companion.command.is_empty()), ("timeout", companion.timeout.is_some())];
    match unused.into_iter().find(|(_, given)| *given) {
        Some((key, _)) => {
            Err(Fault::new(at().then(key), "is not for a TPM", "how it is used stands in [tpm]"))
        }
        None => Ok(()),
    }
}

fn check_helper(config: &Config, companion: &Companion, at: impl Fn() -> At) -> Result<(), Fault> {
    if companion.timeout.is_some_and(|timeout| timeout.is_zero() || timeout >= config.quotes.timeout) {
        let hint = "evidence that comes later than quotes.timeout is waited for by nobody";
        return Err(Fault::new(at().then("timeout"), "is zero, or not below quotes.timeout", hint));
    }
    companion.helper(config).map(drop).map_err(|error| {
        let hint = "the program and its arguments, for example [\"/usr/local/bin/gpu-report\", \"{nonce}\"]";
        Fault::new(at().then("command"), error.to_string(), hint)
    })
}
