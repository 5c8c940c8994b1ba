//! From a report to claims.

use super::{
    chain::Chain,
    report::{Field, Report},
};
use crate::{Claims, Kind, TcbStatus, UnixTime};
use std::collections::BTreeMap;

const SWITCHES: [(&str, Field); 2] =
    [("nvdec0-enabled", Field::Nvdec0), ("protected-pcie", Field::ProtectedPcie)];

/// Every attribute that a policy can ask for.
pub(crate) fn attribute_names() -> impl Iterator<Item = &'static str> {
    SWITCHES.into_iter().map(|(name, _)| name)
}

pub(super) fn claims(
    report: &Report<'_>,
    chain: &Chain,
    tcb_status: Option<TcbStatus>,
    not_after: UnixTime,
) -> Claims {
    let device = &chain.device;
    let driver = report.text(Field::Driver).map(str::to_owned);
    let versions = [("driver", driver), ("vbios", report.vbios())];
    let versions: BTreeMap<_, _> =
        versions.into_iter().filter_map(|(name, version)| Some((name, version?))).collect();
    let measurements = report.measurements.iter();
    Claims {
        kind: Kind::Nvidia,
        development: false,
        hardware_model: format!("NVIDIA {}", device.product.to_ascii_uppercase()),
        product: device.product.clone().into(),
        signer: "NVIDIA device".to_owned(),
        firmware: versions.get("vbios").cloned().unwrap_or_default(),
        versions,
        security_version: 0,
        measurements: measurements
            .map(|(index, digest)| (format!("measurement-{index}").into(), digest.to_vec()))
            .collect(),
        tcb: BTreeMap::new(),
        launch_tcb: BTreeMap::new(),
        tcb_status,
        advisories: Vec::new(),
        tcb_date: None,
        tcb_evaluation: None,
        // The format does not tell, and the check of attributes says so.
        debug: false,
        attributes: SWITCHES
            .into_iter()
            .filter_map(|(name, field)| Some((name, u64::from(report.switch(field)?))))
            .collect(),
        hardware_id: device.serial.clone().into_bytes(),
        report_data: report.nonce.to_vec(),
        made_at: None,
        root: chain.path.root,
        chain: chain.path.fingerprints().to_vec(),
        not_after,
        companions: BTreeMap::new(),
    }
}
