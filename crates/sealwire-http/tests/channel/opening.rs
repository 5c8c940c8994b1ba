//! The first two messages, and who gets no channel.

use crate::ends::{AUTHORITY, App, Ends};
use futures_util::{SinkExt, StreamExt};
use http::{Request, Response};
use sealwire_crypto::random::OsRandom;
use sealwire_http::{
    body,
    channel::{self, Error, Fault, Settings, Verdict},
    client, server,
};
use sealwire_session as session;
use std::future::pending;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Message,
        protocol::{CloseFrame, Role, frame::coding::CloseCode},
    },
};
use tower::Service;

fn record_fault(error: session::Error) -> impl Fn(&Error) -> bool {
    move |found| matches!(found, Error::Fault(Fault::Record(found)) if *found == error)
}

// SE-43, SE-72: a session that is not known here, whatever the reason.
#[tokio::test]
async fn an_unknown_session_is_told_so() {
    let (ends, others) = (Ends::new(), Ends::new());
    let settings = Settings::default();
    for number in [0, 1] {
        let (a, b) = duplex(1000);
        let (client, server) = tokio::join!(
            channel::connect(a, ends.id(), ends.client(), number, &settings, &OsRandom),
            channel::accept(b, |open| others.admit(open), &settings),
        );
        assert!(matches!(client.err().unwrap(), Error::Unknown));
        assert!(matches!(server.err().unwrap(), Error::Unknown));
    }
}

// SE-30: a number is good for one channel.
#[tokio::test]
async fn a_number_is_used_once() {
    let ends = Ends::new();
    let settings = Settings::default();
    for first in [true, false] {
        let (a, b) = duplex(1000);
        let (client, server) = tokio::join!(
            channel::connect(a, ends.id(), ends.client(), 7, &settings, &OsRandom),
            channel::accept(b, |open| ends.admit(open), &settings),
        );
        assert_eq!((client.is_ok(), server.is_ok()), (first, first));
    }
}

// SE-38: that a limit is reached is said under the channel's keys: an end that nobody else can make.
#[tokio::test]
async fn a_limit_is_told_by_keys() {
    let ends = Ends::new();
    let settings = Settings::default();
    let (a, b) = duplex(1000);
    let (client, server) = tokio::join!(
        channel::connect(a, ends.id(), ends.client(), 7, &settings, &OsRandom),
        channel::accept(b, |open| ends.admit_over(open), &settings),
    );
    assert_eq!(client.unwrap().read(&mut [0; 10]).await.unwrap(), 0);
    assert!(record_fault(session::Error::Closed)(&server.err().unwrap()));
}

// SE-38: the same for whoever asks inside: nothing was acted upon, and the client knows it.
#[tokio::test]
async fn requests_in_a_session_that_is_over_are_known_to_have_done_nothing() {
    let ends = Ends::new();
    let settings = Settings::default();
    let (a, b) = duplex(1000);
    let server = channel::accept(b, |open| ends.admit_over(open), &settings);
    let client = async {
        let connected = client::channel::connect(a, ends.id(), ends.client(), 7, &settings, &OsRandom).await;
        let (mut channel, connection) = connected.unwrap();
        let request = Request::post(format!("https://{AUTHORITY}/")).body(body::full("act")).unwrap();
        let (answer, ended) = tokio::join!(channel.call(request), connection);
        assert!(matches!(answer.unwrap_err(), Error::Over));
        assert!(matches!(ended.unwrap_err(), Error::Over));
    };
    let (served, ()) = tokio::join!(server, client);
    assert!(record_fault(session::Error::Closed)(&served.err().unwrap()));
}

/// Whether an error is the one that is due.
type Expected<'a> = &'a dyn Fn(&Error) -> bool;

