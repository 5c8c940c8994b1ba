//! AT-25: the operator's revocation list.

use super::{HEAD, codes, development, registers};
use crate::common::machine::{Machine, Model, NOW};
use proptest::prelude::*;
use sealwire_attest::{
    Policy, UnixTime,
    revocation::{Error, MAX_ENTRIES, MAX_LIST, RevocationList, SignedList},
};
use sealwire_crypto::{random::OsRandom, sign::ed25519::SigningKey};
use std::sync::LazyLock;

static KEY: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate(&OsRandom).unwrap());
static OTHER: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate(&OsRandom).unwrap());
/// The chip of [`Machine::new`].
const CHIP: [u8; 64] = [0xc7; 64];

fn list(serial: u64) -> RevocationList {
    RevocationList::empty(serial, UnixTime(NOW.0 - 10), UnixTime(NOW.0 + 10))
}

fn full(serial: u64) -> RevocationList {
    let mut list = list(serial);
    list.measurements.extend([vec![1], vec![2; 48], vec![3; 64]]);
    list.hardware_ids.extend([vec![4; 64], vec![5; 8]]);
    list.documents.extend([[6; 48], [7; 48]]);
    list.keys.extend([[8; 32]]);
    list
}

/// Accepts `machine`, with the key of the lists pinned.
fn policy(machine: &Machine) -> Policy {
    let head = format!("{HEAD}revocation-keys = [\"ed25519:{}\"]\n", hex::encode(KEY.public_key()));
    Policy::from_toml(&(head + &development(machine, &registers()))).unwrap()
}

fn with(machine: &Machine, list: &RevocationList) -> Policy {
    policy(machine).with_revocation_list(&list.sign(&KEY).unwrap()).unwrap()
}

/// Of the lists in force.
fn serials(policy: &Policy) -> Vec<u64> {
    policy.revocation_lists().map(|list| list.get().serial).collect()
}

// AT-25
#[test]
fn a_list_is_read_as_it_was_written() {
    let bytes = full(7).sign(&KEY).unwrap();
    let signed = SignedList::decode(&bytes).unwrap();
    assert_eq!((signed.unverified(), signed.key()), (&full(7), &KEY.public_key()));
    let verified = signed.verify(&[OTHER.public_key(), KEY.public_key()]).unwrap();
    assert_eq!((verified.get(), verified.signer()), (&full(7), &KEY.public_key()));
    // Nothing of the hardware gets into logs.
    assert!(!format!("{verified:?}").contains("[4, 4"), "{verified:?}");
}

// AT-25: unsigned, or signed by somebody else.
#[test]
fn only_a_pinned_key_signs_lists() {
    let bytes = full(7).sign(&KEY).unwrap();
    let open = |bytes: &[u8]| SignedList::decode(bytes)?.verify(&[KEY.public_key()]);
    assert_eq!(open(&full(7).sign(&OTHER).unwrap()), Err(Error::KeyNotPinned));
    for last in 1..=64 {
        let mut forged = bytes.clone();
        let at = forged.len() - last;
        forged[at] ^= 1;
        assert_eq!(open(&forged), Err(Error::Signature));
    }
    // Another serial under the same signature: it is the first byte of the body's values.
    let body = bytes.windows(3).position(|window| window == [0xa7, 0, 7]).unwrap();
    let mut forged = bytes;
    forged[body + 2] = 8;
    assert_eq!(open(&forged), Err(Error::Signature));
}

// AT-25, AT-08
#[test]
fn a_list_has_one_form() {
    let bytes = full(7).sign(&KEY).unwrap();
    assert_eq!(SignedList::decode(&[&bytes[..], &[0]].concat()), Err(Error::Malformed));
    assert_eq!(SignedList::decode(&vec![0; MAX_LIST + 1]), Err(Error::Bounds));
    assert_eq!(SignedList::decode(&[]), Err(Error::Malformed));
    for end in 0..bytes.len() {
        SignedList::decode(&bytes[..end]).unwrap_err();
    }
    // Two entries swapped.
    let first = bytes.windows(3).position(|window| window == [0x58, 48, 6]).unwrap();
    let mut swapped = bytes.clone();
    swapped[first + 2..first + 50].fill(7);
    swapped[first + 52..first + 100].fill(6);
    assert_eq!(SignedList::decode(&swapped), Err(Error::NotDeterministic));
    swapped[first + 52..first + 100].fill(7);
    assert_eq!(SignedList::decode(&swapped), Err(Error::NotDeterministic));
}

