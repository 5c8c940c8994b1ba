//! The encodings of envelopes.

use sealwire_envelope::{
    Envelope, Limits, Proof, ThresholdSignature, base64url,
    encoding::{self, EncodeError, Error, Form, Options, batch, binary, cbor, compact, json},
    identifier::Charset,
    json::{DOCUMENT_DEPTH, Error as JsonError, read},
};
use serde_json::Value;

use crate::{
    common::{Fixed, cases, hex, text, vectors},
    support::{message, typed},
};

fn options() -> Options {
    Options::default()
}

// SP-03, SP-04, SP-05, SP-06, EN-27
#[test]
fn the_vectors_of_strict_decoding() {
    let Some(file) = vectors("parse") else { return };
    for case in cases(&file) {
        let bytes = match case["text"].as_str() {
            Some(text) => text.as_bytes().to_vec(),
            None => hex(case, "hex"),
        };
        let accepted = compact::decode_either(&bytes, &options()).is_ok();
        assert_eq!(accepted, text(case, "expect") == "accept", "{}", text(case, "id"));
    }
}

// SP-07
#[test]
fn the_vectors_of_base64url() {
    let Some(file) = vectors("base64url") else { return };
    for case in cases(&file) {
        let decoded = base64url::decode(text(case, "text"));
        assert_eq!(base64url::is_valid(text(case, "text")), decoded.is_ok(), "{case}");
        if text(case, "expect") == "accept" {
            assert_eq!(decoded.unwrap(), hex(case, "hex"));
            assert_eq!(base64url::encode(hex(case, "hex")), text(case, "text"));
        } else {
            assert!(decoded.is_err(), "{case}");
        }
    }
}

// EN-01, EN-26, EN-27, EN-29, EN-31, SP-11, SP-12: both ways.
#[test]
fn the_vectors_of_encodings() {
    let Some(file) = vectors("encodings") else { return };
    for case in cases(&file) {
        let id = text(case, "id");
        let envelope = typed(&case["envelope"]);
        assert_eq!(
            json::decode(case["envelope"].to_string().as_bytes(), &options()).unwrap(),
            envelope,
            "{id}"
        );
        let compacted: Value = serde_json::from_str(&compact::encode(&envelope).unwrap()).unwrap();
        assert_eq!(compacted, case["compact"], "{id}");
        assert_eq!(
            compact::decode(case["compact"].to_string().as_bytes(), &options()).unwrap(),
            envelope,
            "{id}"
        );
        if let Some(binary) = case["binaryHex"].as_str() {
            let binary = ::hex::decode(binary).unwrap();
            let sealed = Options { sealed: true, ..options() };
            assert_eq!(binary::encode(&envelope).unwrap(), binary, "{id}");
            assert_eq!(binary::decode(&binary, &sealed).unwrap(), envelope, "{id}");
            assert_eq!(encoding::detect(&binary), Ok(Form::Binary));
        }
        if let Some(cbor) = case["cborHex"].as_str() {
            let cbor = ::hex::decode(cbor).unwrap();
            assert_eq!(cbor::encode(&envelope).unwrap(), cbor, "{id}");
            assert_eq!(cbor::decode(&cbor, &options()).unwrap(), envelope, "{id}");
            assert_eq!(encoding::detect(&cbor), Ok(Form::Cbor));
        }
        // EN-35: in ASCII, and still the same.
        let ascii = json::encode_ascii(&envelope);
        assert!(ascii.bytes().all(|byte| (0x20..0x7f).contains(&byte)), "{id}");
        assert_eq!(json::decode(ascii.as_bytes(), &options()).unwrap(), envelope, "{id}");
    }
}

// EN-30, SP-12
#[test]
fn the_vectors_of_binary_frames_to_refuse() {
    let Some(file) = vectors("binary-negative") else { return };
    for case in cases(&file) {
        let refused = binary::decode(&hex(case, "hex"), &options()).unwrap_err();
        if let Some(legacy) = case["legacyError"].as_str() {
            assert_eq!(refused.to_string(), legacy, "{}", text(case, "id"));
        }
    }
}

