#![no_main]
//! Fields of sealed requests and answers.

use libfuzzer_sys::fuzz_target;
use sealwire_session::request::{Binder, Ticket, base_id, parse_base_id};

fuzz_target!(|input: &[u8]| {
    if let Ok(ticket) = Ticket::from_field(input) {
        assert_eq!(ticket.to_field().as_bytes(), input, "one value has one form");
    }
    if let Ok(binder) = Binder::from_field(input) {
        assert_eq!(binder.to_field().as_bytes(), input, "one value has one form");
    }
    if let Ok(id) = parse_base_id(input) {
        assert_eq!(base_id(&id).as_bytes(), input, "one value has one form");
    }
});
