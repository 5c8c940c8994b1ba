//! Key configurations and lists.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used, clippy::panic)]

mod common;

use common::{
    AEADS, KEMS, Seeded, cases, suite,
    vectors::{bytes, load, number, text},
};
use proptest::prelude::*;
use sealwire_crypto::{aead::Aead, hpke::Symmetric, kem::Kem};
use sealwire_oblivious::{
    Error, Limits,
    config::{KeyConfig, encode_list, parse_list, select},
    gateway::GatewayKey,
};
use std::sync::OnceLock;

fn config(key_id: u8, kem: Kem, suites: &[Symmetric]) -> KeyConfig {
    GatewayKey::generate(key_id, kem, suites, &Seeded::new(key_id.into())).unwrap().config().clone()
}

/// Three configs, one for each KEM.
fn three() -> &'static [u8] {
    static LIST: OnceLock<Vec<u8>> = OnceLock::new();
    LIST.get_or_init(|| {
        let suites = AEADS.map(suite);
        let configs: Vec<_> = KEMS.into_iter().zip(1..).map(|(kem, id)| config(id, kem, &suites)).collect();
        encode_list(&configs)
    })
}

fn outcome(list: &[u8]) -> Result<usize, Error> {
    parse_list(list, &Limits::default()).map(|configs| configs.len())
}

/// One list entry of any bytes.
fn entry(config: &[u8]) -> Vec<u8> {
    [&u16::try_from(config.len()).unwrap().to_be_bytes(), config].concat()
}

/// OB-06, OB-07, OB-118, OB-119
#[test]
fn vectors() {
    let Some(file) = load("key-config.json") else { return };
    let cases = file["cases"].as_array().unwrap();
    assert!(!cases.is_empty());
    for case in cases {
        let id = text(case, "id");
        let body = bytes(case, "body");
        let parsed = parse_list(&body, &Limits::default());
        match text(case, "expect") {
            "accept" => {
                let parsed = parsed.ok().unwrap();
                let configs = case["configs"].as_array().unwrap();
                assert_eq!(parsed.len(), configs.len(), "{id}");
                for (found, want) in parsed.iter().zip(configs) {
                    assert_eq!(u16::from(found.key_id), number(want, "key_id"), "{id}");
                    assert_eq!(found.public_key.kem().id(), number(want, "kem_id"), "{id}");
                    if want.get("pk").is_some() {
                        assert_eq!(found.public_key.as_bytes(), bytes(want, "pk"), "{id}");
                    }
                    if let Some(suites) = want["suites"].as_array() {
                        let found: Vec<_> = found.suites.iter().map(|s| (s.kdf.id(), s.aead.id())).collect();
                        let want: Vec<_> = suites
                            .iter()
                            .map(|s| (s[0].as_u64().unwrap() as u16, s[1].as_u64().unwrap() as u16))
                            .collect();
                        assert_eq!(found, want, "{id}");
                    }
                }
                let first = select(&parsed, &KEMS).ok().unwrap();
                assert_eq!(u16::from(first.key_id), number(&configs[0], "key_id"), "{id}");
            }
            "unusable" => {
                // OB-151
                assert_eq!(select(&parsed.ok().unwrap(), &KEMS).err(), Some(Error::NoUsableKey), "{id}");
            }
            "reject" => {
                let want = match id {
                    "OK-10" => Error::ListEmpty,
                    "OK-11" | "OK-12" | "OK-14" => Error::ListTruncated,
                    "OK-15" => Error::ListAlgorithms,
                    "OK-17" => Error::ListTrailing,
                    "OK-19" => Error::DuplicateKeyId,
                    "OK-21" => Error::PublicKey,
                    _ => panic!("no expectation for {id}"),
                };
                assert_eq!(parsed.err(), Some(want), "{id}");
            }
            other => panic!("{id}: {other}"),
        }
    }
}

/// OB-05, OB-151, OB-152: the first usable one, not the last, and never a pair that is unknown.
#[test]
fn order_of_preference() {
    let configs = parse_list(three(), &Limits::default()).unwrap();
    let pick = |kems: &[Kem]| select(&configs, kems).map(|selected| selected.key_id);
    assert_eq!(pick(&KEMS), Ok(1));
    assert_eq!(pick(&[Kem::P256, Kem::XWing]), Ok(2));
    assert_eq!(pick(&[Kem::P256]), Ok(3));
    assert_eq!(pick(&[]), Err(Error::NoUsableKey));
    assert_eq!(select(&configs, &KEMS).unwrap().suite.aead, Aead::Aes128Gcm);

    // Unknown pairs before a known one, and a config of unknown pairs before a usable one.
    let key = config(9, Kem::X25519, &[suite(Aead::Aes256Gcm)]);
    let known = key.encode();
    let front = &known[..known.len() - 6];
    let unknown_then_known = [front, &[0, 8, 0x11, 0x11, 0x22, 0x22, 0, 1, 0, 2]].concat();
    let mut only_unknown = [front, &[0, 4, 0x11, 0x11, 0x22, 0x22]].concat();
    only_unknown[0] = 8;
    let list = [entry(&only_unknown), entry(&unknown_then_known)].concat();
    let configs = parse_list(&list, &Limits::default()).unwrap();
    let selected = select(&configs, &KEMS).unwrap();
    assert_eq!((selected.key_id, selected.suite.aead), (9, Aead::Aes256Gcm));
}

