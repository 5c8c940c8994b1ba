//! Handshakes that a balancer takes to another instance than the one whose ticket, token or session they rest on.

use super::fleet::{Balancer, Member, connect, enclave, facts, get, instance, send, settings};
use http::{Method, StatusCode};
use sealwire_client::{Settings, Wire};
use sealwire_crypto::random::OsRandom;
use sealwire_http::{
    Clock, SystemClock,
    session::{
        Group,
        client::{self, Config, Received},
        media,
        message::{ServerFlight, ServerHello, Type},
    },
    wire::SESSION_PATH,
};
use sealwire_tests::{
    App,
    raw::{Answer, Raw},
    redis::Redis,
    stage::AUTHORITY,
    tap::Tap,
};
use std::{net::SocketAddr, sync::Arc, time::Duration};

/// Gateways that know each other, and the application behind them.
struct Fleet {
    app: App,
    redis: Redis,
    members: Vec<Member>,
}

impl Fleet {
    async fn of(number: usize) -> Self {
        let (app, redis) = (App::echo().await, Redis::start());
        let url = redis.url();
        let mut members = Vec::new();
        for _ in 0..number {
            members.push(Member::start(&app, Some(&url)).await);
        }
        Self { app, redis, members }
    }

    fn listen(&self, which: usize) -> SocketAddr {
        self.members[which].listen
    }

    /// Has the others reach this one directly, without its tap.
    fn untapped(&self, which: usize, id: &[u8; 16]) {
        let at = format!("http://{}", self.listen(which));
        self.redis.say(&["SET", &super::fleet::entry(id), &at]);
    }
}

async fn say(to: SocketAddr, media_type: &str, message: &[u8]) -> Answer {
    let fields = [("content-type", media_type)];
    Raw::connect(to).await.post(SESSION_PATH, &fields, message).await.answer().await
}

fn server_hello(flight: &[u8]) -> ServerHello {
    ServerHello::decode(ServerFlight::decode(flight).unwrap().hello).unwrap()
}

// SE-40, SE-44: a ticket is taken by the instance that made it, whichever a balancer takes it to: no full handshake, and no
// document is asked for again.
#[tokio::test]
async fn a_ticket_finds_its_instance() {
    let fleet = Fleet::of(3).await;
    let balancer = Balancer::before(&[fleet.listen(0)]).await;
    let connector = connect(settings(balancer.address, Wire::Session)).await;
    get(&connector).await;
    let owner = instance(&connector);
    for resumptions in 1..4 {
        balancer.route(&[fleet.listen(1), fleet.listen(2)]);
        connector.close().await;
        get(&connector).await;
        assert!(facts(&connector).is_resumed());
        assert_eq!(instance(&connector), owner);
        let counts = connector.status().counts;
        assert_eq!(
            (counts.resumptions, counts.renewals, counts.failed, counts.resent),
            (resumptions, 0, 0, 0)
        );
    }
    assert_eq!(fleet.app.counts().reached, 4);
}

// SE-42, SE-44: so do early data, which are acted upon once wherever a copy of them is sent.
#[tokio::test]
async fn early_data_find_their_instance_and_are_acted_upon_once() {
    let fleet = Fleet::of(3).await;
    let balancer = Balancer::before(&[fleet.listen(0)]).await;
    let tap = Tap::before(balancer.address).await;
    let settings = settings(tap.address(), Wire::Session);
    let connector = connect(Settings { early_data: true, ..settings }).await;
    get(&connector).await;
    connector.close().await;
    balancer.route(&[fleet.listen(1), fleet.listen(2)]);
    let before = tap.forth.lock().unwrap().len();
    assert_eq!(send(&connector, Method::GET, "/early", "").await.unwrap().0, StatusCode::OK);
    let counts = connector.status().counts;
    assert_eq!((counts.early, counts.resumptions, counts.resent, counts.failed), (1, 1, 0, 0));
    assert_eq!(fleet.app.counts().reached, 2);

    let captured = tap.forth.lock().unwrap()[before..].to_vec();
    assert!(captured.starts_with(format!("POST {SESSION_PATH} ").as_bytes()));
    for member in fleet.members.iter().chain(&fleet.members) {
        let answer = Raw::connect(member.listen).await.send(&captured).await.answer().await;
        assert_eq!((answer.status, answer.field("content-type")), (200, media::HANDSHAKE));
        // A full handshake by the owner of the ticket, who knows that it was used.
        let hello = server_hello(&answer.content);
        assert_eq!(hello.session[..16], instance(&connector));
        assert!(!hello.early);
    }
    assert_eq!(fleet.app.counts().reached, 2);
    assert!(fleet.members.iter().all(|member| !member.tap.saw(b"/early")));
}

