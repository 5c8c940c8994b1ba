//! Key agreement: published vectors, other implementations, and what must be refused.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod common;

use common::low_order_points;
use proptest::prelude::*;
use rustls::crypto::aws_lc_rs::kx_group;
use sealwire_crypto::{
    Error,
    kx::{Group, Offer, SharedSecret, respond},
    random::{OsRandom, Random, Scripted},
};
use shake::{ExtendableOutput, Shake128, Update, XofReader};

const GROUPS: [Group; 3] = [Group::X25519MlKem768, Group::SecP384r1MlKem1024, Group::X25519];

fn hex(text: &str) -> Vec<u8> {
    ::hex::decode(text).unwrap()
}

fn offer(group: Group) -> Offer {
    Offer::generate(group, &OsRandom).unwrap()
}

fn complete_error(offer: Offer, share: &[u8]) -> Option<Error> {
    offer.complete(share).err()
}

fn respond_errors(group: Group, share: &[u8]) -> [Option<Error>; 2] {
    // The script goes through other code than the operating system's generator, so it is asked too.
    let script = Scripted::new(&[1; 80]);
    [&OsRandom as &dyn Random, &script].map(|random| respond(group, share, random).err())
}

/// Where the halves of a share lie: ML-KEM, point.
fn halves(group: Group, share: &[u8]) -> (Vec<u8>, Vec<u8>) {
    match group {
        Group::X25519MlKem768 => (share[..share.len() - 32].to_vec(), share[share.len() - 32..].to_vec()),
        Group::SecP384r1MlKem1024 => (share[97..].to_vec(), share[..97].to_vec()),
        Group::X25519 => (Vec::new(), share.to_vec()),
    }
}

fn joined(group: Group, (ml_kem, point): (&[u8], &[u8])) -> Vec<u8> {
    if group == Group::SecP384r1MlKem1024 { [point, ml_kem].concat() } else { [ml_kem, point].concat() }
}

/// ML-KEM's half of a secret.
fn ml_kem_half(group: Group, secret: &SharedSecret) -> &[u8] {
    let secret = secret.as_bytes();
    if group == Group::SecP384r1MlKem1024 { &secret[48..] } else { &secret[..32] }
}

// RFC 10024 section 4; SE-04.
#[test]
fn numbers_and_lengths() {
    let expected = [(0x11ec, 1216, 1120, 64), (0x11ed, 1665, 1665, 80), (0x001d, 32, 32, 32)];
    for (group, (id, client, server, secret)) in GROUPS.into_iter().zip(expected) {
        assert_eq!((group.id(), Group::from_id(id)), (id, Some(group)));
        assert_eq!((group.client_share_len(), group.server_share_len()), (client, server));
        let offer = offer(group);
        assert_eq!((offer.group(), offer.share().len()), (group, client));
        let (share, ours) = respond(group, offer.share(), &OsRandom).unwrap();
        let theirs = offer.complete(&share).unwrap();
        assert_eq!((share.len(), ours.as_bytes().len()), (server, secret));
        assert!(ours.as_bytes() == theirs.as_bytes());
    }
    assert_eq!(Group::from_id(0x11eb), None);
    assert_eq!(Group::from_id(0), None);
}

#[test]
fn nothing_repeats() {
    for group in GROUPS {
        let (a, b) = (offer(group), offer(group));
        let ((a_ml_kem, a_point), (b_ml_kem, b_point)) = (halves(group, a.share()), halves(group, b.share()));
        assert!(a_point != b_point && (group == Group::X25519 || a_ml_kem != b_ml_kem));
        let (first, first_secret) = respond(group, a.share(), &OsRandom).unwrap();
        let (second, second_secret) = respond(group, a.share(), &OsRandom).unwrap();
        assert!(first != second && first_secret.as_bytes() != second_secret.as_bytes());
    }
}

