#![no_main]
//! Intel's JSON: TCB info and identities of quoting enclaves, bare, as served, and in collateral.

use libfuzzer_sys::fuzz_target;
use sealwire_attest::{
    Endorsements,
    intel::{QeIdentity, TcbInfo},
};

fuzz_target!(|input: &[u8]| {
    if let Ok(text) = std::str::from_utf8(input) {
        let _ = TcbInfo::parse(text);
        let _ = QeIdentity::parse(text);
    }
    let mut endorsements = Endorsements::default();
    if endorsements.add(input).is_err() {
        assert_eq!(endorsements, Endorsements::default(), "an error adds nothing");
        return;
    }
    let once = endorsements.clone();
    endorsements.add(input).expect("the same again");
    assert_eq!(endorsements, once, "nothing is added twice");
    for reference in once.references {
        let mut served = Endorsements::default();
        served.add(&reference).expect("what was kept is what Intel serves");
        assert!(served.references.iter().any(|kept| *kept == reference), "in the same bytes");
    }
});
