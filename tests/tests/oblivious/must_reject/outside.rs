//! OB-100 to OB-107: rejected outside, before anything has opened.

use super::{Application, Numbers, Row, Table, check_problem, send};
use sealwire_crypto::{aead::Aead, kem::Kem};
use sealwire_http::problem;
use sealwire_oblivious::media;
use sealwire_tests::message::{Form, Sealing, head, plaintext};
use std::collections::BTreeSet;

const HEADER: usize = 7;
const X25519_ENC: usize = 32;
const TAG: usize = 16;

/// Fields of a request, by name.
type Fields<'a> = &'a [(&'a str, &'a str)];

fn message() -> Vec<u8> {
    plaintext(&head("POST", "/v1"), b"hello")
}

// ON-05, ON-06, ON-08: shorter than header, encapsulated key and tag.
#[tokio::test]
async fn ob_100_too_short() {
    let table = Table::start().await;
    let sealing = table.stage.sealing().await;
    for form in Form::BOTH {
        let (sealed, _) = form.seal(&sealing, &message());
        let whole = HEADER + X25519_ENC + TAG;
        for len in [0, 1, HEADER - 1, HEADER, HEADER + X25519_ENC - 1, HEADER + X25519_ENC, whole - 1] {
            let id = format!("OB-100, {form:?}, {len} bytes");
            table.outside(&Row::new(&id, form, &sealed[..len]), 400).await;
        }
    }
}

// ON-01
#[tokio::test]
async fn ob_101_unknown_key_id() {
    let table = Table::start().await;
    let keys = table.stage.keys().await;
    let unknown = (0..=u8::MAX).find(|id| keys.iter().all(|key| key.key_id != *id)).unwrap();
    for form in Form::BOTH {
        let (mut sealed, _) = form.seal(&Sealing::first(&keys), &message());
        sealed[0] = unknown;
        table.key(&Row::new("OB-101", form, &sealed)).await;
    }
}

// ON-02. OB-159: a KEM that nobody knows is looked up in no table.
#[tokio::test]
async fn ob_102_kem_of_another_key() {
    let table = Table::start().await;
    let sealing = table.stage.sealing().await;
    for form in Form::BOTH {
        for kem in [Kem::P256.id(), Kem::XWing.id(), 0, 0xffff] {
            let (mut sealed, _) = form.seal(&sealing, &message());
            sealed[1..3].copy_from_slice(&kem.to_be_bytes());
            table.key(&Row::new(&format!("OB-102, KEM {kem:#x}"), form, &sealed)).await;
        }
    }
}

// ON-03, OB-153: the messages are well sealed, and would open if the offer were not checked.
#[tokio::test]
async fn ob_103_suite_not_offered() {
    let table = Table::with(|config| config.keys.aeads = vec![Aead::Aes128Gcm]).await;
    let sealing = table.stage.sealing().await;
    for form in Form::BOTH {
        for aead in [Aead::Aes256Gcm, Aead::ChaCha20Poly1305] {
            let mut sealing = sealing.clone();
            sealing.to.suite.aead = aead;
            let (sealed, _) = form.seal(&sealing, &message());
            table.key(&Row::new(&format!("OB-103, {aead:?}"), form, &sealed)).await;
        }
        for (at, name) in [(3, "KDF"), (5, "AEAD")] {
            let (mut sealed, _) = form.seal(&sealing, &message());
            sealed[at..at + 2].copy_from_slice(&[0x7f, 0xff]);
            table.key(&Row::new(&format!("OB-103, unknown {name}"), form, &sealed)).await;
        }
    }
}

// ON-10, ON-13
#[tokio::test]
async fn ob_104_bad_encapsulated_key() {
    let table = Table::with(|config| config.keys.kems = vec![Kem::X25519, Kem::P256, Kem::XWing]).await;
    let keys = table.stage.keys().await;
    let points = [
        (Kem::X25519, "zero", vec![0; X25519_ENC]),
        (Kem::X25519, "one, of low order", [vec![1], vec![0; X25519_ENC - 1]].concat()),
        (Kem::P256, "off the curve", [vec![4], vec![0x11; 64]].concat()),
        (Kem::P256, "compressed", [vec![2], vec![0x11; 64]].concat()),
        (Kem::XWing, "zero X25519 share", vec![0; X25519_ENC]),
    ];
    for form in Form::BOTH {
        for (kem, name, point) in &points {
            let (mut sealed, _) = form.seal(&Sealing::new(&keys, *kem), &message());
            let end = HEADER + kem.enc_len();
            sealed[end - point.len()..end].copy_from_slice(point);
            table.key(&Row::new(&format!("OB-104, {kem:?}, {name}"), form, &sealed)).await;
        }
        // Of the wrong length: what follows is shifted.
        for kem in [Kem::X25519, Kem::P256, Kem::XWing] {
            let (mut sealed, _) = form.seal(&Sealing::new(&keys, kem), &message());
            sealed.remove(HEADER);
            table.key(&Row::new(&format!("OB-104, {kem:?}, short"), form, &sealed)).await;
            let (mut sealed, _) = form.seal(&Sealing::new(&keys, kem), &message());
            sealed.insert(HEADER, 0);
            table.key(&Row::new(&format!("OB-104, {kem:?}, long"), form, &sealed)).await;
        }
    }
}

