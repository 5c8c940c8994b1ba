//! Format, signature, attributes, binding, freshness.

use super::forge::{Enclave, array, bytes, document, drop_ref, item, pcrs, text, verify};
use crate::{
    Check, Endorsements, Error, Outcome, UnixTime,
    nitro::document::Document,
    verify::Expected,
    x509::forge::{NOT_BEFORE, NOW},
};
use proptest::prelude::*;

// AT-02: the forge makes what is accepted, so that what follows fails for its own reason.
#[test]
fn a_good_document_is_accepted() {
    let enclave = Enclave::new();
    let verified = enclave.verify().unwrap();
    assert_eq!(verified.get().made_at, Some(NOW));
    assert_eq!(verified.get().report_data, [7; 64]);
    assert_eq!(verified.get().hardware_id, super::forge::INSTANCE.as_bytes());
    let registers: Vec<_> = verified.get().measurements.keys().map(ToString::to_string).collect();
    assert_eq!(registers, ["pcr-0", "pcr-1", "pcr-2", "pcr-4"]);
    let chain =
        "aws.nitro-enclaves → 1.eu-example-1.aws.nitro-enclaves → 2.zonal.eu-example-1.aws.nitro-enclaves";
    assert_eq!(verified.checks().chain, Outcome::Passed(chain.to_owned()));
}

// AT-08: AWS writes maps of both lengths.
#[test]
fn indefinite_maps_and_arrays_are_read() {
    let mut enclave = Enclave::new();
    let (_, bundle) = enclave.certificates();
    let mut indefinite = vec![0x9f];
    bundle.iter().for_each(|der| indefinite.extend(bytes(der)));
    indefinite.push(0xff);
    enclave.set("cabundle", indefinite);
    let mut registers = vec![0xbf, 0x00];
    registers.extend(bytes(&[9; 48]));
    registers.push(0xff);
    enclave.set("pcrs", registers);
    let definite = enclave.payload();
    let payload = [&[0xbf], &definite[1..], &[0xff]].concat();
    let evidence = enclave.signed(&payload);
    let verified =
        verify(&enclave.verifier(), &evidence, &Endorsements::default(), Expected::Unbound, NOW).unwrap();
    assert_eq!(verified.get().measurements["pcr-0"], [9; 48]);
    // The array of the COSE_Sign1, and its empty header.
    let outer = [&[0x9f], &evidence.bytes[1..6], &[0xbf, 0xff], &evidence.bytes[7..], &[0xff]].concat();
    verify(&enclave.verifier(), &document(outer), &Endorsements::default(), Expected::Unbound, NOW).unwrap();
    // Strings in pieces are not: what is signed is one string.
    let mut enclave = Enclave::new();
    enclave.set("user_data", vec![0x5f, 0x41, 7, 0xff]);
    assert_eq!(enclave.refused(), Error::Malformed("not the CBOR of a document"));
}

// AT-08: each field, out of its bounds.
#[test]
fn fields_have_bounds() {
    let long = [0; 1025];
    let registers: Vec<(u64, &[u8])> = (0..=32).map(|index| (index, &[1; 48][..])).collect();
    let refused: Vec<(&str, Vec<u8>)> = vec![
        ("module_id", text("")),
        ("module_id", text(&"i".repeat(129))),
        ("module_id", bytes(b"i-0-enc0")),
        ("timestamp", vec![0]),
        ("timestamp", vec![0x20]),
        ("timestamp", text("1")),
        ("digest", bytes(b"SHA384")),
        ("pcrs", pcrs(&[])),
        ("pcrs", pcrs(&registers)),
        ("pcrs", pcrs(&[(32, &[1; 48])])),
        ("pcrs", pcrs(&[(256, &[1; 48])])),
        ("pcrs", pcrs(&[(0, &[1; 32])])),
        ("pcrs", pcrs(&[(0, &[1; 64])])),
        ("pcrs", pcrs(&[(0, &[1; 48]), (0, &[1; 48])])),
        ("pcrs", text("none")),
        ("certificate", bytes(&[])),
        ("certificate", bytes(&long)),
        ("certificate", bytes(&[0x30])),
        ("cabundle", array(&[])),
        ("cabundle", array(&[vec![]])),
        ("cabundle", array(&[long.to_vec()])),
        ("cabundle", array(&vec![vec![0x30]; 8])),
        ("cabundle", array(&[vec![0x30]])),
        ("public_key", bytes(&long)),
        ("user_data", bytes(&long)),
        ("nonce", bytes(&long)),
        ("nonce", text("nonce")),
    ];
    for (name, value) in refused {
        let mut enclave = Enclave::new();
        enclave.set(name, value.clone());
        let error = enclave.refused();
        assert!(matches!(error, Error::Malformed(_)), "{name} {value:x?}: {error:?}");
        assert_eq!(error.exit(), 10);
    }
    for (name, value) in [
        ("module_id", text(&"i".repeat(128))),
        ("pcrs", pcrs(&registers[..32])),
        ("public_key", bytes(&long[1..])),
        ("user_data", bytes(&long[1..])),
        ("nonce", bytes(&long[1..])),
        ("nonce", bytes(&[])),
    ] {
        let mut enclave = Enclave::new();
        enclave.set(name, value);
        enclave.verify().unwrap();
    }
}

