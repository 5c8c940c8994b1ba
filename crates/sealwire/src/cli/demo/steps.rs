//! The steps, in order.

use super::{
    report::{Report, Told},
    stage::Stage,
};
use crate::cli::{
    proof,
    source::{Shown, Source},
    values::{self, Url},
};
use anyhow::{Context, anyhow, bail, ensure};
use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use sealwire_client::{Connector, Error, Settings, Wire};
use sealwire_http::{body, client::oblivious, wire::OBLIVIOUS_PATH};
use sealwire_oblivious::media;
use serde_json::{Value, json};
use std::{io, time::Instant};
use tower::ServiceExt;

/// What the relay must never see.
const SECRETS: [&str; 4] = ["Ada Lovelace", "hypothyroidism", "/v1/patients", "seen in clear"];
/// The gateway's count of repeated requests.
const REPLAYS: &str = "sealwire_refusals_total{reason=\"replay\"}";
/// Of uploads and downloads.
const BULK: u64 = 32 << 20;

/// Runs all of them.
pub(super) async fn all(stage: &Stage, report: &mut Report) -> io::Result<()> {
    report.step("attest", attest(stage)).await?;
    if stage.app.is_some() {
        report.step("json", json(stage)).await?;
        let bar = report.bar(BULK);
        report.step("upload", upload(stage)).await?;
        report.step("download", download(stage, &bar)).await?;
        bar.finish_and_clear();
        report.step("events", events(stage)).await?;
        report.step("upstream-error", upstream_error(stage)).await?;
    } else {
        report.step("request", request(stage)).await?;
        for name in ["json", "upload", "download", "events", "upstream-error"] {
            report
                .step(name, async { Ok(Told::new("left out: it needs the demo's own application")) })
                .await?;
        }
    }
    report.step("plaintext", plaintext(stage)).await?;
    report.step("tamper", tamper(stage)).await?;
    report.step("replay", replay(stage)).await?;
    report.step("session", session(stage)).await?;
    report.step("resume", super::resume::resume(stage)).await?;
    report.step("early-data", super::resume::early_data(stage)).await?;
    report.step("restart", Box::pin(super::resume::restart(stage))).await?;
    report.step("websocket", Box::pin(super::websocket::step(stage, Wire::Session))).await?;
    report.step("tunnel-fetch", Box::pin(super::tunnel::fetch(stage))).await?;
    report.step("tunnel-websocket", Box::pin(super::tunnel::socket(stage))).await?;
    report.step("ehbp", Box::pin(super::ehbp::step(stage))).await?;
    report.step("hpke-http", Box::pin(super::hpke_http::step(stage))).await?;
    report.step("mutual", Box::pin(super::mutual::step(stage))).await?;
    report.step("envelope", super::envelope::envelope()).await?;
    report.step("capability", super::envelope::capability()).await?;
    report.step("stream", super::envelope::stream()).await?;
    report.step("threshold", super::envelope::threshold()).await?;
    report.step("audit", super::envelope::audit()).await?;
    report.step("wrong-policy", wrong_policy(stage)).await
}

/// The chain of reasons that the proxy rests on.
async fn attest(stage: &Stage) -> anyhow::Result<Told> {
    let gateway = Url(stage.shown.at.0.clone());
    let shown = Shown::fetch(&gateway, &Source::default(), true).await.map_err(|error| anyhow!("{error}"))?;
    let claims = shown.verified().map_err(|error| anyhow!("{error}"))?.get();
    ensure!(claims.development, "the demo's hardware is not a development one");
    let title = "fresh evidence over the key document and our challenge".to_owned();
    let tree = proof::evidence(title, shown.checks(), Some(claims));
    let pinned = stage.proxy.connector().status();
    Ok(Told::new(format!(
        "the proxy verified the key document (serial {}) before a byte left, and seals to it with {}",
        pinned.acceptance.document.get().serial,
        values::sealed_with(&pinned.sealed_with),
    ))
    .shows(tree.to_string()))
}

/// One JSON request; the relay must not have seen anything of it.
async fn json(stage: &Stage) -> anyhow::Result<Told> {
    stage.seen.take();
    let record = json!({ "name": "Ada Lovelace", "diagnosis": "hypothyroidism" });
    let (status, answer) = stage.program.post("/v1/patients", &record.to_string()).await?;
    ensure!(status == StatusCode::OK, "status {status}");
    let answer: Value = serde_json::from_slice(&answer)?;
    ensure!(answer.get("stored") == Some(&record), "the application stored {answer}");
    let traffic = stage.seen.take();
    ensure!(traffic.up > 0 && traffic.down > 0, "the relay saw nothing at all");
    if let Some(secret) = traffic.find(&SECRETS) {
        bail!("the relay saw {secret:?}");
    }
    Ok(Told::new("a plain JSON request in, a plain answer out; sealed in between")
        .saw("application", format!("POST /v1/patients {record}"))
        .saw("relay", format!("{} bytes up, {} bytes down: {}", traffic.up, traffic.down, traffic.excerpt()))
        .saw("relay", "none of: name, diagnosis, path, answer"))
}

