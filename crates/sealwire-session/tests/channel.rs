//! Channels between two ends: what they carry, and everything that is refused.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use bytes::{Bytes, BytesMut};
use common::{Gateway, NOW, establish};
use proptest::prelude::*;
use sealwire_crypto::{aead::Aead, nonces, random::OsRandom};
use sealwire_message::chunk;
use sealwire_session::{
    Error, Suite,
    channel::{Channel, MAX_DATA, MAX_RECORD, OVERHEAD, Received, Receiver, Sealed, Sender, Volume},
    client::{self, Established},
    message::{ChannelOpen, ChannelOpened},
    request::{Listed, Mode, Padding, Ticket, Window},
    server::{self, HalfOpen},
};
use std::collections::HashSet;

/// A session of a suite.
fn session_of(aead: Aead) -> (Established, HalfOpen) {
    let suites = vec![Suite { aead }];
    let gateway = Gateway::new(server::Config { suites: suites.clone(), ..server::Config::default() });
    let config = client::Config { suites, ..client::Config::default() };
    establish(&gateway, &config, None, *NOW).unwrap()
}

fn session() -> (Established, HalfOpen) {
    session_of(Aead::Aes256Gcm)
}

/// Opens a channel, by messages as they travel.
fn open(client: &Established, server: &HalfOpen, number: u64) -> (Channel, Channel) {
    let (message, awaited) = client.secrets.open_channel(&client.id, number, &OsRandom).unwrap();
    let message = ChannelOpen::decode(&message.encode()).unwrap();
    let admitted = server.secrets.admit_channel(&server.id, &message).unwrap();
    assert_eq!(admitted.number(), number);
    let (opened, theirs) = admitted.accept(&server.secrets.channel, &OsRandom).unwrap();
    let opened = ChannelOpened::decode(&opened.encode()).unwrap();
    (awaited.receive(&client.secrets.channel, &opened).unwrap(), theirs)
}

/// One record of data, and the updates before it.
fn seal(sender: &mut Sender, data: &[u8]) -> Vec<BytesMut> {
    let mut records = Vec::new();
    loop {
        let mut record = BytesMut::new();
        let sealed = sender.seal([data], &mut record).unwrap();
        records.push(record);
        if sealed == Sealed::Data(data.len()) {
            return records;
        }
        assert_eq!(sealed, Sealed::KeyUpdate);
    }
}

fn one(sender: &mut Sender, data: &[u8]) -> BytesMut {
    let mut records = seal(sender, data);
    assert_eq!(records.len(), 1);
    records.remove(0)
}

fn close(sender: Sender) -> BytesMut {
    let mut record = BytesMut::new();
    sender.close(&mut record).unwrap();
    record
}

/// What a receiver makes of a record, and whether it takes anything after an error.
fn refused(receiver: &mut Receiver, record: &[u8]) -> Error {
    let mut record = BytesMut::from(record);
    let error = receiver.open(&mut record).unwrap_err();
    assert!(record.is_empty(), "what did not authenticate is not there");
    assert!(!receiver.is_closed());
    assert_eq!(receiver.end(), Err(error), "an error is an end, and no clean one");
    error
}

fn data(receiver: &mut Receiver, record: &[u8]) -> Vec<u8> {
    let mut record = BytesMut::from(record);
    assert_eq!(receiver.open(&mut record), Ok(Received::Data));
    record.to_vec()
}

// SE-37, SE-80: both directions at once, each in a task of its own, in every suite.
#[test]
fn records_cross_both_ways() {
    for aead in [Aead::Aes128Gcm, Aead::Aes256Gcm, Aead::ChaCha20Poly1305] {
        let (client, server) = session_of(aead);
        let (client, server) = open(&client, &server, 3);
        std::thread::scope(|scope| {
            for (mut sender, mut receiver) in
                [(client.sender, server.receiver), (server.sender, client.receiver)]
            {
                scope.spawn(move || {
                    for len in [1, 2, 1000, MAX_DATA] {
                        let message = vec![0xa5; len];
                        let record = one(&mut sender, &message);
                        assert_eq!(record.len(), len + OVERHEAD);
                        assert_eq!(data(&mut receiver, &record), message);
                    }
                    let mut last = close(sender);
                    assert_eq!(receiver.open(&mut last), Ok(Received::Close));
                    assert!(receiver.is_closed());
                    assert_eq!(receiver.end(), Ok(()));
                });
            }
        });
    }
}

