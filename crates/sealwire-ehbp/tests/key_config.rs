//! The key configuration, bare and in a list (EH-01).
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used, clippy::panic)]

use proptest::prelude::*;
use sealwire_crypto::{
    kem::{Kem, PrivateKey},
    random::OsRandom,
};
use sealwire_ehbp::{
    Error,
    config::{KeyConfig, LEN, MAX_LIST_LEN},
    server::ServerKey,
};

fn config() -> KeyConfig {
    ServerKey::generate(&OsRandom).unwrap().config().clone()
}

fn list(configs: &[Vec<u8>]) -> Vec<u8> {
    configs.iter().flat_map(|config| [&(config.len() as u16).to_be_bytes()[..], config].concat()).collect()
}

fn refused(bytes: &[u8]) {
    assert_eq!(KeyConfig::parse(bytes).err(), Some(Error::KeyConfig), "{}", hex::encode(bytes));
}

fn same(bytes: &[u8], config: &KeyConfig) {
    assert_eq!(KeyConfig::parse(bytes).unwrap().encode(), config.encode());
}

// EH-01
#[test]
fn bare_and_in_a_list() {
    let (ours, second) = (config(), config());
    let bare = ours.encode();
    assert_eq!(bare.len(), LEN);
    assert_eq!(bare[..3], [0, 0, 0x20]);
    assert_eq!(bare[35..], [0, 4, 0, 1, 0, 2]);
    assert_ne!(ours.id(), second.id());
    same(&bare, &ours);
    same(&list(std::slice::from_ref(&bare)), &ours);
    // The first that is of use, whatever its key id, and whatever stands beside it.
    let unknown = [&[9, 0x12, 0x34][..], &[7; 5]].concat();
    let mut numbered = bare.clone();
    numbered[0] = 7;
    let mut other_aead = second.encode();
    other_aead[40] = 3;
    same(&list(&[unknown.clone(), other_aead.clone(), numbered, second.encode()]), &ours);
    let more = [&bare[..35], &[0, 8, 0, 1, 0, 3, 0, 1, 0, 2]].concat();
    same(&more, &ours);

    refused(&[]);
    refused(&list(&[unknown]));
    refused(&list(&[other_aead]));
    refused(&list(&[Vec::new()]));
    (1..LEN).for_each(|len| refused(&bare[..len]));
    refused(&[&bare[..], &[0]].concat());
    refused(&[&list(std::slice::from_ref(&bare))[..], &[0]].concat());
    refused(&list(&[[&bare[..], &[0]].concat()]));
    for (at, byte) in [(36, 0), (36, 3), (36, 8), (38, 2), (40, 1)] {
        let mut altered = bare.clone();
        altered[at] = byte;
        refused(&altered);
    }
    // A point of low order is no key.
    refused(&[&bare[..3], &[0; 32], &bare[35..]].concat());
    refused(&list(&vec![bare; MAX_LIST_LEN / 43 + 1]));
}

#[test]
fn other_kems_have_no_place() {
    let key = PrivateKey::generate(Kem::P256, &OsRandom).unwrap();
    assert_eq!(ServerKey::new(key).err(), Some(Error::KeyConfig));
}

proptest! {
    #[test]
    fn anything_is_read_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
        let _ = KeyConfig::parse(&bytes);
    }
}
