//! Too much, and lengths that lie. What lies inside of sealed messages is OB-129.

use super::{Scene, Sealed};
use sealwire_http::wire::OBLIVIOUS_PATH;
use sealwire_message::bhttp::RequestHead;
use sealwire_tests::{
    message::{Form, head, plaintext},
    metrics::refusals,
    raw::{request, transfer_chunk},
};

/// A header section above the limit is answered 431, however it is put together.
#[tokio::test]
async fn header_sections_outside() {
    let limit = 8 << 10;
    let scene = Scene::start(|config| config.limits.header_size = limit).await;
    let long = "x".repeat(limit);
    let many: Vec<(String, String)> = (0..500).map(|i| (format!("x-{i}"), "value".to_owned())).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    for (what, head) in [
        ("one value", request("POST", OBLIVIOUS_PATH, &[("x-long", &long)])),
        ("one name", request("POST", OBLIVIOUS_PATH, &[(&long, "x")])),
        ("many fields", request("POST", OBLIVIOUS_PATH, &many)),
        ("a target", request("POST", &format!("/{long}"), &[])),
    ] {
        let mut raw = scene.stage.connect().await;
        let answer = raw.send(head).await.answer().await;
        assert!([431, 414].contains(&answer.status), "{what}: {}", answer.status);
        scene.others_are_served().await;
    }
    // Without an end: not more is read than the limit.
    let mut raw = scene.stage.connect().await;
    raw.send("GET / HTTP/1.1\r\nx-endless: ").await.send_until_refused(vec![b'x'; 1 << 16]).await;
    scene.settle(&[("sealwire_connection_errors_total{reason=\"protocol\"}", 5)]).await;
}

/// A single message is refused by what its length says, before it comes, and by what comes.
#[tokio::test]
async fn single_messages_outside() {
    let scene = Scene::start(|config| config.limits.single_request = 64 << 10).await;
    let media_type = ("content-type", Form::Single.media_type());
    let mut raw = scene.stage.connect().await;
    raw.send(request("POST", OBLIVIOUS_PATH, &[media_type, ("content-length", "10000000000")])).await;
    raw.send_until_refused(vec![0; 1 << 16]).await;
    assert_eq!(raw.answer().await.status, 413);
    scene.others_are_served().await;
    let mut raw = scene.stage.connect().await;
    raw.send(request("POST", OBLIVIOUS_PATH, &[media_type, ("transfer-encoding", "chunked")])).await;
    raw.send_until_refused(transfer_chunk(&[0; 1 << 16])).await;
    assert_eq!(raw.answer().await.status, 413);
    scene.settle(&[(&refusals("outside"), 2)]).await;
}

// OB-70: each limit of the inside, at it and one past it, in both forms.
#[tokio::test]
async fn heads_inside() {
    let scene = Scene::start(|_| {}).await;
    let sealing = scene.stage.sealing().await;
    let with = |name: &str, value: &str| {
        let mut head = head("POST", "/v1");
        head.headers.insert(http::HeaderName::try_from(name).unwrap(), value.parse().unwrap());
        head
    };
    let path = |len: usize| RequestHead {
        path: format!("/{}", "x".repeat(len)).parse().unwrap(),
        ..head("POST", "/")
    };
    let fields = |count: usize| {
        let mut head = head("POST", "/v1");
        for i in 1..count {
            let name = http::HeaderName::try_from(format!("x-{i}")).unwrap();
            head.headers.insert(name, "v".parse().unwrap());
        }
        head
    };
    // What goes before the path: POST, https and the authority; and the slash.
    let control = 4 + 5 + sealwire_tests::stage::AUTHORITY.len() + 1;
    let value = |len: usize| with("x-long", &"v".repeat(len));
    let sections = |total: usize| {
        let mut head = head("POST", "/v1");
        let date = "date".len() + 1 + 29 + 1;
        let mut left = total - date;
        for name in ["x-a", "x-b", "x-c", "x-d", "x-e"] {
            // A name and its length, and a value and its two or four bytes of length.
            let prefix = 4 + 2;
            let len = (left - prefix).min(16_000);
            head.headers.insert(http::HeaderName::from_static(name), "v".repeat(len).parse().unwrap());
            left -= prefix + len;
            if left == 0 {
                return head;
            }
        }
        panic!("{left} left");
    };
    for (what, within, past) in [
        ("control data", path(8192 - control), path(8192 - control + 1)),
        ("a field's value", value(16_384), value(16_385)),
        ("a field's name", with(&"n".repeat(256), "v"), with(&"n".repeat(257), "v")),
        ("fields", fields(256), fields(257)),
        ("a section", sections(65_536), sections(65_537)),
    ] {
        for form in Form::BOTH {
            for (head, refused) in [(&within, false), (&past, true)] {
                let (bytes, opener) = form.seal(&sealing, &plaintext(head, b"x"));
                let inner = Sealed { form, bytes, opener }.exchange(&scene.stage).await;
                // The application's own refusal, for it has limits too, is no problem document.
                let ours = inner.status == 431 && inner.text().contains("about:blank");
                assert_eq!(ours, refused, "{what}, {form:?}: {} {}", inner.status, inner.text());
            }
        }
    }
    scene.settle(&[(&refusals("message"), 10)]).await;
}

