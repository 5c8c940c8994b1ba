#![no_main]
//! Envelopes in every form: what a deterministic form decodes to encodes to the same bytes, and what any form decodes to
//! survives the others.

use libfuzzer_sys::fuzz_target;
use sealwire_envelope::encoding::{self, Form, Options, batch, binary, cbor, compact, json};

fuzz_target!(|input: &[u8]| {
    let options = Options { sealed: true, ..Options::default() };
    let _ = batch::decode(input, &options);
    let Ok(envelope) = encoding::decode(input, &options) else { return };
    match encoding::detect(input) {
        Ok(Form::Binary) => assert_eq!(binary::encode(&envelope).unwrap(), input),
        Ok(Form::Cbor) => assert_eq!(cbor::encode(&envelope).unwrap(), input),
        _ => {}
    }
    assert_eq!(json::decode(json::encode(&envelope).as_bytes(), &options).unwrap(), envelope);
    assert_eq!(json::decode(json::encode_ascii(&envelope).as_bytes(), &options).unwrap(), envelope);
    if let Ok(text) = compact::encode(&envelope) {
        // The compact form takes one version alone.
        let again = compact::decode(text.as_bytes(), &options);
        assert!(again.is_err() || again.unwrap() == envelope);
    }
    if let Ok(bytes) = cbor::encode(&envelope) {
        assert_eq!(cbor::decode(&bytes, &options).unwrap(), envelope);
    }
});