/// With somebody's own application: one request, whatever it answers.
async fn request(stage: &Stage) -> anyhow::Result<Told> {
    stage.seen.take();
    let (status, answer) = stage.program.get("/").await?;
    // The gateway's own words: an application that answers nothing has not been shown.
    let unreachable = matches!(status, StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT)
        && String::from_utf8_lossy(&answer).contains("about:blank");
    ensure!(!unreachable, "{} cannot be reached: {}", stage.application(), String::from_utf8_lossy(&answer));
    let traffic = stage.seen.take();
    ensure!(traffic.up > 0, "the relay saw nothing at all");
    Ok(Told::new(format!("your application answered GET / with {status} and {} bytes", answer.len()))
        .saw("relay", format!("{} bytes up, {} bytes down: {}", traffic.up, traffic.down, traffic.excerpt())))
}

async fn upload(stage: &Stage) -> anyhow::Result<Told> {
    let start = Instant::now();
    let (answer, sent) = stage.program.upload("/v1/upload", BULK).await?;
    let answer: Value = serde_json::from_slice(&answer)?;
    ensure!(answer.get("bytes") == Some(&BULK.into()), "the application got {answer}");
    ensure!(answer.get("sha256") == Some(&hex::encode(sent).into()), "the application got other bytes");
    Ok(Told::new(format!("{} MiB arrived unchanged, {}", BULK >> 20, rate(start))))
}

async fn download(stage: &Stage, bar: &indicatif::ProgressBar) -> anyhow::Result<Told> {
    let start = Instant::now();
    let response = stage.program.stream(&format!("/v1/download/{BULK}")).await?;
    let mut body = response.into_body();
    let mut came = 0_u64;
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data() {
            ensure!(data == super::app::pattern(came, data.len()), "other bytes came at {came}");
            came += data.len() as u64;
            bar.set_position(came);
        }
    }
    ensure!(came == BULK, "{came} bytes came");
    Ok(Told::new(format!("{} MiB came unchanged, {}", BULK >> 20, rate(start))))
}

fn rate(start: Instant) -> String {
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let mib = (BULK >> 20) as f64;
    format!("{:.0} MiB/s", mib / start.elapsed().as_secs_f64())
}

/// Events must come one by one, not in a block at the end.
async fn events(stage: &Stage) -> anyhow::Result<Told> {
    const COUNT: usize = 10;
    let start = Instant::now();
    let response = stage.program.stream(&format!("/v1/events/{COUNT}")).await?;
    let kind = response.headers().get(header::CONTENT_TYPE).cloned();
    ensure!(kind.is_some_and(|kind| kind == "text/event-stream"), "not an event stream");
    let mut body = response.into_body();
    let (mut events, mut first) = (0, None);
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data() {
            first.get_or_insert_with(|| start.elapsed());
            events += std::str::from_utf8(&data)?.matches("data: token").count();
        }
    }
    ensure!(events == COUNT, "{events} of {COUNT} events came");
    let (first, all) = (first.unwrap_or_default(), start.elapsed());
    ensure!(first * 2 < all, "the first event came after {first:?}, all after {all:?}: they were held back");
    Ok(Told::new(format!("{COUNT} events, the first after {first:.1?}, the last after {all:.1?}")))
}

/// The application's own failure arrives as it is, and only inside.
async fn upstream_error(stage: &Stage) -> anyhow::Result<Told> {
    stage.seen.take();
    let (status, answer) = stage.program.get("/v1/fail").await?;
    ensure!(status == StatusCode::SERVICE_UNAVAILABLE, "status {status}");
    let text = String::from_utf8_lossy(&answer);
    ensure!(text.contains("the model is not loaded"), "{text}");
    if let Some(seen) = stage.seen.take().find(&["the model", "503"]) {
        bail!("the relay saw {seen:?}");
    }
    Ok(Told::new("the application's 503 arrives as it is; outside it looks like any other answer")
        .saw("program", format!("{status} {text}")))
}

/// A request that is not sealed.
async fn plaintext(stage: &Stage) -> anyhow::Result<Told> {
    let before = stage.reached().await?;
    let direct = super::plain::Plain::new(stage.gateway.address());
    let (status, _) = direct.get("/v1/patients").await?;
    ensure!(status.is_client_error(), "the gateway answered {status}");
    ensure!(stage.reached().await? == before, "the application was reached");
    Ok(Told::new(format!("a request in clear to the gateway is refused with {status}")))
}

/// Sends bytes to the gateway as a relay would, and gives back the outer answer.
async fn deliver(stage: &Stage, sealed: Vec<u8>) -> anyhow::Result<(StatusCode, Bytes)> {
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let request = Request::post(format!("http://{}{OBLIVIOUS_PATH}", stage.gateway.address()))
        .header(header::CONTENT_TYPE, media::CHUNKED_REQUEST)
        .body(Full::new(sealed.into()))?;
    let answer = client.request(request).await?;
    Ok((answer.status(), answer.into_body().collect().await?.to_bytes()))
}

