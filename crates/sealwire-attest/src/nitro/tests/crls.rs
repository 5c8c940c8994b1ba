//! CRLs as AWS publishes them: in parts, each about the certificates that name it (RFC 5280 section 5.2.5).

use super::forge::{Enclave, array, bytes, verify};
use crate::{
    Check, Endorsements, Error, Outcome, Place, Policy, UnixTime,
    needs::{Answer, AwsCrl, Need, needs_of_nitro},
    verify::Expected,
    x509::{
        Certificate,
        forge::{NOT_AFTER, NOT_BEFORE, NOW, Party},
    },
};
use rcgen::{CrlDistributionPoint, CrlIssuingDistributionPoint, CrlScope};

const ROOTS: &str =
    "http://aws-nitro-enclaves-crl.s3.amazonaws.com/crl/ab4960cc-7d63-42bd-9e9f-59338cb67f84.crl";
const REGIONS: &str = "http://crl-eu-central-1-aws-nitro-enclaves.s3.eu-central-1.amazonaws.com/crl/\
                       da69a570-f489-4370-99bc-f2fca9224088.crl";
const ANOTHER: &str =
    "http://aws-nitro-enclaves-crl.s3.amazonaws.com/crl/00000000-0000-4000-8000-000000000000.crl";

/// The regional and the zonal authority name places of AWS's, as the genuine ones do.
fn enclave() -> Enclave {
    let mut enclave = Enclave::new();
    for (index, uri) in [(1, ROOTS), (2, REGIONS)] {
        name(&mut enclave.parties[index], &[&[uri]]);
    }
    enclave
}

/// Gives a certificate points, each with its addresses.
fn name(party: &mut Party, points: &[&[&str]]) {
    let uris = |uris: &&[&str]| uris.iter().map(|uri| (*uri).to_owned()).collect();
    party.params.crl_distribution_points =
        points.iter().map(|point| CrlDistributionPoint { uris: uris(point) }).collect();
}

fn with(crls: Vec<Vec<u8>>) -> Endorsements {
    Endorsements { crls, ..Endorsements::default() }
}

/// The parts that are about the chain.
fn parts(enclave: &Enclave, of_root: &[u64], of_regional: &[u64]) -> Endorsements {
    let [root, regional, ..] = &enclave.parties;
    with(vec![root.part(NOT_AFTER, of_root, &[ROOTS]), regional.part(NOT_AFTER, of_regional, &[REGIONS])])
}

fn revocation(enclave: &Enclave, endorsements: &Endorsements) -> Result<Outcome, Error> {
    enclave.verify_at(NOW, endorsements).map(|verified| verified.checks().revocation.clone())
}

fn is_missing(outcome: Result<Outcome, Error>) -> bool {
    matches!(outcome, Ok(Outcome::NotSupplied(_)))
}

// AT-70, AT-03: the parts that the chain names clear it, also for a policy that requires CRLs.
#[test]
fn the_parts_that_a_chain_names_clear_it() {
    let enclave = enclave();
    let good = parts(&enclave, &[9], &[9]);
    assert!(matches!(revocation(&enclave, &good), Ok(Outcome::Passed(_))));
    let policy = Policy::exactly(&enclave.verify().unwrap(), None, None);
    let policy = Policy::from_toml(&policy.replace("crl = \"if-available\"", "crl = \"required\"")).unwrap();
    policy.appraise(enclave.verify_at(NOW, &good).unwrap(), NOW).unwrap();
    let denial = policy.appraise(enclave.verify().unwrap(), NOW).unwrap_err();
    let codes: Vec<_> = denial.reasons.iter().map(|reason| reason.code).collect();
    assert_eq!(codes, ["endorsement-missing"]);
    // Among parts that are about others, and what is over of those says nothing.
    let mut folder = good.clone();
    let [root, ..] = &enclave.parties;
    folder.crls.insert(0, root.part(UnixTime(NOW.0 - 1), &[], &[ANOTHER]));
    folder.crls.insert(0, root.part(NOT_AFTER, &[], &[ANOTHER]));
    assert!(matches!(revocation(&enclave, &folder), Ok(Outcome::Passed(_))));
    // A list in one piece is about everything.
    let whole = with(vec![root.crl(NOT_BEFORE, NOT_AFTER, &[]), good.crls[1].clone()]);
    assert!(matches!(revocation(&enclave, &whole), Ok(Outcome::Passed(_))));
}

