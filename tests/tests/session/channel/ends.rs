//! How channels end, and what counts them.

use super::*;
use sealwire_http::session::{media, message::Closed};
use sealwire_tests::{metrics, until};

const CHANNELS: &str = "sealwire_channels";

fn ends(how: &str) -> String {
    format!("sealwire_channels_ended_total{{end=\"{how}\"}}")
}

/// Closes a session, as its client does.
async fn close(stage: &Stage, session: &Established) {
    let close = session.secrets.close.close(&session.id);
    let answer = super::super::by_hand::say(stage.address(), media::HANDSHAKE, &close.encode()).await;
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
