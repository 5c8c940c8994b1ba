//! From TOML to a policy.

use super::{
    Policy, PolicyError,
    alternative::alternative,
    extensions::{Extensions, Loader},
    rule::Rule,
    rules::{Ages, OperatorRule},
    values::{ConfigDigest, OperatorKey, Span},
};
use crate::Kind;
use serde::Deserialize;
use std::ops::Range;
use toml::{
    Spanned,
    de::{DeTable, DeValue, Deserializer},
};

/// Everything but the alternatives.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Head {
    version: Spanned<u64>,
    max_lifetime: Option<Span>,
    max_age: Option<Span>,
    grace: Option<Span>,
    #[serde(default)]
    fresh_evidence: bool,
    #[serde(default)]
    any_operator: bool,
    #[serde(default)]
    operator_keys: Vec<OperatorKey>,
    #[serde(default)]
    config_digests: Vec<ConfigDigest>,
    /// taken out before; here so that a list of known keys names them
    #[serde(default, rename = "accept")]
    _accept: (),
    #[serde(default, rename = "revocation-keys")]
    _revocation_keys: (),
    #[serde(default, rename = "rego")]
    _rego: (),
}

pub(super) fn parse(text: &str, load: &Loader<'_>) -> Result<Policy, PolicyError> {
    let toml_error = |error: toml::de::Error| PolicyError::from_toml(text, &error);
    let mut document = DeTable::parse(text).map_err(toml_error)?;
    let extensions = Extensions::take(text, document.get_mut(), load)?;
    let accept = document.get_mut().remove("accept");
    let head = Head::deserialize(Deserializer::from(document)).map_err(toml_error)?;
    if *head.version.get_ref() != 1 {
        return Err(PolicyError::new(
            text,
            head.version.span(),
            "version",
            "not a version that is known",
            "write 1",
        ));
    }
    let default = Ages::default();
    let policy = Policy {
        ages: Ages {
            max_lifetime: head.max_lifetime.map_or(default.max_lifetime, |span| span.0),
            max_age: head.max_age.map_or(default.max_age, |span| span.0),
            grace: head.grace.map_or(default.grace, |span| span.0),
        },
        fresh_evidence: head.fresh_evidence,
        operator: OperatorRule {
            any: head.any_operator,
            keys: head.operator_keys.into_iter().map(|key| key.0).collect(),
            config_digests: head.config_digests.into_iter().map(|digest| digest.0).collect(),
        },
        alternatives: accept.map_or(Ok(Vec::new()), |accept| alternatives(text, accept))?,
        extensions,
        is_default: false,
    };
    // AT-44: the genuine image with somebody else's upstream is genuine, too.
    if policy.operator == OperatorRule::default() {
        return Err(PolicyError::new(
            text,
            0..0,
            "",
            "the policy does not say who may run the service: hardware proves the code, not the operator",
            "give operator-keys, config-digests, or any-operator = true",
        ));
    }
    Ok(policy)
}

fn alternatives(text: &str, accept: Spanned<DeValue<'_>>) -> Result<Vec<Rule>, PolicyError> {
    let span = accept.span();
    let DeValue::Array(list) = accept.into_inner() else {
        return Err(PolicyError::new(
            text,
            span,
            "accept",
            "not a list",
            "each alternative begins with [[accept]]",
        ));
    };
    let mut found: Vec<(Range<usize>, Rule)> = Vec::new();
    for item in list {
        let span = item.span();
        let alternative = alternative(text, item)?;
        // AT-07: what accepts the evidence of a development machine accepts no other.
        if let Some((_, other)) = found.first()
            && (other.kind() == Kind::Development) != (alternative.kind() == Kind::Development)
        {
            return Err(PolicyError::new(
                text,
                span,
                "kind",
                "a policy for development accepts nothing else",
                "put the alternatives into two files",
            ));
        }
        found.push((span, alternative));
    }
    Ok(found.into_iter().map(|(_, alternative)| alternative).collect())
}
