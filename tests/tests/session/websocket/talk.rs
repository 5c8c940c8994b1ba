//! What is said in a WebSocket.

use super::{App, Client, Whole, asking, open, try_open};
use futures_util::{SinkExt, StreamExt, future::join_all};
use http::{Method, Version};
use hyper::ext::Protocol;
use hyper_util::rt::{TokioExecutor, TokioIo};
use sealwire::connect::ConnectSettings;
use sealwire_gateway::config::Tls;
use sealwire_http::body;
use sealwire_tests::{tap::Tap, until, within};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Message,
        protocol::{CloseFrame, Role, WebSocketConfig, frame::coding::CloseCode},
    },
};

const SECRET: &str = "Ada Lovelace";

async fn hears(client: &mut Client, said: Message) {
    client.send(said.clone()).await.unwrap();
    assert!(within("an echo", client.next()).await.unwrap().unwrap() == said);
}

// SE-37: messages of both kinds, long ones too, and pings; outside nothing of it shows.
#[tokio::test]
async fn everything_that_is_said_arrives_and_nothing_shows() {
    let app = App::start().await;
    let whole = Whole::through_tap(app.address).await;
    let tap: &Tap = whole.tap.as_ref().unwrap();
    let mut client = open(&whole, "/echo").await;
    hears(&mut client, Message::text(SECRET)).await;
    hears(&mut client, Message::binary(b"\0\x01\xff".to_vec())).await;
    hears(&mut client, Message::text("")).await;
    hears(&mut client, Message::binary(vec![7; 1 << 20])).await;
    hears(&mut client, Message::text("é".repeat(1 << 19))).await;
    client.send(Message::Ping(b"there?".to_vec().into())).await.unwrap();
    let pong = within("a pong", client.next()).await.unwrap().unwrap();
    assert_eq!(pong, Message::Pong(b"there?".to_vec().into()));
    for seen in [SECRET, "/echo"] {
        assert!(!tap.saw(seen.as_bytes()), "{seen}");
    }
    assert!(tap.saw(b"sec-websocket-protocol: sealwire.v1"), "the tap saw nothing at all");
    let seen = app.openings();
    assert_eq!(seen[0].uri(), "/echo");
    assert!(seen[0].headers().keys().all(|name| !name.as_str().starts_with("attest-")));
}

// SE-37: the reason for which one side closes reaches the other, both ways.
#[tokio::test]
async fn closes_arrive_as_they_were_said() {
    let app = App::start().await;
    let whole = Whole::start(app.address).await;
    let mut client = open(&whole, "/echo").await;
    let frame = CloseFrame { code: CloseCode::from(4321), reason: "the client's".into() };
    client.close(Some(frame.clone())).await.unwrap();
    assert_eq!(within("a close", client.next()).await.unwrap().unwrap(), Message::Close(Some(frame.clone())));
    assert!(within("the end", client.next()).await.is_none());
    assert_eq!(app.closes(), [Some(frame)]);

    let mut client = open(&whole, "/close").await;
    client.send(Message::text("go")).await.unwrap();
    let frame = CloseFrame { code: CloseCode::from(4001), reason: "the application's".into() };
    assert_eq!(within("a close", client.next()).await.unwrap().unwrap(), Message::Close(Some(frame)));
    assert!(within("the end", client.next()).await.is_none());
}

// SE-37: an application that goes away without a word has done so for its client too.
#[tokio::test]
async fn what_breaks_off_is_seen_to() {
    let app = App::start().await;
    let whole = Whole::start(app.address).await;
    let mut client = open(&whole, "/break").await;
    client.send(Message::text("go")).await.unwrap();
    let end = within("the end", client.next()).await;
    assert!(!matches!(end, Some(Ok(_))), "{end:?}");
    // The channel is none the worse for it.
    hears(&mut open(&whole, "/echo").await, Message::text("still there")).await;
    assert_eq!(whole.connect.status().counts.channels, 1);
}

