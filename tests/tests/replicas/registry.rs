//! What instances tell each other where they are, and what comes of it when that is wrong.

use super::fleet::{Balancer, Member, connect, entry, free, instance, post, send, settings};
use http::{Method, StatusCode};
use sealwire_client::{Connector, Error, Wire};
use sealwire_gateway::{Config, Running, config::Registry};
use sealwire_tests::{
    App,
    raw::{Answer, Raw},
    redis::Redis,
    stage,
    tap::Tap,
    until,
};
use std::{
    net::{SocketAddr, TcpListener},
    time::{Duration, Instant},
};

/// A gateway that tells `registry` where it is.
async fn gateway(app: &App, registry: Option<&str>) -> Running {
    // The port has to be known before it is advertised.
    let listen = free();
    let registry = registry.map(|url| Registry {
        url: url.to_owned(),
        advertise: format!("http://{listen}"),
        ttl: Duration::from_secs(30),
    });
    stage::gateway(Config { listen, registry, ..stage::config(&app.url()) }).await
}

async fn balancer(gateways: &[&Running]) -> Balancer {
    Balancer::before(&addresses(gateways)).await
}

fn addresses(gateways: &[&Running]) -> Vec<SocketAddr> {
    gateways.iter().map(|gateway| gateway.address()).collect()
}

/// As many at once as make the balancer use every gateway; each is carried out once.
async fn all_arrive(connector: &Connector, app: &App) {
    let before = app.counts().completed;
    let mut all = tokio::task::JoinSet::new();
    for number in 0..60 {
        let connector = connector.clone();
        all.spawn(async move {
            let said = format!("request {number}");
            let answer = post(&connector, &said).await;
            assert_eq!(answer.unwrap(), (StatusCode::OK, said.into_bytes()));
        });
    }
    while let Some(done) = all.join_next().await {
        done.unwrap();
    }
    assert_eq!(app.counts().completed - before, 60);
}

// SE-44: whichever gateway they reach, requests of every wire come to the instance that they are sealed to.
#[tokio::test]
async fn every_wire_works_behind_a_balancer() {
    let (app, redis) = (App::echo().await, Redis::start());
    let url = redis.url();
    let gateways =
        [gateway(&app, Some(&url)).await, gateway(&app, Some(&url)).await, gateway(&app, Some(&url)).await];
    let balancer = balancer(&gateways.each_ref()).await;
    for wire in [Wire::Oblivious, Wire::Session] {
        let connector = connect(settings(balancer.address, wire)).await;
        all_arrive(&connector, &app).await;
        let counts = connector.status().counts;
        assert_eq!((counts.failed, counts.resent, counts.renewals), (0, 0, 0), "{wire:?}");
    }
    // Nothing but names and addresses is in the registry.
    let keys = String::from_utf8(redis.say(&["KEYS", "*"])).unwrap();
    assert!(keys.contains("sealwire:instance:") && keys.contains("sealwire:ohttp-key:"), "{keys}");
}

// SE-44, SE-43: without a registry, or with one that is gone, the wrong gateway knows nothing: availability suffers, and
// nothing is carried out twice.
#[tokio::test]
async fn without_a_registry_requests_fail_and_are_never_doubled() {
    let app = App::echo().await;
    for registry in [None, Some(Redis::start())] {
        let url = registry.as_ref().map(Redis::url);
        let (first, second) = (gateway(&app, url.as_deref()).await, gateway(&app, url.as_deref()).await);
        for wire in [Wire::Oblivious, Wire::Session] {
            let balancer = balancer(&[&first]).await;
            let connector = connect(settings(balancer.address, wire)).await;
            assert_eq!(post(&connector, "one").await.unwrap().0, StatusCode::OK);
            let before = app.counts().reached;
            if let Some(redis) = &registry {
                redis.say(&["FLUSHALL"]);
            }
            balancer.route(&addresses(&[&second]));
            let outcome = post(&connector, "two").await;
            assert!(matches!(outcome, Err(Error::OutcomeUnknown)), "{wire:?}: {outcome:?}");
            assert_eq!(app.counts().reached, before, "not carried out, and not said to be");
            // The keys of the second are known by now.
            assert_eq!(post(&connector, "three").await.unwrap().0, StatusCode::OK);
            assert_eq!(app.counts().reached, before + 1);
        }
    }
}

