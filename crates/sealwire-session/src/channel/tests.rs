//! What only a peer that breaks the rules sends, and what would take too long to count up to.

use super::{MAX_DATA, Received, Receiver, Sealed, Sender, Volume, direction::RECORDS_BEFORE_UPDATE};
use crate::{Error, Suite};
use bytes::BytesMut;
use sealwire_crypto::{aead::Aead, kdf::Prk};

fn pair() -> (Sender, Receiver) {
    let suite = Suite { aead: Aead::Aes128Gcm };
    let secret = || Prk::from_bytes(suite.hash(), &[7; 32]).unwrap();
    (Sender::new(suite, secret()).unwrap(), Receiver::new(suite, secret()).unwrap())
}

/// After that nothing is taken.
fn refuses(mut receiver: Receiver, mut record: BytesMut, error: Error) {
    assert_eq!(receiver.open(&mut record), Err(error));
    assert_eq!(receiver.open(&mut record), Err(error));
    assert_eq!(receiver.end(), Err(error));
}

// SE-37: authentic, and still not what a record can be.
#[test]
fn contents_are_of_their_type() {
    for plaintext in [&b""[..], b"\x00", b"\x01more", b"\x02more", b"\x03", b"\x03more", b"\xff"] {
        let (mut sender, receiver) = pair();
        let record = sender.raw(plaintext);
        refuses(receiver, record, Error::RecordContent);
    }
}

// SE-37: longer than a record can be.
#[test]
fn an_authentic_record_has_its_limit() {
    let (mut sender, receiver) = pair();
    let record = sender.raw(&[0; MAX_DATA + 2]);
    refuses(receiver, record, Error::TooLong);
    let (mut sender, mut receiver) = pair();
    assert_eq!(receiver.open(&mut sender.raw(&[0; MAX_DATA + 1])), Ok(Received::Data));
}

// SE-38: updates cost the receiver more than a record, so they are few.
#[test]
fn a_flood_of_updates_is_refused() {
    let (mut sender, receiver) = pair();
    let record = sender.raw(&[1]);
    refuses(receiver, record, Error::KeyUpdate);

    let (mut sender, mut receiver) = pair();
    for _ in 0..RECORDS_BEFORE_UPDATE {
        assert_eq!(receiver.open(&mut sender.raw(b"\0data")), Ok(Received::Data));
    }
    assert_eq!(receiver.open(&mut sender.raw(&[1])), Ok(Received::KeyUpdate));
    sender.update();
    // The count begins again with the key.
    for _ in 1..RECORDS_BEFORE_UPDATE {
        assert_eq!(receiver.open(&mut sender.raw(b"\0data")), Ok(Received::Data));
    }
    let record = sender.raw(&[1]);
    refuses(receiver, record, Error::KeyUpdate);
}

// SE-38, TU-63: a key is used up after 2^20 records, or 16 GiB, whatever its sender thinks.
#[test]
fn a_key_has_its_volume() {
    assert_eq!(Volume::MOST, Volume { records: 1_048_576, bytes: 17_179_869_184 });
    for used in [
        Volume { records: Volume::MOST.records - 2, bytes: 0 },
        Volume { records: 100, bytes: Volume::MOST.bytes - 3 },
    ] {
        // Ours goes on in time: one byte of data, and the update, are what there is room for.
        let (sender, receiver) = pair();
        let (mut sender, mut receiver) = (sender.used(used), receiver.used(used));
        let mut record = BytesMut::new();
        for (data, sealed, received) in [
            (b"1", Sealed::Data(1), Received::Data),
            (b"2", Sealed::KeyUpdate, Received::KeyUpdate),
            (b"2", Sealed::Data(1), Received::Data),
        ] {
            assert_eq!(sender.seal([&data[..]], &mut record), Ok(sealed));
            assert_eq!(receiver.open(&mut record), Ok(received));
            record.clear();
        }
        // Another does not.
        let (sender, receiver) = pair();
        let (mut sender, mut receiver) = (sender.used(used), receiver.used(used));
        assert_eq!(receiver.open(&mut sender.raw(b"\0d")), Ok(Received::Data));
        let record = sender.raw(b"\0d");
        if used.bytes > 0 {
            // One byte more than there is room for.
            refuses(receiver, record, Error::KeyUpdate);
        } else {
            assert_eq!(receiver.open(&mut record.clone()), Ok(Received::Data));
            let record = sender.raw(&[1]);
            refuses(receiver, record, Error::KeyUpdate);
        }
    }
    // A close takes the room of the update.
    let used = Volume { records: Volume::MOST.records - 1, bytes: Volume::MOST.bytes - 1 };
    let (sender, receiver) = pair();
    let (sender, mut receiver) = (sender.used(used), receiver.used(used));
    let mut record = BytesMut::new();
    sender.close(&mut record).unwrap();
    assert_eq!(receiver.open(&mut record), Ok(Received::Close));
}
