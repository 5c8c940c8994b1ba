//! Sets that Intel made for its own verification library, under test roots. They are beside the project, not in it.

use super::{
    super::{quote::Quote, roots::Roots, verify::IntelVerifier},
    forge::Forge,
};
use crate::{
    Checks, Claims, Endorsements, Error, Evidence, Kind, Outcome, TcbStatus, UnixTime, Verified,
    common::samples::sample, verify::Request, x509::Certificate,
};

const AT: UnixTime = UnixTime(1_704_067_200);

struct Set {
    evidence: Evidence,
    endorsements: Endorsements,
    verifier: IntelVerifier,
}

impl Set {
    fn read(kind: Kind, reference_data: &[&str]) -> Option<Self> {
        let file = |name: &str| sample(&format!("{kind}/intel-synthetic/{name}"));
        let evidence = Evidence { kind, bytes: file("quote.dat")? };
        let mut endorsements = Endorsements::default();
        let always =
            ["pckCert.pem", "pckSignChain.pem", "tcbSignChain.pem", "crl-root.der", "crl-intermediate.der"];
        for name in always.iter().chain(reference_data) {
            endorsements.add(&file(name).unwrap()).unwrap();
        }
        let mut root = Endorsements::default();
        root.add(&file("trustedRootCaCert.pem").unwrap()).unwrap();
        let pinned = vec![Certificate::from_der(&root.certificates[0]).unwrap()];
        let verifier = IntelVerifier::with_roots(Roots { pinned, below: Vec::new() });
        Some(Self { evidence, endorsements, verifier })
    }

    fn verify(&self) -> Result<Verified<Claims>, Error> {
        let checks = &mut Checks::not_reached();
        self.verifier.verify(&Request::unbound(&self.evidence, &self.endorsements, AT), checks)
    }
}

// AT-02: certification data without a certificate, TCB info of version 2.
#[test]
fn sgx() {
    // The identity of the enclave that verifies quotes lies beside that of the one that makes them.
    let reference_data = ["tcbInfo.json", "qeIdentity.json", "qveIdentity.json"];
    let Some(mut set) = Set::read(Kind::Sgx, &reference_data) else { return };
    let verified = set.verify().unwrap();
    assert_eq!(verified.get().tcb_status, Some(TcbStatus::UpToDate));
    assert_eq!(verified.get().product, "00707f000000");
    assert!(matches!(verified.checks().revocation, Outcome::Passed(_)));
    assert_eq!(verified.get().hardware_id.len(), 16);

    // Of several PCK certificates the one whose key signed the report counts; without that one it is missing.
    let forged = Forge::sgx().chain();
    set.endorsements.add(forged[0].as_bytes()).unwrap();
    set.verify().unwrap();
    set.endorsements.certificates.remove(0);
    assert_eq!(set.verify().unwrap_err(), Error::QeSignature);
    set.endorsements.certificates.pop();
    assert!(matches!(set.verify().unwrap_err(), Error::EndorsementMissing(_)));
}

// AT-03: chains and signatures are right; the reference data is not.
#[test]
fn tdx() {
    let Some(mut set) = Set::read(Kind::Tdx, &[]) else { return };
    // Its chain is DER. Certification data is signed by nobody, so it can be what the format wants.
    assert_eq!(set.verify().unwrap_err(), Error::Malformed("certification data that is not PEM"));
    let chain = [sample("tdx/intel-synthetic/pckCert.pem"), sample("tdx/intel-synthetic/pckSignChain.pem")];
    set.evidence.bytes = with_chain(&set.evidence.bytes, &chain.map(Option::unwrap).concat());
    // The signatures verify, by a quoting enclave of the test's own, which is not Intel's.
    assert_eq!(set.verify().unwrap_err(), Error::QeIdentity("another signer"));

    let mut with_tcb_info = Set::read(Kind::Tdx, &["tcbInfo.json"]).unwrap();
    with_tcb_info.evidence = set.evidence.clone();
    let error = with_tcb_info.verify().unwrap_err();
    assert_eq!(error, Error::ReferenceInvalid("TCB info that does not parse"), "versions above 255");
    let mut with_identity = Set::read(Kind::Tdx, &["qeIdentity.json"]).unwrap();
    with_identity.evidence = set.evidence;
    assert_eq!(with_identity.verify().unwrap_err(), Error::QeIdentity("another signer"));
}

/// A quote with other certification data.
fn with_chain(bytes: &[u8], chain: &[u8]) -> Vec<u8> {
    let quote = Quote::parse(bytes).unwrap();
    let long = |bytes: &[u8]| [&(bytes.len() as u32).to_le_bytes()[..], bytes].concat();
    let mut wrapped = [&quote.qe_report_bytes[..], quote.qe_signature].concat();
    wrapped.extend((quote.qe_authentication.len() as u16).to_le_bytes());
    wrapped.extend(quote.qe_authentication);
    wrapped.extend([5, 0]);
    wrapped.extend(long(chain));
    let mut signature_data = [&quote.signature[..], quote.attestation_key, &[6, 0]].concat();
    signature_data.extend(long(&wrapped));
    [quote.signed, &long(&signature_data)].concat()
}
