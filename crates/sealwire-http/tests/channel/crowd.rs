//! Many channels, in each of them everything at once, on several threads.

use crate::ends::{AUTHORITY, http};
use futures_util::future::join_all;
use http::{Method, Request, Response};
use http_body_util::BodyExt;
use hyper::ext::Protocol;
use hyper_util::rt::TokioIo;
use sealwire_http::{Body, body, client::channel::Channel};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tower::Service;

/// Gives back what it gets, be it content or the bytes of a tunnel.
async fn echo(mut request: Request<Body>) -> Response<Body> {
    if request.method() != Method::CONNECT {
        return Response::new(request.into_body());
    }
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let (mut read, mut write) = tokio::io::split(TokioIo::new(upgrade.await.unwrap()));
        // The other side's end, however it comes, is the end.
        let _ = tokio::io::copy(&mut read, &mut write).await;
    });
    Response::new(body::empty())
}

async fn ask(mut channel: Channel, number: usize) {
    let content = vec![u8::try_from(number % 256).unwrap(); number * 997 % 200_000];
    let request = Request::post(format!("https://{AUTHORITY}/")).body(body::full(content.clone())).unwrap();
    let answer = channel.call(request).await.unwrap();
    if number.is_multiple_of(5) {
        // Nobody is interested in the rest.
        drop(answer);
        return;
    }
    assert!(answer.into_body().collect().await.unwrap().to_bytes() == content);
}

async fn talk(mut channel: Channel, number: usize) {
    let request = Request::connect(format!("https://{AUTHORITY}/"))
        .extension(Protocol::from_static("websocket"))
        .body(body::empty())
        .unwrap();
    let mut answer = channel.call(request).await.unwrap();
    let mut io = TokioIo::new(hyper::upgrade::on(&mut answer).await.unwrap());
    for round in 1..20 {
        let message = vec![u8::try_from(round).unwrap(); (number + 1) * round * 131];
        let mut back = vec![0; message.len()];
        let (mut read, mut write) = tokio::io::split(&mut io);
        let (sent, received) = tokio::join!(
            async {
                write.write_all(&message).await?;
                write.flush().await
            },
            read.read_exact(&mut back),
        );
        sent.unwrap();
        received.unwrap();
        assert!(back == message);
    }
}

// SE-37, SE-71
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_channels_at_once() {
    let channels = (0..8).map(|_| async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (a, b) = tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
        let carried = http(a.unwrap(), b.unwrap().0, echo).await;
        let asking = (0..60).map(|number| tokio::spawn(ask(carried.channel.clone(), number)));
        let talking = (0..10).map(|number| tokio::spawn(talk(carried.channel.clone(), number)));
        for done in join_all(asking.chain(talking)).await {
            done.unwrap();
        }
        drop(carried.channel);
        carried.connection.await.unwrap().unwrap();
        carried.server.await.unwrap().unwrap();
    });
    join_all(channels).await;
}
