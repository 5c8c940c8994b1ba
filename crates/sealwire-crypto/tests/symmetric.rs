//! Digests, HKDF, AEADs and randomness.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use sealwire_crypto::{
    Error,
    aead::{Aead, Key, NONCE_LEN, Sequence, TAG_LEN},
    digest::{Hash, Running, constant_time_eq, sha256, sha384, sha512},
    kdf::Hkdf,
    random::{self, OsRandom, Random, Scripted},
};

const AEADS: [Aead; 3] = [Aead::Aes128Gcm, Aead::Aes256Gcm, Aead::ChaCha20Poly1305];

fn hex(text: &str) -> Vec<u8> {
    ::hex::decode(text).unwrap()
}

// FIPS 180-4's example.
#[test]
fn digests_of_abc() {
    let cases: [&[&[u8]]; 4] = [&[b"abc"], &[b"a", b"bc"], &[b"", b"ab", b"", b"c"], &[b"abc", b""]];
    for parts in cases {
        assert_eq!(
            sha256(parts).to_vec(),
            hex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        );
        assert_eq!(
            sha384(parts).to_vec(),
            hex(
                "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7"
            )
        );
        assert_eq!(
            sha512(parts).to_vec(),
            hex(concat!(
                "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a",
                "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
            ))
        );
    }
    assert_eq!(sha256(&[]), sha256(&[b""]));
}

#[test]
fn a_running_digest_can_be_read_at_any_time() {
    let data: Vec<u8> = (0..=255).cycle().take(1000).collect();
    for (hash, len) in [(Hash::Sha256, 32), (Hash::Sha384, 48), (Hash::Sha512, 64)] {
        let mut running = Running::new(hash);
        assert_eq!(running.peek(), hash.digest(&[]));
        let mut said = 0;
        for piece in data.chunks(77) {
            running.update(piece);
            said += piece.len();
            assert_eq!(running.peek(), hash.digest(&[&data[..said]]));
        }
        let mut fork = running.clone();
        fork.update(b"aside");
        assert_eq!(fork.finish(), hash.digest(&[&data, b"aside"]));
        assert_eq!(running.peek(), running.clone().finish());
        assert_eq!((hash.digest_len(), running.finish().as_bytes().len()), (len, len));
    }
    assert_eq!(Hash::Sha256.digest(&[&data]).as_bytes(), sha256(&[&data]));
    assert_eq!(Hash::Sha384.digest(&[&data]).as_bytes(), sha384(&[&data]));
    assert_eq!(Hash::Sha512.digest(&[&data]).as_ref(), sha512(&[&data]));
}

#[test]
fn constant_time_comparison() {
    assert!(constant_time_eq(b"", b""));
    assert!(constant_time_eq(b"same", b"same"));
    assert!(!constant_time_eq(b"same", b"samf"));
    assert!(!constant_time_eq(b"same", b"sam"));
}

// RFC 5869 appendix A, test cases 1 to 3.
#[test]
fn hkdf_sha256_vectors() {
    let long = |from: u8, to: u8| (from..=to).collect::<Vec<u8>>();
    let cases = [
        (
            vec![0x0b; 22],
            long(0x00, 0x0c),
            long(0xf0, 0xf9),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
        ),
        (
            long(0x00, 0x4f),
            long(0x60, 0xaf),
            long(0xb0, 0xff),
            concat!(
                "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09",
                "da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87"
            ),
        ),
        (
            vec![0x0b; 22],
            vec![],
            vec![],
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
        ),
    ];
    for (ikm, salt, info, okm) in cases {
        let okm = hex(okm);
        let mut out = vec![0; okm.len()];
        Hkdf::Sha256.extract(&salt, &[&ikm]).expand(&[&info], &mut out).unwrap();
        assert_eq!(out, okm);
        // The same in parts.
        let (ikm, info) = (ikm.split_at(5), info.split_at(info.len() / 2));
        out.fill(0);
        Hkdf::Sha256.extract(&salt, &[ikm.0, b"", ikm.1]).expand(&[info.0, info.1], &mut out).unwrap();
        assert_eq!(out, okm);
    }
}

#[test]
fn hkdf_limits() {
    for (kdf, id, len) in [(Hkdf::Sha256, 1, 32), (Hkdf::Sha384, 2, 48), (Hkdf::Sha512, 3, 64)] {
        assert_eq!((kdf.id(), Hkdf::from_id(id), kdf.hash_len()), (id, Some(kdf), len));
        let prk = kdf.extract(b"salt", &[b"secret"]);
        assert_eq!(prk.expand(&[], &mut []), Ok(()));
        let mut all = vec![0; 255 * len];
        assert_eq!(prk.expand(&[b"info"], &mut all), Ok(()));
        // A shorter output is a prefix, and the last block is filled.
        let mut short = vec![0; len + 1];
        prk.expand(&[b"info"], &mut short).unwrap();
        assert_eq!(short, all[..=len]);
        assert_ne!(all[254 * len..], vec![0; len]);
        all.push(0);
        assert_eq!(prk.expand(&[b"info"], &mut all), Err(Error::Limit));
    }
    assert_eq!(Hkdf::from_id(0), None);
}

