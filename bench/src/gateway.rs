//! The gateway's CPU time per request: a bare proxy, our plain route, and sealed requests by KEM.

use crate::{
    process::Party,
    report::{Table, Target},
};
use anyhow::{Context, Result, anyhow, bail};
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Request, uri::Scheme};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use sealwire_crypto::{kem::Kem, random::OsRandom};
use sealwire_message::bhttp::{RequestHead, encode};
use sealwire_oblivious::{
    Limits, client,
    config::{self, Selected},
    media,
};
use std::{
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};
use tokio::net::TcpStream;

const CONNECTIONS: [usize; 2] = [32, 128];
const REQUESTS: usize = 20_000;
const CONTENT: usize = 1024;
const ROUNDS: usize = 3;

pub(crate) const KEMS: [&str; 3] = ["x25519", "x-wing", "p-256"];

/// The KEM of a name.
pub(crate) fn kem(name: &str) -> Result<Kem> {
    Ok(match name {
        "x25519" => Kem::X25519,
        "x-wing" => Kem::XWing,
        "p-256" => Kem::P256,
        _ => bail!("no such KEM: {name}"),
    })
}

/// `floor` gives the microseconds of one decap + encap at 1 KiB by KEM name.
pub(crate) async fn run(state: &Path, floor: impl Fn(&str) -> Result<f64>) -> Result<Table> {
    let mut table = Table::new(
        "Gateway, CPU time per 1 KiB request, keep-alive connections",
        &["path", "connections", "us", "against", "ratio"],
    );
    let upstream = Party::start("upstream", &[])?;
    let bare = Party::start("bare-proxy", &[upstream.address.to_string()])?;
    let cells = |path: &str, connections: usize, us: f64, against: &str, ratio: f64| {
        [path.into(), connections.to_string(), format!("{us:.1}"), against.into(), format!("{ratio:.2}")]
    };
    for connections in CONNECTIONS {
        let bare_us = best(&bare, &Message::Plain, connections).await?;
        table.push(cells("bare hyper proxy", connections, bare_us, "–", 1.0), 1.0, Target::None);
        for name in KEMS {
            let arguments = [upstream.address.to_string(), state.display().to_string(), name.to_owned()];
            let gateway = Party::start("gateway", &arguments)?;
            let to = selected(gateway.address, kem(name)?).await?;
            let plain_us = best(&gateway, &Message::Plain, connections).await?;
            if name == "x25519" {
                let ratio = plain_us / bare_us;
                let cells = cells("plain route", connections, plain_us, "bare proxy", ratio);
                table.push(cells, ratio, Target::AtMost(1.3));
            }
            let floor_us = floor(name)?;
            for (form, chunked) in [("single", false), ("chunked", true)] {
                let message = Message::Sealed { to: to.clone(), chunked };
                let more = best(&gateway, &message, connections).await? - plain_us;
                let path = format!("sealed {form}, {name}, more than plain");
                let ratio = more / floor_us;
                let cells = cells(&path, connections, more, "decap + encap floor", ratio);
                table.push(cells, ratio, Target::AtMost(1.3));
            }
        }
    }
    Ok(table)
}

/// What makes the requests of a run.
pub(crate) trait Load {
    /// So many, the one that is sent first last.
    fn requests(&self, address: SocketAddr, count: usize) -> Result<Vec<Request<Full<Bytes>>>>;
}

/// Requests in clear.
pub(crate) fn plain() -> impl Load {
    Message::Plain
}

/// What is sent.
#[derive(Clone)]
enum Message {
    Plain,
    Sealed { to: Selected, chunked: bool },
}

/// The lowest of some rounds, in microseconds of the party's CPU time per request.
pub(crate) async fn best(party: &Party, message: &impl Load, connections: usize) -> Result<f64> {
    let mut lowest = f64::INFINITY;
    for _ in 0..ROUNDS {
        load(party.address, message.requests(party.address, REQUESTS / 10)?, connections).await?;
        // Made before, so that it is the gateway that is busy: one that waits for its callers wakes up for each request.
        let requests = message.requests(party.address, REQUESTS)?;
        let before = party.cpu_nanos()?;
        load(party.address, requests, connections).await?;
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let each = (party.cpu_nanos()? - before) / REQUESTS as f64 / 1000.0;
        lowest = lowest.min(each);
    }
    Ok(lowest)
}

