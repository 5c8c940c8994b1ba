//! Chains that no vendor would sign: every rule between a root and a report, broken one at a time.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use common::{
    der::{self, BASIC_CONSTRAINTS, Extension, KEY_USAGE},
    machine::{ARK, ASK, DEBUG_BIT, MIGRATION_BIT, Machine, Model, NOT_AFTER, NOT_BEFORE, NOW, at},
};
use sealwire_attest::{
    Check, Claims, Endorsements, Error, Evidence, Kind, Outcome, Place, UnixTime, Verified, Verifier,
    endorsements::MAX_CERTIFICATES, verify::Expected,
};

fn verify_with(
    machine: &Machine,
    evidence: &Evidence,
    endorsements: &Endorsements,
    at: UnixTime,
) -> Result<Verified<Claims>, Error> {
    Verifier::new(&[machine.fingerprint()]).verify(evidence, endorsements, Expected::Unbound, at)
}

fn verify(machine: &Machine) -> Result<Verified<Claims>, Error> {
    verify_with(machine, &machine.evidence(), &machine.endorsements(), NOW)
}

fn refused(machine: &Machine) -> Error {
    verify(machine).unwrap_err()
}

// AT-02: three products, two kinds of key.
#[test]
fn every_product_and_signing_key_verifies() {
    for (model, name) in [(Model::Milan, "milan"), (Model::Genoa, "genoa"), (Model::Turin, "turin")] {
        for machine in [Machine::new(model), Machine::new(model).with_vlek()] {
            let verified = verify(&machine).unwrap();
            let claims = verified.get();
            assert_eq!(claims.product, name);
            let expected = if claims.hardware_id == [0; 64] { "VLEK CN=provider.example" } else { "VCEK" };
            assert_eq!(claims.signer, expected);
            assert_eq!(claims.tcb["bootloader"], 3);
            assert_eq!(claims.tcb["snp"], 9);
            assert_eq!(claims.tcb["microcode"], 115);
            assert_eq!(claims.tcb.get("fmc").copied(), (model == Model::Turin).then_some(1));
            assert_eq!(claims.not_after, UnixTime(NOT_AFTER));
            assert_eq!(claims.root, machine.fingerprint());
        }
    }
}

// AT-20, AT-25: the id of the chip is its certificate's, whatever the host hides.
#[test]
fn a_masked_chip_is_known_by_its_certificate() {
    for model in [Model::Milan, Model::Turin] {
        let open = Machine::new(model);
        let id = verify(&open).unwrap().get().hardware_id.clone();
        assert_eq!(id, open.report[at::CHIP_ID..][..64]);
        let mut masked = open;
        masked.report[at::CHIP_ID..][..64].fill(0);
        assert_eq!(verify(&masked).unwrap().get().hardware_id, id);
    }
}

// AT-02: all versions of the report.
#[test]
fn report_versions_two_to_five_are_read() {
    for version in 0..=7 {
        let mut machine = Machine::new(Model::Milan);
        machine.report[0] = version;
        if version < 3 {
            machine.report[at::CPUID..][..3].fill(0);
        }
        match version {
            2..=5 => drop(verify(&machine).unwrap()),
            found => {
                assert_eq!(refused(&machine), Error::Version { what: "SEV-SNP report", found: found.into() })
            }
        }
    }
    // Mitigation vectors came with version 5; before, their bytes are reserved.
    let mut machine = Machine::new(Model::Milan);
    machine.report[at::LAUNCH_MITIGATIONS] = 3;
    assert_eq!(refused(&machine).check(), Check::Format);
    machine.report[0] = 5;
    assert_eq!(verify(&machine).unwrap().get().attributes["launch-mitigations"], 3);
}

// AT-07: the root makes the kind.
#[test]
fn a_development_root_counts_only_where_it_is_named() {
    let machine = Machine::new(Model::Milan);
    let verified = verify(&machine).unwrap();
    assert!(verified.get().development);
    assert_eq!(verified.get().kind, Kind::Development);

    let (mut evidence, endorsements) = (machine.evidence(), machine.endorsements());
    let other = [[7; 32]];
    for roots in [&[][..], &other] {
        let error =
            Verifier::new(roots).verify(&evidence, &endorsements, Expected::Unbound, NOW).unwrap_err();
        // Its authority has the name of AMD's own, and another key.
        assert_eq!(error, Error::RootNotPinned);
    }
    evidence.kind = Kind::Snp;
    let error = verify_with(&machine, &evidence, &endorsements, NOW).unwrap_err();
    assert_eq!(error, Error::KindMismatch { label: Kind::Snp, found: Kind::Development });
}

