//! The published client, and a peer written anew (EH-40).

use crate::application::{application, stage, takes_ehbp};
use sealwire_ehbp::{Limits, ResponseNonce, frame::Opened, recovery::RecoveryToken};
use sealwire_tests::{
    Stage,
    peers::{python, script},
};
use std::process::Stdio;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::{Child, Command},
};

/// Starts a script; what it has to say of an error is on standard error.
fn start(python: &std::path::Path, name: &str, arguments: &[String]) -> Child {
    let mut command = Command::new(python);
    command.arg("-B").arg(script(name)).args(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
    command.spawn().unwrap()
}

/// The answer that the published client stored, with the token of its request.
fn recovered(line: &str) -> Vec<u8> {
    let stored: serde_json::Value = serde_json::from_str(line).unwrap();
    let token = RecoveryToken::from_json(stored["token"].as_str().unwrap()).unwrap();
    let nonce = ResponseNonce::from_field(stored["nonce"].as_str().unwrap().as_bytes()).unwrap();
    let mut opener = token.into_answer().open(&nonce, &Limits::default()).unwrap();
    opener.push(&hex::decode(stored["body"].as_str().unwrap()).unwrap());
    opener.end();
    let mut content = Vec::new();
    while let Some(Opened::Frame(frame)) = opener.next_frame().unwrap() {
        content.extend_from_slice(&frame);
    }
    content
}

// EH-01 to EH-04, EH-06 to EH-08, EH-21, EH-23, EH-27, EH-40, EH-42: JSON, 1 MiB in one frame, error statuses, event
// streams, recovery by token, keys that are replaced.
#[tokio::test(flavor = "multi_thread")]
async fn the_published_client() {
    let Some(python) = python("tinfoil-ehbp") else { return };
    let stage = Stage::before(application().await, takes_ehbp).await;
    let mut child = start(&python, "ehbp/published.py", &[format!("http://{}", stage.address())]);
    let mut go_on = child.stdin.take().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut said = async || lines.next_line().await.unwrap().expect("the client has failed");

    let key = hex::encode(crate::hand::key(&stage).await.public_key().as_bytes());
    assert_eq!(said().await, key);
    assert_eq!(recovered(&said().await), b"for later");
    for step in ["rotate once", "rotate again"] {
        assert_eq!(said().await, step);
        stage.gateway.rotate().await.unwrap();
        go_on.write_all(b"\n").await.unwrap();
    }
    assert_eq!(said().await, "done");
    assert!(child.wait().await.unwrap().success());
}

// EH-40: frames of 8 KiB, both directions at once, frames in pieces.
#[tokio::test(flavor = "multi_thread")]
async fn a_peer_by_hand() {
    let Some(python) = python("tinfoil-ehbp") else { return };
    let stage = stage().await;
    let address = stage.address();
    let mut child =
        start(&python, "ehbp/by_hand.py", &[address.ip().to_string(), address.port().to_string()]);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(lines.next_line().await.unwrap().as_deref(), Some("done"));
    assert!(child.wait().await.unwrap().success());
}
