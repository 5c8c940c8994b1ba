//! Applications that speak HTTP/2 alone, as those of gRPC do: behind a channel, and behind the rest.

use super::{
    super::{connect, send, whole},
    *,
};
use bytes::Bytes;
use http::HeaderMap;
use http_body::Frame;
use http_body_util::{StreamBody, combinators::UnsyncBoxBody};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::TokioExecutor;
use sealwire_http::BoxError;
use sealwire_tests::until;
use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
};
use tokio::{
    net::TcpListener,
    sync::{mpsc, watch},
};

type Content = UnsyncBoxBody<Bytes, BoxError>;

/// What the application has seen.
#[derive(Default)]
struct Seen {
    heads: Mutex<Vec<http::request::Parts>>,
    trailers: Mutex<Option<HeaderMap>>,
    /// exchanges and connections that are open
    open: watch::Sender<(usize, usize)>,
    /// closes the connections
    closing: tokio::sync::Notify,
}

/// Counts an exchange until it is dropped.
struct Exchange(Arc<Seen>);

impl Exchange {
    fn new(seen: &Arc<Seen>) -> Self {
        seen.open.send_modify(|(open, _)| *open += 1);
        Self(Arc::clone(seen))
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.0.open.send_modify(|(open, _)| *open -= 1);
    }
}

/// Speaks HTTP/2 with prior knowledge, and nothing else; echoes as it comes, with trailers of both sides.
struct Grpc {
    url: String,
    seen: Arc<Seen>,
    server: JoinHandle<()>,
}

impl Grpc {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::<Seen>::default();
        let server = tokio::spawn({
            let seen = seen.clone();
            async move {
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    seen.open.send_modify(|(_, connections)| *connections += 1);
                    let seen = seen.clone();
                    tokio::spawn(async move {
                        let service = service_fn(|request| answer(seen.clone(), request));
                        let connection = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                            .serve_connection(TokioIo::new(stream), service);
                        tokio::select! {
                            _ = connection => {}
                            () = seen.closing.notified() => {}
                        }
                        seen.open.send_modify(|(_, connections)| *connections -= 1);
                    });
                }
            }
        });
        Self { url, seen, server }
    }

    async fn stage(&self) -> Stage {
        let url = self.url.clone();
        Stage::with(|config| {
            config.routes[0].upstream = url;
            config.routes[0].upstream_http2 = true;
            // What would end a silent request over another wire.
            config.limits.idle_time = std::time::Duration::from_millis(200);
        })
        .await
    }
}

impl Drop for Grpc {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn answer(
    seen: Arc<Seen>,
    request: http::Request<Incoming>,
) -> Result<http::Response<Content>, Infallible> {
    let exchange = Exchange::new(&seen);
    let (head, mut content) = request.into_parts();
    let no_content = head.uri.path() == "/refused";
    seen.heads.lock().unwrap().push(head);
    let (sender, mut receiver) = mpsc::channel::<Frame<Bytes>>(1);
    tokio::spawn(async move {
        let _exchange = exchange;
        while let Some(frame) = content.frame().await {
            // Who has cancelled gets no status.
            let Ok(frame) = frame else { return };
            if let Some(trailers) = frame.trailers_ref() {
                *seen.trailers.lock().unwrap() = Some(trailers.clone());
            } else if sender.send(frame).await.is_err() {
                return;
            }
        }
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", "0".parse().unwrap());
        let _ = sender.send(Frame::trailers(trailers)).await;
    });
    let frames = futures_util::stream::poll_fn(move |cx| {
        receiver.poll_recv(cx).map(|frame| frame.map(Ok::<_, BoxError>))
    });
    let mut response = http::Response::new(StreamBody::new(frames).boxed_unsync());
    response.headers_mut().insert("content-type", "application/grpc".parse().unwrap());
    if no_content {
        // Trailers-only, as a refused call is answered.
        response.headers_mut().insert("grpc-status", "7".parse().unwrap());
        *response.body_mut() = http_body_util::Empty::new().map_err(|never| match never {}).boxed_unsync();
    }
    Ok(response)
}

type Sender = mpsc::Sender<Frame<Bytes>>;

fn call(path: &str) -> (Sender, http::Request<Body>) {
    let (sender, mut receiver) = mpsc::channel::<Frame<Bytes>>(1);
    let frames = futures_util::stream::poll_fn(move |cx| {
        receiver.poll_recv(cx).map(|frame| frame.map(Ok::<_, Infallible>))
    });
    let request = http::Request::post(format!("https://{AUTHORITY}{path}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers");
    (sender, request.body(body::boxed(StreamBody::new(frames))).unwrap())
}

// SE-37, TU-64: both directions at once, with silence in between, and trailers of both sides.
#[tokio::test]
async fn calls_go_both_ways_with_trailers() {
    let grpc = Grpc::start().await;
    let stage = grpc.stage().await;
    let open = open(&stage).await;
    let (sender, request) = call("/greeter.Greeter/SayHello");
    let mut answer = open.send(request).await.unwrap();
    assert_eq!(
        (answer.status(), &answer.headers()["content-type"]),
        (StatusCode::OK, &"application/grpc".parse().unwrap())
    );
    for said in ["one", "two"] {
        sender.send(Frame::data(said.into())).await.unwrap();
        let frame = within("a frame", answer.body_mut().frame()).await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), said);
        // Longer than any other wire lets a request pause: here time is what is tested.
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    }
    let mut trailers = HeaderMap::new();
    trailers.insert("x-checksum", "7".parse().unwrap());
    sender.send(Frame::trailers(trailers.clone())).await.unwrap();
    drop(sender);
    let rest = within("the rest", answer.into_body().collect()).await.unwrap();
    assert_eq!(rest.trailers().unwrap()["grpc-status"], "0");
    assert_eq!(grpc.seen.trailers.lock().unwrap().as_ref(), Some(&trailers));
    let heads = grpc.seen.heads.lock().unwrap();
    assert_eq!(heads[0].version, http::Version::HTTP_2);
    assert_eq!(heads[0].uri.authority().unwrap(), AUTHORITY);
    assert_eq!(heads[0].headers["te"], "trailers");
    for field in ["host", "connection", "transfer-encoding"] {
        assert!(!heads[0].headers.contains_key(field), "{field}");
    }
}

