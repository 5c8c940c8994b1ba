//! The service: an ordinary one of tonic's, and messages that are text, so that nothing has to be generated.

use bytes::{Buf, BufMut};
use futures_util::{Stream, StreamExt, stream};
use http::{Request, Response};
use std::{
    convert::Infallible,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex},
};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};
use tonic::{
    Code, Status, Streaming,
    body::Body,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    metadata::MetadataMap,
    server::Grpc,
    transport::{Server, server::TcpIncoming},
};
use tower::service_fn;

/// Messages of text. Their framing, and all else, is gRPC's.
#[derive(Clone, Copy)]
pub(super) struct Text;

impl Codec for Text {
    type Encode = String;
    type Decode = String;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Text {
    type Item = String;
    type Error = Status;

    fn encode(&mut self, item: String, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        to.put_slice(item.as_bytes());
        Ok(())
    }
}

impl Decoder for Text {
    type Item = String;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<String>, Status> {
        let bytes = from.copy_to_bytes(from.remaining()).to_vec();
        String::from_utf8(bytes).map(Some).map_err(|_| Status::data_loss("not text"))
    }
}

type Messages = Pin<Box<dyn Stream<Item = Result<String, Status>> + Send>>;
type Answer<T> = Result<tonic::Response<T>, Status>;

/// A running service.
pub(super) struct Service {
    pub(super) address: SocketAddr,
    log: Arc<Log>,
    server: JoinHandle<()>,
}

struct Log {
    calls: Mutex<Vec<http::request::Parts>>,
    /// calls that wait for ever, and those of them whose caller has gone
    waiting: watch::Sender<(usize, usize)>,
}

impl Service {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let log = Arc::new(Log { calls: Mutex::default(), waiting: watch::Sender::new((0, 0)) });
        let kept = log.clone();
        let service = service_fn(move |request: Request<Body>| {
            let log = kept.clone();
            async move { Ok::<_, Infallible>(call(request, &log).await) }
        });
        let serving = Server::builder().serve_with_incoming(service, TcpIncoming::from(listener));
        let server = tokio::spawn(async move { serving.await.unwrap() });
        Self { address, log, server }
    }

    /// The calls that arrived, in order.
    pub(super) fn calls(&self) -> Vec<http::request::Parts> {
        self.log.calls.lock().unwrap().clone()
    }

    /// Waits until `holds` says yes to the number of calls that wait, and of those whose caller has gone.
    pub(super) async fn until(&self, what: &str, mut holds: impl FnMut(usize, usize) -> bool) {
        let mut waiting = self.log.waiting.subscribe();
        sealwire_tests::within(what, waiting.wait_for(|&(all, gone)| holds(all, gone))).await.unwrap();
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn call(request: Request<Body>, log: &Arc<Log>) -> Response<Body> {
    let (parts, content) = request.into_parts();
    log.calls.lock().unwrap().push(parts.clone());
    let path = parts.uri.path().to_owned();
    let request = Request::from_parts(parts, content);
    let mut grpc = Grpc::new(Text);
    match path.as_str() {
        "/test.Echo/Say" => grpc.unary(service_fn(say), request).await,
        "/test.Echo/Join" => grpc.client_streaming(service_fn(join), request).await,
        "/test.Echo/Count" => grpc.server_streaming(service_fn(count), request).await,
        "/test.Echo/Talk" => grpc.streaming(service_fn(talk), request).await,
        "/test.Echo/Fail" => grpc.unary(service_fn(fail), request).await,
        "/test.Echo/FailLate" => grpc.server_streaming(service_fn(fail_late), request).await,
        "/test.Echo/Wait" => {
            let log = log.clone();
            grpc.server_streaming(service_fn(move |_| wait(log.clone())), request).await
        }
        _ => Status::unimplemented("no such method").into_http(),
    }
}

/// Says it again, and the metadata too.
async fn say(request: tonic::Request<String>) -> Answer<String> {
    let mine = request.metadata().get("x-mine").cloned();
    let binary = request.metadata().get_bin("x-raw-bin").cloned();
    let mut answer = tonic::Response::new(request.into_inner());
    if let Some(mine) = mine {
        answer.metadata_mut().insert("x-mine", mine);
    }
    if let Some(binary) = binary {
        answer.metadata_mut().insert_bin("x-raw-bin", binary);
    }
    Ok(answer)
}

async fn join(request: tonic::Request<Streaming<String>>) -> Answer<String> {
    let mut messages = request.into_inner();
    let mut all = Vec::new();
    while let Some(message) = messages.message().await? {
        all.push(message);
    }
    Ok(tonic::Response::new(all.join(" ")))
}

async fn count(request: tonic::Request<String>) -> Answer<Messages> {
    let to: u32 = request.into_inner().parse().map_err(|_| Status::invalid_argument("no number"))?;
    Ok(tonic::Response::new(stream::iter(0..to).map(|number| Ok(number.to_string())).boxed()))
}

async fn talk(request: tonic::Request<Streaming<String>>) -> Answer<Messages> {
    Ok(tonic::Response::new(request.into_inner().boxed()))
}

fn failure() -> Status {
    let mut metadata = MetadataMap::new();
    metadata.insert("x-why", "because".parse().unwrap());
    Status::with_details_and_metadata(Code::NotFound, "keine Ärztin", b"\0\xff"[..].into(), metadata)
}

async fn fail(_: tonic::Request<String>) -> Answer<String> {
    Err(failure())
}

async fn fail_late(_: tonic::Request<String>) -> Answer<Messages> {
    let messages = [Ok("one".to_owned()), Ok("two".to_owned()), Err(failure())];
    Ok(tonic::Response::new(stream::iter(messages).boxed()))
}

/// Says one thing, and nothing more.
async fn wait(log: Arc<Log>) -> Answer<Messages> {
    struct Gone(Arc<Log>);
    impl Drop for Gone {
        fn drop(&mut self) {
            self.0.waiting.send_modify(|(_, gone)| *gone += 1);
        }
    }
    log.waiting.send_modify(|(all, _)| *all += 1);
    let gone = Gone(log);
    let for_ever = stream::once(std::future::pending()).map(move |never: Result<String, Status>| {
        let _ = &gone;
        never
    });
    Ok(tonic::Response::new(stream::iter([Ok("wait".to_owned())]).chain(for_ever).boxed()))
}