// AT-08: each field once, and no other; AWS signs documents for the TPMs of instances with the same root.
#[test]
fn a_document_has_the_fields_of_an_enclaves() {
    for index in 0..9 {
        let mut enclave = Enclave::new();
        let (name, value) = enclave.all_fields()[index].clone();
        enclave.fields.push((name, value));
        assert_eq!(enclave.refused(), Error::Malformed("a field of the document is there twice"), "{name}");

        let mut enclave = Enclave::new();
        enclave.fields.remove(index);
        let is_optional = ["public_key", "user_data", "nonce"].contains(&name);
        match enclave.verify() {
            Ok(_) => assert!(is_optional, "{name}"),
            Err(error) => {
                assert!(!is_optional, "{name}");
                assert_eq!(error, Error::Malformed("a field of the document is missing"), "{name}");
            }
        }
    }
    for name in ["nitrotpm_pcrs", "PCRS", ""] {
        let mut enclave = Enclave::new();
        enclave.fields.push((name, pcrs(&[(0, &[1; 48])])));
        assert_eq!(enclave.refused(), Error::Malformed("a field that an enclave's document does not have"));
    }
    // A key that is not text.
    let enclave = Enclave::new();
    let mut payload = enclave.payload();
    payload[0] += 1;
    payload.extend([0x00, 0x00]);
    assert_eq!(
        Document::parse(&enclave.signed(&payload).bytes).unwrap_err(),
        Error::Malformed("not the CBOR of a document")
    );
    // Bytes after the map, which the signature is over.
    let payload = [&enclave.payload()[..], &[0xf6]].concat();
    assert_eq!(
        Document::parse(&enclave.signed(&payload).bytes).unwrap_err(),
        Error::Malformed("bytes after the document")
    );
}

// AT-02: what the format names and AWS does not use.
#[test]
fn other_algorithms_are_not_supported() {
    let mut enclave = Enclave::new();
    enclave.set("digest", text("SHA512"));
    assert_eq!(enclave.refused(), Error::Unsupported("a digest other than SHA384"));

    let enclave = Enclave::new();
    let payload = enclave.payload();
    let error = |protected: &[u8]| {
        let bytes = item(|cbor| {
            cbor.array(4).unwrap().bytes(protected).unwrap().map(0).unwrap();
            cbor.bytes(&payload).unwrap().bytes(&[0; 96]).unwrap();
        });
        Document::parse(&bytes).map(drop).unwrap_err()
    };
    // ES256, ES384 with another encoding or with a key id, an empty header.
    for protected in
        [&[0xa1, 1, 0x26][..], &[0xa1, 1, 0x39, 0, 0x22], &[0xa2, 1, 0x38, 0x22, 4, 0x40], &[0xa0], &[]]
    {
        assert_eq!(error(protected), Error::Unsupported("a protected header other than ES384 alone"));
    }
}