// SE-44: an owner that is gone is as good as none: what may be repeated goes on with another instance.
#[tokio::test]
async fn a_dead_owner_costs_a_renewal() {
    let (app, redis) = (App::echo().await, Redis::start());
    let url = redis.url();
    let (first, second) = (gateway(&app, Some(&url)).await, gateway(&app, Some(&url)).await);
    let balancer = balancer(&[&first]).await;
    let connector = connect(settings(balancer.address, Wire::Session)).await;
    assert_eq!(post(&connector, "one").await.unwrap().0, StatusCode::OK);
    let entry = entry(&instance(&connector));
    let address = format!("http://{}", first.address());
    balancer.route(&addresses(&[&second]));
    first.shutdown().await;
    // It has taken back what it had said; a gateway that was killed would not have.
    assert!(redis.say(&["GET", &entry]).starts_with(b"$-1"));
    redis.say(&["SET", &entry, &address]);
    assert_eq!(send(&connector, Method::GET, "/", "").await.unwrap().0, StatusCode::OK);
    let counts = connector.status().counts;
    assert_eq!((counts.renewals, counts.failed), (1, 0));
}

// SE-44: a registry that lies sends sealed bytes astray, and nobody there can do anything with them.
#[tokio::test]
async fn a_lying_registry_costs_availability_alone() {
    let (app, redis, stranger) = (App::echo().await, Redis::start(), App::echo().await);
    let url = redis.url();
    let second = gateway(&app, Some(&url)).await;
    for lie in [stranger.url(), "http://user@127.0.0.1:1".to_owned(), "file:///etc/passwd".to_owned()] {
        let first = gateway(&app, Some(&url)).await;
        let balancer = balancer(&[&first]).await;
        let connector = connect(settings(balancer.address, Wire::Session)).await;
        assert_eq!(post(&connector, "one").await.unwrap().0, StatusCode::OK);
        let before = app.counts().reached;
        redis.say(&["SET", &entry(&instance(&connector)), &lie]);
        balancer.route(&addresses(&[&second]));
        let outcome = post(&connector, "secret").await;
        assert!(outcome.is_err(), "{lie}: {outcome:?}");
        assert_eq!(app.counts().reached, before, "{lie}");
    }
    let seen = stranger.seen();
    let paths: Vec<_> = seen.iter().map(|head| head.uri.path()).collect();
    assert_eq!(paths, ["/.well-known/sealwire/r"]);
}

// SE-44: what was forwarded is not forwarded again, so that two that take each other for the owner do not play catch.
#[tokio::test]
async fn a_request_is_forwarded_once() {
    let (app, redis) = (App::echo().await, Redis::start());
    let url = redis.url();
    let (first, second) = (gateway(&app, Some(&url)).await, gateway(&app, Some(&url)).await);
    // Whose this is, each takes the other for.
    let entry = format!("sealwire:instance:{}", "77".repeat(16));
    redis.say(&["SET", &entry, &format!("http://{}", first.address())]);
    // From the second to the first, and there it ends.
    assert_eq!(sealed(second.address()).await.status, 409);
}

/// The answer to a request of a session that nobody has made.
async fn sealed(to: SocketAddr) -> Answer {
    let id = format!("\"{}\"", "77".repeat(32));
    let ticket = format!(":{}:", "A".repeat(96));
    let fields = [
        ("content-type", "message/sealwire-req"),
        ("attest-base-id", id.as_str()),
        ("attest-ticket", ticket.as_str()),
    ];
    Raw::connect(to).await.post("/.well-known/sealwire/r", &fields, b"sealed").await.answer().await
}

// SE-43, SE-44: a hint has the same bytes whether the owner is not known or does not answer.
#[tokio::test]
async fn a_hint_does_not_tell_why() {
    let (app, redis) = (App::echo().await, Redis::start());
    let url = redis.url();
    let (one, other) = (gateway(&app, Some(&url)).await, gateway(&app, Some(&url)).await);
    let unknown = sealed(one.address()).await;
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    // An instance that was looked for in vain is so for a while.
    redis.say(&["SET", &format!("sealwire:instance:{}", "77".repeat(16)), &format!("http://{nobody}")]);
    let gone = sealed(other.address()).await;
    assert_eq!((unknown.status, &unknown.content), (409, &gone.content));
    assert_eq!((gone.status, unknown.headers.get("content-type")), (409, gone.headers.get("content-type")));
}

// SE-44, SE-43: an owner that was killed is still in the registry. It costs one connection that is refused, and then nobody
// asks for it any more for a while.
#[tokio::test]
async fn a_killed_owner_is_remembered_to_be_gone() {
    let (app, redis) = (App::echo().await, Redis::start());
    let url = redis.url();
    let (mut first, second) = (Member::start(&app, Some(&url)).await, Member::start(&app, Some(&url)).await);
    let balancer = Balancer::before(&[first.listen]).await;
    let at = || settings(balancer.address, Wire::Session);
    let (one, other) = (connect(at()).await, connect(at()).await);
    assert_eq!(post(&one, "one").await.unwrap().0, StatusCode::OK);
    assert_eq!(post(&other, "two").await.unwrap().0, StatusCode::OK);
    // It is reached by its own address, where nobody listens soon.
    redis.say(&["SET", &entry(&instance(&one)), &format!("http://{}", first.listen)]);
    first.kill().await;
    balancer.route(&[second.listen]);
    let begun = Instant::now();
    assert!(matches!(post(&one, "three").await, Err(Error::OutcomeUnknown)));
    // Whoever listens there now is not asked.
    let listener = TcpListener::bind(first.listen).unwrap();
    listener.set_nonblocking(true).unwrap();
    assert!(matches!(post(&other, "four").await, Err(Error::OutcomeUnknown)));
    // It is forgotten to be gone after three seconds, which a busy machine may take for this.
    assert!(begun.elapsed() > Duration::from_secs(2) || listener.accept().is_err());
    assert_eq!(app.counts().reached, 2);
}

