//! An upstream that answers badly, byte by byte as a test says.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

/// What happens after the bytes of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// the connection takes another request
    Stay,
    /// the connection is closed
    Close,
    /// nothing, until the other side closes
    Hang,
}

/// A running one.
pub struct Upstream {
    /// where it listens
    pub address: SocketAddr,
    requests: Arc<AtomicUsize>,
    open: watch::Sender<usize>,
    task: JoinHandle<()>,
}

impl Upstream {
    /// Answers each request by its number, from 0.
    pub async fn start(answer: impl Fn(usize) -> (Vec<u8>, Then) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (requests, open) = (Arc::new(AtomicUsize::new(0)), watch::Sender::new(0));
        let (answer, numbers, count) = (Arc::new(answer), requests.clone(), open.clone());
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (answer, numbers, count) = (answer.clone(), numbers.clone(), count.clone());
                tokio::spawn(async move {
                    count.send_modify(|open| *open += 1);
                    serve(stream, &*answer, &numbers).await;
                    count.send_modify(|open| *open -= 1);
                });
            }
        });
        Self { address, requests, open, task }
    }

    /// The same bytes to everybody.
    pub async fn saying(answer: impl Into<Vec<u8>>, then: Then) -> Self {
        let answer = answer.into();
        Self::start(move |_| (answer.clone(), then)).await
    }

    /// Requests that have come.
    #[must_use]
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    /// Waits until so many connections are open.
    pub async fn until_open(&self, connections: usize) {
        let mut open = self.open.subscribe();
        crate::within("upstream connections", open.wait_for(|open| *open == connections)).await.unwrap();
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(
    mut stream: TcpStream,
    answer: &(dyn Fn(usize) -> (Vec<u8>, Then) + Send + Sync),
    requests: &AtomicUsize,
) {
    let mut buffer = Vec::new();
    loop {
        // A request here is a head; its content is read with the next one's.
        let end = loop {
            if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                break end + 4;
            }
            if !stream.read_buf(&mut buffer).await.is_ok_and(|read| read > 0) {
                return;
            }
        };
        buffer.drain(..end);
        let (bytes, then) = answer(requests.fetch_add(1, Ordering::SeqCst));
        if stream.write_all(&bytes).await.is_err() {
            return;
        }
        match then {
            Then::Stay => {}
            Then::Close => return,
            Then::Hang => {
                while stream.read_buf(&mut buffer).await.is_ok_and(|read| read > 0) {}
                return;
            }
        }
    }
}
