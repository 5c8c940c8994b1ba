//! A channel as a stream of bytes, and what somebody in the middle can do to it.

use crate::ends::Ends;
use futures_util::{FutureExt, SinkExt, StreamExt};
use proptest::prelude::*;
use sealwire_crypto::random::OsRandom;
use sealwire_http::channel::{self, ChannelStream, Fault, Settings};
use sealwire_session::{
    Error,
    channel::{Channel, MAX_DATA, MAX_RECORD, Received},
    message::ChannelOpen,
};
use std::{io, sync::Arc};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    net::{TcpListener, TcpStream},
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Message,
        protocol::{
            CloseFrame, Role,
            frame::{
                Frame,
                coding::{CloseCode, Data, OpCode},
            },
        },
    },
};

async fn loopback() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (client, server) =
        tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
    (client.unwrap(), server.unwrap().0)
}

fn fault(error: &io::Error) -> Fault {
    *error.get_ref().expect("a fault").downcast_ref().expect("a fault")
}

/// A client's end, with a server's of which every message is made by hand.
async fn by_hand() -> (ChannelStream<DuplexStream>, WebSocketStream<DuplexStream>, Channel) {
    let ends = Ends::new();
    let (a, b) = duplex(1 << 20);
    let server = async {
        let mut socket = WebSocketStream::from_raw_socket(b, Role::Server, None).await;
        let Message::Binary(open) = socket.next().await.unwrap().unwrap() else { panic!("an opening") };
        let open = ChannelOpen::decode(&open).unwrap();
        let channel::Verdict::Open(opened, channel, _) = ends.admit(&open) else { panic!("a session") };
        socket.send(Message::Binary(opened.encode().into())).await.unwrap();
        (socket, channel)
    };
    let settings = Settings::default();
    let client = channel::connect(a, ends.id(), ends.client(), ends.number(), &settings, &OsRandom);
    let (client, (socket, channel)) = tokio::join!(client, server);
    (client.unwrap(), socket, channel)
}

fn record(channel: &mut Channel, data: &[u8]) -> Message {
    let mut record = bytes::BytesMut::new();
    channel.sender.seal([data], &mut record).unwrap();
    Message::Binary(record.freeze())
}

/// What a stream fails with, now and from then on, and that nothing can be sent after it.
async fn fails(mut client: ChannelStream<DuplexStream>, with: Fault) {
    let mut buffer = [0; 100];
    for _ in 0..2 {
        let error = client.read(&mut buffer).await.unwrap_err();
        assert_eq!(fault(&error), with);
        let truncated = with == Fault::Record(Error::Truncated);
        assert_eq!(error.kind() == io::ErrorKind::UnexpectedEof, truncated);
    }
    assert_eq!(fault(&client.write(b"more").await.unwrap_err()), with);
    assert_eq!(fault(&client.shutdown().await.unwrap_err()), with);
}

// SE-37: both ways at once, over loopback; each direction ends by itself.
#[tokio::test]
async fn bytes_cross_both_ways() {
    let ends = Ends::new();
    let (a, b) = loopback().await;
    let (client, server) = ends.streams(a, b).await;
    let message: Vec<u8> = (0..=250).cycle().take(3 << 20).collect();
    let sent = Arc::new(message);
    let task = |stream: ChannelStream<TcpStream>, sent: Arc<Vec<u8>>| async move {
        let (mut read, mut write) = tokio::io::split(stream);
        let reading = tokio::spawn(async move {
            let mut received = Vec::new();
            read.read_to_end(&mut received).await.unwrap();
            received
        });
        write.write_all(&sent).await.unwrap();
        write.shutdown().await.unwrap();
        reading.await.unwrap()
    };
    let (there, back) = tokio::join!(task(client, Arc::clone(&sent)), task(server, Arc::clone(&sent)));
    assert!(there == *sent && back == *sent);
}

