//! Connections.

use sealwire_crypto::random::OsRandom;
use sealwire_envelope::{
    Authentic, Envelope, Reason, Rules,
    binding::websocket::{ClientHello, Connection, Endpoint, Refused, ServerHello, legacy_frame},
    key::{Keyring, Use},
};

use crate::{
    common::{Fixed, cases, record, text, vectors},
    support::{NOW, alice, decoded, keys, rules, service, typed},
};

const HERE: Endpoint<'_> = Endpoint { scheme: "wss", authority: "service.example", target: "/ws?x=1" };

fn at_service(envelope: &Envelope) -> Authentic {
    Authentic::verify(envelope.clone(), Use::Envelope, &rules(), &keys(), NOW).unwrap()
}

fn at_alice(envelope: &Envelope) -> Authentic {
    Authentic::verify(envelope.clone(), Use::Envelope, &Rules::new("alice"), &keys(), NOW).unwrap()
}

fn connected() -> (Connection, Connection) {
    let client = ClientHello::new(&HERE, "service", &alice(), NOW, &OsRandom).unwrap();
    let server =
        ServerHello::answer(&at_service(client.envelope()), &HERE, &service(), NOW, &OsRandom).unwrap();
    let client = client.establish(&at_alice(server.envelope())).unwrap();
    (client, server.establish())
}

// SP-33
#[test]
fn the_vectors_of_connections() {
    let Some(file) = vectors("websocket") else { return };
    let shared = &file["shared"];
    let mut ring = Keyring::new();
    for (name, key_id) in
        [("agent.ed", "k1"), ("agent.mallory", "m1"), ("agent.mallory", "k1"), ("svc.api", "s1")]
    {
        if key_id == "k1" && name == "agent.mallory" {
            continue;
        }
        ring.insert(record(name, key_id, &shared["keys"][name], Use::Envelope)).unwrap();
    }
    let verify = |envelope: &serde_json::Value, identity: &str| {
        Authentic::verify(decoded(envelope)?, Use::Envelope, &Rules::new(identity), &ring, NOW)
    };
    // Our server, given the random bytes and names of the vectors, says the same hello.
    let client = verify(&shared["clientHello"], "svc.api").unwrap();
    let server = verify(&shared["serverHello"], "agent.ed").unwrap();
    let endpoint = Endpoint { scheme: "https", authority: "api.example.com", target: "/ws" };
    let signer = crate::common::signer("svc.api", "s1", &shared["keys"]["svc.api"], Use::Envelope);
    let answered = ServerHello::answer(&client, &endpoint, &signer, NOW, &Fixed(0x67)).unwrap();
    assert_eq!(answered.envelope().body, server.envelope().body);
    for case in cases(&file) {
        let id = text(case, "id");
        let mut connection = Connection::from_hellos(&client, &server);
        assert_eq!(connection.sid(), text(shared, "sid"));
        let mut accepted = 0;
        for frame in case["clientFrames"].as_array().unwrap() {
            match verify(frame, "svc.api") {
                Ok(frame) => accepted += usize::from(connection.receive(frame).is_ok()),
                Err(_) => connection.close(),
            }
        }
        assert_eq!(accepted as u64, case["acceptedFrames"].as_u64().unwrap(), "{id}");
        assert_eq!(connection.is_closed(), case["closed"].as_bool().unwrap(), "{id}");
        let _ = typed(&shared["clientHello"]);
    }
}

// SP-33: both directions, counted each for itself.
#[test]
fn frames_go_both_ways() {
    let (mut client, mut server) = connected();
    assert_eq!(client.sid(), server.sid());
    assert_eq!((client.peer(), server.peer()), ("service", "alice"));
    for n in 0..3 {
        let frame = client.frame(&format!("up {n}"), &alice(), NOW, &OsRandom).unwrap();
        assert_eq!(server.receive(at_service(&frame)).unwrap(), format!("up {n}"));
        let frame = server.frame(&format!("down {n}"), &service(), NOW, &OsRandom).unwrap();
        assert_eq!(client.receive(at_alice(&frame)).unwrap(), format!("down {n}"));
    }
}

// SP-33: after one deviation nothing is taken any more.
#[test]
fn a_frame_out_of_order_or_of_another_connection_ends_it() {
    let (mut client, mut server) = connected();
    let first = at_service(&client.frame("1", &alice(), NOW, &OsRandom).unwrap());
    let second = at_service(&client.frame("2", &alice(), NOW, &OsRandom).unwrap());
    assert_eq!(server.receive(second.clone()), Err(Reason::BindingMismatch));
    assert!(server.is_closed());
    assert_eq!(server.receive(first.clone()), Err(Reason::BindingMismatch));
    let (_, mut other) = connected();
    assert_eq!(other.receive(first), Err(Reason::BindingMismatch));
}

// SP-33: a hello is for one authority, one target, one peer.
#[test]
fn a_hello_cannot_be_taken_elsewhere() {
    let client = ClientHello::new(&HERE, "service", &alice(), NOW, &OsRandom).unwrap();
    let hello = at_service(client.envelope());
    for elsewhere in [Endpoint { target: "/admin", ..HERE }, Endpoint { authority: "other.example", ..HERE }]
    {
        let refused = ServerHello::answer(&hello, &elsewhere, &service(), NOW, &OsRandom);
        assert_eq!(refused.err(), Some(Refused::Client(Reason::BindingMismatch)));
    }
    // The answer to another hello of the same client.
    let other = ClientHello::new(&HERE, "service", &alice(), NOW, &OsRandom).unwrap();
    let answer =
        ServerHello::answer(&at_service(other.envelope()), &HERE, &service(), NOW, &OsRandom).unwrap();
    assert_eq!(client.establish(&at_alice(answer.envelope())).err(), Some(Reason::BindingMismatch));
}

// EN-42
#[test]
fn frames_for_peers_without_hellos() {
    let frame = legacy_frame("{\"a\":1}", 1, Some("service"), &alice(), NOW, &OsRandom).unwrap();
    assert_eq!(frame.body.correlation_id.as_deref(), Some("1"));
    assert_eq!((frame.body.intent.as_str(), frame.header.ttl_ms), ("TASK", 30_000));
    assert_eq!(at_service(&frame).envelope().body.content, "{\"a\":1}");
}
