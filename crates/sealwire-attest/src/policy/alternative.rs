//! From the table of an alternative to its rule.

use super::{
    PolicyError,
    error::{register_usage, usage},
    rule::{CompanionRule, Level, Minimum, Rule},
    schema::{Demand, Products, Schema},
    values::{Accept, AttributeValue, Date, Fingerprint, Hex, Label, Product, Span, Status, TpmKey},
};
use crate::{Kind, claims::Attachment};
use serde::Deserialize;
use std::{collections::BTreeMap, ops::Range};
use toml::{
    Spanned,
    de::{DeTable, DeValue, ValueDeserializer},
};

/// Kinds that come along with others.
const COMPANIONS: [Kind; 2] = [Kind::Nvidia, Kind::Tpm];

/// Parses `[[accept]]`.
pub(super) fn alternative(text: &str, item: Spanned<DeValue<'_>>) -> Result<Rule, PolicyError> {
    let (kind, table, span) = of_kind(text, item, "accept", &Kind::ALL)?;
    let mut parser = Parser { text, rule: Rule::new(Schema::of(kind)), companion: None };
    parser.read(table, span)?;
    Ok(parser.rule)
}

/// Parses `[[accept.companion]]`.
fn companion(text: &str, item: Spanned<DeValue<'_>>) -> Result<CompanionRule, PolicyError> {
    let (kind, table, span) = of_kind(text, item, "companion", &COMPANIONS)?;
    let rule = Rule::new(Schema::of(kind));
    let mut parser = Parser { text, rule, companion: Some(Place::default()) };
    parser.read(table, span)?;
    let Place { label, attachment } = parser.companion.unwrap_or_default();
    Ok(CompanionRule { rule: parser.rule, label, attachment })
}

/// The table of a rule, and which of `kinds` it is for.
fn of_kind<'i>(
    text: &str,
    item: Spanned<DeValue<'i>>,
    key: &str,
    kinds: &[Kind],
) -> Result<(Kind, DeTable<'i>, Range<usize>), PolicyError> {
    let span = item.span();
    let names: Vec<_> = kinds.iter().map(|kind| format!("\"{kind}\"")).collect();
    let hint = format!("one of {}", names.join(", "));
    let DeValue::Table(mut table) = item.into_inner() else {
        return Err(PolicyError::new(text, span, key, "not a table", usage(key).as_str()));
    };
    let Some(kind) = table.remove("kind") else {
        return Err(PolicyError::new(text, span, "kind", "missing", &hint));
    };
    let known = kind.get_ref().as_str().and_then(Kind::from_name).filter(|kind| kinds.contains(kind));
    let Some(known) = known else {
        return Err(PolicyError::new(text, kind.span(), "kind", "not a kind that is known here", &hint));
    };
    Ok((known, table, span))
}

/// Where a companion is looked for.
#[derive(Default)]
struct Place {
    label: Option<String>,
    attachment: Option<Attachment>,
}

struct Parser<'a> {
    text: &'a str,
    rule: Rule,
    /// for a companion's rule
    companion: Option<Place>,
}

