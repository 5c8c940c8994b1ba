#![no_main]
//! Key records of hpke-http/3.

use libfuzzer_sys::fuzz_target;
use sealwire_hpke_http::key::{KeyRecord, MAX_RECORD_LEN};

fuzz_target!(|input: &[u8]| {
    let Ok(record) = KeyRecord::parse(input) else { return };
    assert!(input.len() <= MAX_RECORD_LEN && record.use_for() > 0);
    assert_eq!(record.encode(), input);
});
