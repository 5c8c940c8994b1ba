//! Splitting of threshold keys: vectors both ways, and what must not happen.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used, clippy::panic)]

mod common;

use common::{cases, text, vectors};
use proptest::prelude::*;
use sealwire_crypto::{
    bls::{PublicKey, Scalar, SecretKey},
    random::{OsRandom, Scripted},
};
use sealwire_envelope::{
    base64url,
    shamir::{Error, Share, combine, split},
};
use serde_json::Value;

fn threshold(case: &Value, member: &str) -> u8 {
    u8::try_from(case[member].as_u64().unwrap()).unwrap()
}

/// 64 bytes, little-endian, of a decimal number: what a coefficient is read from.
fn coefficient(decimal: &str) -> [u8; 64] {
    let mut bytes = [0u8; 64];
    for digit in decimal.bytes() {
        let mut carry = u32::from(digit - b'0');
        for byte in &mut bytes {
            carry += u32::from(*byte) * 10;
            *byte = (carry & 0xff) as u8;
            carry >>= 8;
        }
        assert_eq!(carry, 0);
    }
    bytes
}

// EN-70
#[test]
fn the_vectors_split_and_combine() {
    let Some(file) = vectors("shamir") else { return };
    for case in cases(&file) {
        let id = text(case, "id");
        let m = threshold(case, "m");
        let expected = PublicKey::from_bytes(&base64url::decode(text(case, "publicKey")).unwrap()).unwrap();
        let texts: Vec<&str> =
            case["shares"].as_array().unwrap().iter().map(|share| share.as_str().unwrap()).collect();
        let shares: Result<Vec<Share>, Error> = match case["use"].as_array() {
            Some(used) => {
                used.iter().map(|at| Share::from_text(texts[at.as_u64().unwrap() as usize])).collect()
            }
            None => texts.iter().map(|text| Share::from_text(text)).collect(),
        };
        let combined = shares.and_then(|shares| combine(&shares, m, &expected));
        if text(case, "expect") == "accept" {
            let secret = base64url::decode(text(case, "secret")).unwrap();
            assert_eq!(
                combined.unwrap_or_else(|error| panic!("{id}: {error}")).to_bytes().as_slice(),
                secret,
                "{id}"
            );
            let script: Vec<u8> = case["coefficients"]
                .as_array()
                .unwrap()
                .iter()
                .flat_map(|decimal| coefficient(decimal.as_str().unwrap()))
                .collect();
            let key = SecretKey::from_bytes(&secret).unwrap();
            let split = split(&key, m, threshold(case, "n"), &Scripted::new(&script)).unwrap();
            for text in texts {
                let index = Share::from_text(text).unwrap().index();
                assert_eq!(split[usize::from(index) - 1].to_text().as_str(), text, "{id}");
            }
        } else {
            let error = combined.err().unwrap_or_else(|| panic!("{id} combined"));
            let wanted = match id {
                "duplicate-index" => Error::DuplicateIndex,
                "index-zero" => Error::IndexZero,
                "value-not-reduced" => Error::Value,
                "wrong-m" => Error::OtherKey,
                other => panic!("unknown case {other}"),
            };
            assert_eq!(error, wanted, "{id}");
        }
    }
}

fn key(fill: u8) -> SecretKey {
    SecretKey::from_bytes(&[fill; 32]).unwrap()
}

// SP-51: a share of another key among them is noticed, since the key that comes out is checked.
#[test]
fn a_share_of_another_key_does_not_give_another_key() {
    let key = key(1);
    let mut shares = split(&key, 3, 5, &OsRandom).unwrap();
    shares[1] = split(&self::key(2), 3, 5, &OsRandom).unwrap().remove(1);
    assert_eq!(combine(&shares, 3, &key.public_key()).err(), Some(Error::OtherKey));
}

// SP-51
#[test]
fn thresholds_and_texts_out_of_bounds_are_refused() {
    let key = key(1);
    for (m, n) in [(0, 5), (1, 5), (6, 5), (2, 0)] {
        assert_eq!(split(&key, m, n, &OsRandom).err(), Some(Error::Threshold));
    }
    assert_eq!(split(&key, 2, 3, &Scripted::new(&[])).err(), Some(Error::Random));
    let shares = split(&key, 3, 5, &OsRandom).unwrap();
    assert_eq!(combine(&shares[..2], 3, &key.public_key()).err(), Some(Error::TooFew));
    assert_eq!(combine(&shares, 1, &key.public_key()).err(), Some(Error::Threshold));
    let text = shares[0].to_text();
    for bad in [&text[..43], &format!("{}A", *text), &text.replace(|c: char| c.is_ascii(), "="), ""] {
        assert_eq!(Share::from_text(bad).err(), Some(Error::Length));
    }
    assert!(!format!("{:?}", shares[0]).contains(&text[4..]), "a share does not show its value");
}

// SP-51: fewer than m shares say nothing, since for every other key there is a polynomial that has them.
#[test]
fn fewer_shares_than_the_threshold_fit_every_other_key() {
    let share = split(&key(1), 2, 3, &OsRandom).unwrap().remove(0);
    let value = base64url::decode(share.to_text().as_bytes()).unwrap();
    let other = Scalar::from_bytes(key(9).to_bytes().as_slice()).unwrap();
    let mut slope = Scalar::from_bytes(&value[1..]).unwrap().sub(&other).to_bytes().to_vec();
    slope.reverse();
    slope.resize(64, 0);
    let of_other = split(&key(9), 2, 3, &Scripted::new(&slope)).unwrap();
    assert_eq!(*of_other[0].to_text(), *share.to_text());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    // EN-70
    #[test]
    fn any_m_of_n_shares_give_the_key(
        seed in any::<[u8; 32]>(),
        m in 2u8..6,
        more in 0u8..4,
        order in any::<prop::sample::Index>(),
    ) {
        let key = SecretKey::generate(&Scripted::new(&seed)).unwrap();
        let mut shares = split(&key, m, m + more, &OsRandom).unwrap();
        let turn = order.index(shares.len());
        shares.rotate_left(turn);
        let combined = combine(&shares[..usize::from(m)], m, &key.public_key()).unwrap();
        prop_assert_eq!(combined.to_bytes(), key.to_bytes());
    }

    // SP-51
    #[test]
    fn texts_have_one_spelling(bytes in any::<[u8; 33]>()) {
        let text = base64url::encode(bytes);
        if let Ok(share) = Share::from_text(&text) {
            prop_assert_eq!((*share.to_text()).clone(), text);
        }
    }
}
