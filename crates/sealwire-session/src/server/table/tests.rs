//! Sessions made from nothing but their secrets: both ends derive the same ones.

use super::*;
use crate::{
    request::{Binder, Opened, Padding},
    schedule::Early,
    transcript::of_client,
};
use bytes::BytesMut;
use peak_alloc::PeakAlloc;
use sealwire_crypto::{aead::Aead, random::OsRandom};
use sealwire_message::chunk;
use std::{
    future::Future,
    sync::Barrier,
    task::{Context, Poll, Waker},
    thread,
};

#[global_allocator]
static ALLOCATED: PeakAlloc = PeakAlloc;

const SUITE: Suite = Suite { aead: Aead::Aes256Gcm };
const HOUR: u64 = 3_600_000;

fn id(number: u64) -> SessionId {
    let mut id = [0x11; 32];
    id[16..24].copy_from_slice(&number.to_be_bytes());
    // As random ids are, spread over the shards.
    id[31] = u8::try_from(number % 256).unwrap();
    id
}

fn secrets(number: u64) -> Secrets {
    let hash = SUITE.hash().hash();
    let handshake = Early::new(SUITE, None).agree(Some(&number.to_be_bytes())).unwrap();
    handshake.main().unwrap().established(&of_client(hash, &number.to_be_bytes())).unwrap().0
}

fn half_open(number: u64) -> Box<HalfOpen> {
    Box::new(HalfOpen {
        id: id(number),
        suite: SUITE,
        authority: "app.example".to_owned(),
        secrets: secrets(number),
        remembered: None,
        confirmed: false,
    })
}

fn ticket(session: u64, number: u64) -> Ticket {
    let request = secrets(session).request;
    request.ticket(&id(session), number, Mode::Hidden, &Listed::nothing(), &OsRandom).unwrap()
}

fn admit(table: &Table<u64>, session: u64, ticket: Ticket, now: u64) -> Result<Granted<u64>, Refused> {
    table.admit(&id(session), ticket, Mode::Hidden, &Listed::nothing(), now)
}

/// Sends request `number` of `session`; the reason where it is refused.
fn request(table: &Table<u64>, session: u64, number: u64, now: u64) -> Option<Error> {
    admit(table, session, ticket(session, number), now).err().map(|refused| refused.reason())
}

fn table(sessions: usize, half_open: usize) -> Table<u64> {
    Table::new(Limits { sessions, half_open, retry_from: 2, ..Limits::default() })
}

// SE-30, SE-10: the first MAC that holds makes a session of it.
#[test]
fn the_first_mac_confirms() {
    let table = table(8, 8);
    table.insert(half_open(1), 7, 0);
    assert_eq!(table.len(), (1, 0));
    let granted = admit(&table, 1, ticket(1, 5), 10).ok().unwrap();
    assert_eq!((granted.data, granted.suite, &*granted.authority), (7, SUITE, "app.example"));
    assert_eq!(table.len(), (0, 1));
    assert_eq!(request(&table, 1, 5, 11), Some(Error::Replay));
    assert_eq!(request(&table, 1, 4, 11), None);
}

// SE-74: forged MACs move neither the window nor the idle time nor the session.
#[test]
fn se_74_a_failed_mac_moves_nothing() {
    let table = table(2, 2);
    table.insert(half_open(1), 0, 0);
    for number in [0, 1 << 20, u64::MAX] {
        let mut forged = ticket(1, number);
        forged.mac[31] ^= 1;
        assert_eq!(admit(&table, 1, forged, HOUR - 1).err().unwrap().reason(), Error::HeaderMac);
        let mut moved = ticket(1, 0);
        moved.number = u64::MAX;
        assert_eq!(admit(&table, 1, moved, HOUR - 1).err().unwrap().reason(), Error::HeaderMac);
    }
    assert_eq!(table.len(), (1, 0));
    assert_eq!(request(&table, 1, 0, 1), None);
    // The order of eviction is as it was, too: 1 is idle for longer than 2, whatever is forged for it.
    table.insert(half_open(2), 0, 2);
    assert_eq!(request(&table, 2, 0, 2), None);
    let mut forged = ticket(1, 1);
    forged.random[0] ^= 1;
    assert!(admit(&table, 1, forged, 3).is_err());
    table.insert(half_open(3), 0, 3);
    assert_eq!(request(&table, 3, 0, 3), None);
    assert_eq!(request(&table, 1, 1, 4), Some(Error::UnknownSession));
    // Nor has what was forged kept a session alive.
    let mut forged = ticket(2, 1);
    forged.mac[0] ^= 1;
    assert!(admit(&table, 2, forged, HOUR).is_err());
    assert_eq!(request(&table, 2, 1, HOUR + 2), Some(Error::Expired));
}