// AT-02: the look-alike has AMD's names, a chain that holds together, and another key.
#[test]
fn a_look_alike_root_is_not_pinned() {
    let machine = Machine::new(Model::Genoa);
    let mut evidence = machine.evidence();
    evidence.kind = Kind::Snp;
    let verifier = Verifier::new(&[]);
    let mut endorsements = machine.endorsements();
    let error = verifier.verify(&evidence, &endorsements, Expected::Unbound, NOW).unwrap_err();
    assert_eq!(error, Error::RootNotPinned);
    assert_eq!(error.exit(), 20);
    // Without the look-alike in sight the intermediate is simply not AMD's.
    endorsements.certificates.truncate(2);
    let error = verifier.verify(&evidence, &endorsements, Expected::Unbound, NOW).unwrap_err();
    assert_eq!(error, Error::CertificateSignature(Place::Intermediate));
    // And without that one the leaf is not.
    endorsements.certificates.truncate(1);
    let error = verifier.verify(&evidence, &endorsements, Expected::Unbound, NOW).unwrap_err();
    assert_eq!(error, Error::CertificateSignature(Place::Leaf));
}

// AT-05: each certificate, both sides of both boundaries.
#[test]
fn every_certificate_has_to_be_valid() {
    type Pick = fn(&mut Machine) -> &mut der::Certificate;
    let places: [(Place, Pick); 3] = [
        (Place::Root, |machine| &mut machine.root),
        (Place::Intermediate, |machine| &mut machine.intermediate),
        (Place::Leaf, |machine| &mut machine.leaf),
    ];
    for (place, pick) in places {
        let mut machine = Machine::new(Model::Milan);
        let certificate = pick(&mut machine);
        certificate.not_before = NOT_BEFORE + 100;
        certificate.not_after = NOT_AFTER - 100;
        let (evidence, endorsements) = (machine.evidence(), machine.endorsements());
        let verifier = Verifier::new(&[machine.fingerprint()]);
        let verify =
            |at| verifier.verify(&evidence, &endorsements, Expected::Unbound, UnixTime(at)).map(|_| ());
        // Cold and from the cache.
        for _ in 0..2 {
            let not_before = UnixTime(NOT_BEFORE + 100);
            assert_eq!(verify(not_before.0 - 1), Err(Error::NotYetValid { place, not_before }));
            verify(not_before.0).unwrap();
            let not_after = UnixTime(NOT_AFTER - 100);
            verify(not_after.0).unwrap();
            assert_eq!(verify(not_after.0 + 1), Err(Error::Expired { place, not_after }));
        }
    }
}

// AT-03: one algorithm with one set of parameters, the same inside and outside of what is signed.
#[test]
fn other_algorithms_are_refused() {
    let wrong = [
        der::pss(1, 1, 32, None),
        der::pss(2, 1, 48, None),
        der::pss(1, 2, 48, None),
        der::pss(2, 2, 32, None),
        der::pss(2, 2, 48, Some(2)),
        der::sequence(&[&der::oid_tlv("1.2.840.113549.1.1.12"), &[0x05, 0x00]]),
        der::sequence(&[&der::oid_tlv("1.2.840.113549.1.1.10")]),
    ];
    for algorithm in wrong {
        let mut machine = Machine::new(Model::Milan);
        machine.leaf.algorithm.clone_from(&algorithm);
        machine.leaf.outer_algorithm.clone_from(&algorithm);
        assert_eq!(refused(&machine), Error::CertificateAlgorithm(Place::Leaf));
        let mut machine = Machine::new(Model::Milan);
        machine.intermediate.algorithm.clone_from(&algorithm);
        machine.intermediate.outer_algorithm = algorithm;
        assert_eq!(refused(&machine), Error::CertificateAlgorithm(Place::Intermediate));
    }
    let mut machine = Machine::new(Model::Milan);
    machine.leaf.outer_algorithm = der::pss(2, 2, 48, Some(1));
    assert_eq!(refused(&machine), Error::CertificateAlgorithm(Place::Leaf));
    // Most of AMD's certificates write the default trailer.
    machine.leaf.algorithm.clone_from(&machine.leaf.outer_algorithm);
    verify(&machine).unwrap();
}