// SE-37: what does not fit one record is left for the next; parts are joined, and records stand one behind another.
#[test]
fn records_have_a_size() {
    let (client, server) = session();
    let (mut client, mut server) = open(&client, &server, 0);
    let message: Vec<u8> = (0..=255).cycle().take(MAX_DATA + 10).collect();
    let mut out = BytesMut::new();
    let parts = [&message[..7], &[], &message[7..100], &message[100..]];
    assert_eq!(client.sender.seal(parts, &mut out), Ok(Sealed::Data(MAX_DATA)));
    assert_eq!(out.len(), MAX_RECORD);
    assert_eq!(client.sender.seal([&message[MAX_DATA..]], &mut out), Ok(Sealed::Data(10)));
    let mut first = out.split_to(MAX_RECORD);
    assert_eq!(server.receiver.open(&mut first), Ok(Received::Data));
    assert_eq!(first, message[..MAX_DATA]);
    assert_eq!(data(&mut server.receiver, &out), message[MAX_DATA..]);
    assert_eq!(client.sender.seal([&[][..]], &mut out), Err(Error::RecordContent));
}

// SE-37: a buffer is used again, not made again.
#[test]
fn buffers_are_reused() {
    let (client, server) = session();
    let (mut client, mut server) = open(&client, &server, 0);
    let mut out = BytesMut::with_capacity(MAX_RECORD);
    let place = out.as_ptr();
    for _ in 0..10 {
        client.sender.seal([&[7; MAX_DATA][..]], &mut out).unwrap();
        assert_eq!(out.as_ptr(), place, "sealed where it was put");
        // As a transport does, which copies the record into its own buffer and drops it.
        let record: Bytes = out.split().freeze();
        drop(record);
        out.reserve(MAX_RECORD);
        assert_eq!(out.as_ptr(), place);
    }
    let record = one(&mut client.sender, b"data");
    let mut other = BytesMut::from(&record[..]);
    assert_eq!(server.receiver.open(&mut other), Err(Error::Record), "the ten before it are missing");
}

// SE-38, TU-63: the key changes in time, by records and by bytes, in each direction for itself, as often as need be.
#[test]
fn keys_are_updated_by_volume() {
    let (client, server) = session();
    let (mut client, mut server) = open(&client, &server, 0);
    client.sender.update_after(Volume { records: 70, bytes: Volume::MOST.bytes });
    let mut updates = Vec::new();
    for number in 0..1000_usize {
        for mut record in seal(&mut client.sender, &number.to_be_bytes()) {
            match server.receiver.open(&mut record).unwrap() {
                Received::Data => assert_eq!(record, number.to_be_bytes()[..]),
                Received::KeyUpdate => updates.push(number),
                Received::Close => panic!("nobody closes"),
            }
        }
    }
    // 69 records of data and the update make 70.
    assert_eq!(updates, (1..=14).map(|key| 69 * key).collect::<Vec<_>>());

    server.sender.update_after(Volume { records: Volume::MOST.records, bytes: 1 << 23 });
    let mut updates = Vec::new();
    for number in 0..300 {
        for mut record in seal(&mut server.sender, &[1; MAX_DATA]) {
            if client.receiver.open(&mut record).unwrap() == Received::KeyUpdate {
                updates.push(number);
            }
        }
    }
    // 127 records of 65 537 bytes fit 2^23.
    assert_eq!(updates, [127, 254]);
}

