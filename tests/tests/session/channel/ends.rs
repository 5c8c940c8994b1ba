//! How channels end, and what counts them.

use super::super::{by_hand::say, resume::Ahead};
use super::*;
use bytes::Bytes;
use http_body::Frame;
use http_body_util::StreamBody;
use sealwire_gateway::{Environment, Gateway};
use sealwire_http::session::{media, message::Closed};
use sealwire_tests::{metrics, raw::request, tee, until};
use std::{convert::Infallible, sync::Arc, time::Duration};
use tokio::sync::mpsc;

const CHANNELS: &str = "sealwire_channels";

fn ends(how: &str) -> String {
    format!("sealwire_channels_ended_total{{end=\"{how}\"}}")
}

/// Closes a session, as its client does.
async fn close(stage: &Stage, session: &Established) {
    let close = session.secrets.close.close(&session.id);
    let answer = say(stage.address(), media::HANDSHAKE, &close.encode()).await;
    assert_eq!(answer.status, 200);
    assert!(session.secrets.close.confirm(&session.id, &Closed::decode(&answer.content).unwrap()).is_ok());
}

/// Counts are the process's, and channels are opened by many tests: runs the test of this name in a process of its own,
/// and says whether this is that one.
async fn alone(name: &str) -> bool {
    const ALONE: &str = "SEALWIRE_COUNTS_CHANNELS";
    if std::env::var_os(ALONE).is_some() {
        return true;
    }
    let mut alone = tokio::process::Command::new(std::env::current_exe().unwrap());
    let name = format!("channel::ends::{name}");
    let alone = alone.args(["--exact", &name, "--nocapture"]).env(ALONE, "1").kill_on_drop(true).output();
    let alone = within("a process", alone).await.unwrap();
    let said = String::from_utf8_lossy(&alone.stdout);
    assert!(alone.status.success() && said.contains("1 passed"), "{said}");
    false
}

// SE-39, SE-37: a session that is closed takes its channel along, behind the last answer.
#[tokio::test]
async fn a_closed_session_ends_its_channel() {
    if !alone("a_closed_session_ends_its_channel").await {
        return;
    }
    let stage = Stage::alone(app().await, |_| {}).await;
    let before = stage.metrics().await;
    let open = open(&stage).await;
    assert_eq!(open.post("one").await.1, "one");
    assert_eq!(stage.metrics().await.get(CHANNELS), 1.0);
    close(&stage, &open.session).await;
    within("the end", async {
        while !open.connection.is_finished() {
            tokio::task::yield_now().await
        }
    })
    .await;
    let request = http::Request::get(format!("https://{AUTHORITY}/")).body(body::empty()).unwrap();
    assert!(open.send(request).await.is_err());
    let (session, address) = (open.session, stage.address());
    assert!(open.connection.await.unwrap().is_ok(), "closed by keys");
    assert!(matches!(try_open(address, &session, 1).await.map(drop), Err(channel::Error::Unknown)));
    until("the count", async || stage.metrics().await.grown(&before, &ends("session")) == 1.0).await;
    let after = stage.metrics().await;
    assert_eq!(after.get(CHANNELS), 0.0);
    assert_eq!(after.grown(&before, "sealwire_channels_opened_total"), 1.0);
    assert_eq!(after.grown(&before, &metrics::requests("session-channel", "answered")), 2.0);
    assert_eq!(after.grown(&before, &metrics::requests("in-channel", "answered")), 1.0);
    assert_eq!(after.grown(&before, &metrics::refusals("channel")), 1.0);
    assert_eq!(stage.app.counts().reached, 1);
}

/// A request whose content is what is sent.
fn streaming() -> (mpsc::Sender<Bytes>, http::Request<Body>) {
    let (sender, mut receiver) = mpsc::channel::<Bytes>(1);
    let frames = futures_util::stream::poll_fn(move |cx| {
        receiver.poll_recv(cx).map(|data| data.map(|data| Ok::<_, Infallible>(Frame::data(data))))
    });
    let content = body::boxed(StreamBody::new(frames));
    (sender, http::Request::post(format!("https://{AUTHORITY}/")).body(content).unwrap())
}

// SE-37: a gateway that stops takes nothing new in its channels, and finishes what is under way.
#[tokio::test]
async fn a_drain_finishes_answers() {
    let stage = Stage::before(app().await, |_| {}).await;
    let (open, idle) = (open(&stage).await, open(&stage).await);
    let (sender, asked) = streaming();
    sender.send("first".into()).await.unwrap();
    let mut answer = open.send(asked).await.unwrap().into_body();
    assert_eq!(within("a frame", answer.frame()).await.unwrap().unwrap().into_data().unwrap(), "first");
    let stopping = tokio::spawn(stage.gateway.shutdown());
    let Open { connection, .. } = idle;
    assert!(within("the end of the idle one", connection).await.unwrap().is_ok());
    sender.send("second".into()).await.unwrap();
    drop(sender);
    assert_eq!(within("the rest", answer.collect()).await.unwrap().to_bytes(), "second");
    assert!(open.ended().await.is_ok());
    within("the end of the gateway", stopping).await.unwrap();
}

