//! What the relay saw, or whoever else is on the way.

use sealwire::relay::Tap;
use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// Bytes each way that are kept to be searched and shown; counts go on.
const KEPT: usize = 8 << 20;

/// What passed the relay.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    /// towards the gateway; of one exchange, its whole sealed request
    pub(super) requests: Vec<u8>,
    /// towards the client
    pub(super) answers: Vec<u8>,
    /// bytes towards the gateway
    pub(super) up: u64,
    /// bytes towards the client
    pub(super) down: u64,
}

impl Traffic {
    /// The first of `needles` that is in anything that passed.
    pub(super) fn find<'a>(&self, needles: &[&'a str]) -> Option<&'a str> {
        let has =
            |hay: &[u8], needle: &str| hay.windows(needle.len()).any(|window| window == needle.as_bytes());
        needles.iter().copied().find(|needle| has(&self.requests, needle) || has(&self.answers, needle))
    }

    /// Hex of a sealed request's beginning: its header and what follows.
    pub(super) fn excerpt(&self) -> String {
        format!("{}…", hex::encode(self.requests.get(..24).unwrap_or(&self.requests)))
    }

    /// Hex of the last that went towards the gateway.
    pub(super) fn ending(&self) -> String {
        let start = self.requests.len().saturating_sub(24);
        hex::encode(self.requests.get(start..).unwrap_or_default())
    }
}

/// The relay writes, the demo reads.
#[derive(Default)]
pub(super) struct Seen(Mutex<Traffic>);

impl Seen {
    /// What passed since the last time.
    pub(super) fn take(&self) -> Traffic {
        std::mem::take(&mut self.traffic())
    }

    fn traffic(&self) -> MutexGuard<'_, Traffic> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn keep(kept: &mut Vec<u8>, slice: &[u8]) {
    let room = KEPT.saturating_sub(kept.len());
    kept.extend_from_slice(slice.get(..room).unwrap_or(slice));
}

impl Tap for Seen {
    fn request(&self, slice: &[u8]) {
        let mut traffic = self.traffic();
        traffic.up += slice.len() as u64;
        keep(&mut traffic.requests, slice);
    }

    fn response(&self, slice: &[u8]) {
        let mut traffic = self.traffic();
        traffic.down += slice.len() as u64;
        keep(&mut traffic.answers, slice);
    }
}

/// Somebody on the way, who passes on every byte and keeps a copy. It runs until it is dropped.
pub(super) struct Wiretap {
    pub(super) address: SocketAddr,
    server: JoinHandle<()>,
}

impl Wiretap {
    pub(super) async fn start(before: SocketAddr, seen: Arc<Seen>) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let server = tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let Ok(far) = TcpStream::connect(before).await else { continue };
                let ((near_read, near_write), (far_read, far_write)) = (near.into_split(), far.into_split());
                let (up, down) = (Arc::clone(&seen), Arc::clone(&seen));
                tokio::spawn(pass(near_read, far_write, move |slice| up.request(slice)));
                tokio::spawn(pass(far_read, near_write, move |slice| down.response(slice)));
            }
        });
        Ok(Self { address, server })
    }
}

impl Drop for Wiretap {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn pass(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    keep: impl Fn(&[u8]),
) -> io::Result<()> {
    let mut buffer = vec![0; 16 << 10];
    loop {
        let len = from.read(&mut buffer).await?;
        let slice = buffer.get(..len).unwrap_or_default();
        if slice.is_empty() {
            return to.shutdown().await;
        }
        keep(slice);
        to.write_all(slice).await?;
    }
}