// SE-38: bounds that a receiver would not take are not taken here.
#[test]
fn no_sender_updates_too_early() {
    let (client, server) = session();
    let (mut client, mut server) = open(&client, &server, 0);
    client.sender.update_after(Volume { records: 0, bytes: 0 });
    let mut updates = 0;
    for _ in 0..500 {
        for mut record in seal(&mut client.sender, &[1; MAX_DATA]) {
            updates += usize::from(server.receiver.open(&mut record).unwrap() == Received::KeyUpdate);
        }
    }
    assert_eq!(updates, 7);
}

// SE-70, SE-71: no key seals two records with one nonce, whatever the session, channel, direction or purpose.
#[test]
fn no_nonce_repeats() {
    let ((), pairs) = nonces::observe(|| {
        for _ in 0..2 {
            let (client, server) = session_of(Aead::Aes128Gcm);
            for number in 0..4 {
                let (mut client, mut server) = open(&client, &server, number);
                for end in [&mut client, &mut server] {
                    end.sender.update_after(Volume { records: 65, bytes: Volume::MOST.bytes });
                    for _ in 0..700 {
                        seal(&mut end.sender, b"the same");
                    }
                }
                close(client.sender);
                close(server.sender);
            }
            // Requests draw from the same numbers.
            for number in 4..8 {
                let listed = Listed::nothing();
                let secret = &client.secrets.request;
                let ticket = secret.ticket(&client.id, number, Mode::Hidden, &listed, &OsRandom).unwrap();
                let limits = chunk::Limits::default();
                let (mut sealer, _) = secret.seal(ticket).unwrap().sealing(Padding::Off, limits);
                let mut body = BytesMut::new();
                sealer.seal(&mut body, b"the same").unwrap();
                sealer.finish(&mut body, &[b"the same"]).unwrap();
            }
        }
    });
    let distinct: HashSet<_> = pairs.iter().collect();
    assert_eq!(distinct.len(), pairs.len());
    // 700 records, 10 updates and a close in each direction of each channel, at the least.
    assert!(pairs.len() > 2 * 4 * 2 * 711, "{}", pairs.len());
}

// SE-37: the same opening, played again, has other keys: the server's randomness is new.
#[test]
fn an_opening_that_is_played_again_leads_nowhere() {
    let (client, server) = session();
    let (message, awaited) = client.secrets.open_channel(&client.id, 5, &OsRandom).unwrap();
    let mut window = Window::new(64);
    let admit = || server.secrets.admit_channel(&server.id, &message).unwrap();
    window.mark(admit().number()).unwrap();
    let (opened, mut first) = admit().accept(&server.secrets.channel, &OsRandom).unwrap();
    // SE-30: the window knows.
    assert_eq!(window.mark(admit().number()), Err(Error::Replay));
    // And if the instance had forgotten: what the client says to one does not open in the other.
    let (_, mut second) = admit().accept(&server.secrets.channel, &OsRandom).unwrap();
    let mut client = awaited.receive(&client.secrets.channel, &opened).unwrap();
    let record = one(&mut client.sender, b"data");
    assert_eq!(refused(&mut second.receiver, &record), Error::Record);
    assert_eq!(data(&mut first.receiver, &record), b"data");
}

