//! From a report to claims.

use super::{
    Tcb,
    chain::Chain,
    leaf::Holder,
    report::{GuestPolicy, Report},
};
use crate::{Claims, Kind, UnixTime};
use std::collections::BTreeMap;

/// Names of the platform's state (PLATFORM_INFO). Bits of later firmware tell of the platform and permit nothing, so
/// those without a name are left alone.
const PLATFORM: [(&str, u32); 7] = [
    ("smt-enabled", 0),
    ("tsme-enabled", 1),
    ("ecc-enabled", 2),
    ("platform-rapl-disabled", 3),
    ("ciphertext-hiding-enabled", 4),
    ("alias-check-complete", 5),
    ("tio-enabled", 7),
];

/// Every attribute that a policy can ask for.
pub(crate) fn attribute_names() -> impl Iterator<Item = &'static str> {
    let bits = GuestPolicy::BITS.iter().chain(&PLATFORM).map(|(name, _)| *name);
    bits.chain(["vmpl", "author-key", "launch-mitigations", "current-mitigations"])
}

pub(super) fn claims(report: &Report, chain: &Chain, not_after: UnixTime) -> Claims {
    let mut attributes: BTreeMap<&'static str, u64> =
        GuestPolicy::BITS.iter().map(|(name, bit)| (*name, u64::from(report.policy.bit(*bit)))).collect();
    let platform = GuestPolicy(report.platform_info);
    attributes.extend(PLATFORM.iter().map(|(name, bit)| (*name, u64::from(platform.bit(*bit)))));
    attributes.insert("vmpl", u64::from(report.vmpl));
    attributes.insert("author-key", u64::from(report.author_key_enabled));
    if let Some([launch, current]) = report.mitigations {
        attributes.insert("launch-mitigations", launch);
        attributes.insert("current-mitigations", current);
    }
    let [major, minor, build] = report.current_version;
    Claims {
        kind: chain.kind,
        development: chain.kind == Kind::Development,
        hardware_model: format!("SEV-SNP {}", chain.leaf.product),
        product: chain.leaf.product.name().into(),
        signer: match &chain.leaf.holder {
            Holder::Chip(_) => "VCEK".to_owned(),
            Holder::Provider(provider) => format!("VLEK {provider}"),
        },
        firmware: format!("{major}.{minor}.{build}"),
        versions: BTreeMap::new(),
        security_version: u64::from(report.guest_svn),
        measurements: BTreeMap::from([
            ("measurement".into(), report.measurement.to_vec()),
            ("host-data".into(), report.host_data.to_vec()),
            ("id-key-digest".into(), report.id_key_digest.to_vec()),
            ("author-key-digest".into(), report.author_key_digest.to_vec()),
            ("family-id".into(), report.family_id.to_vec()),
            ("image-id".into(), report.image_id.to_vec()),
        ]),
        tcb: report.reported_tcb(chain.leaf.product).components().collect(),
        launch_tcb: report.launch_tcb(chain.leaf.product).into_iter().flat_map(Tcb::components).collect(),
        // AMD publishes no signed list of levels.
        tcb_status: None,
        advisories: Vec::new(),
        tcb_date: None,
        tcb_evaluation: None,
        debug: report.policy.debug(),
        attributes,
        hardware_id: hardware_id(&chain.leaf.holder, report),
        report_data: report.report_data.to_vec(),
        made_at: None,
        root: chain.root,
        chain: chain.fingerprints.to_vec(),
        not_after,
        companions: BTreeMap::new(),
    }
}

/// The chip's id by its certificate, as reports write it: the host can hide the one in the report (MaskChipId), and with
/// it a chip that was revoked. The key of a provider is no chip's, so there the report's word is all there is.
fn hardware_id(holder: &Holder, report: &Report) -> Vec<u8> {
    match holder {
        Holder::Chip(id) => {
            let mut padded = id.clone();
            padded.resize(report.chip_id.len(), 0);
            padded
        }
        Holder::Provider(_) => report.chip_id.to_vec(),
    }
}
