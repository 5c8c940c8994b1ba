//! Measurements against the reference integrity manifests of driver and VBIOS.

use super::{
    report::{Field, Report},
    roots::PROFILE,
};
use crate::{
    Endorsements, Error, Outcome, TcbStatus, UnixTime,
    corim::{Corim, Key, SHA384, Signer, looks_like},
    x509::{Certificate, UnverifiedStatuses},
};
use std::collections::{BTreeMap, BTreeSet};

/// The names of the manifests for a report, as NVIDIA's RIM service has them: of its driver, and of its VBIOS on its
/// board. `None` where the report does not say which they are.
pub(super) fn names(report: &Report<'_>, product: &str) -> Option<[String; 2]> {
    let product = product.to_ascii_uppercase();
    let driver = format!("NV_GPU_DRIVER_{product}_{}", report.text(Field::Driver)?);
    let board = [Field::Project, Field::ProjectSku, Field::ChipSku].map(|field| report.text(field));
    let [Some(project), Some(sku), Some(chip)] = board else { return None };
    let vbios = report.vbios()?.replace('.', "");
    Some([driver, format!("NV_GPU_VBIOS_{project}_{sku}_{chip}_{vbios}").to_ascii_uppercase()])
}

/// The manifests of these names, whose signatures verified. Their times are looked at each time that they are used
/// (AT-26).
#[derive(Debug)]
pub(super) struct Manifests {
    names: [String; 2],
    found: Vec<(Corim, Signer)>,
}

/// How the measurements compare.
pub(super) struct Comparison {
    pub(super) outcome: Outcome,
    pub(super) status: Option<TcbStatus>,
    /// the end of what it rests on
    pub(super) not_after: UnixTime,
}

impl Comparison {
    /// Of a report that does not say what to compare it with.
    pub(super) fn none() -> Self {
        let outcome =
            Outcome::NotSupplied("the report does not say which driver and VBIOS it is of".to_owned());
        Self { outcome, status: None, not_after: UnixTime(u64::MAX) }
    }
}

impl Manifests {
    /// Those among the reference data that have one of `names`; others, and other vendors' data, may lie beside them.
    /// One that is there has to be good (AT-06).
    pub(super) fn find(
        names: [String; 2],
        endorsements: &Endorsements,
        roots: &[Certificate],
        at: UnixTime,
    ) -> Result<Self, Error> {
        let manifests = endorsements.references.iter().filter(|bytes| looks_like(bytes));
        let manifests = manifests.map(|bytes| Corim::parse(bytes)).collect::<Result<Vec<_>, _>>()?;
        let supplied = endorsements.parse_certificates()?;
        let mut found = Vec::new();
        for corim in manifests {
            if names.iter().any(|name| corim.is_named(name)) {
                let statuses = UnverifiedStatuses::parse(&endorsements.crls)?;
                let signer = Signer::find(&corim, &supplied, roots, statuses, &PROFILE, at)?;
                found.push((corim, signer));
            }
        }
        Ok(Self { names, found })
    }

    /// Compares with all of them.
    pub(super) fn compare(
        &self,
        product: &str,
        measurements: &BTreeMap<u8, &[u8; 48]>,
        at: UnixTime,
    ) -> Result<Comparison, Error> {
        let mut not_after = UnixTime(u64::MAX);
        let (mut matched, mut mismatched) = (BTreeSet::new(), BTreeSet::new());
        for (corim, signer) in &self.found {
            not_after = not_after.min(signer.check(at)?);
            corim.check_time(at)?;
            not_after = not_after.min(corim.not_after.unwrap_or(not_after));
            for (index, is_listed) in compare(corim, product, measurements)? {
                if is_listed {
                    matched.insert(index)
                } else {
                    mismatched.insert(index)
                };
            }
        }
        let is_there = |name: &&String| self.found.iter().any(|(corim, _)| corim.is_named(name));
        let missing: Vec<&str> =
            self.names.iter().filter(|name| !is_there(name)).map(String::as_str).collect();
        let (outcome, status) = if !mismatched.is_empty() {
            let indices = mismatched.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
            (
                Outcome::Failed(format!("measurements that no manifest lists: {indices}")),
                Some(TcbStatus::Unlisted),
            )
        } else if missing.is_empty() {
            let all = format!("{} measurements as in {}", matched.len(), self.names.join(" and "));
            (Outcome::Passed(all), Some(TcbStatus::UpToDate))
        } else {
            (Outcome::NotSupplied(format!("no reference manifest {}", missing.join(", "))), None)
        };
        Ok(Comparison { outcome, status, not_after })
    }
}

/// Which of the measurements that `corim` lists for `product` have one of its values. A measurement may be listed several
/// times; any of the values is right.
fn compare(
    corim: &Corim,
    product: &str,
    measurements: &BTreeMap<u8, &[u8; 48]>,
) -> Result<BTreeMap<u64, bool>, Error> {
    let mut listed = BTreeMap::new();
    for reference in &corim.references {
        let is_vendor = reference.vendor.as_ref().is_none_or(|vendor| vendor == "NVIDIA");
        let is_model = reference.model.as_ref().is_none_or(|model| model.eq_ignore_ascii_case(product));
        if !is_vendor || !is_model {
            continue;
        }
        let (Some(Key::Index(index)), false) = (&reference.key, reference.digests.is_empty()) else {
            return Err(Error::ReferenceInvalid("a manifest of a GPU with other than digests by index"));
        };
        let found = u8::try_from(*index).ok().and_then(|index| measurements.get(&index));
        let is_listed = found.is_some_and(|found| {
            let mut digests = reference.digests.iter();
            digests.any(|digest| digest.algorithm == Some(SHA384) && digest.value == found[..])
        });
        *listed.entry(*index).or_insert(false) |= is_listed;
    }
    if listed.is_empty() {
        return Err(Error::ReferenceInvalid("a manifest that lists nothing of this GPU"));
    }
    Ok(listed)
}
