//! What one alternative, or one companion of it, asks of evidence (AT-21).

use super::{
    schema::{Demand, Roots, Schema},
    values::{Accept, AttributeValue},
};
use crate::{Kind, TcbStatus, UnixTime, claims::Attachment};
use std::{collections::BTreeMap, time::Duration};

/// A rule for one kind. Which parts of it can be there is for the kind's [`Schema`] to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) schema: &'static Schema,
    /// by place in the schema and name
    pub(super) registers: BTreeMap<(usize, String), Accept<Vec<u8>>>,
    /// by name in claims
    pub(super) versions: BTreeMap<&'static str, Accept<String>>,
    pub(super) minimum_tcb: Option<Level>,
    pub(super) tcb_statuses: Option<Accept<TcbStatus>>,
    /// the vendor's word on the level, where it signs one
    pub(super) collateral: Demand,
    pub(super) advisories: Option<Accept<String>>,
    pub(super) products: Vec<String>,
    pub(super) crl: Demand,
    pub(super) rim: Demand,
    pub(super) vmpl: Option<Accept<u64>>,
    pub(super) debug: bool,
    /// whether hardware may move the guest elsewhere, under the schema's name for it
    pub(super) migration: bool,
    pub(super) max_age: Option<Duration>,
    pub(super) attributes: BTreeMap<&'static str, AttributeValue>,
    pub(super) roots: Vec<[u8; 32]>,
    pub(super) tpm_keys: Vec<Vec<u8>>,
    pub(super) companions: Vec<CompanionRule>,
}

/// What an alternative asks of a companion (AT-01).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CompanionRule {
    pub(super) rule: Rule,
    /// the one companion that it is about; without it all of the kind, of which there has to be one
    pub(super) label: Option<String>,
    /// what has to tie it to the lead; without it anything may
    pub(super) attachment: Option<Attachment>,
}

/// The lowest firmware level that is accepted, or any, with a reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Level {
    AtLeast(Minimum),
    Any(String),
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Minimum {
    pub(super) components: BTreeMap<&'static str, u64>,
    /// number of the vendor's evaluation
    pub(super) evaluation: Option<u32>,
    /// of the level (`tcbDate`)
    pub(super) date: Option<UnixTime>,
}