// AT-08: the form around the document.
#[test]
fn the_envelope_is_a_cose_sign1() {
    let enclave = Enclave::new();
    let payload = enclave.payload();
    let envelope = |parts: u64, unprotected: &[u8], signature: usize| {
        let mut cbor = item(|cbor| {
            cbor.array(parts).unwrap().bytes(&[0xa1, 0x01, 0x38, 0x22]).unwrap();
        });
        cbor.extend(unprotected);
        cbor.extend(item(|cbor| {
            cbor.bytes(&payload).unwrap().bytes(&vec![1; signature]).unwrap();
        }));
        cbor
    };
    let error = |bytes: &[u8]| Document::parse(bytes).map(drop).unwrap_err();
    Document::parse(&envelope(4, &[0xa0], 96)).unwrap();
    Document::parse(&[&[0xd2], &envelope(4, &[0xa0], 96)[..]].concat()).unwrap();
    for found in [0, 95, 97, 104] {
        let expected = Error::Length { what: "COSE signature", expected: 96, found };
        assert_eq!(error(&envelope(4, &[0xa0], found)), expected);
    }
    let unprotected = Error::Malformed("an unprotected header that is not empty");
    assert_eq!(error(&envelope(4, &[0xa1, 0x04, 0x40], 96)), unprotected);
    assert_eq!(error(&envelope(3, &[0xa0], 96)), Error::Malformed("not a COSE_Sign1"));
    assert_eq!(
        error(&[&envelope(5, &[0xa0], 96)[..], &[0xf6]].concat()),
        Error::Malformed("not a COSE_Sign1")
    );
    // COSE_Mac0, and a tag in a tag.
    assert_eq!(
        error(&[&[0xd1], &envelope(4, &[0xa0], 96)[..]].concat()),
        Error::Malformed("not a COSE_Sign1")
    );
    let twice = [&[0xd2, 0xd2], &envelope(4, &[0xa0], 96)[..]].concat();
    assert_eq!(error(&twice).check(), Check::Format);
    assert_eq!(error(&vec![0x84; 16 * 1024 + 1]), Error::Malformed("a document that is too long"));
    // A length that the input does not have.
    assert_eq!(error(&[0x84, 0x5b, 255, 255, 255, 255, 255, 255, 255, 255]).check(), Check::Format);
}

// AT-03: the enclave's key over headers and payload.
#[test]
fn another_key_or_payload_is_refused() {
    let enclave = Enclave::new();
    let verifier = enclave.verifier();
    let none = Endorsements::default();
    let mut payload = enclave.payload();
    let signed = enclave.signed(&payload);
    // The very signature under another payload: the user data begins with a byte more.
    let at = payload.windows(64).position(|window| window == [7; 64]).unwrap();
    payload[at] ^= 1;
    let len = signed.bytes.len();
    let mut moved = enclave.signed(&payload);
    moved.bytes[len - 96..].copy_from_slice(&signed.bytes[len - 96..]);
    assert_eq!(verify(&verifier, &moved, &none, Expected::Unbound, NOW).unwrap_err(), Error::Signature);
    verify(&verifier, &signed, &none, Expected::Unbound, NOW).unwrap();
    // Another enclave's signature under this one's certificate.
    let other = Enclave::new();
    let foreign = other.signed(&enclave.payload());
    assert_eq!(verify(&verifier, &foreign, &none, Expected::Unbound, NOW).unwrap_err(), Error::Signature);
    // Zero, and the order of the curve.
    for byte in [0, 0xff] {
        let mut zero = signed.clone();
        zero.bytes[len - 96..].fill(byte);
        assert_eq!(verify(&verifier, &zero, &none, Expected::Unbound, NOW).unwrap_err(), Error::Signature);
    }
}

