//! VMs on SEV-SNP that never existed, under a root that takes AMD's place: no sample of one comes with its own
//! certificates.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::{AzureVerifier, VmEvidence};
use crate::{
    Checks, Claims, Error, Evidence, Kind, Outcome, Verified,
    common::{
        azure::Vm,
        machine::{DEBUG_BIT, NOW, at},
        tpm::EXTRA_DATA,
    },
    intel::IntelVerifier,
    snp::SnpVerifier,
    verify::{Expected, Request},
};
use aws_lc_rs::{
    rsa::{KeyPair, KeySize},
    signature::KeyPair as _,
};
use sealwire_crypto::digest::sha256;

impl Vm {
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
