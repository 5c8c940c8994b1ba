//! What goes both ways, and what is dropped (TU-22, TU-24, TU-25, TU-41, TU-82).

use crate::shared::pair;
use bytes::Bytes;
use sealwire_tunnel::{
    Dropped, Error, Id, Limits,
    connection::{Connection, Received, Side},
    message::{
        Close, Connect, Content, Event, Frame, FromClient, FromServer, Happened, Request, Response, Text,
    },
};
use std::time::Duration;

fn id(text: &str) -> Id {
    Id::parse(text).unwrap()
}

fn request(name: &str) -> FromClient {
    FromClient::Request(Request {
        id: id(name),
        method: "GET".to_owned(),
        url: "/".to_owned(),
        headers: Vec::new(),
        body: None,
    })
}

fn frame(data: Content) -> Frame {
    Frame { id: id("ws_1"), data }
}

fn dropped<S: Side>(connection: &mut Connection<S>, message: Bytes) -> Dropped {
    match connection.open(message, 0) {
        Ok(Received::Dropped(dropped)) => dropped,
        Ok(Received::Message(_)) => panic!("taken"),
        Err(error) => panic!("{error}"),
    }
}

fn taken<S: Side>(connection: &mut Connection<S>, message: Bytes) -> S::Receives {
    match connection.open(message, 0) {
        Ok(Received::Message(message)) => message,
        Ok(Received::Dropped(dropped)) => panic!("{dropped}"),
        Err(error) => panic!("{error}"),
    }
}

// TU-06, TU-29: types of content survive in both directions.
#[test]
fn messages_go_both_ways() {
    let (mut client, mut server) = pair(&Limits::default());
    for data in [Content::Text(Text::from("ab")), Content::Bytes(Bytes::from_static(b"\x00\x80\xff"))] {
        let sealed = client.seal(&FromClient::Frame(frame(data.clone())), 0).unwrap();
        assert_eq!(taken(&mut server, sealed), FromClient::Frame(frame(data.clone())));
        let sealed = server.seal(&FromServer::Frame(frame(data.clone())), 0).unwrap();
        assert_eq!(taken(&mut client, sealed), FromServer::Frame(frame(data)));
    }
}

// TU-24, TU-40 (TS-01)
#[test]
fn repeats_are_dropped() {
    let (mut client, mut server) = pair(&Limits::default());
    let sealed = client.seal(&request("a"), 0).unwrap();
    assert_eq!(taken(&mut server, sealed.clone()), request("a"));
    for _ in 0..3 {
        assert_eq!(dropped(&mut server, sealed.clone()), Dropped::Repeated);
    }
}

// TU-24, TU-25, TU-41 (TS-02): what a side has sent comes back to it.
#[test]
fn reflections_are_dropped() {
    let (mut client, mut server) = pair(&Limits::default());
    let data = Content::Text(Text::from("x"));
    let sealed = server.seal(&FromServer::Frame(frame(data.clone())), 0).unwrap();
    assert_eq!(dropped(&mut server, sealed.clone()), Dropped::Reflected);
    assert!(matches!(taken(&mut client, sealed), FromServer::Frame(_)));
    let sealed = client.seal(&FromClient::Frame(frame(data)), 0).unwrap();
    assert_eq!(dropped(&mut client, sealed), Dropped::Reflected);
}

