//! The MUST-reject table of EH-43 and the statuses of EH-07, against the running gateway.

use crate::{
    application::{stage, with},
    hand::{Sealed, head, is_clear, key, open, post, post_with, seal, works},
};
use sealwire_ehbp::{KEY_CONFIG_PROBLEM, KEYS_PATH};
use sealwire_tests::{raw::Answer, within};

/// What is refused before any frame has opened: in clear, with one text, and out of the application's sight.
#[derive(Default)]
struct Refusals {
    text: Option<String>,
}

impl Refusals {
    /// EH-34: whatever it was.
    fn unreadable(&mut self, what: &str, answer: &Answer) {
        assert_eq!(answer.status, 400, "{what}: {}", answer.text());
        assert!(is_clear(answer), "{what}");
        assert_eq!(*self.text.get_or_insert_with(|| answer.text()), answer.text(), "{what}");
    }
}

fn is_key_config(what: &str, answer: &Answer) {
    assert_eq!(answer.status, 422, "{what}: {}", answer.text());
    assert!(is_clear(answer), "{what}");
    assert_eq!(answer.field("content-type"), "application/problem+json");
    let problem: serde_json::Value = serde_json::from_slice(&answer.content).unwrap();
    assert_eq!(problem["type"], KEY_CONFIG_PROBLEM);
}

// EH-02, EH-07, EH-34, EH-43
#[tokio::test]
async fn fields_that_are_no_key() {
    let stage = stage().await;
    let key = key(&stage).await;
    let Sealed { field, frames, .. } = seal(&key, &[b"x"]);
    let mut refusals = Refusals::default();
    let (upper, short, long) = (field.to_uppercase(), &field[2..], format!("{field}00"));
    let low_order = "00".repeat(32);
    for value in [
        upper.as_str(),
        short,
        &long,
        "",
        "zz",
        &field.replace(&field[..2], "zz"),
        &low_order,
        &"01".repeat(33),
    ] {
        if value == field {
            continue;
        }
        refusals.unreadable(value, &post(&stage, "/echo", value, &frames[0]).await);
    }
    let twice = [("ehbp-encapsulated-key", field.as_str()), ("ehbp-encapsulated-key", field.as_str())];
    refusals.unreadable("twice", &post_with(&stage, "/echo", &twice, &frames[0]).await);
    let joined = format!("{field}, {field}");
    refusals.unreadable("joined", &post(&stage, "/echo", &joined, &frames[0]).await);
    assert_eq!(stage.app.counts().reached, 0);
    works(&stage).await;
}

// EH-06, EH-07, EH-25, EH-26, EH-34, EH-43
#[tokio::test]
async fn framing_before_the_first_frame() {
    let stage = stage().await;
    let key = key(&stage).await;
    let mut refusals = Refusals::default();
    let length = |length: u32| length.to_be_bytes().to_vec();
    let Sealed { field, frames, .. } = seal(&key, &[b"some content"]);
    for (what, body) in [
        ("no frame", Vec::new()),
        ("nothing but empty frames", vec![0; 8]),
        ("too many empty frames", vec![0; 4 * 1025]),
        ("a length of 1", [length(1), vec![0; 64]].concat()),
        ("a length of 15", [length(15), vec![0; 64]].concat()),
        ("a length above the limit", [length((1 << 20) + 17), vec![0; 64]].concat()),
        ("4 GiB", [length(u32::MAX), vec![0; 64]].concat()),
        ("cut inside a length", frames[0][..3].to_vec()),
        ("cut behind a length", frames[0][..4].to_vec()),
        ("cut inside a frame", frames[0][..frames[0].len() - 1].to_vec()),
    ] {
        refusals.unreadable(what, &post(&stage, "/echo", &field, &body).await);
    }
    assert_eq!(stage.app.counts().reached, 0);
    // None of them has used the key up: it is the frame that does.
    let answer = post(&stage, "/echo", &field, &frames[0]).await;
    assert_eq!(answer.status, 200);
}

// EH-07, EH-27, EH-43: swapped, altered, or sealed to another key look the same.
#[tokio::test]
async fn first_frames_that_do_not_open() {
    let stage = stage().await;
    let key = key(&stage).await;
    let Sealed { field, frames, .. } = seal(&key, &[b"one", b"two"]);
    is_key_config("swapped", &post(&stage, "/echo", &field, &[&frames[1][..], &frames[0]].concat()).await);
    is_key_config("dropped", &post(&stage, "/echo", &field, &frames[1]).await);
    let mut altered = frames[0].clone();
    *altered.last_mut().unwrap() ^= 1;
    is_key_config("altered", &post(&stage, "/echo", &field, &altered).await);
    let other = seal(&key, &[b"one"]);
    is_key_config("of another request", &post(&stage, "/echo", &field, &other.frames[0]).await);
    let mut same_point = hex::decode(&field).unwrap();
    same_point[31] ^= 0x80;
    let same_point = hex::encode(same_point);
    is_key_config("another form of the key", &post(&stage, "/echo", &same_point, &frames[0]).await);
    assert_eq!(stage.app.counts().reached, 0);
    works(&stage).await;
}