/// A length that is too long is a request that never comes to its end.
#[tokio::test]
async fn a_length_above_what_comes() {
    for form in Form::BOTH {
        let scene = Scene::start(|_| {}).await;
        let sealed = Sealed::new(&scene.stage, form, "POST", b"content").await;
        let length = (sealed.bytes.len() + 1).to_string();
        let mut raw = scene.stage.connect().await;
        raw.send(request(
            "POST",
            OBLIVIOUS_PATH,
            &[("content-type", form.media_type()), ("content-length", &length)],
        ))
        .await;
        raw.send(&sealed.bytes).await.finish().await;
        if let Some(answer) = raw.try_answer().await {
            assert_ne!((answer.status, form), (200, Form::Single));
        }
        let counts = scene.stage.app.counts();
        assert_eq!(counts.completed, 0);
        scene.settle(&[]).await;
    }
}

/// One that is too short cuts the message; what is left over is no request.
#[tokio::test]
async fn a_length_below_what_comes() {
    for form in Form::BOTH {
        let scene = Scene::start(|_| {}).await;
        let sealed = Sealed::new(&scene.stage, form, "POST", b"content").await;
        let length = (sealed.bytes.len() - 20).to_string();
        let mut raw = scene.stage.connect().await;
        raw.send(request(
            "POST",
            OBLIVIOUS_PATH,
            &[("content-type", form.media_type()), ("content-length", &length)],
        ))
        .await;
        let answer = raw.send(&sealed.bytes).await.send("\r\n\r\n").await.answer().await;
        assert_eq!(answer.status, 400, "{form:?}");
        assert_eq!(scene.stage.app.counts().reached, 0);
        if let Some(answer) = raw.try_answer().await {
            assert_eq!(answer.status, 400);
        }
        scene.settle(&[(&refusals("key"), 1)]).await;
    }
}

/// Framing that servers read differently is refused.
#[tokio::test]
async fn framing_that_is_ambiguous() {
    let scene = Scene::start(|_| {}).await;
    let media_type = ("content-type", Form::Single.media_type());
    for fields in [
        &[media_type, ("content-length", "5"), ("content-length", "6")][..],
        &[media_type, ("content-length", "-5")],
        &[media_type, ("content-length", "+5")],
        &[media_type, ("content-length", "5 5")],
        &[media_type, ("content-length", "18446744073709551616")],
        &[media_type, ("transfer-encoding", "gzip")],
        &[media_type, ("transfer-encoding", "chunked, identity")],
    ] {
        let mut raw = scene.stage.connect().await;
        let answer =
            raw.send(request("POST", OBLIVIOUS_PATH, fields)).await.send("12345").await.answer().await;
        assert_eq!(answer.status, 400, "{fields:?}");
        assert_eq!(raw.rest().await, b"", "{fields:?}: the connection must not be used again");
    }
    for chunk in ["zz\r\nhello\r\n", "-5\r\nhello\r\n", "fffffffffffffffff\r\n", "5\r\nhelloX", "5;x\n\n"] {
        let mut raw = scene.stage.connect().await;
        raw.send(request("POST", OBLIVIOUS_PATH, &[media_type, ("transfer-encoding", "chunked")])).await;
        let answer = raw.send(chunk).await.answer().await;
        assert_eq!(answer.status, 400, "{chunk:?}");
        assert_eq!(raw.rest().await, b"");
    }
    scene.settle(&[]).await;
}