// TU-25, TU-82: sealed well, but of a type that only the reader sends.
#[test]
fn types_of_the_other_side_are_dropped() {
    let limits = Limits::default();
    let ids = || id("x");
    let from_client = [
        request("x"),
        FromClient::Connect(Connect { id: ids(), url: "/".to_owned(), protocols: Vec::new() }),
        FromClient::Close(Close { id: ids(), code: None, reason: String::new() }),
    ];
    let from_server = [
        FromServer::Response(Response {
            id: ids(),
            status: 200,
            status_text: String::new(),
            headers: Vec::new(),
            body: None,
            error: None,
        }),
        FromServer::Event(Event { id: ids(), happened: Happened::Open }),
    ];
    // The key is the same for both sides, so that a hostile one can seal them.
    let (mut client, mut server) = pair(&limits);
    for message in from_client {
        let encoded = sealwire_tunnel::message::Message::encode(&message);
        let read: Result<FromServer, _> = sealwire_tunnel::message::Message::decode(&encoded.into());
        assert_eq!(read, Err(Dropped::OtherSide));
        let sealed = client.seal(&message, 0).unwrap();
        assert_eq!(taken(&mut server, sealed), message);
    }
    for message in from_server {
        let encoded = sealwire_tunnel::message::Message::encode(&message);
        let read: Result<FromClient, _> = sealwire_tunnel::message::Message::decode(&encoded.into());
        assert_eq!(read, Err(Dropped::OtherSide));
        let sealed = server.seal(&message, 0).unwrap();
        assert_eq!(taken(&mut client, sealed), message);
    }
}

// TU-82: a ciphertext under 16 bytes, a nonce of another length, bytes that are no CBOR.
#[test]
fn malformed_envelopes_are_dropped() {
    let (mut client, mut server) = pair(&Limits::default());
    let envelope = |nonce: usize, ciphertext: usize| {
        let mut e = minicbor::Encoder::new(Vec::new());
        e.map(3).unwrap().str("type").unwrap().str("enc").unwrap();
        e.str("nonce").unwrap().bytes(&vec![1; nonce]).unwrap();
        e.str("ciphertext").unwrap().bytes(&vec![2; ciphertext]).unwrap();
        Bytes::from(e.into_writer())
    };
    for (nonce, ciphertext) in [(23, 40), (25, 40), (0, 40), (24, 15), (24, 0)] {
        assert_eq!(dropped(&mut server, envelope(nonce, ciphertext)), Dropped::Form, "{nonce} {ciphertext}");
    }
    assert_eq!(dropped(&mut server, envelope(24, 16)), Dropped::Sealed);
    assert!(matches!(dropped(&mut server, Bytes::from_static(b"hello")), Dropped::Malformed(_)));
    assert!(matches!(dropped(&mut server, Bytes::new()), Dropped::Malformed(_)));
    // It goes on.
    let sealed = client.seal(&request("a"), 0).unwrap();
    assert_eq!(taken(&mut server, sealed), request("a"));
}

// TU-22
#[test]
fn long_messages_are_neither_sent_nor_taken() {
    let small = Limits { message: 1000, ..Limits::default() };
    let (mut client, mut server) = pair(&small);
    let of = |len: usize| FromClient::Frame(frame(Content::Bytes(vec![1; len].into())));
    assert_eq!(client.seal(&of(1000), 0).err(), Some(Error::TooLong));
    let sealed = client.seal(&of(700), 0).unwrap();
    assert!(sealed.len() <= 1000);
    assert!(matches!(taken(&mut server, sealed), FromClient::Frame(_)));
    assert_eq!(dropped(&mut server, vec![0xa0; 1001].into()), Dropped::TooLong);
    // Whatever is configured, there is a hard limit.
    let huge = Limits { message: usize::MAX, ..Limits::default() };
    assert_eq!(huge.message(), 16 << 20);
}

// TU-24: after so many messages, or so much time, both sides begin anew.
#[test]
fn a_key_is_used_up() {
    let few = Limits { messages: 3, ..Limits::default() };
    let (mut client, mut server) = pair(&few);
    for name in ["a", "b", "c"] {
        let sealed = client.seal(&request(name), 0).unwrap();
        taken(&mut server, sealed);
    }
    assert!(client.is_used_up(0) && server.is_used_up(0));
    assert_eq!(client.seal(&request("d"), 0).err(), Some(Error::UsedUp));
    assert_eq!(server.open(Bytes::from_static(b"x"), 0).err(), Some(Error::UsedUp));

    let (mut client, _) = pair(&Limits::default());
    let day = u64::try_from(Duration::from_hours(24).as_millis()).unwrap();
    assert!(client.seal(&request("a"), day - 1).is_ok());
    assert_eq!(client.seal(&request("b"), day).err(), Some(Error::UsedUp));
}
