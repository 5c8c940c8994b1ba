//! What a gateway's configuration and a client's settings come to together (SE-04, SE-09, SE-38, SE-40).

use super::{send, whole};
use http::{Method, StatusCode};
use sealwire_client::{Connector, Error, Offer, SealedWith, Settings, Wire};
use sealwire_gateway::config::Session;
use sealwire_http::{
    body,
    client::session::Facts,
    session::{Group, Scheme, message::EvidenceMode},
};
use sealwire_tests::{Stage, tee::PolicyText, within};

async fn gateway(change: impl FnOnce(&mut Session)) -> Stage {
    Stage::with(|config| change(&mut config.session)).await
}

async fn connect(stage: &Stage, change: impl FnOnce(&mut Offer)) -> Result<Connector, Error> {
    let mut settings = Settings { wire: Wire::Session, ..stage.settings() };
    change(&mut settings.offer);
    within("a session or none", Connector::connect(settings)).await
}

fn facts(connector: &Connector) -> Facts {
    match connector.status().sealed_with {
        SealedWith::Session(facts) => facts,
        _ => panic!("another wire"),
    }
}

async fn works(connector: &Connector) {
    let answer = send(connector, Method::POST, "/", body::full("x")).await;
    assert_eq!(whole(answer).await, (StatusCode::OK, b"x".to_vec()));
}

fn is_refused(made: Result<Connector, Error>) -> bool {
    matches!(made, Err(Error::NoSession { .. }))
}

// SE-04, SE-09: what is weaker than the default runs where both sides name it, and nowhere else.
#[tokio::test]
async fn weak_choices_are_both_sides() {
    let standard = gateway(|_| {}).await;
    let weak = gateway(|session| {
        session.groups = vec![Group::X25519];
        session.schemes = vec![Scheme::Ed25519];
    })
    .await;
    let group = |offer: &mut Offer| offer.groups = vec![Group::X25519];
    let scheme = |offer: &mut Offer| offer.schemes = vec![Scheme::Ed25519];
    for (stage, change) in [
        (&standard, group as fn(&mut Offer)),
        (&standard, scheme),
        (&weak, |_| {}),
        (&weak, group),
        (&weak, scheme),
    ] {
        assert!(is_refused(connect(stage, change).await));
    }
    let both = connect(&weak, |offer| {
        group(offer);
        scheme(offer);
    });
    let connector = both.await.unwrap();
    assert_eq!(
        (facts(&connector).group, facts(&connector).scheme),
        (Some(Group::X25519), Some(Scheme::Ed25519))
    );
    works(&connector).await;
    // A client that names it besides others gets what the gateway prefers.
    let named = connect(&standard, |offer| offer.groups.insert(0, Group::X25519)).await.unwrap();
    assert_eq!(facts(&named).group, Some(Group::X25519MlKem768));
}

// SE-09: a signature that rests on hashes alone, where the gateway is told to make it.
#[tokio::test]
async fn a_gateway_signs_with_hashes() {
    let stage = gateway(|session| session.schemes = vec![Scheme::SlhDsaSha2192f]).await;
    let connector = connect(&stage, |_| {}).await.unwrap();
    assert_eq!(facts(&connector).scheme, Some(Scheme::SlhDsaSha2192f));
    works(&connector).await;
}

// SE-08: where the client wants it, the hardware attests the handshake itself; a resumed session rests on that. Evidence is
// made so often and no more (SE-13).
#[tokio::test]
async fn hardware_attests_a_handshake() {
    let stage = Stage::with(|config| config.quotes.challenges_per_second = 1).await;
    let fresh = |offer: &mut Offer| offer.evidence = EvidenceMode::Handshake;
    let connector = connect(&stage, fresh).await.unwrap();
    assert_eq!(facts(&connector).evidence, EvidenceMode::Handshake);
    works(&connector).await;
    connector.close().await;
    works(&connector).await;
    let resumed = facts(&connector);
    assert!(resumed.is_resumed());
    assert_eq!(resumed.evidence, EvidenceMode::Identity, "shown once");
    let many = futures_util::future::join_all((0..8).map(|_| connect(&stage, fresh))).await;
    assert!(many.into_iter().any(is_refused));
    assert!(connect(&stage, |_| {}).await.is_ok(), "who asks for none is not refused");
}

// SE-08: the client's policy says so, too, and then no other wire will do. What a gateway asks of its callers is another
// matter.
#[tokio::test]
async fn a_policy_asks_for_evidence_in_each_handshake() {
    let stage = gateway(|_| {}).await;
    let top = "any-operator = true\nfresh-evidence = true".to_owned();
    let policy = PolicyText { top, ..PolicyText::default() }.policy();
    let settings = |wire| Settings { wire, policy: policy.clone(), ..stage.settings() };
    for wire in [Wire::Auto, Wire::Session] {
        let connector = within("a session", Connector::connect(settings(wire))).await.unwrap();
        assert_eq!(facts(&connector).evidence, EvidenceMode::Handshake);
        works(&connector).await;
    }
    assert!(matches!(Connector::connect(settings(Wire::Oblivious)).await, Err(Error::Settings(_))));
}

// SE-40: a ticket does without a new key agreement where both sides say so.
#[tokio::test]
async fn a_new_key_agreement_is_left_out_by_both() {
    for (of_gateway, of_client) in [(true, true), (true, false), (false, true)] {
        let stage = gateway(|session| session.resume_without_agreement = of_gateway).await;
        let connector = connect(&stage, |offer| offer.without_agreement = of_client).await.unwrap();
        works(&connector).await;
        connector.close().await;
        works(&connector).await;
        let facts = facts(&connector);
        assert!(facts.is_resumed());
        assert_eq!(facts.group.is_none(), of_gateway && of_client);
    }
}

// SE-38: the limits of the file are those that the gateway grants, and a session at its limit makes place for another.
#[tokio::test]
async fn limits_are_the_gateways() {
    let stage = gateway(|session| {
        session.requests = 2;
        session.window = 64;
        session.message = 4096;
        session.lifetime = std::time::Duration::from_secs(90);
        session.idle = std::time::Duration::from_secs(30);
    })
    .await;
    let connector = connect(&stage, |_| {}).await.unwrap();
    let parameters = facts(&connector).parameters;
    assert_eq!((parameters.requests, parameters.window, parameters.message), (2, 64, 4096));
    assert_eq!((parameters.lifetime.as_secs(), parameters.idle.as_secs()), (90, 30));
    for _ in 0..5 {
        works(&connector).await;
    }
    let long = send(&connector, Method::POST, "/", body::full(vec![1; 8192])).await;
    assert_eq!(long.status(), StatusCode::PAYLOAD_TOO_LARGE);
    let counts = connector.status().counts;
    assert_eq!((counts.failed, stage.app.counts().completed), (0, 5));
    assert_eq!(counts.resumptions, 2, "two of six in each");
}