// SP-11, SP-10, EN-32
#[test]
fn the_vectors_of_cbor_to_refuse() {
    let Some(file) = vectors("cbor-negative") else { return };
    for case in cases(&file) {
        assert!(cbor::decode(&hex(case, "hex"), &options()).is_err(), "{}", text(case, "id"));
    }
}

// EN-29, EN-31: the wire's own binary messages.
#[test]
fn the_official_binary_messages() {
    let Some(file) = vectors("official/7h3_v0_1_binary") else { return };
    let mut frames = 0;
    visit(&file, &mut |text| {
        if let Ok(frame) = ::hex::decode(text)
            && frame.starts_with(binary::MAGIC)
        {
            let envelope = binary::decode(&frame, &options()).unwrap();
            assert_eq!(binary::encode(&envelope).unwrap(), frame);
            frames += 1;
        }
        if let Ok(frame) = base64url::decode(text.trim_end_matches('='))
            && frame.starts_with(binary::MAGIC)
        {
            let envelope = binary::decode(&frame, &options()).unwrap();
            assert_eq!(binary::encode(&envelope).unwrap(), frame);
            frames += 1;
        }
    });
    assert!(frames > 0);
}

fn visit(value: &Value, found: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => found(text),
        Value::Array(items) => items.iter().for_each(|item| visit(item, found)),
        Value::Object(members) => members.values().for_each(|member| visit(member, found)),
        _ => {}
    }
}

fn envelope() -> Envelope {
    message("x")
        .signed(&crate::support::alice(), sealwire_envelope::key::Use::Envelope, 1, &Fixed(1))
        .unwrap()
}

// EN-28: one bad item does not fail the others; SP-09: too many do.
#[test]
fn a_batch_is_as_good_as_each_of_its_items() {
    let full = json::encode(&envelope());
    let short = compact::encode(&envelope()).unwrap();
    let items = batch::decode(format!("[{full}, {{\"v\":1}},{short}]").as_bytes(), &options()).unwrap();
    assert_eq!(items[0].as_ref().unwrap(), &envelope());
    assert!(matches!(&items[1], Err(Error::JsonShape(JsonError::WrongKind))));
    assert_eq!(items[2].as_ref().unwrap(), &envelope());
    let limits = Limits { batch_items: 2, ..Limits::default() };
    let few = Options { limits, ..options() };
    assert_eq!(
        batch::decode(format!("[{full},{full},{full}]").as_bytes(), &few),
        Err(Error::TooManyItems(2))
    );
    assert_eq!(batch::decode(full.as_bytes(), &options()), Err(Error::NotABatch));
    assert_eq!(batch::decode(b"[", &options()).unwrap_err().to_string(), "Invalid JSON batch payload");
    assert!(batch::decode(&vec![b' '; (8 << 20) + 1], &options()).is_err());
}

// EN-33
#[test]
fn forms_are_told_apart_by_their_first_bytes() {
    assert_eq!(encoding::detect(b" \n{"), Ok(Form::Text));
    assert_eq!(encoding::detect(b"["), Ok(Form::Batch));
    for other in [&b""[..], b"A", b"AIPA", b"\x80", b"\xc0", b"\"", b"null"] {
        assert_eq!(encoding::detect(other), Err(Error::UnknownEncoding));
    }
    assert_eq!(encoding::decode(json::encode(&envelope()).as_bytes(), &options()).unwrap(), envelope());
    assert_eq!(encoding::decode(&cbor::encode(&envelope()).unwrap(), &options()).unwrap(), envelope());
}