// AT-25: what could not be read again is not signed.
#[test]
fn lists_have_bounds() {
    let mut long = list(1);
    long.measurements.insert(vec![1; 65]);
    assert_eq!(long.sign(&KEY), Err(Error::Bounds));
    let mut empty = list(1);
    empty.hardware_ids.insert(Vec::new());
    assert_eq!(empty.sign(&KEY), Err(Error::Malformed));
    let mut many = list(1);
    many.measurements.extend((0..MAX_ENTRIES as u32).map(|n| n.to_be_bytes().to_vec()));
    many.sign(&KEY).unwrap();
    many.measurements.insert(vec![1]);
    assert_eq!(many.sign(&KEY), Err(Error::Bounds));
    let backwards = RevocationList::empty(1, NOW, NOW);
    assert_eq!(backwards.sign(&KEY), Err(Error::Times { issued_at: NOW, next_update: NOW }));
}

// AT-25: a policy that names keys accepts nobody without a list.
#[test]
fn a_policy_that_names_keys_requires_a_list() {
    let machine = Machine::new(Model::Milan);
    assert_eq!(codes(&policy(&machine), &machine), ["revocation-list-missing"]);
    assert!(codes(&with(&machine, &list(1)), &machine).is_empty());
    assert_eq!(serials(&with(&machine, &list(1))), [1]);

    // So does one that has them from elsewhere.
    let mut pinned = Policy::from_toml(&(HEAD.to_owned() + &development(&machine, &registers()))).unwrap();
    assert!(codes(&pinned, &machine).is_empty());
    pinned.pin_revocation_keys(&[KEY.public_key(), KEY.public_key()]);
    assert_eq!(pinned.revocation_keys(), [KEY.public_key()]);
    assert_eq!(codes(&pinned, &machine), ["revocation-list-missing"]);

    // Keys that name none are a mistake.
    let error = Policy::from_toml(&format!("{HEAD}revocation-keys = []\n")).unwrap_err();
    assert_eq!((error.line, error.key.as_str()), (3, "revocation-keys"));
    let error = Policy::from_toml(&format!("{HEAD}revocation-keys = [\n \"ed25519:00\"]\n")).unwrap_err();
    assert_eq!((error.line, error.key.as_str()), (4, "revocation-keys"));
}

// AT-25: registers, whichever they are; chips; roots.
#[test]
fn what_is_listed_is_refused() {
    let machine = Machine::new(Model::Milan);
    // One verification: certificates of a test are signed anew each time.
    let verified = super::verified(&machine);
    let refused = |change: &dyn Fn(&mut RevocationList)| {
        let mut list = list(1);
        change(&mut list);
        let reasons = with(&machine, &list).appraise(verified.clone(), NOW).unwrap_err().reasons;
        assert_eq!(reasons.len(), 1, "{reasons:?}");
        reasons.into_iter().next().unwrap()
    };
    let reason = refused(&|list| list.measurements.extend([vec![0x22; 48]]));
    assert_eq!(
        (reason.code, reason.rule.as_str()),
        ("revoked-measurement", "revocation.measurements.measurement")
    );
    assert_eq!(reason.found, "22".repeat(48));
    let reason = refused(&|list| list.measurements.extend([vec![0x33; 32]]));
    assert_eq!(
        (reason.code, reason.rule.as_str()),
        ("revoked-measurement", "revocation.measurements.host-data")
    );
    let reason = refused(&|list| list.hardware_ids.extend([CHIP.to_vec()]));
    assert_eq!(reason.code, "revoked-hardware");
    assert!(!format!("{reason:?}").contains("c7c7"), "the id stays out of verdicts: {reason:?}");
    let reason = refused(&|list| list.keys.extend([machine.fingerprint()]));
    assert_eq!((reason.code, reason.rule.as_str()), ("revoked-key", "revocation.keys.chain[2]"));
    let chain = verified.get().chain.clone();
    let reason = refused(&|list| list.keys.extend([chain[1]]));
    assert_eq!(reason.rule, "revocation.keys.chain[1]");
    assert!(reason.found.contains(&hex::encode(chain[1])));
    let reason = refused(&|list| list.keys.extend([chain[0]]));
    assert_eq!(reason.rule, "revocation.keys.chain[0]");
    assert!(!reason.found.contains(&hex::encode(chain[0])), "as unique as the hardware's id: {reason:?}");

    // Others are not.
    let mut others = full(1);
    others.measurements.insert(vec![0x22; 47]);
    others.hardware_ids.insert(vec![0xc7; 63]);
    assert!(codes(&with(&machine, &others), &machine).is_empty());
}

// AT-25: hardware that hides which it is could be any that is listed; the chip's certificate tells it all the same.
#[test]
fn hardware_without_an_id_is_refused_where_ids_are_listed() {
    let vlek = Machine::new(Model::Milan).with_vlek();
    assert_eq!(codes(&with(&vlek, &full(1)), &vlek), ["hardware-unknown"]);
    assert!(codes(&with(&vlek, &list(1)), &vlek).is_empty());
    let mut masked = Machine::new(Model::Milan);
    masked.report[0x1a0..0x1e0].fill(0);
    assert!(codes(&with(&masked, &full(1)), &masked).is_empty());
    let mut listed = list(1);
    listed.hardware_ids.insert(CHIP.to_vec());
    assert_eq!(codes(&with(&masked, &listed), &masked), ["revoked-hardware"]);
}