// SE-72, SE-74: an opening needs the session's keys, for this purpose; one that is refused has no number to mark.
#[test]
fn a_forged_opening_is_refused() {
    let (client, server) = session();
    let (_, other) = session();
    let (message, _) = client.secrets.open_channel(&client.id, 1, &OsRandom).unwrap();
    let refuse = |server: &HalfOpen, message: &ChannelOpen| {
        assert_eq!(server.secrets.admit_channel(&server.id, message).err(), Some(Error::HeaderMac));
    };
    refuse(&other, &message);
    refuse(&other, &ChannelOpen { session: other.id, ..message });
    refuse(&server, &ChannelOpen { session: other.id, ..message });
    refuse(&server, &ChannelOpen { number: 2, ..message });
    refuse(&server, &ChannelOpen { number: u64::MAX, ..message });
    refuse(&server, &ChannelOpen { random: [0; 32], ..message });
    for byte in 0..32 {
        let mut mac = message.mac;
        mac[byte] ^= 1;
        refuse(&server, &ChannelOpen { mac, ..message });
    }
    // The MAC of a request is none of a channel, and the other way round.
    for mode in [Mode::Hidden, Mode::Bound] {
        let listed = Listed::nothing();
        let ticket = client.secrets.request.ticket(&client.id, 9, mode, &listed, &OsRandom).unwrap();
        let Ticket { number, random, mac } = ticket;
        refuse(&server, &ChannelOpen { session: client.id, number, random, mac });
        let ticket = Ticket { number: message.number, random: message.random, mac: message.mac };
        let admitted = server.secrets.request.admit(&server.id, ticket, mode, &listed);
        assert_eq!(admitted.err(), Some(Error::HeaderMac));
    }
    assert!(server.secrets.admit_channel(&server.id, &message).is_ok());
}

// SE-37: the client goes on with nobody but the session's other end, and for this opening.
#[test]
fn a_forged_answer_is_refused() {
    let (client, server) = session();
    let (stranger, strange) = session();
    let ask = || client.secrets.open_channel(&client.id, 1, &OsRandom).unwrap();
    let answer = |server: &HalfOpen, message: &ChannelOpen| {
        let admitted = server.secrets.admit_channel(&server.id, message).unwrap();
        admitted.accept(&server.secrets.channel, &OsRandom).unwrap().0
    };
    let refuse = |opened: &ChannelOpened| {
        let (_, awaited) = ask();
        assert_eq!(awaited.receive(&client.secrets.channel, opened).err(), Some(Error::Binding));
    };
    // To another opening of the same session.
    refuse(&answer(&server, &ask().0));
    // Of another session.
    let (theirs, _) = stranger.secrets.open_channel(&stranger.id, 1, &OsRandom).unwrap();
    refuse(&answer(&strange, &theirs));
    // What the client said, reflected.
    let (message, awaited) = ask();
    let reflected = ChannelOpened { random: message.random, mac: message.mac };
    assert_eq!(awaited.receive(&client.secrets.channel, &reflected).err(), Some(Error::Binding));
    // Altered.
    for byte in 0..64 {
        let (message, awaited) = ask();
        let mut opened = answer(&server, &message);
        let byte = if byte < 32 { &mut opened.random[byte] } else { &mut opened.mac[byte - 32] };
        *byte ^= 0x80;
        assert_eq!(awaited.receive(&client.secrets.channel, &opened).err(), Some(Error::Binding));
    }
}

// SE-02, SE-37: the two messages are what the specification says, and nothing else.
#[test]
fn malformed_openings_are_refused() {
    let (client, server) = session();
    let (message, _) = client.secrets.open_channel(&client.id, 1, &OsRandom).unwrap();
    let admitted = server.secrets.admit_channel(&server.id, &message).unwrap();
    let (opened, _) = admitted.accept(&server.secrets.channel, &OsRandom).unwrap();
    let (message, opened) = (message.encode(), opened.encode());
    assert!(message.len() <= sealwire_session::channel::MAX_OPENING);
    for len in 0..message.len() {
        assert!(ChannelOpen::decode(&message[..len]).is_err());
    }
    for len in 0..opened.len() {
        assert!(ChannelOpened::decode(&opened[..len]).is_err());
    }
    assert!(ChannelOpen::decode(&[&message[..], &[0]].concat()).is_err());
    assert_eq!(ChannelOpen::decode(&opened).err(), Some(Error::Unexpected));
    assert_eq!(ChannelOpened::decode(&message).err(), Some(Error::Unexpected));
}