// SE-37: who cancels a call cancels it at the application; a call that is refused says so in its head.
#[tokio::test]
async fn cancelling_reaches_the_application() {
    let grpc = Grpc::start().await;
    let stage = grpc.stage().await;
    let open = open(&stage).await;
    let mut exchanges = grpc.seen.open.subscribe();
    let (sender, request) = call("/slow");
    let answer = open.send(request).await.unwrap();
    within("a call", exchanges.wait_for(|(open, _)| *open == 1)).await.unwrap();
    drop((answer, sender));
    within("its end", exchanges.wait_for(|(open, _)| *open == 0)).await.unwrap();
    let (_sender, request) = call("/refused");
    let refused = open.send(request).await.unwrap();
    assert_eq!(refused.headers()["grpc-status"], "7");
    // All over one connection, beside each other.
    let calls: Vec<_> = futures_util::future::join_all((0..50).map(|_| async {
        let (sender, request) = call("/many");
        (sender, open.send(request).await.unwrap())
    }))
    .await;
    assert!(calls.iter().all(|(_, answer)| answer.status() == StatusCode::OK));
    assert_eq!(grpc.seen.open.borrow().1, 1);
}

// SE-31: the upstream's protocol is nobody else's business: requests of a session reach it, too.
#[tokio::test]
async fn other_wires_lead_there_as_well() {
    let grpc = Grpc::start().await;
    let stage = grpc.stage().await;
    let connector = connect(&stage, stage.address()).await;
    let answer = send(&connector, Method::POST, "/", body::full("hidden")).await;
    assert_eq!(whole(answer).await, (StatusCode::OK, b"hidden".to_vec()));
    let heads = grpc.seen.heads.lock().unwrap();
    assert_eq!(
        (heads[0].version, heads[0].uri.authority().unwrap().as_str()),
        (http::Version::HTTP_2, AUTHORITY)
    );
}

// One that closes its connections is connected to anew, with nothing done twice; one that is gone is 502.
#[tokio::test]
async fn a_lost_connection_is_made_again() {
    let grpc = Grpc::start().await;
    let stage = grpc.stage().await;
    let open = open(&stage).await;
    let ask = async || {
        let (_sender, request) = call("/refused");
        open.send(request).await.unwrap().status()
    };
    assert_eq!(ask().await, StatusCode::OK);
    grpc.seen.closing.notify_waiters();
    let mut exchanges = grpc.seen.open.subscribe();
    within("the end of a connection", exchanges.wait_for(|(_, connections)| *connections == 0))
        .await
        .unwrap();
    assert_eq!(ask().await, StatusCode::OK);
    assert_eq!(grpc.seen.heads.lock().unwrap().len(), 2);
    grpc.server.abort();
    grpc.seen.closing.notify_waiters();
    within("the end of a connection", exchanges.wait_for(|(_, connections)| *connections == 0))
        .await
        .unwrap();
    until("the end of the listener", async || TcpStream::connect(&grpc.url[7..]).await.is_err()).await;
    assert_eq!(ask().await, StatusCode::BAD_GATEWAY);
}
