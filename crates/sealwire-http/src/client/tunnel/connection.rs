//! What carries a tunnel: messages out, messages in, until it ends.

use super::{Settings, socket};
use crate::tunnel::outbox::{Outbox, Queued};
use futures_util::{
    SinkExt, StreamExt,
    future::BoxFuture,
    stream::{SplitSink, SplitStream},
};
use sealwire_tunnel::{
    Error,
    connection::{self, Client, Received},
    live::Live,
    message::{FromClient, FromServer, Response},
};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::{Semaphore, mpsc::UnboundedReceiver, oneshot},
    time::{sleep, timeout},
};
use tokio_tungstenite::{WebSocketStream, tungstenite::Message};
use tokio_util::sync::CancellationToken;

/// What carries a tunnel: somebody has to await it. It ends when all clones of the [`super::Tunnel`] are dropped.
pub type Connection = BoxFuture<'static, Result<(), super::Error>>;

/// What a tunnel's requests share.
pub(super) struct Shared {
    pub(super) settings: Settings,
    pub(super) outbox: Outbox<FromClient>,
    /// how many more requests may be in flight
    pub(super) slots: Semaphore,
    pub(super) ended: CancellationToken,
    requests: Mutex<Live<oneshot::Sender<Response>>>,
    sockets: Mutex<Live<socket::Handle>>,
}

impl Shared {
    pub(super) fn requests(&self) -> MutexGuard<'_, Live<oneshot::Sender<Response>>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn sockets(&self) -> MutexGuard<'_, Live<socket::Handle>> {
        self.sockets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Marks the end also where nobody awaits the connection any more.
struct Ending(Arc<Shared>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.ended.cancel();
        // Whoever waits learns of it by what is dropped here (TU-11).
        self.0.requests().drain().for_each(drop);
        self.0.sockets().drain().for_each(drop);
    }
}

pub(super) fn begin<T>(
    outer: WebSocketStream<T>,
    keyed: connection::Connection<Client>,
    settings: Settings,
) -> (Arc<Shared>, Connection)
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let limits = settings.limits;
    let (outbox, waiting) = Outbox::new(limits.outbound);
    let shared = Arc::new(Shared {
        settings,
        outbox,
        slots: Semaphore::new(limits.requests),
        ended: CancellationToken::new(),
        requests: Mutex::new(Live::new(limits.requests)),
        sockets: Mutex::new(Live::new(limits.sockets)),
    });
    let ending = Ending(Arc::clone(&shared));
    let connection = Box::pin(async move { run(&ending, outer, keyed, waiting).await });
    (shared, connection)
}

async fn run<T>(
    Ending(shared): &Ending,
    outer: WebSocketStream<T>,
    keyed: connection::Connection<Client>,
    waiting: UnboundedReceiver<Queued<FromClient>>,
) -> Result<(), super::Error>
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let keyed = Mutex::new(keyed);
    let (mut sink, mut stream) = outer.split();
    let result = tokio::select! {
        result = write(&mut sink, waiting, shared, &keyed) => result,
        result = read(&mut stream, shared, &keyed) => result,
        () = sleep(shared.settings.limits.lifetime) => Err(Error::UsedUp.into()),
    };
    if let Ok(mut outer) = stream.reunite(sink) {
        let _ = timeout(std::time::Duration::from_secs(5), outer.close(None)).await;
    }
    result
}

fn lock(keyed: &Mutex<connection::Connection<Client>>) -> MutexGuard<'_, connection::Connection<Client>> {
    keyed.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn write<T>(
    sink: &mut SplitSink<WebSocketStream<T>, Message>,
    mut waiting: UnboundedReceiver<Queued<FromClient>>,
    shared: &Shared,
    keyed: &Mutex<connection::Connection<Client>>,
) -> Result<(), super::Error>
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    while let Some(Queued { message, room }) = waiting.recv().await {
        let sealed = lock(keyed).seal(&message, shared.settings.clock.unix_millis());
        match sealed {
            Ok(sealed) => sink.send(Message::Binary(sealed)).await.map_err(|_| super::Error::Closed)?,
            // Whoever sent it has looked at its length, but not to the byte.
            Err(Error::TooLong) => {
                if let FromClient::Request(request) = &message {
                    drop(shared.requests().end(&request.id));
                }
            }
            Err(error) => return Err(error.into()),
        }
        drop(room);
    }
    Ok(())
}

async fn read<T>(
    stream: &mut SplitStream<WebSocketStream<T>>,
    shared: &Shared,
    keyed: &Mutex<connection::Connection<Client>>,
) -> Result<(), super::Error>
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    let limits = &shared.settings.limits;
    loop {
        // The server pings (TU-12): one that says nothing for longer than it lets pass itself is gone.
        let message = timeout(limits.idle.saturating_add(limits.ping), stream.next());
        let message = match message.await.map_err(|_| super::Error::TimedOut)? {
            None | Some(Ok(Message::Close(_))) => return Ok(()),
            Some(Err(_)) => return Err(super::Error::Closed),
            Some(Ok(Message::Binary(message))) => message,
            Some(Ok(_)) => continue,
        };
        let received = lock(keyed).open(message, shared.settings.clock.unix_millis())?;
        match received {
            Received::Dropped(dropped) => tracing::debug!(%dropped, "a message in a tunnel"),
            Received::Message(FromServer::Response(response)) => {
                if let Some(waiting) = shared.requests().end(&response.id) {
                    // Who has given up meanwhile does not want it.
                    let _ = waiting.send(response);
                }
            }
            Received::Message(FromServer::Event(event)) => socket::event(shared, event),
            Received::Message(FromServer::Frame(frame)) => socket::frame(shared, frame),
        }
    }
}
