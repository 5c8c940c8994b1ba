//! VMs on SEV-SNP that never existed, under a root that takes AMD's place: no sample of one comes with its own
//! certificates.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::{AzureVerifier, VmEvidence, VtpmQuote};
use crate::{
    Checks, Claims, Error, Evidence, Kind, Outcome, Verified,
    common::{
        machine::{DEBUG_BIT, Machine, Model, NOW, at},
        tpm::{Ak, EXTRA_DATA, Tpm},
    },
    intel::IntelVerifier,
    snp::SnpVerifier,
    verify::{Expected, Request},
};
use aws_lc_rs::{
    rsa::{KeyPair, KeySize},
    signature::KeyPair as _,
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use sealwire_crypto::digest::sha256;

struct Vm {
    machine: Machine,
    tpm: Tpm,
    /// of the attestation key in the runtime data
    modulus: Vec<u8>,
}

impl Vm {
    fn new() -> Self {
        let tpm = Tpm::new(Ak::Rsa);
        // TPMT_PUBLIC ends in it.
        let public = tpm.public();
        let modulus = public[public.len() - 256..].to_vec();
        Self { machine: Machine::new(Model::Milan), tpm, modulus }
    }

    fn runtime(&self) -> String {
        let n = BASE64_URL_SAFE_NO_PAD.encode(&self.modulus);
        format!(
            r#"{{"keys":[{{"kid":"HCLAkPub","kty":"RSA","e":"AQAB","n":"{n}"}}],"vm-configuration":{{"secure-boot":true}}}}"#
        )
    }

    /// With a report over the runtime data.
    fn evidence(&self) -> VmEvidence {
        self.evidence_over(&sha256(&[self.runtime().as_bytes()]))
    }

    fn evidence_over(&self, hash: &[u8; 32]) -> VmEvidence {
        let mut machine = self.machine.clone();
        machine.report[at::REPORT_DATA..][..64].fill(0);
        machine.report[at::REPORT_DATA..][..32].copy_from_slice(hash);
        let runtime = self.runtime();
        let len = runtime.len() as u32;
        let words = |words: &[u32]| -> Vec<u8> { words.iter().flat_map(|word| word.to_le_bytes()).collect() };
        let hcl_report = [
            b"HCLA".to_vec(),
            words(&[2, 32 + 1184 + 20 + len, 2, 0, 0, 0, 0]),
            machine.evidence().bytes,
            words(&[20 + len, 1, 2, 1, len]),
            runtime.into_bytes(),
        ]
        .concat();
        let quote = self.tpm.quote();
        let quote = VtpmQuote {
            attest: quote.attest,
            signature: quote.signature,
            pcrs: quote.pcrs,
            event_log: quote.event_log,
        };
        VmEvidence { hcl_report, quote: Some(quote), td_quote: None }
    }

    fn verify(&self, evidence: &VmEvidence, expected: Expected<'_>) -> Result<Verified<Claims>, Error> {
        AzureVerifier::new().verify(
            &SnpVerifier::under(self.machine.fingerprint()),
            &IntelVerifier::new(),
            &Request {
                evidence: &Evidence { kind: Kind::AzureSnp, bytes: evidence.encode() },
                endorsements: &self.machine.endorsements(),
                expected,
                at: NOW,
            },
            &mut Checks::not_reached(),
        )
    }

    fn error(&self, evidence: &VmEvidence) -> Error {
        self.verify(evidence, Expected::ReportData(&EXTRA_DATA)).unwrap_err()
    }
}

// AT-02, AT-20: everything from the root to extraData.
#[test]
fn a_vm_is_genuine() {
    let vm = Vm::new();
    let verified = vm.verify(&vm.evidence(), Expected::ReportData(&EXTRA_DATA)).unwrap();
    let (claims, checks) = (verified.get(), verified.checks());
    assert_eq!((claims.kind, claims.development, claims.debug), (Kind::AzureSnp, false, false));
    assert_eq!((claims.hardware_model.as_str(), &*claims.product), ("Azure VM on SEV-SNP Milan", "milan"));
    assert_eq!(claims.measurements["measurement"], [0x22; 48]);
    assert_eq!(claims.measurements["pcr-7"], [0xa7; 32]);
    assert_eq!((claims.attributes["vmpl"], claims.attributes["secure-boot"]), (0, 1));
    assert_eq!((claims.tcb["microcode"], claims.launch_tcb["microcode"]), (115, 115));
    assert_eq!(claims.report_data, EXTRA_DATA);
    for check in [&checks.chain, &checks.signature, &checks.tcb, &checks.attributes, &checks.binding] {
        assert!(matches!(check, Outcome::Passed(_)), "{check:?}");
    }
    // Under AMD's roots alone it is nobody's.
    let error = AzureVerifier::new().verify(
        &SnpVerifier::new(&[]),
        &IntelVerifier::new(),
        &Request::unbound(
            &Evidence { kind: Kind::AzureSnp, bytes: vm.evidence().encode() },
            &vm.machine.endorsements(),
            NOW,
        ),
        &mut Checks::not_reached(),
    );
    assert!(error.is_err());
}

// AT-02: the report is over the runtime data, all 64 bytes of it.
#[test]
fn other_runtime_data_is_not_bound() {
    let vm = Vm::new();
    let other = vm.evidence_over(&sha256(&[b"other runtime data"]));
    assert!(matches!(vm.error(&other), Error::KeyNotBound(_)));
    let mut swapped = vm.evidence();
    let text = swapped.hcl_report.windows(4).position(|bytes| bytes == b"true").unwrap();
    swapped.hcl_report.splice(text..text + 4, *b"null");
    assert!(matches!(vm.error(&swapped), Error::KeyNotBound(_)));
}

// AT-02: a quote of a TPM that the hardware does not vouch for; a report that its chip did not sign.
#[test]
fn keys_of_others_are_refused() {
    let mut vm = Vm::new();
    let key = KeyPair::generate(KeySize::Rsa2048).unwrap();
    vm.modulus = key.public_key().modulus().big_endian_without_leading_zero().to_vec();
    assert_eq!(vm.error(&vm.evidence()), Error::Signature);

    let vm = Vm::new();
    let mut bent = vm.evidence();
    bent.hcl_report[32 + at::MEASUREMENT] ^= 1;
    assert_eq!(vm.error(&bent), Error::Signature);
    let mut bent = vm.evidence();
    bent.quote.as_mut().unwrap().pcrs.insert(7, [0; 32]);
    assert_eq!(vm.error(&bent), Error::PcrDigest);
}

// AT-20: what the hardware says of the guest is claimed of the VM.
#[test]
fn debugging_is_claimed() {
    let mut vm = Vm::new();
    vm.machine.set_policy(DEBUG_BIT);
    let verified = vm.verify(&vm.evidence(), Expected::ReportData(&EXTRA_DATA)).unwrap();
    assert!(verified.get().debug);
    assert_eq!(verified.get().attributes["debug"], 1);
}

// AT-04: extraData is what a requester asked for; the report data is not.
#[test]
fn another_binding_is_refused() {
    let vm = Vm::new();
    let evidence = vm.evidence();
    let hash = sha256(&[vm.runtime().as_bytes()]);
    for other in [&[0x11; 32][..], &EXTRA_DATA[..31], &[], &hash, &[&hash[..], &[0; 32]].concat()] {
        assert_eq!(vm.verify(&evidence, Expected::ReportData(other)).unwrap_err(), Error::Binding);
    }
    let silent = VmEvidence { quote: None, ..evidence };
    assert_eq!(vm.error(&silent), Error::Binding);
    vm.verify(&silent, Expected::Unbound).unwrap();
}
