//! A module that is played, from its messages down to their bytes.

use super::*;
use crate::shared;
use minicbor::Encoder;
use std::{fs, sync::Mutex};

const DATA: [u8; 64] = [7; 64];

struct Played {
    describe: Vec<u8>,
    attest: Box<dyn Fn() -> io::Result<Vec<u8>> + Send + Sync>,
    asked: Mutex<Vec<Vec<u8>>>,
}

impl Device for Played {
    fn exchange(&self, request: &[u8]) -> io::Result<Vec<u8>> {
        self.asked.lock().unwrap().push(request.to_vec());
        // `DescribeNSM` is text.
        if request[0] >> 5 == 3 { Ok(self.describe.clone()) } else { (self.attest)() }
    }
}

fn cbor(write: impl FnOnce(&mut Encoder<Vec<u8>>)) -> Vec<u8> {
    let mut encoder = Encoder::new(Vec::new());
    write(&mut encoder);
    encoder.into_writer()
}

/// As a module answers: fields in the order of AWS's structure.
fn description(major: u16, digest: &str) -> Vec<u8> {
    cbor(|e| {
        e.map(1).unwrap().str("DescribeNSM").unwrap().map(7).unwrap();
        for (name, number) in [("version_major", major), ("version_minor", 0), ("version_patch", 0)] {
            e.str(name).unwrap().u16(number).unwrap();
        }
        e.str("module_id").unwrap().str("i-0123456789abcdef0-enc0123456789abcdef").unwrap();
        e.str("max_pcrs").unwrap().u16(32).unwrap();
        e.str("locked_pcrs").unwrap().array(2).unwrap().u16(0).unwrap().u16(1).unwrap();
        e.str("digest").unwrap().str(digest).unwrap();
    })
}

/// A document with nothing in it but what a producer looks at.
fn document(user_data: Option<&[u8]>, nonce: Option<&[u8]>) -> Vec<u8> {
    let payload = cbor(|e| {
        e.map(5).unwrap().str("module_id").unwrap().str("i-0").unwrap();
        e.str("pcrs").unwrap().map(1).unwrap().u8(0).unwrap().bytes(&[1; 48]).unwrap();
        for (name, value) in [("public_key", None), ("user_data", user_data), ("nonce", nonce)] {
            e.str(name).unwrap();
            match value {
                Some(value) => e.bytes(value).unwrap(),
                None => e.null().unwrap(),
            };
        }
    });
    cbor(|e| {
        e.array(4).unwrap().bytes(&[0xa1, 1, 0x38, 0x22]).unwrap().map(0).unwrap();
        e.bytes(&payload).unwrap().bytes(&[0; 96]).unwrap();
    })
}

fn attestation(document: &[u8]) -> Vec<u8> {
    cbor(|e| {
        e.map(1).unwrap().str("Attestation").unwrap();
        e.map(1).unwrap().str("document").unwrap().bytes(document).unwrap();
    })
}

fn error(code: &str) -> Vec<u8> {
    cbor(|e| {
        e.map(1).unwrap().str("Error").unwrap().str(code).unwrap();
    })
}

fn answering(response: Vec<u8>) -> Played {
    Played {
        describe: description(1, "SHA384"),
        attest: Box::new(move || Ok(response.clone())),
        asked: Mutex::default(),
    }
}

fn produce(response: Vec<u8>) -> Result<Produced, Error> {
    Nitro::with(answering(response)).unwrap().produce(&DATA)
}

fn malformed(response: Vec<u8>) -> &'static str {
    match produce(response) {
        Err(Error::Malformed { what, .. }) => what,
        other => panic!("{other:?}"),
    }
}

// AT-60
#[test]
fn makes_documents() {
    let made = document(Some(&DATA), None);
    let produced = produce(attestation(&made)).unwrap();
    assert_eq!(produced.evidence, Evidence { kind: Kind::Nitro, bytes: made });
    assert_eq!(produced.endorsements, Endorsements::default());
}

// AT-60: the bytes are those that AWS's own library sends (`serde_cbor` of its types).
#[test]
fn requests_are_those_of_the_api() {
    assert_eq!(message::describe(), b"\x6bDescribeNSM");
    let expected =
        [&b"\xa1\x6bAttestation\xa3\x69user_data\x58\x40"[..], &DATA, b"\x65nonce\xf6\x6apublic_key\xf6"];
    assert_eq!(message::attestation(&DATA), expected.concat());
    assert!(message::attestation(&DATA).len() <= Nsm::MAX_REQUEST);
}

// AT-04, AT-60
#[test]
fn documents_over_other_data_are_refused() {
    for (user_data, nonce) in [
        (Some(&[8; 64][..]), None),
        (Some(&DATA[..63]), None),
        (None, None),
        (Some(&DATA[..]), Some(&[1; 8][..])),
    ] {
        let refused = produce(attestation(&document(user_data, nonce)));
        assert!(matches!(refused, Err(Error::WrongReport)), "{user_data:?} {nonce:?}");
    }
}