// SE-37, TU-62: every way to bring records that were not sent like this.
#[test]
fn records_are_of_one_place() {
    let sessions = [session(), session()];
    let channel = || open(&sessions[0].0, &sessions[0].1, 1);

    // Replayed.
    let (mut client, mut server) = channel();
    let record = one(&mut client.sender, b"data");
    assert_eq!(data(&mut server.receiver, &record), b"data");
    assert_eq!(refused(&mut server.receiver, &record), Error::Record);
    // After that nothing opens, not even the genuine next one.
    let next = one(&mut client.sender, b"next");
    assert_eq!(refused(&mut server.receiver, &next), Error::Record);

    // Reordered, or one dropped.
    let (mut client, mut server) = channel();
    one(&mut client.sender, b"first");
    let second = one(&mut client.sender, b"second");
    assert_eq!(refused(&mut server.receiver, &second), Error::Record);

    // Its own, reflected.
    let (mut client, _) = channel();
    let own = one(&mut client.sender, b"data");
    assert_eq!(refused(&mut client.receiver, &own), Error::Record);

    // Of another channel of this session, and of one of another session with the same number.
    let (mut client, _) = channel();
    for (ours, theirs) in &sessions {
        let (_, mut server) = open(ours, theirs, 1);
        let record = one(&mut client.sender, b"data");
        assert_eq!(refused(&mut server.receiver, &record), Error::Record);
    }

    // The update dropped: what is behind it does not open.
    let (mut client, mut server) = channel();
    client.sender.update_after(Volume { records: 65, bytes: Volume::MOST.bytes });
    for _ in 0..64 {
        data(&mut server.receiver, &one(&mut client.sender, b"data"));
    }
    let records = seal(&mut client.sender, b"data");
    assert_eq!(records.len(), 2);
    assert_eq!(refused(&mut server.receiver, &records[1]), Error::Record);

    // A close is no longer one elsewhere.
    let (client, _) = channel();
    let (_, mut server) = channel();
    assert_eq!(refused(&mut server.receiver, &close(client.sender)), Error::Record);
}

// SE-37: what is longer than a record can be is not even opened; what is shorter does not authenticate.
#[test]
fn lengths_have_bounds() {
    let (client, server) = session();
    let channel = || open(&client, &server, 1).1.receiver;
    assert_eq!(refused(&mut channel(), &vec![0; MAX_RECORD + 1]), Error::TooLong);
    assert_eq!(refused(&mut channel(), &vec![0; MAX_RECORD]), Error::Record);
    for len in 0..OVERHEAD + 1 {
        assert_eq!(refused(&mut channel(), &vec![0; len]), Error::Record);
    }
}

// SE-37: only a close is a clean end, and it is the last.
#[test]
fn an_end_without_close_is_a_truncation() {
    let (client, server) = session();
    let (mut ours, mut theirs) = open(&client, &server, 1);
    data(&mut theirs.receiver, &one(&mut ours.sender, b"data"));
    assert_eq!(theirs.receiver.end(), Err(Error::Truncated));
    let late = one(&mut ours.sender, b"late");
    assert_eq!(refused(&mut theirs.receiver, &late), Error::Truncated);

    let (ours, mut theirs) = open(&client, &server, 1);
    let record = close(ours.sender);
    assert_eq!(theirs.receiver.open(&mut record.clone()), Ok(Received::Close));
    assert_eq!(refused(&mut theirs.receiver, &record), Error::AfterClose);

    // The other direction goes on (a half that is closed is a half).
    let (mut ours, theirs) = open(&client, &server, 1);
    let mut sender = theirs.sender;
    close(ours.sender);
    assert_eq!(data(&mut ours.receiver, &one(&mut sender, b"data")), b"data");
}

/// What somebody in the middle does to a sequence of records.
#[derive(Debug, Clone)]
enum Meddling {
    Flip { record: usize, bit: usize },
    Drop(usize),
    Repeat(usize),
    Swap(usize, usize),
    Cut { record: usize, len: usize },
    Extend { record: usize, by: Vec<u8> },
    Join(usize),
    End(usize),
}

