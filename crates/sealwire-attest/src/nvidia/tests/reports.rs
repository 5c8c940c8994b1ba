//! Format, signature, binding, claims.

use super::forge::{Gpu, block, verify};
use crate::{
    Check, Endorsements, Error, Outcome,
    nvidia::report::Report,
    verify::Expected,
    x509::forge::{NOT_AFTER, NOW},
};
use proptest::prelude::*;

// AT-02: the forge makes what is accepted, so that what follows fails for its own reason.
#[test]
fn a_good_report_is_accepted() {
    let gpu = Gpu::new();
    let verified = gpu.verify().unwrap();
    let claims = verified.get();
    assert_eq!(claims.product, "gh100");
    assert_eq!(claims.hardware_id, b"0123456789ABCDEF");
    assert_eq!(claims.versions["driver"], "550.1.2");
    assert_eq!(claims.versions["vbios"], "96.00.9F.00.01");
    assert_eq!((claims.attributes["nvdec0-enabled"], claims.attributes["protected-pcie"]), (1, 0));
    assert_eq!(claims.measurements["measurement-5"], [5; 48]);
    assert_eq!(claims.not_after, NOT_AFTER);
    let chain = "GH100 A01 GSP FMC LF ← GH100 A01 GSP BROM ← NVIDIA GH100 Provisioner ICA 1 ← NVIDIA GH100 Identity ← \
                 NVIDIA Device Identity CA";
    assert_eq!(verified.checks().chain, Outcome::Passed(chain.to_owned()));
}

// AT-08: another request, another response, another slot.
#[test]
fn request_and_response_belong_together() {
    let request = Error::Malformed("not a request for all measurements with a signature");
    let edits: [(usize, u8, Error); 6] = [
        (0, 0x10, Error::Version { what: "SPDM", found: 0x10 }),
        (0, 0x12, Error::Version { what: "SPDM", found: 0x12 }),
        (1, 0xe1, request.clone()),
        (2, 0x00, request.clone()),
        (3, 0x01, request),
        (36, 0x01, Error::Malformed("the response of another slot")),
    ];
    for (index, byte, expected) in edits {
        let mut gpu = Gpu::new();
        gpu.request[index] = byte;
        assert_eq!(gpu.refused(), expected, "{index}");
    }
    for (index, byte, expected) in [
        (0, 0x12, Error::Malformed("not the response to the request")),
        (1, 0x7f, Error::Malformed("not the response to the request")),
        (2, 5, Error::Malformed("the response of another slot")),
        (3, 1, Error::Malformed("the response of another slot")),
    ] {
        let mut gpu = Gpu::new();
        gpu.head[index] = byte;
        assert_eq!(gpu.refused(), expected, "{index}");
    }
    for (slot, good) in [(7, true), (15, true), (16, false)] {
        let mut gpu = Gpu::new();
        gpu.request[36] = slot;
        gpu.head[3] = slot;
        assert_eq!(gpu.verify().is_ok(), good, "{slot}");
    }
}

// AT-08: each measurement once, each a SHA-384 digest.
#[test]
fn measurements_are_digests_by_index() {
    let unsupported = Error::Unsupported("a measurement that is not a SHA-384 digest");
    let twice = Error::Malformed("a measurement is there twice, or has no index");
    let mut foreign = block(6, &[6; 48]);
    foreign[1] = 2;
    let mut raw = block(6, &[6; 48]);
    raw[4] = 0x81;
    let mut longer = block(6, &[6; 48]);
    longer.push(0);
    longer[2] += 1;
    for (added, expected) in [
        (block(5, &[5; 48]), twice.clone()),
        (block(0, &[5; 48]), twice.clone()),
        (block(255, &[5; 48]), twice),
        (block(6, &[6; 32]), unsupported.clone()),
        (block(6, &[6; 64]), unsupported.clone()),
        (foreign, unsupported.clone()),
        (raw, unsupported),
        (longer, Error::Malformed("bytes after a measurement")),
        (vec![6, 1, 255, 255], Error::Malformed("cut short")),
        (vec![6, 1, 0, 0], Error::Malformed("cut short")),
    ] {
        let mut gpu = Gpu::new();
        gpu.blocks.push(added);
        assert_eq!(gpu.refused(), expected);
    }
    let mut gpu = Gpu::new();
    gpu.blocks.clear();
    assert_eq!(gpu.refused(), Error::Malformed("no measurements"));
    // Fewer told than there are.
    let gpu = Gpu::new();
    let mut bytes = gpu.evidence().bytes;
    bytes[41] -= 1;
    assert_eq!(Report::parse(&bytes).unwrap_err(), Error::Malformed("bytes after the measurements"));
    bytes[41] += 2;
    assert_eq!(Report::parse(&bytes).unwrap_err(), Error::Malformed("cut short"));
    // As many as an index can tell apart.
    let mut gpu = Gpu::new();
    gpu.blocks = (1..=0xfe).map(|index| block(index, &[index; 48])).collect();
    assert_eq!(gpu.verify().unwrap().get().measurements.len(), 254);
}

