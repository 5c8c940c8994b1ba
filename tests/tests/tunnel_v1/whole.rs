//! Everything that a client needs passes over one WebSocket.

use super::*;
use futures_util::{SinkExt, future::join_all};
use sealwire_http::{
    channel,
    session::{Group, message::Type},
};
use sealwire_tests::narrow::Way;
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio_tungstenite::tungstenite::protocol::{
    CloseFrame,
    frame::{
        Frame as WsFrame,
        coding::{CloseCode, Data, OpCode},
    },
};

// TU-60, TU-61, TU-68: the client speaks first; handshake, key document and requests pass where nothing but a WebSocket does,
// in four messages before the first record.
#[tokio::test]
async fn one_websocket_is_enough() {
    let stage = Stage::before(app().await, |_| {}).await;
    let narrow = Narrow::before(stage.address()).await;
    let said = Arc::<Mutex<Vec<(Way, Option<Type>)>>>::default();
    let heard = said.clone();
    narrow.meddle(move |way, _, message| {
        let Message::Binary(bytes) = &message else { panic!("{message}") };
        heard.lock().unwrap().push((way, Type::of(bytes).ok()));
        vec![(way, message)]
    });
    let connector = try_connect(settings(&narrow)).await.unwrap();
    let narrowed = Narrowed { stage, narrow, connector };
    narrowed.works().await;
    let said = said.lock().unwrap().clone();
    assert_eq!(
        said[..4],
        [
            (Way::Forth, Some(Type::ClientHello)),
            (Way::Back, Some(Type::ServerFlight)),
            (Way::Forth, Some(Type::ChannelOpen)),
            (Way::Back, Some(Type::ChannelOpened)),
        ]
    );
    assert!(said[4..].iter().all(|(_, kind)| kind.is_none()), "records alone");
    let facts = facts(&narrowed.connector);
    assert_eq!(facts.group, Some(Group::X25519MlKem768));
    assert_eq!((narrowed.narrow.opened(), narrowed.narrow.refused()), (1, 0));
    assert!(!narrowed.narrow.openings()[0].contains_key("attest-base-id"), "there is no session yet");
}

// TU-64, TU-65: any number at once, streams both ways, bytes that are no text, fields that repeat.
#[tokio::test]
async fn requests_of_all_kinds_share_it() {
    let narrowed = Narrowed::start().await;
    let (sender, content) = streaming();
    let mut streamed = narrowed.send(Method::POST, "/stream", content).await.into_body();
    let many = join_all((0..100_usize).map(async |number| {
        let content: Vec<u8> = (0..number * 997).map(|at| (at * 31 + number) as u8).collect();
        let answer = narrowed.send(Method::POST, "/", body::full(content.clone())).await;
        assert!(whole(answer).await == (StatusCode::OK, content), "{number}");
    }));
    many.await;
    let bytes = Bytes::from_static(b"\x00\x80\xff");
    sender.send(bytes.clone()).await.unwrap();
    assert_eq!(frame(&mut streamed).await, bytes);
    drop(sender);
    assert!(within("the end", streamed.collect()).await.unwrap().to_bytes().is_empty());

    let events = narrowed.send(Method::GET, "/events", body::empty()).await;
    assert_eq!(events.headers()["content-type"], "text/event-stream");
    assert_eq!(whole(events).await.1, b"data: one\n\ndata: two\n\ndata: three\n\n");

    let request = Request::get(format!("https://{AUTHORITY}/fields?x=1&x=2"))
        .header("x-first", "1")
        .header("x-again", "b, c")
        .header("x-again", "a");
    let request = request.body(body::empty()).unwrap();
    let answer = within("an answer", narrowed.connector.clone().oneshot(request)).await.unwrap();
    let cookies: Vec<_> = answer.headers().get_all("set-cookie").iter().collect();
    assert_eq!(cookies, ["a=1", "b=2, c"]);
    let seen = narrowed.stage.app.seen().pop().unwrap();
    assert_eq!(seen.headers.get_all("x-again").iter().collect::<Vec<_>>(), ["b, c", "a"]);
    assert_eq!(seen.uri.query(), Some("x=1&x=2"));

    let head = narrowed.send(Method::HEAD, "/", body::empty()).await;
    assert_eq!(whole(head).await, (StatusCode::OK, Vec::new()));
    assert_eq!((narrowed.narrow.opened(), narrowed.narrow.refused()), (1, 0));
}

// TU-64: whoever goes away is gone at the other end, too, whether it is the client or the application.
#[tokio::test]
async fn cancelling_goes_both_ways() {
    let narrowed = Narrowed::start().await;
    let mut answer = narrowed.send(Method::GET, "/endless", body::empty()).await.into_body();
    assert_eq!(frame(&mut answer).await, "without end");
    drop(answer);
    within("the end at the application", app::ENDED.subscribe().wait_for(|ended| *ended == 1)).await.unwrap();

    let waiting = {
        let request = Request::get(format!("https://{AUTHORITY}/endless")).body(body::empty()).unwrap();
        tokio::spawn(narrowed.connector.clone().oneshot(request))
    };
    narrowed.stage.app.until("the request", |counts| counts.reached == 2).await;
    waiting.abort();
    drop(waiting.await);
    within("the end at the application", app::ENDED.subscribe().wait_for(|ended| *ended == 2)).await.unwrap();

    let mut answer = narrowed.send(Method::GET, "/broken", body::empty()).await.into_body();
    assert_eq!(frame(&mut answer).await, "and then");
    assert!(within("the end", answer.frame()).await.unwrap().is_err());
    narrowed.works().await;
    assert_eq!(narrowed.narrow.opened(), 1);
}