/// What is wrong with a rule that parsed: the key and the problem.
pub(super) type Flaw = (&'static str, String);

impl Rule {
    /// Asks for nothing but what holds where nothing is said.
    pub(super) fn new(schema: &'static Schema) -> Self {
        Self {
            schema,
            registers: BTreeMap::new(),
            versions: BTreeMap::new(),
            minimum_tcb: None,
            tcb_statuses: None,
            collateral: Demand::Required,
            advisories: None,
            products: Vec::new(),
            crl: schema.crl,
            rim: if schema.has_rim { Demand::Required } else { Demand::IfAvailable },
            vmpl: None,
            debug: false,
            migration: false,
            max_age: None,
            attributes: BTreeMap::new(),
            roots: Vec::new(),
            tpm_keys: Vec::new(),
            companions: Vec::new(),
        }
    }

    /// The rule of QI-02, where no policy is given (AT-80): no debugging, everything else as the vendor vouches for it.
    /// A vendor's word on firmware levels is needed, and the CRLs that come with it; other CRLs where there are some.
    pub(super) fn without_policy(kind: Kind) -> Self {
        let schema = Schema::of(kind);
        let crl = if schema.has_status { Demand::Required } else { Demand::IfAvailable };
        Self { crl, vmpl: Some(Accept::Any("no policy was given".to_owned())), ..Self::new(schema) }
    }

    pub(super) fn kind(&self) -> Kind {
        self.schema.kind
    }

    fn listed_register(&self, name: &str) -> bool {
        self.registers
            .iter()
            .any(|((_, register), accepted)| register == name && matches!(accepted, Accept::Listed(_)))
    }

    /// What single values do not say.
    pub(super) fn validate(&self) -> Result<(), Flaw> {
        let kind = self.kind();
        for register in self.schema.required() {
            let place = self.schema.register(register.name()).map_or(0, |(place, _)| place);
            if !self.registers.contains_key(&(place, register.name().to_owned())) {
                return Err((register.name(), "missing".to_owned()));
            }
        }
        if let Some(version) =
            self.schema.versions.iter().find(|version| !self.versions.contains_key(version.claim))
        {
            return Err((version.key, "missing".to_owned()));
        }
        self.validate_identity()?;
        self.validate_roots()?;
        if self.schema.levels.as_ref().is_some_and(|levels| levels.is_required) && self.minimum_tcb.is_none()
        {
            return Err(("minimum-tcb", "missing".to_owned()));
        }
        if self.debug && kind != Kind::Development {
            return Err((
                "debug",
                "the host reads a guest that can be debugged; none is ever accepted".to_owned(),
            ));
        }
        let mut labels: Vec<_> =
            self.companions.iter().map(|c| (c.rule.kind(), c.label.as_deref())).collect();
        labels.sort_unstable();
        let same_kind = labels.windows(2).filter_map(|pair| match pair {
            [(kind, label), (next, other)] if kind == next => Some((label, other)),
            _ => None,
        });
        if same_kind.into_iter().any(|(label, other)| label.is_none() || label == other) {
            let problem = "several companions of one kind need labels that differ";
            return Err(("companion", problem.to_owned()));
        }
        Ok(())
    }

    /// Some kinds say what runs in more than one way; one of them has to be given.
    fn validate_identity(&self) -> Result<(), Flaw> {
        match self.kind() {
            // A signer vouches for all that it ever signs: product and lowest version say which of that.
            Kind::Sgx if !self.listed_register("mrenclave") => {
                let version = matches!(&self.minimum_tcb, Some(Level::AtLeast(minimum)) if minimum.components.contains_key("isv-svn"));
                if self.listed_register("mrsigner") && self.attributes.contains_key("isv-prod-id") && version
                {
                    return Ok(());
                }
                let problem = "any enclave needs a listed mrsigner, attributes = { isv-prod-id = … } and \
                               minimum-tcb = { isv-svn = … }";
                Err(("mrenclave", problem.to_owned()))
            }
            // Versions are the firmware's own words, and measurements are compared with nothing unless it is said with what.
            Kind::Nvidia => {
                let listed = self.registers.values().any(|accepted| matches!(accepted, Accept::Listed(_)));
                if listed || self.rim == Demand::Required {
                    return Ok(());
                }
                let problem = "versions are the device's own words: without a measurement that is listed it is \"required\"";
                Err(("rim", problem.to_owned()))
            }
            _ => Ok(()),
        }
    }

    fn validate_roots(&self) -> Result<(), Flaw> {
        let told = |root: &[u8; 32], problem: &str| {
            Err(("roots", format!("sha256:{} {problem}", hex::encode(root))))
        };
        match self.schema.roots {
            Roots::Development if self.roots.is_empty() => {
                Err(("roots", "a development alternative names the roots that it accepts".to_owned()))
            }
            // Trust in a vendor is built in, and comes under the vendor's kind alone.
            Roots::Development | Roots::Enrolment => {
                match self.roots.iter().find_map(|root| Some((root, vendor_of(root)?))) {
                    Some((root, vendor)) => told(root, &format!("is a root of {vendor}'s")),
                    None if self.roots.is_empty() && self.tpm_keys.is_empty() => Err((
                        "roots",
                        "a tpm rule names the enrolment CAs that it accepts, or keys in tpm-keys".to_owned(),
                    )),
                    None => Ok(()),
                }
            }
            Roots::Vendor(is_root) => match self.roots.iter().find(|root| !is_root(root)) {
                Some(root) => told(root, &format!("is no root of {}'s", vendor(self.kind()))),
                None => Ok(()),
            },
        }
    }
}

/// The vendor whose built-in root this is.
fn vendor_of(root: &[u8; 32]) -> Option<&'static str> {
    Kind::ALL.into_iter().find_map(|kind| match Schema::of(kind).roots {
        Roots::Vendor(is_root) if is_root(root) => Some(vendor(kind)),
        _ => None,
    })
}

fn vendor(kind: Kind) -> &'static str {
    match kind {
        Kind::Tdx | Kind::Sgx | Kind::AzureTdx => "Intel",
        Kind::Snp | Kind::AzureSnp => "AMD",
        Kind::Nitro => "AWS",
        Kind::Nvidia => "NVIDIA",
        Kind::Tpm | Kind::Development => "its owner",
    }
}
