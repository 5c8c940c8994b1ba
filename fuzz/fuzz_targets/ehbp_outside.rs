#![no_main]
//! What of EHBP is read before any frame: key configurations, the two fields, session recovery tokens.

use libfuzzer_sys::fuzz_target;
use sealwire_ehbp::config::KeyConfig;
use sealwire_ehbp::recovery::RecoveryToken;
use sealwire_ehbp::{EncapsulatedKey, ResponseNonce};

fuzz_target!(|input: &[u8]| {
    if let Ok(config) = KeyConfig::parse(input) {
        let bare = config.encode();
        let again = KeyConfig::parse(&bare).expect("our own");
        assert_eq!((again.encode(), again.id()), (bare, config.id()));
    }
    let key = EncapsulatedKey::from_field(input);
    let nonce = ResponseNonce::from_field(input);
    assert_eq!(key.is_ok(), nonce.is_ok());
    if let (Ok(key), Ok(nonce)) = (key, nonce) {
        assert_eq!(key.to_field().as_bytes(), input);
        assert_eq!(nonce.to_field().as_bytes(), input);
    }
    if let Ok(token) =
        std::str::from_utf8(input).map_err(drop).and_then(|text| RecoveryToken::from_json(text).map_err(drop))
    {
        let written = token.to_json();
        let again = RecoveryToken::from_json(&written).expect("our own");
        assert_eq!(*again.to_json(), *written);
    }
});