// SE-76, SE-13: a flood of first messages pushes out half-open sessions alone, the oldest first.
#[test]
fn se_76_half_open_sessions_never_displace_confirmed_ones() {
    let table = table(4, 3);
    for session in 0..4 {
        table.insert(half_open(session), 0, 0);
        assert_eq!(request(&table, session, 0, 0), None);
    }
    for session in 100..200 {
        table.insert(half_open(session), 0, 1);
    }
    assert_eq!(table.len(), (3, 4));
    assert!((0..4).all(|session| request(&table, session, 1, 2).is_none()));
    assert_eq!(request(&table, 196, 0, 2), Some(Error::UnknownSession));
    assert!((197..200).all(|session| table.find(&id(session)).is_some()));
    // A client that shows who it is has confirmed its keys by that, and is not half-open.
    let mut confirmed = half_open(300);
    confirmed.confirmed = true;
    table.insert(confirmed, 0, 3);
    assert_eq!(table.len(), (3, 4));
}

// SE-38: the longest idle goes first.
#[test]
fn the_longest_idle_makes_room() {
    let table = table(3, 3);
    for session in 0..3 {
        table.insert(half_open(session), 0, 0);
        assert_eq!(request(&table, session, 0, session), None);
    }
    assert_eq!(request(&table, 0, 1, 10), None);
    table.insert(half_open(9), 0, 11);
    assert_eq!(request(&table, 9, 0, 11), None);
    assert_eq!(request(&table, 1, 1, 12), Some(Error::UnknownSession));
    assert_eq!(request(&table, 0, 2, 12), None);
    assert_eq!(request(&table, 2, 1, 12), None);
}

// SE-38: each limit has its error, inside, once; what was refused stays refused when the clock goes back.
#[test]
fn limits_are_told_inside() {
    let limits = Limits { requests: 2, ..Limits::default() };
    let day = 24 * HOUR;
    let table = Table::new(limits);
    table.insert(half_open(1), 0, 0);
    assert_eq!(request(&table, 1, 0, 0), None);
    assert_eq!(request(&table, 1, 1, HOUR - 1), None);
    let refused = admit(&table, 1, ticket(1, 2), HOUR).err().unwrap();
    assert_eq!(refused.reason(), Error::RequestLimit);
    assert!(refused.is_not_accepted() && refused.inside().is_some());

    // Idle since the last that was taken; the session is gone then.
    let late = ticket(1, 3);
    let refused = admit(&table, 1, late, 2 * HOUR - 1).err().unwrap();
    assert_eq!(refused.reason(), Error::Expired);
    assert!(refused.is_not_accepted() && refused.inside().is_some());
    let again = admit(&table, 1, late, HOUR).err().unwrap();
    assert_eq!(again.reason(), Error::UnknownSession);
    assert!(!again.is_not_accepted() && again.inside().is_none());

    let table = Table::new(Limits { idle: Duration::from_hours(48), ..Limits::default() });
    table.insert(half_open(2), 0, 5);
    assert_eq!(request(&table, 2, 0, day + 4), None);
    assert_eq!(request(&table, 2, 1, day + 5), Some(Error::Expired));
    assert_eq!(table.len(), (0, 0));
}

