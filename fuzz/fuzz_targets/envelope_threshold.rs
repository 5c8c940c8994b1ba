#![no_main]
//! Parts of threshold signatures, members of groups, and shares of keys (SP-10, SP-46 to SP-51).

use libfuzzer_sys::fuzz_target;
use sealwire_envelope::{
    base64url,
    shamir::Share,
    threshold::{Partial, Participant, SecretKey},
};

fuzz_target!(|input: &[u8]| {
    if let Ok(partial) = Partial::from_json(input) {
        assert_eq!(Partial::from_json(partial.to_json().as_bytes()).as_ref(), Ok(&partial));
    }
    // The text itself, and the text of the bytes, so that points are reached.
    let texts = [std::str::from_utf8(input).unwrap_or_default().to_owned(), base64url::encode(input)];
    for text in texts {
        if let Ok(share) = Share::from_text(&text) {
            assert_eq!(*share.to_text(), text, "one share has one form");
        }
        if let Ok(key) = SecretKey::from_text(&text) {
            assert_eq!(*key.to_text(), text, "one key has one form");
            Participant::register("x", &key.public_key_text(), &key.possession_text())
                .expect("its own proof");
        }
    }
    if let Some((key, possession)) = input.split_at_checked(48) {
        let _ = Participant::register("x", &base64url::encode(key), &base64url::encode(possession));
    }
});
