//! One item from a vendor that behaves, or does not.

use crate::{
    samples::{
        Collateral, IDENTITY, IN_2025, MILAN, PCK_CRL, ROOT_CRL, SPRING_2026, TCB, milan, sample, tdx,
        vcek_path,
    },
    stand_in::{Reply, StandIn, TestClock, limits},
};
use http::header;
use sealwire_attest::{
    Endorsements, Outcome, UnixTime, Verifier,
    needs::{IntelTee, Need, needs},
    verify::Expected,
};
use sealwire_collateral::{Error, Failure, Fetched, Fetcher, Item, Limits};
use std::time::Duration;
use tokio::net::TcpListener;

const TCB_NEED: Need = Need::IntelTcb { tee: IntelTee::Tdx, fmspc: [0xb0, 0xc0, 0x6f, 0, 0, 0] };

async fn failure(fetcher: &Fetcher, need: &Need, held: Option<&Item>) -> Error {
    match fetcher.fetch(need, held).await.expect_err("nothing that may be used came") {
        Failure::Item { error, .. } => error,
        other => panic!("{other}"),
    }
}

// AT-70: what a quote needs is told by it, had from Intel's service, and enough to verify it.
#[tokio::test]
async fn everything_that_a_tdx_quote_needs_is_had() {
    let (Some(evidence), Some(collateral)) = (tdx(), Collateral::of_2025()) else { return };
    let server = StandIn::start().await;
    collateral.serve(&server);
    let fetcher = server.fetcher(&TestClock::at(IN_2025));
    let needed = needs(&evidence, &Endorsements::default()).unwrap();
    assert!(needed.elsewhere.is_empty());
    let mut endorsements = Endorsements::default();
    for need in &needed.published {
        let item = fetcher.fetch(need, None).await.unwrap().item();
        assert!(item.from() <= IN_2025 && IN_2025 <= item.until(), "{need}");
        endorsements.merge(item.endorsements()).unwrap();
    }
    // The exact bytes, since a signature is over them (QI-06).
    assert!(endorsements.references.iter().any(|kept| kept == collateral.tcb().body()));
    assert!(endorsements.references.iter().any(|kept| kept == collateral.identity().body()));
    assert_eq!(endorsements.crls.len(), 2);
    let verified =
        Verifier::new(&[]).verify(&evidence.lead, &endorsements, Expected::Unbound, IN_2025).unwrap();
    assert!(matches!(verified.checks().tcb, Outcome::Passed(_)), "{:?}", verified.checks().tcb);
    assert!(matches!(verified.checks().revocation, Outcome::Passed(_)), "{:?}", verified.checks().revocation);
    assert_eq!(server.asked_at_all(), 4);
}

// AT-70: a report that does not tell its product is asked for at each until one knows the chip.
#[tokio::test]
async fn the_certificate_of_a_chip_is_had() {
    let (Some(evidence), Some(vcek)) = (milan(), sample("snp/milan.vcek.der")) else { return };
    let server = StandIn::start().await;
    let fetcher = server.fetcher(&TestClock::at(MILAN));
    let needed = needs(&evidence, &Endorsements::default()).unwrap().published;
    let [need @ Need::AmdVcek { .. }] = needed.as_slice() else { panic!("{needed:?}") };
    assert!(matches!(failure(&fetcher, need, None).await, Error::Unknown));
    for product in ["Milan", "Genoa"] {
        assert_eq!(server.asked(&vcek_path(product).unwrap()).len(), 1, "{product}");
    }
    server.serve(&vcek_path("Milan").unwrap(), Reply::ok(vcek.clone()));
    let item = fetcher.fetch(need, None).await.unwrap().item();
    assert_eq!(item.endorsements().certificates, [vcek]);
    Verifier::new(&[]).verify(&evidence.lead, item.endorsements(), Expected::Unbound, MILAN).unwrap();
    // The certificate tells the product, so it can be told whose CRL is needed; the ASK is built in.
    let more = needs(&evidence, item.endorsements()).unwrap().published;
    assert!(matches!(more.as_slice(), [Need::AmdCrl { .. }]), "{more:?}");
}

