//! Sessions that go on where the last one ended, and how they end.

use super::{
    by_hand::{self, now, say, takes},
    send, whole,
};
use http::{Method, StatusCode};
use sealwire_attest::{
    UnixTime,
    key_document::{self, Published},
    revocation::RevocationList,
};
use sealwire_client::{
    Connector, Error, SealedWith, Settings, Wire,
    revocation::{Place, Source},
};
use sealwire_crypto::{random::OsRandom, sign::ed25519::SigningKey};
use sealwire_gateway::{Environment, Gateway, config::Route};
use sealwire_http::{Clock, body, client::session::Facts, session::media, wire::SESSION_PATH};
use sealwire_tests::{
    Stage, stage,
    tap::Tap,
    tee::{self, PolicyText},
    until, within,
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

/// The machine's clock, as many seconds ahead as a test says.
#[derive(Default)]
pub(crate) struct Ahead(AtomicU64);

impl Ahead {
    pub(crate) fn advance(&self, by: Duration) {
        self.0.fetch_add(by.as_secs(), Ordering::SeqCst);
    }
}

impl Clock for Ahead {
    fn now(&self) -> SystemTime {
        SystemTime::now() + Duration::from_secs(self.0.load(Ordering::SeqCst))
    }
}

const MINUTE: Duration = Duration::from_secs(60);

/// An application and a gateway by a clock of the test's.
async fn staged(clock: Arc<Ahead>) -> Stage {
    let mut stage = Stage::start().await;
    let tee = Some(tee::development().into());
    let environment = Environment { tee, clock, ..Environment::default() };
    stage.gateway = Gateway::start_in(stage.config.clone(), environment).await.unwrap();
    stage
}

pub(crate) fn settings(stage: &Stage) -> Settings {
    Settings { wire: Wire::Session, ..stage.settings() }
}

async fn connect_by(clock: Arc<Ahead>, settings: Settings) -> Connector {
    let environment = sealwire_client::Environment { clock, ..Default::default() };
    within("a session", Connector::connect_in(settings, environment)).await.unwrap()
}

pub(crate) async fn connect(settings: Settings) -> Connector {
    within("a session", Connector::connect(settings)).await.unwrap()
}

pub(crate) fn facts(connector: &Connector) -> Facts {
    let SealedWith::Session(facts) = connector.status().sealed_with else { panic!("another wire") };
    facts
}

pub(crate) async fn get(connector: &Connector) {
    assert_eq!(whole(send(connector, Method::GET, "/", body::empty()).await).await.0, StatusCode::OK);
}

/// How often these bytes went to the server.
pub(crate) fn sent(tap: &Tap, what: &str) -> usize {
    let forth = tap.forth.lock().unwrap();
    forth.windows(what.len()).filter(|window| *window == what.as_bytes()).count()
}

fn posts_to_sessions(tap: &Tap) -> usize {
    sent(tap, &format!("POST {SESSION_PATH} "))
}

// SE-39, SE-40: the next session begins with the ticket of the last, in one round trip, and says so; what the server
// grants is what it granted before.
#[tokio::test]
async fn a_session_goes_on_by_its_ticket() {
    let stage = Stage::start().await;
    let tap = Tap::before(stage.address()).await;
    let connector = connect(Settings { to: tap.url(), ..settings(&stage) }).await;
    get(&connector).await;
    let first = facts(&connector);
    assert!(first.scheme.is_some() && !first.is_resumed());
    for resumptions in 1..4 {
        connector.close().await;
        get(&connector).await;
        let next = facts(&connector);
        assert_eq!((next.scheme, next.is_resumed()), (None, true));
        // A new key agreement, and the same limits.
        assert_eq!((next.group, next.suite, next.parameters), (first.group, first.suite, first.parameters));
        let counts = connector.status().counts;
        assert_eq!(
            (counts.resumptions, counts.renewals, counts.failed, counts.resent),
            (resumptions, 0, 0, 0)
        );
    }
    assert_eq!(sent(&tap, &format!("GET {} ", key_document::PATH)), 1, "no document is asked for again");
    assert_eq!(posts_to_sessions(&tap), 4 + 3, "four handshakes, three ends");
    assert_eq!(stage.app.counts().reached, 4);
}

// SE-39: what nobody uses any more is closed, without anybody's asking.
#[tokio::test]
async fn a_session_ends_with_its_connector() {
    let stage = Stage::start().await;
    let tap = Tap::before(stage.address()).await;
    let connector = connect(Settings { to: tap.url(), ..settings(&stage) }).await;
    get(&connector).await;
    assert_eq!(posts_to_sessions(&tap), 1);
    drop(connector);
    until("a close", || async { posts_to_sessions(&tap) == 2 }).await;
}

// SE-39, SE-72: only under the session's keys is it closed, and then it is unknown.
#[tokio::test]
async fn only_its_client_closes_a_session() {
    let stage = Stage::start().await;
    let live = by_hand::handshake(&stage).await;
    let close = live.secrets.close.close(&live.id);
    let forged =
        sealwire_http::session::message::Close { mac: [1; 32], ..live.secrets.close.close(&live.id) };
    let unknown = say(stage.address(), media::HANDSHAKE, &forged.encode()).await;
    assert_eq!(unknown.status, 409);
    let answer = say(stage.address(), media::HANDSHAKE, &close.encode()).await;
    let closed = sealwire_http::session::message::Closed::decode(&answer.content).unwrap();
    live.secrets.close.confirm(&live.id, &closed).unwrap();
    let again = say(stage.address(), media::HANDSHAKE, &close.encode()).await;
    assert_eq!((again.status, again.content), (409, unknown.content));
}

// SE-40: a ticket is for one handshake. The same hello again is answered with a full one, which its sender cannot use.
#[tokio::test]
async fn a_ticket_is_taken_once() {
    let stage = Stage::start().await;
    let made = by_hand::session(&stage).await;
    let hello = by_hand::hello(made.established.ticket.unwrap(), false, now()).hello;
    let mut taken = Vec::new();
    for _ in 0..3 {
        taken.push(takes(&say(stage.address(), media::HANDSHAKE, &hello).await.content));
    }
    assert_eq!(taken, [true, false, false]);
}

// SE-40, AT-45: tickets are of no use to another instance, to the next one in the same place, or to the same one under
// another configuration: all of them go on with a full handshake.
#[tokio::test]
async fn a_ticket_is_for_the_instance_that_made_it() {
    let (stage, other) = (Stage::start().await, Stage::start().await);
    let ticket = async || by_hand::handshake(&stage).await.ticket.unwrap();
    let hello = by_hand::hello(ticket().await, false, now()).hello;
    assert!(!takes(&say(other.address(), media::HANDSHAKE, &hello).await.content));
    let (before, control) = (ticket().await, ticket().await);

    // SE-41: another policy, and so other keys.
    assert!(takes(
        &say(stage.address(), media::HANDSHAKE, &by_hand::hello(control, false, now()).hello).await.content
    ));
    let mut config = stage.config.clone();
    config.routes.push(Route::new("/more", stage.app.url()));
    (config.listen, config.admin) = (stage.config.listen, stage.config.admin);
    stage.gateway.reload(config.clone()).await.unwrap();
    assert!(!takes(
        &say(stage.address(), media::HANDSHAKE, &by_hand::hello(before, false, now()).hello).await.content
    ));

    let before = ticket().await;
    let Stage { gateway, .. } = stage;
    config.listen = gateway.address();
    gateway.shutdown().await;
    let gateway = stage::gateway(config).await;
    assert!(!takes(
        &say(gateway.address(), media::HANDSHAKE, &by_hand::hello(before, false, now()).hello).await.content
    ));
}

// SE-40: a day, and no longer.
#[tokio::test]
async fn a_ticket_ends() {
    let clock = Arc::new(Ahead::default());
    let stage = staged(clock.clone()).await;
    let ticket = async || by_hand::handshake(&stage).await.ticket.unwrap();
    let (first, second) = (ticket().await, ticket().await);
    clock.advance(60 * 23 * MINUTE);
    assert!(takes(
        &say(stage.address(), media::HANDSHAKE, &by_hand::hello(first, false, now()).hello).await.content
    ));
    clock.advance(60 * MINUTE);
    assert!(!takes(
        &say(stage.address(), media::HANDSHAKE, &by_hand::hello(second, false, now()).hello).await.content
    ));
}

// SE-38, SE-41: a session that was idle too long is over, and goes on by its ticket; but not past the age that the policy
// wants of the evidence, which counts from the first handshake.
#[tokio::test]
async fn age_counts_from_the_first_evidence() {
    let clock = Arc::new(Ahead::default());
    let stage = staged(clock.clone()).await;
    let top = "any-operator = true\nmax-age = \"100m\"\ngrace = \"3h\"".to_owned();
    let policy = PolicyText { top, ..PolicyText::default() }.policy();
    let connector = connect_by(clock.clone(), Settings { policy, ..settings(&stage) }).await;
    get(&connector).await;
    clock.advance(61 * MINUTE);
    get(&connector).await;
    assert!(facts(&connector).is_resumed());
    clock.advance(61 * MINUTE);
    get(&connector).await;
    assert!(!facts(&connector).is_resumed());
    let counts = connector.status().counts;
    assert_eq!((counts.resumptions, counts.renewals, counts.failed), (1, 1, 0));
}

// SE-41, AT-25: what the revocation list names since is not resumed, however good the ticket.
#[tokio::test]
async fn nothing_revoked_is_resumed() {
    let stage = Stage::start().await;
    let tap = Tap::before(stage.address()).await;
    let key = SigningKey::generate(&OsRandom).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("list.cbor");
    let publish = |list: &RevocationList| {
        let next = path.with_extension("next");
        std::fs::write(&next, list.sign(&key).unwrap()).unwrap();
        std::fs::rename(&next, &path).unwrap();
    };
    let at = UnixTime(now() / 1000);
    let empty = RevocationList::empty(1, at, at.saturating_add(MINUTE));
    publish(&empty);
    let mut policy = PolicyText::default().policy();
    policy.pin_revocation_keys(&[key.public_key()]);
    let source = Source { every: Duration::from_millis(5), ..Source::new(Place::File(path.clone())) };
    let to = tap.url();
    let connector = connect(Settings { policy, revocation: Some(source), to, ..settings(&stage) }).await;
    get(&connector).await;
    connector.close().await;
    get(&connector).await;
    assert!(facts(&connector).is_resumed());
    connector.close().await;
    let before = posts_to_sessions(&tap);
    let mut list = RevocationList { serial: 2, ..empty };
    list.measurements.insert(tee::development().measurement().to_vec());
    publish(&list);
    until("the list", || async { connector.status().revocation.unwrap().serial == 2 }).await;
    let refused = within("an answer", connector.get("/").send()).await.err().unwrap();
    assert!(matches!(refused, Error::Denied(_)), "{refused}");
    assert_eq!(posts_to_sessions(&tap), before, "no hello is said to it");
    assert_eq!(stage.app.counts().reached, 2);
}

// SE-40, SE-43, AT-45: a ticket that a restart has made worthless costs nothing: the full handshake goes on in its place.
#[tokio::test]
async fn a_restart_leads_to_a_full_handshake_in_the_same_round_trip() {
    let stage = Stage::start().await;
    let tap = Tap::before(stage.address()).await;
    let connector = connect(Settings { to: tap.url(), ..settings(&stage) }).await;
    get(&connector).await;
    let Stage { app, gateway, mut config, .. } = stage;
    config.listen = gateway.address();
    gateway.shutdown().await;
    tap.cut();
    let gateway = stage::gateway(config).await;
    get(&connector).await;
    assert!(!facts(&connector).is_resumed());
    assert_eq!(sent(&tap, &format!("GET {} ", key_document::PATH)), 1, "the flight has brought the document");
    assert_eq!(connector.status().counts.renewals, 1);
    let served = Published::decode(&stage_document(gateway.address()).await).unwrap();
    assert_eq!(connector.status().published.document, served.document);
    drop(app);
}

async fn stage_document(address: std::net::SocketAddr) -> Vec<u8> {
    let mut raw = sealwire_tests::raw::Raw::connect(address).await;
    let request = sealwire_tests::raw::request("GET", key_document::PATH, &[]);
    raw.send(request).await.answer().await.content
}
