//! One thing wrong at a time, each with the error that says which.

use super::{
    super::{chain, quote::Quote, without_padding},
    forge::{Forge, NOW, SERIALS, at},
};
use crate::{
    Checks, Endorsements, Error, Evidence, Kind, Outcome, Place, UnixTime,
    cache::CacheCounts,
    verify::{Expected, Request},
};

const DAY: u64 = 86_400;

fn all() -> [Forge; 4] {
    [Forge::sgx(), Forge::tdx(), Forge::tdx15(3), Forge::tdx15(4)]
}

// AT-02: what is not bent verifies, in every form; also with the chain in another order.
#[test]
fn straight_evidence_verifies() {
    for forge in all() {
        let verified = forge.verify().unwrap();
        assert_eq!(verified.get().tcb_status.unwrap().name(), "UpToDate");
        assert!(matches!(verified.checks().revocation, Outcome::Passed(_)));
        assert_eq!(verified.get().attributes["dynamic-platform"], 1);
        assert_eq!(verified.get().attributes["cached-keys"], 0);
        for order in [[2, 0, 1], [1, 2, 0], [2, 1, 0]] {
            Forge { order: order.to_vec(), ..forge.clone() }.verify().unwrap();
        }
        // The root is known already, and the authority can come from elsewhere.
        Forge { order: vec![0], ..forge.clone() }.verify().unwrap();
    }
}

// AT-03
#[test]
fn swapped_certificates() {
    let forge = Forge::tdx();
    let none = Forge { order: vec![1, 2], ..forge.clone() };
    assert_eq!(none.verify().unwrap_err(), Error::EndorsementMissing("the PCK certificate"));
    let two = Forge { order: vec![0, 0, 1], ..forge.clone() };
    assert_eq!(two.verify().unwrap_err(), Error::Malformed("more than one PCK certificate"));
    let many = Forge { order: [&[0][..], &[1; 8]].concat(), ..forge.clone() };
    assert_eq!(many.verify().unwrap_err(), Error::Malformed("more certificates than a chain can need"));
    let alone = Forge { order: vec![0], ..forge.clone() };
    let error = alone.verify_with(&Endorsements::default(), NOW).unwrap_err();
    assert!(matches!(error, Error::EndorsementMissing(_)), "{error:?}");
    // Another platform's certificate, whose key signed another quoting enclave's report.
    let other = Forge { pce_svn: 12, ..forge.clone() }.set_qe(at::ISV_SVN, &[7]);
    let mut bytes = forge.quote();
    let (from, to) = (Quote::parse(&bytes).unwrap().qe_report_bytes.to_vec(), other.quote());
    let to = Quote::parse(&to).unwrap().qe_report_bytes.to_vec();
    let place = bytes.windows(384).position(|window| window == from).unwrap();
    bytes[place..][..384].copy_from_slice(&to);
    let checks = &mut Checks::not_reached();
    let evidence = Evidence { kind: Kind::Tdx, bytes };
    let verified = forge.verifier().verify(&Request::unbound(&evidence, &forge.endorsements(), NOW), checks);
    assert_eq!(verified.unwrap_err(), Error::QeSignature);
}

// AT-02: a root that says that it is Intel's is not.
#[test]
fn another_root() {
    for forge in all() {
        let checks = &mut Checks::not_reached();
        let intel = super::super::IntelVerifier::new();
        let verified = intel.verify(&Request::unbound(&forge.evidence(), &forge.endorsements(), NOW), checks);
        assert_eq!(verified.unwrap_err(), Error::RootNotPinned);
    }
}

