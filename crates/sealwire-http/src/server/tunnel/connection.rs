//! One tunnel, from the upgrade to its end.

use super::{Settings, request, socket};
use crate::{
    server::{
        exchange::Application,
        tunnels::{Opening, Slot},
    },
    tunnel::{
        self,
        outbox::{Budget, Outbox, Queued},
    },
};
use futures_util::{SinkExt, StreamExt, stream::SplitSink, stream::SplitStream};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use metrics::{counter, gauge};
use sealwire_tunnel::{
    Dropped, Error, close,
    connection::{Connection, Received, Server},
    live::Live,
    message::{FromClient, FromServer},
    server::{ExpectClientKx, Offer, Step},
};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::mpsc::UnboundedReceiver,
    task::JoinSet,
    time::{Instant, interval_at, sleep, timeout},
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Bytes, Error as SocketError, Message,
        protocol::{CloseFrame, Role, frame::coding::CloseCode},
    },
};

type Outer = WebSocketStream<TokioIo<Upgraded>>;

/// How long the last word may take.
const FAREWELL: Duration = Duration::from_secs(5);

/// What the tasks of one connection share.
pub(super) struct Shared {
    pub(super) settings: Arc<Settings>,
    pub(super) outbox: Outbox<FromServer>,
    /// of what waits for applications, in all sockets together
    pub(super) inbound: Budget,
    connection: Mutex<Connection<Server>>,
    requests: Mutex<Live<()>>,
    sockets: Mutex<Live<socket::Handle>>,
}

impl Shared {
    fn connection(&self) -> MutexGuard<'_, Connection<Server>> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn requests(&self) -> MutexGuard<'_, Live<()>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn sockets(&self) -> MutexGuard<'_, Live<socket::Handle>> {
        self.sockets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> u64 {
        self.settings.clock.unix_millis()
    }
}

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// by its client
    Closed,
    /// it broke off
    Broken,
    /// the client is silent, or takes nothing
    Silent,
    /// its key has done enough (TU-24)
    UsedUp,
    /// the server stops
    Drain,
    /// a message above the limit (TU-22)
    TooLong,
}

impl End {
    fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Broken => "broken",
            Self::Silent => "silent",
            Self::UsedUp => "used-up",
            Self::Drain => "drain",
            Self::TooLong => "too-long",
        }
    }

    /// What the client is told.
    fn code(self) -> CloseCode {
        match self {
            Self::Closed | Self::Broken => CloseCode::Normal,
            Self::Silent => CloseCode::Policy,
            // A reconnect leads to another key, or to another instance.
            Self::UsedUp | Self::Drain => CloseCode::from(close::SERVICE_RESTART),
            Self::TooLong => CloseCode::Size,
        }
    }
}

impl From<&SocketError> for End {
    fn from(error: &SocketError) -> Self {
        match error {
            SocketError::Capacity(_) => Self::TooLong,
            SocketError::ConnectionClosed => Self::Closed,
            _ => Self::Broken,
        }
    }
}

pub(super) async fn run(
    settings: Arc<Settings>,
    opening: Opening,
    offer: Arc<Offer>,
    upgrade: OnUpgrade,
    inner: impl Application,
) {
    let opened = opening.run(open(&settings, offer, upgrade)).await;
    let Some(Some((outer, connection, slot))) = opened else {
        counter!("sealwire_refusals_total", "reason" => "tunnel").increment(1);
        return;
    };
    let mut counted = Counted::new();
    let end = Box::pin(serve(settings, outer, connection, inner)).await;
    counted.0 = end.name();
    drop(slot);
}

