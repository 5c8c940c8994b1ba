//! Event logs: a genuine one, and logs that never were.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use common::{samples::sample, tpm::Log};
use proptest::prelude::*;
use sealwire_attest::{
    Error,
    event_log::{self, Bank, MAX_EVENTS, replay},
};
use sealwire_crypto::digest::{sha256, sha384, sha512};

const SHA1: (u16, u16) = (0x04, 20);
const SHA256: (u16, u16) = (0x0b, 32);
const SHA384: (u16, u16) = (0x0c, 48);
const SHA512: (u16, u16) = (0x0d, 64);

// AT-02: the log of an OVMF guest, 64 KiB with padding. No quote belongs to it, so the values are those that another
// program made of it.
#[test]
fn a_genuine_ccel_replays() {
    let Some(bytes) = sample("tdx/ccel-ovmf.bin") else { return };
    let log = event_log::Log::parse(&bytes).unwrap();
    assert_eq!(log.events().len(), 20);
    assert!(log.events().iter().all(|event| event.extends()));
    assert!(log.has_bank(Bank::Sha384) && !log.has_bank(Bank::Sha256));
    let registers = log.replay(Bank::Sha384).unwrap();
    let registers: Vec<_> = registers.iter().map(|(index, value)| (*index, hex::encode(value))).collect();
    let expected = [
        (
            1,
            "8566f998798db09443b244c62de9a3041fb02e2e6936c4396d784bba2e90177329ec5aba3bb484404f2ab9cc90abe193",
        ),
        (
            2,
            "775b9f6bfe99f8a31396f0d0218e67ffa796d3b96ccf961cbb0deba48c79c00f082cda1a5567c1c16305f1fc210c13c6",
        ),
        (
            3,
            "94eaf7a7bf398ed8d888c91057ae0261802e4f3df084213a76ca7f0b5055ac9d2241de43cd58d9e8b49c503bbf25f34a",
        ),
    ];
    assert_eq!(registers, expected.map(|(index, value)| (index, value.to_owned())));
    assert!(matches!(log.replay(Bank::Sha256), Err(Error::EventLog(_))));

    // Without padding, or with zeros for it, it is the same log; with anything else in it, it is none.
    let end = bytes.len() - bytes.iter().rev().take_while(|byte| **byte == bytes[bytes.len() - 1]).count();
    let cut = [&bytes[..end], &[0; 64]].concat();
    assert_eq!(event_log::Log::parse(&cut).unwrap(), log);
    for at in [end, end + 1, bytes.len() - 1] {
        let mut changed = bytes.clone();
        changed[at] = 0x55;
        assert!(event_log::Log::parse(&changed).is_err(), "{at}");
    }
}

fn three_banks() -> Log {
    Log::new(&[SHA1, SHA256, SHA384, SHA512]).event(1, 7, b"one").event(23, 8, b"two").event(1, 4, b"three")
}

// AT-02: every bank by its own hash.
#[test]
fn banks_replay_each_for_itself() {
    let bytes = three_banks().write();
    fn extend<const N: usize>(hash: fn(&[&[u8]]) -> [u8; N], data: &[&[u8]]) -> Vec<u8> {
        data.iter().fold([0; N], |value, data| hash(&[&value, &hash(&[data])])).to_vec()
    }
    let one: [&[u8]; 2] = [b"one", b"three"];
    for (bank, first, second) in [
        (Bank::Sha256, extend(sha256, &one), extend(sha256, &[b"two"])),
        (Bank::Sha384, extend(sha384, &one), extend(sha384, &[b"two"])),
        (Bank::Sha512, extend(sha512, &one), extend(sha512, &[b"two"])),
    ] {
        let registers = replay(&bytes, bank).unwrap();
        assert_eq!(registers.into_iter().collect::<Vec<_>>(), [(1, first), (23, second)]);
    }
}

