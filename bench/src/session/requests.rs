//! The gateway's CPU time per request over a session, more than on the plain route.

use super::{accept, finish, millis};
use crate::{
    gateway::{Load, best, connect, plain},
    process::Party,
    report::{Table, Target},
};
use anyhow::{Result, anyhow};
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Request, uri::Scheme};
use http_body_util::{BodyExt, Full};
use sealwire_attest::key_document::{Acceptance, Published};
use sealwire_crypto::random::OsRandom;
use sealwire_http::{
    session::{
        client::{self, Config, Established},
        media,
        request::{BASE_ID, Listed, Mode, Padding, TICKET, base_id},
    },
    wire::{SESSION_PATH, SESSION_REQUEST_PATH},
};
use sealwire_message::{
    bhttp::{RequestHead, encode},
    chunk,
};
use std::{
    net::SocketAddr,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

const CONNECTIONS: [usize; 2] = [32, 128];
const CONTENT: usize = 1024;

/// Beside the plain route of the same gateway.
pub(crate) async fn run(state: &Path) -> Result<Table> {
    let columns = ["path", "connections", "plain, us", "session, us", "more, us"];
    let mut table = Table::new("Session, gateway CPU time per 1 KiB request", &columns);
    let upstream = Party::start("upstream", &[])?;
    let arguments = [upstream.address.to_string(), state.display().to_string(), "x25519".to_owned()];
    let gateway = Party::start("gateway", &arguments)?;
    for connections in CONNECTIONS {
        let (session, _) = handshake(state, gateway.address).await?;
        let plain_us = best(&gateway, &plain(), connections).await?;
        let sealed = Sealed::new(session);
        let us = best(&gateway, &sealed, connections).await?;
        let more = us - plain_us;
        let cells = [
            "echo".to_owned(),
            connections.to_string(),
            format!("{plain_us:.1}"),
            format!("{us:.1}"),
            format!("{more:.1}"),
        ];
        table.push(cells, more, Target::AtMost(5.0));
    }
    Ok(table)
}

/// Requests over one session.
pub(super) struct Sealed {
    session: Box<Established>,
    next: AtomicU64,
}

impl Load for Sealed {
    /// The last is sent first, and numbers go up in the order of sending: what lies below the window is refused.
    fn requests(&self, address: SocketAddr, count: usize) -> Result<Vec<Request<Full<Bytes>>>> {
        self.some(&address.to_string(), count)
    }
}

impl Sealed {
    pub(super) fn new(session: Box<Established>) -> Self {
        Self { session, next: AtomicU64::new(0) }
    }

    pub(super) fn into_session(self) -> Box<Established> {
        self.session
    }

    /// See [`Load::requests`].
    pub(super) fn some(&self, authority: &str, count: usize) -> Result<Vec<Request<Full<Bytes>>>> {
        let first = self.next.fetch_add(count as u64, Ordering::Relaxed);
        (0..count as u64).rev().map(|at| self.request(authority, first + at)).collect()
    }

    fn request(&self, authority: &str, number: u64) -> Result<Request<Full<Bytes>>> {
        static CONTENTS: [u8; CONTENT] = [0x5a; CONTENT];
        let mut headers = HeaderMap::new();
        headers.insert("content-length", CONTENT.into());
        let head = RequestHead {
            method: http::Method::POST,
            scheme: Scheme::HTTPS,
            authority: Some(authority.parse()?),
            path: "/echo".parse()?,
            headers,
        };
        let mut message = BytesMut::new();
        encode::request_head(&mut message, &head);
        encode::content_prefix(&mut message, CONTENT);
        message.extend_from_slice(&CONTENTS);
        encode::end(&mut message, None);
        let Established { id, secrets, .. } = &*self.session;
        let ticket = secrets.request.ticket(id, number, Mode::Hidden, &Listed::nothing(), &OsRandom)?;
        let (sealer, _) =
            secrets.request.seal(ticket)?.sealing(Padding::Short(256), chunk::Limits::default());
        let mut out = BytesMut::new();
        sealer.finish(&mut out, &[&message])?;
        Ok(Request::post(SESSION_REQUEST_PATH)
            .header("host", authority)
            .header("content-type", media::REQUEST)
            .header(BASE_ID, base_id(id))
            .header(TICKET, ticket.to_field())
            .body(Full::new(out.freeze()))?)
    }
}

/// A session with a gateway, and what it rests on.
pub(super) async fn handshake(state: &Path, address: SocketAddr) -> Result<(Box<Established>, Acceptance)> {
    let authority = address.to_string();
    let config = Arc::new(Config::default());
    let started = client::start(config, &authority, None, None, false, millis(), &OsRandom)?;
    let request = Request::post(SESSION_PATH)
        .header("host", &authority)
        .header("content-type", media::HANDSHAKE)
        .body(Full::new(started.hello.into()))?;
    let answer = connect(address).await?.send_request(request).await?;
    let flight = answer.into_body().collect().await?.to_bytes();
    let mut accepted = None;
    let session = finish(started.next.receive(&flight, &OsRandom)?, |published| {
        let published = published.ok_or_else(|| anyhow!("no document in the flight"))?;
        let acceptance = accept(state, &Published::decode(published)?, &authority)?;
        Ok(accepted.insert(acceptance).clone())
    })?;
    Ok((session, accepted.ok_or_else(|| anyhow!("nothing was accepted"))?))
}
