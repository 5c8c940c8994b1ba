//! AWS's CRLs for Nitro. No genuine one is at hand, so their issuer is ours; what is asked for follows from a genuine
//! document.

use crate::{
    samples::sample,
    stand_in::{Reply, StandIn, TestClock, limits},
};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CrlDistributionPoint,
    CrlIssuingDistributionPoint, DnType, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P384_SHA384, SerialNumber, date_time_ymd,
};
use sealwire_attest::{
    Endorsements, Evidence, Kind, UnixTime,
    composite::Presented,
    needs::{AwsCrl, Need, needs},
};
use sealwire_collateral::{Error, Failure, Fetcher, Keeping, Limits, Service, Store};
use std::time::Duration;
use tokio::net::TcpListener;

const NOW: UnixTime = UnixTime(1_736_179_625);
const DAY: u64 = 24 * 60 * 60;
const PLACE: &str = "http://crl-eu-central-1-aws-nitro-enclaves.s3.eu-central-1.amazonaws.com/crl/\
                     da69a570-f489-4370-99bc-f2fca9224088.crl";
/// Where the stand-in has it.
const PATH: &str = "/crl-eu-central-1-aws-nitro-enclaves/crl/da69a570-f489-4370-99bc-f2fca9224088.crl";

/// An authority in the place of a regional one of AWS's.
struct Authority {
    params: CertificateParams,
    key: KeyPair,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "eu-central-1.aws.nitro-enclaves");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        Self { params, key: KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap() }
    }

    fn need(&self) -> Need {
        let certificate = self.params.self_signed(&self.key).unwrap();
        Need::AwsCrl(AwsCrl::new(PLACE, certificate.der()).unwrap())
    }

    /// The part that is published at `uri`.
    fn crl(&self, made: UnixTime, until: UnixTime, uri: &str) -> Vec<u8> {
        let time = |at: UnixTime| date_time_ymd(1970, 1, 1) + Duration::from_secs(at.0);
        let distribution_point = CrlDistributionPoint { uris: vec![uri.to_owned()] };
        let list = CertificateRevocationListParams {
            this_update: time(made),
            next_update: time(until),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: Some(CrlIssuingDistributionPoint { distribution_point, scope: None }),
            revoked_certs: Vec::new(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&Issuer::from_params(&self.params, &self.key)).unwrap().der().to_vec()
    }

    fn good(&self) -> Vec<u8> {
        self.crl(UnixTime(NOW.0 - DAY), UnixTime(NOW.0 + DAY), PLACE)
    }
}

async fn refused(fetcher: &Fetcher, need: &Need) -> Error {
    match fetcher.fetch(need, None).await.expect_err("nothing that may be used came") {
        Failure::Item { error, .. } => error,
        other => panic!("{other}"),
    }
}

// AT-70: what is asked for follows from a genuine document, and nothing else is.
#[tokio::test]
async fn a_document_asks_for_two_lists() {
    let Some(bytes) = sample("nitro/production.cose") else { return };
    let evidence: Presented = Evidence { kind: Kind::Nitro, bytes }.into();
    let server = StandIn::start().await;
    let clock = TestClock::at(NOW);
    let service = Service::new(Some(server.fetcher(&clock)), None, Keeping::default(), clock.clock());
    let gathered = service.endorse(&evidence, &Endorsements::default()).await.unwrap();
    assert_eq!((gathered.failures.len(), gathered.elsewhere.len()), (2, 0));
    let of_root = "/aws-nitro-enclaves-crl/crl/ab4960cc-7d63-42bd-9e9f-59338cb67f84.crl";
    assert_eq!((server.asked(PATH).len(), server.asked(of_root).len(), server.asked_at_all()), (1, 1, 2));
    // What anybody but AWS's regional authority signs is no answer.
    server.serve(PATH, Reply::ok(Authority::new().good()));
    let need = needs(&evidence, &Endorsements::default()).unwrap().published.remove(0);
    let error = refused(&server.fetcher(&clock), &need).await;
    assert!(matches!(error, Error::Wrong(sealwire_attest::Error::CrlInvalid(_))), "{error}");
    // AT-20: the machine is in the names of the certificates below, and is not shown.
    for shown in [need.to_string(), format!("{need:?}"), need.name(), server.fetcher(&clock).place(&need)] {
        assert!(!shown.contains("i-0"), "{shown}");
    }
}