// AT-05: both sides of each boundary.
#[test]
fn times() {
    let forge = Forge::tdx();
    let endorsements = forge.endorsements();
    let at = |seconds| forge.verify_with(&endorsements, UnixTime(seconds)).map(drop);
    at(NOW.0 - DAY).unwrap();
    let issued = UnixTime(NOW.0 - DAY);
    assert_eq!(at(NOW.0 - DAY - 1).unwrap_err(), Error::CrlNotYetValid(issued));
    at(NOW.0 + 20 * DAY).unwrap();
    assert_eq!(at(NOW.0 + 20 * DAY + 1).unwrap_err(), Error::CrlExpired(UnixTime(NOW.0 + 20 * DAY)));

    let forge = Forge { next_update: UnixTime(NOW.0 + 90 * DAY), ..forge };
    let endorsements = forge.endorsements();
    let at = |seconds| forge.verify_with(&endorsements, UnixTime(seconds)).map(drop);
    at(NOW.0 + 30 * DAY).unwrap();
    let until = UnixTime(NOW.0 + 30 * DAY);
    assert_eq!(at(until.0 + 1).unwrap_err(), Error::ReferenceExpired { what: "TCB info", until });

    for (place, expected) in
        [(0, Place::Root), (1, Place::Intermediate), (2, Place::Leaf), (3, Place::Signer)]
    {
        let mut forge = Forge::sgx();
        forge.days[place] = 5;
        let endorsements = forge.endorsements();
        let not_after = UnixTime(NOW.0 + 5 * DAY);
        let verified = forge.verify_with(&endorsements, not_after).unwrap();
        assert_eq!(verified.get().not_after, not_after, "{place}");
        let error = forge.verify_with(&endorsements, UnixTime(not_after.0 + 1)).unwrap_err();
        assert_eq!(error, Error::Expired { place: expected, not_after });
    }
    let before = forge.verify_with(&endorsements, UnixTime(NOW.0 - 101 * DAY)).unwrap_err();
    assert!(matches!(before, Error::NotYetValid { place: Place::Root, .. }), "{before:?}");
}

// AT-05, AT-26: times are looked at again where the signatures are known already.
#[test]
fn times_of_what_is_known() {
    let forge = Forge::tdx();
    let (verifier, endorsements, evidence) = (forge.verifier(), forge.endorsements(), forge.evidence());
    let verify = |at| {
        let checks = &mut Checks::not_reached();
        verifier.verify(&Request::unbound(&evidence, &endorsements, UnixTime(at)), checks).map(drop)
    };
    verify(NOW.0).unwrap();
    assert!(matches!(verify(NOW.0 + 25 * DAY).unwrap_err(), Error::CrlExpired(_)));
    assert!(matches!(verify(NOW.0 - 2 * DAY).unwrap_err(), Error::CrlNotYetValid(_)));
    assert!(matches!(verify(NOW.0 + 4000 * DAY).unwrap_err(), Error::Expired { .. }));
    verify(NOW.0).unwrap();
    let mut checks = Checks::not_reached();
    let bound = Expected::ReportData(&[1; 64]);
    let request = Request { expected: bound, ..Request::unbound(&evidence, &endorsements, NOW) };
    let error = verifier.verify(&request, &mut checks).unwrap_err();
    assert_eq!(error, Error::Binding);
}

// AT-26: a fresh quote of a known platform costs its own signature alone; a repeat none.
#[test]
fn what_is_kept() {
    let forge = Forge::tdx();
    let (verifier, endorsements) = (forge.verifier(), forge.endorsements());
    let verify = |forge: &Forge| {
        let checks = &mut Checks::not_reached();
        verifier.verify(&Request::unbound(&forge.evidence(), &endorsements, NOW), checks).unwrap();
        verifier.counts()
    };
    let counts = |hits, misses| CacheCounts { hits, misses };
    // Of chains: those of evidence, and of reference data.
    let evidence = forge.evidence();
    let again = |expected: [CacheCounts; 2]| {
        let checks = &mut Checks::not_reached();
        verifier.verify(&Request::unbound(&evidence, &endorsements, NOW), checks).unwrap();
        assert_eq!(verifier.counts(), expected);
    };
    again([counts(0, 2), counts(0, 1)]);
    again([counts(1, 2), counts(1, 1)]);
    // Signing is randomised, so the certificates and the quoting enclave's signature differ in what the test makes.
    assert_eq!(verify(&forge), [counts(2, 3), counts(1, 2)]);
    // The same platform, and another quote: a byte of the body, under the old signature, fails at the signature.
    let mut bent = evidence.clone();
    bent.bytes[600] ^= 1;
    let checks = &mut Checks::not_reached();
    let error = verifier.verify(&Request::unbound(&bent, &endorsements, NOW), checks).unwrap_err();
    assert_eq!(error, Error::Signature);
    assert_eq!(verifier.counts(), [counts(3, 3), counts(1, 3)]);
    // A failure is not kept.
    let error = verifier.verify(&Request::unbound(&bent, &endorsements, NOW), checks).unwrap_err();
    assert_eq!(error, Error::Signature);
}

