//! Genuine samples, with known verdicts, and what is left of them after edits.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use common::samples::{MILAN_FIRST, MILAN_LAST, MILAN_TIME, milan, sample};
use sealwire_attest::{
    Check, Claims, Endorsements, Error, Evidence, Kind, Outcome, Place, UnixTime, Verified, Verifier,
    snp::{Product, Tcb, report::Report},
    verify::Expected,
};

fn verify(evidence: &Evidence, endorsements: &Endorsements, at: UnixTime) -> Result<Verified<Claims>, Error> {
    Verifier::new(&[]).verify(evidence, endorsements, Expected::Unbound, at)
}

// AT-02, AT-20, QI-05: the claims are the report's, and its firmware level is read in AMD's order.
#[test]
fn milan_is_genuine() {
    let Some((evidence, mut endorsements)) = milan() else { return };
    let verified = verify(&evidence, &endorsements, MILAN_TIME).unwrap();
    let claims = verified.get();
    assert_eq!(claims.kind, Kind::Snp);
    assert!(!claims.development);
    assert!(!claims.debug);
    assert_eq!(claims.hardware_model, "SEV-SNP Milan");
    assert_eq!(claims.signer, "VCEK");
    assert_eq!(
        claims.tcb.iter().map(|(name, level)| (*name, *level)).collect::<Vec<_>>(),
        [("bootloader", 3), ("microcode", 0x73), ("snp", 8), ("tee", 0)]
    );
    assert_eq!(claims.attributes["vmpl"], 0);
    assert_eq!(claims.attributes["smt-allowed"], 1);
    assert_eq!(claims.attributes["migration-agent"], 0);
    assert_eq!(claims.not_after, MILAN_LAST);
    assert_eq!(claims.hardware_id[..4], [0xd4, 0x95, 0x54, 0xec]);
    assert_eq!(claims.measurements["measurement"], evidence.bytes[0x90..0xc0]);
    assert_eq!(claims.measurements["host-data"], evidence.bytes[0xc0..0xe0]);

    // The whole chain supplied, in any order, twice, changes nothing.
    endorsements.add(&sample("snp/milan.chain.pem").unwrap()).unwrap();
    endorsements.certificates.reverse();
    verify(&evidence, &endorsements, MILAN_TIME).unwrap();
}

// AT-20: the id of the hardware is in no log and on no status page.
#[test]
fn the_hardware_id_is_withheld() {
    let Some((evidence, endorsements)) = milan() else { return };
    let verified = verify(&evidence, &endorsements, MILAN_TIME).unwrap();
    let id = hex::encode(&verified.get().hardware_id);
    assert!(!format!("{verified:?}").contains(&id));
    assert!(!verified.get().to_json().to_string().contains(&id));
}

// AT-03: what AMD does not offer, or nobody supplied, is not called passed.
#[test]
fn milan_has_an_outcome_for_every_check() {
    let Some((evidence, endorsements)) = milan() else { return };
    let verified = verify(&evidence, &endorsements, MILAN_TIME).unwrap();
    for check in Check::ALL {
        let outcome = verified.checks().get(check);
        match check {
            // AMD publishes a CRL, and none is among the samples.
            Check::Revocation => assert!(matches!(outcome, Outcome::NotSupplied(_)), "{outcome:?}"),
            Check::Binding | Check::Freshness => {
                assert!(matches!(outcome, Outcome::NotAvailable(_)), "{check:?}: {outcome:?}");
            }
            _ => assert!(matches!(outcome, Outcome::Passed(_)), "{check:?}: {outcome:?}"),
        }
    }
    assert_eq!(verified.checks().chain, Outcome::Passed("SEV-VCEK ← SEV-Milan ← ARK-Milan (snp)".to_owned()));
}

// AT-05: both sides of each boundary.
#[test]
fn milan_is_valid_from_its_first_second_to_its_last() {
    let Some((evidence, endorsements)) = milan() else { return };
    for at in [MILAN_FIRST, MILAN_LAST] {
        verify(&evidence, &endorsements, at).unwrap();
    }
    let before = UnixTime(MILAN_FIRST.0 - 1);
    let expected = Error::NotYetValid { place: Place::Leaf, not_before: MILAN_FIRST };
    assert_eq!(verify(&evidence, &endorsements, before).unwrap_err(), expected);
    let after = UnixTime(MILAN_LAST.0 + 1);
    let expected = Error::Expired { place: Place::Leaf, not_after: MILAN_LAST };
    assert_eq!(verify(&evidence, &endorsements, after).unwrap_err(), expected);
}