// AT-08: opaque data has a bound, and each field once.
#[test]
fn opaque_data_is_fields() {
    let mut gpu = Gpu::new();
    gpu.fields.insert(200, vec![0; 1024]);
    assert_eq!(gpu.refused(), Error::Malformed("opaque data that is too long"));
    let gpu = Gpu::new();
    let unsigned = gpu.unsigned();
    let opaque = gpu.opaque();
    let with = |opaque: &[u8]| {
        let start = unsigned.len() - gpu.opaque().len() - 2;
        let mut bytes = unsigned[..start].to_vec();
        bytes.extend((opaque.len() as u16).to_le_bytes());
        bytes.extend(opaque);
        bytes.extend([0; 96]);
        Report::parse(&bytes).map(drop)
    };
    with(&opaque).unwrap();
    with(&[]).unwrap();
    let twice = [&opaque[..], &[3, 0, 0, 0]].concat();
    assert_eq!(with(&twice), Err(Error::Malformed("a field of the opaque data is there twice")));
    for tail in [&[1][..], &[1, 2, 3], &[200, 0, 1, 0]] {
        assert_eq!(with(&[&opaque[..], tail].concat()), Err(Error::Malformed("cut short")));
    }
}

// AT-20: what is not told is no claim.
#[test]
fn versions_and_switches_are_told_where_they_are_there() {
    let claims = |number: u16, value: Option<&[u8]>| {
        let mut gpu = Gpu::new();
        match value {
            Some(value) => drop(gpu.fields.insert(number, value.to_vec())),
            None => drop(gpu.fields.remove(&number)),
        }
        gpu.verify().unwrap().get().clone()
    };
    for driver in
        [None, Some(&b""[..]), Some(b"\0"), Some(b"550 beta\0"), Some(&[0xff, 0xfe, 0]), Some(b"<b>")]
    {
        let claims = claims(3, driver);
        assert!(!claims.versions.contains_key("driver"), "{driver:?}");
        assert_eq!(claims.tcb_status, None);
    }
    assert_eq!(claims(3, Some(b"600")).versions["driver"], "600");
    assert!(!claims(6, Some(&[1, 2, 3, 4])).versions.contains_key("vbios"));
    for switch in [None, Some(&[][..]), Some(&[0]), Some(&[0xaa, 0xaa])] {
        assert!(!claims(11, switch).attributes.contains_key("nvdec0-enabled"));
    }
    assert_eq!(claims(11, Some(&[0x55])).attributes["nvdec0-enabled"], 0);
}

// AT-03: the key of the certificate, over request and response.
#[test]
fn another_key_is_refused() {
    let gpu = Gpu::new();
    let other = Gpu::new();
    let error = gpu.verify_with(
        &{
            let mut endorsements = gpu.endorsements();
            endorsements.certificates[0] = gpu.parties[3].certify(&crate::x509::forge::Party {
                params: gpu.parties[4].params.clone(),
                key: rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap(),
            });
            endorsements
        },
        NOW,
    );
    assert_eq!(error.unwrap_err(), Error::Signature);
    // Of two GPUs in one folder, the one that signed.
    let mut both = other.endorsements();
    both.certificates.extend(gpu.endorsements().certificates);
    gpu.verify_with(&both, NOW).unwrap();
    // The nonce, the response's own nonce, a measurement.
    for index in [4, 35, 60, 330] {
        let mut evidence = gpu.evidence();
        evidence.bytes[index] ^= 1;
        let error =
            verify(&gpu.verifier(), &evidence, &gpu.endorsements(), Expected::Unbound, NOW).unwrap_err();
        assert_eq!(error, Error::Signature, "{index}");
    }
}