// SE-37, TU-67: frames, and how messages are cut into them, are the two ends' alone.
#[tokio::test]
async fn bytes_are_carried_as_they_are() {
    let app = App::start().await;
    let whole = Whole::start(app.address).await;
    let mut tcp = open(&whole, "/bytes").await.into_inner();
    // Two fragments of a text, a ping between them, all masked; reserved bits that nobody has agreed on.
    let frames = [
        &[0x01, 0x82, 1, 2, 3, 4, b'a' ^ 1, b'b' ^ 2][..],
        &[0x89, 0x80, 9, 9, 9, 9],
        &[0x80, 0x81, 5, 6, 7, 8, b'c' ^ 5],
        &[0xf2, 0x81, 1, 1, 1, 1, 0],
    ];
    for frame in frames {
        tcp.write_all(frame).await.unwrap();
        let mut back = vec![0; frame.len()];
        within("the bytes", tcp.read_exact(&mut back)).await.unwrap();
        assert_eq!(back, frame);
    }
}

// SE-37: the application sees an ordinary opening, with the fields of its client, and chooses.
#[tokio::test]
async fn the_application_chooses() {
    let app = App::start().await;
    let whole = Whole::start(app.address).await;
    let fields =
        [("sec-websocket-protocol", "chat, superchat"), ("cookie", "a=b"), ("authorization", "Bearer x")];
    let (_, answer) = try_open(&whole, asking(&whole, "/echo?room=7", &fields)).await.unwrap();
    assert_eq!(answer.headers()["sec-websocket-protocol"], "superchat");
    assert_eq!(answer.headers()["x-app"], "here");
    let (_, answer) = try_open(&whole, asking(&whole, "/echo", &[])).await.unwrap();
    assert!(!answer.headers().contains_key("sec-websocket-protocol"));
    let seen = &app.openings()[0];
    assert_eq!(seen.uri(), "/echo?room=7");
    for (name, value) in [("cookie", "a=b"), ("authorization", "Bearer x"), ("sec-websocket-version", "13")] {
        assert_eq!(seen.headers()[name], value);
    }
}

// SE-37: many share one channel.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_share_a_channel() {
    let app = App::start().await;
    let whole = Whole::start(app.address).await;
    let clients = join_all((0..100).map(|_| open(&whole, "/echo"))).await;
    let talking = clients.into_iter().enumerate().map(|(number, mut client)| async move {
        for round in 1..4 {
            hears(&mut client, Message::text(format!("{number} {round}"))).await;
        }
        client
    });
    let clients = join_all(talking).await;
    let counts = whole.connect.status().counts;
    assert_eq!((counts.channels, counts.websockets, counts.failed), (1, 100, 0));
    drop(clients);
}

// SE-37: one that is full is not waited for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_channel_does_not_take_goes_over_another() {
    let app = App::start().await;
    let whole = Whole::start(app.address).await;
    let most = usize::try_from(sealwire_http::channel::Settings::default().streams).unwrap();
    let mut clients = join_all((0..=most).map(|_| open(&whole, "/echo"))).await;
    hears(clients.last_mut().unwrap(), Message::text(SECRET)).await;
    assert_eq!(whole.connect.status().channels_open, 2);
    drop(clients);
    until("their end", || async { whole.status_json().await["channel"]["websockets"] == 0 }).await;
    // Their places are free again.
    hears(&mut open(&whole, "/echo").await, Message::text(SECRET)).await;
    assert_eq!(whole.connect.status().counts.channels, 2);
}