async fn load(address: SocketAddr, requests: Vec<Request<Full<Bytes>>>, connections: usize) -> Result<()> {
    let left = Arc::new(Mutex::new(requests));
    let mut workers = Vec::new();
    for _ in 0..connections {
        let left = Arc::clone(&left);
        workers.push(tokio::spawn(async move {
            let mut connection = connect(address).await?;
            let next = || left.lock().unwrap_or_else(PoisonError::into_inner).pop();
            while let Some(request) = next() {
                connection.ready().await?;
                let response = connection.send_request(request).await?;
                if response.status() != 200 {
                    bail!("status {}", response.status());
                }
                response.into_body().collect().await?;
            }
            anyhow::Ok(())
        }));
    }
    for worker in workers {
        worker.await??;
    }
    Ok(())
}

/// One connection.
pub(crate) async fn connect(address: SocketAddr) -> Result<SendRequest<Full<Bytes>>> {
    let socket = TcpStream::connect(address).await?;
    socket.set_nodelay(true)?;
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(socket)).await?;
    tokio::spawn(connection);
    Ok(sender)
}

impl Load for Message {
    fn requests(&self, address: SocketAddr, count: usize) -> Result<Vec<Request<Full<Bytes>>>> {
        (0..count).map(|_| self.request(address)).collect()
    }
}

impl Message {
    fn request(&self, address: SocketAddr) -> Result<Request<Full<Bytes>>> {
        static CONTENTS: [u8; CONTENT] = [0x5a; CONTENT];
        let request = Request::post("/echo").header("host", address.to_string());
        let (to, chunked) = match self {
            Self::Plain => return Ok(request.body(Full::new(Bytes::from_static(&CONTENTS)))?),
            Self::Sealed { to, chunked } => (to, *chunked),
        };
        let mut headers = HeaderMap::new();
        headers.insert("date", httpdate::fmt_http_date(SystemTime::now()).parse()?);
        headers.insert("content-length", CONTENT.into());
        let head = RequestHead {
            method: http::Method::POST,
            scheme: Scheme::HTTPS,
            authority: Some(address.to_string().parse()?),
            path: "/echo".parse()?,
            headers,
        };
        let mut message = BytesMut::new();
        let limits = Limits::default();
        let (media_type, sealed) = if chunked {
            encode::request_head(&mut message, &head);
            encode::content_prefix(&mut message, CONTENT);
            message.extend_from_slice(&CONTENTS);
            encode::end(&mut message, None);
            let mut out = BytesMut::new();
            let (sealer, _) = client::start_chunked(to, &mut out, &limits, &OsRandom)?;
            sealer.finish(&mut out, &[&message])?;
            (media::CHUNKED_REQUEST, out)
        } else {
            encode::known_request(&mut message, &head, &CONTENTS, None);
            (media::REQUEST, client::seal_single(to, &message, &limits, &OsRandom)?.0)
        };
        Ok(request
            .uri(sealwire_http::wire::OBLIVIOUS_PATH)
            .header("content-type", media_type)
            .body(Full::new(sealed.freeze()))?)
    }
}

/// The gateway's key, as it publishes it. Nothing is verified: this is a load generator.
async fn selected(address: SocketAddr, kem: Kem) -> Result<Selected> {
    let mut connection = connect(address).await?;
    let request = Request::get(sealwire_http::wire::OBLIVIOUS_PATH)
        .header("host", address.to_string())
        .body(Full::default())?;
    let list = connection.send_request(request).await?.into_body().collect().await?.to_bytes();
    let configs = config::parse_list(&list, &Limits::default()).context("key list")?;
    let mut selected = config::select(&configs, &[kem]).map_err(|error| anyhow!(error))?;
    selected.suite.aead = sealwire_crypto::aead::Aead::Aes128Gcm;
    Ok(selected)
}