/// OB-06: a config of an unknown KEM is stepped over, also when it stands last or alone.
#[test]
fn unknown_kem() {
    let unknown = entry(&[200, 0x77, 0x77, 1, 2, 3]);
    let list = [&unknown[..], three(), &entry(&[201, 0x77, 0x78])].concat();
    assert_eq!(outcome(&list), Ok(3));
    assert_eq!(outcome(&unknown), Ok(0));
    assert_eq!(select(&[], &KEMS).err(), Some(Error::NoUsableKey));
    // OB-07: its key id counts all the same.
    assert_eq!(outcome(&[&unknown[..], &unknown].concat()), Err(Error::DuplicateKeyId));
    // Too short to say its KEM.
    assert_eq!(outcome(&entry(&[1, 0])), Err(Error::ListTruncated));
    assert_eq!(outcome(&entry(&[])), Err(Error::ListTruncated));
}

/// OB-118: lengths, and every cut.
#[test]
fn malformed() {
    let one = config(1, Kem::X25519, &[suite(Aead::Aes128Gcm)]).encode();
    let algorithms = |bytes: &[u8]| entry(&[&one[..one.len() - 6], bytes].concat());
    assert_eq!(outcome(&algorithms(&[0, 4, 0, 1, 0, 1])), Ok(1));
    assert_eq!(outcome(&algorithms(&[0, 0])), Err(Error::ListAlgorithms));
    for len in 1..4 {
        let cut = [&[0, len][..], &[0, 1, 0, 1][..len.into()]].concat();
        assert_eq!(outcome(&algorithms(&cut)), Err(Error::ListAlgorithms));
    }
    assert_eq!(outcome(&algorithms(&[0, 4, 0, 1, 0, 1, 0])), Err(Error::ListTrailing));
    assert_eq!(outcome(&algorithms(&[0, 8, 0, 1, 0, 1])), Err(Error::ListTruncated));
    assert_eq!(outcome(&[&entry(&one)[..], &[0]].concat()), Err(Error::ListTruncated));
    // The bare form.
    assert_eq!(outcome(&one), Err(Error::ListTruncated));

    let list = three();
    let mut borders = vec![];
    let mut at = 0;
    while at < list.len() {
        at += 2 + usize::from(u16::from_be_bytes([list[at], list[at + 1]]));
        borders.push(at);
    }
    assert_eq!(borders.len(), 3);
    for cut in 1..list.len() {
        let want = match borders.iter().position(|border| *border == cut) {
            Some(before) => Ok(before + 1),
            None => Err(Error::ListTruncated),
        };
        assert_eq!(outcome(&list[..cut]), want, "cut at {cut}");
    }
}

/// OB-04, OB-119: keys that the KEM refuses.
#[test]
fn bad_public_keys() {
    for kem in KEMS {
        let good = config(1, kem, &[suite(Aead::Aes128Gcm)]);
        let len = kem.public_key_len();
        let with = |fill: u8| {
            let mut bad = good.encode();
            // X-Wing: the low-order half is the X25519 key at the end, the modulus check the front.
            bad[3..3 + len].fill(fill);
            outcome(&entry(&bad))
        };
        assert_eq!(with(0), Err(Error::PublicKey), "{kem:?}");
        if kem != Kem::X25519 {
            // X25519 has no wrong encodings but those of low order.
            assert_eq!(with(0xff), Err(Error::PublicKey), "{kem:?}");
        }
    }
}

/// OB-07: one id, two configs.
#[test]
fn duplicate_key_id() {
    let suites = [suite(Aead::Aes128Gcm)];
    let configs = [config(1, Kem::X25519, &suites), config(1, Kem::P256, &suites)];
    assert_eq!(outcome(&encode_list(&configs)), Err(Error::DuplicateKeyId));
}

/// A pair that is offered twice is written, and kept, once.
#[test]
fn repeated_pairs() {
    let pair = suite(Aead::Aes128Gcm);
    let config = config(1, Kem::X25519, &[pair, pair]);
    assert_eq!(config.suites, [pair]);
    let mut repeated = config.clone();
    repeated.suites = vec![pair; 20_000];
    assert_eq!(repeated.encode(), config.encode());
    let mut on_the_wire = config.encode();
    let at = on_the_wire.len() - 6;
    on_the_wire.truncate(at);
    on_the_wire.extend_from_slice(&[0, 8, 0, 1, 0, 1, 0, 1, 0, 1]);
    assert_eq!(parse_list(&entry(&on_the_wire), &Limits::default()).unwrap()[0].suites, [pair]);
}

#[test]
fn a_key_offers_something() {
    let outcome = GatewayKey::generate(1, Kem::X25519, &[], &Seeded::new(1));
    assert_eq!(outcome.err(), Some(Error::NoSuite));
}

proptest! {
    #![proptest_config(cases(512))]

    /// Never a panic; what is accepted encodes to something that is accepted and equal.
    #[test]
    fn mutations(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3u8), 1..6),
    ) {
        let mut list = three().to_vec();
        for (at, value, kind) in changes {
            if list.is_empty() {
                break;
            }
            let at = at.index(list.len());
            match kind {
                0 => list[at] = value,
                1 => list.insert(at, value),
                _ => list.truncate(at),
            }
        }
        if let Ok(configs) = parse_list(&list, &Limits::default()) {
            let _ = select(&configs, &KEMS);
            let usable: Vec<_> = configs.into_iter().filter(|c| !c.suites.is_empty()).collect();
            let again = encode_list(&usable);
            if !usable.is_empty() {
                let parsed = parse_list(&again, &Limits::default()).unwrap();
                prop_assert_eq!(encode_list(&parsed), again);
            }
        }
    }

    #[test]
    fn noise(list in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse_list(&list, &Limits::default());
    }
}
