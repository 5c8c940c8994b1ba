//! Somebody on the way who has the WebSocket to himself: whatever is done to its messages, everything that is open inside
//! fails, and nothing that was changed is delivered.

use super::*;
use futures_util::SinkExt;
use sealwire_http::channel::Fault;
use sealwire_tests::narrow::Way;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, frame::coding::CloseCode};

/// What is open: a WebSocket, and a request whose answer streams.
struct Open {
    narrowed: Narrowed,
    socket: WebSocket,
    upload: mpsc::Sender<Bytes>,
    answer: Body,
}

impl Open {
    async fn start() -> Self {
        let narrowed = Narrowed::start().await;
        let mut socket = narrowed.socket().await;
        let (upload, content) = streaming();
        let mut answer = narrowed.send(Method::POST, "/stream", content).await.into_body();
        upload.send("before".into()).await.unwrap();
        assert_eq!(frame(&mut answer).await, "before");
        socket.send(Message::text("before")).await.unwrap();
        assert_eq!(next(&mut socket).await, Message::text("before"));
        Self { narrowed, socket, upload, answer }
    }

    /// Has something go over it, and finds everything that was open to have failed.
    async fn all_fails(mut self, what: &str) {
        // A loss shows in what comes behind it, so there is always more.
        let upload = tokio::spawn(async move { while self.upload.send("during".into()).await.is_ok() {} });
        let answer = within(what, async {
            loop {
                match self.answer.frame().await {
                    Some(Ok(frame)) => {
                        let data = frame.into_data().unwrap();
                        assert!(data.chunks(6).all(|said| said == b"during"), "{what}: {data:?}");
                    }
                    Some(Err(error)) => return error,
                    None => panic!("{what}: an end that nobody has said"),
                }
            }
        });
        answer.await;
        let said = within(what, self.socket.next()).await;
        assert!(matches!(said, Some(Err(_))), "{what}: {said:?}");
        within(what, upload).await.unwrap();
        self.narrowed.stage.app.until("the end at the application", |counts| counts.aborted > 0).await;
        assert_eq!(self.narrowed.reached("/stream"), 1, "{what}");
        // Nobody is hindered later.
        self.narrowed.narrow.meddle(|way, _, message| vec![(way, message)]);
        self.narrowed.works().await;
    }
}

// TU-62, TU-66: a record that is lost, comes twice, out of turn, from the wrong side or changed opens nothing, and ends the
// connection with everything in it.
#[tokio::test]
async fn no_record_can_be_touched() {
    for way in [Way::Forth, Way::Back] {
        let other = if way == Way::Forth { Way::Back } else { Way::Forth };
        let lost = Open::start().await;
        lost.narrowed.narrow.meddle(move |found, number, message| match (found == way, number) {
            (true, 0) => Vec::new(),
            _ => vec![(found, message)],
        });
        lost.all_fails("a lost record").await;

        let twice = Open::start().await;
        twice.narrowed.narrow.meddle(move |found, number, message| match (found == way, number) {
            (true, 0) => vec![(found, message.clone()), (found, message)],
            _ => vec![(found, message)],
        });
        twice.all_fails("a repeated record").await;

        let swapped = Open::start().await;
        let mut held = None;
        swapped.narrowed.narrow.meddle(move |found, number, message| match (found == way, number) {
            (true, 0) => {
                held = Some(message);
                Vec::new()
            }
            (true, 1) => vec![(found, message), (found, held.take().unwrap())],
            _ => vec![(found, message)],
        });
        swapped.all_fails("two records swapped").await;

        let reflected = Open::start().await;
        reflected.narrowed.narrow.meddle(move |found, number, message| match (found == way, number) {
            (true, 0) => vec![(other, message)],
            _ => vec![(found, message)],
        });
        reflected.all_fails("a reflected record").await;

        let changed = Open::start().await;
        changed.narrowed.narrow.meddle(move |found, number, message| match (found == way, number) {
            (true, 0) => {
                let mut bytes = message.into_data().to_vec();
                bytes[0] ^= 1;
                vec![(found, Message::binary(bytes))]
            }
            _ => vec![(found, message)],
        });
        changed.all_fails("a changed record").await;
    }
}

// TU-68: a text message ends the connection, whichever side it comes to.
#[tokio::test]
async fn a_text_message_ends_it() {
    for way in [Way::Forth, Way::Back] {
        let open = Open::start().await;
        open.narrowed.narrow.meddle(move |found, number, message| match (found == way, number) {
            (true, 0) => vec![(way, Message::text("hello")), (way, message)],
            _ => vec![(found, message)],
        });
        open.all_fails("a text message").await;
    }
}

// TU-66: however the outer WebSocket ends, with the best of statuses, it is no end of what is inside.
#[tokio::test]
async fn the_word_of_the_websocket_ends_nothing_well() {
    for code in [CloseCode::Normal, CloseCode::Away, CloseCode::from(4409)] {
        let open = Open::start().await;
        open.narrowed.narrow.meddle(move |found, number, message| match (found, number) {
            (Way::Back, 0) => {
                let frame = CloseFrame { code, reason: "done".into() };
                vec![(Way::Back, Message::Close(Some(frame)))]
            }
            _ => vec![(found, message)],
        });
        open.all_fails("a close").await;
    }
    let open = Open::start().await;
    open.narrowed.narrow.cut();
    open.all_fails("a cut").await;
}

// TU-66: what the error says.
#[tokio::test]
async fn a_cut_is_told_as_a_truncation() {
    let mut open = Open::start().await;
    open.narrowed.narrow.cut();
    let error = within("the end", open.answer.frame()).await.unwrap().unwrap_err();
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&*error);
    let mut told = String::new();
    while let Some(error) = cause {
        told += &format!("{error}; ");
        cause = error.source();
    }
    let truncated = Fault::from(sealwire_http::session::Error::Truncated).to_string();
    assert!(told.contains(&truncated) || told.contains("broken pipe"), "{told}");
}
