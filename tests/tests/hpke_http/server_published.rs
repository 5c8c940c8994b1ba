//! The clients of the published packages, which work unchanged (HH-74, HH-107).

use crate::{
    app::app,
    support::{Files, PSK, PSK_ID, legacy, stage},
};
use sealwire_http::wire::HPKE_HTTP_PATH;
use sealwire_tests::peers;
use std::process::Stdio;
use tokio::process::Command;

const UPLOAD: usize = 50 << 20;

/// Runs a client of 4.0.1 against the gateway.
async fn run_4(library: &str) {
    let Some(python) = peers::python("hpke-http-4") else { return };
    let files = Files::new();
    let tls = files.tls();
    let stage = stage(app().await, &files, |config| {
        config.tls = Some(tls.clone());
        // The names that clients call it by: the address itself.
        config.authorities = Vec::new();
        config.routes[0].path = "/".to_owned();
    })
    .await;
    let origin = format!("https://{}", stage.address());
    let mut command = Command::new(python);
    command.arg("-B").arg(peers::script("hpke_http_4_clients.py")).args([library, &origin, HPKE_HTTP_PATH]);
    command.arg(&tls.certificate).args([PSK, PSK_ID, &UPLOAD.to_string()]);
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await.unwrap();
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(output.stdout, b"done\n");
}

// HH-01, HH-05, HH-06, HH-07, HH-20 to HH-22, HH-34, HH-62, HH-74
#[tokio::test(flavor = "multi_thread")]
async fn the_httpx_client_of_4_0_1_works_unchanged() {
    run_4("httpx").await;
}

// HH-74
#[tokio::test(flavor = "multi_thread")]
async fn the_aiohttp_client_of_4_0_1_works_unchanged() {
    run_4("aiohttp").await;
}

/// Runs a client of 1.6.1 against the gateway, whose route takes it.
async fn run_1(library: &str) {
    let Some(python) = peers::python("hpke-http-1") else { return };
    let files = Files::new();
    let stage = legacy(app().await, &files, |config| {
        config.authorities = Vec::new();
    })
    .await;
    let origin = format!("http://{}", stage.address());
    let mut command = Command::new(python);
    command.arg("-B").arg(peers::script("hpke_http_1_clients.py")).args([library, &origin]);
    command.args([PSK, PSK_ID, &UPLOAD.to_string()]);
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await.unwrap();
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(output.stdout, b"done\n");
}

// HH-84 to HH-87, HH-91, HH-107
#[tokio::test(flavor = "multi_thread")]
async fn the_httpx_client_of_1_6_1_works_for_sealed_bodies() {
    run_1("httpx").await;
}

// HH-107
#[tokio::test(flavor = "multi_thread")]
async fn the_aiohttp_client_of_1_6_1_works_for_sealed_bodies() {
    run_1("aiohttp").await;
}