// SE-44: a registry that hangs is asked once, and then for a second not again; a hint is quick.
#[tokio::test]
async fn a_registry_that_hangs_holds_up_nobody() {
    let (app, redis) = (App::echo().await, Redis::start());
    let slow = Tap::before(redis.address).await;
    let (url, by_tap) = (redis.url(), format!("redis://{}", slow.address()));
    let first = Member::start(&app, Some(&url)).await;
    let second = Member::start(&app, Some(&by_tap)).await;
    let balancer = Balancer::before(&[first.listen]).await;
    let mut connectors = Vec::new();
    for wire in [Wire::Session, Wire::Oblivious] {
        for _ in 0..4 {
            connectors.push(connect(settings(balancer.address, wire)).await);
        }
    }
    for connector in &connectors {
        assert_eq!(post(connector, "one").await.unwrap().0, StatusCode::OK);
    }
    let before = app.counts().reached;
    slow.hold(true);
    balancer.route(&[second.listen]);
    let begun = Instant::now();
    for connector in &connectors {
        assert!(matches!(post(connector, "two").await, Err(Error::OutcomeUnknown)));
    }
    // Eight requests with a renewal each: whoever waited for the registry each time would take 16 seconds.
    assert!(begun.elapsed() < Duration::from_secs(14), "{:?}", begun.elapsed());
    assert_eq!(app.counts().reached, before);
    slow.hold(false);
    for connector in &connectors {
        assert_eq!(post(connector, "three").await.unwrap().0, StatusCode::OK);
    }
}

// SE-44: where a registry dies, instances that know each other go on.
#[tokio::test]
async fn what_a_registry_has_said_outlives_it() {
    let (app, redis) = (App::echo().await, Redis::start());
    let url = redis.url();
    let (first, second) = (Member::start(&app, Some(&url)).await, Member::start(&app, Some(&url)).await);
    for wire in [Wire::Session, Wire::Oblivious] {
        let balancer = Balancer::before(&[first.listen]).await;
        let connector = connect(settings(balancer.address, wire)).await;
        balancer.route(&[second.listen]);
        assert_eq!(post(&connector, "one").await.unwrap().0, StatusCode::OK);
    }
    drop(redis);
    for wire in [Wire::Session, Wire::Oblivious] {
        let balancer = Balancer::before(&[first.listen]).await;
        let connector = connect(settings(balancer.address, wire)).await;
        balancer.route(&[second.listen]);
        for _ in 0..3 {
            assert_eq!(post(&connector, "two").await.unwrap().0, StatusCode::OK, "{wire:?}");
        }
        assert_eq!(connector.status().counts.renewals, 0);
    }
}

// SE-44: a registry that was killed and begins with nothing is told again by everybody who lives, and by nobody else.
#[tokio::test]
async fn a_registry_that_comes_back_is_told_again() {
    let (app, redis) = (App::echo().await, Redis::start());
    let (place, url) = (redis.address, redis.url());
    let short = |config: &mut Config| config.registry.as_mut().unwrap().ttl = Duration::from_secs(3);
    let first = Member::with(&app, Some(&url), short).await;
    let second = Member::with(&app, Some(&url), short).await;
    let mut third = Member::with(&app, Some(&url), short).await;
    let mut ids = Vec::new();
    for member in [&first, &second, &third] {
        ids.push(entry(&instance(&connect(settings(member.listen, Wire::Session)).await)));
    }
    drop(redis);
    third.kill().await;
    let redis = Redis::at(place).unwrap();
    let knows = |id: &String| redis.say(&["EXISTS", id]).starts_with(b":1");
    until("two announcements", || async { ids[..2].iter().all(knows) }).await;
    assert!(!knows(&ids[2]));
    for wire in [Wire::Session, Wire::Oblivious] {
        let balancer = Balancer::before(&[first.listen]).await;
        let connector = connect(settings(balancer.address, wire)).await;
        until("the key ids, too", || async { count_of_keys(&redis) >= 2 }).await;
        balancer.route(&[second.listen]);
        assert_eq!(post(&connector, "one").await.unwrap().0, StatusCode::OK);
    }
}

fn count_of_keys(redis: &Redis) -> usize {
    let keys = String::from_utf8(redis.say(&["KEYS", "sealwire:ohttp-key:*"])).unwrap();
    keys.matches("sealwire:ohttp-key:").count()
}