// AT-03: who may issue.
#[test]
fn only_authorities_issue() {
    let not_ca = Extension::critical(BASIC_CONSTRAINTS, der::sequence(&[]));
    let no_depth =
        Extension::critical(BASIC_CONSTRAINTS, der::sequence(&[&[0x01, 0x01, 0xff], &der::integer(0)]));
    let only_signs = Extension::critical(KEY_USAGE, vec![0x03, 0x02, 0x07, 0x80]);
    let unknown = Extension::critical("1.2.3.4", vec![0x05, 0x00]);
    let replace = |list: &mut Vec<Extension>, with: &Extension| {
        list.retain(|extension| extension.oid != with.oid);
        list.push(with.clone());
    };

    for wrong in [&not_ca, &only_signs, &unknown] {
        let mut machine = Machine::new(Model::Milan);
        replace(&mut machine.intermediate.extensions, wrong);
        assert_eq!(refused(&machine), Error::CertificateUsage(Place::Intermediate), "{wrong:?}");
    }
    for wrong in [&not_ca, &no_depth, &only_signs, &unknown] {
        let mut machine = Machine::new(Model::Milan);
        replace(&mut machine.root.extensions, wrong);
        assert_eq!(refused(&machine), Error::CertificateUsage(Place::Root), "{wrong:?}");
    }
    let mut machine = Machine::new(Model::Milan);
    machine.intermediate.extensions.clear();
    assert_eq!(refused(&machine), Error::CertificateUsage(Place::Intermediate));

    // A leaf is no authority, and may sign.
    let ca = Extension::critical(BASIC_CONSTRAINTS, der::sequence(&[&[0x01, 0x01, 0xff]]));
    let no_signing = Extension::critical(KEY_USAGE, vec![0x03, 0x02, 0x01, 0x06]);
    for wrong in [ca, no_signing, unknown] {
        let mut machine = Machine::new(Model::Milan);
        machine.leaf.extensions.push(wrong.clone());
        assert_eq!(refused(&machine), Error::CertificateUsage(Place::Leaf), "{wrong:?}");
    }
    let mut machine = Machine::new(Model::Milan);
    machine.leaf.extensions.extend([not_ca, only_signs]);
    verify(&machine).unwrap();
}

// AT-03: names chain, and a root signs no leaf itself.
#[test]
fn the_chain_has_three_certificates_by_name() {
    let mut machine = Machine::new(Model::Milan);
    machine.leaf.issuer = "SEV-Rome".to_owned();
    let missing = Error::EndorsementMissing("the ASK certificate, which signed the VCEK");
    assert_eq!(refused(&machine), missing);

    let mut machine = Machine::new(Model::Milan);
    machine.intermediate.issuer = "ARK-Rome".to_owned();
    assert_eq!(refused(&machine), Error::RootNotPinned);

    let mut machine = Machine::new(Model::Milan);
    machine.leaf.issuer.clone_from(&machine.root.subject);
    let mut endorsements = machine.endorsements();
    endorsements.certificates[0] = machine.leaf.sign(&ARK);
    let error = verify_with(&machine, &machine.evidence(), &endorsements, NOW).unwrap_err();
    assert_eq!(error, missing);

    // Signed by another than the one it names.
    let machine = Machine::new(Model::Milan);
    let mut endorsements = machine.endorsements();
    endorsements.certificates[0] = machine.leaf.sign(&ARK);
    let error = verify_with(&machine, &machine.evidence(), &endorsements, NOW).unwrap_err();
    assert_eq!(error, Error::CertificateSignature(Place::Leaf));
    let mut endorsements = machine.endorsements();
    endorsements.certificates[1] = machine.intermediate.sign(&ASK);
    let error = verify_with(&machine, &machine.evidence(), &endorsements, NOW).unwrap_err();
    assert_eq!(error, Error::CertificateSignature(Place::Intermediate));
}

