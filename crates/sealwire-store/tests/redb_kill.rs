//! What the store in a file has acknowledged is there after the process was killed.
#![cfg(all(feature = "redb", unix))]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used, clippy::panic)]

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use sealwire_store::redb::RedbStore;
use sealwire_store::{Reservation, Store};
use tokio::task::JoinSet;

const CHILD: &str = "SEALWIRE_STORE_KILL_TEST";
const ROUND: &str = "SEALWIRE_STORE_KILL_ROUND";
const CAPACITY: u64 = 10_000_000;
const NOW: u64 = 1_795_000_000_000;
const WINDOW: u64 = 600_000;
/// How often the child is killed.
const ROUNDS: u32 = 5;

/// The test starts itself again as the process that is killed.
#[test]
fn acknowledged_reservations_survive_sigkill() {
    if let (Some(path), Ok(round)) = (std::env::var_os(CHILD), std::env::var(ROUND)) {
        return reserve_until_killed(path.as_ref(), round.parse().unwrap());
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let mut acknowledged = HashSet::new();
    for round in 0..ROUNDS {
        // Random keys of a hasher are the randomness of the standard library.
        let enough = 200 + usize::try_from(RandomState::new().hash_one(()) % 2000).unwrap();
        let before = acknowledged.len();
        kill_after(enough, &path, round, &mut acknowledged);
        assert!(acknowledged.len() >= before + enough);
        all_seen(&path, &acknowledged);
    }
}

fn kill_after(enough: usize, path: &Path, round: u32, acknowledged: &mut HashSet<u64>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "acknowledged_reservations_survive_sigkill", "--nocapture"])
        .env(CHILD, path)
        .env(ROUND, round.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let (mut line, mut count) = (String::new(), 0);
    loop {
        line.clear();
        // A line that the kill has cut was not acknowledged as far as anybody knows.
        if lines.read_line(&mut line).unwrap() == 0 || !line.ends_with('\n') {
            break;
        }
        if let Some(id) = line.trim().strip_prefix("reserved ") {
            assert!(acknowledged.insert(id.parse().unwrap()), "acknowledged twice: {id}");
            count += 1;
            if count == enough {
                child.kill().unwrap();
            }
        }
    }
    assert!(count >= enough, "the child ended by itself after {count} reservations");
    let status = child.wait().unwrap();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(9));
}

fn all_seen(path: &Path, acknowledged: &HashSet<u64>) {
    let store = RedbStore::open(path, CAPACITY).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        for id in acknowledged {
            let answer = store.reserve("kill", &id.to_be_bytes(), NOW, NOW + WINDOW).await.unwrap();
            assert_eq!(answer, Reservation::Seen, "{id} was acknowledged and is gone");
        }
    });
}

/// The child's part: many at once, each acknowledged on standard output as soon as it is reserved. Ends by itself only
/// if the parent went away and closed the pipe.
fn reserve_until_killed(path: &Path, round: u32) {
    let store = Arc::new(RedbStore::open(path, CAPACITY).unwrap());
    let next = Arc::new(AtomicU32::new(0));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).build().unwrap();
    runtime.block_on(async {
        let mut callers = JoinSet::new();
        for _ in 0..64 {
            let (store, next) = (Arc::clone(&store), Arc::clone(&next));
            callers.spawn(async move {
                loop {
                    let id = u64::from(round) << 32 | u64::from(next.fetch_add(1, Ordering::Relaxed));
                    let answer = store.reserve("kill", &id.to_be_bytes(), NOW, NOW + WINDOW).await.unwrap();
                    assert_eq!(answer, Reservation::Fresh);
                    // One write, so that no other line comes between; the first newline ends what the harness wrote.
                    let line = format!("\nreserved {id}\n");
                    if std::io::stdout().write_all(line.as_bytes()).is_err() {
                        break;
                    }
                }
            });
        }
        callers.join_all().await;
    });
}
