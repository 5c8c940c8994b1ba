//! Throughput, memory and latency of streams, through client and gateway, sealed against plain.

use crate::{
    gateway::connect,
    process::Party,
    report::{Table, Target},
    role::now_nanos,
};
use anyhow::{Result, anyhow, bail};
use bytes::Bytes;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper_util::rt::TokioIo;
use sealwire_attest::Policy;
use sealwire_client::{Connector, Settings, Wire};
use sealwire_http::{Body, body};
use sealwire_tee::development::Development;
use std::{convert::Infallible, net::SocketAddr, path::Path, time::Instant};
use tokio::net::TcpStream;
use tower::ServiceExt;

const BULK: u64 = 100 << 20;
/// A gigabyte: a gibibyte is more than AES-GCM may seal in one message (OB-29).
const LONG: u64 = 1_000_000_000;
const EVENTS: usize = 200;
const ROUNDS: usize = 3;

/// The parties of a stream.
struct Stage {
    _upstream: Party,
    gateway: Party,
    /// the local proxy
    proxy: Party,
    /// the library, in this process
    connector: Connector,
    /// the same, over a session
    session: Connector,
}

pub(crate) async fn run(state: &Path, scratch: &Path) -> Result<Table> {
    let mut table = Table::new("Streams", &["what", "plain", "sealed", "result"]);
    let upstream = Party::start("upstream", &[])?;
    let arguments = [upstream.address.to_string(), state.display().to_string(), "x25519".to_owned()];
    let gateway = Party::start("gateway", &arguments)?;
    let text = accepting(state)?;
    let policy = scratch.join("policy.toml");
    std::fs::write(&policy, &text)?;
    let proxy = Party::start("client", &[gateway.address.to_string(), policy.display().to_string()])?;
    let to = format!("http://{}", gateway.address).parse()?;
    let settings = Settings { wire: Wire::Oblivious, ..Settings::new(to, Policy::from_toml(&text)?) };
    let session = Connector::connect(Settings { wire: Wire::Session, ..settings.clone() }).await?;
    let connector = Connector::connect(settings).await?;
    let stage = Stage { _upstream: upstream, gateway, proxy, connector, session };

    memory(&stage, &mut table).await?;
    for (name, way) in [("100 MiB download", Way::Down), ("100 MiB upload", Way::Up)] {
        let plain = fastest(&Through::Plain(stage.gateway.address), way).await?;
        let sealed = fastest(&Through::Library(&stage.connector), way).await?;
        let session = fastest(&Through::Library(&stage.session), way).await?;
        let proxied = fastest(&Through::Plain(stage.proxy.address), way).await?;
        for (by, sealed, target) in [
            ("library", sealed, Target::AtLeast(0.6)),
            ("library, session", session, Target::AtLeast(0.7)),
            ("local proxy", proxied, Target::None),
        ] {
            let ratio = sealed / plain;
            let cells = [
                format!("{name}, sealed by the {by}"),
                format!("{plain:.0} MiB/s"),
                format!("{sealed:.0} MiB/s"),
                format!("{ratio:.2}"),
            ];
            table.push(cells, ratio, target);
        }
    }
    events(&stage, &mut table).await?;
    Ok(table)
}

/// A policy that accepts the development root in `state`.
pub(crate) fn accepting(state: &Path) -> Result<String> {
    let root = Development::open(state)?.root_fingerprint();
    let root: String = root.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!(
        "version = 1\nany-operator = true\n[[accept]]\nkind = \"development\"\nroots = [\"sha256:{root}\"]\n\
         measurement = {{ any = \"benchmark\" }}\nhost-data = {{ any = \"benchmark\" }}\n\
         minimum-tcb = {{ any = \"benchmark\" }}\ncrl = \"if-available\"\n"
    ))
}

#[derive(Clone, Copy)]
enum Way {
    Down,
    Up,
}

/// How a transfer goes.
enum Through<'a> {
    /// in clear, to the gateway or to the local proxy
    Plain(SocketAddr),
    /// sealed in this process
    Library(&'a Connector),
}

async fn fastest(through: &Through<'_>, way: Way) -> Result<f64> {
    let mut best: f64 = 0.0;
    for _ in 0..ROUNDS {
        best = best.max(transfer(through, way, BULK).await?);
    }
    Ok(best)
}