// AT-02: what AMD writes into a leaf is there once, in its form.
#[test]
fn a_leaf_says_what_it_is_for() {
    let oids = [
        "1.3.6.1.4.1.3704.1.2",
        "1.3.6.1.4.1.3704.1.3.1",
        "1.3.6.1.4.1.3704.1.3.2",
        "1.3.6.1.4.1.3704.1.3.3",
        "1.3.6.1.4.1.3704.1.3.8",
        "1.3.6.1.4.1.3704.1.3.9",
        "1.3.6.1.4.1.3704.1.4",
    ];
    for oid in oids {
        let mut missing = Machine::new(Model::Turin);
        missing.drop_extension(oid);
        let mut twice = Machine::new(Model::Turin);
        let repeated = twice.extension(oid).clone();
        twice.leaf.extensions.push(repeated);
        let mut malformed = Machine::new(Model::Turin);
        malformed.extension(oid).value = vec![0x02, 0x02, 0x01, 0x00];
        for machine in [missing, twice, malformed] {
            assert!(matches!(refused(&machine), Error::CertificateExtension(_)), "{oid}");
        }
    }
    let mut machine = Machine::new(Model::Milan).with_vlek();
    machine.drop_extension("1.3.6.1.4.1.3704.1.5");
    assert_eq!(refused(&machine), Error::CertificateExtension("provider id"));

    let mut machine = Machine::new(Model::Milan);
    machine.leaf.spki = der::rsa_spki(&ASK.public_key());
    assert_eq!(refused(&machine), Error::CertificateExtension("a key on P-384"));

    // Inside an OCTET STRING, as some have it.
    let mut machine = Machine::new(Model::Turin);
    let id = machine.extension("1.3.6.1.4.1.3704.1.4");
    id.value = der::tlv(0x04, &[&id.value]);
    verify(&machine).unwrap();
}

// AT-02: chip and product.
#[test]
fn a_leaf_belongs_to_one_chip_of_one_product() {
    for model in [Model::Milan, Model::Turin] {
        let mut machine = Machine::new(model);
        machine.report[at::CHIP_ID] ^= 1;
        assert_eq!(refused(&machine), Error::WrongChip);
        // Hidden by the owner of the platform.
        machine.report[at::CHIP_ID..][..64].fill(0);
        verify(&machine).unwrap();
    }
    // On Turin an id has eight bytes, and zeros.
    let mut machine = Machine::new(Model::Turin);
    machine.report[at::CHIP_ID + 63] = 1;
    assert_eq!(refused(&machine), Error::WrongChip);

    let mut machine = Machine::new(Model::Milan);
    machine.report[at::CPUID..][..3].copy_from_slice(&[0x19, 0x11, 0x01]);
    assert_eq!(refused(&machine), Error::WrongProduct);
    machine.report[at::CPUID..][..3].copy_from_slice(&[0x17, 0x01, 0x01]);
    assert_eq!(refused(&machine), Error::WrongProduct);
    let mut machine = Machine::new(Model::Milan);
    machine.extension("1.3.6.1.4.1.3704.1.2").value = der::tlv(0x16, &[b"Rome-B0"]);
    assert_eq!(refused(&machine), Error::CertificateExtension("product name"));
}

// AT-03: AMD certifies a key for one firmware level.
#[test]
fn a_leaf_is_certified_for_the_reported_firmware() {
    for (offset, component, reported) in
        [(0, "bootloader", 4), (1, "tee", 1), (6, "snp", 10), (7, "microcode", 116)]
    {
        let mut machine = Machine::new(Model::Genoa);
        machine.report[at::REPORTED_TCB + offset] += 1;
        let error = refused(&machine);
        assert_eq!(error, Error::TcbMismatch { component, certified: reported - 1, reported });
    }
    let mut machine = Machine::new(Model::Turin);
    machine.report[at::REPORTED_TCB] = 2;
    assert_eq!(refused(&machine), Error::TcbMismatch { component: "fmc", certified: 1, reported: 2 });
}

// AT-02: of many leaves in a folder the one for the chip and its level is taken.
#[test]
fn the_right_leaf_is_found_among_many() {
    let machine = Machine::new(Model::Milan);
    let mut older = machine.clone();
    older.extension("1.3.6.1.4.1.3704.1.3.8").value = der::integer(100);
    let mut other_chip = machine.clone();
    other_chip.extension("1.3.6.1.4.1.3704.1.4").value = vec![1; 64];
    let mut endorsements = Endorsements::default();
    for other in [&older, &other_chip, &machine] {
        endorsements.certificates.push(other.leaf.sign(&ASK));
    }
    endorsements.certificates.extend(machine.endorsements().certificates.split_off(1));
    verify_with(&machine, &machine.evidence(), &endorsements, NOW).unwrap();
    // And where it is missing, the error is that of what is there.
    endorsements.certificates.remove(2);
    let error = verify_with(&machine, &machine.evidence(), &endorsements, NOW).unwrap_err();
    assert_eq!(error, Error::TcbMismatch { component: "microcode", certified: 100, reported: 115 });
}

