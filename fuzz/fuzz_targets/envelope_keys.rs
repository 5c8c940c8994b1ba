#![no_main]
//! Documents of keys and of revocations, keys in every form, and stable JSON.

use libfuzzer_sys::fuzz_target;
use sealwire_envelope::{
    json::{DOCUMENT_DEPTH, Numbers, stable},
    key::{
        PrivateKey, PublicKey,
        document::{KeyDocument, RevocationList, Trust},
    },
};

const NOW: i64 = 1_712_500_000_000;

fuzz_target!(|input: &[u8]| {
    if let Ok(document) = KeyDocument::read(input, Trust::Pinned, NOW) {
        let text = document.to_json();
        let again = KeyDocument::read(text.as_bytes(), Trust::Pinned, NOW).unwrap();
        assert_eq!(again.to_json(), text);
    }
    if let Ok(list) = RevocationList::read(input) {
        assert_eq!(RevocationList::read(list.to_json().as_bytes()).unwrap(), list);
    }
    for numbers in [Numbers::Integers, Numbers::SignedIntegers] {
        if let Ok(text) = stable(input, DOCUMENT_DEPTH, numbers, None) {
            assert_eq!(stable(&text, DOCUMENT_DEPTH, numbers, None).unwrap(), text);
        }
    }
    let _ = stable(input, DOCUMENT_DEPTH, Numbers::Exact, None);
    let Ok(text) = std::str::from_utf8(input) else { return };
    if let Ok(key) = PublicKey::parse(text) {
        assert_eq!(PublicKey::parse(&key.to_text()).unwrap().as_raw(), key.as_raw());
    }
    let _ = PrivateKey::parse(text);
});
