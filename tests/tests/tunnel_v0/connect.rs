//! Local programs by the proxy: plain HTTP and WebSockets here, version 0 of the tunnel beyond.

use super::{client::settings, stage};
use futures_util::{SinkExt, StreamExt};
use sealwire::connect::{self, ConnectSettings, Running};
use sealwire_client::ra_tunnel::Connector;
use sealwire_tests::{
    Stage,
    raw::{Answer, Raw, request},
    tee::PolicyText,
    within,
};
use std::net::SocketAddr;
use tokio::net::TcpStream;
use tokio_tungstenite::{client_async, tungstenite::Message};

async fn proxy(stage: &Stage) -> Running<Connector> {
    let client = settings(stage.address(), PolicyText::default().policy());
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    within("a proxy", connect::start_tunnel_v0(ConnectSettings::new(client, listen))).await.unwrap()
}

/// A request by the name of the address itself.
async fn ask(address: SocketAddr, head: String, content: &[u8]) -> Answer {
    let head = head.replace("outside.example", &address.to_string());
    let mut raw = Raw::connect(address).await;
    raw.send(head).await.send(content).await.answer().await
}

// TU-36, TU-38
#[tokio::test]
async fn local_programs_use_the_tunnel() {
    let stage = stage().await;
    let proxy = proxy(&stage).await;
    let answer = ask(proxy.address(), request("GET", "/text", &[]), b"").await;
    assert_eq!((answer.status, answer.text().as_str()), (200, "hello"));
    let stream = TcpStream::connect(proxy.address()).await.unwrap();
    let url = format!("ws://{}/socket", proxy.address());
    let (mut socket, _) = within("an upgrade", client_async(url, stream)).await.unwrap();
    for message in [Message::text("hello"), Message::binary(&b"\x00\x80\xff"[..])] {
        socket.send(message.clone()).await.unwrap();
        assert_eq!(within("an echo", socket.next()).await.unwrap().unwrap(), message);
    }
    socket.close(None).await.unwrap();
    let answer = ask(proxy.status_address(), request("GET", "/status.json", &[]), b"").await;
    let status: serde_json::Value = serde_json::from_slice(&answer.content).unwrap();
    assert_eq!(
        (status["state"].as_str(), status["wire"]["name"].as_str()),
        (Some("attested"), Some("tunnel-v0"))
    );
    let digest = format!("sha384:{}", hex::encode(stage.gateway.config_digest()));
    assert_eq!(status["wire"]["config-digest"], digest);
    assert_eq!(ask(proxy.status_address(), request("GET", "/", &[]), b"").await.status, 200);
    within("the end", proxy.shutdown()).await;
}

// TU-30: what cannot be carried is said so, with the way that carries it.
#[tokio::test]
async fn what_cannot_be_carried_is_said_so() {
    let stage = stage().await;
    let proxy = proxy(&stage).await;
    let head = request("POST", "/echo", &[("content-length", "3")]);
    let answer = ask(proxy.address(), head, b"\x00\x80\xff").await;
    assert_eq!(answer.status, 501);
    assert!(answer.text().contains("--wire tunnel"), "{}", answer.text());
    assert_eq!(stage.app.counts().reached, 0);
}