// SE-43: that the first of a number was refused, or acted upon, is not told by its repetition.
#[test]
fn a_replay_is_never_told_to_be_not_accepted() {
    let table = table(4, 4);
    table.insert(half_open(1), 0, 0);
    let first = ticket(1, 0);
    let granted = admit(&table, 1, first, 0).ok().unwrap();
    let refused = admit(&table, 1, first, 0).err().unwrap();
    assert_eq!(refused.reason(), Error::Replay);
    assert!(!refused.is_not_accepted());
    // Two answers to the same ticket are sealed with different keys: each has randomness of its own.
    let limits = chunk::Limits::default();
    let begin = |keys: RequestKeys| -> (Binder, BytesMut) {
        let (binder, sealer) = keys.opening(limits).1.begin(Padding::Off, limits, &OsRandom).unwrap();
        let mut body = BytesMut::new();
        sealer.finish(&mut body, &[b"the same"]).unwrap();
        (binder, body)
    };
    let (one, other) = (begin(granted.keys), begin(refused.inside().unwrap()));
    assert_ne!(one.0, other.0);
    assert_ne!(one.1, other.1);
}

// SE-43, SE-72: what has no session, or not its keys, gets one hint.
#[test]
fn se_72_the_id_alone_opens_nothing() {
    let table = table(4, 4);
    for session in 1..=4 {
        table.insert(half_open(session), 0, 0);
        assert_eq!(request(&table, session, 0, 0), None);
    }
    assert!(table.close(&secrets(2).close.close(&id(2))).is_ok());
    let mut other_instance = id(1);
    other_instance[0] ^= 1;
    let nothing = Ticket { number: 9, random: [0; 32], mac: [0; 32] };
    let listed = Listed::nothing();
    let hints = [
        ("bad MAC", admit(&table, 1, nothing, 1)),
        ("ticket of another session", admit(&table, 1, ticket(3, 9), 1)),
        ("never made", admit(&table, 77, ticket(77, 0), 1)),
        ("closed", admit(&table, 2, ticket(2, 9), 1)),
        ("other instance", table.admit(&other_instance, ticket(1, 9), Mode::Hidden, &listed, 1)),
        ("other mode", table.admit(&id(1), ticket(1, 9), Mode::Bound, &listed, 1)),
        ("channel", table.admit(&id(1), ticket(1, 9), Mode::Channel, &listed, 1)),
        ("listed", table.admit(&id(1), ticket(1, 9), Mode::Hidden, &Listed::target("GET", "a", "/", ""), 1)),
    ];
    for (what, hint) in hints {
        let refused = hint.err().unwrap();
        assert_eq!(refused.outside(), Outside::Session, "{what}");
        assert!(!refused.is_not_accepted(), "{what}");
        assert!(refused.inside().is_none(), "{what}");
    }
}

// SE-39: only its own client closes a session, once.
#[test]
fn a_close_is_authenticated() {
    let table = table(4, 4);
    for session in [1, 2] {
        table.insert(half_open(session), 0, 0);
    }
    let close = secrets(1).close.close(&id(1));
    let reason = |close: &Close| table.close(close).err().map(|refused| refused.reason());
    assert_eq!(reason(&Close { session: id(2), ..close }), Some(Error::HeaderMac));
    assert_eq!(reason(&Close { session: id(3), ..close }), Some(Error::UnknownSession));
    // The answer is not the question.
    let closed = secrets(1).close.answer(&close).unwrap();
    assert_eq!(reason(&Close { session: id(1), mac: closed.mac }), Some(Error::HeaderMac));
    let closed = table.close(&close).ok().unwrap();
    assert_eq!(secrets(1).close.confirm(&id(1), &closed), Ok(()));
    assert_eq!(secrets(2).close.confirm(&id(2), &closed), Err(Error::HeaderMac));
    assert_eq!(secrets(1).close.confirm(&id(1), &Closed { mac: close.mac }), Err(Error::HeaderMac));
    assert_eq!(reason(&close), Some(Error::UnknownSession));
    assert_eq!(request(&table, 1, 0, 1), Some(Error::UnknownSession));
    assert_eq!(request(&table, 2, 0, 1), None);
}