/// The handshake: nothing is known of who is there, and nothing is kept of it.
async fn open(
    settings: &Settings,
    offer: Arc<Offer>,
    upgrade: OnUpgrade,
) -> Option<(Outer, Connection<Server>, Slot)> {
    let config = tunnel::outer(&settings.limits);
    let io = TokioIo::new(upgrade.await.ok()?);
    let mut outer = WebSocketStream::from_raw_socket(io, Role::Server, Some(config)).await;
    let established = timeout(settings.limits.handshake, agree(settings, offer, &mut outer)).await;
    let (because, code) = match established {
        Ok(Ok(connection)) => match settings.tunnels.slot() {
            Some(slot) => return Some((outer, connection, slot)),
            None => ("too many connections at once".to_owned(), CloseCode::Again),
        },
        // TU-23
        Err(_) => ("no client_kx in time".to_owned(), CloseCode::from(close::POLICY)),
        Ok(Err(Refused::Gone)) => return None,
        Ok(Err(Refused::Handshake(error))) => (error.to_string(), CloseCode::from(close::POLICY)),
    };
    tracing::debug!(because, "a tunnel is not opened");
    // What was wrong, the log tells alone (TU-28).
    farewell(&mut outer, code).await;
    None
}

enum Refused {
    /// it went away
    Gone,
    /// it did not keep to the handshake
    Handshake(Error),
}

async fn agree(
    settings: &Settings,
    offer: Arc<Offer>,
    outer: &mut Outer,
) -> Result<Connection<Server>, Refused> {
    outer.send(Message::Binary(offer.message())).await.map_err(|_| Refused::Gone)?;
    let mut expect = ExpectClientKx::new(offer);
    loop {
        let Some(Ok(message)) = outer.next().await else { return Err(Refused::Gone) };
        let Some(message) = binary(message)? else { continue };
        let now = settings.clock.unix_millis();
        let step = expect.receive(&message, &settings.limits, now, settings.random.as_ref());
        expect = match step.map_err(Refused::Handshake)? {
            Step::Established(connection) => return Ok(*connection),
            Step::Dropped(expect, dropped) => {
                count(dropped);
                expect
            }
        };
    }
}

/// What a message of the control WebSocket holds; none where it is dropped (TU-02, TU-82) or a ping.
fn binary(message: Message) -> Result<Option<Bytes>, Refused> {
    match message {
        Message::Binary(bytes) => Ok(Some(bytes)),
        Message::Text(_) => {
            counter!("sealwire_ra_tunnel_dropped_total", "reason" => "text").increment(1);
            Ok(None)
        }
        Message::Close(_) => Err(Refused::Gone),
        Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => Ok(None),
    }
}

fn count(dropped: Dropped) {
    counter!("sealwire_ra_tunnel_dropped_total", "reason" => dropped.name()).increment(1);
    tracing::debug!(%dropped, "a message in a tunnel");
}

async fn farewell(outer: &mut Outer, code: CloseCode) {
    let close = CloseFrame { code, reason: "".into() };
    let _ = timeout(FAREWELL, outer.close(Some(close))).await;
}

async fn serve(
    settings: Arc<Settings>,
    outer: Outer,
    connection: Connection<Server>,
    inner: impl Application,
) -> End {
    let limits = settings.limits;
    let (outbox, waiting) = Outbox::new(limits.outbound);
    let shared = Arc::new(Shared {
        outbox,
        inbound: Budget::new(limits.outbound),
        connection: Mutex::new(connection),
        requests: Mutex::new(Live::new(limits.requests)),
        sockets: Mutex::new(Live::new(limits.sockets)),
        settings,
    });
    let (mut sink, mut stream) = outer.split();
    let end = {
        // What goes on in it ends with it: its requests are given up, and its sockets closed.
        let (mut requests, mut sockets) = (JoinSet::new(), JoinSet::new());
        tokio::select! {
            end = write(&mut sink, waiting, &shared) => end,
            end = read(&mut stream, &shared, inner, (&mut requests, &mut sockets)) => end,
            () = sleep(limits.lifetime) => End::UsedUp,
        }
    };
    if let Ok(mut outer) = stream.reunite(sink) {
        farewell(&mut outer, end.code()).await;
    }
    end
}

