//! What a gateway refuses of sessions, and what clients make of it.

use super::{by_hand::handshake, connect, send, whole};
use bytes::BytesMut;
use http::{Method, StatusCode};
use sealwire_crypto::random::OsRandom;
use sealwire_http::{
    body,
    session::{
        client, media,
        request::{Binder, Listed, Mode, Opened, Padding, Ticket, base_id},
    },
    wire::SESSION_REQUEST_PATH,
};
use sealwire_message::{
    bhttp::{RequestHead, encode},
    chunk,
};
use sealwire_tests::{Stage, message, raw::Answer, stage};

async fn post(stage: &Stage, id: &str, ticket: &str, content: &[u8]) -> Answer {
    let fields = [("content-type", media::REQUEST), ("attest-base-id", id), ("attest-ticket", ticket)];
    stage.connect().await.post(SESSION_REQUEST_PATH, &fields, content).await.answer().await
}

fn ticket(number: u64) -> String {
    Ticket { number, random: [1; 32], mac: [2; 32] }.to_field()
}

// SE-43, SE-72: an id opens nothing, and unknown and forged are answered in the same bytes.
#[tokio::test]
async fn an_id_alone_opens_nothing() {
    let stage = Stage::start().await;
    let connector = connect(&stage, stage.address()).await;
    let answer = send(&connector, Method::GET, "/", body::empty()).await;
    assert_eq!(whole(answer).await.0, StatusCode::OK);
    let reached = stage.app.counts().reached;

    let unknown = post(&stage, &base_id(&[9; 32]), &ticket(0), b"x").await;
    let live = handshake(&stage).await;
    let forged = post(&stage, &base_id(&live.id), &ticket(0), b"x").await;
    assert_eq!((unknown.status, unknown.field("content-type")), (409, "application/problem+json"));
    assert_eq!((unknown.status, &unknown.content), (forged.status, &forged.content));
    let names = |answer: &Answer| answer.headers.keys().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(names(&unknown), names(&forged));
    for (id, ticket) in [("\"00\"", ticket(0)), (&*base_id(&live.id), ":AAAA:".to_owned())] {
        assert_eq!(post(&stage, id, &ticket, b"x").await.status, 400);
    }
    assert_eq!(stage.app.counts().reached, reached);
}

/// Sends a request by hand, and opens the answer: its inner status.
async fn exchange(stage: &Stage, live: &client::Established, ticket: Ticket, head: &RequestHead) -> u16 {
    status(&opened(stage, live, ticket, head).await)
}

/// The same: the plaintext of the answer.
async fn opened(stage: &Stage, live: &client::Established, ticket: Ticket, head: &RequestHead) -> Vec<u8> {
    let secret = &live.secrets.request;
    let limits = chunk::Limits::default();
    let (sealer, awaited) = secret.seal(ticket).unwrap().sealing(Padding::To(256), limits);
    let mut plaintext = BytesMut::new();
    encode::request_head(&mut plaintext, head);
    encode::end(&mut plaintext, None);
    let mut sealed = BytesMut::new();
    sealer.finish(&mut sealed, &[&plaintext]).unwrap();
    let answer = post(stage, &base_id(&live.id), &ticket.to_field(), &sealed).await;
    assert_eq!((answer.status, answer.field("content-type")), (200, media::RESPONSE));
    let binder = Binder::from_field(answer.field("attest-binder").as_bytes()).unwrap();
    let mut opener = awaited.receive(&binder).unwrap();
    opener.push(&answer.content);
    opener.end();
    let mut plain = Vec::new();
    while let Some(Opened::Data(data) | Opened::Final(data)) = opener.next_data().unwrap() {
        plain.extend_from_slice(&data);
    }
    plain
}

/// Of a response of indeterminate length: a two-byte varint (RFC 9292).
fn status(plain: &[u8]) -> u16 {
    assert_eq!(plain[0], 3);
    u16::from_be_bytes([plain[1], plain[2]]) & 0x3fff
}

fn numbered(live: &client::Established, number: u64) -> Ticket {
    live.secrets.request.ticket(&live.id, number, Mode::Hidden, &Listed::nothing(), &OsRandom).unwrap()
}

// SE-30, SE-73: the same request again does not reach the application, and is refused inside.
#[tokio::test]
async fn a_request_is_acted_upon_once() {
    let stage = Stage::start().await;
    let live = handshake(&stage).await;
    let ticket = numbered(&live, 7);
    let head = message::head("POST", "/once");
    assert_eq!(exchange(&stage, &live, ticket, &head).await, 200);
    let again = opened(&stage, &live, ticket, &head).await;
    assert_eq!(status(&again), 409);
    // Whoever sent it again in place of the first answer must not make the caller believe that nothing was done (SE-43).
    let has = |what: &[u8]| again.windows(what.len()).any(|window| window == what);
    assert!(has(b"attest-refused") && has(b"repeated") && !has(b"not-accepted"));
    // Another random value, and so another MAC, does not make it another number.
    assert_eq!(exchange(&stage, &live, numbered(&live, 7), &head).await, 409);
    assert_eq!(stage.app.counts().reached, 1);
}

// SE-36: what is inside names the authority of the session, or goes nowhere.
#[tokio::test]
async fn a_session_is_for_its_authority() {
    let stage = Stage::start().await;
    let live = handshake(&stage).await;
    let other =
        RequestHead { authority: Some("other.example".parse().unwrap()), ..message::head("GET", "/") };
    assert_eq!(exchange(&stage, &live, numbered(&live, 0), &other).await, 421);
    assert_eq!(stage.app.counts().reached, 0);
    assert_eq!(exchange(&stage, &live, numbered(&live, 1), &message::head("GET", "/")).await, 200);
}

// SE-43, AT-45: sessions die with their instance; what may be repeated goes on with the next.
#[tokio::test]
async fn a_restart_is_survived_by_what_may_be_repeated() {
    let stage = Stage::start().await;
    let connector = connect(&stage, stage.address()).await;
    assert_eq!(whole(send(&connector, Method::GET, "/", body::empty()).await).await.0, StatusCode::OK);
    let Stage { app, gateway, mut config, .. } = stage;
    config.listen = gateway.address();
    gateway.shutdown().await;
    let gateway = stage::gateway(config).await;
    assert_eq!(whole(send(&connector, Method::GET, "/", body::empty()).await).await.0, StatusCode::OK);
    let counts = connector.status().counts;
    assert_eq!((counts.renewals, counts.resent, counts.failed), (1, 1, 0));
    drop((app, gateway));
}
