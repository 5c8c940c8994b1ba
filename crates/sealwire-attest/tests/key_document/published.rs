//! AT-40: the form that is served.

use super::sample;
use proptest::prelude::*;
use sealwire_attest::{
    Endorsements, Error, Evidence, Kind, UnixTime, cmw,
    key_document::{Error as Rule, MAX_PUBLISHED_LEN, Published},
};

const AT: UnixTime = UnixTime(1_800_000_000);

fn published() -> Published {
    Published {
        document: sample(AT).encode(),
        evidence: Evidence { kind: Kind::Development, bytes: vec![5; 1184] }.into(),
        endorsements: Endorsements {
            certificates: vec![vec![1; 900], vec![2; 900]],
            crls: vec![vec![3; 40]],
            references: vec![vec![4; 50]],
        },
    }
}

// AT-40
#[test]
fn round_trips() {
    assert_eq!(Published::decode(&published().encode()), Ok(published()));
    let bare = Published { endorsements: Endorsements::default(), ..published() };
    assert_eq!(Published::decode(&bare.encode()), Ok(bare));
}

// AT-08
#[test]
fn is_bounded() {
    let refused = |change: fn(&mut Published)| {
        let mut published = published();
        change(&mut published);
        Published::decode(&published.encode()).err()
    };
    assert_eq!(refused(|published| published.document = vec![0; 64 * 1024]), None);
    assert_eq!(refused(|published| published.document = vec![0; 64 * 1024 + 1]), Some(Rule::Bounds.into()));
    assert_eq!(refused(|published| published.endorsements.certificates = vec![vec![0]; 32]), None);
    assert_eq!(
        refused(|published| published.endorsements.certificates = vec![vec![0]; 33]),
        Some(Rule::Bounds.into())
    );
    assert_eq!(refused(|published| published.endorsements.crls = vec![vec![0]; 16]), None);
    assert_eq!(
        refused(|published| published.endorsements.crls = vec![vec![0]; 17]),
        Some(Rule::Bounds.into())
    );
    assert_eq!(
        refused(|published| published.endorsements.crls = vec![vec![0; 256 * 1024 + 1]]),
        Some(Rule::Bounds.into())
    );
    assert_eq!(
        refused(|published| published.evidence.lead.bytes = vec![0; cmw::MAX_LEN]),
        Some(Rule::Bounds.into())
    );
    assert_eq!(Published::decode(&vec![0; MAX_PUBLISHED_LEN + 1]), Err(Rule::Bounds.into()));
}

// AT-08
#[test]
fn no_cut_and_no_tail_is_read() {
    let bytes = published().encode();
    for len in 0..bytes.len() {
        assert_eq!(Published::decode(&bytes[..len]), Err(Rule::Malformed.into()), "{len}");
    }
    assert_eq!(Published::decode(&[&bytes[..], &[0]].concat()), Err(Rule::Trailing.into()));
}

// AT-01
#[test]
fn evidence_of_an_unknown_kind_is_an_error() {
    let bytes = published().encode();
    let name = b"application/vnd.sealwire.development-report";
    let place = bytes.windows(name.len()).position(|window| window == name).unwrap();
    let mut other = bytes.clone();
    other[place + 25] = b'D';
    assert_eq!(Published::decode(&other), Err(Error::Cmw(cmw::Error::UnknownKind)));
}

// AT-44
#[test]
fn another_protocol_is_refused() {
    let mut bytes = published().encode();
    assert_eq!(bytes[3..13], *b"sealwire/1");
    bytes[12] = b'2';
    assert_eq!(Published::decode(&bytes), Err(Rule::Protocol.into()));
}

// AT-40: for people, and never read back.
#[test]
fn people_can_read_it() {
    let json = published().to_json_for_people();
    assert_eq!(json["document"]["issued-at"], "2027-01-15T08:00:00Z");
    assert_eq!(json["document"]["authorities"][0], "gateway.example");
    assert_eq!(json["document"]["wires"][0]["largest-request"], 1 << 24);
    assert_eq!(json["document"]["operator"], serde_json::Value::Null);
    assert_eq!(json["evidence"]["kind"], "development");
    assert_eq!(json["endorsements"]["certificates-sha256"].as_array().unwrap().len(), 2);
    assert!(Published::decode(json.to_string().as_bytes()).is_err());
    // Whoever publishes nonsense shows nonsense.
    let broken = Published { document: vec![0], ..published() }.to_json_for_people();
    assert!(broken["document"]["malformed"].is_string());
}

proptest! {
    // AT-08
    #[test]
    fn mutations_are_refused_or_mean_what_they_say(place in any::<prop::sample::Index>(), flip in 1u8..) {
        let mut bytes = published().encode();
        let place = place.index(bytes.len());
        bytes[place] ^= flip;
        if let Ok(published) = Published::decode(&bytes) {
            prop_assert_eq!(published.encode(), bytes);
        }
    }

    #[test]
    fn arbitrary_bytes_do_no_harm(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        prop_assert!(Published::decode(&bytes).is_err());
        let _ = cmw::decode(&bytes);
    }
}
