//! Handshakes on the WebSocket: with retries, with callers that attest themselves, and with somebody in between.

use super::*;
use sealwire::attester::Machine;
use sealwire_client::Offer;
use sealwire_gateway::config::{Asked, Callers};
use sealwire_http::{
    channel,
    client::session::Refused,
    session::{
        Group,
        message::{EvidenceMode, Type},
    },
};
use sealwire_tests::{
    narrow::Way,
    tee::{self, PolicyText},
};
use std::{fs, sync::Arc};

async fn narrowed(change: impl FnOnce(&mut sealwire_gateway::Config)) -> (Stage, Narrow) {
    let stage = Stage::before(app().await, change).await;
    let narrow = Narrow::before(stage.address()).await;
    (stage, narrow)
}

async fn works(connector: &Connector) {
    let answer = within("an answer", connector.get("/").send()).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
}

// TU-60, SE-13: a gateway under load asks for a retry, and a client may be asked for another group; on the same WebSocket.
#[tokio::test]
async fn a_retry_stays_on_the_websocket() {
    let (_stage, narrow) = narrowed(|config| config.session.retry_from = 1).await;
    // It goes no further, so that whoever comes next is sent back with a token.
    let half_open = by_hand::hello(narrow.address()).await;
    assert_eq!(Type::of(&half_open), Ok(Type::ServerFlight));
    works(&try_connect(settings(&narrow)).await.unwrap()).await;
    assert_eq!((narrow.opened(), narrow.refused()), (2, 0));

    let (_stage, narrow) = narrowed(|config| config.session.groups = vec![Group::SecP384r1MlKem1024]).await;
    let connector = try_connect(settings(&narrow)).await.unwrap();
    assert_eq!(facts(&connector).group, Some(Group::SecP384r1MlKem1024));
    works(&connector).await;
    assert_eq!(narrow.opened(), 1);
}

// TU-60, SE-08, SE-11: evidence of both sides in the handshake.
#[tokio::test]
async fn both_sides_attest_themselves() {
    let folder = tempfile::tempdir().unwrap();
    let policy = folder.path().join("callers.toml");
    fs::write(&policy, PolicyText::default().toml()).unwrap();
    let callers = Callers { policy, attested: Asked::Required, revocation_list: None };
    let (stage, narrow) = narrowed(|config| config.callers = Some(callers)).await;
    let machine = Arc::new(Machine::new(tee::development().into(), Vec::new()));
    let offer = Offer { evidence: EvidenceMode::Handshake, ..Offer::default() };
    let enclave = Settings { attester: Some(machine), offer, ..settings(&narrow) };
    let connector = try_connect(enclave).await.unwrap();
    let facts = facts(&connector);
    assert!(facts.authenticated && facts.evidence == EvidenceMode::Handshake);
    works(&connector).await;
    assert_eq!((narrow.opened(), narrow.refused()), (1, 0));

    // Who has nothing to show is told so under keys.
    let refused = try_connect(settings(&narrow)).await.map(drop).unwrap_err();
    let Error::NoSession { source, .. } = &refused else { panic!("{refused}") };
    let expected = sealwire_http::session::Error::CallerNotAttested;
    assert!(matches!(**source, Refused::Handshake(found) if found == expected), "{refused}");
    assert_eq!(stage.app.counts().reached, 1);
}

// TU-60, TU-61: whatever is changed in the messages of the handshake or the opening, there is no tunnel, and the application
// hears nothing.
#[tokio::test]
async fn a_handshake_that_was_changed_leads_nowhere() {
    let (stage, narrow) = narrowed(|_| {}).await;
    for way in [Way::Forth, Way::Back] {
        for number in 0..2 {
            for end in [false, true] {
                narrow.meddle(move |found, at, message| {
                    if (found, at) != (way, number) {
                        return vec![(found, message)];
                    }
                    let mut bytes = message.into_data().to_vec();
                    // The last byte is of a MAC, a binder or something that is sealed; the other stands behind the head.
                    let place = if end { bytes.len() - 1 } else { 40 };
                    bytes[place] ^= 1;
                    vec![(found, Message::binary(bytes))]
                });
                let result = try_connect(settings(&narrow)).await.map(drop);
                assert!(result.is_err(), "{way:?} {number} {end}");
            }
        }
    }
    // What is no binary message is none (TU-68).
    narrow.meddle(|way, number, message| match (way, number) {
        (Way::Back, 0) => vec![(way, Message::text("hello")), (way, message)],
        _ => vec![(way, message)],
    });
    assert!(try_connect(settings(&narrow)).await.is_err());
    assert_eq!(stage.app.counts().reached, 0);
    narrow.meddle(|way, _, message| vec![(way, message)]);
    works(&try_connect(settings(&narrow)).await.unwrap()).await;
}

// TU-60: messages of another client's handshake are nobody else's challenge.
#[tokio::test]
async fn an_old_flight_answers_no_new_hello() {
    let (_stage, narrow) = narrowed(|_| {}).await;
    let old = Message::binary(by_hand::hello(narrow.address()).await);
    narrow.meddle(move |way, number, message| match (way, number) {
        (Way::Back, 0) => vec![(way, old.clone())],
        _ => vec![(way, message)],
    });
    let refused = try_connect(settings(&narrow)).await.map(drop).unwrap_err();
    assert!(matches!(refused, Error::NoSession { .. }), "{refused}");
}

// TU-72, TU-68: where no WebSocket passes there is no tunnel, and nothing else is tried in its place.
#[tokio::test]
async fn a_refused_upgrade_is_an_error() {
    let (stage, narrow) = narrowed(|_| {}).await;
    narrow.shut(true);
    let refused = try_connect(settings(&narrow)).await.map(drop).unwrap_err();
    let Error::NoSession { source, .. } = &refused else { panic!("{refused}") };
    let expected = StatusCode::FORBIDDEN;
    assert!(
        matches!(&**source, Refused::NoWebSocket(channel::Error::NotUpgraded(found)) if *found == expected),
        "{refused}"
    );
    assert!(refused.to_string().contains("may not let one through"), "{refused}");
    assert_eq!((narrow.refused(), narrow.opened()), (1, 0));
    assert_eq!(stage.app.counts().reached, 0);

    // Once there is one, a place that is shut later is an error, too.
    narrow.shut(false);
    let connector = try_connect(settings(&narrow)).await.unwrap();
    works(&connector).await;
    narrow.shut(true);
    narrow.cut();
    let failed = within("an error", connector.get("/").send()).await.map(drop).unwrap_err();
    assert!(matches!(failed, Error::Channel(_) | Error::NoSession { .. }), "{failed}");
    assert_eq!(stage.app.counts().reached, 1);
}

// Settings that no tunnel has.
#[tokio::test]
async fn what_a_tunnel_has_not_is_told() {
    let (_stage, narrow) = narrowed(|_| {}).await;
    for settings in [
        Settings { early_data: true, ..settings(&narrow) },
        Settings { bound: Some(Vec::new()), ..settings(&narrow) },
        Settings { relay: Some(narrow.url()), ..settings(&narrow) },
    ] {
        let refused = try_connect(settings).await.map(drop).unwrap_err();
        assert!(matches!(refused, Error::Settings(_)), "{refused}");
    }
    assert_eq!((narrow.refused(), narrow.opened()), (0, 0));
}
