//! Requests along with the hello of a resumed session.

use super::{
    by_hand::{self, answered, now, say, takes, with_request},
    resume::{connect, facts, get, sent, settings},
    send, whole,
};
use http::{Method, StatusCode};
use sealwire_client::Settings;
use sealwire_gateway::config::Route;
use sealwire_http::{
    body,
    session::media,
    wire::{SESSION_PATH, SESSION_REQUEST_PATH},
};
use sealwire_tests::{Stage, raw::Raw, stage, tap::Tap};

// SE-42: a request with a safe method goes along with the hello: one round trip in all. Others wait for the session.
#[tokio::test]
async fn a_safe_request_goes_along() {
    let stage = Stage::start().await;
    let tap = Tap::before(stage.address()).await;
    let connector = connect(Settings { to: tap.url(), early_data: true, ..settings(&stage) }).await;
    get(&connector).await;
    let in_session = format!("POST {SESSION_REQUEST_PATH} ");
    let before = sent(&tap, &in_session);
    connector.close().await;
    get(&connector).await;
    assert!(facts(&connector).is_resumed());
    let counts = connector.status().counts;
    assert_eq!((counts.early, counts.resumptions, counts.resent, counts.failed), (1, 1, 0, 0));
    assert_eq!((sent(&tap, media::EARLY), sent(&tap, &in_session)), (1, before));
    // What comes next goes in the session.
    get(&connector).await;
    assert_eq!(sent(&tap, &in_session), before + 1);
    connector.close().await;
    let answer = send(&connector, Method::POST, "/", body::full("not safe")).await;
    assert_eq!(whole(answer).await, (StatusCode::OK, b"not safe".to_vec()));
    assert_eq!((connector.status().counts.early, sent(&tap, media::EARLY)), (1, 1));
    assert_eq!(stage.app.counts().reached, 4);
    assert!(!tap.saw(b"not safe"));
    assert!(stage.app.seen().iter().all(|seen| seen.headers.keys().all(|name| name != "early-data")));
}

// SE-42: off unless the settings say otherwise.
#[tokio::test]
async fn nothing_goes_along_by_default() {
    let stage = Stage::start().await;
    let tap = Tap::before(stage.address()).await;
    let connector = connect(Settings { to: tap.url(), ..settings(&stage) }).await;
    get(&connector).await;
    connector.close().await;
    get(&connector).await;
    assert_eq!((sent(&tap, media::EARLY), connector.status().counts.resumptions), (0, 1));
}

// SE-42: what is not taken is sent again in the session, and is acted upon once.
#[tokio::test]
async fn what_is_not_taken_is_sent_again() {
    let stage = Stage::start().await;
    let connector = connect(Settings { early_data: true, ..settings(&stage) }).await;
    get(&connector).await;
    connector.close().await;
    let Stage { app, gateway, mut config, .. } = stage;
    config.listen = gateway.address();
    gateway.shutdown().await;
    let _gateway = stage::gateway(config).await;
    get(&connector).await;
    let counts = connector.status().counts;
    assert_eq!((counts.early, counts.resumptions, counts.resent, counts.failed), (0, 0, 0, 0));
    assert_eq!(app.counts().reached, 2);
}

// SE-42: the method is safe, or the route says so; otherwise 425 inside, and the session is there nevertheless.
#[tokio::test]
async fn a_route_says_what_may_go_along() {
    for (permitted, method, expected) in [
        (false, Method::GET, 200),
        (false, Method::HEAD, 200),
        (false, Method::POST, 425),
        (false, Method::PUT, 425),
        (true, Method::POST, 200),
    ] {
        let stage = Stage::with(|config| config.routes[0].early_data = permitted).await;
        let made = by_hand::session(&stage).await;
        let mut started = by_hand::hello(made.established.ticket.unwrap(), true, now());
        let message = with_request(&mut started, &method);
        let answer = say(stage.address(), media::EARLY, &message).await;
        let (session, status) = answered(started, &answer, &made.acceptance);
        assert_eq!(status, expected, "{method}");
        assert!(session.ticket.is_some());
        assert_eq!(stage.app.counts().reached, usize::from(expected == 200), "{method}");
    }
}

// SE-42: a ticket whose age is not what the client says has its early data left aside.
#[tokio::test]
async fn ages_have_to_agree() {
    let stage = Stage::start().await;
    for (off, taken) in [(9_000, true), (12_000, false)] {
        let made = by_hand::session(&stage).await;
        let mut started = by_hand::hello(made.established.ticket.unwrap(), true, now() + off);
        let message = with_request(&mut started, &Method::GET);
        let answer = say(stage.address(), media::EARLY, &message).await;
        let media_type = if taken { media::EARLY } else { media::HANDSHAKE };
        assert_eq!(answer.field("content-type"), media_type);
        assert!(taken || takes(&answer.content), "the ticket is good, the early data are not");
    }
    assert_eq!(stage.app.counts().reached, 1);
}

