//! Measurements against the reference integrity manifests of driver and VBIOS.

use super::{
    report::{Field, Report},
    roots::PROFILE,
    swid::{self, Swid},
};
use crate::{
    Endorsements, Error, Outcome, TcbStatus, UnixTime,
    corim::{Corim, Key, SHA384, Signed, Signer, looks_like},
    x509::{Certificate, UnverifiedStatuses},
};
use std::collections::{BTreeMap, BTreeSet};

/// The SPDM index of the measurement of NVDEC0.
const NVDEC0: u8 = 36;

/// What the manifests for a report are known by, of its driver first, then of its VBIOS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    /// as NVIDIA's RIM service has them, which CoRIMs bear
    pub(super) names: [String; 2],
    product: String,
    /// which SWID tags bear, with the product
    versions: [String; 2],
}

/// The manifests that a report needs. `None` where it does not say which they are.
pub(super) fn wanted(report: &Report<'_>, product: &str) -> Option<Wanted> {
    let versions = [report.text(Field::Driver)?.to_owned(), report.vbios()?];
    Some(Wanted { names: names(report, product)?, product: product.to_owned(), versions })
}

/// The names of the manifests for a report: of its driver, and of its VBIOS on its board.
fn names(report: &Report<'_>, product: &str) -> Option<[String; 2]> {
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
    wanted: Wanted,
    found: Vec<(Manifest, Signer)>,
}

/// In either form.
#[derive(Debug)]
enum Manifest {
    Corim(Corim),
    Swid(Swid),
}

impl Manifest {
    fn parse(bytes: &[u8]) -> Result<Option<Self>, Error> {
        if swid::looks_like(bytes) {
            return Swid::parse(bytes).map(Self::Swid).map(Some);
        }
        looks_like(bytes).then(|| Corim::parse(bytes).map(Self::Corim)).transpose()
    }

    /// Whether it is that of the driver (0) or the VBIOS (1).
    fn is_of(&self, wanted: &Wanted, which: usize) -> bool {
        match self {
            Self::Corim(corim) => wanted.names.get(which).is_some_and(|name| corim.is_named(name)),
            Self::Swid(swid) => {
                let version = wanted.versions.get(which);
                swid.product.eq_ignore_ascii_case(&wanted.product)
                    && version.is_some_and(|version| swid.version.eq_ignore_ascii_case(version))
            }
        }
    }

    fn signer(
        &mut self,
        supplied: &[Certificate],
        roots: &[Certificate],
        statuses: UnverifiedStatuses<'_>,
    ) -> Result<Signer, Error> {
        let find = |signed: &Signed| Signer::find(signed, supplied, roots, statuses, &PROFILE);
        match self {
            Self::Corim(corim) => {
                find(corim.signed().ok_or(Error::ReferenceInvalid("a manifest that nobody signed"))?)
            }
            Self::Swid(swid) => find(&swid.take_signed()?),
        }
    }
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
    /// Those among the reference data that are `wanted`; others, and other vendors' data, may lie beside them.
    /// One that is there has to be good (AT-06).
    pub(super) fn find(
        wanted: Wanted,
        endorsements: &Endorsements,
        roots: &[Certificate],
    ) -> Result<Self, Error> {
        let supplied = endorsements.parse_certificates()?;
        let mut found = Vec::new();
        for bytes in &endorsements.references {
            let Some(mut manifest) = Manifest::parse(bytes)? else { continue };
            if [0, 1].into_iter().any(|which| manifest.is_of(&wanted, which)) {
                let statuses = UnverifiedStatuses::parse(&endorsements.crls)?;
                let signer = manifest.signer(&supplied, roots, statuses)?;
                found.push((manifest, signer));
            }
        }
        Ok(Self { wanted, found })
    }

    /// Compares with all of them.
    pub(super) fn compare(&self, report: &Report<'_>, at: UnixTime) -> Result<Comparison, Error> {
        let (product, measurements) = (&self.wanted.product, &report.measurements);
        let mut not_after = UnixTime(u64::MAX);
        let (mut matched, mut mismatched) = (BTreeSet::new(), BTreeSet::new());
        for (manifest, signer) in &self.found {
            not_after = not_after.min(signer.check(at)?);
            let listed = match manifest {
                Manifest::Corim(corim) => {
                    corim.check_time(at)?;
                    not_after = not_after.min(corim.not_after.unwrap_or(not_after));
                    compare(corim, product, measurements)?
                }
                Manifest::Swid(swid) => compare_swid(swid, report),
            };
            for (index, is_listed) in listed {
                if is_listed {
                    matched.insert(index)
                } else {
                    mismatched.insert(index)
                };
            }
        }
        let is_there = |which| self.found.iter().any(|(manifest, _)| manifest.is_of(&self.wanted, which));
        let names = &self.wanted.names;
        let missing: Vec<&str> = names
            .iter()
            .enumerate()
            .filter(|(which, _)| !is_there(*which))
            .map(|(_, name)| name.as_str())
            .collect();
        let (outcome, status) = if !mismatched.is_empty() {
            let indices = mismatched.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
            (
                Outcome::Failed(format!("measurements that no manifest lists: {indices}")),
                Some(TcbStatus::Unlisted),
            )
        } else if missing.is_empty() {
            let all = format!("{} measurements as in {}", matched.len(), names.join(" and "));
            (Outcome::Passed(all), Some(TcbStatus::UpToDate))
        } else {
            (Outcome::NotSupplied(format!("no reference manifest {}", missing.join(", "))), None)
        };
        Ok(Comparison { outcome, status, not_after })
    }
}

/// The same of a SWID tag, where each measurement is listed once. Where the report says that NVDEC0 is off, its
/// measurement is not what the manifest lists, and NVIDIA's verifier leaves it out.
fn compare_swid(swid: &Swid, report: &Report<'_>) -> BTreeMap<u64, bool> {
    let is_off = report.switch(Field::Nvdec0) == Some(false);
    let compared = swid.values.iter().filter(|(index, _)| !(is_off && **index == NVDEC0));
    let is_listed = |index: &u8, values: &[[u8; 48]]| {
        report.measurements.get(index).is_some_and(|found| values.contains(found))
    };
    compared.map(|(index, values)| (u64::from(*index), is_listed(index, values))).collect()
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
