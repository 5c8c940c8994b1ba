//! What is asked for outside: forms of the upgrade, and openings that open nothing.

use super::*;
use sealwire_tests::raw::request;

// SE-37: each wrong form has its answer, and none of them opens anything.
#[tokio::test]
async fn wrong_forms_are_told() {
    let stage = Stage::before(app().await, |_| {}).await;
    let session = handshake(&stage).await;
    let id = base_id(&session.id);
    let chosen = "\r\nsec-websocket-protocol: sealwire.v1";
    let without = |field: &str| {
        let fields = format!("{UPGRADE}{chosen}");
        let kept = fields.split("\r\n").filter(|line| !line.is_empty() && !line.starts_with(field));
        kept.map(|line| format!("\r\n{line}")).collect::<String>()
    };
    for (fields, status) in [
        (String::new(), 426),
        (UPGRADE.to_owned(), 400),
        (format!("{UPGRADE}\r\nsec-websocket-protocol: chat, sealwire.v2"), 400),
        (without("connection"), 426),
        (without("upgrade"), 426),
        (without("sec-websocket-version"), 426),
        (without("sec-websocket-key"), 400),
        (format!("{UPGRADE}{chosen}\r\ncontent-length: 5"), 400),
    ] {
        let (_, head) = asked(stage.address(), &id, &fields).await;
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{fields:?}: {head}");
        assert_eq!(head.contains("sec-websocket-version: 13"), status == 426, "{head}");
    }
    let post = stage.connect().await.send(request("POST", channel::PATH, &[])).await.answer().await;
    assert_eq!((post.status, post.field("allow")), (405, "GET, CONNECT"));
}

/// The status with which the gateway ended the WebSocket of an opening.
pub(super) async fn closed_with(stream: TcpStream, opening: Vec<u8>) -> u16 {
    let mut socket = WebSocketStream::from_raw_socket(stream, Role::Client, None).await;
    socket.send(Message::binary(opening)).await.unwrap();
    match within("a close", socket.next()).await {
        Some(Ok(Message::Close(Some(frame)))) => frame.code.into(),
        other => panic!("{other:?}"),
    }
}

// SE-72, SE-30, SE-43: an id alone opens nothing, a repetition opens nothing, and all of it looks the same.
#[tokio::test]
async fn an_id_alone_opens_nothing() {
    let stage = Stage::before(app().await, |_| {}).await;
    let (session, other) = (handshake(&stage).await, handshake(&stage).await);
    let address = stage.address();
    let opening = |number| session.secrets.open_channel(&session.id, number, &OsRandom).unwrap().0;
    let mut forged = opening(1);
    forged.mac[0] ^= 1;
    assert_eq!(closed_with(upgraded(address, &session).await, forged.encode()).await, 4409);
    let theirs = sealwire_http::session::message::ChannelOpen { session: other.id, ..opening(1) };
    assert_eq!(closed_with(upgraded(address, &session).await, theirs.encode()).await, 4409);
    let unknown = sealwire_http::session::message::ChannelOpen { session: [9; 32], ..opening(1) };
    assert_eq!(closed_with(upgraded(address, &session).await, unknown.encode()).await, 4409);
    assert_eq!(closed_with(upgraded(address, &session).await, b"not an opening".to_vec()).await, 1002);

    // The same opening a second time, after the first has opened a channel.
    let first = opening(2);
    let mut socket =
        WebSocketStream::from_raw_socket(upgraded(address, &session).await, Role::Client, None).await;
    socket.send(Message::binary(first.encode())).await.unwrap();
    assert!(matches!(within("an answer", socket.next()).await, Some(Ok(Message::Binary(_)))));
    assert_eq!(closed_with(upgraded(address, &session).await, first.encode()).await, 4409);
    assert!(matches!(try_open(address, &session, 2).await.map(drop), Err(channel::Error::Unknown)));
    // The hint on the upgrade is not what is believed.
    let (hinted, settings) = (upgraded(address, &other).await, Settings::default());
    let opened = sealwire_http::client::channel::connect(
        hinted,
        &session.id,
        &session.secrets,
        3,
        &settings,
        &OsRandom,
    );
    assert!(within("a channel", opened).await.is_ok());
    assert_eq!(stage.app.counts().reached, 0);
}

