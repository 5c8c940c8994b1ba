//! A wire tap: passes bytes on unchanged, and keeps a copy.

use http::Uri;
use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{Notify, watch},
    task::JoinHandle,
};

/// What went one way, over all connections.
pub type Copy = Arc<Mutex<Vec<u8>>>;

/// Between whoever connects and a server.
pub struct Tap {
    address: SocketAddr,
    /// what went to the server
    pub forth: Copy,
    /// what came from it
    pub back: Copy,
    connections: Arc<AtomicUsize>,
    cuts: Arc<Notify>,
    held: Arc<watch::Sender<bool>>,
    task: JoinHandle<()>,
}

impl Tap {
    /// In front of the server at `server`.
    pub async fn before(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (forth, back) = (Copy::default(), Copy::default());
        let (connections, cuts) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
        let held = Arc::new(watch::Sender::new(false));
        let (to, from, count, cut) = (forth.clone(), back.clone(), connections.clone(), cuts.clone());
        let hold = held.clone();
        let task = tokio::spawn(async move {
            loop {
                let (near, _) = listener.accept().await.unwrap();
                let Ok(far) = TcpStream::connect(server).await else { continue };
                count.fetch_add(1, Ordering::SeqCst);
                let _ = (near.set_nodelay(true), far.set_nodelay(true));
                let ((near_read, near_write), (far_read, far_write)) = (near.into_split(), far.into_split());
                tokio::spawn(pass(near_read, far_write, to.clone(), cut.clone(), hold.subscribe()));
                tokio::spawn(pass(far_read, near_write, from.clone(), cut.clone(), hold.subscribe()));
            }
        });
        Self { address, forth, back, connections, cuts, held, task }
    }

    /// Where it is reached.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Holds back everything, as a server does that hangs; or lets it go.
    pub fn hold(&self, held: bool) {
        self.held.send_replace(held);
    }

    /// Where it is reached.
    #[must_use]
    pub fn url(&self) -> Uri {
        format!("http://{}", self.address).parse().unwrap()
    }

    /// Connections that were made through it.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Cuts every connection. New ones are passed on.
    pub fn cut(&self) {
        self.cuts.notify_waiters();
    }

    /// Whether these bytes went by, either way.
    #[must_use]
    pub fn saw(&self, what: &[u8]) -> bool {
        [&self.forth, &self.back]
            .iter()
            .any(|copy| copy.lock().unwrap().windows(what.len()).any(|window| window == what))
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn pass(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    copy: Copy,
    cuts: Arc<Notify>,
    mut held: watch::Receiver<bool>,
) {
    let mut buffer = vec![0; 64 << 10];
    let mut cut = std::pin::pin!(cuts.notified());
    cut.as_mut().enable();
    loop {
        let read = tokio::select! {
            () = cut.as_mut() => return,
            read = from.read(&mut buffer) => read,
        };
        let Ok(read @ 1..) = read else { break };
        copy.lock().unwrap().extend_from_slice(&buffer[..read]);
        tokio::select! {
            () = cut.as_mut() => return,
            // The tap itself is gone: nobody lets it go.
            let_go = held.wait_for(|held| !held) => if let_go.is_err() { return },
        }
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
    let _ = to.shutdown().await;
}