// AT-03: another part clears nothing; a serial number that any part lists is revoked.
#[test]
fn another_part_clears_nothing() {
    let enclave = enclave();
    let good = parts(&enclave, &[], &[]);
    let [root, regional, ..] = &enclave.parties;
    let other = with(vec![root.part(NOT_AFTER, &[], &[ANOTHER]), good.crls[1].clone()]);
    assert!(is_missing(revocation(&enclave, &other)));
    let swapped = with(vec![root.part(NOT_AFTER, &[], &[REGIONS]), good.crls[1].clone()]);
    assert!(is_missing(revocation(&enclave, &swapped)));
    // The address is the same as it is written, and no other.
    for uri in
        [ROOTS.replace("http:", "https:"), ROOTS.to_uppercase(), format!("{ROOTS}?"), ROOTS[..70].to_owned()]
    {
        let near = with(vec![root.part(NOT_AFTER, &[], &[&uri]), good.crls[1].clone()]);
        assert!(is_missing(revocation(&enclave, &near)), "{uri}");
    }
    // The right place, of another issuer.
    let issuer = with(vec![regional.part(NOT_AFTER, &[], &[ROOTS]), good.crls[1].clone()]);
    assert!(is_missing(revocation(&enclave, &issuer)));
    let mut revoked = good.clone();
    revoked.crls.push(root.part(NOT_AFTER, &[2], &[ANOTHER]));
    assert_eq!(revocation(&enclave, &revoked), Err(Error::Revoked(Place::Intermediate)));
}

// AT-03: what a part lists, and until when it holds.
#[test]
fn a_part_revokes_and_ends() {
    let enclave = enclave();
    for endorsements in [parts(&enclave, &[2], &[]), parts(&enclave, &[], &[3])] {
        let error = revocation(&enclave, &endorsements).unwrap_err();
        assert_eq!((&error, error.code()), (&Error::Revoked(Place::Intermediate), "revoked"));
    }
    let end = UnixTime(NOW.0 - 1);
    let [root, ..] = &enclave.parties;
    let over = with(vec![root.part(end, &[], &[ROOTS]), parts(&enclave, &[], &[]).crls[1].clone()]);
    let error = revocation(&enclave, &over).unwrap_err();
    assert_eq!((&error, error.code()), (&Error::CrlExpired(end), "crl-expired"));
    let forged = Party::authority("aws.nitro-enclaves", 1).part(NOT_AFTER, &[], &[ROOTS]);
    assert_eq!(revocation(&enclave, &with(vec![forged])), Err(Error::CrlInvalid("signature")));
}

// AT-03: several addresses of one point, and several points, one of which the list has.
#[test]
fn one_address_in_common_is_enough() {
    for points in [&[&[ANOTHER, ROOTS][..]][..], &[&[ANOTHER], &[ROOTS]]] {
        let mut enclave = enclave();
        name(&mut enclave.parties[1], points);
        assert!(matches!(revocation(&enclave, &parts(&enclave, &[], &[])), Ok(Outcome::Passed(_))));
        let [root, regional, ..] = &enclave.parties;
        let two = root.part(NOT_AFTER, &[], &["http://example.com/1.crl", ROOTS]);
        let two = with(vec![two, regional.part(NOT_AFTER, &[], &[REGIONS])]);
        assert!(matches!(revocation(&enclave, &two), Ok(Outcome::Passed(_))));
        let neither = root.part(NOT_AFTER, &[], &["http://example.com/1.crl"]);
        let neither = with(vec![neither, regional.part(NOT_AFTER, &[], &[REGIONS])]);
        assert!(is_missing(revocation(&enclave, &neither)));
    }
}

// AT-03: a list of certificates of leaves says nothing of authorities, and the other way round.
#[test]
fn a_part_may_be_about_one_sort() {
    let enclave = enclave();
    let [root, ..] = &enclave.parties;
    for (scope, clears) in [(CrlScope::CaCertsOnly, true), (CrlScope::UserCertsOnly, false)] {
        let distribution_point = CrlDistributionPoint { uris: vec![ROOTS.to_owned()] };
        let point = CrlIssuingDistributionPoint { distribution_point, scope: Some(scope) };
        let crl = root.crl_of(NOT_BEFORE, NOT_AFTER, &[], Some(point));
        let found = revocation(&enclave, &with(vec![crl, parts(&enclave, &[], &[]).crls[1].clone()]));
        assert_eq!(matches!(found, Ok(Outcome::Passed(_))), clears);
        assert_eq!(is_missing(found), !clears);
    }
}

/// What a document needs of AWS, if AWS had the root of this enclave.
fn needed(enclave: &Enclave) -> (Vec<AwsCrl>, Vec<&'static str>) {
    let roots = [Certificate::from_der(&enclave.root).unwrap()];
    let found = needs_of_nitro(&enclave.evidence().bytes, &roots).unwrap();
    let crls = found.published.into_iter().map(|need| match need {
        Need::AwsCrl(crl) => crl,
        other => panic!("{other}"),
    });
    (crls.collect(), found.elsewhere)
}