// ON-09, ON-11, ON-35. OB-42, OB-164: one text, wherever the changed bit is; and the connection stays.
#[tokio::test]
async fn ob_105_any_changed_bit() {
    let table = Table::start().await;
    let sealing = table.stage.sealing().await;
    let before = Numbers::of(&table.stage).await;
    let mut texts = BTreeSet::new();
    let mut sent = 0;
    for form in Form::BOTH {
        let mut raw = table.stage.connect().await;
        let (sealed, _) = form.seal(&sealing, &message());
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1 << (at % 8);
            let fields = [("content-type", form.media_type())];
            let path = sealwire_http::wire::OBLIVIOUS_PATH;
            let answer = raw.post(path, &fields, &changed).await.answer().await;
            check_problem(&format!("OB-105, byte {at}"), &answer, 400, problem::OHTTP_KEY);
            texts.insert(answer.content);
            sent += 1;
        }
        table.stage.works(&mut raw).await;
    }
    assert_eq!(texts.len(), 1);
    let after = table.stage.metrics().await;
    assert_eq!(
        after.grown(&before.metrics, &sealwire_tests::metrics::refusals("key")),
        f64::from(sent),
        "OB-105: refusals"
    );
    let works = Form::BOTH.len();
    assert_eq!(table.stage.app.counts().reached, before.counts.reached + works);
}

// OB-164: the same text again where the header is wrong, and not the tag.
#[tokio::test]
async fn ob_105_header_and_tag_are_answered_alike() {
    let table = Table::start().await;
    let sealing = table.stage.sealing().await;
    for form in Form::BOTH {
        let (sealed, _) = form.seal(&sealing, &message());
        let mut answers = BTreeSet::new();
        for at in [0, 2, 4, 6, HEADER, sealed.len() - 1] {
            let mut changed = sealed.clone();
            changed[at] ^= 0x80;
            let answer = table.key(&Row::new("OB-164", form, &changed)).await;
            let fields: Vec<_> = answer.headers.keys().map(|name| name.as_str().to_owned()).collect();
            answers.insert((answer.content, fields));
        }
        assert_eq!(answers.len(), 1, "{answers:?}");
    }
}

// ON-15, ON-16
#[tokio::test]
async fn ob_106_one_form_under_the_others_media_type() {
    let table = Table::start().await;
    let sealing = table.stage.sealing().await;
    for (sealed_as, sent_as) in [(Form::Single, Form::Chunked), (Form::Chunked, Form::Single)] {
        let (sealed, _) = sealed_as.seal(&sealing, &message());
        table.key(&Row::new("OB-106", sent_as, &sealed)).await;
    }
}

// Also OB-44: an expectation is refused, and the content not asked for.
#[tokio::test]
async fn ob_107_wrong_outside() {
    let table = Table::start().await;
    let sealing = table.stage.sealing().await;
    let (sealed, _) = Form::Single.seal(&sealing, &message());
    let right = ("content-type", media::REQUEST);
    let rows: &[(&str, &str, Fields<'_>, u16)] = &[
        ("no type", "POST", &[], 415),
        ("another type", "POST", &[("content-type", "application/octet-stream")], 415),
        ("the type of an answer", "POST", &[("content-type", media::RESPONSE)], 415),
        ("with a parameter", "POST", &[("content-type", "message/ohttp-req; v=1")], 415),
        ("a list", "POST", &[("content-type", "message/ohttp-req, message/ohttp-req")], 415),
        ("twice", "POST", &[right, right], 415),
        ("two types", "POST", &[right, ("content-type", media::CHUNKED_REQUEST)], 415),
        ("gzip", "POST", &[right, ("content-encoding", "gzip")], 415),
        (
            "gzip after identity",
            "POST",
            &[right, ("content-encoding", "identity"), ("content-encoding", "gzip")],
            415,
        ),
        ("PUT", "PUT", &[right], 405),
        ("DELETE", "DELETE", &[right], 405),
        ("PATCH", "PATCH", &[right], 405),
        ("OPTIONS", "OPTIONS", &[right], 405),
        ("expectation", "POST", &[right, ("expect", "100-continue")], 417),
        ("unknown expectation", "POST", &[right, ("expect", "miracles")], 417),
    ];
    for (what, method, fields, status) in rows {
        let id = format!("OB-107, {what}");
        let before = Numbers::of(&table.stage).await;
        let (mut raw, answer) = send(&table.stage, method, fields, &sealed).await;
        check_problem(&id, &answer, *status, problem::BLANK);
        assert_eq!(answer.field("allow"), if *status == 405 { "GET, HEAD, POST" } else { "" }, "{id}");
        table.settle(&id, &before, Form::Single, "outside", "refused", Application::NotReached).await;
        table.stage.works(&mut raw).await;
    }
    // What is not refused: another case, and identity.
    let fields = [("content-type", "Message/OHTTP-Req"), ("content-encoding", "identity")];
    let (_, answer) = send(&table.stage, "POST", &fields, &sealed).await;
    assert_eq!((answer.status, answer.field("content-type")), (200, media::RESPONSE));
}