// SE-37: a direction that is closed leaves the other open.
#[tokio::test]
async fn half_a_channel_goes_on() {
    let ends = Ends::new();
    let (a, b) = duplex(64);
    let (mut client, mut server) = ends.streams(a, b).await;
    let asking = async {
        client.write_all(b"question").await.unwrap();
        client.shutdown().await.unwrap();
        assert_eq!(client.write(b"more").await.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        answer
    };
    let answering = async {
        let mut question = String::new();
        server.read_to_string(&mut question).await.unwrap();
        assert_eq!(question, "question");
        server.write_all(b"answer").await.unwrap();
        server.shutdown().await.unwrap();
    };
    let (answer, ()) = tokio::join!(asking, answering);
    assert_eq!(answer, "answer");
}

// SE-37: whoever closed and went is not called to account for what it no longer wanted.
#[tokio::test]
async fn a_close_may_be_the_last_that_is_heard() {
    let ends = Ends::new();
    let (a, b) = duplex(1 << 20);
    let (mut client, mut server) = ends.streams(a, b).await;
    client.shutdown().await.unwrap();
    drop(client);
    let mut nothing = Vec::new();
    assert_eq!(server.read_to_end(&mut nothing).await.unwrap(), 0);
    server.shutdown().await.unwrap();
}

// SE-37: a connection that breaks off is an error, and what came before it is given out.
#[tokio::test]
async fn a_cut_is_no_end() {
    let (mut client, mut socket, mut channel) = by_hand().await;
    socket.send(record(&mut channel, b"half")).await.unwrap();
    let mut half = [0; 4];
    client.read_exact(&mut half).await.unwrap();
    drop(socket);
    fails(client, Error::Truncated.into()).await;
}

// SE-37: however cleanly the WebSocket ends: whoever is on the way can say that.
#[tokio::test]
async fn the_word_of_the_socket_is_no_end() {
    for code in [CloseCode::Normal, CloseCode::Away, CloseCode::from(4409)] {
        let (client, mut socket, _) = by_hand().await;
        let frame = CloseFrame { code, reason: "thank you".into() };
        socket.send(Message::Close(Some(frame))).await.unwrap();
        fails(client, Error::Truncated.into()).await;
    }
    let (client, mut socket, _) = by_hand().await;
    socket.close(None).await.unwrap();
    fails(client, Error::Truncated.into()).await;
}

// SE-37
#[tokio::test]
async fn text_is_refused() {
    let (client, mut socket, _) = by_hand().await;
    socket.send(Message::text("hello")).await.unwrap();
    fails(client, Fault::Text).await;
    // The other side is told no more than that it was refused.
    let Message::Close(Some(frame)) = socket.next().await.unwrap().unwrap() else { panic!("a close") };
    assert_eq!((frame.code, frame.reason.as_str()), (CloseCode::Protocol, ""));

    let (client, mut socket, mut channel) = by_hand().await;
    let Message::Binary(sealed) = record(&mut channel, b"data") else { unreachable!() };
    let text = Frame::message(sealed, OpCode::Data(Data::Text), true);
    socket.send(Message::Frame(text)).await.unwrap();
    // Not UTF-8 either, except by chance.
    let mut client = client;
    let error = client.read(&mut [0; 10]).await.unwrap_err();
    assert!(matches!(fault(&error), Fault::Text | Fault::Frames));
}

// SE-37: records that are not the other end's.
#[tokio::test]
async fn meddling_is_an_error() {
    let (client, mut socket, mut channel) = by_hand().await;
    let Message::Binary(sealed) = record(&mut channel, b"data") else { unreachable!() };
    let mut altered = sealed.to_vec();
    altered[3] ^= 1;
    socket.send(Message::Binary(altered.into())).await.unwrap();
    // The genuine one behind it comes too late.
    socket.send(Message::Binary(sealed)).await.unwrap();
    fails(client, Error::Record.into()).await;

    let (mut client, mut socket, mut channel) = by_hand().await;
    let once = record(&mut channel, b"once");
    socket.send(once.clone()).await.unwrap();
    socket.send(once).await.unwrap();
    client.read_exact(&mut [0; 4]).await.unwrap();
    fails(client, Error::Record.into()).await;

    let (client, mut socket, _) = by_hand().await;
    socket.send(Message::binary(Vec::new())).await.unwrap();
    fails(client, Error::Record.into()).await;
}

// SE-37, SE-38: the longest record, and one byte more, in one frame or in several.
#[tokio::test]
async fn messages_have_a_size() {
    let (mut client, mut socket, mut channel) = by_hand().await;
    let longest = record(&mut channel, &[7; MAX_DATA]);
    assert_eq!(longest.len(), MAX_RECORD);
    socket.send(longest).await.unwrap();
    let mut data = vec![0; MAX_DATA];
    client.read_exact(&mut data).await.unwrap();
    assert!(data.iter().all(|byte| *byte == 7));
    socket.send(Message::binary(vec![0; MAX_RECORD + 1])).await.unwrap();
    fails(client, Error::TooLong.into()).await;

    let (client, mut socket, _) = by_hand().await;
    let begin = Frame::message(vec![0; MAX_RECORD], OpCode::Data(Data::Binary), false);
    socket.send(Message::Frame(begin)).await.unwrap();
    let more = Frame::message(vec![0; 1], OpCode::Data(Data::Continue), false);
    socket.send(Message::Frame(more)).await.unwrap();
    fails(client, Error::TooLong.into()).await;

    // What announces more than it sends is not waited for.
    let (client, socket, _) = by_hand().await;
    let mut io = socket.into_inner();
    io.write_all(&[0x82, 127, 0, 0, 0, 1, 0, 0, 0, 0]).await.unwrap();
    fails(client, Error::TooLong.into()).await;
    drop(io);
}

// SE-37: how a record is cut into frames, and what the WebSocket asks in between, changes nothing.
#[tokio::test]
async fn frames_and_pings_do_not_matter() {
    let (mut client, mut socket, mut channel) = by_hand().await;
    let Message::Binary(sealed) = record(&mut channel, b"data") else { unreachable!() };
    let begin = Frame::message(sealed.slice(..5), OpCode::Data(Data::Binary), false);
    socket.send(Message::Frame(begin)).await.unwrap();
    socket.send(Message::Ping("there?".into())).await.unwrap();
    let end = Frame::message(sealed.slice(5..), OpCode::Data(Data::Continue), true);
    socket.send(Message::Frame(end)).await.unwrap();
    let mut data = [0; 4];
    client.read_exact(&mut data).await.unwrap();
    assert_eq!(&data, b"data");
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::Pong("there?".into()));
    client.write_all(b"back").await.unwrap();
    client.flush().await.unwrap();
    let Message::Binary(back) = socket.next().await.unwrap().unwrap() else { panic!("a record") };
    let mut back = bytes::BytesMut::from(&back[..]);
    assert_eq!(channel.receiver.open(&mut back), Ok(Received::Data));
    assert_eq!(back, b"back"[..]);
}