fn meddling() -> impl Strategy<Value = Meddling> {
    let at = || 0..12_usize;
    prop_oneof![
        (at(), any::<usize>()).prop_map(|(record, bit)| Meddling::Flip { record, bit }),
        at().prop_map(Meddling::Drop),
        at().prop_map(Meddling::Repeat),
        (at(), at()).prop_map(|(a, b)| Meddling::Swap(a, b)),
        (at(), any::<usize>()).prop_map(|(record, len)| Meddling::Cut { record, len }),
        (at(), prop::collection::vec(any::<u8>(), 1..20))
            .prop_map(|(record, by)| Meddling::Extend { record, by }),
        at().prop_map(Meddling::Join),
        at().prop_map(Meddling::End),
    ]
}

fn meddle(records: &mut Vec<Vec<u8>>, meddling: Meddling) {
    let count = records.len();
    match meddling {
        Meddling::Flip { record, bit } => {
            let record = &mut records[record % count];
            let bit = bit % (8 * record.len());
            record[bit / 8] ^= 1 << (bit % 8);
        }
        Meddling::Drop(at) => drop(records.remove(at % count)),
        Meddling::Repeat(at) => records.insert(at % count, records[at % count].clone()),
        Meddling::Swap(a, b) => records.swap(a % count, b % count),
        Meddling::Cut { record, len } => {
            let record = &mut records[record % count];
            record.truncate(len % record.len());
        }
        Meddling::Extend { record, by } => records[record % count].extend(by),
        Meddling::Join(at) => {
            let next = (at + 1) % count;
            let behind = records[next].clone();
            records[at % count].extend(behind);
        }
        Meddling::End(at) => records.truncate(at % count),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    // SE-61: whatever is done to the records, the receiver gives out the front of what was sent, and says that it ended
    // cleanly only where it has all of it.
    #[test]
    fn only_what_was_sent_is_received(
        messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..200), 1..10),
        done in prop::option::of(meddling()),
    ) {
        use std::sync::LazyLock;
        static SESSION: LazyLock<(Established, HalfOpen)> = LazyLock::new(session);
        let (mut client, mut server) = open(&SESSION.0, &SESSION.1, 1);
        let mut records: Vec<Vec<u8>> =
            messages.iter().map(|message| one(&mut client.sender, message).to_vec()).collect();
        records.push(close(client.sender).to_vec());
        let sent = records.clone();
        if let Some(done) = done {
            meddle(&mut records, done);
        }
        let mut received = Vec::new();
        for record in &records {
            let mut record = BytesMut::from(&record[..]);
            match server.receiver.open(&mut record) {
                Ok(Received::Data) => received.push(record.to_vec()),
                Ok(Received::Close) => {}
                Ok(Received::KeyUpdate) => prop_assert!(false, "nobody updates"),
                Err(_) => break,
            }
        }
        prop_assert!(messages.starts_with(&received));
        prop_assert_eq!(server.receiver.end().is_ok(), records == sent);
    }

    // SE-37: any data in any parts, with updates in between, are the same data behind.
    #[test]
    fn a_stream_stays_the_same(
        parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..3000), 1..100),
        records in 65..200_u64,
    ) {
        use std::sync::LazyLock;
        static SESSION: LazyLock<(Established, HalfOpen)> =
            LazyLock::new(|| session_of(Aead::ChaCha20Poly1305));
        let (mut client, mut server) = open(&SESSION.0, &SESSION.1, 1);
        client.sender.update_after(Volume { records, bytes: Volume::MOST.bytes });
        let mut received = Vec::new();
        let mut out = BytesMut::new();
        for part in parts.iter().filter(|part| !part.is_empty()) {
            while client.sender.seal([&part[..]], &mut out).unwrap() == Sealed::KeyUpdate {
                prop_assert_eq!(server.receiver.open(&mut out), Ok(Received::KeyUpdate));
            }
            prop_assert_eq!(server.receiver.open(&mut out), Ok(Received::Data));
            received.extend_from_slice(&out);
            out.clear();
        }
        prop_assert_eq!(received, parts.concat());
    }
}
