//! Measurements against signed manifests.

use super::forge::{Gpu, verify};
use crate::{
    Endorsements, Error, Outcome, TcbStatus, UnixTime,
    corim::Corim,
    verify::Expected,
    x509::forge::{NOT_AFTER, NOT_BEFORE, NOW, Party, set_window},
};
use ::corim::{
    builder::{ComidBuilder, CorimBuilder},
    types::{
        CorimId, CorimMetaMap, CorimSignerMap, CoseX509, CwtClaims, Digest, EnvironmentMap, MeasuredElement,
        MeasurementMap, MeasurementValuesMap, ReferenceTriple, SignedCorimBuilder, TagIdChoice,
    },
};

const DRIVER: &str = "NV_GPU_DRIVER_GH100_550.1.2";
const VBIOS: &str = "NV_GPU_VBIOS_1010_0200_882_96009F0001";
const ES384: i64 = -35;

/// A manifest before it is signed.
struct Manifest {
    name: &'static str,
    vendor: &'static str,
    model: &'static str,
    /// key and digests, each with its algorithm
    values: Vec<(MeasuredElement, Vec<Digest>)>,
    validity: Option<(Option<i64>, i64)>,
    expiry: Option<i64>,
    algorithm: i64,
    with_chain: bool,
}

fn digest(byte: u8) -> Digest {
    Digest::new(7, vec![byte; 48])
}

impl Manifest {
    fn new(name: &'static str, indices: &[u8]) -> Self {
        let value = |index: &u8| (MeasuredElement::Uint(u64::from(*index)), vec![digest(*index)]);
        Self {
            name,
            vendor: "NVIDIA",
            model: "GH100",
            values: indices.iter().map(value).collect(),
            validity: None,
            expiry: None,
            algorithm: ES384,
            with_chain: false,
        }
    }

    fn unsigned(&self) -> Vec<u8> {
        let measurements = self.values.iter().map(|(key, digests)| {
            let mut values = MeasurementValuesMap::default();
            match digests.is_empty() {
                true => values.name = Some("no digest".to_owned()),
                false => values.digests = Some(digests.clone()),
            }
            MeasurementMap { mkey: Some(key.clone()), mval: values, authorized_by: None }
        });
        let environment = EnvironmentMap::for_class(self.vendor, self.model);
        let comid = ComidBuilder::new(TagIdChoice::Text(format!("{}-tag", self.name)))
            .add_reference_triple(ReferenceTriple::new(environment, measurements.collect()))
            .build()
            .unwrap();
        let mut corim = CorimBuilder::new(CorimId::Text(self.name.to_owned())).add_comid_tag(comid).unwrap();
        if let Some((from, until)) = self.validity {
            corim = corim.set_validity(from, until).unwrap();
        }
        corim.build_bytes().unwrap()
    }

    fn sign(&self, gpu: &Gpu) -> Vec<u8> {
        let signer = CorimSignerMap { signer_name: "NVIDIA".to_owned(), signer_uri: None };
        let meta = CorimMetaMap { signer, signature_validity: None };
        let mut builder = SignedCorimBuilder::new(self.algorithm, self.unsigned());
        match self.expiry {
            None => builder = builder.set_corim_meta(meta),
            Some(expiry) => {
                let mut claims = CwtClaims::new("NVIDIA");
                claims.exp = Some(expiry.into());
                builder = builder.set_cwt_claims(claims);
            }
        }
        if self.with_chain {
            builder = builder.x5chain(CoseX509::Single(gpu.root_of_manifests.certify(&gpu.signer)));
        }
        let message = builder.to_be_signed(&[]).unwrap();
        builder.build_with_signature(gpu.signer.sign(&message).to_vec()).unwrap()
    }
}

/// Everything that `gpu` needs, with manifests of all its measurements.
pub(crate) fn endorsements(gpu: &Gpu) -> Endorsements {
    let manifests = [Manifest::new(DRIVER, &[1, 2, 3]), Manifest::new(VBIOS, &[4, 5])];
    with(gpu, &manifests.map(|manifest| manifest.sign(gpu)))
}

/// The endorsements of `gpu` with manifests and the certificate of their signer.
fn with(gpu: &Gpu, manifests: &[Vec<u8>]) -> Endorsements {
    let mut endorsements = gpu.endorsements();
    endorsements.certificates.push(gpu.root_of_manifests.certify(&gpu.signer));
    endorsements.references = manifests.to_vec();
    endorsements
}

