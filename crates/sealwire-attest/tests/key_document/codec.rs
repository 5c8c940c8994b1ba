//! AT-08, AT-44: one document has one encoding, and nothing else is read.

use super::{key, sample};
use proptest::prelude::*;
use sealwire_attest::{
    Error, KeyDocument, UnixTime,
    key_document::{Error as Rule, MAX_LEN, PublishedKey, operator::OperatorStatement},
};
use sealwire_crypto::{random::OsRandom, sign::ed25519::SigningKey};

const AT: UnixTime = UnixTime(1_800_000_000);

fn full() -> KeyDocument {
    let authorities = vec!["gateway.example".to_owned(), "127.0.0.1:8443".to_owned()];
    let operator = SigningKey::generate(&OsRandom).unwrap();
    KeyDocument {
        operator: Some(OperatorStatement::sign(&operator, &authorities, [3; 48], &[4; 48]).unwrap()),
        suites: [("oblivious".to_owned(), vec!["a".to_owned()])].into(),
        ..sample(AT)
    }
}

/// Why a document is refused, which has to be one and the same before it is sent and after.
fn refused(change: impl FnOnce(&mut KeyDocument)) -> Option<Rule> {
    let mut document = full();
    change(&mut document);
    let before = document.validate().err();
    let after = match KeyDocument::decode(&document.encode()) {
        Ok(decoded) => {
            assert_eq!(decoded, document);
            None
        }
        Err(Error::KeyDocument(rule)) => Some(rule),
        Err(other) => panic!("{other}"),
    };
    assert_eq!(before, after);
    after
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("n{number}")).collect()
}

// AT-44
#[test]
fn round_trips() {
    assert_eq!(refused(|_| {}), None);
    assert_eq!(refused(|document| document.operator = None), None);
    assert_eq!(refused(|document| document.wires.clear()), Some(Rule::Wires));
}

// AT-41, AT-44
#[test]
fn times_fit_together() {
    let nothing = UnixTime(0);
    assert_eq!(refused(|document| document.not_after = UnixTime(AT.0 + 1)), None);
    assert_eq!(refused(|document| document.not_after = AT), Some(Rule::Window));
    assert_eq!(refused(|document| document.not_after = nothing), Some(Rule::Window));
    // A key that ended before, or begins after.
    assert_eq!(refused(|document| document.keys[0].not_after = AT), None);
    assert_eq!(refused(|document| document.keys[0].not_after = UnixTime(AT.0 - 1)), Some(Rule::KeyWindow));
    assert_eq!(refused(|document| document.keys[0].not_before = document.not_after), None);
    assert_eq!(
        refused(|document| document.keys[0].not_before = UnixTime(document.not_after.0 + 1)),
        Some(Rule::KeyWindow)
    );
    assert_eq!(
        refused(|document| {
            document.keys[0].not_before = UnixTime(AT.0 + 2);
            document.keys[0].not_after = UnixTime(AT.0 + 1);
        }),
        Some(Rule::KeyWindow)
    );
}

// AT-44
#[test]
fn keys_have_one_purpose_and_an_id_of_their_own() {
    assert_eq!(refused(|document| document.keys[1].id = vec![1]), Some(Rule::DuplicateKey));
    assert_eq!(
        refused(|document| document.keys[1] = PublishedKey { purpose: "other".to_owned(), ..key(1, AT) }),
        None
    );
    assert_eq!(refused(|document| document.keys[0].id.clear()), Some(Rule::Bounds));
    assert_eq!(refused(|document| document.keys[0].id = vec![0; 64]), None);
    assert_eq!(refused(|document| document.keys[0].id = vec![0; 65]), Some(Rule::Bounds));
    assert_eq!(refused(|document| document.keys[0].bytes.clear()), Some(Rule::Bounds));
    assert_eq!(refused(|document| document.keys[0].bytes = vec![0; 16 * 1024]), None);
    assert_eq!(refused(|document| document.keys[0].bytes = vec![0; 16 * 1024 + 1]), Some(Rule::Bounds));
    assert_eq!(refused(|document| document.keys.clear()), Some(Rule::Bounds));
    assert_eq!(refused(|document| document.keys = (0..64).map(|id| key(id, AT)).collect()), None);
    assert_eq!(
        refused(|document| document.keys = (0..65).map(|id| key(id, AT)).collect()),
        Some(Rule::Bounds)
    );
}

