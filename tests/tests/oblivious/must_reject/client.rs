//! OB-115 to OB-119, OB-120 and OB-125: what a client must not believe, of a gateway whose evidence is genuine or of
//! whoever stands between.

use crate::bhttp::integer;
use axum::{Router, response::Response};
use http_body_util::BodyExt;
use sealwire_client::{Connector, Error, Settings};
use sealwire_crypto::{aead::Aead, hpke::Symmetric, kdf::Hkdf, kem::Kem, random::OsRandom};
use sealwire_http::{client::oblivious, opened::Fault, problem};
use sealwire_message::{bhttp, chunk};
use sealwire_oblivious::gateway::GatewayKey;
use sealwire_tests::{
    document::Server,
    fake::{FakeGateway, Opened, Parts, media_type, outer},
    message::Form,
    stage::settings,
    within,
};
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

/// Length of a response nonce with AES-128-GCM.
const NONCE: usize = 16;
const TAG: usize = 16;
/// 200 without anything.
const OK: [u8; 6] = [1, 0x40, 0xc8, 0, 0, 0];

fn of_form(form: Form, settings: Settings) -> Settings {
    let form = match form {
        Form::Single => oblivious::Form::Single,
        Form::Chunked => oblivious::Form::Chunked,
    };
    Settings { form, kems: vec![Kem::X25519, Kem::P256, Kem::XWing], ..settings }
}

fn good(opened: &Opened) -> Response {
    outer(200, media_type(opened.form), opened.seal(&OK))
}

/// What a client makes of one bad answer, which it gets once, to a GET and to a POST. The exchanges before and after are
/// good, and nothing is sent again.
async fn refused(form: Form, bad: impl Fn(&Opened) -> Response + Send + Sync + 'static) -> oblivious::Error {
    let answered = AtomicUsize::new(0);
    let gateway = FakeGateway::start(move |opened| match answered.fetch_add(1, Ordering::SeqCst) {
        1 | 3 => bad(&opened),
        _ => good(&opened),
    })
    .await;
    let settings = of_form(form, settings(gateway.server.address));
    let connector = within("a connector", Connector::connect(settings)).await.unwrap();
    let mut errors = Vec::new();
    for method in [http::Method::GET, http::Method::POST] {
        let ask = || within("an answer", connector.request(method.clone(), "/").send());
        assert_eq!(ask().await.unwrap().status(), 200);
        match ask().await {
            Err(Error::Wire(error)) => errors.push(error),
            other => panic!("{:?}", other.map(|response| response.status())),
        }
    }
    assert_eq!(within("an answer", connector.get("/").send()).await.unwrap().status(), 200);
    assert_eq!(gateway.posts(), 5);
    let [get, post] = errors.try_into().unwrap();
    assert_eq!(get.to_string(), post.to_string());
    get
}

/// The same for an answer whose bytes are changed.
async fn altered(
    form: Form,
    alter: impl Fn(Vec<u8>) -> Vec<u8> + Send + Sync + 'static,
) -> sealwire_oblivious::Error {
    let bad = move |opened: &Opened| outer(200, media_type(opened.form), alter(opened.seal(&OK)));
    match refused(form, bad).await {
        oblivious::Error::Answer(Fault::Oblivious(error)) => error,
        other => panic!("{other}"),
    }
}

/// What says that a message does not authenticate.
fn does_not_open(form: Form) -> sealwire_oblivious::Error {
    match form {
        Form::Single => sealwire_oblivious::Error::ResponseOpen,
        Form::Chunked => chunk::Error::Open.into(),
    }
}

// ON-41
#[tokio::test]
async fn ob_115_short_answers() {
    use sealwire_oblivious::Error::ResponseTooShort;
    for len in [0, 1, NONCE - 1, NONCE, NONCE + TAG - 1] {
        let cut = move |mut sealed: Vec<u8>| {
            sealed.truncate(len);
            sealed
        };
        assert_eq!(altered(Form::Single, cut).await, ResponseTooShort, "{len}");
        let expected = if len < NONCE { ResponseTooShort } else { chunk::Error::Truncated.into() };
        assert_eq!(altered(Form::Chunked, cut).await, expected, "{len}");
    }
}

