//! What the gateway publishes: key documents, key lists, evidence over challenges.

use crate::support::{
    Hand, Mode, NAME, Switched, accepted, ask, config, environment, eventually, get, get_bytes, named,
    published, start, status, tee,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sealwire_attest::{
    KeyDocument, UnixTime,
    key_document::{OBLIVIOUS, Published, operator::OperatorStatement},
};
use sealwire_gateway::{Config, Environment, Gateway, InstanceError, Running, StartError};
use sealwire_http::crypto::{random::OsRandom, sign::ed25519::SigningKey};
use sealwire_http::oblivious::config::parse_list;
use std::{
    fs,
    net::SocketAddr,
    time::{Duration, SystemTime},
};

const PATH: &str = "/.well-known/sealwire";
const LIST: &str = "/.well-known/ohttp-gateway";

async fn upstream() -> Config {
    let mut config = config();
    config.upstream = Some(format!("http://{}", named("a").await));
    config.quotes.challenges_per_second = 1000;
    config
}

async fn document(gateway: SocketAddr) -> KeyDocument {
    KeyDocument::decode(&published(gateway).await.document).unwrap()
}

// AT-40, AT-44
#[tokio::test]
async fn a_client_accepts_what_is_published() {
    let config = upstream().await;
    let digest = config.digest().unwrap();
    let gateway = start(config).await;
    assert_eq!(gateway.config_digest(), digest);
    let published = published(gateway.address()).await;
    let accepted = accepted(&published, &[], SystemTime::now());
    let document = accepted.document.get();
    assert_eq!(document.authorities, [NAME]);
    assert_eq!(document.config_digest, digest);
    assert_eq!(document.role, "gateway");
    assert_eq!(document.wires, ["session", "oblivious"]);
    assert_eq!(document.limits["oblivious"], 1 << 30);
    assert_eq!(document.serial, 1);
    let purposes: Vec<_> = document.keys.iter().map(|key| key.purpose.as_str()).collect();
    assert_eq!(purposes, ["oblivious", "oblivious", "session-ed25519", "session-ml-dsa-65"]);
    assert!(accepted.claims.get().development, "AT-07");
}

// OB-05, OB-50, OB-51, OB-54
#[tokio::test]
async fn the_list_is_that_of_the_document() {
    let gateway = start(upstream().await).await;
    let (head, list) = get_bytes(gateway.address(), LIST).await;
    assert!(head.contains("content-type: application/ohttp-keys\r\n"), "{head}");
    assert!(head.contains("cache-control: public, max-age=60\r\n"), "{head}");
    assert_eq!(list, document(gateway.address()).await.ohttp_key_list());
    let configs = parse_list(&list, &sealwire_http::oblivious::Limits::default()).unwrap();
    let kems: Vec<_> = configs.iter().map(|config| config.public_key.kem()).collect();
    assert_eq!(kems, [sealwire_http::crypto::kem::Kem::XWing, sealwire_http::crypto::kem::Kem::X25519]);
    assert_eq!(get_bytes(gateway.address(), LIST).await.1, list, "everybody gets the same");
}

#[tokio::test]
async fn own_resources_are_read_and_nothing_else() {
    let gateway = start(upstream().await).await;
    let (head, content) = get_bytes(gateway.address(), PATH).await;
    assert!(head.contains("content-type: application/sealwire-keys+cbor\r\n"), "{head}");
    for path in [PATH, LIST] {
        let answer = ask(gateway.address(), &format!("HEAD {path}"), "").await;
        assert_eq!(status(&answer), 200);
        assert!(answer.ends_with("\r\n\r\n"), "{answer}");
        let answer = ask(gateway.address(), &format!("PUT {path}"), "content-length: 0\r\n").await;
        assert_eq!(status(&answer), 405, "{path}");
    }
    let answer = ask(gateway.address(), &format!("HEAD {PATH}"), "").await;
    assert!(answer.contains(&format!("content-length: {}\r\n", content.len())), "{answer}");
    let answer = ask(gateway.address(), &format!("POST {PATH}"), "content-length: 0\r\n").await;
    assert_eq!(status(&answer), 405);
    assert!(answer.contains("allow: GET, HEAD\r\n"), "{answer}");
}

// AT-40: a readable rendering, for people
#[tokio::test]
async fn json_is_for_those_who_ask_for_it() {
    let gateway = start(upstream().await).await;
    for (accept, json) in [
        ("application/json", true),
        ("text/html, application/json;q=0.9", true),
        ("*/*", false),
        ("application/sealwire-keys+cbor, application/json", false),
        ("application/jsonx", false),
    ] {
        let answer = get_with(gateway.address(), PATH, &format!("accept: {accept}\r\n")).await;
        assert_eq!(answer.contains("content-type: application/json\r\n"), json, "{accept}");
        assert!(answer.contains("vary: accept\r\n"));
        if json {
            let content = answer.split_once("\r\n\r\n").unwrap().1;
            let value: serde_json::Value = serde_json::from_str(content).unwrap();
            assert_eq!(value["document"]["authorities"][0], NAME);
        }
    }
}

async fn get_with(gateway: SocketAddr, path: &str, more: &str) -> String {
    ask(gateway, &format!("GET {path}"), more).await
}

// AT-40
#[tokio::test]
async fn a_challenge_is_met_with_fresh_evidence() {
    let gateway = start(upstream().await).await;
    let unchallenged = published(gateway.address()).await;
    for len in [32, 64] {
        let challenge = vec![7; len];
        let path = format!("{PATH}?challenge={}", URL_SAFE_NO_PAD.encode(&challenge));
        let (head, content) = get_bytes(gateway.address(), &path).await;
        assert!(head.contains("cache-control: no-store\r\n"), "{head}");
        let fresh = Published::decode(&content).unwrap();
        assert_eq!(fresh.document, unchallenged.document);
        assert_ne!(fresh.evidence, unchallenged.evidence);
        accepted(&fresh, &challenge, SystemTime::now());
    }
}

#[tokio::test]
async fn what_is_no_challenge_is_refused() {
    let gateway = start(upstream().await).await;
    let long = URL_SAFE_NO_PAD.encode([7; 65]);
    let short = URL_SAFE_NO_PAD.encode([7; 31]);
    let good = URL_SAFE_NO_PAD.encode([7; 32]);
    for query in [
        format!("challenge={long}"),
        format!("challenge={short}"),
        format!("challenge={good}="),
        format!("challenge={good}&x=1"),
        format!("other={good}"),
        format!("challenge={}", "A".repeat(8000)),
        "challenge=".to_owned(),
        "challenge".to_owned(),
        String::new(),
    ] {
        let answer = get(gateway.address(), &format!("{PATH}?{query}")).await;
        assert_eq!(status(&answer), 400, "{query}");
    }
}

// AT-40, AT-61
#[tokio::test]
async fn fresh_evidence_is_limited() {
    let mut config = upstream().await;
    config.quotes.challenges_per_second = 2;
    let gateway = start(config).await;
    let path = format!("{PATH}?challenge={}", URL_SAFE_NO_PAD.encode([7; 32]));
    let mut codes = Vec::new();
    for _ in 0..5 {
        let answer = get(gateway.address(), &path).await;
        assert!(status(&answer) == 200 || answer.contains("retry-after: 1\r\n"), "{answer}");
        codes.push(status(&answer));
    }
    assert_eq!(codes[..2], [200, 200]);
    assert!(codes.contains(&429), "{codes:?}");
    assert_eq!(status(&get(gateway.address(), PATH).await), 200, "what is published is not limited");
}

async fn start_with(
    config: Config,
    tee: &std::sync::Arc<Switched>,
    clock: Option<std::sync::Arc<Hand>>,
) -> Running {
    let mut environment = Environment { tee: Some(tee.clone().into()), ..Environment::default() };
    if let Some(clock) = clock {
        environment.clock = clock;
    }
    Gateway::start_in(config, environment).await.unwrap()
}

// AT-61: a slow quote never blocks a request.
#[tokio::test]
async fn slow_evidence_blocks_nothing_else() {
    let tee = Switched::new();
    let mut config = upstream().await;
    config.quotes.queue = 1;
    config.quotes.timeout = Duration::from_millis(500);
    let gateway = start_with(config, &tee, None).await;
    let challenge = async |byte| {
        let challenge = URL_SAFE_NO_PAD.encode([byte; 32]);
        status(&get(gateway.address(), &format!("{PATH}?challenge={challenge}")).await)
    };
    tee.set(Mode::Hangs);
    let (a, b, c, d, plain) =
        tokio::join!(challenge(1), challenge(2), challenge(3), challenge(4), get(gateway.address(), PATH));
    assert_eq!([a, b, c, d], [503; 4], "the queue is full, or the time is over");
    assert_eq!(status(&plain), 200);
    tee.set(Mode::Works);
    eventually(|| async { challenge(5).await == 200 }).await;
}

// OB-52, OB-53, AT-41
#[tokio::test]
async fn a_rotation_publishes_new_keys_once_they_are_attested() {
    let gateway = start(upstream().await).await;
    let before = document(gateway.address()).await;
    gateway.rotate().await.unwrap();
    let published = published(gateway.address()).await;
    accepted(&published, &[], SystemTime::now());
    let after = document(gateway.address()).await;
    assert_eq!(after.instance, before.instance);
    assert!(after.serial > before.serial);
    for key in after.keys.iter().filter(|key| key.purpose == OBLIVIOUS) {
        assert!(before.keys.iter().all(|old| old.id != key.id), "an id is not used again");
    }
    assert_eq!(get_bytes(gateway.address(), LIST).await.1, after.ohttp_key_list());
}

#[tokio::test]
async fn without_evidence_the_old_document_stays() {
    let (tee, clock) = (Switched::new(), Hand::new());
    let gateway = start_with(upstream().await, &tee, Some(clock)).await;
    let before = document(gateway.address()).await;
    tee.set(Mode::Fails);
    gateway.rotate().await.unwrap_err();
    assert_eq!(document(gateway.address()).await, before);
    tee.set(Mode::Works);
    gateway.rotate().await.unwrap();
    assert!(document(gateway.address()).await.serial > before.serial);
}

// AT-41: renewed before half of its life is over, off the request path
#[tokio::test]
async fn a_document_is_renewed_by_itself() {
    let mut config = upstream().await;
    config.keys.lifetime = Duration::from_secs(4);
    let gateway = start(config).await;
    let first = document(gateway.address()).await;
    assert_eq!(first.not_after.since(first.issued_at), Duration::from_secs(4));
    eventually(|| async { document(gateway.address()).await.serial > first.serial }).await;
    let second = document(gateway.address()).await;
    assert!(second.issued_at.since(first.issued_at) <= Duration::from_secs(2), "half its life");
    assert_eq!(
        second.keys.iter().map(|key| &key.id).collect::<Vec<_>>(),
        first.keys.iter().map(|key| &key.id).collect::<Vec<_>>()
    );
    assert_eq!(second.keys[0].not_before, first.keys[0].not_before);
}

// AT-61: no evidence for a while is tried again, off the request path, and the old document stays meanwhile.
#[tokio::test]
async fn a_renewal_that_fails_is_tried_again() {
    let tee = Switched::new();
    let mut config = upstream().await;
    config.keys.lifetime = Duration::from_secs(60);
    let clock = Hand::new();
    let gateway = start_with(config, &tee, Some(clock.clone())).await;
    let first = document(gateway.address()).await;
    tee.set(Mode::Fails);
    clock.forward(Duration::from_secs(50));
    eventually(|| async { tee.failed() > 0 }).await;
    assert_eq!(document(gateway.address()).await, first);
    tee.set(Mode::Works);
    clock.forward(Duration::from_secs(2));
    eventually(|| async { document(gateway.address()).await.serial > first.serial }).await;
}

#[tokio::test]
async fn keys_are_rotated_by_themselves() {
    let mut config = upstream().await;
    config.keys.rotation = Duration::from_secs(2);
    config.keys.overlap = Duration::from_secs(60);
    config.keys.lifetime = Duration::from_secs(60);
    let gateway = start(config).await;
    let first = document(gateway.address()).await;
    eventually(|| async { document(gateway.address()).await.keys[0].id != first.keys[0].id }).await;
}

// AT-41: not-after never exceeds the earliest expiry underneath.
#[tokio::test]
async fn a_document_ends_with_what_is_underneath() {
    let underneath =
        accepted(&published(start(upstream().await).await.address()).await, &[], SystemTime::now())
            .claims
            .get()
            .not_after;
    let clock = Hand::new();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    clock.forward(Duration::from_secs(underneath.0 - now - 3600));
    let gateway = start_with(upstream().await, &Switched::new(), Some(clock.clone())).await;
    let document = document(gateway.address()).await;
    assert_eq!(document.not_after, underneath);
    assert_eq!(document.not_after.since(document.issued_at).as_secs().next_multiple_of(10), 3600);
    drop(gateway);

    clock.forward(Duration::from_secs(3600));
    let environment = Environment { tee: Some(tee().into()), clock, ..Environment::default() };
    let error = Gateway::start_in(upstream().await, environment).await.err().unwrap();
    assert!(
        matches!(error, StartError::Instance(InstanceError::Evidence(_) | InstanceError::Expiry(_))),
        "{error}"
    );
}

// AT-45
#[tokio::test]
async fn each_start_is_another_instance_with_other_keys() {
    let config = upstream().await;
    let (a, b) = (start(config.clone()).await, start(config).await);
    let (a, b) = (document(a.address()).await, document(b.address()).await);
    assert_ne!(a.instance, b.instance);
    assert!(a.keys.iter().zip(&b.keys).all(|(a, b)| a.bytes[3..] != b.bytes[3..]));
}

// AT-44
#[tokio::test]
async fn an_operators_statement_is_carried_and_must_fit_the_machine() {
    let folder = tempfile::tempdir().unwrap();
    let key = SigningKey::generate(&OsRandom).unwrap();
    let mut config = upstream().await;
    let digest = config.digest().unwrap();
    let sign = |measurement: &[u8]| {
        let path = folder.path().join("operator.pem");
        let statement = OperatorStatement::sign(&key, &[NAME.to_owned()], digest, measurement).unwrap();
        fs::write(&path, statement.to_pem()).unwrap();
        path
    };
    config.operator_statement = Some(sign(&tee().measurement()));
    let gateway = start(config.clone()).await;
    assert_eq!(document(gateway.address()).await.operator.unwrap().key, key.public_key());

    config.operator_statement = Some(sign(&[1; 48]));
    let error = Gateway::start_in(config, environment()).await.err().unwrap();
    assert!(matches!(error, StartError::Instance(InstanceError::Measurement { .. })), "{error}");
}

#[tokio::test]
async fn a_document_names_the_listen_address_where_nothing_else_is_said() {
    let mut config = upstream().await;
    config.authorities = Vec::new();
    let gateway = start(config).await;
    assert_eq!(document(gateway.address()).await.authorities, [gateway.address().to_string()]);
}

#[tokio::test]
async fn times_are_those_of_the_clock() {
    let clock = Hand::new();
    clock.forward(Duration::from_secs(1000));
    let gateway = start_with(upstream().await, &Switched::new(), Some(clock)).await;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let document = document(gateway.address()).await;
    assert!(document.issued_at >= UnixTime(now + 990));
    assert_eq!(document.not_after.since(document.issued_at), Duration::from_secs(24 * 60 * 60));
}