#[test]
fn aead_identifiers_and_key_lengths() {
    for (aead, id, len) in
        [(Aead::Aes128Gcm, 1, 16), (Aead::Aes256Gcm, 2, 32), (Aead::ChaCha20Poly1305, 3, 32)]
    {
        assert_eq!((aead.id(), Aead::from_id(id), aead.key_len()), (id, Some(aead), len));
        assert!(Key::new(aead, &[0; 32][..len]).is_ok());
        for wrong in [0, len - 1, len + 1, 24] {
            assert_eq!(Key::new(aead, &[0; 64][..wrong]).err(), Some(Error::Key));
        }
    }
    // Export-only (RFC 9180 section 7.3) is not an AEAD.
    assert_eq!(Aead::from_id(0xffff), None);
}

#[test]
fn a_failed_open_leaves_no_plaintext() {
    for aead in AEADS {
        let key = Key::new(aead, &[1; 32][..aead.key_len()]).unwrap();
        for len in [1, 16, 100, 5000] {
            let plaintext = vec![b'p'; len];
            let mut message = plaintext.clone();
            let tag = key.seal([2; NONCE_LEN], b"aad", &mut message).unwrap();
            message.extend_from_slice(&tag);
            message[len + TAG_LEN - 1] ^= 1;
            assert_eq!(key.open([2; NONCE_LEN], b"aad", &mut message).err(), Some(Error::Open));
            let kept = message.iter().zip(&plaintext).filter(|(a, b)| a == b).count();
            assert!(kept < len / 8 + 1 + usize::from(len == 1), "{aead:?} {len}: {kept}");
        }
    }
}

#[test]
fn a_sequence_is_the_key_with_counted_nonces() {
    for aead in AEADS {
        let new_key = || Key::new(aead, &[1; 32][..aead.key_len()]).unwrap();
        let base = [0xa5; NONCE_LEN];
        let mut sequence = Sequence::new(new_key(), base);
        for number in 0..600_u64 {
            let mut nonce = base;
            for (byte, count) in nonce[4..].iter_mut().zip(number.to_be_bytes()) {
                *byte ^= count;
            }
            let (mut ours, mut expected) = (*b"message", *b"message");
            let tag = sequence.seal(b"aad", &mut ours).unwrap();
            assert_eq!(tag, new_key().seal(nonce, b"aad", &mut expected).unwrap());
            assert_eq!(ours, expected);
        }
    }
}

#[test]
fn a_sequence_can_start_anywhere() {
    for aead in AEADS {
        let new_key = || Key::new(aead, &[1; 32][..aead.key_len()]).unwrap();
        let mut whole = Sequence::new(new_key(), [7; NONCE_LEN]);
        let mut messages = Vec::new();
        for _ in 0..5 {
            let mut message = b"message".to_vec();
            let tag = whole.seal(b"aad", &mut message).unwrap();
            messages.push([&message[..], &tag].concat());
        }
        assert_eq!(whole.next_number(), 5);
        let mut late = Sequence::starting_at(new_key(), [7; NONCE_LEN], 3);
        assert_eq!(late.open(b"aad", &mut messages[2].clone()).err(), Some(Error::Open));
        assert_eq!(late.next_number(), 3);
        assert_eq!(late.open(b"aad", &mut messages[3].clone()).unwrap(), b"message");
        assert_eq!(late.open(b"aad", &mut messages[4].clone()).unwrap(), b"message");
        assert_eq!(late.next_number(), 5);
    }
}

#[test]
fn os_random_is_random() {
    let (a, b) = (random::array::<32>(&OsRandom).unwrap(), random::array::<32>(&OsRandom).unwrap());
    assert_ne!(a, b);
    assert_ne!(a, [0; 32]);
}

#[test]
fn scripted_runs_out() {
    let script = Scripted::new(b"abcdef");
    assert!(script.is_scripted() && !OsRandom.is_scripted());
    assert_eq!(random::array(&script), Ok(*b"ab"));
    assert_eq!(random::array(&script), Ok(*b"cde"));
    assert_eq!(random::array::<2>(&script), Err(Error::Random));
    assert_eq!(random::array(&script), Ok(*b"f"));
    assert_eq!(script.fill(&mut [0]), Err(Error::Random));
    assert_eq!(script.fill(&mut []), Ok(()));
}