/// Moves `bytes` one way; MiB/s.
async fn transfer(through: &Through<'_>, way: Way, bytes: u64) -> Result<f64> {
    let start = Instant::now();
    let request = match way {
        Way::Down => Request::get(format!("/download/{bytes}")).body(body::empty())?,
        Way::Up => {
            static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];
            let frames = (0..bytes.div_ceil(ZEROS.len() as u64))
                .map(|_| Ok::<_, Infallible>(Frame::data(Bytes::from_static(&ZEROS))));
            let content = StreamBody::new(futures_util::stream::iter(frames));
            Request::post("/upload").body(body::boxed(content))?
        }
    };
    let mut content = send(through, request).await?;
    let (mut came, mut answer) = (0, Vec::new());
    while let Some(frame) = content.frame().await {
        let Ok(data) = frame.map_err(|error| anyhow!(error))?.into_data() else { continue };
        came += data.len() as u64;
        if matches!(way, Way::Up) {
            answer.extend_from_slice(&data);
        }
    }
    if matches!(way, Way::Up) {
        came = std::str::from_utf8(&answer)?.parse()?;
    }
    if came < bytes {
        bail!("{came} of {bytes} bytes came");
    }
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let mib = bytes as f64 / f64::from(1 << 20);
    Ok(mib / start.elapsed().as_secs_f64())
}

async fn send(through: &Through<'_>, mut request: Request<Body>) -> Result<Body> {
    match through {
        Through::Library(connector) => {
            Ok((*connector).clone().oneshot(request).await.map(Response::into_body)?)
        }
        Through::Plain(address) => {
            let socket = TcpStream::connect(address).await?;
            socket.set_nodelay(true)?;
            let (mut sender, connection) =
                hyper::client::conn::http1::handshake(TokioIo::new(socket)).await?;
            tokio::spawn(connection);
            request.headers_mut().insert("host", address.to_string().parse()?);
            Ok(body::boxed(sender.send_request(request).await?.into_body()))
        }
    }
}

/// How much more memory the parties hold at most while a gigabyte streams each way.
async fn memory(stage: &Stage, table: &mut Table) -> Result<()> {
    for (name, way) in [("download", Way::Down), ("upload", Way::Up)] {
        let before = (stage.gateway.memory_kib()?.0, stage.proxy.memory_kib()?.0);
        stage.gateway.reset_peak()?;
        stage.proxy.reset_peak()?;
        transfer(&Through::Plain(stage.proxy.address), way, LONG).await?;
        let after = (stage.gateway.memory_kib()?.1, stage.proxy.memory_kib()?.1);
        for (party, before, after) in [("gateway", before.0, after.0), ("local proxy", before.1, after.1)] {
            let more = (after - before) / 1024.0;
            let cells = [
                format!("memory of the {party}, 1 GB {name}"),
                "–".into(),
                "–".into(),
                format!("{more:+.1} MiB"),
            ];
            table.push(cells, more, Target::AtMost(8.0));
        }
    }
    Ok(())
}

/// How much later an event arrives when it is sealed: the median, in microseconds.
async fn events(stage: &Stage, table: &mut Table) -> Result<()> {
    let plain = delays(stage.gateway.address).await?;
    let sealed = delays(stage.proxy.address).await?;
    for (name, plain, sealed) in [
        ("request to first event", plain.0, sealed.0),
        ("delay of each event", plain.1, sealed.1),
        ("gap between events", plain.2, sealed.2),
    ] {
        let more = sealed - plain;
        let cells = [
            format!("{name}, median"),
            format!("{plain:.0} us"),
            format!("{sealed:.0} us"),
            format!("{more:+.0} us"),
        ];
        table.push(cells, more, Target::AtMost(1000.0));
    }
    Ok(())
}

/// Medians, in microseconds: from request to first event over several streams; over one, from where each event was made
/// to its arrival, and from one arrival to the next.
async fn delays(address: SocketAddr) -> Result<(f64, f64, f64)> {
    let mut firsts = Vec::new();
    for _ in 0..20 {
        firsts.extend(stream(address, 1).await?.first().map(|first| first.since_request));
    }
    let events = stream(address, EVENTS).await?;
    let gaps = events.windows(2).filter_map(|pair| match pair {
        [before, after] => Some(after.since_request - before.since_request),
        _ => None,
    });
    let gaps = gaps.collect();
    Ok((median(firsts)?, median(events.iter().map(|event| event.since_made).collect())?, median(gaps)?))
}

/// When an event arrived, in microseconds.
struct Arrival {
    since_request: f64,
    since_made: f64,
}

async fn stream(address: SocketAddr, count: usize) -> Result<Vec<Arrival>> {
    let mut connection = connect(address).await?;
    let request =
        Request::get(format!("/events/{count}")).header("host", address.to_string()).body(Full::default())?;
    let asked = Instant::now();
    let mut body = connection.send_request(request).await?.into_body();
    let mut arrivals = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        let (since_request, now) = (asked.elapsed().as_secs_f64() * 1e6, now_nanos());
        for event in std::str::from_utf8(&data)?.lines().filter_map(|line| line.strip_prefix("data: ")) {
            let made: u128 = event.parse()?;
            #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
            arrivals.push(Arrival { since_request, since_made: now.saturating_sub(made) as f64 / 1000.0 });
        }
    }
    Ok(arrivals)
}

fn median(mut values: Vec<f64>) -> Result<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().ok_or_else(|| anyhow!("no events came"))
}