// AT-04: the first 32 bytes of a binding.
#[test]
fn a_binding_is_the_nonce() {
    let gpu = Gpu::new();
    let check = |expected: Expected<'_>| {
        verify(&gpu.verifier(), &gpu.evidence(), &gpu.endorsements(), expected, NOW)
            .map(|verified| verified.checks().binding.clone())
    };
    let mut binding = [7; 64];
    assert!(matches!(check(Expected::Binding(&binding)), Ok(Outcome::Passed(_))));
    binding[32] = 0;
    assert!(matches!(check(Expected::Binding(&binding)), Ok(Outcome::Passed(_))));
    binding[31] = 0;
    assert_eq!(check(Expected::Binding(&binding)), Err(Error::Binding));
    assert_eq!(check(Expected::ReportData(&[7; 31])), Err(Error::Binding));
    assert_eq!(check(Expected::ReportData(&[7; 64])), Err(Error::Binding));
    // The nonce that the GPU chose itself is none.
    assert_eq!(check(Expected::ReportData(&[8; 32])), Err(Error::Binding));
}

// AT-08: any one bit, prefix or suffix of a report is refused.
#[test]
fn edits_are_refused() {
    let gpu = Gpu::new();
    let (verifier, evidence, endorsements) = (gpu.verifier(), gpu.evidence(), gpu.endorsements());
    let refused = |bytes: Vec<u8>| {
        let changed = crate::Evidence { kind: evidence.kind, bytes };
        verify(&verifier, &changed, &endorsements, Expected::Unbound, NOW).unwrap_err().check()
    };
    for index in 0..evidence.bytes.len() {
        assert_eq!(refused(evidence.bytes[..index].to_vec()), Check::Format);
        if index % 5 == 0 {
            let mut changed = evidence.bytes.clone();
            changed[index] ^= 1 << (index % 8);
            assert!([Check::Format, Check::Signature].contains(&refused(changed)));
        }
    }
    assert_eq!(refused([&evidence.bytes[..], &[0]].concat()), Check::Format);
    assert_eq!(refused(vec![0x11; 65 * 1024]), Check::Format);
}

// AT-08: no input makes the parser panic.
proptest! {
    #[test]
    fn parsing_is_total(input in prop::collection::vec(any::<u8>(), 0..300), len in any::<[u8; 3]>()) {
        let _ = Report::parse(&input);
        let mut headed = Gpu::head();
        headed.extend(len);
        headed.extend(&input);
        let _ = Report::parse(&headed);
    }
}

impl Gpu {
    /// Up to the length of the measurements.
    fn head() -> Vec<u8> {
        let mut head = vec![0x11, 0xe0, 0x01, 0xff];
        head.extend([7; 33]);
        head[36] = 0;
        head.extend([0x11, 0x60, 0, 0, 1]);
        head
    }
}

// AT-06: nothing to verify it with, or something that cannot be read.
#[test]
fn endorsements_are_needed_and_bounded() {
    let gpu = Gpu::new();
    let missing = Error::EndorsementMissing("the certificate of the GPU's firmware");
    assert_eq!(gpu.verify_with(&Endorsements::default(), NOW).unwrap_err(), missing);
    let mut other = gpu.endorsements();
    other.certificates.remove(0);
    assert_eq!(gpu.verify_with(&other, NOW).unwrap_err(), missing);
    let mut many = gpu.endorsements();
    many.certificates = vec![many.certificates[0].clone(); 33];
    assert!(matches!(gpu.verify_with(&many, NOW), Err(Error::MalformedEndorsement(_))));
    let mut damaged = gpu.endorsements();
    damaged.certificates[2].push(0);
    let error = Error::MalformedEndorsement("not a certificate");
    assert_eq!(gpu.verify_with(&damaged, NOW).unwrap_err(), error);
    let mut damaged = gpu.endorsements();
    damaged.crls.push(vec![0x30]);
    assert_eq!(gpu.verify_with(&damaged, NOW).unwrap_err(), Error::MalformedEndorsement("not a CRL"));
}
