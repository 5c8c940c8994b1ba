//! Reference values from elsewhere (AT-22): files of Trustee's reference value service, and CoRIMs.

mod corim;
mod names;
mod trustee;

use crate::{Claims, Kind, UnixTime, verdict::Reason};
use serde::Deserialize;

/// Longest file in bytes.
const MAX_FILE: usize = 1024 * 1024;
/// Most values in one file.
const MAX_VALUES: usize = 8192;

/// One file of `reference-values` as it stands in a policy.
#[derive(Deserialize)]
#[serde(untagged, deny_unknown_fields, expecting = "a file, or { file = \"…\", signer = \"…\" }")]
pub(super) enum Named {
    Plain(String),
    Signed { file: String, signer: String },
}

/// One value under one name.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    name: String,
    value: Vec<u8>,
    /// first second in which it counts
    from: Option<UnixTime>,
    /// last second in which it counts
    until: Option<UnixTime>,
}

/// The values of all files that an alternative names.
#[derive(Debug, Default)]
pub(super) struct Values(Vec<Entry>);

impl Values {
    /// Reads the files.
    pub(super) fn load(files: Vec<Named>, load: &super::extensions::Loader<'_>) -> Result<Self, String> {
        let read = |name: &str| {
            let bytes = load(name).map_err(|error| format!("{name}: {error}"))?;
            if bytes.len() > MAX_FILE {
                Err(format!("{name}: longer than {MAX_FILE} bytes"))
            } else {
                Ok(bytes)
            }
        };
        let mut entries = Vec::new();
        for named in files {
            let (file, signer) = match &named {
                Named::Plain(file) => (file, None),
                Named::Signed { file, signer } => (file, Some(read(signer)?)),
            };
            entries
                .extend(parse(&read(file)?, signer.as_deref()).map_err(|error| format!("{file}: {error}"))?);
        }
        Ok(Self(entries))
    }

    /// The values of a name, or of a register by what the name says, as wide as the register.
    fn of(&self, kind: Kind, register: &str, name: Option<&str>) -> Vec<Entry> {
        let width = names::width(kind, register);
        let named = |entry: &&Entry| match name {
            Some(name) => entry.name == name,
            None => names::register(kind, &entry.name).as_deref() == Some(register),
        };
        self.0.iter().filter(named).filter(|entry| width == Some(entry.value.len())).cloned().collect()
    }

    /// What is accepted of `register`: the values under `name`.
    pub(super) fn named(&self, kind: Kind, register: &str, name: &str) -> Result<Supplied, String> {
        let values = self.of(kind, register, Some(name));
        if values.is_empty() {
            let mut known: Vec<&str> = self.0.iter().map(|entry| entry.name.as_str()).collect();
            known.sort_unstable();
            known.dedup();
            return Err(format!(
                "no reference value `{name}` of the size of {register}; there are {}",
                known.join(", ")
            ));
        }
        Ok(Supplied { register: register.to_owned(), name: name.to_owned(), values })
    }

    /// What is accepted of each register that the names of the values speak of.
    pub(super) fn by_register(&self, kind: Kind) -> Vec<Supplied> {
        let mut registers: Vec<String> =
            self.0.iter().filter_map(|entry| names::register(kind, &entry.name)).collect();
        registers.sort_unstable();
        registers.dedup();
        let supplied = registers.into_iter().map(|register| {
            let values = self.of(kind, &register, None);
            Supplied { name: register.clone(), register, values }
        });
        supplied.filter(|supplied| !supplied.values.is_empty()).collect()
    }
}

/// What reference values say of one register.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Supplied {
    register: String,
    name: String,
    values: Vec<Entry>,
}

impl Supplied {
    pub(super) fn register(&self) -> &str {
        &self.register
    }

    /// Why the register holds none of the values that count at `at`.
    pub(super) fn failure(&self, rule: &str, claims: &Claims, at: UnixTime) -> Option<Reason> {
        let found = claims.measurements.get(self.register.as_str());
        let holds = |entry: &&Entry| found.is_some_and(|found| *found == entry.value);
        let counts = |entry: &&Entry| {
            entry.from.is_none_or(|from| from <= at) && entry.until.is_none_or(|until| at <= until)
        };
        let rule = format!("{rule}.reference-values.{}", self.register);
        match self.values.iter().find(holds) {
            Some(_) if self.values.iter().filter(holds).any(|entry| counts(&entry)) => None,
            Some(entry) => Some(Reason {
                code: "reference-value-expired",
                rule,
                expected: format!("a value of `{}` that is good at {at}", self.name),
                found: match entry.until {
                    Some(until) if at > until => format!("a value that was good until {until}"),
                    _ => "a value that is not good yet".to_owned(),
                },
            }),
            None => {
                let good = self.values.iter().filter(counts).map(|entry| hex::encode(&entry.value));
                Some(Reason {
                    code: "reference-value",
                    rule,
                    expected: good.collect::<Vec<_>>().join(", "),
                    found: found.map_or_else(|| "none".to_owned(), hex::encode),
                })
            }
        }
    }
}

/// Whether `kind` has this register.
pub(super) fn is_register(kind: Kind, register: &str) -> bool {
    names::width(kind, register).is_some()
}

/// Reads one file, by its content: JSON begins with a bracket, CBOR of a CoRIM with a tag or a map.
fn parse(bytes: &[u8], signer: Option<&[u8]>) -> Result<Vec<Entry>, String> {
    let entries = match bytes.trim_ascii_start().first() {
        Some(b'{' | b'[') if signer.is_some() => return Err("not signed: JSON has no signer".to_owned()),
        Some(b'{' | b'[') => trustee::parse(bytes)?,
        _ => corim::parse(bytes, signer)?,
    };
    if entries.len() > MAX_VALUES {
        return Err(format!("more than {MAX_VALUES} values"));
    }
    Ok(entries)
}

/// Reads any bytes as a file of reference values, for fuzzing.
#[doc(hidden)]
pub fn parses(bytes: &[u8]) -> bool {
    parse(bytes, None).is_ok()
}