// AT-25: past its next update a list refuses everything; both sides of each boundary.
#[test]
fn a_list_is_good_until_its_next_update() {
    let machine = Machine::new(Model::Milan);
    let at = |issued_at: u64, next_update: u64| {
        let list = RevocationList::empty(1, UnixTime(issued_at), UnixTime(next_update));
        codes(&with(&machine, &list), &machine)
    };
    assert!(at(NOW.0 - 10, NOW.0).is_empty());
    assert_eq!(at(NOW.0 - 10, NOW.0 - 1), ["revocation-list-expired"]);
    assert!(at(NOW.0 + 60, NOW.0 + 90).is_empty());
    assert_eq!(at(NOW.0 + 61, NOW.0 + 90), ["revocation-list-from-the-future"]);
}

// AT-25: the serial may only go up.
#[test]
fn serials_only_go_up() {
    let machine = Machine::new(Model::Milan);
    let current = with(&machine, &full(7));
    let update = |list: &RevocationList| current.with_revocation_list(&list.sign(&KEY).unwrap());
    assert_eq!(serials(&update(&full(8)).unwrap()), [8]);
    assert_eq!(update(&full(7)).unwrap(), current);
    assert_eq!(update(&full(6)), Err(Error::SerialWentBack { found: 6, highest: 7 }));
    assert_eq!(update(&list(7)), Err(Error::SerialReused(7)));
    assert_eq!(current.with_revocation_list(&full(8).sign(&OTHER).unwrap()), Err(Error::KeyNotPinned));
}

// AT-25: with several keys, one signer's list takes nothing back that another's revokes.
#[test]
fn each_signer_has_a_list_in_force() {
    let machine = Machine::new(Model::Milan);
    let mut policy = policy(&machine);
    policy.pin_revocation_keys(&[OTHER.public_key()]);
    let mut revoking = list(7);
    revoking.hardware_ids.insert(CHIP.to_vec());
    let one = policy.with_revocation_list(&revoking.sign(&KEY).unwrap()).unwrap();
    assert_eq!(codes(&one, &machine), ["revoked-hardware"]);
    // A newer list of the other that revokes nothing, and an older one: each has serials of its own.
    for serial in [8, 1] {
        let both = one.with_revocation_list(&list(serial).sign(&OTHER).unwrap()).unwrap();
        assert_eq!(codes(&both, &machine), ["revoked-hardware"]);
        assert_eq!(both.revocation_lists().count(), 2);
        let back = both.with_revocation_list(&list(6).sign(&KEY).unwrap());
        assert_eq!(back.err(), Some(Error::SerialWentBack { found: 6, highest: 7 }));
        let mut second = list(9);
        second.measurements.insert(vec![0x22; 48]);
        let both = both.with_revocation_list(&second.sign(&OTHER).unwrap()).unwrap();
        assert_eq!(codes(&both, &machine), ["revoked-measurement", "revoked-hardware"]);
        // Only its own signer takes it back.
        let lifted = both.with_revocation_list(&list(8).sign(&KEY).unwrap()).unwrap();
        assert_eq!(codes(&lifted, &machine), ["revoked-measurement"]);
    }
    // Every list that was taken has to be good, whoever keeps a newer one back.
    let ended = RevocationList::empty(1, UnixTime(NOW.0 - 10), UnixTime(NOW.0 - 1));
    let good = policy.with_revocation_list(&list(7).sign(&KEY).unwrap()).unwrap();
    assert!(codes(&good, &machine).is_empty());
    let both = good.with_revocation_list(&ended.sign(&OTHER).unwrap()).unwrap();
    assert_eq!(codes(&both, &machine), ["revocation-list-expired"]);
    assert!(!both.is_revocation_list_good(NOW));
}

proptest! {
    // AT-08, AT-25
    #[test]
    fn any_bytes_are_a_list_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = SignedList::decode(&bytes);
    }

    // AT-08, AT-25: whatever is read says what it said when it is written again.
    #[test]
    fn one_flipped_byte_is_never_accepted(at in 0usize..1000, flip in 1u8..) {
        let mut bytes = full(7).sign(&KEY).unwrap();
        let at = at % bytes.len();
        bytes[at] ^= flip;
        let opened = SignedList::decode(&bytes).and_then(|list| list.verify(&[KEY.public_key()]));
        prop_assert!(opened.is_err());
    }
}
