//! Gateways that restart, rotate their keys and change their configuration under the feet of clients.

use super::{
    app::{self, Handles},
    json,
};
use http::Method;
use sealwire_attest::{KeyDocument, key_document::Published};
use sealwire_gateway::config::Route;
use sealwire_http::body;
use sealwire_tests::{
    App,
    chain::{Chain, Plain, through, whole},
    raw::{Raw, request},
    within,
};
use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};
use tokio::task::JoinSet;

async fn chain() -> (Chain, Handles) {
    let (app, handles) = app::start().await;
    (Chain::start(app).await, handles)
}

async fn document(chain: &Chain) -> KeyDocument {
    let mut raw = Raw::connect(chain.gateway.address()).await;
    let answer = raw.send(request("GET", sealwire_attest::key_document::PATH, &[])).await.answer().await;
    KeyDocument::decode(&Published::decode(&answer.content).unwrap().document).unwrap()
}

// SE-43, AT-45, OB-162: a new instance on the same address, and a client that finds out by itself.
#[tokio::test]
async fn a_restart_is_survived_by_what_may_be_repeated() {
    let (chain, _handles) = chain().await;
    assert_eq!(chain.client.get("/").await.0, 200);
    let before = document(&chain).await.instance;
    let chain = Box::pin(chain.restart()).await;
    assert_ne!(document(&chain).await.instance, before);
    assert_eq!(chain.client.get("/").await, (200, "an ordinary application".into()));
    let (status, _) = whole(chain.client.send(Method::PUT, "/upload", body::full("again")).await).await;
    assert_eq!(status, 200);
    assert_eq!(chain.client.post("/upload", "and again").await.0, 200);
    let counts = chain.connect.status().counts;
    assert_eq!((counts.resent, counts.renewals, counts.failed), (1, 1, 0));
    assert_eq!(chain.app.counts().reached, 4);
}

// SE-43, OB-47: what must not be repeated is not, and its sender is told, once.
#[tokio::test]
async fn a_restart_leaves_the_outcome_of_a_post_unknown() {
    let (chain, _handles) = chain().await;
    assert_eq!(chain.client.post("/upload", "first").await.0, 200);
    let chain = Box::pin(chain.restart()).await;
    let (status, problem) = chain.client.post("/upload", "second").await;
    assert_eq!((status, json(&problem)["type"].as_str()), (502, Some("tag:sealwire,2026:outcome-unknown")));
    assert_eq!(chain.client.post("/upload", "third").await.0, 200);
    assert_eq!(chain.app.counts().reached, 2, "the one that failed was not carried out, and not repeated");
    let counts = chain.connect.status().counts;
    assert_eq!((counts.resent, counts.renewals, counts.failed), (0, 1, 1));
}

// SE-43, OB-47, OB-117: cut while the application works on it: it ran once, and stays the only time. The relay answers
// for itself, and what it says proves nothing.
#[tokio::test]
async fn a_cut_under_way_runs_nothing_twice() {
    let (chain, handles) = chain().await;
    let (_direct, without_relay) = chain.without_relay().await;
    for (client, kind) in [(&without_relay, "outcome-unknown"), (&chain.client, "not-sealed")] {
        let asked = client.clone();
        let asking = tokio::spawn(async move { asked.post("/hold", "x").await });
        within("the application", handles.begun.notified()).await;
        let reached = chain.app.counts().reached;
        chain.tap.cut();
        let (status, problem) = within("an answer", asking).await.unwrap();
        let found = json(&problem)["type"].as_str().unwrap().to_owned();
        assert_eq!((status, found), (502, format!("tag:sealwire,2026:{kind}")));
        assert_eq!(client.get("/").await.0, 200);
        assert_eq!(chain.app.counts().reached, reached + 1);
    }
}

/// Asks until told to stop, from several clients at once, with content and without.
struct Load {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicUsize>,
    clients: JoinSet<()>,
}

impl Load {
    fn start(client: &Plain) -> Self {
        let (stop, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let mut clients = JoinSet::new();
        for i in 0..8 {
            let (client, stop, answered) = (client.clone(), stop.clone(), answered.clone());
            clients.spawn(async move {
                while !stop.load(Ordering::SeqCst) {
                    let (status, content) = if i % 2 == 0 {
                        client.get("/").await
                    } else {
                        client.post("/upload", vec![7; 10_000]).await
                    };
                    assert_eq!(status, 200, "{content:?}");
                    answered.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        Self { stop, answered, clients }
    }

    /// Waits for more answers, so that what comes next comes in the middle.
    async fn goes_on(&self) {
        let enough = self.answered.load(Ordering::SeqCst) + 20;
        sealwire_tests::until("answers", || async { self.answered.load(Ordering::SeqCst) >= enough }).await;
    }

    /// How many were answered; none was not.
    async fn stop(mut self) -> usize {
        self.stop.store(true, Ordering::SeqCst);
        while let Some(client) = within("the clients", self.clients.join_next()).await {
            client.unwrap();
        }
        self.answered.load(Ordering::SeqCst)
    }
}

// OB-52, OB-53
#[tokio::test]
async fn rotation_drops_no_request() {
    let (chain, _handles) = chain().await;
    let before = document(&chain).await;
    let load = Load::start(&chain.client);
    for _ in 0..10 {
        load.goes_on().await;
        chain.gateway.rotate().await.unwrap();
    }
    load.goes_on().await;
    let answered = load.stop().await;
    let counts = chain.app.counts();
    assert_eq!((counts.completed, counts.aborted), (answered, 0));
    let after = document(&chain).await;
    assert_eq!((after.instance, after.serial), (before.instance, before.serial + 10));
    assert_eq!(chain.connect.status().counts.resent, 0, "a replaced key is still accepted");
}

// AT-44: a configuration that sends plaintext elsewhere has another digest, and so another document with other keys.
// What was sealed under the old one goes where that said.
#[tokio::test]
async fn a_reload_drops_no_request() {
    let (chain, _handles) = chain().await;
    let (other, _other_handles): (App, Handles) = app::named("the other application").await;
    let before = document(&chain).await;
    let load = Load::start(&chain.client);
    let mut config = chain.config.clone();
    for i in 0..4 {
        load.goes_on().await;
        config.routes.truncate(1);
        if i % 2 == 0 {
            config.routes.push(Route { path: "/other".to_owned(), ..Route::new("/other", other.url()) });
        }
        chain.gateway.reload(config.clone()).await.unwrap();
    }
    config.routes.push(Route::new("/other", other.url()));
    chain.gateway.reload(config.clone()).await.unwrap();
    load.goes_on().await;
    let answered = load.stop().await;
    let counts = chain.app.counts();
    assert_eq!((counts.completed, counts.aborted), (answered, 0));
    let after = document(&chain).await;
    assert_eq!((after.instance, after.serial), (before.instance, before.serial + 5));
    assert_ne!(after.config_digest, before.config_digest);
    // Who attested before keeps to what was attested; who attests now goes by the new route.
    assert_eq!(chain.client.get("/other").await.0, 404);
    assert_eq!(other.counts().reached, 0);
    let newcomer = through(chain.relay.address(), sealwire_tests::chain::NAME).await;
    Plain::new(newcomer.address()).get("/other").await;
    assert_eq!((other.counts().reached, chain.client.get("/").await.0), (1, 200));
}
