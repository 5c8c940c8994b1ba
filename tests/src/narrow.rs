//! A proxy that lets nothing but WebSockets through, message by message; and somebody in its place who meddles.

use futures_util::{SinkExt, Stream, StreamExt};
use http::Uri;
use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Notify,
    task::JoinHandle,
};
use tokio_tungstenite::{
    WebSocketStream, accept_hdr_async, client_async,
    tungstenite::{
        self, Message,
        client::IntoClientRequest,
        handshake::server::{ErrorResponse, Request, Response},
    },
};

/// Which way a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// to the server
    Forth,
    /// to the client
    Back,
}

/// What becomes of a message: what is sent in its place, and where to. Messages are counted from 0 for each way, over all
/// connections.
pub type Meddle = dyn FnMut(Way, usize, Message) -> Vec<(Way, Message)> + Send;

/// Between clients and a server: each connection has to become a WebSocket, and is closed without an answer if it does not.
pub struct Narrow {
    address: SocketAddr,
    state: Arc<State>,
    task: JoinHandle<()>,
}

struct State {
    server: Mutex<SocketAddr>,
    opened: AtomicUsize,
    open: AtomicUsize,
    most: AtomicUsize,
    refused: AtomicUsize,
    shut: AtomicBool,
    cuts: Notify,
    openings: Mutex<Vec<http::HeaderMap>>,
    meddle: Mutex<Option<Box<Meddle>>>,
    counts: [AtomicUsize; 2],
}

impl Narrow {
    /// In front of the server at `server`.
    pub async fn before(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            server: Mutex::new(server),
            opened: AtomicUsize::new(0),
            open: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
            refused: AtomicUsize::new(0),
            shut: AtomicBool::new(false),
            cuts: Notify::new(),
            openings: Mutex::default(),
            meddle: Mutex::default(),
            counts: Default::default(),
        });
        let shared = state.clone();
        let task = tokio::spawn(async move {
            loop {
                let (near, _) = listener.accept().await.unwrap();
                tokio::spawn(pass(near, shared.clone()));
            }
        });
        Self { address, state, task }
    }

    /// Where it is reached.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it is reached.
    #[must_use]
    pub fn url(&self) -> Uri {
        format!("http://{}", self.address).parse().unwrap()
    }

    /// WebSockets that were opened through it.
    #[must_use]
    pub fn opened(&self) -> usize {
        self.state.opened.load(Ordering::SeqCst)
    }

    /// The most that were open at once.
    #[must_use]
    pub fn most(&self) -> usize {
        self.state.most.load(Ordering::SeqCst)
    }

    /// Connections that wanted something else, or came while it was shut.
    #[must_use]
    pub fn refused(&self) -> usize {
        self.state.refused.load(Ordering::SeqCst)
    }

    /// The fields with which WebSockets were asked for.
    #[must_use]
    pub fn openings(&self) -> Vec<http::HeaderMap> {
        self.state.openings.lock().unwrap().clone()
    }

    /// Answers 403 to everything, or lets WebSockets through again.
    pub fn shut(&self, shut: bool) {
        self.state.shut.store(shut, Ordering::SeqCst);
    }

    /// Leads new connections to another server.
    pub fn lead_to(&self, server: SocketAddr) {
        *self.state.server.lock().unwrap() = server;
    }

    /// Ends every connection without a word. New ones are let through.
    pub fn cut(&self) {
        self.state.cuts.notify_waiters();
    }

    /// Has every message from now on go through `meddle`.
    pub fn meddle(&self, meddle: impl FnMut(Way, usize, Message) -> Vec<(Way, Message)> + Send + 'static) {
        *self.state.meddle.lock().unwrap() = Some(Box::new(meddle));
        self.state.counts.iter().for_each(|count| count.store(0, Ordering::SeqCst));
    }
}

impl Drop for Narrow {
    fn drop(&mut self) {
        self.task.abort();
        self.state.cuts.notify_waiters();
    }
}

impl State {
    fn made_of(&self, way: Way, message: Message) -> Vec<(Way, Message)> {
        let mut meddle = self.meddle.lock().unwrap();
        match meddle.as_mut().filter(|_| message.is_binary()) {
            Some(meddle) => {
                let number = self.counts[way as usize].fetch_add(1, Ordering::SeqCst);
                meddle(way, number, message)
            }
            None => vec![(way, message)],
        }
    }
}

type Socket = WebSocketStream<TcpStream>;

#[allow(clippy::result_large_err, reason = "the library's signature")]
async fn pass(near: TcpStream, state: Arc<State>) {
    let _ = near.set_nodelay(true);
    let cut = state.cuts.notified();
    let mut asked = None;
    let accepted = accept_hdr_async(near, |request: &Request, mut response: Response| {
        if state.shut.load(Ordering::SeqCst) {
            let refusal: ErrorResponse = http::Response::builder().status(403).body(None).unwrap();
            return Err(refusal);
        }
        if let Some(protocol) = request.headers().get("sec-websocket-protocol") {
            response.headers_mut().insert("sec-websocket-protocol", protocol.clone());
        }
        asked = Some((request.uri().path().to_owned(), request.headers().clone()));
        Ok(response)
    });
    let (Ok(near), Some((path, fields))) = (accepted.await, asked) else {
        state.refused.fetch_add(1, Ordering::SeqCst);
        return;
    };
    state.openings.lock().unwrap().push(fields.clone());
    // The server's refusal shows as the end of what was let through.
    let server = *state.server.lock().unwrap();
    let Some(far) = open(server, &path, &fields).await else { return };
    state.opened.fetch_add(1, Ordering::SeqCst);
    let open = state.open.fetch_add(1, Ordering::SeqCst) + 1;
    state.most.fetch_max(open, Ordering::SeqCst);
    tokio::select! {
        () = cut => {}
        () = relay(near, far, &state) => {}
    }
    state.open.fetch_sub(1, Ordering::SeqCst);
}

async fn open(server: SocketAddr, path: &str, fields: &http::HeaderMap) -> Option<Socket> {
    let mut request = format!("ws://{server}{path}").into_client_request().unwrap();
    for name in ["sec-websocket-protocol", "attest-base-id"] {
        if let Some(value) = fields.get(name) {
            request.headers_mut().insert(name, value.clone());
        }
    }
    let tcp = TcpStream::connect(server).await.ok()?;
    let _ = tcp.set_nodelay(true);
    Some(client_async(request, tcp).await.ok()?.0)
}

async fn relay(mut near: Socket, mut far: Socket, state: &State) {
    loop {
        let (way, message) = tokio::select! {
            message = next(&mut near) => (Way::Forth, message),
            message = next(&mut far) => (Way::Back, message),
        };
        let Some(message) = message else { return };
        for (way, message) in state.made_of(way, message) {
            let to = if way == Way::Forth { &mut far } else { &mut near };
            if to.send(message).await.is_err() {
                return;
            }
        }
    }
}

/// The next message that is to be passed on. Each side's pings are answered here.
async fn next(socket: &mut (impl Stream<Item = tungstenite::Result<Message>> + Unpin)) -> Option<Message> {
    loop {
        match socket.next().await?.ok()? {
            Message::Ping(_) | Message::Pong(_) => {}
            message => return Some(message),
        }
    }
}