// AT-70: what is shown and logged of an item does not tell the chip.
#[tokio::test]
async fn failures_do_not_tell_the_chip() {
    let Some(evidence) = milan() else { return };
    let server = StandIn::start().await;
    let fetcher = server.fetcher(&TestClock::at(MILAN));
    let need = needs(&evidence, &Endorsements::default()).unwrap().published.remove(0);
    let failure = fetcher.fetch(&need, None).await.unwrap_err();
    let chip = hex::encode(&evidence.lead.bytes[0x1a0..0x1a8]);
    for shown in [
        failure.to_string(),
        format!("{failure:?}"),
        need.to_string(),
        format!("{need:?}"),
        fetcher.place(&need),
    ] {
        assert!(!shown.contains(&chip), "{shown}");
    }
}

// AT-70: hard caps on size and time.
#[tokio::test]
async fn what_is_too_slow_or_too_long_is_cut_off() {
    let server = StandIn::start().await;
    let short = Limits { exchange: Duration::from_millis(300), attempts: 1, ..limits() };
    let slow = server.fetcher_with(&TestClock::at(IN_2025), short);
    for reply in [Reply::Silence, Reply::Stalled] {
        server.serve(TCB, reply.clone());
        assert!(matches!(failure(&slow, &TCB_NEED, None).await, Error::TimedOut(_)), "{reply:?}");
    }
    let fetcher = server.fetcher(&TestClock::at(IN_2025));
    let declared = Reply::ok(vec![b' '; 600 * 1024]);
    for reply in [Reply::Endless, declared] {
        server.serve(TCB, reply);
        assert!(matches!(failure(&fetcher, &TCB_NEED, None).await, Error::TooLong(_)));
    }
    // Headers have a cap, too.
    server.serve(TCB, Reply::ok("").with("TCB-Info-Issuer-Chain", &"a".repeat(200 * 1024)));
    assert!(matches!(failure(&fetcher, &TCB_NEED, None).await, Error::Unreachable(_)));
}

// AT-70: no redirect is followed, wherever it leads.
#[tokio::test]
async fn redirects_lead_nowhere() {
    let Some(collateral) = Collateral::of_2025() else { return };
    let (server, elsewhere) = (StandIn::start().await, StandIn::start().await);
    collateral.serve(&elsewhere);
    server.serve("/moved", collateral.tcb());
    let fetcher = server.fetcher(&TestClock::at(IN_2025));
    for status in [301, 302, 303, 307, 308] {
        for to in ["/moved".to_owned(), format!("{}{TCB}", elsewhere.base())] {
            server.serve(TCB, Reply::status(status).with("Location", &to));
            let error = failure(&fetcher, &TCB_NEED, None).await;
            assert!(matches!(error, Error::Redirected(found) if found == status), "{error}");
        }
    }
    assert_eq!((server.asked("/moved").len(), elsewhere.asked_at_all()), (0, 0));
}