// TU-67: type, fragments, pings and close codes of inner WebSockets, several at once.
#[tokio::test]
async fn inner_websockets_keep_what_they_have() {
    let narrowed = Narrowed::start().await;
    let (mut socket, mut other) = (narrowed.socket().await, narrowed.socket().await);
    for message in [
        Message::text("hello"),
        Message::binary(b"looks like text".to_vec()),
        Message::binary(vec![0xa0; 200_000]),
        Message::text(""),
    ] {
        socket.send(message.clone()).await.unwrap();
        assert_eq!(next(&mut socket).await, message);
    }
    let part =
        |part: &'static [u8], kind, last| Message::Frame(WsFrame::message(part, OpCode::Data(kind), last));
    socket.send(part(b"caf\xc3", Data::Text, false)).await.unwrap();
    socket.send(Message::Ping("there?".into())).await.unwrap();
    assert_eq!(next(&mut socket).await, Message::Pong("there?".into()));
    socket.send(part(b"\xa9 au lait", Data::Continue, true)).await.unwrap();
    assert_eq!(next(&mut socket).await, Message::text("café au lait"));

    socket.send(Message::text("close")).await.unwrap();
    let frame = CloseFrame { code: CloseCode::from(4123), reason: "as you said".into() };
    assert_eq!(next(&mut socket).await, Message::Close(Some(frame)));
    // The other knows nothing of it.
    other.send(Message::text("still")).await.unwrap();
    assert_eq!(next(&mut other).await, Message::text("still"));
    let frame = CloseFrame { code: CloseCode::Away, reason: "tired".into() };
    other.send(Message::Close(Some(frame.clone()))).await.unwrap();
    assert_eq!(next(&mut other).await, Message::Close(Some(frame)));
    assert_eq!(narrowed.narrow.opened(), 1);
    let counts = narrowed.connector.status().counts;
    assert_eq!((counts.channels, counts.websockets), (1, 2));
}

// TU-64: any number at once over one WebSocket, where no other passes: beyond what the gateway takes, they wait for a turn.
#[tokio::test]
async fn where_no_other_passes_requests_wait() {
    let narrowed = Narrowed::start().await;
    narrowed.works().await;
    narrowed.narrow.shut(true);
    let mut under_way = Vec::new();
    for _ in 0..channel::Settings::default().streams {
        let (upload, content) = streaming();
        let mut answer = narrowed.send(Method::POST, "/", content).await.into_body();
        upload.send("x".into()).await.unwrap();
        assert_eq!(frame(&mut answer).await, "x");
        under_way.push((upload, answer));
    }
    let waiting: Vec<_> = (0..20)
        .map(|_| {
            let request =
                Request::post(format!("https://{AUTHORITY}/late")).body(body::full("late")).unwrap();
            tokio::spawn(narrowed.connector.clone().oneshot(request))
        })
        .collect();
    // Each has tried to open another WebSocket first.
    until("refused WebSockets", async || narrowed.narrow.refused() >= 20).await;
    assert_eq!(narrowed.reached("/late"), 0);
    for (upload, answer) in under_way {
        drop(upload);
        assert!(within("the end", answer.collect()).await.unwrap().to_bytes().is_empty());
    }
    for waiting in waiting {
        let answer = within("an answer", waiting).await.unwrap().unwrap();
        assert_eq!(whole(answer).await, (StatusCode::OK, b"late".to_vec()));
    }
    assert_eq!(narrowed.narrow.opened(), 1);
}

// TU-70, SE-38: what the gateway grants is said under the keys.
#[tokio::test]
async fn limits_are_announced() {
    let stage = Stage::before(app().await, |config| {
        config.session.idle = Duration::from_secs(123);
        config.session.lifetime = Duration::from_secs(4567);
    })
    .await;
    let narrow = Narrow::before(stage.address()).await;
    let connector = try_connect(settings(&narrow)).await.unwrap();
    let parameters = facts(&connector).parameters;
    assert_eq!((parameters.idle, parameters.lifetime), (Duration::from_secs(123), Duration::from_secs(4567)));
}

// TU-66, SE-39: a client that ends says so by its keys, and its session with it, by a WebSocket of its own.
#[tokio::test]
async fn a_client_ends_well() {
    let narrowed = Narrowed::start().await;
    let said = Arc::<Mutex<Vec<(Way, Option<Type>)>>>::default();
    let heard = said.clone();
    narrowed.narrow.meddle(move |way, _, message| {
        let Message::Binary(bytes) = &message else { panic!("{message}") };
        heard.lock().unwrap().push((way, Type::of(bytes).ok()));
        vec![(way, message)]
    });
    narrowed.works().await;
    within("the end", narrowed.connector.close()).await;
    let said = said.lock().unwrap().clone();
    for message in [(Way::Forth, Some(Type::Close)), (Way::Back, Some(Type::Closed))] {
        assert!(said.contains(&message), "{message:?}");
    }
    assert_eq!((narrowed.narrow.opened(), narrowed.narrow.refused()), (2, 0));
}
