use std::fs::{self, OpenOptions};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use tokio::task::JoinSet;

use super::*;
use crate::conformance;

const NOW: u64 = 1_795_000_000_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn conforms() {
    let folder = tempfile::tempdir().unwrap();
    let count = AtomicUsize::new(0);
    conformance::suite(async |capacity| {
        let name = count.fetch_add(1, Ordering::Relaxed).to_string();
        Arc::new(RedbStore::open(folder.path().join(name), capacity as u64).unwrap()) as Arc<dyn Store>
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn is_durable() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    conformance::durable(async || Arc::new(RedbStore::open(&path, 1000).unwrap()) as Arc<dyn Store>).await;
}

/// Reservations that wait together are committed together: thousands of calls take a handful of trips to the disk.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn more_callers_than_a_group_holds() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(RedbStore::open(folder.path().join("store"), 100_000).unwrap());
    let mut calls = JoinSet::new();
    let callers = u32::try_from(3 * GROUP).unwrap();
    for id in 0..callers {
        let store = Arc::clone(&store);
        calls.spawn(async move { store.reserve("many", &id.to_be_bytes(), NOW, NOW + 1000).await });
    }
    assert!(calls.join_all().await.iter().all(|answer| matches!(answer, Ok(Reservation::Fresh))));
}

/// A call that was given up still gets its answer to nobody, and the writer goes on.
#[tokio::test]
async fn callers_may_go_away() {
    let folder = tempfile::tempdir().unwrap();
    let store = RedbStore::open(folder.path().join("store"), 1000).unwrap();
    for id in 0..100u8 {
        let mut call = store.reserve("gone", std::slice::from_ref(&id), NOW, NOW + 1000);
        // One poll: the request is queued, then dropped.
        let polled =
            std::future::poll_fn(|context| std::task::Poll::Ready(call.as_mut().poll(context))).await;
        drop((polled, call));
    }
    for id in 0..100u8 {
        let answer = store.reserve("gone", &[id], NOW, NOW + 1000).await;
        assert!(matches!(answer, Ok(Reservation::Seen)), "{answer:?}");
    }
}

#[test]
fn file_is_the_owners_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    drop(RedbStore::open(&path, 10).unwrap());
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);

    fs::set_permissions(&path, fs::Permissions::from_mode(0o620)).unwrap();
    let error = RedbStore::open(&path, 10).unwrap_err();
    assert!(matches!(error, Error::Permissions { mode: 0o620, .. }), "{error:?}");
    assert!(error.to_string().contains("chmod 600"), "{error}");
}

#[test]
fn second_store_on_one_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let first = RedbStore::open(&path, 10).unwrap();
    assert!(matches!(RedbStore::open(&path, 10).unwrap_err(), Error::Locked(_)));
    drop(first);
    RedbStore::open(&path, 10).unwrap();
}

#[test]
fn folder_must_exist() {
    let folder = tempfile::tempdir().unwrap();
    let error = RedbStore::open(folder.path().join("missing/store"), 10).unwrap_err();
    assert!(matches!(error, Error::Open { .. }), "{error:?}");
}

#[test]
fn other_files_are_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in [("short", &b"hello"[..]), ("long", &[7; 100_000][..])] {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let error = RedbStore::open(&path, 10).unwrap_err();
        assert!(matches!(error, Error::Corrupt { .. }), "{name}: {error:?}");
        assert_eq!(fs::read(&path).unwrap(), content);
    }
}

#[test]
fn database_with_other_tables_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let database = ::redb::Database::create(&path).unwrap();
    let transaction = database.begin_write().unwrap();
    transaction.open_table(::redb::TableDefinition::<u64, &str>::new("reservations")).unwrap();
    transaction.commit().unwrap();
    drop(database);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    assert!(matches!(RedbStore::open(&path, 10).unwrap_err(), Error::Corrupt { .. }));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// A damaged file is refused when it is opened or when it is used, or works; it never panics.
    #[test]
    fn damage_is_no_panic(at in 0.0..1.0f64, bytes in proptest::collection::vec(any::<u8>(), 1..64)) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store");
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let store = RedbStore::open(&path, 1000).unwrap();
        for id in 0..50u8 {
            let _ = runtime.block_on(store.reserve("a", &[id], NOW, NOW + 1000)).unwrap();
        }
        drop(store);
        let length = fs::metadata(&path).unwrap().len();
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        file.write_all_at(&bytes, (length as f64 * at) as u64).unwrap();
        if let Ok(store) = RedbStore::open(&path, 1000) {
            for id in 0..100u8 {
                let _ = runtime.block_on(store.reserve("a", &[id], NOW, NOW + 1000));
            }
        }
    }
}
