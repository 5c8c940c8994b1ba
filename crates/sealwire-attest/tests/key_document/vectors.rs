//! `vectors/key-document.json` was made by a Python script from the normative page. Not from this code.

use sealwire_attest::{
    Binding, Endorsements, Evidence, KeyDocument, Kind, UnixTime, cmw,
    key_document::{Published, PublishedKey, operator::OperatorStatement, report_data},
};
use sealwire_crypto::{random::Scripted, sign::ed25519::SigningKey};
use serde_json::Value;

fn vectors() -> Value {
    serde_json::from_str(include_str!("../vectors/key-document.json")).unwrap()
}

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

fn fixed<const N: usize>(value: &Value) -> [u8; N] {
    bytes(value).try_into().unwrap()
}

fn statement(vectors: &Value) -> OperatorStatement {
    let key = SigningKey::generate(&Scripted::new(&bytes(&vectors["operator-seed"]))).unwrap();
    assert_eq!(key.public_key().to_vec(), bytes(&vectors["operator-key"]));
    let authorities = ["b.example:8443".to_owned(), "a.example".to_owned()];
    let measurement = bytes(&vectors["measurement"]);
    OperatorStatement::sign(&key, &authorities, fixed(&vectors["config-digest"]), &measurement).unwrap()
}

fn document(vectors: &Value) -> KeyDocument {
    KeyDocument {
        instance: fixed(&vectors["instance"]),
        serial: 7,
        issued_at: UnixTime(1_800_000_000),
        not_after: UnixTime(1_800_003_600),
        role: "gateway".to_owned(),
        authorities: vec!["b.example:8443".to_owned(), "a.example".to_owned()],
        keys: vec![PublishedKey {
            id: vec![1],
            purpose: "oblivious".to_owned(),
            not_before: UnixTime(1_799_999_000),
            not_after: UnixTime(1_800_086_400),
            bytes: bytes(&vectors["key-bytes"]),
        }],
        wires: vec!["oblivious".to_owned(), "demo".to_owned()],
        suites: [("demo".to_owned(), vec!["one".to_owned(), "two".to_owned()])].into(),
        limits: [("demo".to_owned(), 65_536), ("oblivious".to_owned(), 16_777_216)].into(),
        config_digest: fixed(&vectors["config-digest"]),
        operator: Some(statement(vectors)),
    }
}

// AT-44
#[test]
fn statements_are_signed_over_the_bytes_of_the_page() {
    let vectors = vectors();
    let statement = statement(&vectors);
    assert_eq!(statement.signature.to_vec(), bytes(&vectors["statement-signature"]));
    assert_eq!(statement.verify(), Ok(()));
    let pem = statement.to_pem();
    let (label, inner) = der::pem::decode_vec(pem.as_bytes()).unwrap();
    assert_eq!((label, inner), ("SEALWIRE OPERATOR STATEMENT", bytes(&vectors["statement"])));
}

// AT-44
#[test]
fn documents_are_encoded_as_the_page_says() {
    let vectors = vectors();
    let document = document(&vectors);
    assert_eq!(hex::encode(document.encode()), vectors["document"]);
    assert_eq!(KeyDocument::decode(&bytes(&vectors["document"])), Ok(document.clone()));
    let plain = KeyDocument { operator: None, ..document };
    assert_eq!(hex::encode(plain.encode()), vectors["document-without-operator"]);
    assert_eq!(KeyDocument::decode(&bytes(&vectors["document-without-operator"])), Ok(plain));
}

// AT-04
#[test]
fn evidence_is_bound_as_the_page_says() {
    let vectors = vectors();
    let (document, challenge) = (bytes(&vectors["document"]), bytes(&vectors["challenge"]));
    for kind in Kind::ALL {
        let expected = &vectors["report-data"][kind.name()];
        assert_eq!(hex::encode(report_data(&document, kind, &[])), expected["without-challenge"]);
        assert_eq!(hex::encode(report_data(&document, kind, &challenge)), expected["with-challenge"]);
    }
    let composite = Binding {
        usage: "handshake",
        role: "client",
        kind: Kind::Snp,
        bound: b"bound",
        challenge: &challenge,
        companions: b"companions",
    };
    assert_eq!(hex::encode(composite.digest()), vectors["binding-with-companions"]);
}

// AT-01, AT-40
#[test]
fn the_published_form_is_encoded_as_the_page_says() {
    let vectors = vectors();
    let evidence = Evidence { kind: Kind::Development, bytes: bytes(&vectors["evidence"]) };
    assert_eq!(hex::encode(cmw::encode(&evidence.clone().into())), vectors["cmw"]);
    let list = |name: &str| vectors[name].as_array().unwrap().iter().map(bytes).collect();
    let endorsements =
        Endorsements { certificates: list("certificates"), crls: list("crls"), ..Endorsements::default() };
    let published =
        Published { document: bytes(&vectors["document"]), evidence: evidence.into(), endorsements };
    assert_eq!(hex::encode(published.encode()), vectors["published"]);
    assert_eq!(Published::decode(&bytes(&vectors["published"])), Ok(published));
}
