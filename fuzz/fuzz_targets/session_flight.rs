#![no_main]
//! What a server sends of itself, and what is sealed in it.

use libfuzzer_sys::fuzz_target;
use sealwire_session::message::{Answer, Proof, ServerCredential, ServerFlight, ServerHello, TicketMessage};

fuzz_target!(|input: &[u8]| {
    if let Ok(flight) = ServerFlight::decode(input) {
        assert_eq!(flight.encode(), input, "one value has one encoding");
    }
    if let Ok(hello) = ServerHello::decode(input) {
        assert_eq!(hello.encode(), input, "one value has one encoding");
    }
    if let Ok(credential) = ServerCredential::decode(input) {
        assert_eq!(credential.encode(), input, "one value has one encoding");
    }
    if let Ok(proof) = Proof::decode(input) {
        assert_eq!(proof.encode(), input, "one value has one encoding");
    }
    if let Ok(ticket) = TicketMessage::decode(input) {
        assert_eq!(TicketMessage::encode(ticket.as_ref()), input, "one value has one encoding");
    }
    if let Ok(answer) = Answer::decode(input) {
        assert_eq!(answer.encode(), input, "one value has one encoding");
    }
});
