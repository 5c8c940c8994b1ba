//! Azure VMs that never existed: an HCL report around a report of hardware, and the quote of a vTPM whose key it names.

use super::{
    machine::{Machine, Model, at},
    tpm::{Ak, Tpm},
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use sealwire_attest::azure::{Hardware, VmEvidence, VtpmQuote};
use sealwire_crypto::digest::sha256;

/// Bytes of the hardware's report in an HCL report, filled with zeros.
const HARDWARE: usize = 1184;

/// The HCL report of `runtime` with `report`, whatever that holds.
pub(crate) fn hcl_report(hardware: Hardware, report: &[u8], runtime: &str) -> Vec<u8> {
    let words = |words: &[u32]| -> Vec<u8> { words.iter().flat_map(|word| word.to_le_bytes()).collect() };
    let len = runtime.len() as u32;
    let kind = match hardware {
        Hardware::Snp => 2,
        Hardware::Tdx => 4,
    };
    let mut padded = report.to_vec();
    padded.resize(HARDWARE, 0);
    [
        b"HCLA".to_vec(),
        words(&[2, 32 + HARDWARE as u32 + 20 + len, 2, 0, 0, 0, 0]),
        padded,
        words(&[20 + len, 1, kind, 1, len]),
        runtime.as_bytes().to_vec(),
    ]
    .concat()
}

/// TDREPORT_STRUCT of a guest that is all zeros, with the hash of `runtime`.
pub(crate) fn td_report(runtime: &str) -> Vec<u8> {
    let mut report = vec![0; 1024];
    report[0] = 0x81;
    report[128..][..32].copy_from_slice(&sha256(&[runtime.as_bytes()]));
    report
}

/// Runtime data with one key, of this name and these other members.
pub(crate) fn runtime(kid: &str, key: &str) -> String {
    format!(
        r#"{{"keys":[{{"kid":"{kid}",{key}}}],"vm-configuration":{{"secure-boot":true}},"user-data":""}}"#
    )
}

/// Runtime data with an attestation key of this modulus.
pub(crate) fn runtime_with(modulus: &[u8]) -> String {
    let n = BASE64_URL_SAFE_NO_PAD.encode(modulus);
    runtime("HCLAkPub", &format!(r#""kty":"RSA","e":"AQAB","n":"{n}""#))
}

/// The quote of a vTPM.
pub(crate) fn vtpm_quote(tpm: &Tpm) -> VtpmQuote {
    let quote = tpm.quote();
    VtpmQuote {
        attest: quote.attest,
        signature: quote.signature,
        pcrs: quote.pcrs,
        event_log: quote.event_log,
    }
}

/// The modulus of an RSA key in TPMT_PUBLIC, which ends in it.
pub(crate) fn modulus(tpm: &Tpm) -> Vec<u8> {
    let public = tpm.public();
    public[public.len() - 256..].to_vec()
}

/// A VM on SEV-SNP. Only a root in the place of AMD's makes it genuine: there are no development VMs.
#[derive(Clone)]
pub(crate) struct Vm {
    pub(crate) machine: Machine,
    pub(crate) tpm: Tpm,
    /// of the attestation key in the runtime data
    pub(crate) modulus: Vec<u8>,
}

impl Vm {
    pub(crate) fn new() -> Self {
        let tpm = Tpm::new(Ak::Rsa);
        Self { machine: Machine::new(Model::Milan), modulus: modulus(&tpm), tpm }
    }

    pub(crate) fn runtime(&self) -> String {
        runtime_with(&self.modulus)
    }

    /// With a report over the runtime data.
    pub(crate) fn evidence(&self) -> VmEvidence {
        self.evidence_over(&sha256(&[self.runtime().as_bytes()]))
    }

    /// With a report over something else.
    pub(crate) fn evidence_over(&self, hash: &[u8; 32]) -> VmEvidence {
        let mut machine = self.machine.clone();
        machine.report[at::REPORT_DATA..][..64].fill(0);
        machine.report[at::REPORT_DATA..][..32].copy_from_slice(hash);
        let hcl_report = hcl_report(Hardware::Snp, &machine.evidence().bytes, &self.runtime());
        VmEvidence { hcl_report, quote: Some(vtpm_quote(&self.tpm)), td_quote: None }
    }
}