// EN-30, EN-68: what has no code is not written under another.
#[test]
fn an_encoder_does_not_rename_algorithms() {
    let mut post_quantum = envelope();
    let Some(Proof::Signature(signature)) = &mut post_quantum.proof else { panic!() };
    signature.alg = "ML-DSA-65".to_owned();
    assert_eq!(binary::encode(&post_quantum), Err(EncodeError::Algorithm));
    assert!(cbor::encode(&post_quantum).is_ok());
    let mut council = envelope();
    council.proof = Some(Proof::Threshold(ThresholdSignature {
        alg: "BLS-G2-2".to_owned(),
        key_id: "k".to_owned(),
        value: "vw".to_owned(),
        signer_ids: vec!["a".to_owned(), "b".to_owned()],
        m: 2,
        n: 3,
    }));
    assert_eq!(binary::encode(&council), Err(EncodeError::Algorithm));
    assert_eq!(cbor::encode(&council), Err(EncodeError::Algorithm));
    assert_eq!(compact::encode(&council), Err(EncodeError::Algorithm));
    assert_eq!(json::decode(json::encode(&council).as_bytes(), &options()).unwrap(), council);
}

// EN-02, EN-30, SP-12: sealed messages come in binary form only where they are wanted.
#[test]
fn sealed_messages_need_a_switch_in_binary_form() {
    let mut sealed = envelope();
    sealed.body.intent = "ENCRYPTED".to_owned();
    let frame = binary::encode(&sealed).unwrap();
    let refused = binary::decode(&frame, &options()).unwrap_err();
    assert_eq!(refused.to_string(), "Unsupported intent 'ENCRYPTED'");
    assert!(binary::decode(&frame, &Options { sealed: true, ..options() }).is_ok());
    // The others take any intent.
    sealed.body.intent = "REQUEST".to_owned();
    assert!(json::decode(json::encode(&sealed).as_bytes(), &options()).is_ok());
    assert!(binary::encode(&sealed).is_err());
}

// SP-06: `loose_ids`
#[test]
fn other_names_need_a_switch() {
    let mut envelope = envelope();
    envelope.header.sender = "агент".to_owned();
    let text = json::encode(&envelope);
    assert!(json::decode(text.as_bytes(), &options()).is_err());
    let loose = Options { names: Charset::Loose, ..options() };
    assert!(json::decode(text.as_bytes(), &loose).is_ok());
    envelope.header.sender = "a\r\nb".to_owned();
    assert!(json::decode(json::encode(&envelope).as_bytes(), &loose).is_err());
    assert_eq!(sealwire_envelope::identifier::for_field("é%"), "%C3%A9%25");
    assert_eq!(sealwire_envelope::identifier::for_field("plain%"), "plain%");
}

// SP-09: sizes are looked at first.
#[test]
fn too_long_is_refused_before_anything_is_read() {
    let limits = Limits { envelope: 10, ..Limits::default() };
    let small = Options { limits, ..options() };
    assert_eq!(json::decode(&[b'x'; 11], &small), Err(Error::TooLarge(10)));
    assert_eq!(cbor::decode(&[b'x'; 11], &small), Err(Error::TooLarge(10)));
    let refused = binary::decode(&[b'x'; 11], &small).unwrap_err();
    assert_eq!(refused.to_string(), "Binary envelope exceeds maximum frame size '10'");
}

// SP-03: names are compared after unescaping, in objects of any size, at any depth.
#[test]
fn two_members_of_one_name_are_found_anywhere() {
    let check = |text: &str| read(text.as_bytes(), DOCUMENT_DEPTH, |reader| reader.value().map(drop));
    let many: Vec<_> = (0..100).map(|n| format!("\"n{n}\":{n}")).collect();
    assert_eq!(check(&format!("{{{}}}", many.join(","))), Ok(()));
    let twice = format!("[{{\"a\":{{{},\"\\u006e17\":0}}}}]", many.join(","));
    assert_eq!(check(&twice), Err(JsonError::DuplicateMember));
    assert_eq!(check(r#"{"\ud83d\ude00":1,"😀":2}"#), Err(JsonError::DuplicateMember));
    assert_eq!(check(r#"{"a":1,"A":2}"#), Ok(()));
    assert_eq!(check(&"[".repeat(17)), Err(JsonError::TooDeep));
    assert_eq!(check("\u{feff}{}"), Err(JsonError::Syntax));
    assert_eq!(check("{} x"), Err(JsonError::Trailing));
    assert_eq!(check("[01]"), Err(JsonError::Syntax));
}