// EH-07, EH-22, EH-43: what has opened is known to the application, which never sees the end of such a request; the
// caller is told in a sealed answer.
#[tokio::test]
async fn what_follows_the_first_frame() {
    let stage = stage().await;
    let key = key(&stage).await;
    type Change = fn(&[Vec<u8>]) -> Vec<u8>;
    let cases: [(&str, Change); 8] = [
        ("repeated", |f| [&f[0][..], &f[0], &f[1]].concat()),
        ("dropped", |f| [&f[0][..], &f[2]].concat()),
        ("swapped", |f| [&f[0][..], &f[2], &f[1]].concat()),
        ("altered", |f| [&f[0][..], &f[1][..f[1].len() - 1], &[f[1][f[1].len() - 1] ^ 1]].concat()),
        ("cut inside a length", |f| [&f[0][..], &f[1][..2]].concat()),
        ("cut inside a frame", |f| [&f[0][..], &f[1][..9]].concat()),
        ("4 GiB", |f| [&f[0][..], &[0xff; 4], &f[1]].concat()),
        ("empty frames", |f| [&f[0][..], &[0; 4 * 1025], &f[1]].concat()),
    ];
    for (index, (what, change)) in cases.into_iter().enumerate() {
        let sealed = seal(&key, &[b"one", b"two", b"three"]);
        let answer = post(&stage, "/echo", &sealed.field, &change(&sealed.frames)).await;
        assert_eq!(answer.status, 400, "{what}");
        let text = String::from_utf8(open(&answer, sealed.answer)).unwrap();
        assert!(text.contains("The sealed request is malformed"), "{what}: {text}");
        // It may have been found out before the application was asked.
        let counts = stage
            .app
            .until("every request to have ended", |counts| {
                counts.reached == counts.aborted + counts.completed
            })
            .await;
        assert!(counts.aborted <= index + 1, "{what}");
        assert_eq!(counts.completed, 0, "{what}");
    }
    works(&stage).await;
}

// EH-25: nothing is reserved for a length, and nothing behind it is waited for.
#[tokio::test]
async fn a_length_of_4_gib_is_refused_at_once() {
    let stage = stage().await;
    let Sealed { field, .. } = seal(&key(&stage).await, &[b"x"]);
    let mut raw = stage.connect().await;
    let fields = [("content-length", "4294967300"), ("ehbp-encapsulated-key", field.as_str())];
    raw.send(head(&stage, "POST /echo", &fields)).await.send([0xff; 4]).await;
    let answer = within("the refusal", raw.answer()).await;
    assert_eq!((answer.status, is_clear(&answer)), (400, true));
    works(&stage).await;
}

// EH-25: the limit is the operator's.
#[tokio::test]
async fn longer_frames_where_the_operator_says_so() {
    let stage = with(|config| config.ehbp.as_mut().unwrap().frame = 2 << 20).await;
    let key = key(&stage).await;
    let content = vec![b'x'; 2 << 20];
    let sealed = seal(&key, &[&content]);
    let answer = post(&stage, "/count", &sealed.field, &sealed.frames[0]).await;
    assert_eq!(open(&answer, sealed.answer), b"2097152");
    let sealed = seal(&key, &[&[&content[..], b"x"].concat()]);
    assert_eq!(post(&stage, "/count", &sealed.field, &sealed.frames[0]).await.status, 400);
}

// EH-05, EH-06: methods and versions that carry no sealed content.
#[tokio::test]
async fn methods_and_versions() {
    let stage = stage().await;
    let Sealed { field, frames, .. } = seal(&key(&stage).await, &[b"x"]);
    let fields = [("ehbp-encapsulated-key", field.as_str())];
    for method in ["HEAD", "TRACE"] {
        let mut raw = stage.connect().await;
        raw.send(head(&stage, &format!("{method} /echo"), &fields)).await;
        assert_eq!(raw.head().await.unwrap().status, 405, "{method}");
    }
    let mut raw = stage.connect().await;
    let old =
        head(&stage, "POST /echo", &[fields[0], ("content-length", "21")]).replace("HTTP/1.1", "HTTP/1.0");
    raw.send(old).await.send(&frames[0]).await;
    let answer = String::from_utf8(raw.rest().await).unwrap();
    assert!(answer.starts_with("HTTP/1.0 505 ") || answer.starts_with("HTTP/1.1 505 "), "{answer}");
    assert_eq!(stage.app.counts().reached, 0);
}

// EH-06, EH-23, EH-24: what is not sealed is refused with a way out, unless the route takes it.
#[tokio::test]
async fn requests_in_clear() {
    let stage = stage().await;
    for line in ["GET /echo", "POST /echo", "DELETE /elsewhere", "GET /"] {
        let mut raw = stage.connect().await;
        let answer = raw.send(head(&stage, line, &[("content-length", "0")])).await.answer().await;
        assert_eq!(answer.status, 426, "{line}");
        assert_eq!(answer.field("upgrade"), "EHBP");
        assert!(answer.text().contains(KEYS_PATH) && answer.text().contains("/.well-known/sealwire"));
    }
    assert_eq!(stage.app.counts().reached, 0);

    let open = with(|config| config.routes[0].plaintext = true).await;
    let mut raw = open.connect().await;
    let answer = raw
        .send(head(&open, "POST /count", &[("content-length", "2")]))
        .await
        .send(b"ab")
        .await
        .answer()
        .await;
    assert_eq!((answer.status, answer.text().as_str(), is_clear(&answer)), (200, "2", true));
    works(&open).await;
}