// AT-04
#[test]
fn milan_is_bound_to_its_report_data() {
    let Some((evidence, endorsements)) = milan() else { return };
    let mut data: [u8; 64] = evidence.bytes[0x50..0x90].try_into().unwrap();
    let verifier = Verifier::new(&[]);
    let verified =
        verifier.verify(&evidence, &endorsements, Expected::ReportData(&data), MILAN_TIME).unwrap();
    assert!(matches!(verified.checks().binding, Outcome::Passed(_)));
    for index in [0, 31, 32, 63] {
        data[index] ^= 1;
        let error =
            verifier.verify(&evidence, &endorsements, Expected::ReportData(&data), MILAN_TIME).unwrap_err();
        assert_eq!(error, Error::Binding);
        data[index] ^= 1;
    }
}

// AT-07: a label is no more than a label.
#[test]
fn milan_is_no_development_evidence() {
    let Some((mut evidence, endorsements)) = milan() else { return };
    evidence.kind = Kind::Development;
    let expected = Error::KindMismatch { label: Kind::Development, found: Kind::Snp };
    assert_eq!(verify(&evidence, &endorsements, MILAN_TIME).unwrap_err(), expected);
}

// AT-06
#[test]
fn milan_without_its_vcek_lacks_an_endorsement() {
    let Some((evidence, _)) = milan() else { return };
    let error = verify(&evidence, &Endorsements::default(), MILAN_TIME).unwrap_err();
    assert_eq!(error, Error::EndorsementMissing("the chip's VCEK certificate"));
    assert_eq!(error.exit(), 40);
}

// AT-02, AT-06: a VLEK's authority is not built in.
#[test]
fn aws_lacks_the_vlek_authority() {
    let Some(bytes) = sample("snp/aws-vlek.report.bin") else { return };
    let evidence = Evidence::detect(&bytes, None).unwrap();
    assert_eq!(evidence.kind, Kind::Snp);
    let mut endorsements = Endorsements::default();
    endorsements.add(&sample("snp/aws-vlek.der").unwrap()).unwrap();
    // In its year and after it: the chain comes before the dates.
    for at in [UnixTime(1_740_000_000), UnixTime(1_790_000_000)] {
        let error = verify(&evidence, &endorsements, at).unwrap_err();
        assert_eq!(error, Error::EndorsementMissing("the ASVK certificate, which signed the VLEK"));
    }
    // A VCEK is not what signed it.
    let mut other = Endorsements::default();
    other.add(&sample("snp/milan.vcek.der").unwrap()).unwrap();
    let error = verify(&evidence, &other, MILAN_TIME).unwrap_err();
    assert_eq!(error, Error::EndorsementMissing("the VLEK certificate"));
}

// AT-02, QI-07: the certificates of another machine.
#[test]
fn azure_with_another_chips_certificates_is_refused() {
    let Some(hcl) = sample("tpm/azure-snp.hcl-report.bin") else { return };
    let evidence = Evidence { kind: Kind::Snp, bytes: hcl[32..][..1184].to_vec() };
    let mut endorsements = Endorsements::default();
    endorsements.add(&sample("tpm/azure-snp.other-chip-certs.pem").unwrap()).unwrap();
    assert_eq!(endorsements.certificates.len(), 3);
    assert_eq!(verify(&evidence, &endorsements, MILAN_TIME).unwrap_err(), Error::WrongChip);
}

// AT-08: cut anywhere, or longer.
#[test]
fn every_other_length_is_refused() {
    let Some((evidence, endorsements)) = milan() else { return };
    let mut bytes = evidence.bytes;
    bytes.push(0);
    for len in (0..=bytes.len()).filter(|len| *len != 1184) {
        let cut = Evidence { kind: Kind::Snp, bytes: bytes[..len].to_vec() };
        let expected = Error::Length { what: "SEV-SNP report", expected: 1184, found: len };
        assert_eq!(verify(&cut, &endorsements, MILAN_TIME).unwrap_err(), expected);
    }
}

// AT-03, AT-08: no bit of a report can be changed.
#[test]
fn every_byte_of_the_report_is_covered() {
    let Some((evidence, endorsements)) = milan() else { return };
    let verifier = Verifier::new(&[]);
    verifier.verify(&evidence, &endorsements, Expected::Unbound, MILAN_TIME).unwrap();
    for index in 0..evidence.bytes.len() {
        let mut changed = evidence.clone();
        changed.bytes[index] ^= 1 << (index % 8);
        let error = verifier.verify(&changed, &endorsements, Expected::Unbound, MILAN_TIME).unwrap_err();
        let steps: &[Check] = match index {
            // the version decides whether the product is in the report, the key information which key is looked for
            0x00..0x04 | 0x49..0x4c => &[Check::Format, Check::Chain],
            // the chip id, which the certificate has too
            0x1a0..0x1e0 => &[Check::Chain],
            // signature algorithm, and what is reserved
            0x34..0x38 | 0x4c..0x50 | 0x188..0x1a0 | 0x1eb | 0x1ef | 0x1f8..0x2a0 => &[Check::Format],
            // r and s longer than the curve, and what comes after them, which nobody signs
            0x2d0..0x2e8 | 0x318.. => &[Check::Format],
            _ => &[Check::Signature],
        };
        assert!(steps.contains(&error.check()), "{index:#x}: {error:?}");
    }
}