// ON-43
#[tokio::test]
async fn ob_115_changed_nonce() {
    for form in Form::BOTH {
        for at in [0, NONCE - 1] {
            let flip = move |mut sealed: Vec<u8>| {
                sealed[at] ^= 1;
                sealed
            };
            assert_eq!(altered(form, flip).await, does_not_open(form), "{form:?}, {at}");
        }
    }
}

// ON-44
#[tokio::test]
async fn ob_115_answer_of_another_exchange() {
    for form in Form::BOTH {
        let kept = Arc::new(Mutex::new(None));
        let answered = AtomicUsize::new(0);
        let gateway = FakeGateway::start(move |opened| {
            let sealed = opened.seal(&OK);
            let mut kept = kept.lock().unwrap();
            let sealed =
                if answered.fetch_add(1, Ordering::SeqCst) == 1 { kept.take().unwrap() } else { sealed };
            *kept = Some(sealed.clone());
            outer(200, media_type(form), sealed)
        })
        .await;
        let settings = of_form(form, settings(gateway.server.address));
        let connector = Connector::connect(settings).await.unwrap();
        let ask = || within("an answer", connector.get("/").send());
        ask().await.unwrap();
        let Err(Error::Wire(oblivious::Error::Answer(Fault::Oblivious(error)))) = ask().await else {
            panic!()
        };
        assert_eq!(error, does_not_open(form));
        ask().await.unwrap();
    }
}

// ON-46, ON-48, ON-49, OB-25: what authenticated before is delivered, and the answer never ends.
#[tokio::test]
async fn ob_108_to_113_chunked_answers() {
    use chunk::Error::{ChunkTooLong, EmptyChunk, Open, Truncated};
    type Wrong = fn(Parts) -> Vec<u8>;
    let wrongs: [(&str, Wrong, chunk::Error); 9] = [
        ("cut after a chunk", |parts| parts.joined(&[0, 1]), Truncated),
        (
            "cut inside a chunk",
            |parts| [parts.joined(&[0]), parts.chunks[1][..20].to_vec()].concat(),
            Truncated,
        ),
        ("swapped", |parts| parts.joined(&[0, 2, 1, 3]), Open),
        ("repeated", |parts| parts.joined(&[0, 1, 1, 2, 3]), Open),
        ("dropped", |parts| parts.joined(&[0, 2, 3]), Open),
        (
            "a chunk as the final one",
            |parts| [parts.joined(&[0]), vec![0], parts.chunks[1][1..].to_vec()].concat(),
            Open,
        ),
        ("bytes after the end", |parts| [parts.joined(&[0, 1, 2, 3]), vec![0]].concat(), Open),
        ("empty chunk", |parts| [parts.joined(&[0, 1]), vec![16], vec![0; 16]].concat(), EmptyChunk),
        ("a length alone", |parts| [parts.joined(&[0, 1]), vec![0xff; 8]].concat(), ChunkTooLong),
    ];
    for (what, wrong, expected) in wrongs {
        let gateway = FakeGateway::start(move |opened| {
            // 200 and the first three bytes of content; then three more, twice; then the end.
            let plaintexts: [&[u8]; 4] =
                [&[3, 0x40, 0xc8, 0, 3, 1, 2, 3], &[3, 4, 5, 6], &[3, 7, 8, 9], &[0, 0]];
            outer(200, media_type(Form::Chunked), wrong(opened.chunks(&plaintexts)))
        })
        .await;
        let connector =
            Connector::connect(of_form(Form::Chunked, settings(gateway.server.address))).await.unwrap();
        let response = within("an answer", connector.get("/").send()).await.unwrap();
        let mut content = response.into_body();
        let mut came = Vec::new();
        let error = loop {
            match within("content", content.frame()).await.expect(what) {
                Ok(frame) => came.extend_from_slice(frame.data_ref().unwrap()),
                Err(error) => break error,
            }
        };
        let Some(Fault::Oblivious(sealwire_oblivious::Error::Chunk(found))) = error.downcast_ref() else {
            panic!("{error}")
        };
        assert_eq!(*found, expected, "{what}");
        assert!([1, 2, 3, 4, 5, 6, 7, 8, 9].starts_with(&came) && came.len() >= 3, "{what}: {came:?}");
    }
}

