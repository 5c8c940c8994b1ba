//! From a quote to claims.

use super::{ParsedQuote, chain::Chain, pcr_name};
use crate::{Claims, Kind, UnixTime, claims::Register};
use std::{borrow::Cow, collections::BTreeMap};

/// Every attribute that a policy can ask for.
pub(crate) fn attribute_names() -> impl Iterator<Item = &'static str> {
    ["reset-count", "restart-count", "clock-safe", "event-log"].into_iter()
}

/// What the TPM says of itself, and whether an event log came along and was confirmed.
pub(crate) fn attributes(quote: &ParsedQuote<'_>) -> [(&'static str, u64); 4] {
    let attest = &quote.attest;
    [
        ("reset-count", u64::from(attest.reset_count)),
        ("restart-count", u64::from(attest.restart_count)),
        ("clock-safe", u64::from(attest.clock_safe)),
        ("event-log", u64::from(quote.log.is_some())),
    ]
}

/// `pcr-0` to `pcr-23`, those that were quoted.
pub(crate) fn registers(pcrs: &BTreeMap<u8, [u8; 32]>) -> BTreeMap<Register, Vec<u8>> {
    pcrs.iter()
        .filter_map(|(index, value)| Some((Cow::Borrowed(pcr_name(*index)?), value.to_vec())))
        .collect()
}

pub(super) fn claims(quote: &ParsedQuote<'_>, chain: &Chain, not_after: UnixTime) -> Claims {
    let attest = &quote.attest;
    Claims {
        kind: Kind::Tpm,
        development: false,
        hardware_model: "TPM 2.0".to_owned(),
        product: Cow::Borrowed("tpm"),
        signer: chain.signer().to_owned(),
        // Vendors number as they like; obfuscated for keys outside of the endorsement hierarchy.
        firmware: format!("{:016x}", attest.firmware_version),
        versions: BTreeMap::new(),
        security_version: 0,
        measurements: registers(quote.pcrs),
        tcb: BTreeMap::new(),
        launch_tcb: BTreeMap::new(),
        tcb_status: None,
        advisories: Vec::new(),
        tcb_date: None,
        tcb_evaluation: None,
        debug: false,
        attributes: BTreeMap::from(attributes(quote)),
        hardware_id: chain.hardware_id().to_vec(),
        report_data: attest.extra_data.to_vec(),
        made_at: None,
        root: chain.root(),
        chain: chain.fingerprints().to_vec(),
        not_after,
        companions: BTreeMap::new(),
    }
}
