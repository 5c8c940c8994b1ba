//! Keys and their quotes (TU-16, TU-35), and how tunnels end with the gateway (TU-24).

use super::{
    app,
    by_hand::{ByHand, Outer, get, now},
    stage,
};
use sealwire_gateway::{Environment, Gateway};
use sealwire_http::{
    Clock,
    ra_tunnel::{client::Presented, message::FromClient},
};
use sealwire_tests::{App, Stage, metrics::IN_FLIGHT, stage, tee, until, within};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

/// Waits until nothing is under way any more.
pub(super) async fn idle(stage: &Stage) {
    until("an idle gateway", || async { stage.metrics().await.get(IN_FLIGHT) == 0.0 }).await;
}

/// The machine's, moved forward.
#[derive(Default)]
struct Moved(AtomicU64);

impl Clock for Moved {
    fn now(&self) -> SystemTime {
        SystemTime::now() + Duration::from_secs(self.0.load(Ordering::SeqCst))
    }
}

async fn presented(gateway: &sealwire_gateway::Running) -> Presented {
    let mut outer = Outer::connect(gateway.address()).await;
    Presented::read(&outer.next().await.unwrap()).unwrap()
}

// TU-16, TU-72: the quote covers the key, the time and the configuration; it is the hardware's over nothing else.
#[tokio::test]
async fn the_quote_is_over_key_time_and_configuration() {
    let stage = stage().await;
    let shown = presented(&stage.gateway).await;
    let data = shown.verifier_data().unwrap();
    assert_eq!(data.config_digest(), Some(stage.gateway.config_digest()));
    assert!(now().since(data.issued_at().unwrap()) < Duration::from_secs(600));
    assert_eq!(data.signature, None);
    let report = shown.evidence(&tee::PolicyText::default().policy()).unwrap();
    let expected = sealwire_http::ra_tunnel::binding::with_verifier_data(data, shown.public_key());
    assert_eq!(report.bytes[0x50..0x90], expected);
    // The same key for all, until it is replaced.
    assert_eq!(presented(&stage.gateway).await.public_key(), shown.public_key());
}

// TU-35, TU-43: after a day new connections get another key and quote.
#[tokio::test]
async fn keys_are_replaced_each_day() {
    let app: App = app::app().await;
    let mut config = stage::config(&app.url());
    config.tunnel.version_0 = true;
    // What is attested for longer does not hold the key of tunnels back.
    config.keys.rotation = Duration::from_hours(72);
    config.keys.overlap = Duration::from_hours(72);
    config.keys.lifetime = Duration::from_hours(48);
    let clock = Arc::new(Moved::default());
    let environment =
        Environment { tee: Some(tee::development().into()), clock: clock.clone(), ..Environment::default() };
    let gateway = Box::pin(Gateway::start_in(config, environment)).await.unwrap();
    let before = *presented(&gateway).await.public_key();
    clock.0.store(24 * 3600 - 60, Ordering::SeqCst);
    assert_eq!(*presented(&gateway).await.public_key(), before);
    clock.0.store(24 * 3600 + 1, Ordering::SeqCst);
    until("another key", || async { *presented(&gateway).await.public_key() != before }).await;
    let after = presented(&gateway).await;
    assert!(after.verifier_data().unwrap().issued_at() > Some(now()));
}

// TU-24: a gateway that stops finishes what is under way, and tells the client to come again.
#[tokio::test]
async fn a_drain_finishes_what_is_under_way() {
    let stage = stage().await;
    let mut client = ByHand::connect(stage.address()).await;
    client.send(FromClient::Request(get("h", "/half"))).await;
    stage.app.until("the request", |counts| counts.reached == 1).await;
    let Stage { gateway, .. } = stage;
    let stopping = tokio::spawn(gateway.shutdown());
    assert_eq!(client.answer().await.status, 200);
    assert_eq!(client.outer.closed().await, 1012);
    within("the end", stopping).await.unwrap();
}