// SE-82: numbers and random bytes that another session has seen say nothing about this one.
#[test]
fn se_82_replay_state_is_per_session() {
    let table = table(4, 4);
    for session in [1, 2] {
        table.insert(half_open(session), 0, 0);
    }
    let sent = ticket(1, 3);
    assert!(admit(&table, 1, sent, 0).is_ok());
    let listed = Listed::nothing();
    let random = crate::request::test_ticket(&secrets(2).request, &id(2), 3, sent.random, &listed);
    assert!(admit(&table, 2, random, 0).is_ok());
    assert_eq!(admit(&table, 1, sent, 0).err().unwrap().reason(), Error::Replay);
    assert_eq!(admit(&table, 2, random, 0).err().unwrap().reason(), Error::Replay);
}

// SE-38: nothing that was accepted is lost when its session goes.
#[test]
fn a_live_request_outlives_its_session() {
    let table = table(1, 1);
    table.insert(half_open(1), 0, 0);
    let sent = ticket(1, 0);
    let limits = chunk::Limits::default();
    let (sealer, answer) = secrets(1).request.seal(sent).unwrap().sealing(Padding::Off, limits);
    let mut body = BytesMut::new();
    sealer.finish(&mut body, &[b"the question"]).unwrap();
    let granted = admit(&table, 1, sent, 0).ok().unwrap();
    table.insert(half_open(2), 0, 0);
    assert_eq!(request(&table, 2, 0, 0), None);
    assert!(table.find(&id(1)).is_none());
    let (mut opener, reply) = granted.keys.opening(limits);
    opener.push(&body);
    opener.end();
    assert_eq!(opener.next_data(), Ok(Some(Opened::Final("the question".into()))));
    let (binder, sealer) = reply.begin(Padding::Off, limits, &OsRandom).unwrap();
    let mut body = BytesMut::new();
    sealer.finish(&mut body, &[b"the answer"]).unwrap();
    let mut opener = answer.receive(&binder).unwrap();
    opener.push(&body);
    opener.end();
    assert_eq!(opener.next_data(), Ok(Some(Opened::Final("the answer".into()))));
}

// What is taken out is dropped there and then, which wipes it: only the table has held it.
#[test]
fn what_goes_is_dropped() {
    let table: Table<Arc<()>> = Table::new(Limits { sessions: 1, half_open: 1, ..Limits::default() });
    let marker = Arc::new(());
    let listed = Listed::nothing();
    for session in 0..8 {
        table.insert(half_open(session), Arc::clone(&marker), 0);
        if session % 2 == 0 {
            assert!(table.admit(&id(session), ticket(session, 0), Mode::Hidden, &listed, 0).is_ok());
        }
    }
    assert_eq!((table.len(), Arc::strong_count(&marker)), ((1, 1), 3));
    assert!(table.close(&secrets(6).close.close(&id(6))).is_ok());
    assert_eq!(Arc::strong_count(&marker), 2);
    table.retain(|_| false);
    assert_eq!(Arc::strong_count(&marker), 1);
}

#[test]
fn what_is_over_is_swept() {
    let table = table(8, 8);
    for session in 0..4 {
        table.insert(half_open(session), session, 0);
    }
    assert_eq!(request(&table, 0, 0, 5), None);
    assert_eq!(request(&table, 1, 0, HOUR - 1), None);
    table.sweep(HOUR - 1);
    assert_eq!(table.len(), (2, 2));
    table.sweep(HOUR + 5);
    assert_eq!(table.len(), (0, 1));
    assert_eq!(request(&table, 1, 1, HOUR + 6), None);
    table.retain(|data| *data != 1);
    assert_eq!(request(&table, 1, 2, HOUR + 7), Some(Error::UnknownSession));
}

// SE-13: a retry is asked for by what is half-open now, not by what was left behind an hour ago.
#[test]
fn load_is_what_is_half_open_now() {
    let table = table(8, 8);
    table.insert(half_open(1), 0, 0);
    assert!(!table.is_busy(0));
    table.insert(half_open(2), 0, 1);
    assert!(table.is_busy(1));
    assert!(!table.is_busy(BUSY_WITHIN));
    table.insert(half_open(3), 0, BUSY_WITHIN);
    assert!(table.is_busy(BUSY_WITHIN));
    assert_eq!(request(&table, 3, 0, BUSY_WITHIN), None);
    assert!(!table.is_busy(BUSY_WITHIN + 1));
}

