//! What a policy may name besides its own rules. It is taken out of the file before the rules are read, so that each
//! extension reads its own keys, and the rules know nothing of it.

use super::{
    PolicyError,
    build::Build,
    error::usage,
    reference::{self, Supplied},
    rego::Rego,
    values::OperatorKey,
};
use crate::{Checks, Claims, Kind, UnixTime, revocation, verdict::Reason};
use serde::{Deserialize, de::DeserializeOwned};
use std::{borrow::Cow, ops::Range};
use toml::{
    Spanned,
    de::{DeTable, DeValue, ValueDeserializer},
};

/// Reads a file that a policy names, by the name that stands there; an error says why not.
pub type Loader<'a> = dyn Fn(&str) -> Result<Vec<u8>, String> + 'a;

/// The extensions of one policy.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Extensions {
    /// AT-25
    pub(super) revocation: revocation::Rule,
    /// AT-22
    rego: Option<Rego>,
    /// for each alternative
    supplies: Vec<Supplies>,
}

/// What supplies values of registers to one alternative.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Supplies {
    references: Vec<Supplied>,
    builds: Vec<Build>,
}

/// `build = { … }` as it stands in a policy.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[cfg_attr(not(feature = "sigstore"), expect(dead_code, reason = "only Sigstore reads all of it"))]
pub(super) struct NamedBuild {
    pub(super) bundle: String,
    pub(super) identity: String,
    pub(super) issuer: String,
    pub(super) register: String,
    pub(super) trusted_root: Option<String>,
}

/// What an alternative's own rules accepted.
pub(super) struct Judged<'a> {
    /// the alternative's number
    pub(super) alternative: usize,
    pub(super) claims: &'a Claims,
    #[cfg_attr(not(feature = "rego"), expect(dead_code, reason = "only Rego sees them"))]
    pub(super) checks: &'a Checks,
    pub(super) at: UnixTime,
}

impl Extensions {
    /// Takes the keys of extensions out of `document`, and reads the files that they name.
    pub(super) fn take(
        text: &str,
        document: &mut DeTable<'_>,
        load: &Loader<'_>,
    ) -> Result<Self, PolicyError> {
        let reader = Reader { text, load };
        let mut extensions = Self::default();
        if let Some((span, keys)) = reader.remove::<Vec<OperatorKey>>(document, "revocation-keys")? {
            if keys.is_empty() {
                return Err(reader.wrong(span, "revocation-keys", "an empty list pins no key"));
            }
            extensions.revocation.keys = keys.into_iter().map(|key| key.0).collect();
        }
        if let Some((span, name)) = reader.remove::<String>(document, "rego")? {
            let rego = load(&name)
                .map_err(|error| format!("{name}: {error}"))
                .and_then(|bytes| Rego::parse(&name, &bytes));
            extensions.rego = Some(rego.map_err(|problem| reader.wrong(span, "rego", &problem))?);
        }
        // What has another shape is for the rules to refuse.
        if let Some(accept) = document.get_mut("accept")
            && let DeValue::Array(alternatives) = accept.get_mut()
        {
            for alternative in alternatives.iter_mut() {
                let supplies = match alternative.get_mut() {
                    DeValue::Table(table) => reader.supplies(table)?,
                    _ => Supplies::default(),
                };
                extensions.supplies.push(supplies);
            }
        }
        Ok(extensions)
    }

    /// Why the extensions refuse what an alternative's own rules accept.
    pub(super) fn failures(&self, judged: &Judged<'_>) -> Vec<Reason> {
        let rule = format!("accept[{}]", judged.alternative);
        let mut reasons = Vec::new();
        if let Some(Supplies { references, builds }) = self.supplies.get(judged.alternative) {
            reasons.extend(
                references.iter().filter_map(|supplied| supplied.failure(&rule, judged.claims, judged.at)),
            );
            reasons.extend(builds.iter().filter_map(|build| build.failure(&rule, judged.claims)));
        }
        // Rego sees what all else accepts.
        if let Some(rego) = &self.rego
            && reasons.is_empty()
        {
            reasons = rego.failures(judged);
        }
        reasons
    }
}

struct Reader<'a> {
    text: &'a str,
    load: &'a Loader<'a>,
}

