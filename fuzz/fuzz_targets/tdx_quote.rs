#![no_main]
//! Quotes of trust domains, and files that may hold one as text.

use libfuzzer_sys::fuzz_target;
use sealwire_attest::{Kind, intel::quote::Body};
use sealwire_fuzz::quote;

fuzz_target!(|input: &[u8]| {
    quote(input, Kind::Tdx, |body| matches!(body, Body::Td(_)));
});