// AT-70: an answer counts for what it is, not for where it comes from.
#[tokio::test]
async fn wrong_answers_are_refused() {
    let Some(collateral) = Collateral::of_2025() else { return };
    let server = StandIn::start().await;
    let fetcher = server.fetcher(&TestClock::at(IN_2025));
    let other_platform = Reply::ok(sample("tdx/tcb-info/tdx-00806f050000.json").unwrap());
    let at_another_time = TestClock::at(UnixTime(1_759_600_000));
    let code = |error: Error| match error {
        Error::Wrong(error) => error.code(),
        other => panic!("{other}"),
    };
    let flip = |bytes: &mut Vec<u8>| {
        let at = bytes.windows(6).position(|window| window == b"\"svn\":").unwrap();
        bytes[at + 6] ^= 1;
    };
    let wrong = [
        (Reply::ok("<!DOCTYPE html><html>maintenance</html>"), "endorsement-malformed"),
        (Reply::ok(""), "endorsement-malformed"),
        (Reply::ok("{}"), "endorsement-malformed"),
        (collateral.tcb().edited(flip), "reference-invalid"),
        (collateral.tcb().edited(|bytes| bytes.truncate(bytes.len() / 2)), "endorsement-malformed"),
        (collateral.identity(), "reference-invalid"),
        (collateral.pck_crl(), "endorsement-malformed"),
        (Collateral::read("sgx/processor-ca.collateral.json").unwrap().tcb(), "reference-invalid"),
    ];
    for (index, (reply, expected)) in wrong.into_iter().enumerate() {
        server.serve(TCB, reply);
        assert_eq!(code(failure(&fetcher, &TCB_NEED, None).await), expected, "{index}");
    }
    server.serve(TCB, other_platform);
    let error = failure(&server.fetcher(&at_another_time), &TCB_NEED, None).await;
    assert_eq!(code(error), "reference-invalid");
    // One attempt each: asking again does not make it right.
    assert_eq!(server.asked(TCB).len(), 9);
    // The root's CRL where the PCK CA's belongs, and the other way round.
    let need = Need::IntelPckCrl { ca: sealwire_attest::needs::PckCa::Platform };
    server.serve(PCK_CRL, collateral.root_crl());
    assert_eq!(code(failure(&fetcher, &need, None).await), "crl-invalid");
    server.serve(ROOT_CRL, collateral.pck_crl());
    assert_eq!(code(failure(&fetcher, &Need::IntelRootCrl, None).await), "crl-invalid");
    let need = Need::IntelIdentity { tee: IntelTee::Sgx };
    server.serve("/sgx/certification/v4/qe/identity", collateral.identity());
    assert_eq!(code(failure(&fetcher, &need, None).await), "reference-invalid");
}

// AT-70: another chip's certificate, and one that AMD did not sign.
#[tokio::test]
async fn the_certificate_of_another_chip_is_refused() {
    let (Some(evidence), Some(vcek)) = (milan(), sample("snp/milan.vcek.der")) else { return };
    let server = StandIn::start().await;
    let fetcher = server.fetcher(&TestClock::at(MILAN));
    let need = needs(&evidence, &Endorsements::default()).unwrap().published.remove(0);
    let Need::AmdVcek { products, chip, tcb } = &need else { panic!() };
    let wrong = |error: Error| match error {
        Error::Wrong(error) => error.code(),
        other => panic!("{other}"),
    };
    let path = vcek_path("Milan").unwrap();
    let mut forged = vcek.clone();
    *forged.last_mut().unwrap() ^= 1;
    server.serve(&path, Reply::ok(forged));
    assert_eq!(wrong(failure(&fetcher, &need, None).await), "certificate-signature");
    let mut other = chip.clone();
    other.0[63] ^= 1;
    let other = Need::AmdVcek { products: products.clone(), chip: other, tcb: *tcb };
    let Need::AmdVcek { chip: other_chip, .. } = &other else { panic!() };
    let other_path = path.replace(&hex::encode(chip.0), &hex::encode(other_chip.0));
    server.serve(&other_path, Reply::ok(vcek.clone()));
    assert_eq!(wrong(failure(&fetcher, &other, None).await), "wrong-chip");
    let mut level = *tcb;
    level[7] += 1;
    let newer = Need::AmdVcek { products: products.clone(), chip: chip.clone(), tcb: level };
    server.serve(&path.replace("=115", "=116"), Reply::ok(vcek));
    assert_eq!(wrong(failure(&fetcher, &newer, None).await), "tcb-mismatch");
}