// AT-03: no bit of the certificate can be changed, with the chain supplied or built in.
#[test]
fn every_byte_of_the_certificates_is_covered() {
    let Some((evidence, endorsements)) = milan() else { return };
    let vcek = &endorsements.certificates[0];
    for index in 0..vcek.len() {
        let mut changed = endorsements.clone();
        changed.certificates[0][index] ^= 1 << (index % 8);
        let error = verify(&evidence, &changed, MILAN_TIME).unwrap_err();
        assert!(error.check() <= Check::Chain, "{index}: {error:?}");
    }
}

// AT-02: a certificate in another's place.
#[test]
fn swapped_certificates_are_refused() {
    let Some((evidence, genuine)) = milan() else { return };
    let mut with_chain = Endorsements::default();
    with_chain.add(&sample("snp/milan.chain.pem").unwrap()).unwrap();
    // The chain without the leaf.
    let error = verify(&evidence, &with_chain, MILAN_TIME).unwrap_err();
    assert_eq!(error, Error::EndorsementMissing("the chip's VCEK certificate"));
    // The leaf of another chip beside the right one: the right one is found.
    let mut both = Endorsements::default();
    both.add(&sample("tpm/azure-snp.other-chip-certs.pem").unwrap()).unwrap();
    both.certificates.extend(genuine.certificates);
    verify(&evidence, &both, MILAN_TIME).unwrap();
}

// The second implementation agrees on every field, and on the verdict.
#[test]
fn sev_reads_the_same() {
    use sev::{
        certs::snp::{Certificate, Chain, Verifiable as _, builtin::milan, ca},
        firmware::guest::AttestationReport,
        parser::ByteParser as _,
    };
    let Some((evidence, endorsements)) = milan() else { return };
    let ours = Report::parse(&evidence.bytes).unwrap();
    let theirs = AttestationReport::from_bytes(&evidence.bytes).unwrap();
    assert_eq!(ours.version, theirs.version);
    assert_eq!(ours.guest_svn, theirs.guest_svn);
    assert_eq!(ours.policy.0, u64::from(theirs.policy));
    assert_eq!(ours.policy.debug(), theirs.policy.debug_allowed());
    assert_eq!(ours.family_id, theirs.family_id);
    assert_eq!(ours.image_id, theirs.image_id);
    assert_eq!(ours.vmpl, theirs.vmpl);
    assert_eq!(ours.platform_info, u64::from(theirs.plat_info));
    assert_eq!(ours.report_data, theirs.report_data);
    assert_eq!(ours.measurement, theirs.measurement);
    assert_eq!(ours.host_data, theirs.host_data);
    assert_eq!(ours.id_key_digest, theirs.id_key_digest);
    assert_eq!(ours.author_key_digest, theirs.author_key_digest);
    assert_eq!(ours.report_id, theirs.report_id);
    assert_eq!(ours.report_id_ma, theirs.report_id_ma);
    assert_eq!(ours.chip_id, theirs.chip_id);
    let version = |version: sev::firmware::guest::Version| [version.major, version.minor, version.build];
    assert_eq!(ours.current_version, version(theirs.current));
    assert_eq!(ours.committed_version, version(theirs.committed));
    for (bytes, tcb) in [
        (ours.reported_tcb, theirs.reported_tcb),
        (ours.current_tcb, theirs.current_tcb),
        (ours.committed_tcb, theirs.committed_tcb),
        (ours.launch_tcb, theirs.launch_tcb),
    ] {
        let expected = Tcb {
            bootloader: tcb.bootloader,
            tee: tcb.tee,
            snp: tcb.snp,
            microcode: tcb.microcode,
            fmc: tcb.fmc,
        };
        assert_eq!(Tcb::from_bytes(bytes, Product::Milan), expected);
    }

    let chain = Chain {
        ca: ca::Chain { ark: milan::ark().unwrap(), ask: milan::ask().unwrap() },
        vek: Certificate::from_der(&endorsements.certificates[0]).unwrap(),
    };
    (&chain, &theirs).verify().unwrap();
    let mut changed = evidence.clone();
    changed.bytes[0x90] ^= 1;
    let changed_report = AttestationReport::from_bytes(&changed.bytes).unwrap();
    assert!((&chain, &changed_report).verify().is_err());
    assert_eq!(verify(&changed, &endorsements, MILAN_TIME).unwrap_err(), Error::Signature);
}