// AT-04: all 64 bytes, and nothing beside them.
#[test]
fn a_binding_is_the_user_data_alone() {
    let check = |enclave: &Enclave, expected: Expected<'_>| {
        verify(&enclave.verifier(), &enclave.evidence(), &Endorsements::default(), expected, NOW)
            .map(|verified| verified.checks().binding.clone())
    };
    let enclave = Enclave::new();
    assert!(matches!(check(&enclave, Expected::Binding(&[7; 64])), Ok(Outcome::Passed(_))));
    for index in [0, 31, 32, 63] {
        let mut binding = [7; 64];
        binding[index] ^= 1;
        assert_eq!(check(&enclave, Expected::Binding(&binding)), Err(Error::Binding));
    }
    for (name, value) in
        [("nonce", &[][..]), ("nonce", &[7; 64]), ("public_key", &[]), ("public_key", &[1; 97])]
    {
        let mut enclave = Enclave::new();
        enclave.set(name, bytes(value));
        assert_eq!(check(&enclave, Expected::Binding(&[7; 64])), Err(Error::Binding));
        // Compared as it is where a caller names it (AT-80).
        check(&enclave, Expected::ReportData(&[7; 64])).unwrap();
    }
    for data in [vec![0xf6], bytes(&[]), bytes(&[7; 32]), bytes(&[7; 65])] {
        let mut enclave = Enclave::new();
        enclave.set("user_data", data);
        assert_eq!(check(&enclave, Expected::Binding(&[7; 64])), Err(Error::Binding));
        assert_eq!(check(&enclave, Expected::ReportData(&[7; 64])), Err(Error::Binding));
    }
    assert!(matches!(check(&enclave, Expected::Unbound), Ok(Outcome::NotAvailable(_))));
}

// AT-03: debug mode is a claim, which a policy refuses.
#[test]
fn debug_mode_is_told() {
    let zero = [0; 48];
    for (registers, debug) in [
        (vec![(0, &zero), (1, &zero), (2, &zero), (3, &[1; 48])], true),
        (vec![(3, &[1; 48])], true),
        (vec![(0, &zero), (1, &zero), (2, &[1; 48])], false),
        (vec![(0, &[1; 48]), (1, &zero), (2, &zero)], false),
    ] {
        let registers: Vec<(u64, &[u8])> =
            registers.into_iter().map(|(index, value)| (index, &value[..])).collect();
        let mut enclave = Enclave::new();
        enclave.set("pcrs", pcrs(&registers));
        assert_eq!(enclave.verify().unwrap().get().debug, debug);
    }
}

// AT-03: a document is made before it is verified, and while its leaf is valid; both sides of each boundary.
#[test]
fn a_document_has_a_time() {
    let made = |millis: u64| {
        let mut enclave = Enclave::new();
        enclave.set("timestamp", item(|cbor| drop_ref(cbor.u64(millis))));
        enclave.verify().map(|verified| verified.get().made_at.unwrap())
    };
    assert_eq!(made((NOW.0 + 60) * 1000 + 999), Ok(UnixTime(NOW.0 + 60)));
    assert_eq!(made((NOW.0 + 61) * 1000), Err(Error::MadeInFuture(UnixTime(NOW.0 + 61))));
    assert_eq!(made(NOT_BEFORE.0 * 1000), Ok(NOT_BEFORE));
    let error = made(NOT_BEFORE.0 * 1000 - 1).unwrap_err();
    assert_eq!(error, Error::NotYetValid { place: crate::Place::Leaf, not_before: NOT_BEFORE });
    assert!(matches!(made(u64::MAX), Err(Error::Expired { place: crate::Place::Leaf, .. })));
}

// AT-08: no input makes the parser panic, and what it reads it reads whole.
proptest! {
    #[test]
    fn parsing_is_total(input in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Document::parse(&input);
        let mut headed = vec![0x84, 0x44, 0xa1, 0x01, 0x38, 0x22, 0xa0];
        headed.extend(&input);
        let _ = Document::parse(&headed);
    }
}

// AT-08: any one bit, prefix or suffix of a document is refused.
#[test]
fn edits_are_refused() {
    let enclave = Enclave::new();
    let (verifier, evidence) = (enclave.verifier(), enclave.evidence());
    let refused = |bytes: Vec<u8>| {
        verify(&verifier, &document(bytes), &Endorsements::default(), Expected::Unbound, NOW).unwrap_err()
    };
    for index in (0..evidence.bytes.len()).step_by(7) {
        let mut changed = evidence.bytes.clone();
        changed[index] ^= 1 << (index % 8);
        refused(changed);
        assert_eq!(refused(evidence.bytes[..index].to_vec()).check(), Check::Format);
    }
    assert_eq!(refused([&evidence.bytes[..], &[0]].concat()), Error::Malformed("bytes after the document"));
}
