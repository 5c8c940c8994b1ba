//! Content that is sealed alone, for callers that speak nothing else: what it hides, and what it does not (EH-20).

use super::{
    report::Told,
    stage::{Stage, config},
    tap::{Seen, Wiretap},
};
use anyhow::{Context, anyhow, bail, ensure};
use http::{Request, StatusCode, header};
use http_body_util::BodyExt;
use sealwire_attest::Policy;
use sealwire_client::{Connector, Settings, Wire};
use sealwire_gateway::{
    Config, Running,
    config::{Ehbp, Route, RouteEhbp},
};
use sealwire_http::body;
use std::sync::Arc;
use tower::ServiceExt;

/// The one path that takes sealed content.
const PATH: &str = "/v1/patients";
const RECORD: &str = r#"{"name":"Ada Lovelace","diagnosis":"hypothyroidism"}"#;

/// A second gateway, which takes it, with somebody on the way who sees what goes by.
pub(super) async fn step(stage: &Stage) -> anyhow::Result<Told> {
    let upstream = stage.upstream.to_string();
    let takes = RouteEhbp { paths: vec![PATH.to_owned()], ..RouteEhbp::default() };
    let route = Route { ehbp: Some(takes), ..Route::new("/", upstream.trim_end_matches('/')) };
    let config = Config { ehbp: Some(Ehbp::default()), routes: vec![route], ..config() };
    let gateway = stage.gateway(config).await?;
    let told = calls(stage, &gateway).await;
    gateway.shutdown().await;
    told
}

async fn calls(stage: &Stage, gateway: &Running) -> anyhow::Result<Told> {
    let seen = Arc::new(Seen::default());
    let wiretap = Wiretap::start(gateway.address(), Arc::clone(&seen)).await?;
    let verified = stage.shown.verified().map_err(|error| anyhow!("{error}"))?;
    let policy = Policy::exactly(verified, Some(&gateway.config_digest()), None);
    let to = format!("http://{}", wiretap.address).parse()?;
    let settings = Settings {
        wire: Wire::Ehbp,
        authority: Some(gateway.address().to_string()),
        ..Settings::new(to, Policy::from_toml(&policy)?)
    };
    let connector = Connector::connect(settings).await?;
    seen.take();
    let before = stage.reached().await?;
    let (status, answer) = post(&connector, gateway, PATH).await?;
    ensure!(!matches!(status, StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT), "status {status}");
    ensure!(stage.reached().await? == before + 1, "the application was not reached: {status}");
    let traffic = seen.take();
    if let Some(secret) = traffic.find(&["Ada", "hypothyroidism", "stored"]) {
        bail!("whoever is on the way saw {secret:?}");
    }
    traffic.find(&[PATH]).context("whoever is on the way saw no path: this is another wire")?;

    // Whoever is on the way could have sent it there.
    let (elsewhere, _) = post(&connector, gateway, "/v1/upload").await?;
    ensure!(elsewhere == StatusCode::FORBIDDEN, "content for another path was answered {elsewhere}");
    ensure!(stage.reached().await? == before + 1, "content for another path reached the application");
    Ok(Told::new("content alone is sealed: for callers that speak nothing else, and at listed paths only")
        .saw("program", format!("{status}, {} bytes", answer.len()))
        .saw("outsider", format!("POST {PATH}, every field, and {} sealed bytes", traffic.up))
        .saw("outsider", "none of: name, diagnosis, answer"))
}

async fn post(connector: &Connector, gateway: &Running, path: &str) -> anyhow::Result<(StatusCode, Vec<u8>)> {
    let request = Request::post(format!("http://{}{path}", gateway.address()))
        .header(header::CONTENT_TYPE, "application/json")
        .body(body::full(RECORD))?;
    let response = connector.clone().oneshot(request).await?;
    let status = response.status();
    let content = response.into_body().collect().await.map_err(|error| anyhow!("{error}"))?.to_bytes();
    Ok((status, content.to_vec()))
}
