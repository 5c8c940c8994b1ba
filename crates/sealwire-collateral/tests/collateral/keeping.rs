//! What is kept, renewed, and used while nobody answers.

use crate::{
    samples::{Collateral, IN_2025, MILAN, ROOT_CRL, SPRING_2026, TCB, milan, sample, tdx, vcek_path},
    stand_in::{Reply, StandIn, TestClock},
};
use sealwire_attest::{Endorsements, composite::Presented};
use sealwire_collateral::{Counts, Keeping, Service, Store};
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn service(server: &StandIn, clock: &TestClock, store: Option<Store>) -> Service {
    Service::new(Some(server.fetcher(clock)), store, Keeping::default(), clock.clock())
}

async fn endorse(service: &Service, evidence: &Presented) -> (Endorsements, usize) {
    let gathered = service.endorse(evidence, &Endorsements::default()).await.unwrap();
    (gathered.endorsements, gathered.failures.len())
}

// AT-70: fetched once, used from then on.
#[tokio::test]
async fn items_are_asked_for_once() {
    let (Some(evidence), Some(collateral)) = (tdx(), Collateral::of_2025()) else { return };
    let server = StandIn::start().await;
    collateral.serve(&server);
    let clock = TestClock::at(IN_2025);
    let service = service(&server, &clock, None);
    let (first, failures) = endorse(&service, &evidence).await;
    assert_eq!((failures, first.crls.len(), first.references.len()), (0, 2, 2));
    let (again, _) = endorse(&service, &evidence).await;
    assert_eq!(first, again);
    assert_eq!(server.asked_at_all(), 4);
    assert_eq!(service.counts(), Counts { hits: 4, misses: 4, ..Counts::default() });
}

// AT-70: what one item tells leads to the next: the certificate to the product, the product to the CRL.
#[tokio::test]
async fn rounds_follow_what_is_learnt() {
    let (Some(evidence), Some(vcek)) = (milan(), sample("snp/milan.vcek.der")) else { return };
    let server = StandIn::start().await;
    server.serve(&vcek_path("Milan").unwrap(), Reply::ok(vcek));
    let service = service(&server, &TestClock::at(MILAN), None);
    let gathered = service.endorse(&evidence, &Endorsements::default()).await.unwrap();
    assert_eq!(gathered.endorsements.certificates.len(), 1);
    assert_eq!(server.asked("/vcek/v1/Milan/crl").len(), 1);
    let [failure] = gathered.failures.as_slice() else { panic!("{:?}", gathered.failures) };
    assert!(failure.to_string().contains("CRL of Milan"), "{failure}");
    // What could not be had is not asked for again at once.
    service.endorse(&evidence, &Endorsements::default()).await.unwrap();
    assert_eq!(server.asked("/vcek/v1/Milan/crl").len(), 1);
}