// SE-30: window and mark are one step: of requests with one number that come at once, one is granted, also when they
// are what confirms the session.
#[test]
fn one_of_many_is_granted() {
    for round in 0..20 {
        let table = table(8, 8);
        table.insert(half_open(round), 0, 0);
        let ticket = ticket(round, 1);
        let barrier = Barrier::new(8);
        let granted: usize = thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        barrier.wait();
                        usize::from(admit(&table, round, ticket, 0).is_ok())
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(granted, 1);
        assert_eq!(table.len(), (0, 1));
    }
}

// SE-38: a session that has been used takes at most 1 KiB once it has been idle for a minute, and little more than twice
// that before; 100 000 of them are held at once.
#[test]
fn an_idle_session_takes_at_most_a_kibibyte() {
    const COUNT: u64 = 100_000;
    const ALONE: &str = "SEALWIRE_MEASURE_SESSIONS";
    if std::env::var_os(ALONE).is_none() {
        // What other tests allocate meanwhile would count: it is measured in a process of its own.
        let name = "server::table::tests::an_idle_session_takes_at_most_a_kibibyte";
        let mut alone = std::process::Command::new(std::env::current_exe().unwrap());
        let alone = alone.args(["--exact", name, "--nocapture"]).env(ALONE, "1").output().unwrap();
        let said = String::from_utf8_lossy(&alone.stdout);
        assert!(alone.status.success() && said.contains("bytes for each session"), "{said}");
        return;
    }
    let table: Table<Arc<u64>> = Table::new(Limits::default());
    let known = Arc::new(0);
    let listed = Listed::nothing();
    let before = ALLOCATED.current_usage();
    for session in 0..COUNT {
        table.insert(half_open(session), Arc::clone(&known), 0);
        let admitted = table.admit(&id(session), ticket(session, 0), Mode::Hidden, &listed, 0);
        assert!(admitted.is_ok());
        // What tests observe of derivations is not the session's.
        crate::label::observed::take();
    }
    let each = || ALLOCATED.current_usage().saturating_sub(before) / usize::try_from(COUNT).unwrap();
    let used = each();
    table.sweep(RESTS_AFTER);
    let idle = each();
    println!("{idle} bytes for each session, {used} while it is used");
    assert_eq!(table.len(), (0, 100_000));
    assert!(idle <= 1024, "{idle} bytes");
    assert!(used <= 2304, "{used} bytes while it is used");
    // It is still good.
    let admitted = table.admit(&id(1), ticket(1, 1), Mode::Hidden, &listed, RESTS_AFTER);
    assert!(admitted.is_ok());
}

// SE-37, SE-30: a channel takes a number of the same space as requests do, and confirms its session as they do.
#[test]
fn channels_are_admitted_as_requests_are() {
    let table = table(4, 4);
    table.insert(half_open(1), 7, 0);
    let (open, expect) = secrets(1).open_channel(&id(1), 3, &OsRandom).unwrap();
    let refused = |open: &ChannelOpen| table.open_channel(open, 0, &OsRandom).err().map(|r| r.reason());
    assert_eq!(refused(&ChannelOpen { number: 4, ..open }), Some(Error::HeaderMac));
    assert_eq!(refused(&ChannelOpen { session: id(2), ..open }), Some(Error::UnknownSession));
    assert_eq!(table.len(), (1, 0));
    let granted = table.open_channel(&open, 0, &OsRandom).ok().unwrap();
    assert_eq!((granted.data, table.len()), (7, (0, 1)));
    assert!(expect.receive(&secrets(1).channel, &granted.keys.opened).is_ok());
    assert_eq!(refused(&open), Some(Error::Replay));
    assert_eq!(request(&table, 1, 3, 0), Some(Error::Replay));
    assert_eq!(request(&table, 1, 4, 0), None);
}

fn channel(table: &Table<u64>, session: u64, number: u64, now: u64) -> OpenChannel {
    let (open, _) = secrets(session).open_channel(&id(session), number, &OsRandom).unwrap();
    table.open_channel(&open, now, &OsRandom).ok().unwrap().keys
}

