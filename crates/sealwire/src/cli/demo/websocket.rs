//! A WebSocket of an ordinary program, through the local proxy and a channel of its session (SE-37), and what somebody on
//! the way sees of it.

use super::{
    report::Told,
    stage::{Stage, config, loopback},
    tap::{Seen, Wiretap},
};
use anyhow::{Context, anyhow, bail, ensure};
use futures_util::{SinkExt, StreamExt};
use sealwire::connect::{self, ConnectSettings};
use sealwire_attest::Policy;
use sealwire_client::{Settings, Wire};
use sealwire_gateway::{Config, Running, config::Route};
use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_tungstenite::{
    WebSocketStream, accept_async, client_async,
    tungstenite::{
        Message,
        protocol::{CloseFrame, frame::coding::CloseCode},
    },
};

/// Messages there and back.
const COUNT: u32 = 100;
const SAID: &str = "Ada Lovelace, room 7, at nine";
const PLACE: &str = "/v1/ward";
/// What the application closes with when it is told to.
const BYE: &str = "good night";

pub(super) async fn step(stage: &Stage, wire: Wire) -> anyhow::Result<Told> {
    let app = App::start().await?;
    let gateway = gateway(stage, app.address).await?;
    let told = through(stage, &gateway, wire).await;
    gateway.shutdown().await;
    told
}

/// A gateway in front of the application with the WebSockets.
async fn gateway(stage: &Stage, app: SocketAddr) -> anyhow::Result<Running> {
    let routes = vec![Route::new("/", format!("http://{app}"))];
    Ok(stage.gateway(Config { routes, ..config() }).await?)
}

async fn through(stage: &Stage, gateway: &Running, wire: Wire) -> anyhow::Result<Told> {
    let seen = Arc::new(Seen::default());
    let wiretap = Wiretap::start(gateway.address(), Arc::clone(&seen)).await?;
    let verified = stage.shown.verified().map_err(|error| anyhow!("{error}"))?;
    let policy = Policy::exactly(verified, Some(&gateway.config_digest()), None);
    let to = format!("http://{}", wiretap.address).parse()?;
    let settings = Settings {
        wire,
        authority: Some(gateway.address().to_string()),
        ..Settings::new(to, Policy::from_toml(&policy)?)
    };
    let proxy = connect::start(ConnectSettings::new(settings, loopback())).await?;
    let at = proxy.address();
    let talked = talk(at).await;
    let counts = proxy.status().counts;
    proxy.shutdown().await;
    let each = talked?;
    ensure!((counts.channels, counts.websockets) == (1, 1), "{counts:?}");
    let traffic = seen.take();
    ensure!(traffic.find(&["sealwire.v1"]).is_some(), "the outsider saw no channel at all");
    if let Some(secret) = traffic.find(&[SAID, PLACE, BYE]) {
        bail!("the outsider saw {secret:?}");
    }
    let way = match wire {
        Wire::Tunnel => "inside the WebSocket on which the session was made",
        _ => "through one channel of the session",
    };
    Ok(Told::new(format!("{COUNT} messages there and back {way}, {each:.1?} each"))
        .saw("program", format!("an ordinary client of ws://{at}{PLACE}"))
        .saw(
            "outsider",
            format!("{} bytes up, {} bytes down: …{}", traffic.up, traffic.down, traffic.ending()),
        )
        .saw("outsider", "none of: path, messages, the reason of the close"))
}

/// An ordinary client: it knows the local port and nothing else.
async fn talk(at: SocketAddr) -> anyhow::Result<Duration> {
    let tcp = TcpStream::connect(at).await?;
    let (mut socket, _) = client_async(format!("ws://{at}{PLACE}"), tcp).await?;
    let start = Instant::now();
    for number in 0..COUNT {
        let said = Message::text(format!("{SAID} {number}"));
        socket.send(said.clone()).await?;
        let heard = socket.next().await.context("the WebSocket ended")??;
        ensure!(heard == said, "another message came back");
    }
    let each = start.elapsed() / COUNT;
    socket.send(Message::text(BYE)).await?;
    let end = socket.next().await.context("the WebSocket ended without a word")??;
    let Message::Close(Some(frame)) = end else { bail!("no close, but {end}") };
    ensure!((u16::from(frame.code), frame.reason.as_str()) == (4000, BYE), "closed with {frame}");
    Ok(each)
}

/// An ordinary server of WebSockets, which says again what it hears.
struct App {
    address: SocketAddr,
    server: JoinHandle<()>,
}

impl App {
    async fn start() -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let Ok(socket) = accept_async(stream).await else { return };
                    // Its client has gone.
                    let _ = echo(socket).await;
                });
            }
        });
        Ok(Self { address, server })
    }
}

impl Drop for App {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn echo(mut socket: WebSocketStream<TcpStream>) -> anyhow::Result<()> {
    while let Some(message) = socket.next().await {
        match message? {
            Message::Text(text) if text == BYE => {
                let frame = CloseFrame { code: CloseCode::from(4000), reason: BYE.into() };
                socket.close(Some(frame)).await?;
            }
            message @ (Message::Text(_) | Message::Binary(_)) => socket.send(message).await?,
            _ => {}
        }
    }
    Ok(())
}