// AT-44
#[test]
fn names_are_tokens() {
    for name in ["", "A", "a b", "ä", "a\n"] {
        assert_eq!(refused(|document| document.role = name.to_owned()), Some(Rule::Name), "{name:?}");
        assert_eq!(refused(|document| document.keys[0].purpose = name.to_owned()), Some(Rule::Name));
        assert_eq!(refused(|document| document.wires.push(name.to_owned())), Some(Rule::Name));
    }
    let suite = vec!["x25519/aes-128-gcm".to_owned()];
    assert_eq!(refused(|document| document.suites = [("oblivious".to_owned(), suite)].into()), None);
    assert_eq!(refused(|document| document.role = "r".repeat(64)), None);
    let long = |document: &mut KeyDocument| document.role = "r".repeat(65);
    let mut document = full();
    long(&mut document);
    assert_eq!(document.validate(), Err(Rule::Name));
    assert_eq!(KeyDocument::decode(&document.encode()), Err(Rule::Bounds.into()));
}

// AT-44
#[test]
fn wires_suites_and_limits_fit_together() {
    let twice = |document: &mut KeyDocument| document.wires.push("oblivious".to_owned());
    assert_eq!(refused(twice), Some(Rule::Wires));
    assert_eq!(refused(|document| document.limits.extend([("other".to_owned(), 1)])), Some(Rule::Wires));
    assert_eq!(refused(|document| document.suites.extend([("other".to_owned(), vec![])])), Some(Rule::Wires));
    let many = |count: usize| move |document: &mut KeyDocument| document.wires.extend(names(count - 1));
    assert_eq!(refused(many(32)), None);
    assert_eq!(refused(many(33)), Some(Rule::Bounds));
    // Longer names come later in a map's order, whatever the alphabet says.
    let order = |document: &mut KeyDocument| {
        for (name, limit) in [("zz", 2), ("aaa", 3), ("z", 1)] {
            document.wires.push(name.to_owned());
            document.limits.insert(name.to_owned(), limit);
        }
    };
    assert_eq!(refused(order), None);
}

// SE-07, AT-44
#[test]
fn authorities_are_in_their_normal_form() {
    let with = |names: &[&str]| {
        let names = names.iter().map(ToString::to_string).collect();
        refused(move |document| document.authorities = names)
    };
    assert_eq!(with(&["a", "b:8443", "[::1]:80"]), None);
    assert_eq!(with(&[]), Some(Rule::Authorities));
    assert_eq!(with(&["a", "a"]), Some(Rule::Authorities));
    for name in ["A", "a:443", "https://a", "a/", "", "*.a"] {
        assert_eq!(with(&[name]), Some(Rule::Authority), "{name}");
    }
    assert_eq!(refused(|document| document.authorities = names(64)), None);
    assert_eq!(refused(|document| document.authorities = names(65)), Some(Rule::Bounds));
}

// AT-44
#[test]
fn statements_are_in_their_normal_form() {
    let with =
        |change: fn(&mut OperatorStatement)| refused(|document| change(document.operator.as_mut().unwrap()));
    assert_eq!(with(|statement| statement.authorities.reverse()), Some(Rule::Statement));
    assert_eq!(with(|statement| statement.measurement.clear()), Some(Rule::Statement));
    assert_eq!(with(|statement| statement.authorities.clear()), Some(Rule::Authorities));
    // Whether it verifies is looked at when it is relied on.
    assert_eq!(with(|statement| statement.signature[0] ^= 1), None);
}

// AT-08
#[test]
fn the_whole_is_bounded() {
    let document = |last: usize| {
        let mut document = full();
        document.keys = (0..4).map(|id| PublishedKey { bytes: vec![0; 15_000], ..key(id, AT) }).collect();
        document.keys.push(PublishedKey { bytes: vec![0; last], ..key(9, AT) });
        document
    };
    let rest = MAX_LEN - document(1000).encode().len();
    let longest = document(1000 + rest);
    assert_eq!(longest.encode().len(), MAX_LEN);
    assert_eq!(KeyDocument::decode(&longest.encode()), Ok(longest));
    let longer = document(1001 + rest);
    assert_eq!(longer.validate(), Err(Rule::Bounds));
    assert_eq!(KeyDocument::decode(&longer.encode()), Err(Rule::Bounds.into()));
}

fn rule(bytes: &[u8]) -> Option<Rule> {
    match KeyDocument::decode(bytes) {
        Ok(_) => None,
        Err(Error::KeyDocument(rule)) => Some(rule),
        Err(other) => panic!("{other}"),
    }
}

/// Replaces the one place where `from` is.
fn edit(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let places: Vec<_> = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(from)).collect();
    assert_eq!(places.len(), 1, "{from:02x?}");
    [&bytes[..places[0]], to, &bytes[places[0] + from.len()..]].concat()
}

