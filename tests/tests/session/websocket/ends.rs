//! Who gets no WebSocket, and how they end when something else does.

use super::{App, Whole, asking, open, try_open};
use futures_util::{SinkExt, StreamExt};
use http::Request;
use http_body_util::BodyExt;
use sealwire_client::{Connector, Environment, Settings, Wire};
use sealwire_http::{Clock, SystemClock, body, crypto::random::OsRandom};
use sealwire_tests::{chain::Plain, stage, until, within};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};
use tokio_tungstenite::tungstenite::{Error, Message};

/// An upgrade by hand, and the answer with its content.
async fn ask(whole: &Whole, path: &str, fields: &[(&str, &str)]) -> (u16, http::HeaderMap, String) {
    let plain = Plain::new(whole.connect.address());
    let mut request = Request::get(plain.uri(path))
        .header("connection", "Upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    let answer = plain.request(request.body(body::empty()).unwrap()).await;
    let (parts, content) = answer.into_parts();
    let content = if parts.status == 101 {
        String::new()
    } else {
        let content = within("content", content.collect()).await.unwrap().to_bytes();
        String::from_utf8(content.to_vec()).unwrap()
    };
    (parts.status.as_u16(), parts.headers, content)
}

// SE-37: an application that takes nobody says so itself.
#[tokio::test]
async fn a_refusal_passes_through() {
    let app = App::start().await;
    let whole = Whole::start(app.address).await;
    let (status, headers, content) = ask(&whole, "/refuse", &[]).await;
    assert_eq!((status, content.as_str()), (403, "not you"));
    assert_eq!(headers["x-why"], "members only");
    assert!(!headers.contains_key("sec-websocket-accept"));
    let refused = try_open(&whole, asking(&whole, "/refuse", &[])).await;
    assert!(matches!(refused, Err(Error::Http(answer)) if answer.status() == 403));
}

// Browsers say whose page it is; a page elsewhere gets none, and the application does not hear of it.
#[tokio::test]
async fn pages_elsewhere_get_none() {
    let app = App::start().await;
    let allow = |settings: &mut sealwire::connect::ConnectSettings| {
        settings.allow_origins = vec!["https://pages.example".to_owned()];
    };
    let whole = Whole::with(app.address, |_| {}, allow).await;
    for origin in ["https://evil.example", "null", "http://localhost:1"] {
        let (status, _, content) = ask(&whole, "/echo", &[("origin", origin)]).await;
        assert_eq!(status, 403, "{origin}");
        assert!(content.contains("--allow-origin"), "{content}");
    }
    let (status, _, _) = ask(&whole, "/echo", &[("sec-fetch-site", "cross-site")]).await;
    assert_eq!(status, 403);
    assert!(app.openings().is_empty());
    assert_eq!(whole.connect.status().counts.channels, 0);
    let local = format!("http://{}", whole.connect.address());
    for origin in ["https://pages.example", &local] {
        assert_eq!(ask(&whole, "/echo", &[("origin", origin)]).await.0, 101, "{origin}");
    }
    let seen: Vec<_> = app.openings().iter().map(|seen| seen.headers()["origin"].clone()).collect();
    assert_eq!(seen, ["https://pages.example".to_owned(), format!("https://{}", stage::AUTHORITY)]);
}

// OB-46, SE-37: the oblivious wire has no open connections, and the answer says what has.
#[tokio::test]
async fn the_oblivious_wire_says_what_to_do() {
    let app = App::start().await;
    let other = |settings: &mut sealwire::connect::ConnectSettings| settings.client.wire = Wire::Oblivious;
    let whole = Whole::with(app.address, |_| {}, other).await;
    let (status, headers, content) = ask(&whole, "/echo", &[]).await;
    assert_eq!((status, &headers["content-type"]), (501, &"application/problem+json".parse().unwrap()));
    assert!(content.contains("--wire session"), "{content}");
    assert!(app.openings().is_empty());
}

// RFC 6455: what does not ask well is told so here.
#[tokio::test]
async fn an_upgrade_that_is_none_is_told_so() {
    let app = App::start().await;
    let whole = Whole::start(app.address).await;
    let (status, _, content) =
        ask(&whole, "/echo", &[("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")]).await;
    assert_eq!(status, 400, "{content}");
    let plain = Plain::new(whole.connect.address());
    let tunnel = Request::connect("other.example:443").body(body::empty()).unwrap();
    let mut raw = sealwire_tests::raw::Raw::connect(whole.connect.address()).await;
    let head =
        format!("{} {} HTTP/1.1\r\nhost: {}\r\n\r\n", tunnel.method(), tunnel.uri(), whole.connect.address());
    let answer = raw.send(head.into_bytes()).await.answer().await;
    assert!(matches!(answer.status, 403 | 501), "{}", answer.text());
    drop(plain);
    assert!(app.openings().is_empty());
}

// SE-43: a gateway that ends takes its WebSockets along. The next one finds another instance by the hint, once.
#[tokio::test]
async fn a_restart_ends_them_and_the_next_one_works() {
    let app = App::start().await;
    let mut whole =
        Whole::with(app.address, |config| config.limits.drain_time = Duration::from_millis(1), |_| {}).await;
    let mut client = open(&whole, "/echo").await;
    client.send(Message::text("before")).await.unwrap();
    within("an echo", client.next()).await.unwrap().unwrap();
    whole.restart().await;
    let end = within("the end", client.next()).await;
    assert!(!matches!(end, Some(Ok(_))), "{end:?}");
    let mut client = open(&whole, "/echo").await;
    client.send(Message::text("after")).await.unwrap();
    assert_eq!(within("an echo", client.next()).await.unwrap().unwrap(), Message::text("after"));
    let counts = whole.connect.status().counts;
    assert_eq!((counts.renewals, counts.channels, counts.failed), (1, 2, 0), "{counts:?}");
}

// SE-43: the connection under the channel may go; the session is the same.
#[tokio::test]
async fn a_cut_connection_costs_no_session() {
    let app = App::start().await;
    let whole = Whole::through_tap(app.address).await;
    let mut client = open(&whole, "/echo").await;
    whole.tap.as_ref().unwrap().cut();
    let end = within("the end", client.next()).await;
    assert!(!matches!(end, Some(Ok(_))), "{end:?}");
    let mut client = open(&whole, "/echo").await;
    client.send(Message::text("again")).await.unwrap();
    assert_eq!(within("an echo", client.next()).await.unwrap().unwrap(), Message::text("again"));
    let counts = whole.connect.status().counts;
    assert_eq!((counts.renewals, counts.resumptions, counts.channels), (0, 0, 2), "{counts:?}");
}

// SE-39: a session that was ended on purpose is not what the next WebSocket goes over.
#[tokio::test]
async fn a_closed_session_is_followed_by_another() {
    let app = App::start().await;
    let whole = Whole::start(app.address).await;
    let first = open(&whole, "/echo").await;
    drop(first);
    whole.connect.connector().close().await;
    let mut client = open(&whole, "/echo").await;
    client.send(Message::text("on")).await.unwrap();
    assert_eq!(within("an echo", client.next()).await.unwrap().unwrap(), Message::text("on"));
    let counts = whole.connect.status().counts;
    assert_eq!((counts.resumptions, counts.channels, counts.failed), (1, 2, 0), "{counts:?}");
}

/// The time of day, and some more of it.
struct Later(AtomicU64);

impl Clock for Later {
    fn now(&self) -> SystemTime {
        SystemClock.now() + Duration::from_secs(self.0.load(Ordering::Relaxed))
    }
}

// SE-38: a session that nobody used for an hour takes no channel, and the next one does. One with a channel is in use.
#[tokio::test]
async fn an_idle_session_is_followed_by_another() {
    let app = App::start().await;
    let whole = Whole::start(app.address).await;
    let clock = Arc::new(Later(AtomicU64::new(0)));
    let environment = Environment { clock: clock.clone(), random: Arc::new(OsRandom) };
    let settings = Settings { wire: Wire::Session, ..stage::settings(whole.gateway().address()) };
    let connector = within("a session", Connector::connect_in(settings, environment)).await.unwrap();
    let mut sockets = Vec::new();
    for hours in [2, 4] {
        clock.0.store(hours * 3600, Ordering::Relaxed);
        let (socket, _) = within("a WebSocket", connector.websocket("/echo").open()).await.unwrap();
        sockets.push(socket);
        for socket in &mut sockets {
            socket.send(Message::text("here")).await.unwrap();
            assert_eq!(within("an echo", socket.next()).await.unwrap().unwrap(), Message::text("here"));
        }
        let counts = connector.status().counts;
        assert_eq!((counts.resumptions, counts.channels), (1, 1), "{counts:?}");
    }
}

// A proxy that stops waits for WebSockets, a little.
#[tokio::test]
async fn a_proxy_that_stops_lets_them_end() {
    let app = App::start().await;
    let whole = Whole::start(app.address).await;
    let mut client = open(&whole, "/echo").await;
    client.send(Message::text("last words")).await.unwrap();
    within("an echo", client.next()).await.unwrap().unwrap();
    let Whole { connect, .. } = whole;
    let stopping = tokio::spawn(connect.shutdown());
    client.close(None).await.unwrap();
    while let Some(Ok(_)) = within("the end", client.next()).await {}
    within("the proxy's end", stopping).await.unwrap();
    until("the close", || async { app.closes().len() == 1 }).await;
}