// SE-42: the whole message again, to the same instance, to another and after a restart: never acted upon twice.
#[tokio::test]
async fn early_data_are_acted_upon_once() {
    let (stage, other) = (Stage::start().await, Stage::start().await);
    let tap = Tap::before(stage.address()).await;
    let connector = connect(Settings { to: tap.url(), early_data: true, ..settings(&stage) }).await;
    get(&connector).await;
    connector.close().await;
    let before = tap.forth.lock().unwrap().len();
    get(&connector).await;
    assert_eq!(connector.status().counts.early, 1);
    let captured = tap.forth.lock().unwrap()[before..].to_vec();
    assert!(captured.starts_with(format!("POST {SESSION_PATH} ").as_bytes()));
    assert_eq!(stage.app.counts().reached, 2);

    let replay = async |to| {
        let answer = Raw::connect(to).await.send(&captured).await.answer().await;
        // A full handshake, of no use to whoever sent it: its shares are another's.
        assert_eq!((answer.status, answer.field("content-type")), (200, media::HANDSHAKE));
        assert!(!takes(&answer.content));
    };
    for _ in 0..3 {
        replay(stage.address()).await;
    }
    replay(other.address()).await;
    assert_eq!((stage.app.counts().reached, other.app.counts().reached), (2, 0));
    let Stage { app, gateway, mut config, .. } = stage;
    config.listen = gateway.address();
    gateway.shutdown().await;
    let gateway = stage::gateway(config).await;
    replay(gateway.address()).await;
    assert_eq!(app.counts().reached, 2);
}

// SE-42: under keys of another policy early data are not even looked at, and go again in the new session.
#[tokio::test]
async fn a_reload_drops_early_data() {
    let stage = Stage::start().await;
    let connector = connect(Settings { early_data: true, ..settings(&stage) }).await;
    get(&connector).await;
    connector.close().await;
    let mut config = stage.config.clone();
    config.routes.push(Route::new("/more", stage.app.url()));
    stage.gateway.reload(config).await.unwrap();
    get(&connector).await;
    assert!(!facts(&connector).is_resumed());
    assert_eq!((connector.status().counts.early, stage.app.counts().reached), (0, 2));
}

// SE-38, SE-42: lengths that lie, messages that are cut, and what is no hello.
#[tokio::test]
async fn malformed_beginnings_are_refused() {
    let stage = Stage::start().await;
    let made = by_hand::session(&stage).await;
    let mut started = by_hand::hello(made.established.ticket.unwrap(), true, now());
    let message = with_request(&mut started, &Method::GET);
    let hello = started.hello.len();
    let too_long = 16_385_u32.to_be_bytes();
    for (content, status) in [
        (&b""[..], 400),
        (&[0, 0, 0], 400),
        (&[0, 0, 0, 0], 400),
        (&[0, 0, 0, 4, 1, 2, 3], 400),
        (&too_long, 413),
        (&[0xff; 64], 413),
        (&message[..hello], 400),
        // The hello without its length, and a close in its place.
        (&message[4..], 413),
        (
            &[
                &65_u32.to_be_bytes()[..],
                &made.established.secrets.close.close(&made.established.id).encode(),
            ]
            .concat(),
            400,
        ),
    ] {
        assert_eq!(say(stage.address(), media::EARLY, content).await.status, status, "{content:02x?}");
    }
    // A hello with the flag and nothing behind it is a request that is cut; with another type, a hello as any.
    assert_eq!(stage.app.counts().reached, 0);
    let answer = say(stage.address(), media::EARLY, &message).await;
    assert_eq!(answered(started, &answer, &made.acceptance).1, 200);
}

// SE-32, SE-42: a request behind the hello that is cut or altered is refused inside, and reaches nobody.
#[tokio::test]
async fn altered_early_data_reach_nobody() {
    let stage = Stage::start().await;
    for cut in [true, false] {
        let made = by_hand::session(&stage).await;
        let mut started = by_hand::hello(made.established.ticket.unwrap(), true, now());
        let mut message = with_request(&mut started, &Method::GET);
        if cut {
            message.pop();
        } else {
            *message.last_mut().unwrap() ^= 1;
        }
        let answer = say(stage.address(), media::EARLY, &message).await;
        assert_eq!(answered(started, &answer, &made.acceptance).1, 400);
    }
    assert_eq!(stage.app.counts().reached, 0);
}
