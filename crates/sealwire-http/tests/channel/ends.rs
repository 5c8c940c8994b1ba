//! Two ends of a session, and channels between them.

use http::{Request, Response};
use sealwire_crypto::random::OsRandom;
use sealwire_http::{
    Body, Identity,
    channel::{self, ChannelStream, Error, Settings, Verdict},
    client,
    server::{self, channel::Opener},
};
use sealwire_session::{
    Secrets, SessionId,
    message::ChannelOpen,
    request::Window,
    server::{Config, HalfOpen},
};
use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::oneshot,
    task::JoinHandle,
};
use tower::Service;

#[path = "../../../sealwire-session/tests/common/mod.rs"]
mod session;

pub(crate) use session::AUTHORITY;

/// A session, with the window of its server.
pub(crate) struct Ends {
    client: sealwire_session::client::Established,
    server: HalfOpen,
    window: Mutex<Window>,
    next: AtomicU64,
}

impl Ends {
    pub(crate) fn new() -> Arc<Self> {
        let gateway = session::Gateway::new(Config::default());
        let config = sealwire_session::client::Config::default();
        let (client, server) = session::establish(&gateway, &config, None, *session::NOW).unwrap();
        Arc::new(Self { client, server, window: Mutex::new(Window::new(64)), next: AtomicU64::new(0) })
    }

    pub(crate) fn id(&self) -> &SessionId {
        &self.client.id
    }

    pub(crate) fn client(&self) -> &Secrets {
        &self.client.secrets
    }

    pub(crate) fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// What a table of this one session says.
    pub(crate) fn admit(&self, open: &ChannelOpen) -> Verdict<Opener> {
        let secrets = &self.server.secrets;
        let Ok(admitted) = secrets.admit_channel(&self.server.id, open) else { return Verdict::Unknown };
        if self.window.lock().unwrap().mark(admitted.number()).is_err() {
            return Verdict::Unknown;
        }
        let (opened, channel) = admitted.accept(&secrets.channel, &OsRandom).unwrap();
        let opener = Opener { authority: self.server.authority.clone(), identity: Identity::Nobody };
        Verdict::Open(opened, channel, opener)
    }

    /// The same, of a session that is over.
    pub(crate) fn admit_over(&self, open: &ChannelOpen) -> Verdict<Opener> {
        match self.admit(open) {
            Verdict::Open(opened, channel, _) => Verdict::Over(opened, channel),
            other => other,
        }
    }

    /// A channel over these two.
    pub(crate) async fn streams<A, B>(&self, a: A, b: B) -> (ChannelStream<A>, ChannelStream<B>)
    where
        A: AsyncRead + AsyncWrite + Unpin,
        B: AsyncRead + AsyncWrite + Unpin,
    {
        let settings = Settings::default();
        let (client, server) = tokio::join!(
            channel::connect(a, self.id(), self.client(), self.number(), &settings, &OsRandom),
            channel::accept(b, |open| self.admit(open), &settings),
        );
        (client.unwrap(), server.unwrap().0)
    }
}

/// An application made of a function.
pub(crate) struct App<F>(Arc<F>);

impl<F> Clone for App<F> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<F, R> Service<Request<Body>> for App<F>
where
    F: Fn(Request<Body>) -> R + Send + Sync + 'static,
    R: Future<Output = Response<Body>> + Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let answer = (self.0)(request);
        Box::pin(async { Ok(answer.await) })
    }
}

/// HTTP/2 in a channel, with everything that carries it.
pub(crate) struct Http {
    pub(crate) channel: client::channel::Channel,
    pub(crate) connection: JoinHandle<Result<(), Error>>,
    pub(crate) server: JoinHandle<Result<(), Error>>,
    pub(crate) shutdown: oneshot::Sender<()>,
}

/// Carries HTTP/2 over these two.
pub(crate) async fn http<A, B, F, R>(a: A, b: B, app: F) -> Http
where
    A: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    B: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    F: Fn(Request<Body>) -> R + Send + Sync + 'static,
    R: Future<Output = Response<Body>> + Send + 'static,
{
    let ends = Ends::new();
    let settings = Settings::default();
    let (shutdown, down) = oneshot::channel();
    let server = tokio::spawn({
        let ends = Arc::clone(&ends);
        async move {
            let down = async {
                if down.await.is_err() {
                    std::future::pending().await
                }
            };
            let admit = |open: &ChannelOpen| ends.admit(open);
            server::channel::serve(b, admit, App::new(app), down, &settings).await
        }
    });
    let number = ends.number();
    let connected = client::channel::connect(a, ends.id(), ends.client(), number, &settings, &OsRandom);
    let (channel, connection) = connected.await.unwrap();
    let connection = tokio::spawn(connection);
    Http { channel, connection, server, shutdown }
}

impl<F> App<F> {
    pub(crate) fn new(app: F) -> Self {
        Self(Arc::new(app))
    }
}