#[tokio::test]
async fn ob_116_another_form() {
    for form in Form::BOTH {
        let other = if form == Form::Single { Form::Chunked } else { Form::Single };
        for media_type in [media_type(other), "application/octet-stream", "text/plain", "message/ohttp-req"] {
            let bad = move |opened: &Opened| outer(200, media_type, opened.seal(&OK));
            assert!(
                matches!(refused(form, bad).await, oblivious::Error::MediaType),
                "{form:?}, {media_type}"
            );
        }
        let untyped = |opened: &Opened| {
            let mut response = good(opened);
            response.headers_mut().remove("content-type");
            response
        };
        assert!(matches!(refused(form, untyped).await, oblivious::Error::MediaType));
        let typed_twice = |opened: &Opened| {
            let mut response = good(opened);
            response.headers_mut().append("content-type", "text/plain".parse().unwrap());
            response
        };
        assert!(matches!(refused(form, typed_twice).await, oblivious::Error::MediaType));
    }
}

// OB-160: also where what is inside is well sealed; an outer status that is not 200 is nobody's answer.
#[tokio::test]
async fn ob_117_unsealed_answers() {
    for form in Form::BOTH {
        for status in [201, 206, 302, 400, 401, 403, 404, 409, 413, 429, 500, 502, 503, 504] {
            let sealed = move |opened: &Opened| outer(status, media_type(opened.form), opened.seal(&OK));
            let plain = move |_: &Opened| outer(status, "text/plain", b"all is well".to_vec());
            let document = br#"{"type":"about:blank","status":200}"#.to_vec();
            let problem = move |_: &Opened| outer(status, problem::MEDIA_TYPE, document.clone());
            for error in
                [refused(form, sealed).await, refused(form, plain).await, refused(form, problem).await]
            {
                assert!(
                    matches!(error, oblivious::Error::NotEncapsulated(hint) if hint == status),
                    "{form:?}, {status}: {error}"
                );
            }
        }
    }
}

/// A good configuration and its key id.
fn good_config(id: u8) -> (u8, Vec<u8>) {
    let suite = Symmetric { kdf: Hkdf::Sha256, aead: Aead::Aes128Gcm };
    let key = GatewayKey::generate(id, Kem::X25519, &[suite], &OsRandom).unwrap();
    (id, key.config().encode())
}

/// What a client makes of keys that the hardware vouches for.
async fn keys(keys: &[(u8, Vec<u8>)]) -> sealwire_oblivious::Error {
    let server = Server::publishing(keys, Router::new()).await;
    let settings = of_form(Form::Chunked, settings(server.address));
    match within("a connector", Connector::connect(settings)).await.err() {
        Some(Error::NoKey { source, .. }) => source,
        other => panic!("{other:?}"),
    }
}

/// Configurations that make the whole list worthless, wherever in it they are.
async fn refused_in_any_place(what: &str, bad: Vec<u8>, expected: sealwire_oblivious::Error) {
    let bad = (200, bad);
    let lists = [vec![bad.clone()], vec![good_config(1), bad.clone()], vec![bad, good_config(1)]];
    for list in lists {
        assert_eq!(keys(&list).await, expected, "{what}");
    }
}

// OK-14 to OK-17. What concerns the list's outer lengths cannot be in a key document, which holds configurations.
#[tokio::test]
async fn ob_118_malformed_configurations() {
    use sealwire_oblivious::Error::{ListAlgorithms, ListTrailing, ListTruncated};
    let (_, good) = good_config(200);
    let algorithms = |len: u16, bytes: &[u8]| [&good[..35], &len.to_be_bytes(), bytes].concat();
    refused_in_any_place("cut", good[..good.len() - 1].to_vec(), ListTruncated).await;
    refused_in_any_place("cut in the key", good[..20].to_vec(), ListTruncated).await;
    refused_in_any_place("a byte", vec![0], ListTruncated).await;
    refused_in_any_place("trailing byte", [&good[..], &[0]].concat(), ListTrailing).await;
    refused_in_any_place("no algorithms", algorithms(0, &[]), ListAlgorithms).await;
    refused_in_any_place("half an algorithm", algorithms(2, &[0, 1]), ListAlgorithms).await;
    refused_in_any_place("one and a half", algorithms(6, &[0, 1, 0, 1, 0, 1]), ListAlgorithms).await;
    refused_in_any_place("algorithms cut", algorithms(8, &[0, 1, 0, 1]), ListTruncated).await;
}

