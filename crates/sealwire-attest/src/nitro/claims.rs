//! From a document to claims.

use super::{chain::Chain, document::Document};
use crate::{Claims, Kind, UnixTime};
use std::collections::BTreeMap;

/// Every attribute that a policy can ask for: the format has none.
pub(crate) fn attribute_names() -> impl Iterator<Item = &'static str> {
    std::iter::empty()
}

/// Whether the enclave runs in debug mode: its console can be read, and the registers of its image are zero (AWS Nitro
/// Enclaves User Guide, `run-enclave --debug-mode`).
pub(super) fn debug(document: &Document<'_>) -> bool {
    (0..3).all(|index| document.pcrs.get(&index).is_none_or(|pcr| *pcr == [0; 48]))
}

pub(super) fn claims(
    document: &Document<'_>,
    chain: &Chain,
    made_at: UnixTime,
    not_after: UnixTime,
) -> Claims {
    let pcrs = document.pcrs.iter();
    Claims {
        kind: Kind::Nitro,
        development: false,
        hardware_model: "AWS Nitro Enclaves".to_owned(),
        product: "nitro".into(),
        signer: "AWS Nitro".to_owned(),
        firmware: String::new(),
        versions: BTreeMap::new(),
        security_version: 0,
        measurements: pcrs.map(|(index, pcr)| (format!("pcr-{index}").into(), pcr.to_vec())).collect(),
        tcb: BTreeMap::new(),
        launch_tcb: BTreeMap::new(),
        tcb_status: None,
        advisories: Vec::new(),
        tcb_date: None,
        tcb_evaluation: None,
        debug: debug(document),
        attributes: BTreeMap::new(),
        hardware_id: document.instance().as_bytes().to_vec(),
        report_data: document.user_data.unwrap_or_default().to_vec(),
        made_at: Some(made_at),
        root: chain.root,
        chain: chain.fingerprints().to_vec(),
        not_after,
        companions: BTreeMap::new(),
    }
}