// RFC 7748 section 6.1.
#[test]
fn x25519_vector() {
    let alice = hex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
    let bob = hex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
    let secret = hex("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
    let offer = Offer::generate(Group::X25519, &Scripted::new(&alice)).unwrap();
    assert_eq!(offer.share(), hex("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"));
    let (share, ours) = respond(Group::X25519, offer.share(), &Scripted::new(&bob)).unwrap();
    assert_eq!(share, hex("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"));
    assert_eq!(ours.as_bytes(), secret);
    assert_eq!(offer.complete(&share).unwrap().as_bytes(), secret);
}

// NIST's test of the ECC CDH primitive, P-384, count 0.
#[test]
fn p384_vector() {
    let group = Group::SecP384r1MlKem1024;
    let theirs = hex(concat!(
        "04a7c76b970c3b5fe8b05d2838ae04ab47697b9eaf52e764592efda27fe7513272734466b400091adbf2d68c58e0c50066",
        "ac68f19f2e1cb879aed43a9969b91a0839c4c38a49749b661efedf243451915ed0905a32b060992b468c64766fc8437a"
    ));
    let scalar = hex(
        "3cc3122a68f0d95027ad38c067916ba0eb8c38894d22e1b15618b6818a661774ad463b205da88cf699ab4d43c9cf98a1",
    );
    let (ml_kem, _) = halves(group, offer(group).share());
    let script = Scripted::new(&[&scalar[..], &[1; 32]].concat());
    let (share, secret) = respond(group, &joined(group, (&ml_kem, &theirs)), &script).unwrap();
    assert_eq!(
        share[..97],
        hex(concat!(
            "049803807f2f6d2fd966cdd0290bd410c0190352fbec7ff6247de1302df86f25d34fe4a97bef60cff548355c015dbb3e5f",
            "ba26ca69ec2f5b5d9dad20cc9da711383a9dbe34ea3fa5a2af75b46502629ad54dd8b7d73a8abb06a3a3be47d650cc99"
        ))
    );
    assert_eq!(
        secret.as_bytes()[..48],
        hex(
            "5f9d29dc5e31a163060356213669c8ce132e22f57c9a04f40ba7fcead493b457e5621e766c40a2e3d4d6a04b25e533f1"
        )
    );
}

// A hundred keys, encapsulations and implicit rejections of each parameter set, drawn from SHAKE128 of nothing and hashed
// by SHAKE128, against what the other implementations agree on: for ML-KEM-768 the test of Go's crypto/mlkem, for
// ML-KEM-1024 the same procedure with Go's, PQClean's and CIRCL's code.
#[test]
fn ml_kem_accumulated_vectors() {
    for (group, expected) in [
        (Group::X25519MlKem768, "1114b1b6699ed191734fa339376afa7e285c9e6acf6ff0177d346696ce564415"),
        (Group::SecP384r1MlKem1024, "800018fec3e2723f73f1d657fe239b4d5d8782efaade297e8cd448e54cc2ac00"),
    ] {
        let scalar = vec![1; if group == Group::X25519MlKem768 { 32 } else { 48 }];
        let script = |ml_kem: &[u8]| Scripted::new(&joined(group, (ml_kem, &scalar)));
        let mut source = Shake128::default().finalize_xof();
        let mut sum = Shake128::default();
        for _ in 0..100 {
            let mut seed = [0; 64];
            source.read(&mut seed);
            let offer = || Offer::generate(group, &script(&seed)).unwrap();
            let (encapsulation_key, _) = halves(group, offer().share());
            sum.update(&encapsulation_key);

            let mut m = [0; 32];
            source.read(&mut m);
            let (share, secret) = respond(group, offer().share(), &script(&m)).unwrap();
            let (mut ciphertext, point) = halves(group, &share);
            sum.update(&ciphertext);
            sum.update(ml_kem_half(group, &secret));
            assert!(offer().complete(&share).unwrap().as_bytes() == secret.as_bytes());

            source.read(&mut ciphertext);
            let rejected = offer().complete(&joined(group, (&ciphertext, &point))).unwrap();
            sum.update(ml_kem_half(group, &rejected));
        }
        let mut result = [0; 32];
        sum.finalize_xof().read(&mut result);
        assert_eq!(::hex::encode(result), expected, "{group:?}");
    }
}

// RFC 10024: the order of halves in shares and secrets, as another implementation has it. Scripts run through the crate
// `ml-kem` and the rest through the backend, so each of them stands on either side.
#[test]
fn rustls_agrees_on_x25519mlkem768() {
    let group = Group::X25519MlKem768;
    let script = Scripted::new(&[7; 96]);
    for random in [&OsRandom as &dyn Random, &script] {
        let ours = Offer::generate(group, random).unwrap();
        let theirs = kx_group::X25519MLKEM768.start_and_complete(ours.share()).unwrap();
        assert!(ours.complete(&theirs.pub_key).unwrap().as_bytes() == theirs.secret.secret_bytes());
    }
    let script = Scripted::new(&[7; 64]);
    for random in [&OsRandom as &dyn Random, &script] {
        let theirs = kx_group::X25519MLKEM768.start().unwrap();
        let (share, ours) = respond(group, theirs.pub_key(), random).unwrap();
        assert!(theirs.complete(&share).unwrap().secret_bytes() == ours.as_bytes());
    }
}

// RFC 10024: SecP384r1MLKEM1024 from its two halves, P-384 first.
#[test]
fn rustls_agrees_on_the_halves_of_secp384r1mlkem1024() {
    let group = Group::SecP384r1MlKem1024;
    let (p384, ml_kem) = (kx_group::SECP384R1, kx_group::MLKEM1024);
    for random in [&OsRandom as &dyn Random, &Scripted::new(&[7; 112])] {
        let ours = Offer::generate(group, random).unwrap();
        let (first, second) = (
            p384.start_and_complete(&ours.share()[..97]).unwrap(),
            ml_kem.start_and_complete(&ours.share()[97..]).unwrap(),
        );
        let secret = ours.complete(&[first.pub_key, second.pub_key].concat()).unwrap();
        assert!(secret.as_bytes() == [first.secret.secret_bytes(), second.secret.secret_bytes()].concat());
    }
    for random in [&OsRandom as &dyn Random, &Scripted::new(&[7; 80])] {
        let (first, second) = (p384.start().unwrap(), ml_kem.start().unwrap());
        let (share, ours) = respond(group, &[first.pub_key(), second.pub_key()].concat(), random).unwrap();
        let (first, second) = (first.complete(&share[..97]).unwrap(), second.complete(&share[97..]).unwrap());
        assert!(ours.as_bytes() == [first.secret_bytes(), second.secret_bytes()].concat());
    }
}

#[test]
fn everything_follows_from_a_script() {
    for (group, client_len, server_len) in
        [(Group::X25519MlKem768, 96, 64), (Group::SecP384r1MlKem1024, 112, 80), (Group::X25519, 32, 32)]
    {
        let client = || Scripted::new(&[3; 112][..client_len]);
        let server = || Scripted::new(&[4; 80][..server_len]);
        let run = || {
            let (client, server) = (client(), server());
            let offer = Offer::generate(group, &client).unwrap();
            let sent = offer.share().to_vec();
            let (share, secret) = respond(group, &sent, &server).unwrap();
            assert!(offer.complete(&share).unwrap().as_bytes() == secret.as_bytes());
            // Nothing is left over.
            assert_eq!(client.fill(&mut [0]), Err(Error::Random));
            assert_eq!(server.fill(&mut [0]), Err(Error::Random));
            (sent, share, secret)
        };
        let (first, second) = (run(), run());
        assert!(first.0 == second.0 && first.1 == second.1 && first.2.as_bytes() == second.2.as_bytes());
        // And nothing is made up.
        for short in 0..client_len {
            let script = Scripted::new(&vec![3; short]);
            assert_eq!(Offer::generate(group, &script).err(), Some(Error::Random));
        }
        for short in 0..server_len {
            let script = Scripted::new(&vec![4; short]);
            assert_eq!(respond(group, &first.0, &script).err(), Some(Error::Random));
        }
    }
}

#[test]
fn other_lengths_are_refused() {
    for group in GROUPS {
        let client = offer(group).share().to_vec();
        let (server, _) = respond(group, &client, &OsRandom).unwrap();
        let lengths =
            |right: usize| [0, 1, 31, 32, 33, 97, right - 32, right - 1, right + 1, right + 32, 2 * right];
        for len in lengths(client.len()).into_iter().filter(|len| *len != client.len()) {
            let share: Vec<u8> = client.iter().copied().cycle().take(len).collect();
            assert_eq!(respond_errors(group, &share), [Some(Error::Kem); 2], "{group:?} {len}");
        }
        for len in lengths(server.len()).into_iter().filter(|len| *len != server.len()) {
            let share: Vec<u8> = server.iter().copied().cycle().take(len).collect();
            assert_eq!(complete_error(offer(group), &share), Some(Error::Kem), "{group:?} {len}");
        }
    }
}

// RFC 7748 section 6.1: the secret would be zero whatever the scalar.
#[test]
fn points_of_low_order_are_refused() {
    for group in [Group::X25519MlKem768, Group::X25519] {
        let client = offer(group);
        let (server, _) = respond(group, client.share(), &OsRandom).unwrap();
        for point in low_order_points() {
            let with_point = |share: &[u8]| joined(group, (&halves(group, share).0, &point));
            assert_eq!(respond_errors(group, &with_point(client.share())), [Some(Error::Kem); 2]);
            assert_eq!(complete_error(offer(group), &with_point(&server)), Some(Error::Kem));
        }
    }
}

// RFC 10024 section 4.1 by way of RFC 8446 section 4.2.8.2: uncompressed, and on the curve.
#[test]
fn points_off_p384_are_refused() {
    let group = Group::SecP384r1MlKem1024;
    let client = offer(group).share().to_vec();
    let (server, _) = respond(group, &client, &OsRandom).unwrap();
    for share in [client, server] {
        let alter = |alter: &dyn Fn(&mut [u8])| {
            let mut altered = share.clone();
            alter(&mut altered);
            altered
        };
        for altered in [
            alter(&|share| share[96] ^= 1),
            alter(&|share| share[1..49].fill(0xff)),
            alter(&|share| share[..97].fill(0)),
            alter(&|share| share[1..97].fill(0)),
            alter(&|share| share[0] = 2 + (share[96] & 1)),
            alter(&|share| share[0] = 6 + (share[96] & 1)),
            alter(&|share| {
                share[0] = 2 + (share[96] & 1);
                share[49..97].fill(0);
            }),
        ] {
            assert_eq!(respond_errors(group, &altered), [Some(Error::Kem); 2]);
            assert_eq!(complete_error(offer(group), &altered), Some(Error::Kem));
        }
    }
}

// FIPS 203 section 7.2: a coefficient of 3329 or above.
#[test]
fn the_modulus_check() {
    for (group, coefficients_end) in [(Group::X25519MlKem768, 1152), (Group::SecP384r1MlKem1024, 1536)] {
        let (ml_kem, point) = halves(group, offer(group).share());
        // Two 12-bit coefficients lie in three bytes, little end first; 3329 is 0xd01.
        let with = |at: usize, bytes: [u8; 3]| {
            let mut ml_kem = ml_kem.clone();
            ml_kem[at..at + 3].copy_from_slice(&bytes);
            respond_errors(group, &joined(group, (&ml_kem, &point)))
        };
        assert_eq!(with(0, [0x01, 0x0d, 0x00]), [Some(Error::Kem); 2]);
        assert_eq!(with(0, [0x00, 0x10, 0xd0]), [Some(Error::Kem); 2]);
        assert_eq!(with(coefficients_end - 3, [0xff, 0xff, 0xff]), [Some(Error::Kem); 2]);
        assert_eq!(with(0, [0x00, 0x0d, 0xd0]), [None; 2]);
    }
}

#[test]
fn a_share_of_another_group_is_refused() {
    for group in GROUPS {
        for other in GROUPS.into_iter().filter(|other| *other != group) {
            assert_eq!(respond_errors(group, offer(other).share()), [Some(Error::Kem); 2]);
            let (share, _) = respond(other, offer(other).share(), &OsRandom).unwrap();
            // The shares of servers in the two hybrids differ in length too.
            assert_eq!(complete_error(offer(group), &share), Some(Error::Kem));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    // An altered share is refused or gives another secret, which the first tag shows.
    #[test]
    fn altered_shares_never_agree(group in prop::sample::select(&GROUPS[..]), at: prop::sample::Index, bit in 0..8_u8) {
        let client = offer(group);
        let (mut share, secret) = respond(group, client.share(), &OsRandom).unwrap();
        let at = at.index(share.len());
        // X25519 ignores the top bit of a point (RFC 7748 section 5), which the transcript covers.
        prop_assume!(group == Group::SecP384r1MlKem1024 || at + 1 < share.len() || bit != 7);
        share[at] ^= 1_u8 << bit;
        if let Ok(other) = client.complete(&share) {
            prop_assert!(other.as_bytes() != secret.as_bytes());
        }
    }

    #[test]
    fn no_bytes_panic(group in prop::sample::select(&GROUPS[..]), client: bool, seed: u64) {
        let len = if client { group.client_share_len() } else { group.server_share_len() };
        let mut share = vec![0; len];
        let mut reader = Shake128::default().chain(seed.to_le_bytes()).finalize_xof();
        reader.read(&mut share);
        let _ = if client { respond(group, &share, &OsRandom).map(|_| ()) } else { offer(group).complete(&share).map(|_| ()) };
    }
}