// AT-02: firmware that signs nothing.
#[test]
fn an_unsigned_report_is_refused() {
    let mut machine = Machine::new(Model::Milan);
    machine.report[at::KEY_INFO] = 2;
    assert_eq!(refused(&machine), Error::Unsigned);
    machine.report[at::KEY_INFO] = 7 << 2;
    assert_eq!(refused(&machine), Error::Unsigned);
    machine.report[at::KEY_INFO] = 3 << 2;
    assert_eq!(refused(&machine), Error::Malformed("unknown signing key"));
    machine.report[at::KEY_INFO] = 1 << 5;
    assert_eq!(refused(&machine).check(), Check::Format);
    // A VCEK report with a VLEK chain, and the reverse.
    let mut machine = Machine::new(Model::Milan);
    machine.report[at::KEY_INFO] = 1 << 2;
    assert_eq!(refused(&machine), Error::EndorsementMissing("the VLEK certificate"));
    let mut machine = Machine::new(Model::Milan).with_vlek();
    machine.report[at::KEY_INFO] = 0;
    assert_eq!(refused(&machine), Error::EndorsementMissing("the chip's VCEK certificate"));
}

// AT-03: attributes are claims where they are known, and an error where they are not.
#[test]
fn attributes_are_reported_or_refused() {
    let mut machine = Machine::new(Model::Milan);
    machine.set_policy(DEBUG_BIT | MIGRATION_BIT);
    let verified = verify(&machine).unwrap();
    assert!(verified.get().debug);
    assert_eq!(verified.get().attributes["debug"], 1);
    assert_eq!(verified.get().attributes["migration-agent"], 1);

    for bit in 26..64 {
        machine.set_policy(1 << bit);
        assert_eq!(refused(&machine).check(), Check::Attributes, "{bit}");
    }
    // The bit that is always one.
    machine.set_policy(0);
    machine.report[at::POLICY + 2] = 1;
    assert_eq!(refused(&machine).check(), Check::Attributes);

    let mut machine = Machine::new(Model::Milan);
    for vmpl in [0_u32, 3, 4, u32::MAX] {
        machine.report[at::VMPL..][..4].copy_from_slice(&vmpl.to_le_bytes());
        match vmpl {
            0..=3 => assert_eq!(verify(&machine).unwrap().get().attributes["vmpl"], u64::from(vmpl)),
            _ => assert_eq!(refused(&machine).check(), Check::Attributes),
        }
    }
}

/// The endorsements of `machine` with one CRL.
fn with_crl(machine: &Machine, crl: &der::Crl) -> Endorsements {
    let mut endorsements = machine.endorsements();
    endorsements.crls.push(crl.sign(&ARK));
    endorsements
}

// AT-03: revocation by the root's CRL; AT-06: one that is there has to be good.
#[test]
fn a_crl_is_checked_where_there_is_one() {
    let machine = Machine::new(Model::Milan);
    let verify = |endorsements: &Endorsements| {
        verify_with(&machine, &machine.evidence(), endorsements, NOW)
            .map(|verified| verified.checks().clone())
    };

    let good = machine.crl();
    let checks = verify(&with_crl(&machine, &good)).unwrap();
    assert!(matches!(checks.revocation, Outcome::Passed(_)));
    let checks = verify(&machine.endorsements()).unwrap();
    assert!(matches!(checks.revocation, Outcome::NotSupplied(_)));

    let others = der::Crl { revoked: vec![0, 1, 3], ..good.clone() };
    verify(&with_crl(&machine, &others)).unwrap();
    let revoked = der::Crl { revoked: vec![9, 2], ..good.clone() };
    assert_eq!(verify(&with_crl(&machine, &revoked)), Err(Error::Revoked(Place::Intermediate)));
    // What was revoked once stays so: an older list beside a newer one.
    let mut both = with_crl(&machine, &good);
    both.crls.push(der::Crl { next_update: Some(NOW.0 - 1), ..revoked }.sign(&ARK));
    assert_eq!(verify(&both), Err(Error::Revoked(Place::Intermediate)));

    // Signed by another, in the root's name.
    let mut forged = machine.endorsements();
    forged.crls.push(good.sign(&ASK));
    assert_eq!(verify(&forged), Err(Error::CrlInvalid("signature")));
    let mut changed = with_crl(&machine, &good);
    let last = changed.crls[0].len() - 1;
    changed.crls[0][last] ^= 1;
    assert_eq!(verify(&changed), Err(Error::CrlInvalid("signature")));
    let algorithm = der::Crl { algorithm: der::pss(1, 1, 32, None), ..good.clone() };
    assert_eq!(verify(&with_crl(&machine, &algorithm)).unwrap_err().check(), Check::Revocation);

    // What is critical and not understood.
    let delta = Extension::critical("2.5.29.27", vec![0x02, 0x01, 0x01]);
    let changes = der::Crl { extensions: vec![delta], ..good.clone() };
    assert_eq!(verify(&with_crl(&machine, &changes)).unwrap_err().check(), Check::Revocation);
    let issuer = Extension::critical("2.5.29.29", vec![0x30, 0x00]);
    let indirect = der::Crl { revoked: vec![9], entry_extensions: vec![issuer], ..good.clone() };
    assert_eq!(verify(&with_crl(&machine, &indirect)).unwrap_err().check(), Check::Revocation);

    // Another authority's list says nothing, and is not taken for one that does.
    let other = der::Crl { issuer: "ARK-Genoa".to_owned(), ..good };
    let checks = verify(&with_crl(&machine, &other)).unwrap();
    assert!(matches!(checks.revocation, Outcome::NotSupplied(_)));
}

