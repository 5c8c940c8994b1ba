#![no_main]
//! Event logs of firmware.

use libfuzzer_sys::fuzz_target;
use sealwire_attest::event_log::{Bank, Log, MAX_EVENTS};

fuzz_target!(|input: &[u8]| {
    let Ok(log) = Log::parse(input) else { return };
    assert!(log.events().len() <= MAX_EVENTS);
    for bank in [Bank::Sha256, Bank::Sha384, Bank::Sha512] {
        match log.replay(bank) {
            Ok(registers) => {
                assert!(log.has_bank(bank));
                assert!(registers.values().all(|value| value.len() == bank.digest_len()));
                assert!(log.events().iter().all(|event| log.digest(event, bank).is_some()));
            }
            Err(_) => assert!(!log.has_bank(bank)),
        }
    }
});
