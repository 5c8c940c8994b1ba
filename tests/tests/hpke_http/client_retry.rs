//! What is sent again, and that it is never the same bytes (HH-39).

use crate::client_by_hand::{pinned, spoken};
use http::Method;
use sealwire_client::{
    Error, ReplaySafe,
    pinned::{Connector, Settings, Wire},
};
use sealwire_http::{body, client};
use sealwire_tests::within;
use tokio::{
    io::AsyncReadExt,
    net::{TcpListener, TcpStream},
};
use tower::ServiceExt;

/// Front of a sealed request that is not sealed afresh: magic, version, ids and suite.
const CONSTANT: usize = 13;

fn connector(listener: &TcpListener) -> Connector {
    let to = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    Connector::new(Settings::new(to, Wire::HpkeHttp(pinned(), spoken()))).unwrap()
}

/// Takes a connection, reads the sealed request in it, and closes without an answer.
async fn swallow(listener: &TcpListener) -> Vec<u8> {
    let (mut stream, _): (TcpStream, _) = within("a connection", listener.accept()).await.unwrap();
    let mut read = Vec::new();
    let begin = |read: &[u8]| read.windows(4).position(|four| four == b"HHRQ");
    // The end of a chunked content, or of one whose length is known.
    let is_whole = |read: &[u8]| {
        let text = String::from_utf8_lossy(read);
        let length = text.split("content-length: ").nth(1).and_then(|rest| rest.split('\r').next());
        match (begin(read), length) {
            (Some(begin), Some(length)) => read.len() - begin == length.parse::<usize>().unwrap(),
            _ => read.ends_with(b"0\r\n\r\n"),
        }
    };
    while !is_whole(&read) {
        assert!(within("more", stream.read_buf(&mut read)).await.unwrap() > 0);
    }
    read.split_off(begin(&read).unwrap())
}

// HH-39, SE-43: what may be repeated is sealed anew for it; what may not is not sent again, and its outcome is unknown.
#[tokio::test]
async fn a_repetition_is_another_message() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let connector = connector(&listener);
    let asking = connector.get("/items");
    let (answer, (first, second)) =
        tokio::join!(asking.send(), async { (swallow(&listener).await, swallow(&listener).await) });
    assert!(matches!(answer, Err(Error::Wire(client::Error::Transport { unprocessed: false, .. }))));
    assert_eq!(first[..CONSTANT], second[..CONSTANT]);
    assert_ne!(first[first.len() - 64..], second[second.len() - 64..]);

    let posting = connector.request(Method::POST, "/items").body("once");
    let (answer, _) = tokio::join!(posting.send(), swallow(&listener));
    assert!(matches!(answer, Err(Error::OutcomeUnknown)), "{:?}", answer.map(|answer| answer.status()));
    // The caller knows better.
    let request = http::Request::post("/items").extension(ReplaySafe).body(body::full("again")).unwrap();
    let (answer, _) = tokio::join!(connector.clone().oneshot(request), async {
        (swallow(&listener).await, swallow(&listener).await)
    });
    assert!(answer.is_err());
    assert_eq!(connector.status().resent, 2);
}

// HH-39: where nothing was sent, the request was certainly not processed: any is tried once more.
#[tokio::test]
async fn what_was_never_sent_is_tried_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let connector = connector(&listener);
    drop(listener);
    let answer = within("an error", connector.request(Method::POST, "/items").body("x").send()).await;
    assert!(matches!(answer, Err(Error::Wire(client::Error::Transport { unprocessed: true, .. }))));
    let status = connector.status();
    assert_eq!((status.requests, status.failed, status.resent), (1, 1, 1));
}