impl Parser<'_> {
    fn read(&mut self, table: DeTable<'_>, span: Range<usize>) -> Result<(), PolicyError> {
        let (schema, mut places) = (self.rule.schema, BTreeMap::new());
        for (key, value) in table {
            places.insert(key.get_ref().to_string(), value.span());
            self.read_key(key.get_ref(), key.span(), value)?;
        }
        self.rule.validate().map_err(|(key, problem)| {
            let place = places.get(key).cloned().unwrap_or(span);
            let hint =
                schema.register(key).map_or_else(|| usage(key), |(_, register)| register_usage(register.len));
            PolicyError::new(self.text, place, key, &problem, &hint)
        })
    }

    fn read_key(
        &mut self,
        key: &str,
        place: Range<usize>,
        value: Spanned<DeValue<'_>>,
    ) -> Result<(), PolicyError> {
        let schema = self.rule.schema;
        if let Some((index, register)) = schema.register(key) {
            // Registers of one name have other lengths in other kinds.
            let accepted = self.register(register.len, value).map_err(|error| match error.key == key {
                true => PolicyError { hint: register_usage(register.len), ..error },
                false => error,
            })?;
            self.rule.registers.insert((index, key.to_owned()), accepted);
            return Ok(());
        }
        if let Some(version) = schema.versions.iter().find(|version| version.key == key) {
            self.rule.versions.insert(version.claim, self.take(value)?);
            return Ok(());
        }
        match key {
            "minimum-tcb" if schema.levels.is_some() => self.rule.minimum_tcb = Some(self.level(value)?),
            "tcb-statuses" if schema.has_status => {
                self.rule.tcb_statuses = Some(self.take::<Accept<Status>>(value)?.map(|status| status.0));
            }
            "collateral" if schema.has_status => self.rule.collateral = self.take(value)?,
            "advisories" if schema.has_status => self.rule.advisories = Some(self.take(value)?),
            "products" if !matches!(schema.products, Products::None) => {
                self.rule.products = self.products(value)?;
            }
            "crl" => self.rule.crl = self.take(value)?,
            "rim" if schema.has_rim => self.rule.rim = self.take::<Demand>(value)?,
            "vmpl" if schema.has_vmpl => self.rule.vmpl = Some(self.vmpl(value)?),
            "debug" => self.rule.debug = self.take(value)?,
            "max-age" if schema.is_dated => self.rule.max_age = Some(self.take::<Span>(value)?.0),
            "attributes" => self.rule.attributes = self.attributes(value)?,
            "roots" => {
                let roots: Vec<Fingerprint> = self.take(value)?;
                self.rule.roots = roots.into_iter().map(|root| root.0).collect();
            }
            "tpm-keys" if schema.kind == Kind::Tpm => {
                let keys: Vec<TpmKey> = self.take(value)?;
                self.rule.tpm_keys = keys.into_iter().map(|key| key.0).collect();
            }
            key if schema.migration == Some(key) => self.rule.migration = self.take(value)?,
            "companion" if self.companion.is_none() => self.companions(value)?,
            key => return self.read_place(key, place, value),
        }
        Ok(())
    }

    /// What only a companion's rule has.
    fn read_place(
        &mut self,
        key: &str,
        span: Range<usize>,
        value: Spanned<DeValue<'_>>,
    ) -> Result<(), PolicyError> {
        let text = self.text;
        let is_companion = self.companion.is_some();
        match (key, &mut self.companion) {
            ("label", Some(place)) => place.label = Some(take::<Label>(text, value)?.0),
            ("attachment", Some(place)) => place.attachment = Some(take(text, value)?),
            _ => {
                let known = self.rule.schema.keys(is_companion).join(", ");
                let hint = format!("expected one of {known} here");
                return Err(PolicyError::new(text, span, key, "unknown key", &hint));
            }
        }
        Ok(())
    }

    fn take<T: for<'de> Deserialize<'de>>(&self, value: Spanned<DeValue<'_>>) -> Result<T, PolicyError> {
        take(self.text, value)
    }

    fn error(&self, span: Range<usize>, key: &str, problem: &str) -> PolicyError {
        PolicyError::new(self.text, span, key, problem, &usage(key))
    }

    fn register(&self, len: usize, value: Spanned<DeValue<'_>>) -> Result<Accept<Vec<u8>>, PolicyError> {
        Ok(match len {
            16 => self.take::<Accept<Hex<16>>>(value)?.map(|hex| hex.0.to_vec()),
            32 => self.take::<Accept<Hex<32>>>(value)?.map(|hex| hex.0.to_vec()),
            48 => self.take::<Accept<Hex<48>>>(value)?.map(|hex| hex.0.to_vec()),
            _ => self.take::<Accept<Hex<64>>>(value)?.map(|hex| hex.0.to_vec()),
        })
    }

    fn level(&self, value: Spanned<DeValue<'_>>) -> Result<Level, PolicyError> {
        let span = value.span();
        let DeValue::Table(mut table) = value.into_inner() else {
            return Err(self.error(span, "minimum-tcb", "not a table"));
        };
        if let Some(reason) = table.remove("any") {
            if !table.is_empty() {
                return Err(self.error(span, "minimum-tcb", "either `any` or components"));
            }
            let place = reason.span();
            let reason: String = self.take(reason)?;
            if reason.trim().is_empty() {
                return Err(self.error(place, "minimum-tcb", "`any` needs a reason"));
            }
            return Ok(Level::Any(reason));
        }
        let schema = self.rule.schema;
        let components = schema.levels.as_ref().map_or(&[][..], |levels| levels.components);
        let mut minimum = Minimum::default();
        for (key, value) in table {
            let place = value.span();
            match (key.get_ref().as_ref(), components.iter().find(|known| known.name == key.get_ref())) {
                (name, Some(component)) => {
                    let least: u64 = self.take(value)?;
                    if least > component.max {
                        let problem = format!("not a number from 0 to {}", component.max);
                        return Err(self.error(place, name, &problem));
                    }
                    minimum.components.insert(component.name, least);
                }
                ("evaluation", None) if schema.has_status => minimum.evaluation = Some(self.take(value)?),
                ("date", None) if schema.has_status => minimum.date = Some(self.take::<Date>(value)?.0),
                (name, None) => {
                    let mut known: Vec<_> = components.iter().map(|component| component.name).collect();
                    if schema.has_status {
                        known.extend(["evaluation", "date"]);
                    }
                    let hint = format!("expected one of {} here", known.join(", "));
                    return Err(PolicyError::new(self.text, key.span(), name, "unknown key", &hint));
                }
            }
        }
        let missing =
            components.iter().find(|known| known.is_required && !minimum.components.contains_key(known.name));
        match missing {
            Some(component) => Err(self.error(span, component.name, "missing")),
            None if minimum == Minimum::default() => Err(self.error(span, "minimum-tcb", "asks for nothing")),
            None => Ok(Level::AtLeast(minimum)),
        }
    }

    fn products(&self, value: Spanned<DeValue<'_>>) -> Result<Vec<String>, PolicyError> {
        let span = value.span();
        let products: Vec<Product> = self.take(value)?;
        if products.is_empty() {
            return Err(self.error(span, "products", "an empty list accepts nothing"));
        }
        let is_known = |name: &str| match self.rule.schema.products {
            Products::None => false,
            Products::Named(names) => names.contains(&name),
            Products::Fmspc => hex::decode(name).is_ok_and(|fmspc| fmspc.len() == 6),
            Products::Text => true,
        };
        match products.iter().find(|product| !is_known(&product.0)) {
            Some(product) => {
                let problem = format!("`{}` is not a product that is known", product.0);
                Err(self.error(span, "products", &problem))
            }
            None => Ok(products.into_iter().map(|product| product.0).collect()),
        }
    }

    fn vmpl(&self, value: Spanned<DeValue<'_>>) -> Result<Accept<u64>, PolicyError> {
        let span = value.span();
        let vmpl: Accept<u64> = self.take(value)?;
        match &vmpl {
            Accept::Listed(levels) if levels.iter().any(|level| *level > 3) => {
                Err(self.error(span, "vmpl", "no such privilege level"))
            }
            _ => Ok(vmpl),
        }
    }

    fn attributes(
        &self,
        value: Spanned<DeValue<'_>>,
    ) -> Result<BTreeMap<&'static str, AttributeValue>, PolicyError> {
        let span = value.span();
        let given: BTreeMap<String, AttributeValue> = self.take(value)?;
        let known = (self.rule.schema.attributes)();
        let numbers = given.into_iter().map(|(name, value)| {
            let name = known.iter().find(|known| **known == name).copied().ok_or(name)?;
            Ok((name, value))
        });
        numbers.collect::<Result<_, String>>().map_err(|name| {
            let problem = format!("`{name}` is not known; known are {}", known.join(", "));
            self.error(span, "attributes", &problem)
        })
    }

    fn companions(&mut self, value: Spanned<DeValue<'_>>) -> Result<(), PolicyError> {
        let span = value.span();
        let DeValue::Array(list) = value.into_inner() else {
            return Err(self.error(span, "companion", "not a list"));
        };
        for item in list {
            self.rule.companions.push(companion(self.text, item)?);
        }
        Ok(())
    }
}

fn take<T: for<'de> Deserialize<'de>>(text: &str, value: Spanned<DeValue<'_>>) -> Result<T, PolicyError> {
    T::deserialize(ValueDeserializer::from(value)).map_err(|error| PolicyError::from_toml(text, &error))
}