// SE-37: what does not come to its end is cut when the time is over, and that is no end to its client.
#[tokio::test]
async fn a_drain_cuts_what_goes_on() {
    let drain = Duration::from_millis(50);
    let stage = Stage::before(app().await, |config| config.limits.drain_time = drain).await;
    let open = open(&stage).await;
    let mut socket = open.socket().await;
    socket.send(Message::text("hello")).await.unwrap();
    assert_eq!(next(&mut socket).await, Message::text("hello"));
    within("the end of the gateway", stage.gateway.shutdown()).await;
    assert!(within("the end", socket.next()).await.unwrap().is_err());
    assert!(open.ended().await.is_err());
}

// SE-37: a session that has ended leaves no WebSocket open for ever.
#[tokio::test]
async fn a_websocket_outlives_its_session_for_a_while() {
    let closing = Duration::from_millis(50);
    let stage = Stage::before(app().await, |config| config.limits.drain_time = closing).await;
    let open = open(&stage).await;
    let mut socket = open.socket().await;
    socket.send(Message::text("hello")).await.unwrap();
    assert_eq!(next(&mut socket).await, Message::text("hello"));
    close(&stage, &open.session).await;
    assert!(within("the end", socket.next()).await.unwrap().is_err());
    assert!(open.ended().await.is_err());
}

// SE-38: a channel is use of its session, and what is opened when it is over is told so under keys.
#[tokio::test]
async fn a_channel_keeps_its_session() {
    const HOURS: Duration = Duration::from_secs(2 * 60 * 60);
    let clock = Arc::new(Ahead::default());
    let mut stage = Stage::before(app().await, |_| {}).await;
    let tee = Some(tee::development().into());
    let environment = Environment { tee, clock: clock.clone(), ..Environment::default() };
    stage.gateway = Gateway::start_in(stage.config.clone(), environment).await.unwrap();
    let open = open(&stage).await;
    clock.advance(HOURS);
    assert_eq!(open.post("still").await.1, "still");
    let Open { session, channel, connection } = open;
    let second = try_open(stage.address(), &session, 1).await.unwrap();
    drop((second, channel));
    within("the end", connection).await.unwrap().unwrap();
    // The gateway may hear of the ends a moment later.
    let mut number = 2;
    until("the end of the session", || {
        clock.advance(HOURS);
        number += 1;
        let opening = Box::pin(try_open(stage.address(), &session, number));
        async {
            // Its own round may have come first, and forgotten it.
            let Ok((mut channel, connection)) = opening.await else { return true };
            let connection = tokio::spawn(connection);
            let asked = http::Request::get(format!("https://{AUTHORITY}/")).body(body::empty()).unwrap();
            let refused = channel.call(asked).await.is_err();
            drop(channel);
            refused && matches!(connection.await.unwrap(), Err(channel::Error::Over))
        }
    })
    .await;
}

// SE-38: what is in a channel counts as what is not.
#[tokio::test]
async fn what_is_inside_counts() {
    let stage = Stage::before(app().await, |config| {
        config.limits.requests = 1;
        config.limits.connections = 1;
    })
    .await;
    let open = open(&stage).await;
    let socket = open.socket().await;
    assert_eq!(open.post("one too many").await.0, StatusCode::SERVICE_UNAVAILABLE);
    // The upgraded connection still counts, too: another one waits.
    let address = stage.address();
    let waiting = tokio::spawn(async move {
        let mut raw = sealwire_tests::raw::Raw::connect(address).await;
        raw.send(request("GET", "/.well-known/sealwire", &[])).await.answer().await.status
    });
    drop(socket);
    until("a free slot", async || open.post("again").await.0 == StatusCode::OK).await;
    assert!(!waiting.is_finished());
    assert!(open.ended().await.is_ok());
    assert_eq!(within("a turn", waiting).await.unwrap(), 200);
}

// SE-38: WebSockets and calls that are silent for as long as their client answers pings never take all there is: the rest
// is left for requests that come otherwise.
#[tokio::test]
async fn channels_leave_room_for_requests() {
    let stage = Stage::before(app().await, |config| config.limits.requests = 4).await;
    let open = open(&stage).await;
    let sockets = [open.socket().await, open.socket().await, open.socket().await];
    assert_eq!(open.post("the last quarter").await.0, StatusCode::SERVICE_UNAVAILABLE);
    let mut raw = sealwire_tests::raw::Raw::connect(stage.address()).await;
    let document = raw.send(request("GET", "/.well-known/sealwire", &[])).await.answer().await;
    assert_eq!(document.status, 200);
    drop(sockets);
    until("a free slot", async || open.post("again").await.0 == StatusCode::OK).await;
}
