//! What the wire leaves open, shown to be so: whoever reads of it in the documentation finds it here, and whoever mends one on the
//! wire has made another version (TU-42 to TU-45, TU-56).

use crate::shared::{POLICY, appraise, offer, pair};
use bytes::Bytes;
use sealwire_crypto::{
    nacl::{SealedBoxKey, SecretBoxKey},
    random::OsRandom,
};
use sealwire_tunnel::{
    Id, Limits,
    binding::Bindings,
    client::Presented,
    connection::{Connection, Received, Server},
    message::{Content, Frame, FromClient},
};

fn said(data: &str) -> FromClient {
    FromClient::Frame(Frame { id: Id::parse("ws_1").unwrap(), data: Content::Text(data.into()) })
}

fn taken(server: &mut Connection<Server>, sealed: Bytes) -> FromClient {
    match server.open(sealed, 0).unwrap() {
        Received::Message(message) => message,
        Received::Dropped(dropped) => panic!("{dropped}"),
    }
}

// TU-42: whoever carries the messages can swap them, and leave some out, and neither side notices.
#[test]
fn order_and_loss_are_not_noticed() {
    let (mut client, mut server) = pair(&Limits::default());
    let sealed = ["one", "two", "three"].map(|data| client.seal(&said(data), 0).unwrap());
    let [one, _lost, three] = sealed;
    assert_eq!(taken(&mut server, three), said("three"));
    assert_eq!(taken(&mut server, one), said("one"));
}

// TU-43: the server's key opens what was recorded while it was offered, long after the connections have ended.
#[test]
fn the_servers_key_opens_what_was_recorded() {
    let key = SealedBoxKey::from_bytes(&[0x66; 32]).unwrap();
    let (symmetric, nonce) = ([5; 32], [6; 24]);
    let sealed = sealwire_crypto::nacl::seal(key.public(), &symmetric, &OsRandom).unwrap();
    let mut recorded = b"................what was said".to_vec();
    let tag = SecretBoxKey::new(&symmetric).seal(&nonce, &mut recorded[16..]).unwrap();
    recorded[..16].copy_from_slice(&tag);
    drop(key);
    let found = SealedBoxKey::from_bytes(&[0x66; 32]).unwrap().open(&sealed).unwrap();
    let found = SecretBoxKey::new(found.as_slice().try_into().unwrap());
    assert_eq!(found.open(&nonce, &mut recorded).unwrap(), b"what was said");
}

// TU-44, TU-45: the client sends nothing that the server's message could answer, and nothing that it offers is chosen from:
// what a server has shown once, it can show again.
#[test]
fn the_same_message_is_accepted_again() {
    let message = offer(&Limits::default()).message();
    for _ in 0..2 {
        assert!(appraise(&message, &POLICY, Bindings::default()).is_ok());
    }
    assert_eq!(Presented::read(&message).unwrap().public_key().len(), 32);
}

// TU-56: nothing is padded.
#[test]
fn lengths_show() {
    let (mut client, _) = pair(&Limits::default());
    let mut len = |data: &str| client.seal(&said(data), 0).unwrap().len();
    assert_eq!(len("0123456789") - len("0"), 9);
}