// AT-08, AT-44
#[test]
fn one_document_has_one_encoding() {
    let bytes = sample(AT).encode();
    assert_eq!(rule(&bytes), None);
    assert_eq!(rule(&[&bytes[..], &[0]].concat()), Some(Rule::Trailing));
    // The serial, 7, in two bytes; the map without a length.
    assert_eq!(rule(&edit(&bytes, &[2, 7, 3], &[2, 0x18, 7, 3])), Some(Rule::NotDeterministic));
    assert_eq!(bytes[0], 0xac);
    assert_eq!(rule(&[&[0xbf], &bytes[1..], &[0xff]].concat()), Some(Rule::NotDeterministic));
    // Serial before instance; the serial left out, or given twice.
    let instance = [&[1, 0x50][..], &[1; 16]].concat();
    let both = [&instance[..], &[2, 7]].concat();
    let swapped = [&[2, 7][..], &instance].concat();
    assert_eq!(rule(&edit(&bytes, &both, &swapped)), Some(Rule::MissingField));
    let fewer = edit(&[&[0xab], &bytes[1..]].concat(), &both, &instance);
    assert_eq!(rule(&fewer), Some(Rule::MissingField));
    let twice = edit(&[&[0xad], &bytes[1..]].concat(), &both, &[&both[..], &[2, 7]].concat());
    assert_eq!(rule(&twice), Some(Rule::UnknownField));
}

// AT-44
#[test]
fn another_protocol_is_refused() {
    let bytes = sample(AT).encode();
    assert_eq!(rule(&edit(&bytes, b"sealwire/1", b"sealwire/2")), Some(Rule::Protocol));
}

// AT-44: what is not known is refused below 128 and passed over from there on.
#[test]
fn later_fields_are_extensions() {
    let bytes = sample(AT).encode();
    let more = |head: u8, tail: &[u8]| [&[head], &bytes[1..], tail].concat();
    assert_eq!(rule(&more(0xad, &[13, 0])), Some(Rule::UnknownField));
    assert_eq!(rule(&more(0xad, &[0x18, 127, 0x40])), Some(Rule::UnknownField));
    assert_eq!(KeyDocument::decode(&more(0xad, &[0x18, 128, 0x41, 9])), Ok(sample(AT)));
    assert_eq!(rule(&more(0xad, &[0x18, 128, 0x01])), Some(Rule::Malformed));
    assert_eq!(rule(&more(0xae, &[0x18, 129, 0x40, 0x18, 128, 0x40])), Some(Rule::UnknownField));
}

// AT-08
#[test]
fn no_cut_is_a_document() {
    let bytes = full().encode();
    for len in 0..bytes.len() {
        assert_eq!(rule(&bytes[..len]), Some(Rule::Malformed), "{len}");
    }
}

proptest! {
    // AT-08: whatever is read writes itself the same way, extensions apart, which this input does not make.
    #[test]
    fn mutations_are_refused_or_mean_what_they_say(place in any::<prop::sample::Index>(), flip in 1u8..) {
        let mut bytes = full().encode();
        let place = place.index(bytes.len());
        bytes[place] ^= flip;
        if let Ok(document) = KeyDocument::decode(&bytes) {
            prop_assert_eq!(document.encode(), bytes);
        }
    }

    #[test]
    fn arbitrary_bytes_do_no_harm(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        prop_assert!(KeyDocument::decode(&bytes).is_err());
    }

    #[test]
    fn numbers_and_bytes_survive(
        instance: [u8; 16],
        serial: u64,
        issued in 0u64..1 << 40,
        life in 1u64..1 << 40,
        limit: u64,
        id in proptest::collection::vec(any::<u8>(), 1..=64),
        bytes in proptest::collection::vec(any::<u8>(), 1..2000),
    ) {
        let at = UnixTime(issued);
        let mut document = KeyDocument { instance, serial, not_after: UnixTime(issued + life), ..sample(at) };
        document.limits.insert("oblivious".to_owned(), limit);
        document.keys[0] = PublishedKey { id, bytes, ..key(7, at) };
        document.keys.truncate(1);
        prop_assert_eq!(KeyDocument::decode(&document.encode()), Ok(document));
    }
}

// AT-40
#[test]
fn the_ohttp_list_is_what_the_keys_join_to() {
    let mut document = sample(AT);
    document.keys.push(PublishedKey { purpose: "identity".to_owned(), ..key(3, AT) });
    let expected = [&[0, 41][..], &[1; 41], &[0, 41], &[2; 41]].concat();
    assert_eq!(document.ohttp_key_list(), expected);
}

// AT-44
#[test]
fn keys_are_live_within_their_time() {
    let mut document = sample(AT);
    document.keys[1].not_before = UnixTime(AT.0 + 1000);
    document.keys[1].not_after = UnixTime(AT.0 + 2000);
    let live = |purpose: &'static str, at: u64| {
        document.live_keys(purpose, UnixTime(AT.0 + at)).map(|key| key.id[0]).collect::<Vec<_>>()
    };
    // The first second is taken a minute early, the last one never late.
    assert_eq!(live("oblivious", 939), [1]);
    assert_eq!(live("oblivious", 940), [1, 2]);
    assert_eq!(live("oblivious", 2000), [1, 2]);
    assert_eq!(live("oblivious", 2001), [1]);
    assert_eq!(live("other", 1000), [0; 0]);
}
