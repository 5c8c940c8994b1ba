//! Parsers are total (AT-08): any bytes give a value or an error.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use common::machine::{Machine, Model, NOW};
use proptest::prelude::*;
use sealwire_attest::{Endorsements, Evidence, Kind, Verifier, snp::report::Report, verify::Expected};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    // AT-08
    #[test]
    fn any_bytes_are_a_report_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..1300)) {
        let parsed = Report::parse(&bytes);
        prop_assert!(parsed.is_err() || bytes.len() == 1184);
        let _ = Evidence::detect(&bytes, None);
    }

    // AT-08: a report with some bytes of it changed.
    #[test]
    fn changed_reports_do_not_panic(changes in proptest::collection::vec((0_usize..1184, any::<u8>()), 0..8)) {
        let mut bytes = Machine::new(Model::Milan).report;
        for (at, byte) in changes {
            bytes[at] = byte;
        }
        let _ = Report::parse(&bytes);
    }

    // AT-08
    #[test]
    fn any_bytes_are_endorsements_or_an_error(
        bytes in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..600),
            "(-----BEGIN (CERTIFICATE|X509 CRL)-----\n)?[A-Za-z0-9+/=\n]{0,100}(-----END (CERTIFICATE|X509 CRL)-----\n?)?"
                .prop_map(String::into_bytes),
        ],
    ) {
        let mut endorsements = Endorsements::default();
        prop_assert!(endorsements.add(&bytes).is_err());
        prop_assert_eq!(endorsements, Endorsements::default());
    }

    // AT-08: certificates and CRLs with bytes changed, through the whole verifier.
    #[test]
    fn changed_endorsements_do_not_verify(which in 0_usize..4, at in any::<prop::sample::Index>(), bit in 0_u8..8) {
        let machine = Machine::new(Model::Milan);
        let mut endorsements = machine.endorsements();
        endorsements.crls.push(machine.crl().sign(&common::machine::ARK));
        let der = match which {
            3 => &mut endorsements.crls[0],
            which => &mut endorsements.certificates[which],
        };
        let at = at.index(der.len());
        der[at] ^= 1 << bit;
        let verifier = Verifier::new(&[machine.fingerprint()]);
        let verified = verifier.verify(&machine.evidence(), &endorsements, Expected::Unbound, NOW);
        // A CRL whose issuer's name changed is another issuer's, and a policy that requires one notices.
        if which == 3 {
            let checks = verified.map(|verified| verified.checks().revocation.clone());
            prop_assert!(!matches!(checks, Ok(sealwire_attest::Outcome::Passed(_))));
        } else {
            prop_assert!(verified.is_err());
        }
    }

    // AT-08
    #[test]
    fn any_evidence_is_refused(bytes in proptest::collection::vec(any::<u8>(), 1184)) {
        let machine = Machine::new(Model::Milan);
        let evidence = Evidence { kind: Kind::Development, bytes };
        let verifier = Verifier::new(&[machine.fingerprint()]);
        prop_assert!(verifier.verify(&evidence, &machine.endorsements(), Expected::Unbound, NOW).is_err());
    }
}