// SE-37: bytes that are no WebSocket.
#[tokio::test]
async fn broken_frames_are_refused() {
    // Reserved bits, a masked frame from a server, a continuation of nothing, an unknown opcode.
    for bytes in
        [[0xf2, 0, 0, 0, 0, 0], [0x82, 0x80, 0, 0, 0, 0], [0x80, 0, 0, 0, 0, 0], [0x83, 0, 0, 0, 0, 0]]
    {
        let (client, socket, _) = by_hand().await;
        let mut io = socket.into_inner();
        io.write_all(&bytes).await.unwrap();
        fails(client, Fault::Frames).await;
        drop(io);
    }
}

// SE-37: who writes waits for who reads; what is kept meanwhile has a bound.
#[tokio::test]
async fn nothing_is_kept_for_a_reader_that_does_not_read() {
    let ends = Ends::new();
    let (a, b) = duplex(1024);
    let (mut client, mut server) = ends.streams(a, b).await;
    let mut written = 0;
    let chunk = [5; 10_000];
    let blocked = loop {
        match client.write(&chunk).now_or_never() {
            Some(len) => written += len.unwrap(),
            None => break written,
        }
    };
    // What leaves without a flush, and one record.
    assert!(blocked <= 3 * MAX_RECORD, "{blocked}");
    let finish = async {
        client.write_all(&chunk).await.unwrap();
        client.shutdown().await.unwrap();
    };
    let read = async {
        let mut all = Vec::new();
        server.read_to_end(&mut all).await.unwrap();
        all.len()
    };
    assert_eq!(tokio::join!(finish, read).1, blocked + chunk.len());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    // SE-37: whatever the sizes of writes, reads and the pipe between them.
    #[test]
    fn any_sizes_carry_the_same_bytes(
        writes in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..5000), 0..40),
        read in 1..4000_usize,
        pipe in 1..3000_usize,
    ) {
        use std::sync::LazyLock;
        static ENDS: LazyLock<Arc<Ends>> = LazyLock::new(Ends::new);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let received = runtime.block_on(async {
            let (a, b) = duplex(pipe);
            let (mut client, mut server) = ENDS.streams(a, b).await;
            let writing = async {
                for (number, write) in writes.iter().enumerate() {
                    client.write_all(write).await.unwrap();
                    if number % 3 == 0 {
                        client.flush().await.unwrap();
                    }
                }
                client.shutdown().await.unwrap();
            };
            let reading = async {
                let mut received = Vec::new();
                let mut buffer = vec![0; read];
                loop {
                    let len = server.read(&mut buffer).await.unwrap();
                    if len == 0 {
                        break received;
                    }
                    received.extend_from_slice(&buffer[..len]);
                }
            };
            tokio::join!(writing, reading).1
        });
        prop_assert_eq!(received, writes.concat());
    }

    // SE-61: one bit flipped anywhere, or a cut anywhere, in what the server's end says, frames and openings included:
    // the client reads the front of what was said, and an end only behind all of it.
    #[test]
    fn a_channel_that_is_meddled_with_gives_nothing_else(
        writes in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..400), 1..10),
        at in 0..4000_usize,
        flip in prop::option::of(0..8_u8),
    ) {
        use std::sync::LazyLock;
        static ENDS: LazyLock<Arc<Ends>> = LazyLock::new(Ends::new);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (received, clean) = runtime.block_on(async {
            let (a, mut left) = duplex(1 << 16);
            let (mut right, b) = duplex(1 << 16);
            let settings = Settings::default();
            let server = async {
                let accepted = channel::accept(b, |open| ENDS.admit(open), &settings).await;
                // The client may have gone, which is not what is looked at here.
                if let Ok((mut server, _)) = accepted {
                    for write in &writes {
                        let _ = server.write_all(write).await;
                    }
                    let _ = server.shutdown().await;
                }
            };
            let middle = async {
                let (mut from_client, mut to_client) = tokio::io::split(&mut left);
                let (mut from_server, mut to_server) = tokio::io::split(&mut right);
                let there = async {
                    let _ = tokio::io::copy(&mut from_client, &mut to_server).await;
                };
                let back = async {
                    let mut front = vec![0; at];
                    let mut len = 0;
                    while len < at {
                        match from_server.read(&mut front[len..]).await {
                            Ok(more @ 1..) => {
                                to_client.write_all(&front[len..len + more]).await?;
                                len += more;
                            }
                            _ => return Ok(()),
                        }
                    }
                    if let Some(bit) = flip {
                        let byte = from_server.read_u8().await?;
                        to_client.write_u8(byte ^ 1 << bit).await?;
                        tokio::io::copy(&mut from_server, &mut to_client).await?;
                    }
                    io::Result::Ok(())
                };
                // Whatever this end of the pipe meets is its end; the other goes with it.
                tokio::select! {
                    () = there => {}
                    _ = back => {}
                }
                drop((left, right));
            };
            let client = async {
                let number = ENDS.number();
                let connected = channel::connect(a, ENDS.id(), ENDS.client(), number, &settings, &OsRandom);
                let Ok(mut client) = connected.await else { return (Vec::new(), false) };
                let mut received = Vec::new();
                let mut buffer = [0; 300];
                loop {
                    match client.read(&mut buffer).await {
                        Ok(0) => return (received, true),
                        Ok(len) => received.extend_from_slice(&buffer[..len]),
                        Err(_) => return (received, false),
                    }
                }
            };
            tokio::join!(client, server, middle).0
        });
        let sent = writes.concat();
        prop_assert!(sent.starts_with(&received));
        if clean {
            prop_assert_eq!(received, sent);
        }
    }
}