// AT-03: every certificate that a CRL can name, the signer's and the root's included.
#[test]
fn revoked() {
    for (list, serial, place) in [
        (0, SERIALS[0], Place::Root),
        (0, SERIALS[1], Place::Intermediate),
        (1, SERIALS[2], Place::Leaf),
        (0, SERIALS[3], Place::Signer),
    ] {
        let mut forge = Forge::tdx();
        forge.revoked[list] = vec![77, serial];
        assert_eq!(forge.verify().unwrap_err(), Error::Revoked(place));
        // Also by a list that has run out.
        let error = forge.verify_with(&forge.endorsements(), UnixTime(NOW.0 + 25 * DAY)).unwrap_err();
        let expired = place == Place::Signer;
        assert_eq!(matches!(error, Error::CrlExpired(_)), expired, "{error:?}");
    }
    let mut forge = Forge::sgx();
    forge.revoked = [vec![SERIALS[2]], vec![SERIALS[1]]];
    forge.verify().expect("serial numbers of other issuers");
}

// AT-06: without a CRL the outcome says so, and names the issuer.
#[test]
fn without_crls() {
    let forge = Forge::sgx();
    let mut endorsements = forge.endorsements();
    endorsements.crls.pop();
    let verified = forge.verify_with(&endorsements, NOW).unwrap();
    let Outcome::NotSupplied(detail) = &verified.checks().revocation else { panic!() };
    assert!(detail.contains("PCK Platform CA"), "{detail}");
    *endorsements.crls[0].last_mut().unwrap() ^= 1;
    let error = forge.verify_with(&endorsements, NOW).unwrap_err();
    assert_eq!(error, Error::CrlInvalid("signature"));
}

// AT-02: the quoting enclave speaks for one key, with all of its report data, and is no debug enclave.
#[test]
fn attestation_keys() {
    for byte in [0, 31, 32, 63] {
        let forge = Forge::tdx().set_qe(at::REPORT_DATA + byte, &[1]);
        assert!(matches!(forge.verify().unwrap_err(), Error::KeyNotBound(_)), "{byte}");
    }
    let debug = Forge::sgx().set_qe(at::ATTRIBUTES, &[0x17]);
    assert_eq!(debug.verify().unwrap_err(), Error::QeIdentity("a debug enclave"));
    // Its length is the enclave's own matter.
    for length in [0, 1, 31, 33, 1000] {
        Forge { authentication: vec![7; length], ..Forge::tdx() }.verify().unwrap();
    }
}

// AT-03: an attribute that has no name is not passed over.
#[test]
fn attributes() {
    const TD: [u32; 13] = [0, 4, 5, 6, 16, 17, 27, 28, 29, 30, 31, 62, 63];
    for bit in 0..64_u32 {
        let forge = Forge::tdx().set(at::TD_ATTRIBUTES, &(1_u64 << bit).to_le_bytes());
        let verified = forge.verify();
        match TD.contains(&bit) {
            true => assert_eq!(verified.unwrap().get().debug, bit < 8, "{bit}"),
            false => assert!(matches!(verified.unwrap_err(), Error::Attributes(_)), "{bit}"),
        }
    }
    const ENCLAVE: [u32; 8] = [0, 1, 2, 4, 5, 6, 7, 10];
    for bit in 0..64_u32 {
        let forge = Forge::sgx().set(at::ATTRIBUTES, &(1_u64 << bit).to_le_bytes());
        let verified = forge.verify();
        match ENCLAVE.contains(&bit) {
            true => assert_eq!(verified.unwrap().get().debug, bit == 1, "{bit}"),
            false => assert!(matches!(verified.unwrap_err(), Error::Attributes(_)), "{bit}"),
        }
    }
    let names: Vec<_> = super::super::tdx_attribute_names().collect();
    let verified = Forge::tdx().verify().unwrap();
    assert!(verified.get().attributes.keys().all(|name| names.contains(name)));
    let names: Vec<_> = super::super::sgx_attribute_names().collect();
    let verified = Forge::sgx().set(at::MISC_SELECT, &[1]).verify().unwrap();
    assert!(verified.get().attributes.keys().all(|name| names.contains(name)));
    assert_eq!(verified.get().attributes["misc-select"], 1);
}

