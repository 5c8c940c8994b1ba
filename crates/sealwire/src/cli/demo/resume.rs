//! Sessions that go on where the last one ended (SE-40), a request along with the first message (SE-42), and a gateway that
//! starts anew (SE-43).

use super::{
    report::Told,
    stage::{Stage, config, loopback},
};
use anyhow::{anyhow, bail, ensure};
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use sealwire_attest::Policy;
use sealwire_client::{Connector, SealedWith, Settings, Wire};
use sealwire_gateway::{Config, Running, config::Route};
use sealwire_http::body;
use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};
use tower::ServiceExt;

/// Sessions that are begun, so that no single one of them is what is shown.
const COUNT: usize = 9;
/// Messages that the gateway got at the place of handshakes, those with a request behind them included.
const HANDSHAKES: &str = "sealwire_requests_total{wire=\"session-handshake\"";
const EARLY: &str = "sealwire_requests_total{wire=\"session-early\"";
const IN_SESSIONS: &str = "sealwire_requests_total{wire=\"session\"";

/// A session by the ticket of the last, beside one from the beginning.
pub(super) async fn resume(stage: &Stage) -> anyhow::Result<Told> {
    let settings = settings(stage, false)?;
    let (mut full, mut resumed) = (Vec::new(), Vec::new());
    for _ in 0..COUNT {
        let start = Instant::now();
        let connector = Connector::connect(settings.clone()).await?;
        get(stage, &connector).await?;
        full.push(start.elapsed());
        ensure!(!is_resumed(&connector)?, "a first session was resumed");
        connector.close().await;
        let start = Instant::now();
        get(stage, &connector).await?;
        resumed.push(start.elapsed());
        ensure!(is_resumed(&connector)?, "the ticket was not taken");
        connector.close().await;
    }
    Ok(Told::new(format!(
        "from the key document to the first answer {:.1?}, by the ticket of the session before {:.1?} (medians of {COUNT})",
        median(full),
        median(resumed),
    )))
}

/// A safe request along with the ticket: one message there, one back.
pub(super) async fn early_data(stage: &Stage) -> anyhow::Result<Told> {
    let mut shown = Vec::new();
    for early in [false, true] {
        let connector = Connector::connect(settings(stage, early)?).await?;
        get(stage, &connector).await?;
        let (mut times, mut messages) = (Vec::new(), 0);
        for _ in 0..COUNT {
            connector.close().await;
            let (before, reached) = (outer(stage).await?, stage.reached().await?);
            let start = Instant::now();
            get(stage, &connector).await?;
            times.push(start.elapsed());
            messages = outer(stage).await?.saturating_sub(before);
            ensure!(stage.reached().await? == reached + 1, "the application was not reached once");
        }
        let counts = connector.status().counts;
        ensure!(counts.resumptions == COUNT as u64, "{} of {COUNT} were resumed", counts.resumptions);
        let expected = if early { COUNT as u64 } else { 0 };
        ensure!(counts.early == expected, "{} requests went along with the ticket", counts.early);
        shown.push((messages, median(times)));
        connector.close().await;
    }
    let [(apart, apart_time), (along, along_time)] = shown[..] else { bail!("two were asked for") };
    ensure!(along < apart, "{along} round trips in the place of {apart}");
    Ok(Told::new(format!(
        "a GET along with the ticket: {along} round trip to its answer, {along_time:.1?}; behind it {apart}, \
         {apart_time:.1?} (medians of {COUNT})"
    )))
}

/// A gateway of the same configuration, in the place of one that has ended: its keys are new, and the client finds out by
/// itself.
pub(super) async fn restart(stage: &Stage) -> anyhow::Result<Told> {
    let gateway = gateway(stage, loopback()).await?;
    let address = gateway.address();
    let verified = stage.shown.verified().map_err(|error| anyhow!("{error}"))?;
    let policy = Policy::exactly(verified, Some(&gateway.config_digest()), None);
    let to = format!("http://{address}").parse()?;
    let settings = Settings { wire: Wire::Session, ..Settings::new(to, Policy::from_toml(&policy)?) };
    let connector = Connector::connect(settings).await?;
    get(stage, &connector).await?;
    let before = connector.pinned().get().instance;
    gateway.shutdown().await;
    let gateway = self::gateway(stage, address).await?;
    let reached = stage.reached().await?;
    let start = Instant::now();
    let answered = get(stage, &connector).await;
    let took = start.elapsed();
    let once = stage.reached().await? == reached + 1;
    let (after, counts) = (connector.pinned().get().instance, connector.status().counts);
    connector.close().await;
    gateway.shutdown().await;
    answered?;
    ensure!(once, "the application was not reached once");
    ensure!(before != after, "the same instance answers");
    ensure!((counts.renewals, counts.failed) == (1, 0), "{counts:?}");
    Ok(Told::new(format!(
        "the gateway ends and another instance starts: attested anew, and the request answered, in {took:.1?}"
    )))
}

async fn gateway(stage: &Stage, listen: SocketAddr) -> anyhow::Result<Running> {
    let routes = vec![Route::new("/", stage.upstream.to_string().trim_end_matches('/'))];
    Ok(stage.gateway(Config { listen, routes, ..config() }).await?)
}

fn settings(stage: &Stage, early_data: bool) -> anyhow::Result<Settings> {
    let settings = stage.settings(None, &stage.policy).map_err(|error| anyhow!("{error}"))?;
    Ok(Settings { wire: Wire::Session, early_data, ..settings })
}

async fn get(stage: &Stage, connector: &Connector) -> anyhow::Result<()> {
    let response = connector.clone().oneshot(Request::get("/").body(body::empty())?).await?;
    // Somebody's own application answers as it likes; the gateway's own failures are none of its answers.
    let status = response.status();
    ensure!(stage.app.is_none() || status == StatusCode::OK, "status {status}");
    response.into_body().collect().await.map_err(|error| anyhow!("{error}"))?;
    Ok(())
}

fn is_resumed(connector: &Connector) -> anyhow::Result<bool> {
    let SealedWith::Session(facts) = connector.status().sealed_with else { bail!("another wire") };
    Ok(facts.is_resumed())
}

/// Exchanges that the gateway had with clients of sessions so far, by its own count.
async fn outer(stage: &Stage) -> anyhow::Result<u64> {
    let mut all = 0;
    for name in [HANDSHAKES, EARLY, IN_SESSIONS] {
        all += stage.metric(name).await?;
    }
    Ok(all)
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
