//! Sealed content that is sent elsewhere, and what else is in the hands of whoever is on the way (EH-20).

use crate::{
    application::{stage, with},
    hand::{head, is_clear, key, open, post, post_with, seal},
};
use sealwire_gateway::config::{Route, RouteEhbp};

// EH-20
#[tokio::test]
async fn content_goes_to_the_listed_paths_alone() {
    let stage = stage().await;
    let key = key(&stage).await;
    for path in
        ["/elsewhere", "/echo/", "/echo/x", "/", "/Echo", "//echo", "/echo;x", "/ech%6f", "/x/../echo"]
    {
        let sealed = seal(&key, &[b"for /echo"]);
        let answer = post(&stage, path, &sealed.field, &sealed.frames[0]).await;
        // What can be read in two ways takes no route, and then it is nobody's sealed content.
        if is_clear(&answer) {
            assert!([400, 403, 426].contains(&answer.status), "{path}: {}", answer.status);
        } else {
            assert_eq!(answer.status, 403, "{path}");
            let text = String::from_utf8(open(&answer, sealed.answer)).unwrap();
            assert!(text.contains("Sealed content is not taken here"), "{path}: {text}");
        }
    }
    assert_eq!(stage.app.counts().reached, 0);
    // A query is no part of it.
    let sealed = seal(&key, &[b"x"]);
    let answer = post(&stage, "/echo?a=b", &sealed.field, &sealed.frames[0]).await;
    assert_eq!((answer.status, open(&answer, sealed.answer)), (200, b"x".to_vec()));
    assert_eq!(stage.app.seen()[0].uri.query(), Some("a=b"));
}

// EH-20: what listing does not help against, so that nobody believes it did: this wire binds content to no path.
#[tokio::test]
async fn between_listed_paths_content_can_be_moved() {
    let stage = stage().await;
    let sealed = seal(&key(&stage).await, &[b"for /echo"]);
    let answer = post(&stage, "/count", &sealed.field, &sealed.frames[0]).await;
    assert_eq!((answer.status, open(&answer, sealed.answer)), (200, b"9".to_vec()));
}

// EH-20: the option is off where the operator says so.
#[tokio::test]
async fn any_path_where_the_operator_says_so() {
    let any = RouteEhbp { any_path: true, ..RouteEhbp::default() };
    let stage = with(|config| config.routes[0].ehbp = Some(any)).await;
    let sealed = seal(&key(&stage).await, &[b"x"]);
    let answer = post(&stage, "/elsewhere", &sealed.field, &sealed.frames[0]).await;
    assert_eq!((answer.status, is_clear(&answer)), (404, false));
    assert_eq!(stage.app.counts().reached, 1);
}

// The field alone makes no request sealed: on a route that does not take EHBP it is the application's.
#[tokio::test]
async fn routes_that_do_not_take_it() {
    let stage = with(|config| {
        let mut plain = Route::new("/plain", config.routes[0].upstream.clone());
        plain.plaintext = true;
        config.routes.push(plain);
        config.routes.push(Route::new("/sealed", config.routes[0].upstream.clone()));
    })
    .await;
    let sealed = seal(&key(&stage).await, &[b"x"]);
    let answer = post(&stage, "/plain", &sealed.field, &sealed.frames[0]).await;
    assert_eq!((answer.status, is_clear(&answer)), (404, true));
    assert_eq!(stage.app.seen()[0].headers["ehbp-encapsulated-key"], sealed.field.as_str());
    let answer = post(&stage, "/sealed", &sealed.field, &sealed.frames[0]).await;
    assert_eq!((answer.status, is_clear(&answer)), (403, true));
}

// What the application gets: the outside as it was, without what is this wire's own.
#[tokio::test]
async fn the_application_sees_an_ordinary_request() {
    let stage = stage().await;
    let sealed = seal(&key(&stage).await, &[b"x"]);
    let fields = [
        ("ehbp-encapsulated-key", sealed.field.as_str()),
        ("content-type", "text/plain"),
        ("accept-encoding", "gzip, br"),
        ("connection", "x-hop"),
        ("x-hop", "1"),
        ("x-end", "2"),
    ];
    let answer = post_with(&stage, "/echo", &fields, &sealed.frames[0]).await;
    assert_eq!(answer.status, 200);
    // EH-04
    assert_eq!((answer.field("content-length"), answer.field("cache-control")), ("", "no-store"));
    let seen = stage.app.seen();
    let headers = &seen[0].headers;
    for gone in ["ehbp-encapsulated-key", "x-hop", "connection"] {
        assert!(!headers.contains_key(gone), "{gone}");
    }
    assert_eq!(headers["x-end"], "2");
    assert_eq!(headers["content-type"], "text/plain");
    // The published client would undo a coding of what it has not opened yet.
    assert_eq!(headers["accept-encoding"], "identity");
    assert_eq!(headers["host"], stage.address().to_string().as_str());
}

// Upgrades, early data and foreign names are refused inside, as on the other wires.
#[tokio::test]
async fn what_other_wires_refuse_is_refused() {
    let stage = stage().await;
    let key = key(&stage).await;
    for (more, status) in
        [(&[("upgrade", "websocket"), ("connection", "upgrade")][..], 400), (&[("early-data", "1")], 425)]
    {
        let sealed = seal(&key, &[b"x"]);
        let fields = [&[("ehbp-encapsulated-key", sealed.field.as_str())], more].concat();
        let answer = post_with(&stage, "/echo", &fields, &sealed.frames[0]).await;
        assert_eq!((answer.status, is_clear(&answer)), (status, false), "{more:?}");
    }
    let sealed = seal(&key, &[b"x"]);
    let length = sealed.frames[0].len().to_string();
    let fields = [("ehbp-encapsulated-key", sealed.field.as_str()), ("content-length", length.as_str())];
    let foreign =
        head(&stage, "POST /echo", &fields).replace(&stage.address().to_string(), "foreign.example");
    let answer = stage.connect().await.send(foreign).await.send(&sealed.frames[0]).await.answer().await;
    assert_eq!((answer.status, is_clear(&answer)), (403, false));
    assert_eq!(stage.app.counts().reached, 0);
}
