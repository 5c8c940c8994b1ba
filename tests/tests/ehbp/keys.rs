//! The key: where it stands, how it is replaced, and where what is sealed to an older one goes.

use crate::{
    application::{application, stage, takes_ehbp, with},
    hand::{is_clear, key, open, post, seal, works},
};
use axum::{Router, routing::any};
use sealwire_attest::{KeyDocument, key_document::Published};
use sealwire_ehbp::{KEYS_PATH, WIRE};
use sealwire_tests::{App, Stage};

async fn document(stage: &Stage) -> KeyDocument {
    let published = Published::decode(&stage.get("/.well-known/sealwire").await.content).unwrap();
    KeyDocument::decode(&published.document).unwrap()
}

// EH-01, EH-28, EH-29: what is attested, and a copy of it.
#[tokio::test]
async fn the_key_is_in_the_attested_document() {
    let stage = stage().await;
    let key = key(&stage).await;
    let document = document(&stage).await;
    assert!(document.wires.iter().any(|wire| wire == WIRE));
    assert_eq!(document.limits[WIRE], 1 << 30);
    let listed: Vec<_> = document.keys.iter().filter(|listed| listed.purpose == WIRE).collect();
    assert_eq!(listed.len(), 1);
    assert_eq!((listed[0].id.as_slice(), &listed[0].bytes), (&key.id()[..], &key.encode()));
    let copy = stage.get(KEYS_PATH).await;
    assert_eq!((copy.content.len(), copy.content), (41, listed[0].bytes.clone()));
    // EH-33: no other wire has it.
    let others = document.keys.iter().filter(|other| other.purpose != WIRE);
    let public_key = key.public_key().as_bytes();
    assert!(others.into_iter().all(|other| !other.bytes.windows(32).any(|window| window == public_key)));
}

// EH-30: nothing of a key outlives its instance, so that another start has another.
#[tokio::test]
async fn another_start_has_another_key() {
    let (one, other) = (stage().await, stage().await);
    let sealed = seal(&key(&one).await, &[b"x"]);
    assert_ne!(key(&one).await.id(), key(&other).await.id());
    assert_eq!(post(&other, "/echo", &sealed.field, &sealed.frames[0]).await.status, 422);
}

// Off unless switched on.
#[tokio::test]
async fn without_the_table_nothing_is_spoken() {
    let stage = Stage::start().await;
    assert_eq!(stage.get(KEYS_PATH).await.status, 403);
    let document = document(&stage).await;
    assert!(document.keys.iter().all(|key| key.purpose != WIRE));
    assert!(!document.wires.iter().any(|wire| wire == WIRE));
    let foreign = with(|_| {}).await;
    let sealed = seal(&key(&foreign).await, &[b"x"]);
    let answer = post(&stage, "/echo", &sealed.field, &sealed.frames[0]).await;
    assert_eq!((answer.status, is_clear(&answer)), (403, true));
}

// EH-27: the key and the one before it are taken; an older one is gone.
#[tokio::test]
async fn a_replaced_key_is_taken_until_the_next_rotation() {
    let stage = stage().await;
    let first = key(&stage).await;
    let status = async |stage: &Stage, key| {
        let sealed = seal(key, &[b"one", b"two"]);
        let answer = post(stage, "/echo", &sealed.field, &sealed.frames.concat()).await;
        if answer.status == 200 {
            assert_eq!(open(&answer, sealed.answer), b"onetwo");
        }
        answer.status
    };
    assert_eq!(status(&stage, &first).await, 200);
    stage.gateway.rotate().await.unwrap();
    assert_eq!(status(&stage, &first).await, 200);
    works(&stage).await;
    stage.gateway.rotate().await.unwrap();
    assert_eq!(status(&stage, &first).await, 422);
    works(&stage).await;
}

// AT-44, EH-27: what is sealed to the key of a configuration goes where that configuration said, with its rules.
#[tokio::test]
async fn the_key_of_a_replaced_configuration_leads_to_its_application() {
    let stage = stage().await;
    let other = App::new(Router::new().fallback(any(|| async { "the other" }))).await;
    let old = key(&stage).await;
    let mut config = stage.config.clone();
    takes_ehbp(&mut config);
    config.routes[0].upstream = other.url();
    stage.gateway.reload(config.clone()).await.unwrap();
    let new = key(&stage).await;
    assert_ne!(old.id(), new.id());
    let sealed = seal(&old, &[b"for the first"]);
    let answer = post(&stage, "/echo", &sealed.field, &sealed.frames[0]).await;
    assert_eq!((answer.status, open(&answer, sealed.answer)), (200, b"for the first".to_vec()));
    let sealed = seal(&new, &[b"for the other"]);
    let answer = post(&stage, "/echo", &sealed.field, &sealed.frames[0]).await;
    assert_eq!((answer.status, open(&answer, sealed.answer)), (200, b"the other".to_vec()));
    assert_eq!((stage.app.counts().reached, other.counts().reached), (1, 1));

    // The wire does not name the key, so the next rotation takes the place of the second one.
    stage.gateway.rotate().await.unwrap();
    let sealed = seal(&old, &[b"x"]);
    assert_eq!(post(&stage, "/echo", &sealed.field, &sealed.frames[0]).await.status, 422);
    let sealed = seal(&new, &[b"x"]);
    assert_eq!(post(&stage, "/echo", &sealed.field, &sealed.frames[0]).await.status, 200);
}

// What only bounds costs changes with a reload, and the key stays.
#[tokio::test]
async fn limits_are_reloaded_with_the_same_key() {
    let stage = Stage::before(application().await, takes_ehbp).await;
    let before = key(&stage).await;
    let mut config = stage.config.clone();
    config.ehbp.as_mut().unwrap().frame = 4;
    stage.gateway.reload(config).await.unwrap();
    assert_eq!(key(&stage).await.id(), before.id());
    let sealed = seal(&before, &[b"12345"]);
    assert_eq!(post(&stage, "/echo", &sealed.field, &sealed.frames[0]).await.status, 400);
    let sealed = seal(&before, &[b"1234"]);
    assert_eq!(post(&stage, "/echo", &sealed.field, &sealed.frames[0]).await.status, 200);
}