/// Seals and sends what waits, and asks the client from time to time whether it is still there (TU-12).
async fn write(
    sink: &mut SplitSink<Outer, Message>,
    mut waiting: UnboundedReceiver<Queued<FromServer>>,
    shared: &Shared,
) -> End {
    let ping = shared.settings.limits.ping;
    let mut pings = interval_at(Instant::now() + ping, ping);
    loop {
        let message = tokio::select! {
            queued = waiting.recv() => {
                let Some(Queued { message, room }) = queued else { return End::Closed };
                let sealed = shared.connection().seal(&message, shared.now());
                let sealed = match (sealed, message) {
                    (Err(Error::TooLong), FromServer::Response(response)) => {
                        let refusal = request::too_long(response.id);
                        shared.connection().seal(&FromServer::Response(refusal), shared.now())
                    }
                    (sealed, _) => sealed,
                };
                match sealed {
                    Ok(sealed) => {
                        let sent = timeout(shared.settings.limits.idle, sink.send(Message::Binary(sealed))).await;
                        drop(room);
                        match sent {
                            Err(_) => return End::Silent,
                            Ok(Err(error)) => return End::from(&error),
                            Ok(Ok(())) => continue,
                        }
                    }
                    Err(Error::TooLong) => continue,
                    Err(_) => return End::UsedUp,
                }
            }
            _ = pings.tick() => Message::Ping(Bytes::new()),
        };
        match timeout(shared.settings.limits.idle, sink.send(message)).await {
            Err(_) => return End::Silent,
            Ok(Err(error)) => return End::from(&error),
            Ok(Ok(())) => {}
        }
    }
}

/// Opens what comes, and begins what it asks for.
async fn read(
    stream: &mut SplitStream<Outer>,
    shared: &Arc<Shared>,
    inner: impl Application,
    (requests, sockets): (&mut JoinSet<()>, &mut JoinSet<()>),
) -> End {
    let tunnels = Arc::clone(&shared.settings.tunnels);
    let mut draining = std::pin::pin!(tunnels.draining());
    loop {
        let message = tokio::select! {
            biased;
            // The server stops: what is under way is finished, and nothing new begins.
            () = &mut draining => {
                while requests.join_next().await.is_some() {}
                shared.outbox.flushed().await;
                return End::Drain;
            }
            message = timeout(shared.settings.limits.idle, stream.next()) => message,
            // So that those that have ended are not kept.
            Some(_) = requests.join_next() => continue,
            Some(_) = sockets.join_next() => continue,
        };
        let message = match message {
            Err(_) => return End::Silent,
            Ok(None) => return End::Closed,
            Ok(Some(Err(error))) => return End::from(&error),
            Ok(Some(Ok(message))) => message,
        };
        let message = match binary(message) {
            Ok(Some(message)) => message,
            Ok(None) => continue,
            Err(_) => return End::Closed,
        };
        let received = shared.connection().open(message, shared.now());
        match received {
            Err(_) => return End::UsedUp,
            Ok(Received::Dropped(dropped)) => count(dropped),
            Ok(Received::Message(FromClient::Request(request))) => {
                request::begin(shared, request, inner.clone(), requests).await;
            }
            Ok(Received::Message(FromClient::Connect(connect))) => {
                socket::begin(shared, connect, inner.clone(), sockets).await;
            }
            Ok(Received::Message(FromClient::Frame(frame))) => socket::frame(shared, frame),
            Ok(Received::Message(FromClient::Close(close))) => socket::close(shared, close),
        }
    }
}

/// Counts a tunnel, also when its task is cut.
struct Counted(&'static str);

impl Counted {
    fn new() -> Self {
        counter!("sealwire_ra_tunnels_opened_total").increment(1);
        gauge!("sealwire_ra_tunnels").increment(1.0);
        Self("cut")
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        gauge!("sealwire_ra_tunnels").decrement(1.0);
        counter!("sealwire_ra_tunnels_ended_total", "end" => self.0).increment(1);
    }
}