// AT-70, AT-05: over already, or not yet.
#[tokio::test]
async fn what_is_not_in_force_is_refused() {
    let Some(collateral) = Collateral::of_2025() else { return };
    let server = StandIn::start().await;
    collateral.serve(&server);
    let clock = TestClock::at(IN_2025);
    let fetcher = server.fetcher(&clock);
    let item = fetcher.fetch(&TCB_NEED, None).await.unwrap().item();
    clock.set(item.until());
    fetcher.fetch(&TCB_NEED, None).await.unwrap();
    clock.set(UnixTime(item.until().0 + 1));
    assert!(
        matches!(failure(&fetcher, &TCB_NEED, None).await, Error::Expired(until) if until == item.until())
    );
    // A clock that is a little behind does no harm.
    clock.set(UnixTime(item.from().0 - 300));
    fetcher.fetch(&TCB_NEED, None).await.unwrap();
    clock.set(UnixTime(item.from().0 - 301));
    assert!(
        matches!(failure(&fetcher, &TCB_NEED, None).await, Error::NotYetValid(from) if from == item.from())
    );
}

// AT-70: nobody goes back to an older state by showing it again.
#[tokio::test]
async fn what_is_older_than_what_is_held_is_refused() {
    let (Some(old), Some(new)) = (Collateral::of_2025(), Collateral::read("tdx/td15ex-2026.collateral.json"))
    else {
        return;
    };
    let server = StandIn::start().await;
    let fetcher = server.fetcher(&TestClock::at(SPRING_2026));
    server.serve(ROOT_CRL, old.root_crl());
    let first = fetcher.fetch(&Need::IntelRootCrl, None).await.unwrap().item();
    server.serve(ROOT_CRL, new.root_crl());
    let Fetched::New(second) = fetcher.fetch(&Need::IntelRootCrl, Some(&first)).await.unwrap() else {
        panic!("another CRL")
    };
    server.serve(ROOT_CRL, old.root_crl());
    let error = failure(&fetcher, &Need::IntelRootCrl, Some(&second)).await;
    assert!(matches!(error, Error::Older { held, found } if held == second.from() && found == first.from()));
}

// AT-70: conditional requests.
#[tokio::test]
async fn what_is_held_is_not_sent_again() {
    let Some(collateral) = Collateral::of_2025() else { return };
    let server = StandIn::start().await;
    let clock = TestClock::at(IN_2025);
    let fetcher = server.fetcher(&clock);
    let date = "Thu, 19 Jun 2025 10:16:03 GMT";
    server.serve(TCB, collateral.tcb().with("ETag", "\"one\"").with("Last-Modified", date));
    let held = fetcher.fetch(&TCB_NEED, None).await.unwrap().item();
    assert!(!server.asked(TCB)[0].headers().contains_key(header::IF_NONE_MATCH));
    assert_eq!(server.asked(TCB)[0].headers()[header::ACCEPT_ENCODING], "identity");
    clock.advance(Duration::from_secs(3600));
    server.serve(TCB, Reply::status(304));
    let Fetched::Unchanged(again) = fetcher.fetch(&TCB_NEED, Some(&held)).await.unwrap() else {
        panic!("the same item")
    };
    assert_eq!(again.fetched_at().0, held.fetched_at().0 + 3600);
    assert_eq!(again.endorsements(), held.endorsements());
    let conditional = &server.asked(TCB)[1];
    assert_eq!(conditional.headers()[header::IF_NONE_MATCH], "\"one\"");
    assert_eq!(conditional.headers()[header::IF_MODIFIED_SINCE], date);
    // To an unconditional request it is no answer.
    assert!(matches!(failure(&fetcher, &TCB_NEED, None).await, Error::Status(status) if status == 304));
    // That it has not changed does not make it last.
    clock.set(UnixTime(held.until().0 + 1));
    assert!(matches!(failure(&fetcher, &TCB_NEED, Some(&held)).await, Error::Expired(_)));
}

