//! WebSockets of local programs: their connection here, the one beyond, and the bytes between.

use http::{HeaderMap, HeaderValue, Response, StatusCode, header, request::Parts};
use hyper::upgrade::OnUpgrade;
use sealwire_http::{
    Body,
    server::tunnels::Tunnels,
    websocket::{self, Form, Occupied, Refused},
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

/// The end of a WebSocket that is here.
pub(super) struct Near {
    upgrade: OnUpgrade,
    /// by HTTP/2
    connects: bool,
    occupied: Option<Occupied>,
}

impl Near {
    /// Takes it from a request; none where it asks for no WebSocket. Whether it asks well is for others to say.
    pub(super) fn take(head: &mut Parts) -> Option<Self> {
        if Form::of(head) == Err(Refused::NotAsked) {
            return None;
        }
        let connects = websocket::is_connect(head);
        let upgrade = head.extensions.remove::<OnUpgrade>()?;
        Some(Self { upgrade, connects, occupied: head.extensions.remove() })
    }

    /// Asks on: the fields that ask concern this connection, and were left here with all that do.
    pub(super) fn ask_on(&self, headers: &mut HeaderMap) {
        if !self.connects {
            headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
            headers.insert(header::UPGRADE, HeaderValue::from_static(websocket::NAME));
        }
    }

    /// Carries bytes between the two ends once the answer has left, unless the application wants no WebSocket.
    pub(super) fn join(self, answer: &mut Response<Body>, sockets: &Sockets) {
        let Self { upgrade: near, connects, occupied } = self;
        let begins =
            answer.status() == StatusCode::SWITCHING_PROTOCOLS || (connects && answer.status().is_success());
        if !begins {
            return;
        }
        let far = hyper::upgrade::on(&mut *answer);
        let beyond: Option<Occupied> = answer.extensions_mut().remove();
        let open = Open::new(&sockets.open);
        sockets.tunnels.spawn(async move {
            match websocket::join(near, far).await {
                Ok((there, back)) => tracing::debug!(there, back, "a WebSocket ended"),
                Err(error) => tracing::debug!(%error, "a WebSocket broke off"),
            }
            drop((open, occupied, beyond));
        });
    }
}

/// All that are open.
pub(super) struct Sockets {
    tunnels: Tunnels,
    open: Arc<AtomicUsize>,
}

impl Sockets {
    /// None so far. How many there may be, the listener's limits say.
    pub(super) fn new() -> Self {
        Self { tunnels: Tunnels::new(usize::MAX), open: Arc::default() }
    }

    /// How many are open.
    pub(super) fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// Waits for their end, and cuts what has not ended after `patience`.
    pub(super) async fn drain(&self, patience: Duration) {
        self.tunnels.drain(patience).await;
    }
}

/// Counts one, also when it is cut.
struct Open(Arc<AtomicUsize>);

impl Open {
    fn new(open: &Arc<AtomicUsize>) -> Self {
        open.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(open))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