// AT-70: what is fetched is what the certificates name at AWS, each list once; and it is enough.
#[test]
fn a_chain_tells_what_it_needs() {
    let mut enclave = enclave();
    let (crls, elsewhere) = needed(&enclave);
    let hosts: Vec<_> = crls.iter().map(|crl| crl.place().host()).collect();
    let region = "crl-eu-central-1-aws-nitro-enclaves.s3.eu-central-1.amazonaws.com";
    assert_eq!(hosts, [region, "aws-nitro-enclaves-crl.s3.amazonaws.com"]);
    assert!(elsewhere.is_empty());
    let good = parts(&enclave, &[], &[]);
    let [of_regional, of_root] = crls.try_into().unwrap();
    let answer = |crl: &Vec<u8>| Answer { bytes: crl.clone(), issuers: Vec::new() };
    let [root_need, regional_need] = [Need::AwsCrl(of_root), Need::AwsCrl(of_regional)];
    let checked = root_need.check(&answer(&good.crls[0])).unwrap();
    assert_eq!((checked.from, checked.until), (NOT_BEFORE, NOT_AFTER));
    assert_eq!(checked.endorsements.crls, good.crls[..1]);
    regional_need.check(&answer(&good.crls[1])).unwrap();
    assert!(root_need.is_renewed());
    // The other's, and another part of the same.
    assert_eq!(root_need.check(&answer(&good.crls[1])).unwrap_err(), Error::CrlInvalid("another issuer"));
    let another = enclave.parties[0].part(NOT_AFTER, &[], &[ANOTHER]);
    let error = root_need.check(&answer(&another)).unwrap_err();
    assert_eq!(error, Error::CrlInvalid("another part of its issuer's list"));
    let names = [root_need.name(), regional_need.name()];
    let [root_name, regional_name] = [
        "aws-nitro-crl-root-ab4960cc-7d63-42bd-9e9f-59338cb67f84",
        "aws-nitro-crl-eu-central-1-da69a570-f489-4370-99bc-f2fca9224088",
    ];
    assert_eq!(names, [root_name, regional_name]);

    // Of several addresses the first that is AWS's; where none is, somebody has to bring the list.
    name(&mut enclave.parties[1], &[&["http://example.com/1.crl", ROOTS], &[ANOTHER]]);
    assert_eq!(Need::AwsCrl(needed(&enclave).0.pop().unwrap()), root_need);
    name(&mut enclave.parties[1], &[&["http://169.254.169.254/latest/crl/x.crl"]]);
    let (crls, elsewhere) = needed(&enclave);
    assert_eq!((crls.len(), elsewhere.len()), (1, 1));
}

// AT-70: nothing is fetched on the word of certificates that AWS has not issued.
#[test]
fn chains_of_others_need_nothing() {
    let enclave = enclave();
    let other = Enclave::new();
    let roots = [Certificate::from_der(&other.root).unwrap()];
    let found = needs_of_nitro(&enclave.evidence().bytes, &roots).unwrap();
    assert!(found.published.is_empty() && found.elsewhere.len() == 1);
    // The root is right, and something below it is not of it.
    let mut mixed = self::enclave();
    let (leaf, mut bundle) = mixed.certificates();
    bundle[1] = enclave.certificates().1[1].clone();
    mixed.set("certificate", bytes(&leaf));
    mixed.set("cabundle", array(&bundle));
    let (crls, elsewhere) = needed(&mixed);
    assert_eq!((crls.len(), elsewhere.len()), (0, 1));
    assert!(needs_of_nitro(b"none", &roots).is_err());
}

// AT-03, AT-05: a chain that is over still says that its signatures hold.
#[test]
fn a_chain_that_is_over_has_held() {
    let enclave = enclave();
    let evidence = enclave.evidence();
    let (verifier, none) = (enclave.verifier(), Endorsements::default());
    let mut checks = crate::Checks::not_reached();
    let at = UnixTime(NOT_AFTER.0 + 1);
    let request =
        crate::verify::Request { evidence: &evidence, endorsements: &none, expected: Expected::Unbound, at };
    let error = verifier.verify(&request, &mut checks).unwrap_err();
    assert_eq!(error.check(), Check::Validity);
    assert!(matches!(checks.chain, Outcome::Passed(_)), "{:?}", checks.chain);
    verify(&verifier, &evidence, &none, Expected::Unbound, NOW).unwrap();
}
