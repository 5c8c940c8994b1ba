//! From a quote to claims.

use super::{
    attributes,
    chain::Chain,
    enclave_report::EnclaveReport,
    pck::Pck,
    quote::{Body, Quote},
    reference::Level,
    td_report::TdReport,
};
use crate::{Claims, TcbStatus, UnixTime, claims::Register};
use std::collections::BTreeMap;

/// What reference data says of the evidence.
#[derive(Default)]
pub(super) struct Judged {
    status: Option<TcbStatus>,
    advisories: Vec<String>,
    date: Option<UnixTime>,
    evaluation: Option<u32>,
}

impl Judged {
    /// By all of it.
    pub(super) fn new(level: Level, evaluation: u32) -> Self {
        let Level { status, advisories, date } = level;
        Self { status: Some(status), advisories, date, evaluation: Some(evaluation) }
    }

    /// By TCB info without an identity of the quoting enclave, or the reverse. What is missing could only make the level
    /// worse: half a judgement never speaks for the evidence, and against it as a whole one does (AT-06).
    pub(super) fn by_half(level: Option<Level>) -> Self {
        let Some(Level { status, advisories, .. }) = level else { return Self::default() };
        let status = Some(status).filter(|status| *status != TcbStatus::UpToDate);
        Self { status, advisories, date: None, evaluation: None }
    }
}

pub(super) fn claims(quote: &Quote<'_>, chain: &Chain, judged: Judged, not_after: UnixTime) -> Claims {
    let Pck { fmspc, pce_svn, flags, .. } = &chain.pck;
    let of_body = match &quote.body {
        Body::Td(report) => OfBody::td(report),
        Body::Enclave(report) => OfBody::enclave(report),
    };
    let mut tcb = of_body.tcb;
    tcb.insert("pce-svn", u64::from(*pce_svn));
    let mut attributes = attributes::by_name(&quote.body);
    let flags = Pck::FLAGS.into_iter().zip(flags);
    attributes.extend(flags.filter_map(|(name, flag)| flag.map(|flag| (name, u64::from(flag)))));
    Claims {
        kind: quote.kind(),
        development: false,
        hardware_model: of_body.hardware_model.to_owned(),
        product: hex::encode(fmspc).into(),
        signer: format!("PCK, {}", chain.authority),
        firmware: of_body.firmware,
        versions: BTreeMap::new(),
        security_version: of_body.security_version,
        measurements: of_body.measurements,
        tcb,
        launch_tcb: BTreeMap::new(),
        tcb_status: judged.status,
        tcb_date: judged.date,
        advisories: judged.advisories,
        tcb_evaluation: judged.evaluation,
        debug: attributes::debug(&quote.body),
        attributes,
        hardware_id: chain.pck.ppid.to_vec(),
        report_data: quote.report_data().to_vec(),
        made_at: None,
        root: chain.path.root,
        chain: chain.path.fingerprints().to_vec(),
        not_after,
        companions: BTreeMap::new(),
    }
}

/// What differs between the kinds.
struct OfBody {
    hardware_model: &'static str,
    firmware: String,
    security_version: u64,
    measurements: BTreeMap<Register, Vec<u8>>,
    tcb: BTreeMap<&'static str, u64>,
}

impl OfBody {
    fn td(report: &TdReport) -> Self {
        let [rtmr0, rtmr1, rtmr2, rtmr3] = report.rtmr;
        let mut measurements = BTreeMap::from(
            [
                ("mrtd", report.mrtd),
                ("rtmr-0", rtmr0),
                ("rtmr-1", rtmr1),
                ("rtmr-2", rtmr2),
                ("rtmr-3", rtmr3),
                ("mr-config-id", report.mr_config_id),
                ("mr-owner", report.mr_owner),
                ("mr-owner-config", report.mr_owner_config),
                ("mr-seam", report.mr_seam),
                ("mr-signer-seam", report.mr_signer_seam),
            ]
            .map(|(name, value)| (Register::from(name), value.to_vec())),
        );
        if let Some(v15) = &report.v15 {
            measurements.insert("mr-service-td".into(), v15.mr_service_td.to_vec());
        }
        let [module_svn, module_version, seam_svn, ..] = report.tee_tcb_svn;
        Self {
            hardware_model: match report.v15 {
                None => "TDX 1.0",
                Some(_) => "TDX 1.5",
            },
            firmware: format!("TDX module {module_version}.{module_svn}"),
            // A TD has none of its own.
            security_version: 0,
            measurements,
            tcb: BTreeMap::from(
                [("module-svn", module_svn), ("module-version", module_version), ("seam-svn", seam_svn)]
                    .map(|(name, svn)| (name, u64::from(svn))),
            ),
        }
    }

    fn enclave(report: &EnclaveReport) -> Self {
        const KSS: u64 = 1 << 7;
        let mut measurements = BTreeMap::from([
            (Register::from("mrenclave"), report.mrenclave.to_vec()),
            ("mrsigner".into(), report.mrsigner.to_vec()),
        ]);
        if report.attributes & KSS != 0 {
            measurements.insert("config-id".into(), report.config_id.to_vec());
            measurements.insert("isv-family-id".into(), report.isv_family_id.to_vec());
            measurements.insert("isv-ext-prod-id".into(), report.isv_ext_prod_id.to_vec());
        }
        Self {
            hardware_model: "SGX",
            firmware: format!("CPUSVN {}", hex::encode(report.cpu_svn)),
            security_version: report.isv_svn.into(),
            measurements,
            tcb: BTreeMap::from([("isv-svn", u64::from(report.isv_svn))]),
        }
    }
}

/// For the outcome of the check.
pub(super) fn show(level: &Level) -> String {
    match level.date {
        Some(date) => format!("{} as of {date}", level.status),
        None => level.status.to_string(),
    }
}
