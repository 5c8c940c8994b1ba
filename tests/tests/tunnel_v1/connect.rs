//! Programs that know nothing of it: `sealwire connect --wire tunnel`.

use super::*;
use futures_util::SinkExt;
use sealwire::connect::{self, ConnectSettings};
use sealwire_tests::chain::{Plain, loopback};
use tokio::net::TcpStream;
use tokio_tungstenite::{client_async, tungstenite::client::IntoClientRequest};

// TU-68: plain HTTP and WebSockets of local programs, over one WebSocket beyond.
#[tokio::test]
async fn programs_need_not_know() {
    let stage = Stage::before(app().await, |_| {}).await;
    let narrow = Narrow::before(stage.address()).await;
    let settings = ConnectSettings::new(settings(&narrow), loopback());
    let proxy = within("the local proxy", connect::start(settings)).await.unwrap();
    let plain = Plain::new(proxy.address());
    assert_eq!(plain.post("/", "a plain program").await, (200, "a plain program".into()));
    let (status, events) = plain.get("/events").await;
    assert_eq!((status, &events[..]), (200, &b"data: one\n\ndata: two\n\ndata: three\n\n"[..]));

    let request = format!("ws://{}/socket", proxy.address()).into_client_request().unwrap();
    let tcp = TcpStream::connect(proxy.address()).await.unwrap();
    let (mut socket, _) = within("a WebSocket", client_async(request, tcp)).await.unwrap();
    for message in [Message::text("hello"), Message::binary(vec![0xab; 300_000])] {
        socket.send(message.clone()).await.unwrap();
        assert_eq!(within("a message", socket.next()).await.unwrap().unwrap(), message);
    }
    let (status, page) = Plain::new(proxy.status_address()).get("/status.json").await;
    let page: serde_json::Value = serde_json::from_slice(&page).unwrap();
    assert_eq!((status, &page["wire"]["name"]), (200, &"tunnel".into()));
    assert_eq!((&page["channel"]["open"], &page["channel"]["websockets"]), (&1.into(), &1.into()));
    socket.close(None).await.unwrap();
    while let Some(Ok(_)) = within("the end", socket.next()).await {}
    assert_eq!((narrow.opened(), narrow.refused()), (1, 0));
    within("the end of the proxy", proxy.shutdown()).await;
    assert_eq!(narrow.refused(), 0);
}
