//! What lies on disk: across restarts, between processes, damaged.

use crate::{
    samples::{Collateral, IN_2025, ROOT_CRL, SPRING_2026, TCB, tdx},
    stand_in::{StandIn, TestClock},
};
use sealwire_attest::Endorsements;
use sealwire_collateral::{Keeping, Service, Store};
use std::{fs, path::Path, time::Duration};

async fn filled(server: &StandIn, clock: &TestClock, folder: &Path) -> Endorsements {
    let store = Store::open(folder).unwrap();
    let service = Service::new(Some(server.fetcher(clock)), Some(store), Keeping::default(), clock.clock());
    service.endorse(&tdx().unwrap(), &Endorsements::default()).await.unwrap().endorsements
}

// AT-70: a restart asks nobody; files are the owner's alone.
#[tokio::test]
async fn a_restart_finds_what_was_kept() {
    let Some(collateral) = Collateral::of_2025() else { return };
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("a/b");
    let server = StandIn::start().await;
    collateral.serve(&server);
    let clock = TestClock::at(IN_2025);
    let first = filled(&server, &clock, &cache).await;
    assert_eq!(server.asked_at_all(), 4);
    assert_eq!(filled(&server, &clock, &cache).await, first);
    assert_eq!(server.asked_at_all(), 4);
    use std::os::unix::fs::PermissionsExt;
    assert_eq!(fs::metadata(&cache).unwrap().permissions().mode() & 0o777, 0o700);
    for entry in fs::read_dir(&cache).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert!(entry.file_name().to_str().unwrap().ends_with(".json"), "nothing unfinished is left");
    }
}

// AT-70: a file that is damaged, or meddled with, is refused and fetched anew.
#[tokio::test]
async fn damaged_files_are_fetched_anew() {
    let Some(collateral) = Collateral::of_2025() else { return };
    let folder = tempfile::tempdir().unwrap();
    let server = StandIn::start().await;
    collateral.serve(&server);
    let clock = TestClock::at(IN_2025);
    let good = filled(&server, &clock, folder.path()).await;
    let file = folder.path().join("intel-tcb-tdx-b0c06f000000.json");
    let intact = fs::read(&file).unwrap();
    let identity = fs::read(folder.path().join("intel-qe-identity-tdx.json")).unwrap();
    let text = String::from_utf8(intact.clone()).unwrap();
    let answer = text.rfind("\"answer\":\"").unwrap() + 10;
    let mut flipped = intact.clone();
    flipped[answer + 2000] = if flipped[answer + 2000] == b'A' { b'B' } else { b'A' };
    let damaged: [(&str, Vec<u8>); 7] = [
        ("empty", Vec::new()),
        ("cut", intact[..intact.len() / 2].to_vec()),
        ("flipped", flipped),
        ("another item", identity),
        ("another version", text.replacen("\"version\":1", "\"version\":2", 1).into_bytes()),
        ("more than is known", text.replacen('{', "{\"trusted\":true,", 1).into_bytes()),
        ("endless", vec![b' '; 4 << 20]),
    ];
    for (index, (what, bytes)) in damaged.into_iter().enumerate() {
        fs::write(&file, bytes).unwrap();
        assert_eq!(filled(&server, &clock, folder.path()).await, good, "{what}");
        assert_eq!(server.asked(TCB).len(), index + 2, "{what}");
        assert_eq!(fs::read(&file).unwrap(), intact, "{what}: whole again");
    }
}

// AT-70: a time of fetching in the future does not put the next request off.
#[tokio::test]
async fn a_file_from_the_future_is_fetched_anew() {
    let Some(collateral) = Collateral::of_2025() else { return };
    let folder = tempfile::tempdir().unwrap();
    let server = StandIn::start().await;
    collateral.serve(&server);
    let clock = TestClock::at(IN_2025);
    filled(&server, &clock, folder.path()).await;
    let file = folder.path().join("intel-tcb-tdx-b0c06f000000.json");
    let (now, later) = (format!("\"fetched-at\":{}", IN_2025.0), "\"fetched-at\":9000000000");
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains(&now));
    fs::write(&file, text.replace(&now, later)).unwrap();
    filled(&server, &clock, folder.path()).await;
    assert_eq!(server.asked(TCB).len(), 2);
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
}

// AT-70: processes that share a folder ask once between them.
#[tokio::test]
async fn what_another_process_fetched_is_taken() {
    let (Some(old), Some(new)) = (Collateral::of_2025(), Collateral::read("tdx/td15ex-2026.collateral.json"))
    else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let server = StandIn::start().await;
    server.serve(ROOT_CRL, old.root_crl());
    let clock = TestClock::at(SPRING_2026);
    let shared = || {
        let store = Store::open(folder.path()).unwrap();
        Service::new(Some(server.fetcher(&clock)), Some(store), Keeping::default(), clock.clock())
    };
    let (one, other) = (shared(), shared());
    let evidence = tdx().unwrap();
    for service in [&one, &other] {
        service.endorse(&evidence, &Endorsements::default()).await.unwrap();
    }
    assert_eq!(server.asked(ROOT_CRL).len(), 1);
    server.serve(ROOT_CRL, new.root_crl());
    clock.advance(Duration::from_secs(24 * 60 * 60));
    one.refresh().await;
    let changes = other.changes();
    other.refresh().await;
    assert_eq!(server.asked(ROOT_CRL).len(), 2);
    assert!(changes.has_changed().unwrap());
    let none = Endorsements::default();
    let [first, second] = [&one, &other].map(|service| service.endorse(&evidence, &none));
    assert_eq!(first.await.unwrap().endorsements, second.await.unwrap().endorsements);
}