/// Whether a channel knows of an end.
fn end(channel: &OpenChannel) -> Option<End> {
    let ended = std::pin::pin!(channel.tie.ended());
    match ended.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(end) => Some(end),
        Poll::Pending => None,
    }
}

// SE-38: a session is not idle while a channel of it is open, but its lifetime ends; idle time counts from the last end.
#[test]
fn an_open_channel_is_use() {
    let table = table(4, 4);
    table.insert(half_open(1), 0, 0);
    let (one, other) = (channel(&table, 1, 0, 0), channel(&table, 1, 1, 0));
    table.sweep(5 * HOUR);
    assert_eq!((end(&one), table.len()), (None, (0, 1)));
    one.tie.release(6 * HOUR);
    table.sweep(20 * HOUR);
    other.tie.release(20 * HOUR);
    assert_eq!(request(&table, 1, 2, 21 * HOUR - 1), None);
    let last = channel(&table, 1, 3, 21 * HOUR);
    table.sweep(24 * HOUR);
    assert_eq!((end(&last), table.len()), (Some(End::Over), (0, 0)));

    table.insert(half_open(2), 0, 0);
    channel(&table, 2, 0, 0).tie.release(HOUR);
    assert_eq!(request(&table, 2, 1, 2 * HOUR), Some(Error::Expired));
}

// SE-37, SE-39: whatever ends a session, its channels learn it, and how.
#[test]
fn channels_learn_how_their_session_ended() {
    let table = table(8, 8);
    for session in 1..=3 {
        table.insert(half_open(session), session, 0);
    }
    let channels = [1, 2, 3].map(|session| channel(&table, session, 0, 0));
    assert!(channels.iter().all(|channel| end(channel).is_none()));
    assert!(table.close(&secrets(1).close.close(&id(1))).is_ok());
    table.retain(|data| *data != 2);
    assert_eq!(channels.each_ref().map(end), [Some(End::Over), Some(End::Unwanted), None]);
    drop(table);
    assert_eq!(end(&channels[2]), Some(End::Over));
    // The first word stands.
    assert_eq!(end(&channels[1]), Some(End::Unwanted));
}

// SE-41: a request may be tied as well, for as long as there is a session.
#[test]
fn what_has_ended_ties_nothing() {
    let table = table(4, 4);
    table.insert(half_open(1), 1, 0);
    assert_eq!(request(&table, 1, 0, 0), None);
    assert!(table.tie(&id(1)).is_some());
    table.retain(|_| false);
    assert!(table.tie(&id(1)).is_none());
}

// SE-38: what has an open channel does not make room, unless there is nothing else.
#[test]
fn a_session_with_a_channel_is_pushed_out_last() {
    let table = table(2, 2);
    table.insert(half_open(1), 0, 0);
    let open = channel(&table, 1, 0, 0);
    for session in [2, 3] {
        table.insert(half_open(session), 0, 1);
        assert_eq!(request(&table, session, 0, 1), None);
    }
    assert_eq!(end(&open), None);
    assert_eq!(request(&table, 2, 1, 2), Some(Error::UnknownSession));
    let other = channel(&table, 3, 1, 3);
    table.insert(half_open(4), 0, 4);
    assert_eq!(request(&table, 4, 0, 4), None);
    assert_eq!([&open, &other].map(end).iter().flatten().count(), 1);
}

// SE-37: what is refused once the MAC has held is told in the channel; a repetition is not.
#[test]
fn a_refused_channel_says_so_inside() {
    let table = Table::new(Limits { requests: 1, ..Limits::default() });
    table.insert(half_open(1), 0, 0);
    assert_eq!(request(&table, 1, 0, 0), None);
    let (open, expect) = secrets(1).open_channel(&id(1), 1, &OsRandom).unwrap();
    let refused = table.open_channel(&open, 0, &OsRandom).err().unwrap();
    assert_eq!(refused.reason(), Error::RequestLimit);
    let (opened, _) = refused.inside().unwrap();
    assert!(expect.receive(&secrets(1).channel, &opened).is_ok());
    let again = table.open_channel(&open, 0, &OsRandom).err().unwrap();
    assert_eq!(again.reason(), Error::Replay);
    assert!(again.inside().is_none());
}