/// One sealed request as the relay saw it.
async fn captured(stage: &Stage) -> anyhow::Result<Vec<u8>> {
    stage.seen.take();
    stage.program.get("/").await?;
    let sealed = stage.seen.take().requests;
    ensure!(!sealed.is_empty(), "the relay saw no request");
    Ok(sealed)
}

/// Changed requests do not reach the application; changed answers do not reach the program.
async fn tamper(stage: &Stage) -> anyhow::Result<Told> {
    let sealed = captured(stage).await?;
    let before = stage.reached().await?;
    let mut changed = 0;
    for at in (0..sealed.len()).step_by(sealed.len().div_ceil(40)) {
        let mut message = sealed.clone();
        *message.get_mut(at).context("position")? ^= 0x10;
        let (status, text) = deliver(stage, message).await?;
        ensure!(status == StatusCode::BAD_REQUEST, "bit flipped in byte {at}: status {status}");
        ensure!(!String::from_utf8_lossy(&text).contains("application"), "an inner answer leaked");
        changed += 1;
    }
    ensure!(stage.reached().await? == before, "a changed request reached the application");

    let settings =
        stage.settings(Some(stage.meddler.address), &stage.policy).map_err(|error| anyhow!("{error}"))?;
    let connector = Connector::connect(settings).await?;
    let uri = format!("http://{}/", stage.gateway.address());
    let answer = connector.oneshot(Request::get(uri).body(body::empty())?).await;
    let refused = match answer {
        Err(Error::Wire(oblivious::Error::Answer(fault))) => fault.to_string(),
        Err(error) => return Err(error).context("the changed answer did not arrive"),
        // The change may lie behind a head that came before it.
        Ok(response) => match response.into_body().collect().await {
            Ok(_) => bail!("a changed answer was delivered"),
            Err(error) => error.to_string(),
        },
    };
    Ok(Told::new(format!("{changed} changed requests refused alike, and a changed answer not believed"))
        .saw("program", format!("no answer: {refused}")))
}

/// The same bytes twice.
async fn replay(stage: &Stage) -> anyhow::Result<Told> {
    let sealed = captured(stage).await?;
    let before = stage.reached().await?;
    let (status, answer) = deliver(stage, sealed).await?;
    // Refused inside with 409: outside it looks like any answer, so the demo counts.
    ensure!(status == StatusCode::OK && !answer.is_empty(), "outer status {status}");
    ensure!(stage.reached().await? == before, "the repeated request reached the application");
    let counted = stage.metric(REPLAYS).await?;
    ensure!(counted >= 1, "the gateway counted no replay");
    Ok(Told::new("the relay sends a request again: refused inside, never reaches the application")
        .saw("gateway", format!("{REPLAYS} {counted}")))
}

/// Requests over an attested session: public-key work once, at its beginning.
async fn session(stage: &Stage) -> anyhow::Result<Told> {
    const COUNT: u64 = 50;
    let settings = stage.settings(None, &stage.policy).map_err(|error| anyhow!("{error}"))?;
    let connector = Connector::connect(Settings { wire: Wire::Session, ..settings }).await?;
    let before = stage.reached().await?;
    let uri = format!("http://{}/", stage.gateway.address());
    let start = Instant::now();
    for _ in 0..COUNT {
        let response = connector.clone().oneshot(Request::get(&uri).body(body::empty())?).await?;
        response.into_body().collect().await.map_err(|error| anyhow!("{error}"))?;
    }
    let each = start.elapsed() / u32::try_from(COUNT)?;
    let reached = stage.reached().await?.saturating_sub(before);
    ensure!(reached == COUNT, "{reached} of {COUNT} requests reached the application");
    let sealed_with = values::sealed_with(&connector.status().sealed_with);
    Ok(Told::new(format!("{COUNT} requests by {sealed_with}, one handshake for all, {each:.1?} each")))
}

/// A policy that wants another measurement: nothing is sent.
async fn wrong_policy(stage: &Stage) -> anyhow::Result<Told> {
    let measured = stage.shown.verified().map_err(|error| anyhow!("{error}"))?.get();
    let measurement = measured.measurement().context("no measurement")?;
    let other = stage.policy.replace(&hex::encode(&measurement), &"00".repeat(measurement.len()));
    ensure!(other != stage.policy, "the policy names no measurement");
    let before = stage.reached().await?;
    stage.seen.take();
    let settings = stage.settings(None, &other).map_err(|error| anyhow!("{error}"))?;
    let denial = match Connector::connect(settings).await {
        Err(Error::Denied(denial)) => denial,
        Err(error) => return Err(error.into()),
        Ok(_) => bail!("a gateway with another measurement was accepted"),
    };
    ensure!(stage.reached().await? == before, "the application was reached");
    let tree = proof::reasons("denied".to_owned(), &denial.reasons);
    Ok(Told::new("another measurement is expected: denied, and nothing was sent").shows(tree.to_string()))
}