// AT-03: a service TD can move the one that it is bound to.
#[test]
fn service_tds() {
    assert_eq!(Forge::tdx15(3).verify().unwrap().get().attributes["service-td-bound"], 0);
    let bound =
        [Forge::tdx15(3).set(at::MR_SERVICE_TD, &[1]), Forge::tdx15(4).set(at::CURRENT_SERVICE_TD, &[1])];
    for forge in bound {
        assert_eq!(forge.verify().unwrap().get().attributes["service-td-bound"], 1);
    }
    let bound = Forge::tdx15(3).set(at::MR_SERVICE_TD, &[1]).verify().unwrap();
    assert_eq!(bound.get().measurements["mr-service-td"][0], 1);
}

// AT-08, QI-03: an all-zero tail and no other.
#[test]
fn tails() {
    for forge in all() {
        let quote = forge.quote();
        let (verifier, endorsements) = (forge.verifier(), forge.endorsements());
        for tail in [1, 70, 3065] {
            let mut bytes = quote.clone();
            bytes.resize(quote.len() + tail, 0);
            assert_eq!(without_padding(&bytes), quote);
            let evidence = Evidence { kind: forge.kind, bytes: bytes.clone() };
            let checks = &mut Checks::not_reached();
            verifier.verify(&Request::unbound(&evidence, &endorsements, NOW), checks).unwrap();
            *bytes.last_mut().unwrap() = 1;
            assert_eq!(without_padding(&bytes), bytes);
            let error = Evidence::detect(&bytes, None).unwrap_err();
            assert_eq!(error, Error::Malformed("bytes after the end"));
        }
        for length in 0..quote.len() {
            assert!(Quote::parse(&quote[..length]).is_err());
        }
    }
}

// AT-08: lengths and types that a parser could fall for.
#[test]
fn formats() {
    let refused = |forge: &Forge, expected: Error| {
        assert_eq!(Quote::parse(&forge.quote()).unwrap_err(), expected);
    };
    for version in [0, 1, 2, 6, 0xffff] {
        let forge = Forge { version, ..Forge::sgx() };
        refused(&forge, Error::Version { what: "quote", found: version.into() });
    }
    for (version, kind) in [(3, Kind::Tdx), (4, Kind::Sgx), (5, Kind::Sgx)] {
        let forge = Forge { version, kind, ..Forge::tdx() };
        refused(&forge, Error::Unsupported("a quote of this version for this TEE"));
    }
    for body_type in [0, 1, 5, 0xffff] {
        let forge = Forge { body_type, ..Forge::tdx15(3) };
        refused(&forge, Error::Unsupported("a quote whose body is of this type"));
    }
    let forge = Forge { body_type: 4, ..Forge::tdx15(3) };
    refused(&forge, Error::Length { what: "TD report", expected: 885, found: 648 });
    for at in [20, 31, 96, 127, 160, 191, 262, 303] {
        refused(&Forge::sgx().set(at, &[1]), Error::Malformed("reserved bytes are not zero"));
        refused(&Forge::tdx().set_qe(at, &[1]), Error::Malformed("reserved bytes are not zero"));
    }
    let mut bytes = Forge::tdx().quote();
    bytes[12] ^= 1;
    assert!(matches!(Quote::parse(&bytes).unwrap_err(), Error::Unsupported(_)));
    // The one kind where the other was meant.
    let evidence = Evidence { kind: Kind::Sgx, bytes: Forge::tdx().quote() };
    let checks = &mut Checks::not_reached();
    let forge = Forge::tdx();
    let verified =
        forge.verifier().verify(&Request::unbound(&evidence, &Endorsements::default(), NOW), checks);
    assert!(matches!(verified.unwrap_err(), Error::Malformed(_)));
}

// AT-70: what a fetcher of endorsements needs to know.
#[test]
fn platforms() {
    let (pck, authority) = super::super::platform(&Forge::tdx().evidence()).unwrap();
    assert_eq!((pck.fmspc, pck.pce_id, pck.pce_svn), ([0, 0xa0, 0x67, 0x11, 0, 0], [0, 0], 11));
    assert_eq!(authority, "Intel SGX PCK Platform CA");
    assert!(!format!("{pck:?}").contains("9999"), "AT-20: the hardware id is withheld");
    assert!(
        chain::platform(&Quote::parse(&Forge { order: vec![1], ..Forge::tdx() }.quote()).unwrap()).is_err()
    );
}