// AT-02: an event that extends nothing, and the locality that one of them tells.
#[test]
fn events_without_action_extend_nothing() {
    let log =
        Log::new(&[SHA256]).event(u32::MAX, 3, b"SP800-155 Event3").event(0, 3, b"StartupLocality\0\x04");
    assert!(replay(&log.write(), Bank::Sha256).unwrap().is_empty());
    let log = log.event(0, 7, b"x").event(1, 7, b"x");
    let registers = replay(&log.write(), Bank::Sha256).unwrap();
    let mut start = [0; 32];
    assert_eq!(registers[&1], sha256(&[&start, &sha256(&[b"x"])]));
    start[31] = 4;
    assert_eq!(registers[&0], sha256(&[&start, &sha256(&[b"x"])]));
    // The locality of a start that is over already changes nothing.
    let late = Log::new(&[SHA256]).event(0, 7, b"x").event(0, 3, b"StartupLocality\0\x04");
    assert_eq!(replay(&late.write(), Bank::Sha256).unwrap()[&0], sha256(&[&[0; 32], &sha256(&[b"x"])]));
}

// AT-08
#[test]
fn other_forms_are_refused() {
    let refused = |bytes: &[u8]| {
        assert!(matches!(replay(bytes, Bank::Sha256), Err(Error::Malformed(_))), "{}", hex::encode(bytes));
    };
    let good = three_banks();
    let bytes = good.write();
    let header = good.header().len();
    refused(&[]);
    for len in (0..bytes.len()).filter(|len| *len != header) {
        // Between two events a log may end.
        if replay(&bytes[..len], Bank::Sha256).is_ok() {
            let rest = [&bytes[..header], &bytes[len..]].concat();
            replay(&rest, Bank::Sha256).unwrap();
        }
    }
    refused(&[&bytes[..], &[1]].concat());
    refused(&[&bytes[..], &[0, 0xff]].concat());
    for banks in [&[][..], &[SHA256, SHA256], &[(0x0b, 48)], &[(0x77, 0)], &[(0x77, 65)], &[SHA256; 9]] {
        refused(&Log::new(banks).write());
    }
    // Unknown banks are passed over.
    let unknown = Log::new(&[(0x77, 64), SHA256]).event(0, 7, b"x");
    assert_eq!(replay(&unknown.write(), Bank::Sha256).unwrap().len(), 1);
    refused(&Log::new(&[SHA256]).event(24, 7, b"x").write());
    refused(&Log::new(&[SHA256]).event(u32::MAX, 7, b"x").write());
    // Digests of another bank than the header has, of fewer, of one twice.
    let log = Log::new(&[SHA256]).event(0, 7, b"x").write();
    let header = Log::new(&[SHA256]).header().len();
    let mut other = log.clone();
    other[header + 12] = 0x0c;
    refused(&other);
    let mut none = log.clone();
    none[header + 8] = 0;
    refused(&none);
    let twice = Log { banks: vec![SHA256, SHA256], ..Log::new(&[SHA256]).event(0, 7, b"x") }.write();
    let header_of_two = Log::new(&[SHA256, SHA256]).header().len();
    refused(&[&Log::new(&[SHA256, SHA384]).header()[..], &twice[header_of_two..]].concat());
    // The old format, and another first event.
    let mut spec = log.clone();
    spec[32 + 14] = b'2';
    refused(&spec);
    let mut kind = log;
    kind[4] = 4;
    refused(&kind);
}

// AT-08: bounded in bytes and in events.
#[test]
fn a_log_is_bounded() {
    let mut log = Log::new(&[(0x77, 1)]);
    log.events = vec![(0, 7, Vec::new()); MAX_EVENTS];
    event_log::Log::parse(&log.write()).unwrap();
    log.events.push((0, 7, Vec::new()));
    assert!(event_log::Log::parse(&log.write()).is_err());
    let mut log = Log::new(&[SHA256]);
    log.tail = vec![0xff; event_log::MAX_LEN - log.header().len()];
    event_log::Log::parse(&log.write()).unwrap();
    log.tail.push(0xff);
    assert!(event_log::Log::parse(&log.write()).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    // AT-08
    #[test]
    fn any_bytes_are_a_log_or_an_error(
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
    ) {
        prop_assert!(replay(&bytes, Bank::Sha256).is_err());
        let _ = replay(&[three_banks().header(), bytes].concat(), Bank::Sha384);
        let mut log = three_banks().write();
        for (at, byte) in changes {
            let at = at.index(log.len());
            log[at] = byte;
        }
        let _ = replay(&log, Bank::Sha512);
    }
}
