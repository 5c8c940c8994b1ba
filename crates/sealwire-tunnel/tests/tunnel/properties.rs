//! Whatever comes: no panic, one meaning, and nothing that was altered is taken.

use crate::shared::pair;
use bytes::Bytes;
use proptest::{collection::vec, option, prelude::*};
use sealwire_tunnel::{
    Id, Limits,
    client::Presented,
    connection::Received,
    message::{
        Close, Connect, Content, Event, Frame, FromClient, FromServer, Happened, Message, Request, Response,
        Text,
    },
};
use std::collections::BTreeMap;

fn id() -> impl Strategy<Value = Id> {
    "[ -~]{1,128}".prop_map(|text| Id::parse(&text).unwrap())
}

fn content() -> impl Strategy<Value = Content> {
    prop_oneof![
        any::<String>().prop_map(|text| Content::Text(Text::from(text))),
        vec(any::<u8>(), 0..300).prop_map(|bytes| Content::Bytes(bytes.into())),
    ]
}

fn headers() -> impl Strategy<Value = Vec<(String, String)>> {
    // No name twice: they are the keys of a map.
    proptest::collection::btree_map(any::<String>(), any::<String>(), 0..8)
        .prop_map(|map: BTreeMap<_, _>| map.into_iter().collect())
}

fn from_client() -> impl Strategy<Value = FromClient> {
    prop_oneof![
        (id(), any::<String>(), any::<String>(), headers(), option::of(content())).prop_map(
            |(id, method, url, headers, body)| {
                FromClient::Request(Request { id, method, url, headers, body })
            }
        ),
        (id(), any::<String>(), vec(any::<String>(), 0..4))
            .prop_map(|(id, url, protocols)| FromClient::Connect(Connect { id, url, protocols })),
        (id(), content()).prop_map(|(id, data)| FromClient::Frame(Frame { id, data })),
        (id(), any::<Option<u16>>(), any::<String>())
            .prop_map(|(id, code, reason)| FromClient::Close(Close { id, code, reason })),
    ]
}

fn from_server() -> impl Strategy<Value = FromServer> {
    let happened = prop_oneof![
        Just(Happened::Open),
        (any::<Option<u16>>(), any::<String>()).prop_map(|(code, reason)| Happened::Close { code, reason }),
        any::<String>().prop_map(Happened::Error),
    ];
    prop_oneof![
        (id(), any::<u16>(), any::<String>(), headers(), option::of(content()), option::of(any::<String>()))
            .prop_map(|(id, status, status_text, headers, body, error)| {
                FromServer::Response(Response { id, status, status_text, headers, body, error })
            }),
        (id(), happened).prop_map(|(id, happened)| FromServer::Event(Event { id, happened })),
        (id(), content()).prop_map(|(id, data)| FromServer::Frame(Frame { id, data })),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    // TU-13, TU-14, TU-15
    #[test]
    fn what_is_written_is_read(client in from_client(), server in from_server()) {
        prop_assert_eq!(FromClient::decode(&client.encode().into()), Ok(client));
        prop_assert_eq!(FromServer::decode(&server.encode().into()), Ok(server));
    }

    // TU-14: what bytes are taken for does not depend on their form.
    #[test]
    fn anything_may_come(bytes in vec(any::<u8>(), 0..400)) {
        let bytes = Bytes::from(bytes);
        if let Ok(message) = FromClient::decode(&bytes) {
            prop_assert_eq!(FromClient::decode(&message.encode().into()), Ok(message));
        }
        let _ = FromServer::decode(&bytes);
        let _ = Presented::read(&bytes);
    }

    // TU-14: nor what was altered.
    #[test]
    fn altered_messages_do_no_harm(message in from_client(), at: prop::sample::Index, byte: u8) {
        let mut bytes = message.encode();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(message) = FromClient::decode(&bytes.into()) {
            prop_assert_eq!(FromClient::decode(&message.encode().into()), Ok(message));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    // TU-06: whoever alters an envelope or cuts it gets nothing through but what was sealed.
    #[test]
    fn only_what_was_sealed_is_taken(message in from_client(), at: prop::sample::Index, bit in 0..8_u8, cut: bool) {
        let (mut client, mut server) = pair(&Limits::default());
        let sealed = client.seal(&message, 0).unwrap();
        let mut altered = sealed.to_vec();
        let at = at.index(altered.len());
        if cut {
            altered.truncate(at);
        } else {
            altered[at] ^= 1 << bit;
        }
        match server.open(altered.into(), 0).unwrap() {
            Received::Dropped(_) => {}
            Received::Message(opened) => prop_assert_eq!(&opened, &message),
        }
    }
}