// SE-37, RFC 8441: programs that speak HTTP/2 to the local port open theirs by extended CONNECT.
#[tokio::test]
async fn a_program_may_speak_http_2() {
    let app = App::start().await;
    let whole = Whole::start(app.address).await;
    let tcp = TcpStream::connect(whole.connect.address()).await.unwrap();
    let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(tcp));
    let (mut requests, connection) = handshake.await.unwrap();
    let connection = tokio::spawn(connection);
    // The server's settings say whether it may be done, and come with the first answer at the latest.
    let base = format!("http://{}", whole.connect.address());
    let refused = http::Request::get(format!("{base}/refuse")).body(body::empty()).unwrap();
    within("an answer", requests.send_request(refused)).await.unwrap();
    let request = http::Request::builder()
        .method(Method::CONNECT)
        .version(Version::HTTP_2)
        .uri(format!("{base}/echo"))
        .header("sec-websocket-version", "13")
        .header("sec-websocket-protocol", "superchat")
        .extension(Protocol::from_static("websocket"))
        .body(body::empty())
        .unwrap();
    let mut answer = within("an answer", requests.send_request(request)).await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["sec-websocket-protocol"]),
        (200, &"superchat".parse().unwrap())
    );
    let io = TokioIo::new(hyper::upgrade::on(&mut answer).await.unwrap());
    let mut client = WebSocketStream::from_raw_socket(io, Role::Client, None).await;
    client.send(Message::text(SECRET)).await.unwrap();
    assert_eq!(within("an echo", client.next()).await.unwrap().unwrap(), Message::text(SECRET));
    drop((client, requests));
    let _ = within("the end", connection).await;
}

// SE-51: outer TLS is under the channel as it is under requests.
#[tokio::test]
async fn a_channel_goes_over_tls() {
    let app = App::start().await;
    let folder = tempfile::tempdir().unwrap();
    let leg = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let (certificate, key) = (folder.path().join("certificate.pem"), folder.path().join("key.pem"));
    std::fs::write(&certificate, leg.cert.pem()).unwrap();
    std::fs::write(&key, leg.signing_key.serialize_pem()).unwrap();
    let tls = Tls { certificate, key };
    let over = |settings: &mut ConnectSettings| {
        let gateway = settings.client.to.authority().unwrap();
        settings.client.to = format!("https://{gateway}").parse().unwrap();
        settings.client.tls_roots = vec![leg.cert.der().to_vec()];
    };
    let whole = Whole::with(app.address, |config| config.tls = Some(tls), over).await;
    hears(&mut open(&whole, "/echo").await, Message::text(SECRET)).await;
    assert_eq!(whole.connect.status().counts.channels, 1);
}

// SE-37: a library's user needs no local port.
#[tokio::test]
async fn a_connector_opens_one_itself() {
    let app = App::start().await;
    let whole = Whole::start(app.address).await;
    let opening = whole.connect.connector().websocket("/echo").protocol("superchat").header("x-mine", "1");
    let opening = opening.config(WebSocketConfig::default());
    let (mut socket, answer) = within("a WebSocket", opening.open()).await.unwrap();
    assert_eq!(answer.headers()["sec-websocket-protocol"], "superchat");
    assert_eq!(app.openings()[0].headers()["x-mine"], "1");
    socket.send(Message::text(SECRET)).await.unwrap();
    assert_eq!(within("an echo", socket.next()).await.unwrap().unwrap(), Message::text(SECRET));
    let refused = within("a refusal", whole.connect.connector().websocket("/refuse").open()).await;
    assert!(matches!(refused, Err(sealwire_client::Error::NoWebSocket(status)) if status == 403));
}

// What the status page says of it.
#[tokio::test]
async fn the_status_page_counts_what_is_open() {
    let app = App::start().await;
    let whole = Whole::start(app.address).await;
    assert_eq!(whole.status_json().await["channel"], serde_json::json!({ "open": 0, "websockets": 0 }));
    let client = open(&whole, "/echo").await;
    let status = whole.status_json().await;
    assert_eq!(status["channel"], serde_json::json!({ "open": 1, "websockets": 1 }));
    assert_eq!((&status["counts"]["channels"], &status["counts"]["websockets"]), (&1.into(), &1.into()));
    drop(client);
    until("its end", || async { whole.status_json().await["channel"]["websockets"] == 0 }).await;
}
