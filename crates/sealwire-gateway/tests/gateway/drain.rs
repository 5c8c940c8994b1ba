//! The end of a gateway.

use crate::support::{ByHand, NAME, plain, rest, send, start, until};
use std::time::Duration;
use tokio::{io::AsyncWriteExt, net::TcpStream};

fn get_head() -> String {
    format!("GET / HTTP/1.1\r\nhost: {NAME}\r\n\r\n")
}

#[tokio::test]
async fn an_open_exchange_may_finish() {
    let upstream = ByHand::new().await;
    let gateway = start(plain(upstream.address())).await;
    let address = gateway.address();
    let mut caller = send(address, get_head()).await;
    let mut idle = TcpStream::connect(address).await.unwrap();
    let (mut arrived, _) = upstream.accept_request().await;
    let stopping = tokio::spawn(gateway.shutdown());
    assert_eq!(rest(&mut idle).await, "");
    TcpStream::connect(address).await.unwrap_err();
    arrived.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\nto ").await.unwrap();
    until(&mut caller, "to ").await;
    arrived.write_all(b"the ").await.unwrap();
    until(&mut caller, "the ").await;
    assert!(!stopping.is_finished());
    arrived.write_all(b"e").await.unwrap();
    assert_eq!(rest(&mut caller).await, "e");
    stopping.await.unwrap();
}

#[tokio::test]
async fn what_does_not_finish_is_cut() {
    let upstream = ByHand::new().await;
    let mut config = plain(upstream.address());
    config.limits.drain_time = Duration::from_millis(20);
    let gateway = start(config).await;
    let mut caller = send(gateway.address(), get_head()).await;
    let (mut arrived, _) = upstream.accept_request().await;
    gateway.shutdown().await;
    assert_eq!(rest(&mut caller).await, "");
    assert_eq!(rest(&mut arrived).await, "");
}

#[tokio::test]
async fn dropping_a_gateway_stops_it() {
    let upstream = ByHand::new().await;
    let gateway = start(plain(upstream.address())).await;
    let mut caller = send(gateway.address(), get_head()).await;
    upstream.accept_request().await;
    drop(gateway);
    assert_eq!(rest(&mut caller).await, "");
}
