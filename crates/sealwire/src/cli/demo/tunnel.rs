//! Where nothing but a WebSocket passes: handshake, key document, requests and WebSockets over one (TU-68).

use super::{
    plain::Plain,
    report::Told,
    stage::{Stage, loopback},
    tap::{Seen, Wiretap},
    websocket,
};
use anyhow::{bail, ensure};
use futures_util::future::try_join_all;
use http::StatusCode;
use sealwire::connect::{self, ConnectSettings};
use sealwire_client::{Settings, Wire};
use std::{sync::Arc, time::Instant};

/// Requests at once.
const COUNT: usize = 20;
const PLACE: &str = "/?room=Ada-Lovelace-7";

/// Requests of an ordinary program, all over one WebSocket.
pub(super) async fn fetch(stage: &Stage) -> anyhow::Result<Told> {
    let seen = Arc::new(Seen::default());
    let wiretap = Wiretap::start(stage.gateway.address(), Arc::clone(&seen)).await?;
    let settings = stage.settings(None, &stage.policy).map_err(|error| anyhow::anyhow!("{error}"))?;
    let settings = Settings {
        wire: Wire::Tunnel,
        to: format!("http://{}", wiretap.address).parse()?,
        authority: Some(stage.gateway.address().to_string()),
        ..settings
    };
    let proxy = connect::start(ConnectSettings::new(settings, loopback())).await?;
    let (program, at) = (Plain::new(proxy.address()), proxy.address());
    let start = Instant::now();
    let answers = try_join_all((0..COUNT).map(|_| program.get(PLACE))).await;
    let (took, channels) = (start.elapsed(), proxy.status().counts.channels);
    let traffic = seen.take();
    proxy.shutdown().await;
    for (status, _) in answers? {
        ensure!(!matches!(status, StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT), "status {status}");
    }
    ensure!(channels == 1, "{channels} channels");
    ensure!(traffic.find(&["sealwire.v1"]).is_some(), "the outsider saw no tunnel at all");
    // The key document would be fetched by the first, a session be made by the second.
    if let Some(other) = traffic.find(&["GET /.well-known/sealwire HTTP", "POST ", PLACE]) {
        bail!("the outsider saw {other:?}");
    }
    Ok(Told::new(format!(
        "{COUNT} requests at once over the WebSocket on which the gateway was verified, in {took:.1?}"
    ))
    .saw("program", format!("plain HTTP at http://{at}"))
    .saw(
        "outsider",
        format!("one WebSocket, {} bytes up, {} bytes down: …{}", traffic.up, traffic.down, traffic.ending()),
    )
    .saw("outsider", "none of: a key document, a handshake of its own, method, path"))
}

/// The same of a WebSocket in it.
pub(super) async fn socket(stage: &Stage) -> anyhow::Result<Told> {
    websocket::step(stage, Wire::Tunnel).await
}
