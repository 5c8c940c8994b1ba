#![no_main]
//! The operator's revocation lists.

use libfuzzer_sys::fuzz_target;
use sealwire_attest::revocation::SignedList;

fuzz_target!(|input: &[u8]| {
    let Ok(list) = SignedList::decode(input) else { return };
    // AT-25: it says what it says, and nothing verifies without a pinned key.
    assert!(list.unverified().issued_at < list.unverified().next_update);
    let key = *list.key();
    assert!(list.clone().verify(&[]).is_err());
    let _ = list.verify(&[key]);
});
