//! An alternative that accepts SEV-SNP reports, of AMD's processors or of a development TEE.

use super::values::{Accept, AttributeValue, Fingerprint, Hex, Level, ProductName};
use crate::{Checks, Claims, Kind, Outcome, snp, verdict::Reason};
use serde::Deserialize;
use std::{collections::BTreeMap, fmt::Display};

/// What an alternative asks of a report (AT-21).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct SnpRule {
    #[serde(rename = "kind")]
    _kind: String,
    pub(super) measurement: Accept<Hex<48>>,
    /// What the host said at launch. Required like the measurement: firmware and kernel alone do not say what runs.
    pub(super) host_data: Accept<Hex<32>>,
    pub(super) id_key_digest: Option<Accept<Hex<48>>>,
    pub(super) author_key_digest: Option<Accept<Hex<48>>>,
    pub(super) minimum_tcb: Option<Level>,
    pub(super) products: Option<Vec<ProductName>>,
    pub(super) crl: Option<CrlRule>,
    pub(super) vmpl: Option<Accept<u64>>,
    #[serde(default)]
    pub(super) debug: bool,
    #[serde(default)]
    pub(super) migration_agent: bool,
    #[serde(default)]
    pub(super) attributes: BTreeMap<String, AttributeValue>,
    #[serde(default)]
    pub(super) roots: Vec<Fingerprint>,
}

/// Whether a CRL has to be there (AT-06).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum CrlRule {
    Required,
    IfAvailable,
}