// SE-37, SE-38: first messages that are none.
#[tokio::test]
async fn other_first_messages_are_refused() {
    let is_malformed =
        |error: &Error| matches!(error, Error::Fault(Fault::Record(session::Error::Malformed(_))));
    let cases: [(Message, Expected<'_>); 4] = [
        (Message::text("hello"), &|error| matches!(error, Error::Fault(Fault::Text))),
        (Message::binary(vec![]), &is_malformed),
        (Message::binary(vec![0; 257]), &record_fault(session::Error::TooLong)),
        (Message::Close(None), &record_fault(session::Error::Truncated)),
    ];
    for (message, expected) in cases {
        let (a, b) = duplex(1000);
        let close = matches!(message, Message::Close(_));
        let client = async {
            let mut socket = WebSocketStream::from_raw_socket(a, Role::Client, None).await;
            socket.send(message).await.unwrap();
            let answer = socket.next().await.unwrap().unwrap();
            let Message::Close(frame) = answer else { panic!("no close, but {answer}") };
            assert!(close || frame.unwrap().code == CloseCode::Protocol);
        };
        let settings = Settings::default();
        let accept = async {
            let never = |_: &session::message::ChannelOpen| -> Verdict<()> { panic!("nothing to admit") };
            let error = channel::accept(b, never, &settings).await.err().unwrap();
            assert!(expected(&error), "{error}");
        };
        tokio::join!(client, accept);
    }
}

// SE-10: a client says nothing to a server that has not shown the session's keys.
#[tokio::test]
async fn an_impostor_hears_nothing() {
    let (ends, others) = (Ends::new(), Ends::new());
    // Who answers with a channel of its own session, and who reflects.
    for reflects in [false, true] {
        let (a, b) = duplex(1000);
        let impostor = async {
            let mut socket = WebSocketStream::from_raw_socket(b, Role::Server, None).await;
            let Message::Binary(open) = socket.next().await.unwrap().unwrap() else { panic!("an opening") };
            let open = session::message::ChannelOpen::decode(&open).unwrap();
            let answer = if reflects {
                session::message::ChannelOpened { random: open.random, mac: open.mac }
            } else {
                let (own, _) = others.client().open_channel(others.id(), others.number(), &OsRandom).unwrap();
                let Verdict::Open(opened, ..) = others.admit(&own) else { panic!("a session") };
                opened
            };
            socket.send(Message::Binary(answer.encode().into())).await.unwrap();
            let Message::Close(Some(CloseFrame { code, .. })) = socket.next().await.unwrap().unwrap() else {
                panic!("no close")
            };
            assert_eq!(code, CloseCode::Protocol);
        };
        let settings = Settings::default();
        let connect = channel::connect(a, ends.id(), ends.client(), ends.number(), &settings, &OsRandom);
        let (connected, ()) = tokio::join!(connect, impostor);
        assert!(record_fault(session::Error::Binding)(&connected.err().unwrap()));
    }
}

// SE-38: nobody is waited for longer than that.
#[tokio::test(start_paused = true)]
async fn silence_ends() {
    let ends = Ends::new();
    let settings = Settings::default();
    let (a, _silent) = duplex(1000);
    let connected = channel::connect(a, ends.id(), ends.client(), 0, &settings, &OsRandom).await;
    assert!(matches!(connected.err().unwrap(), Error::TimedOut));
    let (b, _silent) = duplex(1000);
    let service = App::new(|_| async { Response::new(body::empty()) });
    let served = server::channel::serve(b, |open| ends.admit(open), service, pending(), &settings).await;
    assert!(matches!(served.err().unwrap(), Error::TimedOut));
    // Nor for somebody who talks of other things, and does not read what it gets for it.
    let (b, mut full) = duplex(1);
    let pinging = tokio::spawn(async move {
        for _ in 0..100 {
            full.write_all(&[0x89, 0x80, 0, 0, 0, 0]).await.unwrap();
        }
        full
    });
    let served = channel::accept(b, |open| ends.admit(open), &settings).await;
    assert!(matches!(served.err().unwrap(), Error::TimedOut));
    pinging.await.unwrap();
}
