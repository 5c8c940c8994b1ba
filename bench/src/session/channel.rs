//! A WebSocket inside a session's channel, and inside a tunnel, against a plain one behind a proxy that copies.

use crate::{
    process::Party,
    report::{Table, Target},
    stream::accepting,
};
use anyhow::{Result, anyhow, bail};
use bytes::Bytes;
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use sealwire_attest::Policy;
use sealwire_client::{Connector, Settings, Wire};
use std::{path::Path, time::Instant};
use tokio_tungstenite::tungstenite::{self, Message};

const BULK: usize = 100 << 20;
const PIECE: usize = 64 << 10;
const ECHOES: u32 = 5000;
const ROUNDS: usize = 3;

/// 100 MiB each way, and echoes of 1 KiB one after the other.
pub(crate) async fn run(state: &Path) -> Result<Table> {
    let title = "WebSocket inside a session's channel";
    against_plain(state, Wire::Session, title, &[Work::Down, Work::Up, Work::Echo]).await
}

/// The same in bulk, inside a tunnel: its session is made on the WebSocket, and what carries the bytes then is the same (TU-60).
pub(crate) async fn tunnel(state: &Path) -> Result<Table> {
    against_plain(state, Wire::Tunnel, "WebSocket inside a tunnel, version 1", &[Work::Down, Work::Up]).await
}

async fn against_plain(state: &Path, wire: Wire, title: &str, works: &[Work]) -> Result<Table> {
    let columns = ["what", "plain, proxied", "sealed", "ratio"];
    let mut table = Table::new(title, &columns);
    let upstream = Party::start("websocket-upstream", &[])?;
    let proxy = Party::start("copying-proxy", &[upstream.address.to_string()])?;
    let arguments = [upstream.address.to_string(), state.display().to_string(), "x25519".to_owned()];
    let gateway = Party::start("gateway", &arguments)?;
    let to = format!("http://{}", gateway.address).parse()?;
    let policy = Policy::from_toml(&accepting(state)?)?;
    let connector = Connector::connect(Settings { wire, ..Settings::new(to, policy) }).await?;
    let address = format!("ws://{}/", proxy.address);
    let (mut plain, _) = tokio_tungstenite::client_async(&address, tcp(&proxy).await?).await?;
    let (mut sealed, _) = connector.websocket("/").await?;
    for &work in works {
        let what = match work {
            Work::Down => "100 MiB download, MiB/s",
            Work::Up => "100 MiB upload, MiB/s",
            Work::Echo => "1 KiB echo, /s",
        };
        let (mut ours, mut theirs): (f64, f64) = (0.0, 0.0);
        for _ in 0..ROUNDS {
            theirs = theirs.max(rate(&mut plain, work).await?);
            ours = ours.max(rate(&mut sealed, work).await?);
        }
        let ratio = ours / theirs;
        let cells = [what.to_owned(), format!("{theirs:.0}"), format!("{ours:.0}"), format!("{ratio:.2}")];
        table.push(cells, ratio, Target::AtLeast(0.7));
    }
    Ok(table)
}

async fn tcp(party: &Party) -> Result<tokio::net::TcpStream> {
    let socket = tokio::net::TcpStream::connect(party.address).await?;
    socket.set_nodelay(true)?;
    Ok(socket)
}

#[derive(Clone, Copy)]
enum Work {
    Down,
    Up,
    Echo,
}

/// MiB/s, or echoes in a second.
async fn rate<S>(socket: &mut S, work: Work) -> Result<f64>
where
    S: Stream<Item = tungstenite::Result<Message>> + Sink<Message, Error = tungstenite::Error> + Unpin,
{
    let mut count = f64::from(u32::try_from(BULK >> 20)?);
    let begun = Instant::now();
    match work {
        Work::Down => {
            socket.send(Message::text(format!("down {BULK}"))).await?;
            let mut came = 0;
            while came < BULK {
                came += next(socket).await?.len();
            }
        }
        Work::Up => {
            socket.send(Message::text(format!("up {BULK}"))).await?;
            static ZEROS: [u8; PIECE] = [0; PIECE];
            for _ in 0..BULK / PIECE {
                socket.feed(Message::Binary(Bytes::from_static(&ZEROS))).await?;
            }
            socket.flush().await?;
            next(socket).await?;
        }
        Work::Echo => {
            count = f64::from(ECHOES);
            for _ in 0..ECHOES {
                socket.send(Message::Binary(Bytes::from_static(&[0x5a; 1024]))).await?;
                next(socket).await?;
            }
        }
    }
    Ok(count / begun.elapsed().as_secs_f64())
}

async fn next<S>(socket: &mut S) -> Result<Bytes>
where
    S: Stream<Item = tungstenite::Result<Message>> + Unpin,
{
    let message = socket.next().await.ok_or_else(|| anyhow!("the WebSocket ended"))??;
    Ok(message.into_data())
}

/// The application: `down N` gets N bytes, `up N` an answer when they have come, and binary messages come back.
pub(crate) async fn upstream(socket: tokio::net::TcpStream) -> Result<()> {
    socket.set_nodelay(true)?;
    let mut socket = tokio_tungstenite::accept_async(socket).await?;
    static ZEROS: [u8; PIECE] = [0; PIECE];
    while let Some(message) = socket.next().await {
        match message? {
            Message::Text(text) => match text.as_str().split_once(' ') {
                Some(("down", count)) => {
                    for _ in 0..count.parse::<usize>()?.div_ceil(PIECE) {
                        socket.feed(Message::Binary(Bytes::from_static(&ZEROS))).await?;
                    }
                    socket.flush().await?;
                }
                Some(("up", count)) => {
                    let (count, mut came) = (count.parse::<usize>()?, 0);
                    while came < count {
                        came += next(&mut socket).await?.len();
                    }
                    socket.send(Message::text("done")).await?;
                }
                _ => bail!("not understood"),
            },
            Message::Binary(data) => socket.send(Message::Binary(data)).await?,
            _ => {}
        }
    }
    Ok(())
}