// AT-60
#[test]
fn refusals_are_told() {
    let refused = produce(error("InputTooLarge")).unwrap_err();
    assert_eq!(refused.to_string(), "/dev/nsm refused: InputTooLarge");
    // The text is the module's: what would break a log line, or fill it, is left out.
    let refused = produce(error(&format!("a\n\u{1b}[31m{}", "b".repeat(100)))).unwrap_err();
    assert_eq!(refused.to_string(), format!("/dev/nsm refused: a31m{}", "b".repeat(28)));
}

// AT-60
#[test]
fn malformed_answers_are_refused() {
    let other = "an answer to another request";
    assert_eq!(malformed(description(1, "SHA384")), other);
    assert_eq!(malformed([attestation(b""), vec![0]].concat()), "bytes behind an answer");
    assert_eq!(
        malformed(cbor(|e| {
            e.map(1).unwrap().str("Attestation").unwrap().map(0).unwrap();
        })),
        "an answer without a document"
    );
    let not_cbor = "an answer that is not the CBOR that it has to be";
    let whole = attestation(&document(Some(&DATA), None));
    for len in 0..whole.len() {
        assert_eq!(malformed(whole[..len].to_vec()), not_cbor, "{len}");
    }
    // More fields than there are bytes.
    assert_eq!(malformed(b"\xa1\x6bAttestation\xbb\xff\xff\xff\xff\xff\xff\xff\xff".to_vec()), not_cbor);
    let whole = document(Some(&DATA), None);
    for document in [&whole[..10], b"", b"\x80", b"\x84\x40\xa0\x40"] {
        assert_eq!(malformed(attestation(document)), "a document that is no COSE_Sign1");
    }
}

// AT-60
#[test]
fn the_module_is_asked_what_it_is() {
    let module = |describe| Nitro::with(Played { describe, ..answering(Vec::new()) });
    let refused = |describe| match module(describe).err() {
        Some(Error::Malformed { what, .. }) => what,
        other => panic!("{other:?}"),
    };
    assert!(module(description(1, "SHA384")).is_ok());
    assert_eq!(refused(description(2, "SHA384")), "an interface of another version than 1");
    assert_eq!(refused(description(1, "SHA256")), "registers of another hash than SHA-384");
    assert_eq!(refused(b"\xa1\x6bDescribeNSM\xa0".to_vec()), "a description without version or digest");
    assert_eq!(refused(attestation(b"")), "an answer to another request");
    assert!(
        matches!(module(error("InternalError")).err(), Some(Error::Nsm(code)) if code == "InternalError")
    );
}

// AT-60
#[test]
fn errors_of_the_device_are_told() {
    let attest = || Err(io::Error::from_raw_os_error(110));
    let device = Played { attest: Box::new(attest), ..answering(Vec::new()) };
    let refused = Nitro::with(device).unwrap().produce(&DATA);
    assert!(matches!(refused, Err(Error::Platform { what: "Attestation", .. })));
    let folder = tempfile::tempdir().unwrap();
    let machine = |nsm| Machine { nsm, ..Machine::default() };
    let absent = Nitro::open(&machine(folder.path().join("nsm"))).err().unwrap();
    assert!(matches!(&absent, Error::Absent { tee: "Nitro Enclaves", .. }), "{absent}");
    let other = Nitro::open(&machine("/dev/null".into())).err().unwrap();
    assert!(matches!(&other, Error::Platform { what: "DescribeNSM", .. }), "{other}");
    assert!(matches!(Nitro::open(&machine(folder.path().into())), Err(Error::Device { .. })));
}

// AT-60
#[test]
fn genuine_documents_are_read() {
    let Some(folder) = shared::folder("quotes/nitro") else { return };
    for name in ["production.cose", "debug-2021.cose"] {
        let bytes = fs::read(folder.join(name)).unwrap();
        // Neither was made over this data, which can only be told of a document that was read.
        let refused = document::check(&bytes, &DATA);
        assert!(matches!(refused, Err(Error::WrongReport)), "{name}: {refused:?}");
    }
}

proptest::proptest! {
    // AT-08
    #[test]
    fn any_bytes_are_an_answer_or_an_error(
        at in 0usize..260,
        bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..40),
    ) {
        for whole in [attestation(&document(Some(&DATA), None)), description(1, "SHA384")] {
            let mut response = whole;
            let end = (at + bytes.len()).min(response.len());
            response.splice(at.min(end)..end, bytes.clone());
            let _ = message::check_description(&response);
            if let Ok(document) = message::document(&response) {
                let _ = document::check(&document, &DATA);
            }
            let _ = document::check(&response, &DATA);
        }
    }
}