fn tcb(gpu: &Gpu, manifests: &[Vec<u8>]) -> Result<(Outcome, Option<TcbStatus>), Error> {
    let verified = gpu.verify_with(&with(gpu, manifests), NOW)?;
    Ok((verified.checks().tcb.clone(), verified.get().tcb_status))
}

// AT-03: driver and VBIOS, each by its own manifest.
#[test]
fn measurements_are_those_of_the_manifests() {
    let gpu = Gpu::new();
    let driver = Manifest::new(DRIVER, &[1, 2, 3]).sign(&gpu);
    let vbios = Manifest::new(VBIOS, &[3, 4]).sign(&gpu);
    let (outcome, status) = tcb(&gpu, &[driver.clone(), vbios.clone()]).unwrap();
    assert_eq!(outcome, Outcome::Passed(format!("4 measurements as in {DRIVER} and {VBIOS}")));
    assert_eq!(status, Some(TcbStatus::UpToDate));
    // One of the two.
    let (outcome, status) = tcb(&gpu, &[driver]).unwrap();
    assert_eq!(outcome, Outcome::NotSupplied(format!("no reference manifest {VBIOS}")));
    assert_eq!(status, None);
    let (outcome, _) = tcb(&gpu, &[vbios]).unwrap();
    assert_eq!(outcome, Outcome::NotSupplied(format!("no reference manifest {DRIVER}")));
    // Those of another release, and another vendor's data, are passed over.
    let other = Manifest::new("NV_GPU_DRIVER_GH100_550.1.3", &[9]).sign(&gpu);
    let (outcome, status) = tcb(&gpu, &[other, br#"{"tcbInfo":{}}"#.to_vec()]).unwrap();
    assert_eq!(outcome, Outcome::NotSupplied(format!("no reference manifest {DRIVER}, {VBIOS}")));
    assert_eq!(status, None);
}

// AT-03: a measurement that is not listed is a claim that a policy refuses.
#[test]
fn another_measurement_is_unlisted() {
    let gpu = Gpu::new();
    let mut wrong = Manifest::new(DRIVER, &[1, 2]);
    wrong.values[1].1 = vec![digest(9)];
    let (outcome, status) = tcb(&gpu, &[wrong.sign(&gpu)]).unwrap();
    assert_eq!(outcome, Outcome::Failed("measurements that no manifest lists: 2".to_owned()));
    assert_eq!(status, Some(TcbStatus::Unlisted));
    // Any of several values, in one entry or in several.
    wrong.values[1].1.push(digest(2));
    wrong.values.push((MeasuredElement::Uint(1), vec![digest(8)]));
    let vbios = Manifest::new(VBIOS, &[4]).sign(&gpu);
    let (_, status) = tcb(&gpu, &[wrong.sign(&gpu), vbios.clone()]).unwrap();
    assert_eq!(status, Some(TcbStatus::UpToDate));
    // A measurement that the report lacks, an index that none has, a digest of another algorithm.
    for value in [
        (MeasuredElement::Uint(6), digest(6)),
        (MeasuredElement::Uint(257), digest(1)),
        (MeasuredElement::Uint(1), Digest::new(8, vec![1; 48])),
        (MeasuredElement::Uint(1), Digest::new(7, vec![1; 47])),
    ] {
        let mut manifest = Manifest::new(DRIVER, &[2]);
        manifest.values.push((value.0, vec![value.1]));
        let (_, status) = tcb(&gpu, &[manifest.sign(&gpu), vbios.clone()]).unwrap();
        assert_eq!(status, Some(TcbStatus::Unlisted));
    }
    // By name, the algorithm too.
    let mut named = Manifest::new(DRIVER, &[]);
    named.values.push((MeasuredElement::Uint(1), vec![Digest::new_text("sha-384", vec![1; 48])]));
    let (_, status) = tcb(&gpu, &[named.sign(&gpu), vbios]).unwrap();
    assert_eq!(status, Some(TcbStatus::UpToDate));
}

// AT-03: reference data that says nothing of the GPU, or in another form, is no reference data.
#[test]
fn a_manifest_is_of_digests_by_index() {
    let gpu = Gpu::new();
    let form = Error::ReferenceInvalid("a manifest of a GPU with other than digests by index");
    for (key, digests) in
        [(MeasuredElement::Text("firmware".into()), vec![digest(1)]), (MeasuredElement::Uint(1), vec![])]
    {
        let mut manifest = Manifest::new(DRIVER, &[1]);
        manifest.values.push((key, digests));
        assert_eq!(tcb(&gpu, &[manifest.sign(&gpu)]).unwrap_err(), form);
    }
    let nothing = Error::ReferenceInvalid("a manifest that lists nothing of this GPU");
    let mut manifest = Manifest::new(DRIVER, &[1]);
    manifest.vendor = "ACME";
    assert_eq!(tcb(&gpu, &[manifest.sign(&gpu)]).unwrap_err(), nothing);
    let mut manifest = Manifest::new(DRIVER, &[1]);
    manifest.model = "GB100";
    assert_eq!(tcb(&gpu, &[manifest.sign(&gpu)]).unwrap_err(), nothing);
    manifest.model = "gh100";
    tcb(&gpu, &[manifest.sign(&gpu)]).unwrap();
}

// AT-03, AT-06: signed by NVIDIA, or it is an error.
#[test]
fn a_manifest_is_signed_under_the_root() {
    let gpu = Gpu::new();
    let manifest = Manifest::new(DRIVER, &[1]);
    let signed = manifest.sign(&gpu);
    // The signer's certificate comes with it, or lies beside it.
    let mut alone = with(&gpu, std::slice::from_ref(&signed));
    alone.certificates.pop();
    let missing = Error::EndorsementMissing("the certificate of the signer of a reference manifest");
    assert_eq!(gpu.verify_with(&alone, NOW).unwrap_err(), missing);
    let mut chained = Manifest::new(DRIVER, &[1]);
    chained.with_chain = true;
    alone.references = vec![chained.sign(&gpu)];
    gpu.verify_with(&alone, NOW).unwrap();

    // A bit of the payload, and of the signature, where the header names the signer and where it does not.
    let mut changed = chained.sign(&gpu);
    let last = changed.len() - 1;
    changed[last] ^= 1;
    let invalid = Error::ReferenceInvalid("the signature of the manifest does not verify");
    assert_eq!(tcb(&gpu, &[changed]).unwrap_err(), invalid);
    let mut changed = signed.clone();
    let at = changed.windows(48).position(|window| window == [1; 48]).unwrap();
    changed[at] ^= 1;
    assert_eq!(tcb(&gpu, &[changed]).unwrap_err(), missing);

    // Nobody's.
    assert_eq!(
        tcb(&gpu, &[manifest.unsigned()]).unwrap_err(),
        Error::ReferenceInvalid("a manifest that nobody signed")
    );
    let mut other = Manifest::new(DRIVER, &[1]);
    other.algorithm = -7;
    let error = Error::ReferenceInvalid("a manifest signed with another algorithm than ES384");
    assert_eq!(tcb(&gpu, &[other.sign(&gpu)]).unwrap_err(), error);

    // Under another root, in its own name and in the root's; the device's chain is not one of signers.
    let mut foreign = Gpu::new();
    let verifier = gpu.verifier();
    let refused = |gpu: &Gpu, endorsements: &Endorsements| {
        verify(&verifier, &gpu.evidence(), endorsements, Expected::Unbound, NOW).unwrap_err()
    };
    foreign.parties = Gpu::new().parties;
    let mut mixed = with(&foreign, &[manifest.sign(&foreign)]);
    mixed.certificates.splice(0..5, gpu.endorsements().certificates);
    let broken = Error::ReferenceInvalid("a certificate of the signer's chain does not hold");
    assert_eq!(refused(&gpu, &mixed), broken);
    foreign.root_of_manifests = Party::authority("Somebody's Root CA", 1);
    let mut mixed = with(&foreign, &[manifest.sign(&foreign)]);
    mixed.certificates.splice(0..5, gpu.endorsements().certificates);
    mixed.certificates.push(foreign.root_of_manifests.certify(&foreign.root_of_manifests));
    let unpinned = Error::ReferenceInvalid("the signer's chain ends in a root that is not pinned");
    assert_eq!(refused(&gpu, &mixed), unpinned);
    let mut device = Gpu::new();
    device.signer = Party::leaf("signer", 9);
    let mut endorsements = device.endorsements();
    endorsements.certificates.push(device.parties[0].certify(&device.signer));
    endorsements.references = vec![manifest.sign(&device)];
    let error = device.verify_with(&endorsements, NOW).unwrap_err();
    assert_eq!(error, unpinned);

    // What cannot be read.
    let error = tcb(&gpu, &[signed[..signed.len() - 1].to_vec()]).unwrap_err();
    assert_eq!(error, Error::MalformedEndorsement("a reference manifest that is not CoRIM"));
}

// AT-05: manifest, signature and signer have their times, both sides of each.
#[test]
fn a_manifest_is_in_force_in_its_time() {
    let gpu = Gpu::new();
    let verify = |gpu: &Gpu, manifest: &Manifest, at: u64| {
        gpu.verify_with(&with(gpu, &[manifest.sign(gpu)]), UnixTime(at))
            .map(|verified| verified.get().not_after)
    };
    let (from, until) = (NOW.0 - 5, NOW.0 + 5);
    let mut manifest = Manifest::new(DRIVER, &[1]);
    manifest.validity = Some((Some(from.cast_signed()), until.cast_signed()));
    assert_eq!(verify(&gpu, &manifest, from), Ok(UnixTime(until)));
    verify(&gpu, &manifest, until).unwrap();
    let what = "reference manifest";
    let expired = Error::ReferenceExpired { what, until: UnixTime(until) };
    assert_eq!(verify(&gpu, &manifest, until + 1), Err(expired));
    let early = Error::ReferenceNotYetValid { what, from: UnixTime(from) };
    assert_eq!(verify(&gpu, &manifest, from - 1), Err(early));
    // The signature's own end comes first.
    manifest.expiry = Some(NOW.0.cast_signed());
    verify(&gpu, &manifest, NOW.0).unwrap();
    let expired = Error::ReferenceExpired { what, until: NOW };
    assert_eq!(verify(&gpu, &manifest, NOW.0 + 1), Err(expired));

    let what = "certificate of a manifest's signer";
    let manifest = Manifest::new(DRIVER, &[1]);
    let mut gpu = Gpu::new();
    set_window(&mut gpu.signer.params, UnixTime(from), UnixTime(until));
    assert_eq!(verify(&gpu, &manifest, until), Ok(UnixTime(until)));
    let expired = Error::ReferenceExpired { what, until: UnixTime(until) };
    assert_eq!(verify(&gpu, &manifest, until + 1), Err(expired));
    let early = Error::ReferenceNotYetValid { what, from: UnixTime(from) };
    assert_eq!(verify(&gpu, &manifest, from - 1), Err(early));
    // A manifest that is known is looked at again.
    let (verifier, endorsements) = (gpu.verifier(), with(&gpu, &[manifest.sign(&gpu)]));
    let again = |at: u64| {
        super::forge::verify(&verifier, &gpu.evidence(), &endorsements, Expected::Unbound, UnixTime(at))
    };
    again(until).unwrap();
    let expired = Error::ReferenceExpired { what, until: UnixTime(until) };
    assert_eq!(again(until + 1).unwrap_err(), expired);
}

// AT-03: a signer that was revoked.
#[test]
fn a_revoked_signer_is_refused() {
    let gpu = Gpu::new();
    let mut endorsements = with(&gpu, &[Manifest::new(DRIVER, &[1]).sign(&gpu)]);
    endorsements.crls = vec![gpu.root_of_manifests.crl(NOT_BEFORE, NOT_AFTER, &[9])];
    gpu.verify_with(&endorsements, NOW).unwrap();
    endorsements.crls = vec![gpu.root_of_manifests.crl(NOT_BEFORE, NOT_AFTER, &[2])];
    let error = gpu.verify_with(&endorsements, NOW).unwrap_err();
    assert_eq!(error, Error::Revoked(crate::Place::Signer));
}

// AT-08, AT-80: manifests are told by content among endorsements.
#[test]
fn endorsements_take_signed_manifests() {
    let gpu = Gpu::new();
    let signed = Manifest::new(DRIVER, &[1]).sign(&gpu);
    let mut endorsements = Endorsements::default();
    endorsements.add(&signed).unwrap();
    assert_eq!(endorsements.references, std::slice::from_ref(&signed));
    // In the TCG's wrapping.
    let wrapped = [&[0xd9, 0x01, 0xf4, 0xd9, 0x01, 0xf6], &signed[..]].concat();
    endorsements.add(&wrapped).unwrap();
    assert!(Corim::parse(&wrapped).unwrap().is_named(DRIVER));
    let unsigned = Manifest::new(DRIVER, &[1]).unsigned();
    assert!(!Corim::parse(&unsigned).unwrap().is_signed());
    let error = endorsements.add(&unsigned).unwrap_err();
    assert_eq!(error, Error::MalformedEndorsement("a reference manifest that nobody signed"));
    for len in 3..signed.len() {
        let error = endorsements.add(&signed[..len]).unwrap_err();
        assert!(matches!(error, Error::MalformedEndorsement(_)), "{error:?}");
    }
    assert_eq!(endorsements.references.len(), 2);
}