// AT-70: had, kept across a restart, and renewed.
#[tokio::test]
async fn a_list_is_kept_and_renewed() {
    let authority = Authority::new();
    let (server, clock) = (StandIn::start().await, TestClock::at(NOW));
    let folder = tempfile::tempdir().unwrap();
    let good = authority.good();
    server.serve(PATH, Reply::ok(good.clone()).with("ETag", "\"1\""));
    let item = server.fetcher(&clock).fetch(&authority.need(), None).await.unwrap().item();
    assert_eq!(item.endorsements().crls, [good]);
    let store = Store::open(folder.path()).unwrap();
    store.write(&item).unwrap();
    assert_eq!(store.read(&authority.need(), NOW).unwrap().endorsements(), item.endorsements());
    // Of another authority in the same place it is none.
    assert!(store.read(&Authority::new().need(), NOW).is_none());
    let fetched = server.fetcher(&clock).fetch(&authority.need(), Some(&item)).await.unwrap();
    assert!(server.asked(PATH)[1].headers().contains_key("if-none-match"));
    assert_eq!(fetched.item().endorsements(), item.endorsements());
}

// AT-70: wrong, another part, too long, over, not yet, elsewhere.
#[tokio::test]
async fn what_is_no_good_is_refused() {
    let authority = Authority::new();
    let (server, clock) = (StandIn::start().await, TestClock::at(NOW));
    let fetcher = server.fetcher(&clock);
    let mut cases = Vec::new();
    let another = PLACE.replace("da69a570", "00000000");
    let (from, until) = (UnixTime(NOW.0 - DAY), UnixTime(NOW.0 + DAY));
    cases.push((Reply::ok(authority.crl(from, until, &another)), "another part"));
    cases.push((Reply::ok(Authority::new().good()), "signature"));
    cases.push((Reply::ok(b"<html>".to_vec()), "not what was asked for"));
    cases.push((Reply::ok(vec![b' '; 600 * 1024]), "longer than"));
    cases.push((Reply::Endless, "longer than"));
    cases.push((Reply::ok(authority.crl(from, UnixTime(NOW.0 - 1), PLACE)), "was to be renewed"));
    let future = UnixTime(NOW.0 + DAY);
    cases.push((Reply::ok(authority.crl(future, UnixTime(NOW.0 + 2 * DAY), PLACE)), "from the future"));
    cases.push((Reply::status(403), "status 403"));
    cases.push((Reply::status(404), "no such item"));
    for (reply, told) in cases {
        server.serve(PATH, reply);
        let error = refused(&fetcher, &authority.need()).await.to_string();
        assert!(error.contains(told), "{told}: {error}");
    }
    server.serve(PATH, Reply::ok(authority.good()));
    fetcher.fetch(&authority.need(), None).await.unwrap();
}

// AT-70: S3 sends whoever asks in the wrong region elsewhere; nobody goes there, on the list or not.
#[tokio::test]
async fn redirects_are_not_followed() {
    let authority = Authority::new();
    let (server, other) = (StandIn::start().await, StandIn::start().await);
    other.serve(PATH, Reply::ok(authority.good()));
    let fetcher = server.fetcher(&TestClock::at(NOW));
    for location in [format!("{}{PATH}", other.base()), PLACE.to_owned()] {
        for status in [301, 302, 307, 308] {
            server.serve(PATH, Reply::status(status).with("Location", &location));
            let error = refused(&fetcher, &authority.need()).await;
            assert!(matches!(error, Error::Redirected(_)), "{error}");
        }
    }
    assert_eq!(other.asked_at_all(), 0);
}

// AT-70: too slow, and down.
#[tokio::test]
async fn who_does_not_answer_is_not_waited_for() {
    let authority = Authority::new();
    let (server, clock) = (StandIn::start().await, TestClock::at(NOW));
    let short = Limits { exchange: Duration::from_millis(200), attempts: 1, ..limits() };
    for reply in [Reply::Silence, Reply::Stalled] {
        server.serve(PATH, reply);
        let error = refused(&server.fetcher_with(&clock, short.clone()), &authority.need()).await;
        assert!(matches!(error, Error::TimedOut(_)), "{error}");
    }
    // A port that was somebody's a moment ago.
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let sources = sealwire_collateral::Sources::default().with_aws_crls(&format!("http://{closed}")).unwrap();
    let fetcher = Fetcher::new(sources, &[], short, clock.clock()).unwrap();
    let error = refused(&fetcher, &authority.need()).await;
    assert!(matches!(error, Error::Unreachable(_)), "{error}");
}