// AT-05: a CRL has its times, too, both sides of each; the earliest end is the claims' own.
#[test]
fn a_crl_is_in_force_between_its_updates() {
    let machine = Machine::new(Model::Milan);
    let crl = der::Crl { this_update: NOW.0 - 10, next_update: Some(NOW.0 + 10), ..machine.crl() };
    let endorsements = with_crl(&machine, &crl);
    let verifier = Verifier::new(&[machine.fingerprint()]);
    let evidence = machine.evidence();
    for _ in 0..2 {
        let verify = |at: u64| verifier.verify(&evidence, &endorsements, Expected::Unbound, UnixTime(at));
        assert_eq!(verify(NOW.0 - 11).unwrap_err(), Error::CrlNotYetValid(UnixTime(NOW.0 - 10)));
        verify(NOW.0 - 10).unwrap();
        assert_eq!(verify(NOW.0 + 10).unwrap().get().not_after, UnixTime(NOW.0 + 10));
        assert_eq!(verify(NOW.0 + 11).unwrap_err(), Error::CrlExpired(UnixTime(NOW.0 + 10)));
    }
    let endless = der::Crl { next_update: None, ..machine.crl() };
    let error = verify_with(&machine, &evidence, &with_crl(&machine, &endless), NOW).unwrap_err();
    assert_eq!(error, Error::CrlInvalid("no next update"));
    // A stale list beside one in force does no harm.
    let mut both = with_crl(&machine, &machine.crl());
    both.crls.insert(0, der::Crl { next_update: Some(NOW.0 - 1), ..machine.crl() }.sign(&ARK));
    verify_with(&machine, &evidence, &both, NOW).unwrap();
}

// AT-03: the root has to be allowed to sign one.
#[test]
fn a_root_without_crl_signing_has_no_crl() {
    let mut machine = Machine::new(Model::Milan);
    machine.root.extensions.retain(|extension| extension.oid != KEY_USAGE);
    machine.root.extensions.push(Extension::critical(KEY_USAGE, vec![0x03, 0x02, 0x02, 0x04]));
    verify(&machine).unwrap();
    let endorsements = with_crl(&machine, &machine.crl());
    let error = verify_with(&machine, &machine.evidence(), &endorsements, NOW).unwrap_err();
    assert_eq!(error, Error::CrlInvalid("its issuer may not sign one"));
}

// AT-08: a peer cannot buy work with a heap of certificates.
#[test]
fn endorsements_are_bounded() {
    let machine = Machine::new(Model::Milan);
    let mut endorsements = machine.endorsements();
    let root = endorsements.certificates[2].clone();
    endorsements.certificates.resize(MAX_CERTIFICATES, root.clone());
    verify_with(&machine, &machine.evidence(), &endorsements, NOW).unwrap();
    endorsements.certificates.push(root);
    let error = verify_with(&machine, &machine.evidence(), &endorsements, NOW).unwrap_err();
    assert_eq!(error.code(), "endorsement-malformed");
    assert_eq!(error.exit(), 10);

    let mut long = machine.endorsements();
    long.certificates.push(vec![0x30; 9000]);
    let error = verify_with(&machine, &machine.evidence(), &long, NOW).unwrap_err();
    assert_eq!(error, Error::MalformedEndorsement("a certificate that is too long"));
    let mut trailing = machine.endorsements();
    trailing.certificates[1].push(0);
    let error = verify_with(&machine, &machine.evidence(), &trailing, NOW).unwrap_err();
    assert_eq!(error, Error::MalformedEndorsement("not a certificate"));
}
