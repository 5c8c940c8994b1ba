#![no_main]
//! OCSP responses, with the certificates in them.

use libfuzzer_sys::fuzz_target;
use sealwire_attest::{Endorsements, UnixTime};

fuzz_target!(|input: &[u8]| {
    let mut endorsements = Endorsements::default();
    if endorsements.add(input).is_err() {
        assert_eq!(endorsements, Endorsements::default(), "an error adds nothing");
        return;
    }
    if !endorsements.crls.iter().any(|der| der == input) {
        return;
    }
    // What is kept is kept as it came, until it ends, and then for ever gone.
    let mut ended = endorsements.clone();
    let dropped = ended.drop_ended(UnixTime(1_800_000_000));
    assert_eq!(ended.crls.len(), 1 - dropped);
    assert_eq!(ended.drop_ended(UnixTime(1_800_000_000)), 0);
    let mut longer = input.to_vec();
    longer.push(0);
    assert!(Endorsements::default().add(&longer).is_err(), "nothing follows");
});