// AT-70: what may pass is tried again, a few times; what cannot is not.
#[tokio::test]
async fn attempts_are_counted() {
    let Some(collateral) = Collateral::of_2025() else { return };
    let server = StandIn::start().await;
    let fetcher = server.fetcher(&TestClock::at(IN_2025));
    server.serve_each(TCB, [Reply::status(502), Reply::status(503), collateral.tcb()]);
    fetcher.fetch(&TCB_NEED, None).await.unwrap();
    assert_eq!(server.asked(TCB).len(), 3);
    server.serve(IDENTITY, Reply::status(500));
    let need = Need::IntelIdentity { tee: IntelTee::Tdx };
    assert!(matches!(failure(&fetcher, &need, None).await, Error::Status(status) if status == 500));
    assert_eq!(server.asked(IDENTITY).len(), 3);
    for status in [400, 401, 403, 404, 410] {
        server.serve(PCK_CRL, Reply::status(status));
        let need = Need::IntelPckCrl { ca: sealwire_attest::needs::PckCa::Platform };
        let error = failure(&fetcher, &need, None).await;
        assert!(!error.is_transient(), "{error}");
    }
    assert_eq!(server.asked(PCK_CRL).len(), 5);
}

// AT-70: whoever asks to be left alone is, within bounds.
#[tokio::test]
async fn retry_after_is_honoured() {
    let Some(collateral) = Collateral::of_2025() else { return };
    let server = StandIn::start().await;
    let fetcher = server.fetcher(&TestClock::at(IN_2025));
    // Longer than there is time for: no second attempt.
    server.serve_each(TCB, [Reply::status(429).with("Retry-After", "3600"), collateral.tcb()]);
    let error = failure(&fetcher, &TCB_NEED, None).await;
    let Error::Busy { status, retry_after } = error else { panic!("{error}") };
    assert_eq!((status.as_u16(), retry_after), (429, Some(Duration::from_secs(3600))));
    assert_eq!(server.asked(TCB).len(), 1);
    server.serve_each(TCB, [Reply::status(503).with("Retry-After", "0"), collateral.tcb()]);
    fetcher.fetch(&TCB_NEED, None).await.unwrap();
    assert_eq!(server.asked(TCB).len(), 3);
}

// AT-70: nothing is decompressed, and what stands beside an answer is read strictly.
#[tokio::test]
async fn strange_answers_are_refused() {
    let Some(collateral) = Collateral::of_2025() else { return };
    let server = StandIn::start().await;
    let fetcher = server.fetcher(&TestClock::at(IN_2025));
    server.serve(TCB, collateral.tcb().with("Content-Encoding", "gzip"));
    assert!(matches!(failure(&fetcher, &TCB_NEED, None).await, Error::Encoded));
    server.serve(TCB, Reply::ok(collateral.tcb().body().clone()).with("TCB-Info-Issuer-Chain", "%00%ff"));
    assert!(matches!(failure(&fetcher, &TCB_NEED, None).await, Error::Issuers(_)));
    // The name of version 3, in lower case, as older caches send it.
    let Reply::Whole { mut headers, body, status } = collateral.tcb() else { panic!() };
    headers[0].0 = "sgx-tcb-info-issuer-chain".parse().unwrap();
    server.serve(TCB, Reply::Whole { status, headers, body });
    fetcher.fetch(&TCB_NEED, None).await.unwrap();
}

// AT-70: nobody there.
#[tokio::test]
async fn a_vendor_that_is_down_is_told_from_one_that_refuses() {
    let server = StandIn::start().await;
    let gone = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    let sources = sealwire_collateral::Sources::default().with_pcs(&gone).unwrap();
    let clock = TestClock::at(IN_2025);
    let fetcher =
        Fetcher::new(sources.with_kds(server.base()).unwrap(), &[], limits(), clock.clock()).unwrap();
    let error = failure(&fetcher, &TCB_NEED, None).await;
    assert!(matches!(error, Error::Unreachable(_)) && error.is_transient(), "{error}");
}