/// A hello without the share that gateways want first, and what they say to it.
async fn retried(at: SocketAddr) -> Vec<u8> {
    let groups = vec![Group::SecP384r1MlKem1024, Group::X25519MlKem768];
    let config = Arc::new(Config { groups, ..Config::default() });
    let now = SystemClock.unix_millis();
    let started = client::start(config, AUTHORITY, None, None, false, now, &OsRandom).unwrap();
    let retry = say(at, media::HANDSHAKE, &started.hello).await;
    assert_eq!(Type::of(&retry.content).unwrap(), Type::Retry);
    let Received::Again { message, .. } = started.next.receive(&retry.content, &OsRandom).unwrap() else {
        panic!("no hello again")
    };
    message
}

// SE-13, SE-44: the token of a retry is for the instance that made it, and for nobody else; a hello again finds it.
#[tokio::test]
async fn a_retry_token_finds_its_instance() {
    let fleet = Fleet::of(2).await;
    let again = retried(fleet.listen(0)).await;
    let answer = say(fleet.listen(1), media::HANDSHAKE, &again).await;
    assert_eq!(answer.status, 200);
    let owner = instance(&connect(settings(fleet.listen(0), Wire::Session)).await);
    assert_eq!(server_hello(&answer.content).session[..16], owner);
    // Once.
    for which in [0, 1] {
        assert_eq!(say(fleet.listen(which), media::HANDSHAKE, &again).await.status, 400);
    }
    // Without a registry it is nobody's.
    let again = retried(fleet.listen(0)).await;
    let alone = Member::start(&fleet.app, None).await;
    assert_eq!(say(alone.listen, media::HANDSHAKE, &again).await.status, 400);
}

// SE-11, SE-44: the client's authentication reaches the instance that asked for it, with the hint for routing and, where a
// proxy takes that away, without it.
#[tokio::test]
async fn a_finish_finds_its_instance() {
    let fleet = Fleet::of(2).await;
    for dropped in [None, Some("attest-base-id")] {
        let both = [fleet.listen(0), fleet.listen(1)];
        let balancer = Balancer::that_drops(dropped, &both).await;
        for _ in 0..2 {
            let connector = connect(enclave(balancer.address)).await;
            assert!(facts(&connector).authenticated);
        }
        let hinted = |head: &http::HeaderMap| head.contains_key("attest-base-id");
        let heads = balancer.heads.lock().unwrap();
        assert_eq!(heads.iter().any(hinted), dropped.is_none());
    }
}

// SE-40, SE-44: the ticket of an instance that was killed leads to a full handshake, in the same round trip; the early
// data behind it go again in the session, and are acted upon once.
#[tokio::test]
async fn the_ticket_of_a_killed_instance_costs_a_full_handshake() {
    for early_data in [false, true] {
        let mut fleet = Fleet::of(2).await;
        let balancer = Balancer::before(&[fleet.listen(0)]).await;
        let settings = settings(balancer.address, Wire::Session);
        let connector = connect(Settings { early_data, ..settings }).await;
        get(&connector).await;
        connector.close().await;
        fleet.untapped(0, &instance(&connector));
        fleet.members[0].kill().await;
        balancer.route(&[fleet.listen(1)]);
        get(&connector).await;
        assert!(!facts(&connector).is_resumed());
        let counts = connector.status().counts;
        assert_eq!((counts.early, counts.resumptions, counts.resent, counts.failed), (0, 0, 0, 0));
        assert_eq!(fleet.app.counts().reached, 2);
    }
}

// SE-42, SE-44: the owner hangs. A hello is answered in its place; early data, which the owner may have by now, are not
// said to be not accepted. That their request is sent again is the client's own decision, for safe methods alone.
#[tokio::test]
async fn an_owner_that_hangs_is_not_waited_for() {
    let (app, redis) = (App::echo().await, Redis::start());
    let url = redis.url();
    let short = Duration::from_secs(2);
    let first = Member::start(&app, Some(&url)).await;
    let second = Member::with(&app, Some(&url), |config| config.limits.header_time = short).await;
    for early_data in [false, true] {
        let balancer = Balancer::before(&[first.listen]).await;
        let tap = Tap::before(balancer.address).await;
        let settings = settings(tap.address(), Wire::Session);
        let connector = connect(Settings { early_data, ..settings }).await;
        get(&connector).await;
        connector.close().await;
        let before = app.counts().reached;
        first.tap.hold(true);
        balancer.route(&[second.listen]);
        get(&connector).await;
        assert!(!facts(&connector).is_resumed());
        let counts = connector.status().counts;
        assert_eq!((counts.early, counts.failed), (0, 0));
        assert_eq!(app.counts().reached, before + 1);
        assert_eq!(tap.saw(b"HTTP/1.1 503 "), early_data);
        first.tap.hold(false);
    }
}