/// What is wrong with a rule that parsed: the key and the problem.
pub(super) type Flaw = (&'static str, String);

impl SnpRule {
    /// The rule of QI-02, where no policy is given (AT-80): no debugging, everything else as AMD vouches for it.
    pub(super) fn without_policy() -> Self {
        let any = || "no policy was given".to_owned();
        Self {
            _kind: Kind::Snp.name().to_owned(),
            measurement: Accept::Any(any()),
            host_data: Accept::Any(any()),
            id_key_digest: None,
            author_key_digest: None,
            minimum_tcb: Some(Level::Any(any())),
            products: None,
            crl: Some(CrlRule::IfAvailable),
            vmpl: Some(Accept::Any(any())),
            debug: false,
            migration_agent: false,
            attributes: BTreeMap::new(),
            roots: Vec::new(),
        }
    }

    /// What the types alone do not say.
    pub(super) fn validate(&self, kind: Kind) -> Result<(), Flaw> {
        let development = kind == Kind::Development;
        if development && self.roots.is_empty() {
            return Err(("roots", "a development alternative names the roots that it accepts".to_owned()));
        }
        if let Some(Fingerprint(root)) = self.roots.iter().find(|root| snp::is_amd(&root.0) == development) {
            let problem = if development { "is a root of AMD's" } else { "is no root of AMD's" };
            return Err(("roots", format!("sha256:{} {problem}", hex::encode(root))));
        }
        if !development && self.minimum_tcb.is_none() {
            return Err(("minimum-tcb", "missing".to_owned()));
        }
        if !development && self.debug {
            return Err((
                "debug",
                "the host reads a guest that can be debugged; none is ever accepted".to_owned(),
            ));
        }
        if self.products.as_ref().is_some_and(Vec::is_empty) {
            return Err(("products", "an empty list accepts nothing".to_owned()));
        }
        if let Some(Accept::Listed(levels)) = &self.vmpl
            && levels.iter().any(|level| *level > 3)
        {
            return Err(("vmpl", "no such privilege level".to_owned()));
        }
        let known = |name: &String| snp::attribute_names().any(|known| known == name);
        if let Some(name) = self.attributes.keys().find(|name| !known(name)) {
            let names = snp::attribute_names().collect::<Vec<_>>().join(", ");
            return Err(("attributes", format!("`{name}` is not known; known are {names}")));
        }
        Ok(())
    }

    /// Every rule that `claims` break; empty where they are accepted.
    pub(super) fn failures(&self, rule: &str, claims: &Claims, checks: &Checks) -> Vec<Reason> {
        let mut failed = Failures { rule, reasons: Vec::new() };
        if !self.roots.is_empty() && self.roots.iter().all(|root| root.0 != claims.root) {
            let roots = self.roots.iter().map(|root| format!("sha256:{}", hex::encode(root.0)));
            failed.add("root-not-listed", "roots", roots.collect::<Vec<_>>().join(", "), {
                format!("sha256:{}", hex::encode(claims.root))
            });
        }
        self.check_registers(claims, &mut failed);
        self.check_tcb(claims, &mut failed);
        if let Some(products) = &self.products
            && products.iter().all(|product| product.0.name() != claims.product)
        {
            let products = products.iter().map(|product| product.0.name()).collect::<Vec<_>>().join(", ");
            failed.add("product-not-listed", "products", products, &claims.product);
        }
        self.check_attributes(claims, &mut failed);
        // A development root publishes no CRL.
        let crl_required =
            self.crl.unwrap_or(if claims.development { CrlRule::IfAvailable } else { CrlRule::Required })
                == CrlRule::Required;
        if crl_required && !matches!(checks.revocation, Outcome::Passed(_)) {
            failed.add("endorsement-missing", "crl", "a CRL of the root", "none");
        }
        failed.reasons
    }

    fn check_registers(&self, claims: &Claims, failed: &mut Failures<'_>) {
        failed.register("measurement", &self.measurement, claims);
        failed.register("host-data", &self.host_data, claims);
        if let Some(accepted) = &self.id_key_digest {
            failed.register("id-key-digest", accepted, claims);
        }
        if let Some(accepted) = &self.author_key_digest {
            failed.register("author-key-digest", accepted, claims);
        }
    }

    fn check_tcb(&self, claims: &Claims, failed: &mut Failures<'_>) {
        let Some(Level::AtLeast(minimum)) = &self.minimum_tcb else { return };
        let components = [
            ("bootloader", Some(minimum.bootloader)),
            ("tee", Some(minimum.tee)),
            ("snp", Some(minimum.snp)),
            ("microcode", Some(minimum.microcode)),
            ("fmc", minimum.fmc),
        ];
        for (name, minimum) in components {
            let rule = format!("minimum-tcb.{name}");
            match (minimum, claims.tcb.get(name)) {
                (None, None) => {}
                (Some(minimum), Some(found)) if *found >= u64::from(minimum) => {}
                (Some(minimum), Some(found)) => {
                    failed.add("tcb-too-old", &rule, format!("at least {minimum}"), found)
                }
                // A component that the policy's author did not think of is not a component at any level.
                (None, Some(found)) => failed.add("tcb-unlisted", &rule, "a minimum", found),
                (Some(minimum), None) => {
                    failed.add("tcb-too-old", &rule, format!("at least {minimum}"), "none")
                }
            }
        }
    }

    fn check_attributes(&self, claims: &Claims, failed: &mut Failures<'_>) {
        if claims.debug && !self.debug {
            failed.add("debug", "debug", "false", "true");
        }
        let attribute = |name: &str| claims.attributes.get(name).copied();
        if attribute("migration-agent") != Some(0) && !self.migration_agent {
            failed.add("migration-agent", "migration-agent", "false", "true");
        }
        let vmpl = attribute("vmpl");
        let accepted: &[u64] = match &self.vmpl {
            Some(Accept::Any(_)) => &[0, 1, 2, 3],
            Some(Accept::Listed(levels)) => levels,
            None => &[0],
        };
        if !vmpl.is_some_and(|vmpl| accepted.contains(&vmpl)) {
            let expected = accepted.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
            failed.add(
                "vmpl",
                "vmpl",
                expected,
                vmpl.map_or_else(|| "none".to_owned(), |vmpl| vmpl.to_string()),
            );
        }
        for (name, expected) in &self.attributes {
            let found = attribute(name);
            if found != Some(expected.number()) {
                let found = found.map_or_else(|| "none".to_owned(), |found| found.to_string());
                failed.add("attribute", &format!("attributes.{name}"), expected.number(), found);
            }
        }
    }
}

/// Collects what failed under one alternative.
struct Failures<'a> {
    rule: &'a str,
    reasons: Vec<Reason>,
}

impl Failures<'_> {
    fn add(&mut self, code: &'static str, key: &str, expected: impl Display, found: impl Display) {
        self.reasons.push(Reason {
            code,
            rule: format!("{}.{key}", self.rule),
            expected: expected.to_string(),
            found: found.to_string(),
        });
    }

    fn register<const N: usize>(&mut self, name: &'static str, accepted: &Accept<Hex<N>>, claims: &Claims) {
        let Accept::Listed(values) = accepted else { return };
        let found = claims.measurements.get(name);
        if found.is_some_and(|found| values.iter().any(|value| value.0 == found[..])) {
            return;
        }
        let code = match name {
            "measurement" => "measurement-not-listed",
            "host-data" => "host-data-not-listed",
            _ => "register-not-listed",
        };
        let expected = values.iter().map(|value| hex::encode(value.0)).collect::<Vec<_>>().join(", ");
        self.add(code, name, expected, found.map_or_else(|| "none".to_owned(), hex::encode));
    }
}