/// A connection of HTTP/2 that takes extended CONNECT.
struct Outer {
    sender: hyper::client::conn::http2::SendRequest<Body>,
    connection: JoinHandle<()>,
}

impl Outer {
    async fn to(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        let executor = hyper_util::rt::TokioExecutor::new();
        let handshake = hyper::client::conn::http2::handshake(executor, TokioIo::new(stream));
        let (sender, connection) = handshake.await.unwrap();
        let (enabled, is_enabled) = tokio::sync::oneshot::channel();
        let connection = tokio::spawn(async move {
            let (mut connection, mut enabled) = (Box::pin(connection), Some(enabled));
            let _ = std::future::poll_fn(|cx| {
                let polled = connection.as_mut().poll(cx);
                // Before the server's settings have come there is no extended CONNECT.
                if !connection.is_extended_connect_protocol_enabled() {
                    cx.waker().wake_by_ref();
                } else if let Some(enabled) = enabled.take() {
                    let _ = enabled.send(());
                }
                polled
            })
            .await;
        });
        within("the server's settings", is_enabled).await.unwrap();
        Self { sender, connection }
    }

    async fn ask(&mut self, session: &Established) -> http::Response<hyper::body::Incoming> {
        let request = http::Request::builder()
            .method(Method::CONNECT)
            .uri(format!("http://{AUTHORITY}{}", channel::PATH))
            .extension(Protocol::from_static("websocket"))
            .header("sec-websocket-version", "13")
            .header("sec-websocket-protocol", channel::SUBPROTOCOL)
            .header("attest-base-id", base_id(&session.id))
            .body(body::empty());
        within("an answer", self.sender.send_request(request.unwrap())).await.unwrap()
    }
}

impl Drop for Outer {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

async fn opened(answer: &mut http::Response<hyper::body::Incoming>, session: Established) -> Open {
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["sec-websocket-protocol"], channel::SUBPROTOCOL);
    let io = TokioIo::new(hyper::upgrade::on(answer).await.unwrap());
    let settings = Settings::default();
    let opening =
        sealwire_http::client::channel::connect(io, &session.id, &session.secrets, 0, &settings, &OsRandom);
    let (channel, connection) = within("a channel", opening).await.unwrap();
    Open { session, channel, connection: tokio::spawn(connection) }
}

// SE-37, TU-68: the upgrade of HTTP/2.
#[tokio::test]
async fn a_channel_over_http2() {
    let stage = Stage::before(app().await, |_| {}).await;
    let session = handshake(&stage).await;
    let mut outer = Outer::to(stage.address()).await;
    let open = opened(&mut outer.ask(&session).await, session).await;
    assert_eq!(open.post("over HTTP/2").await.1, "over HTTP/2");
    let mut socket = open.socket().await;
    socket.send(Message::text("hello")).await.unwrap();
    assert_eq!(next(&mut socket).await, Message::text("hello"));
    drop(socket);
    assert!(open.ended().await.is_ok());
}

// SE-38: so many channels at once, over however many connections, and then 503.
#[tokio::test]
async fn there_is_a_limit() {
    let stage = Stage::before(app().await, |config| config.limits.connections = 1).await;
    let session = handshake(&stage).await;
    let mut outer = Outer::to(stage.address()).await;
    let mut answer = outer.ask(&session).await;
    let open = opened(&mut answer, session).await;
    let full = outer.ask(&open.session).await;
    assert_eq!(
        (full.status(), &full.headers()["retry-after"]),
        (StatusCode::SERVICE_UNAVAILABLE, &"1".parse().unwrap())
    );
    assert_eq!(open.post("the one").await.1, "the one");
}
