//! Documents of keys and revocations.

use sealwire_envelope::key::{
    KeyRecord, PublicKey, Signer, Use,
    document::{DocumentError, KeyDocument, KeyEntry, MAX_KEYS, RevocationList, Trust, signing_input},
};
use serde_json::json;

use crate::{
    common::{cases, record, text, vectors},
    support::{NOW, ed25519, public},
};

// EN-90, EN-91, SP-21, SP-08, SP-09
#[test]
fn the_vectors_of_documents() {
    let Some(file) = vectors("registry") else { return };
    let discovery = record("host", "d1", &file["shared"]["discoveryKey"], Use::Discovery);
    for case in cases(&file) {
        let id = text(case, "id");
        let trust = if case["signed"] == true { Trust::Signed(&discovery) } else { Trust::Pinned };
        let bytes = case["document"].to_string();
        let document = KeyDocument::read(bytes.as_bytes(), trust, NOW);
        assert_eq!(document.is_ok(), text(case, "expect") == "accept", "{id}");
        if let Some(input) = case["signingInput"].as_str() {
            assert_eq!(
                signing_input(bytes.as_bytes()).unwrap(),
                input.replace("\\0", "\0").as_bytes(),
                "{id}"
            );
        }
        let Ok(document) = document else { continue };
        for lookup in case["lookups"].as_array().unwrap() {
            let found = document.active(
                lookup["sender"].as_str(),
                text(lookup, "id"),
                lookup["now"].as_i64().unwrap(),
            );
            assert_eq!(found.is_some(), lookup["active"].as_bool().unwrap(), "{id}: {lookup}");
            if let (Some(found), Some(key)) = (found, lookup["publicKey"].as_str()) {
                assert_eq!(found.key.to_text(), key, "{id}");
            }
        }
        // Ours reads back as it was.
        if document.updated_ms.is_some() {
            let again = KeyDocument::read(document.to_json().as_bytes(), Trust::Pinned, NOW).unwrap();
            assert_eq!(again.to_json(), document.to_json(), "{id}");
        }
    }
}

fn document(updated_ms: i64) -> KeyDocument {
    KeyDocument { updated_ms: Some(updated_ms), keys: vec![KeyEntry::new("k1", public(1), NOW)] }
}

// SP-21: a signed document is taken from whoever has it, and an older one from nobody.
#[test]
fn documents_do_not_go_back_in_time() {
    let signer = Signer::private("host", "d1", ed25519(7)).unwrap().with_uses(Use::Discovery);
    let record = KeyRecord::public("host", "d1", public(7)).unwrap().with_uses(Use::Discovery);
    let read = |updated| {
        let text = document(updated).to_signed_json(&signer).unwrap();
        KeyDocument::read(text.as_bytes(), Trust::Signed(&record), NOW)
    };
    let (old, new) = (read(NOW - 1).unwrap(), read(NOW).unwrap());
    assert_eq!((new.succeeds(&old), old.succeeds(&new)), (Ok(()), Err(DocumentError::Updated)));
    assert_eq!(read(NOW + 30_001).err(), Some(DocumentError::Updated));
    // One byte of it.
    let forged = document(NOW).to_signed_json(&signer).unwrap().replace("\"k1\"", "\"k9\"");
    let read = KeyDocument::read(forged.as_bytes(), Trust::Signed(&record), NOW);
    assert_eq!(read.err(), Some(DocumentError::Signature));
}

// SP-09, SP-10
#[test]
fn documents_have_limits() {
    let many = |count: usize| {
        let keys: serde_json::Map<_, _> =
            (0..count).map(|n| (format!("s{n}"), json!(public(1).to_text()))).collect();
        KeyDocument::read(json!({"keys": keys}).to_string().as_bytes(), Trust::Pinned, NOW).err()
    };
    assert_eq!(many(MAX_KEYS), None);
    assert_eq!(many(MAX_KEYS + 1), Some(DocumentError::TooLarge));
    let long = vec![b' '; (64 << 10) + 1];
    assert_eq!(KeyDocument::read(&long, Trust::Pinned, NOW).err(), Some(DocumentError::TooLarge));
    assert_eq!(RevocationList::read(&long), Err(DocumentError::TooLarge));
}

// EN-92: of two entries of one name the earlier counts.
#[test]
fn revocation_lists() {
    let text = r#"{"version":"7h3/0.1","updated":5,"revokedKeys":[{"id":"a","revokedAt":3,"reason":"lost"},{"id":"a","revokedAt":2},{"id":"b","revokedAt":4}]}"#;
    let list = RevocationList::read(text.as_bytes()).unwrap();
    assert_eq!(list.revoked, [("a".to_owned(), 2), ("b".to_owned(), 4)]);
    assert_eq!(RevocationList::read(list.to_json().as_bytes()).unwrap(), list);
    assert!(RevocationList::read(b"{\"version\":\"7h3/0.2\",\"updated\":5,\"revokedKeys\":[]}").is_err());
}

// EN-90: both names of a key in one entry would be a choice.
#[test]
fn an_entry_has_one_name() {
    let key = PublicKey::to_text(&public(1));
    let text = format!(r#"{{"keys":[{{"id":"a","keyId":"b","publicKey":"{key}","algorithm":"Ed25519"}}]}}"#);
    assert!(KeyDocument::read(text.as_bytes(), Trust::Pinned, NOW).is_err());
}