impl Reader<'_> {
    fn wrong(&self, span: Range<usize>, key: &str, problem: &str) -> PolicyError {
        PolicyError::new(self.text, span, key, problem, &usage(key))
    }

    /// Takes a key out of a table: where its value stands, and the value.
    fn remove<T: DeserializeOwned>(
        &self,
        table: &mut DeTable<'_>,
        key: &str,
    ) -> Result<Option<(Range<usize>, T)>, PolicyError> {
        let Some(value) = table.remove(key) else { return Ok(None) };
        let span = value.span();
        let value = T::deserialize(ValueDeserializer::from(value)).map_err(|error| match error.span() {
            Some(_) => PolicyError::from_toml(self.text, &error),
            None => self.wrong(span.clone(), key, error.message()),
        })?;
        Ok(Some((span, value)))
    }

    /// Takes what supplies registers out of an alternative. Each register that it supplies, and the alternative does not
    /// list itself, is left to it.
    fn supplies(&self, table: &mut DeTable<'_>) -> Result<Supplies, PolicyError> {
        let kind = table.get("kind").and_then(|kind| kind.get_ref().as_str()).and_then(Kind::from_name);
        let Some(kind) = kind else { return Ok(Supplies::default()) };
        let mut supplies = Supplies::default();
        let files = self.remove::<Vec<reference::Named>>(table, "reference-values")?;
        let values = match files {
            Some((span, files)) => {
                let values = reference::Values::load(files, self.load);
                let values =
                    values.map_err(|problem| self.wrong(span.clone(), "reference-values", &problem))?;
                Some((span, values))
            }
            None => None,
        };
        for (register, span, name) in named_references(table) {
            let supplied = match &values {
                Some((_, values)) => values.named(kind, &register, &name),
                None => Err("there are no reference-values".to_owned()),
            };
            let supplied = supplied.map_err(|problem| {
                PolicyError::new(self.text, span.clone(), &register, &problem, &usage("reference-values"))
            })?;
            table.insert(Spanned::new(span.clone(), register.into()), left_to(span, "reference values"));
            supplies.references.push(supplied);
        }
        if let Some((span, values)) = &values {
            for supplied in values.by_register(kind) {
                let register = supplied.register();
                if !table.contains_key(register) {
                    let key = Spanned::new(span.clone(), register.to_owned().into());
                    table.insert(key, left_to(span.clone(), "reference values"));
                    supplies.references.push(supplied);
                }
            }
            if supplies.references.is_empty() {
                let problem = format!("they supply no register of {kind} that is left to them");
                return Err(self.wrong(span.clone(), "reference-values", &problem));
            }
        }
        let several = table.get("build").is_some_and(|build| build.get_ref().is_array());
        let builds = if several {
            self.remove::<Vec<NamedBuild>>(table, "build")?
        } else {
            self.remove(table, "build")?.map(|(span, build)| (span, vec![build]))
        };
        if let Some((span, builds)) = builds {
            for named in builds {
                if !reference::is_register(kind, &named.register) {
                    let problem = format!("`{}` is no register of {kind}", named.register);
                    return Err(self.wrong(span, "build", &problem));
                }
                let build = Build::load(named, self.load);
                let build = build.map_err(|problem| self.wrong(span.clone(), "build", &problem))?;
                if !table.contains_key(build.register()) {
                    let key = Spanned::new(span.clone(), build.register().to_owned().into());
                    table.insert(key, left_to(span.clone(), "a build"));
                }
                supplies.builds.push(build);
            }
        }
        Ok(supplies)
    }
}

/// Registers of the form `register = { reference = "name" }`: the register, where its value stands, and the name.
fn named_references(table: &DeTable<'_>) -> Vec<(String, Range<usize>, String)> {
    let reference = |value: &DeValue<'_>| {
        let inner = value.as_table().filter(|inner| inner.len() == 1)?;
        inner.get("reference")?.get_ref().as_str().map(str::to_owned)
    };
    table
        .iter()
        .filter_map(|(key, value)| {
            Some((key.get_ref().to_string(), value.span(), reference(value.get_ref())?))
        })
        .collect()
}

/// The value by which a rule leaves a register to what supplies it.
fn left_to(span: Range<usize>, whom: &str) -> Spanned<DeValue<'static>> {
    let mut any = DeTable::new();
    let reason = DeValue::String(Cow::Owned(format!("left to {whom}")));
    any.insert(Spanned::new(span.clone(), "any".into()), Spanned::new(span.clone(), reason));
    Spanned::new(span, DeValue::Table(any))
}