// OB-06, OB-151: what is only unknown is stepped over, and is an error where nothing else is there.
#[tokio::test]
async fn ob_118_nothing_usable() {
    let unknown_kem = (3, [&[3, 0x77, 0x77][..], &[0xaa; 50]].concat());
    let (_, mut unknown_suites) = good_config(4);
    let end = unknown_suites.len();
    unknown_suites[end - 4..].copy_from_slice(&[0x7f, 0xff, 0x7f, 0xff]);
    let list = [unknown_kem, (4, unknown_suites)];
    assert_eq!(keys(&list).await, sealwire_oblivious::Error::NoUsableKey);
    let gateway = Server::publishing(&[&list[..], &[good_config(1)]].concat(), Router::new()).await;
    let settings = of_form(Form::Chunked, settings(gateway.address));
    Connector::connect(settings).await.unwrap();
}

// OK-19, OK-21, OB-07
#[tokio::test]
async fn ob_119_duplicate_ids_and_bad_public_keys() {
    use sealwire_oblivious::Error::{DuplicateKeyId, PublicKey};
    let (_, same_id) = good_config(1);
    assert_eq!(keys(&[good_config(1), (2, same_id)]).await, DuplicateKeyId);
    let config =
        |kem: Kem, key: &[u8]| [&[200], &kem.id().to_be_bytes()[..], key, &[0, 4, 0, 1, 0, 1]].concat();
    refused_in_any_place("zero", config(Kem::X25519, &[0; 32]), PublicKey).await;
    let mut one = [0; 32];
    one[0] = 1;
    refused_in_any_place("low order", config(Kem::X25519, &one), PublicKey).await;
    let off_curve = [&[4], &[0x11; 64][..]].concat();
    refused_in_any_place("off the curve", config(Kem::P256, &off_curve), PublicKey).await;
    let modulus = vec![0xff; Kem::XWing.public_key_len()];
    refused_in_any_place("above the modulus", config(Kem::XWing, &modulus), PublicKey).await;
}

/// What a client makes of an answer that opens, and holds this.
async fn inside(form: Form, plaintext: Vec<u8>) -> bhttp::Error {
    let bad = move |opened: &Opened| outer(200, media_type(opened.form), opened.seal(&plaintext));
    match refused(form, bad).await {
        oblivious::Error::Answer(Fault::Message(error)) => error,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn ob_120_request_where_a_response_is_due() {
    for form in Form::BOTH {
        for indicator in [0, 2, 4, 63] {
            let message = [&[indicator], &OK[1..]].concat();
            assert_eq!(inside(form, message).await, bhttp::Error::Framing, "{form:?}, {indicator}");
        }
    }
}

// BH-51, BH-53
#[tokio::test]
async fn ob_125_statuses() {
    for form in Form::BOTH {
        for framing in [1, 3] {
            for status in [0, 1, 99, 600, 999, 1000, 1 << 20, (1 << 62) - 1] {
                let message = [&[framing], &integer(status)[..], &[0, 0, 0]].concat();
                assert_eq!(inside(form, message).await, bhttp::Error::Status, "{form:?}, {status}");
            }
            let unfinished = [&[framing], &integer(103)[..], &[0]].concat();
            assert_eq!(inside(form, unfinished.clone()).await, bhttp::Error::NoFinalResponse, "{form:?}");
            let many = [&[framing][..], &[&integer(103)[..], &[0]].concat().repeat(17)].concat();
            assert_eq!(inside(form, many).await, bhttp::Error::TooManyInformational, "{form:?}");
        }
    }
}
