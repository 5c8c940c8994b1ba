//! The second implementation as a client: every byte of the tunnel is made by it.

use super::*;
use sealwire_tests::peers;
use std::time::Duration;
use tokio::{process::Command, time::timeout};

/// How long it may take to come up and be done: an interpreter, and keys made in Python.
const PATIENCE: Duration = Duration::from_secs(120);

// TU-60 to TU-66, TU-68, SE-39: another implementation makes its session on the WebSocket, streams through it with a key
// update under way, and ends both well.
#[tokio::test]
async fn another_implementation_comes_through() {
    let Some(python) = peers::python("peers") else { return };
    let stage = Stage::before(app().await, |_| {}).await;
    let narrow = Narrow::before(stage.address()).await;
    let mut peer = Command::new(python);
    peer.arg("-B").arg(peers::script("session/tunnel.py"));
    peer.args([narrow.address().port().to_string(), AUTHORITY.to_owned()]).kill_on_drop(true);
    let ended = timeout(PATIENCE, peer.output()).await.unwrap().unwrap();
    let told = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success() && ended.stdout == b"done\n", "{told}");
    let seen = stage.app.seen();
    assert_eq!((seen.len(), seen[0].uri.path(), seen[0].method.as_str()), (1, "/peer", "POST"));
    assert_eq!((narrow.opened(), narrow.refused()), (2, 0));
}
