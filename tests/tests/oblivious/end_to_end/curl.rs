//! The `curl` program, which is many people's first client.

use super::{
    app::{self, pattern},
    json,
};
use sealwire_crypto::digest::sha256;
use sealwire_tests::{PATIENCE, chain::Chain, tee::hex, within};
use std::{fs, process::Output};
use tokio::process::Command;

/// Runs it.
async fn curl(arguments: &[&str]) -> Output {
    let seconds = PATIENCE.as_secs().to_string();
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error", "--noproxy", "*", "--max-time", &seconds]).args(arguments);
    let output = within("curl", command.kill_on_drop(true).output()).await;
    output.expect("these tests need curl; `cargo xtask test` installs it, or says how")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

// OB-44: curl asks before it sends so much, and is answered here; the question does not travel.
#[tokio::test]
async fn a_post_of_two_megabytes() {
    let (app, _handles) = app::start().await;
    let chain = Chain::start(app).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("content");
    let content = pattern(7, 2 << 20);
    fs::write(&file, &content).unwrap();
    let data = format!("@{}", file.display());
    let url = chain.client.uri("/upload").to_string();
    let output = curl(&["--verbose", "--data-binary", &data, &url]).await;
    let talk = text(&output.stderr);
    assert!(output.status.success(), "{talk}");
    assert!(talk.contains("Expect: 100-continue") && talk.contains("HTTP/1.1 100 Continue"), "{talk}");
    let answer = json(&output.stdout.into());
    assert_eq!(
        (answer["bytes"].as_u64(), answer["sha256"].as_str()),
        (Some(2 << 20), Some(hex(&sha256(&[&content])).as_str()))
    );
    assert!(!chain.app.seen()[0].headers.contains_key("expect"));
}

#[tokio::test]
async fn everyday_requests() {
    let (app, mut handles) = app::start().await;
    let chain = Chain::start(app).await;
    let url = |path: &str| chain.client.uri(path).to_string();
    let output = curl(&["--head", &url("/sized")]).await;
    let head = text(&output.stdout).to_lowercase();
    assert!(head.starts_with("http/1.1 200 ok") && head.contains("content-length: 5"), "{head}");
    let json_body = ["--json", r#"{"a":1}"#, "--write-out", " %{http_code}"];
    let output = curl(&[&json_body[..], &[&url("/json")]].concat()).await;
    assert_eq!(text(&output.stdout), r#"{"stored":{"a":1}} 201"#);
    let output =
        curl(&["--output", "/dev/null", "--write-out", "%{size_download}", &url("/download/3000000")]).await;
    assert_eq!(text(&output.stdout), "3000000");
    let output = curl(&["--request", "DELETE", "--write-out", "%{http_code}", &url("/nothing")]).await;
    assert_eq!(text(&output.stdout), "204");
    let output = curl(&["--write-out", " %{http_code}", &url("/no-such-page")]).await;
    assert_eq!(text(&output.stdout), " 404");
    let events = handles.events.take().unwrap();
    events.send("one".to_owned()).unwrap();
    drop(events);
    let output = curl(&["--no-buffer", &url("/events")]).await;
    assert_eq!(text(&output.stdout), "data: one\n\n");
}
