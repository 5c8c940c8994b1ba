//! One caller: it asks, checks that the answer is its own, and gives up now and then.

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http::{Method, StatusCode};
use http_body_util::BodyExt;
use sealwire_client::Connector;
use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
};
use tokio_tungstenite::tungstenite::Message;

/// The longest content, bytes.
const LONGEST: usize = 48 << 10;

/// How exchanges ended.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tally {
    /// with the whole of the right answer
    pub(crate) whole: u64,
    /// by this side's leaving
    pub(crate) given_up: u64,
}

impl Tally {
    pub(crate) fn add(&mut self, other: Self) {
        self.whole += other.whole;
        self.given_up += other.given_up;
    }
}

/// When an exchange is given up, if it has not ended before.
#[derive(Clone, Copy)]
enum Patience {
    /// never
    Endless,
    /// after so many turns of the scheduler
    Turns(usize),
    /// with the head of the answer
    Head,
    /// with the first of its content
    Some,
}

pub(crate) struct Caller {
    connector: Connector,
    name: String,
    random: fastrand::Rng,
    pub(crate) tally: Tally,
}

impl Caller {
    pub(crate) fn new(connector: Connector, wire: &str, number: u64, seed: u64) -> Self {
        let random = fastrand::Rng::with_seed(seed);
        Self { connector, name: format!("{wire} {number}"), random, tally: Tally::default() }
    }

    /// Content that nobody else sends, and no other exchange of this caller.
    fn content(&mut self, exchange: u64) -> Bytes {
        let stamp = format!("<{} {exchange}>", self.name);
        let length = self.random.usize(1..LONGEST);
        stamp.bytes().cycle().take(length.max(stamp.len())).collect::<Vec<u8>>().into()
    }

    fn patience(&mut self) -> Patience {
        match self.random.u8(0..10) {
            0..6 => Patience::Endless,
            6..8 => Patience::Turns(self.random.usize(1..60)),
            8 => Patience::Head,
            _ => Patience::Some,
        }
    }

    /// A request whose content comes back.
    pub(crate) async fn request(&mut self, exchange: u64) {
        let (content, patience) = (self.content(exchange), self.patience());
        let (connector, sent, name) = (self.connector.clone(), content.clone(), self.name.clone());
        let asking = async move {
            let request = connector.request(Method::POST, "/echo").body(sent).replay_safe();
            let answer = request.await.unwrap_or_else(|error| panic!("{name}: {error:?}"));
            assert_eq!(answer.status(), StatusCode::OK);
            let mut body = answer.into_body();
            if matches!(patience, Patience::Head) {
                return false;
            }
            let mut got = 0;
            while let Some(frame) = body.frame().await {
                let Ok(data) = frame.unwrap().into_data() else { continue };
                assert_eq!(content.get(got..got + data.len()), Some(&data[..]), "another's answer");
                got += data.len();
                if matches!(patience, Patience::Some) && got < content.len() {
                    return false;
                }
            }
            assert_eq!(got, content.len(), "an answer that ended early");
            true
        };
        let turns = if let Patience::Turns(turns) = patience { turns } else { usize::MAX };
        self.count(within_turns(asking, turns).await);
    }

    /// A WebSocket in which messages come back.
    pub(crate) async fn socket(&mut self, exchange: u64) {
        let patience = self.patience();
        let messages: Vec<Bytes> = (0..3).map(|part| self.content(3 * exchange + part)).collect();
        let connector = self.connector.clone();
        let talking = async move {
            let (mut socket, _) = connector.websocket("/socket").await.unwrap();
            if matches!(patience, Patience::Head) {
                return false;
            }
            for message in messages {
                socket.send(Message::Binary(message.clone())).await.unwrap();
                let heard = socket.next().await.unwrap().unwrap();
                assert_eq!(heard, Message::Binary(message), "another's message");
                if matches!(patience, Patience::Some) {
                    return false;
                }
            }
            socket.close(None).await.unwrap();
            while let Some(Ok(_)) = socket.next().await {}
            true
        };
        let turns = if let Patience::Turns(turns) = patience { turns } else { usize::MAX };
        self.count(within_turns(talking, turns).await);
    }

    fn count(&mut self, whole: Option<bool>) {
        match whole {
            Some(true) => self.tally.whole += 1,
            Some(false) | None => self.tally.given_up += 1,
        }
    }
}

/// Drops `future` once it has had so many turns.
async fn within_turns<F: Future>(future: F, turns: usize) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = turns;
    poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(None);
        }
        match future.as_mut().poll(cx) {
            Poll::Ready(value) => Poll::Ready(Some(value)),
            Poll::Pending => {
                // A turn, whether or not anything has happened: this is no matter of time.
                if turns < usize::MAX {
                    left -= 1;
                    cx.waker().wake_by_ref();
                }
                Poll::Pending
            }
        }
    })
    .await
}
