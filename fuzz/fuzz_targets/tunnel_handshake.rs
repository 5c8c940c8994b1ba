#![no_main]
//! What comes before there is a key, at either end, and envelopes behind it.

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use sealwire_attest::{Endorsements, Policy, UnixTime, Verifier};
use sealwire_fuzz::Fixed;
use sealwire_tunnel::{
    Limits,
    binding::Bindings,
    client::Presented,
    connection::Received,
    server::{ExpectClientKx, Step, Unquoted},
};
use std::sync::{Arc, LazyLock};

static POLICY: LazyLock<Policy> = LazyLock::new(Policy::without_policy);
static VERIFIER: LazyLock<Verifier> = LazyLock::new(|| Verifier::new(POLICY.trust()));

fuzz_target!(|input: &[u8]| {
    let limits = Limits::default();
    if let Ok(presented) = Presented::read(input) {
        let bindings = Bindings { verifier_data: true, key_alone: true };
        let at = UnixTime(1_800_000_000);
        // Nobody but a vendor signs what verifies.
        assert!(presented.appraise(&VERIFIER, &POLICY, &Endorsements::default(), bindings, at).is_err());
    }
    // The fixed randomness is that of the seeds.
    let unquoted =
        Unquoted::generate(&[0x24; 48], UnixTime(1_800_000_000), &Fixed).expect("fixed bytes are a key");
    let offer = Arc::new(unquoted.quoted(Vec::new(), Endorsements::default(), &limits));
    let mut expect = ExpectClientKx::new(offer);
    // Messages of one connection, each behind its length.
    let mut rest = input;
    while let Some((length, tail)) = rest.split_first_chunk::<2>() {
        let length = usize::from(u16::from_be_bytes(*length)).min(tail.len());
        let (message, tail) = tail.split_at(length);
        rest = tail;
        expect = match expect.receive(message, &limits, 0, &Fixed) {
            Ok(Step::Dropped(expect, _)) => expect,
            Err(_) => return,
            Ok(Step::Established(mut connection)) => {
                while let Some((length, tail)) = rest.split_first_chunk::<2>() {
                    let length = usize::from(u16::from_be_bytes(*length)).min(tail.len());
                    let (message, tail) = tail.split_at(length);
                    rest = tail;
                    let message = Bytes::copy_from_slice(message);
                    let first = connection.open(message.clone(), 0);
                    if matches!(first, Ok(Received::Message(_))) {
                        assert!(matches!(connection.open(message, 0), Ok(Received::Dropped(_))));
                    }
                }
                return;
            }
        };
    }
});