// AT-70: renewed ahead of expiry, off the path of whoever uses it; a wrong answer never replaces a good item.
#[tokio::test]
async fn a_good_item_survives_whatever_comes() {
    let (Some(evidence), Some(collateral)) = (tdx(), Collateral::of_2025()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let bad = [
        Reply::status(500),
        Reply::status(404),
        Reply::status(302).with("Location", "/elsewhere"),
        Reply::ok("<html>"),
        Reply::ok(sample("tdx/tcb-info/tdx-00806f050000.json").unwrap()),
        collateral.identity(),
        collateral.tcb().edited(|bytes| bytes.reverse()),
        Reply::Endless,
        Reply::ok(vec![0; 600 * 1024]),
    ];
    for (index, bad) in bad.into_iter().enumerate() {
        let server = StandIn::start().await;
        collateral.serve(&server);
        let clock = TestClock::at(IN_2025);
        let path = folder.path().join(index.to_string());
        let service = service(&server, &clock, Some(Store::open(&path).unwrap()));
        let (good, _) = endorse(&service, &evidence).await;
        server.serve(TCB, bad);
        clock.advance(DAY);
        let next = service.refresh().await;
        assert!(next > clock.clock()(), "{index}: the next attempt is put off");
        let counts = service.counts();
        assert_eq!((counts.refreshes, counts.failures), (3, 1), "{index}");
        let (kept, failures) = endorse(&service, &evidence).await;
        assert_eq!((&kept, failures), (&good, 0), "{index}");
        // On disk, too: another process, and nobody who answers.
        let nobody = Service::new(None, Some(Store::open(&path).unwrap()), Keeping::default(), clock.clock());
        assert_eq!(endorse(&nobody, &evidence).await.0, good, "{index}");
    }
}

// AT-70: somebody who staples what is kept is told of what is new.
#[tokio::test]
async fn renewals_are_told() {
    let (Some(evidence), Some(old), Some(new)) =
        (tdx(), Collateral::of_2025(), Collateral::read("tdx/td15ex-2026.collateral.json"))
    else {
        return;
    };
    let server = StandIn::start().await;
    // At this time only the CRLs of the root are in force.
    server.serve(ROOT_CRL, old.root_crl());
    let clock = TestClock::at(SPRING_2026);
    let service = service(&server, &clock, None);
    let changes = service.changes();
    let (first, failures) = endorse(&service, &evidence).await;
    assert_eq!((first.crls.len(), failures), (1, 3));
    clock.advance(DAY);
    service.refresh().await;
    assert!(!changes.has_changed().unwrap(), "the same CRL again");
    server.serve(ROOT_CRL, new.root_crl());
    clock.advance(DAY);
    service.refresh().await;
    assert!(changes.has_changed().unwrap());
    let (second, _) = endorse(&service, &evidence).await;
    assert_ne!(first.crls, second.crls);
}

// AT-70: what could not be had is tried again later, and told when it is there.
#[tokio::test]
async fn what_was_missing_is_had_later() {
    let (Some(evidence), Some(collateral)) = (tdx(), Collateral::of_2025()) else { return };
    let server = StandIn::start().await;
    collateral.serve(&server);
    server.serve(TCB, Reply::status(503).with("Retry-After", "600"));
    let clock = TestClock::at(IN_2025);
    let service = service(&server, &clock, None);
    let changes = service.changes();
    let (without, failures) = endorse(&service, &evidence).await;
    assert_eq!((without.references.len(), failures), (1, 1));
    server.serve(TCB, collateral.tcb());
    // It asked to be left alone for ten minutes.
    clock.advance(Duration::from_secs(599));
    let next = service.refresh().await;
    assert_eq!((next.0, server.asked(TCB).len()), (IN_2025.0 + 600, 1));
    clock.advance(Duration::from_secs(1));
    service.refresh().await;
    assert!(changes.has_changed().unwrap());
    let (with, failures) = endorse(&service, &evidence).await;
    assert_eq!((with.references.len(), failures), (2, 0));
}

// AT-70: a grace period, and a counter for what is used in it; never past an item's own end.
#[tokio::test]
async fn stale_use_is_counted_and_bounded() {
    let (Some(evidence), Some(collateral)) = (tdx(), Collateral::of_2025()) else { return };
    let keeping = Keeping { interval: HOUR, grace: 3 * HOUR, ..Keeping::default() };
    let server = StandIn::start().await;
    collateral.serve(&server);
    let clock = TestClock::at(IN_2025);
    let service = Service::new(Some(server.fetcher(&clock)), None, keeping, clock.clock());
    let (good, _) = endorse(&service, &evidence).await;
    for path in [TCB, crate::samples::IDENTITY, crate::samples::PCK_CRL, ROOT_CRL] {
        server.serve(path, Reply::status(400));
    }
    clock.advance(HOUR);
    assert_eq!(endorse(&service, &evidence).await, (good.clone(), 0));
    assert_eq!(service.counts().stale, 0);
    clock.advance(3 * HOUR);
    assert_eq!(endorse(&service, &evidence).await, (good.clone(), 0));
    assert_eq!(service.counts().stale, 4);
    clock.advance(Duration::from_secs(1));
    let (nothing, failures) = endorse(&service, &evidence).await;
    assert_eq!((nothing, failures), (Endorsements::default(), 4));

    // With more grace than the items live: TCB info ends in July 2025, the CRL of the root in 2026.
    let keeping = Keeping { interval: HOUR, grace: 300 * DAY, ..Keeping::default() };
    collateral.serve(&server);
    clock.set(IN_2025);
    let service = Service::new(Some(server.fetcher(&clock)), None, keeping, clock.clock());
    endorse(&service, &evidence).await;
    for path in [TCB, crate::samples::IDENTITY, crate::samples::PCK_CRL, ROOT_CRL] {
        server.serve(path, Reply::status(400));
    }
    clock.advance(30 * DAY);
    let (left, failures) = endorse(&service, &evidence).await;
    assert_eq!((left.crls.len(), left.references.len(), failures), (1, 0, 3));
}

// AT-70: renewal runs by itself, and ends when told.
#[tokio::test]
async fn the_service_stops_when_told() {
    let server = StandIn::start().await;
    let service = service(&server, &TestClock::at(IN_2025), None);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = service.run(async {
        let _ = stopped.await;
    });
    drop(stop);
    running.await;
}
