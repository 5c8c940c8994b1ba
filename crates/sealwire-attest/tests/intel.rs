//! Intel TDX and SGX: genuine quotes with known verdicts, and what is left of them after edits.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use common::samples::sample;
use sealwire_attest::{
    Check, Claims, Endorsements, Error, Evidence, Kind, Outcome, TcbStatus, UnixTime, Verified, Verifier,
    verify::Expected,
};

/// When the collateral of the sample was in force.
const PHALA: UnixTime = UnixTime(1_751_624_163);
const TD15EX: UnixTime = UnixTime(1_792_714_186);
const PROCESSOR: UnixTime = UnixTime(1_751_626_571);
/// In the month of the TCB infos that came without collateral.
const OCTOBER_2025: UnixTime = UnixTime(1_760_054_400);

fn evidence(name: &str, kind: Kind) -> Option<Evidence> {
    let bytes = sample(name)?;
    let bytes = match name {
        "tdx/gcp.json" => {
            let json: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
            json["tdx"]["quote"].as_str().unwrap().as_bytes().to_vec()
        }
        _ => bytes,
    };
    let evidence = Evidence::detect(&bytes, None).unwrap();
    assert_eq!(evidence.kind, kind, "{name}");
    Some(evidence)
}

fn endorsements(names: &[&str]) -> Endorsements {
    let mut endorsements = Endorsements::default();
    for name in names {
        endorsements.add(&sample(name).unwrap()).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    endorsements
}

fn verify(evidence: &Evidence, endorsements: &Endorsements, at: UnixTime) -> Result<Verified<Claims>, Error> {
    Verifier::new(&[]).verify(evidence, endorsements, Expected::Unbound, at)
}

fn tcb_detail(verified: &Verified<Claims>) -> &str {
    match &verified.checks().tcb {
        Outcome::Passed(detail) | Outcome::NotSupplied(detail) => detail,
        other => panic!("{other:?}"),
    }
}

/// Quote, collateral, a time when it was in force; status and advisories then.
type Sample = (&'static str, &'static str, Kind, UnixTime, TcbStatus, &'static [&'static str]);

/// Quotes with all their collateral.
const WITH_COLLATERAL: [Sample; 3] = [
    ("tdx/phala-2025.bin", "tdx/phala-2025.collateral.json", Kind::Tdx, PHALA, TcbStatus::UpToDate, &[]),
    ("tdx/td15ex-2026.bin", "tdx/td15ex-2026.collateral.json", Kind::Tdx, TD15EX, TcbStatus::UpToDate, &[]),
    (
        "sgx/processor-ca.bin",
        "sgx/processor-ca.collateral.json",
        Kind::Sgx,
        PROCESSOR,
        TcbStatus::ConfigurationAndSwHardeningNeeded,
        &["INTEL-SA-00289", "INTEL-SA-00615"],
    ),
];

// AT-02, AT-03, QI-01, QI-05: every check but freshness has something to say, and says that it passed.
#[test]
fn quotes_with_collateral_are_genuine() {
    for (name, collateral, kind, at, status, advisories) in WITH_COLLATERAL {
        let Some(evidence) = evidence(name, kind) else { return };
        let endorsements = endorsements(&[collateral]);
        let verified = verify(&evidence, &endorsements, at).unwrap();
        for check in Check::ALL {
            let outcome = verified.checks().get(check);
            match check {
                Check::Binding | Check::Freshness => {
                    assert!(matches!(outcome, Outcome::NotAvailable(_)), "{name} {check:?}: {outcome:?}");
                }
                _ => assert!(matches!(outcome, Outcome::Passed(_)), "{name} {check:?}: {outcome:?}"),
            }
        }
        let claims = verified.get();
        assert_eq!(claims.kind, kind);
        assert!(!claims.debug && !claims.development);
        assert_eq!(claims.tcb_status, Some(status), "{name}");
        assert_eq!(claims.advisories, advisories, "{name}");
        assert!(claims.not_after > at && claims.not_after < UnixTime(at.0 + 40 * 86400), "{name}");
        // AT-04: all 64 bytes of report data.
        let mut data = claims.report_data.clone();
        let verifier = Verifier::new(&[]);
        verifier.verify(&evidence, &endorsements, Expected::ReportData(&data), at).unwrap();
        data[63] ^= 1;
        let bound = verifier.verify(&evidence, &endorsements, Expected::ReportData(&data), at);
        assert_eq!(bound.unwrap_err(), Error::Binding);
        // AT-20
        let id = hex::encode(&claims.hardware_id);
        assert_eq!(id.len(), 32);
        assert!(!format!("{verified:?}{}", claims.to_json()).contains(&id));
    }
}

// AT-20: the claims are the quote's.
#[test]
fn claims_are_those_of_the_quote() {
    let Some(td) = evidence("tdx/phala-2025.bin", Kind::Tdx) else { return };
    let verified = verify(&td, &endorsements(&["tdx/phala-2025.collateral.json"]), PHALA).unwrap();
    let claims = verified.get();
    assert_eq!(claims.product, "b0c06f000000");
    assert_eq!(claims.signer, "PCK, Intel SGX PCK Platform CA");
    assert_eq!(claims.tcb["module-svn"], 6);
    assert_eq!(claims.tcb["module-version"], 1);
    assert_eq!(claims.tcb["seam-svn"], 3);
    assert_eq!(claims.tcb_evaluation, Some(17));
    assert_eq!(claims.tcb_date, Some(UnixTime::from_rfc3339("2024-03-13T00:00:00Z").unwrap()));
    assert_eq!(claims.not_after, UnixTime::from_rfc3339("2025-07-19T10:00:35Z").unwrap());
    assert_eq!(claims.attributes["sept-ve-disable"], 1);
    assert_eq!(claims.attributes["migratable"], 0);
    assert_eq!(claims.measurements["mrtd"], td.bytes[184..232]);
    assert_eq!(claims.measurements["rtmr-3"], td.bytes[520..568]);
    assert_eq!(claims.report_data, td.bytes[568..632]);
    assert_eq!(claims.measurements["mr-signer-seam"], [0; 48]);
    assert_eq!(hex::encode(claims.root), "44a0196b2b99f889b8e149e95b807a350e7424964399e885a7cbb8ccfab674d3");

    let enclave = evidence("sgx/processor-ca.bin", Kind::Sgx).unwrap();
    let verified = verify(&enclave, &endorsements(&["sgx/processor-ca.collateral.json"]), PROCESSOR).unwrap();
    let claims = verified.get();
    assert_eq!(claims.signer, "PCK, Intel SGX PCK Processor CA");
    assert_eq!(claims.product, "00a067110000");
    assert_eq!(claims.measurements["mrenclave"], enclave.bytes[112..144]);
    assert!(!claims.measurements.contains_key("config-id"), "without KSS");
    assert!(claims.report_data.starts_with(b"Hello, world!"));

    let kss = evidence("sgx/occlum.bin", Kind::Sgx).unwrap();
    let verified = verify(&kss, &Endorsements::default(), OCTOBER_2025).unwrap();
    assert_eq!(verified.get().attributes["kss"], 1);
    assert_eq!(verified.get().measurements["config-id"].len(), 64);
    assert_eq!(verified.get().attributes["isv-prod-id"], 0x0fa0);
    assert_eq!(verified.get().security_version, 0x1388);
}

/// Quotes that came without collateral: without any, only the chain's checks can pass; with TCB info the level of the
/// platform is told too.
const BARE: [(&str, Kind, Option<&str>, &str); 11] = [
    ("tdx/tappd.hex", Kind::Tdx, Some("tdx/tcb-info/tdx-b0c06f000000.json"), "Unlisted"),
    ("tdx/azure-vm.b64", Kind::Tdx, Some("tdx/tcb-info/tdx-00806f050000.json"), "UpToDate as of 2024-03-13"),
    ("tdx/edgeless.bin", Kind::Tdx, Some("tdx/tcb-info/tdx-00806f050000.json"), "OutOfDate as of 2023-02-15"),
    ("tdx/gcp.json", Kind::Tdx, Some("tdx/tcb-info/tdx-00806f050000.json"), "UpToDate as of 2024-03-13"),
    ("tdx/debug.bin", Kind::Tdx, Some("tdx/tcb-info/tdx-50806f000000.json"), "OutOfDate as of 2023-02-15"),
    ("tdx/zkdcap.bin", Kind::Tdx, Some("tdx/tcb-info/tdx-00806f050000.json"), "OutOfDate as of 2023-08-09"),
    ("tdx/v5-td15.bin", Kind::Tdx, None, ""),
    ("tpm/azure-tdx.td-quote.bin", Kind::Tdx, Some("tdx/tcb-info/tdx-00806f050000.json"), "OutOfDate as of"),
    ("sgx/occlum-debug.bin", Kind::Sgx, None, ""),
    ("sgx/tlsn-9.bin", Kind::Sgx, Some("sgx/tcb-info/sgx-00906ed50000.json"), "SWHardeningNeeded as of"),
    ("sgx/kss.bin", Kind::Sgx, None, ""),
];

// AT-02, AT-06, QI-03, QI-04: what is not supplied is never called passed.
#[test]
fn quotes_without_collateral_are_verified_as_far_as_that_goes() {
    for (name, kind, tcb_info, level) in BARE {
        let Some(evidence) = evidence(name, kind) else { return };
        let verified = verify(&evidence, &Endorsements::default(), OCTOBER_2025).unwrap();
        let checks = verified.checks();
        assert!(matches!(checks.chain, Outcome::Passed(_)), "{name}");
        assert!(matches!(checks.signature, Outcome::Passed(_)), "{name}");
        assert!(matches!(checks.revocation, Outcome::NotSupplied(_)), "{name}");
        assert!(tcb_detail(&verified).starts_with("no TCB info for the platform"), "{name}");
        assert_eq!(verified.get().tcb_status, None, "{name}");
        // QI-07
        assert_eq!(verified.get().debug, name.contains("debug"), "{name}");

        let Some(tcb_info) = tcb_info else { continue };
        let verified = verify(&evidence, &endorsements(&[tcb_info]), OCTOBER_2025).unwrap();
        let detail = tcb_detail(&verified);
        let expected = "no identity of the quoting enclave among the endorsements; platform level ";
        assert!(
            detail.strip_prefix(expected).is_some_and(|rest| rest.starts_with(level)),
            "{name}: {detail}"
        );
        // Half of it speaks against the evidence only.
        let status = verified.get().tcb_status.map_or("UpToDate", TcbStatus::name);
        assert_eq!(level.split(' ').next(), Some(status), "{name}");
    }
}

// AT-03: the advisories of a level with all collateral; the identity is of another month than the TCB info.
#[test]
fn levels_come_with_their_advisories() {
    let Some(evidence) = evidence("tdx/edgeless.bin", Kind::Tdx) else { return };
    let tcb_info = endorsements(&["tdx/tcb-info/tdx-00806f050000.json"]);
    let verified = verify(&evidence, &tcb_info, OCTOBER_2025).unwrap();
    assert_eq!(verified.get().attributes["sept-ve-disable"], 1);
    let azure = self::evidence("tdx/azure-vm.b64", Kind::Tdx).unwrap();
    let verified = verify(&azure, &tcb_info, OCTOBER_2025).unwrap();
    assert_eq!(verified.get().attributes["sept-ve-disable"], 0);
}

// QI-06, AT-03: reference data that was written anew is not what Intel signed.
#[test]
fn reference_data_in_another_layout_is_refused() {
    for (name, tcb_info) in [
        ("sgx/occlum.bin", "sgx/tcb-info/sgx-30606a000000.json"),
        ("sgx/kss.bin", "sgx/tcb-info/sgx-90c06f000000.json"),
    ] {
        let Some(evidence) = evidence(name, Kind::Sgx) else { return };
        let error = verify(&evidence, &endorsements(&[tcb_info]), OCTOBER_2025).unwrap_err();
        assert!(matches!(error, Error::ReferenceInvalid(_)), "{name}: {error:?}");
        assert_eq!((error.code(), error.exit()), ("reference-invalid", 20));
        // The same values in the form that Intel served them are: so the level of the platform is told.
        let value: serde_json::Value = serde_json::from_slice(&sample(tcb_info).unwrap()).unwrap();
        let mut compact = Endorsements::default();
        compact.add(value.to_string().as_bytes()).unwrap();
        let verified = verify(&evidence, &compact, OCTOBER_2025).unwrap();
        let expected = if name == "sgx/kss.bin" { "UpToDate" } else { "OutOfDate as of 2021-11-10" };
        assert!(tcb_detail(&verified).contains(&format!("platform level {expected}")), "{name}");
    }
    // Levels edited, signature left.
    let enclave = evidence("sgx/processor-ca.bin", Kind::Sgx).unwrap();
    let edited = endorsements(&["sgx/qe-identity-2020-edited.json"]);
    let error = verify(&enclave, &edited, UnixTime::from_rfc3339("2020-06-01T00:00:00Z").unwrap());
    assert!(matches!(error.unwrap_err(), Error::NotYetValid { .. }), "the quote is younger");
    let error = verify(&enclave, &edited, PROCESSOR).unwrap_err();
    assert!(matches!(error, Error::ReferenceInvalid(_)), "{error:?}");
}

// AT-05, QI-07: the collateral of a month is that month's.
#[test]
fn collateral_runs_out() {
    for (name, collateral, kind, at, ..) in WITH_COLLATERAL {
        let Some(evidence) = evidence(name, kind) else { return };
        let endorsements = endorsements(&[collateral]);
        for days in [-40, -400, 40, 4000_i64] {
            let at = UnixTime(at.0.saturating_add_signed(days * 86_400));
            let error = verify(&evidence, &endorsements, at).unwrap_err();
            let codes = [
                "certificate-expired",
                "certificate-not-yet-valid",
                "crl-expired",
                "crl-not-yet-valid",
                "reference-expired",
                "reference-not-yet-valid",
            ];
            assert!(codes.contains(&error.code()), "{name} {days}: {error:?}");
        }
        // Without CRLs it is the TCB info that ends.
        let without = Endorsements { crls: Vec::new(), ..endorsements };
        let error = verify(&evidence, &without, UnixTime(at.0 + 40 * 86_400)).unwrap_err();
        assert!(matches!(error, Error::ReferenceExpired { .. }), "{error:?}");
    }
    let Some(phala) = evidence("tdx/phala-2025.bin", Kind::Tdx) else { return };
    let endorsements = endorsements(&["tdx/phala-2025.collateral.json"]);
    verify(&phala, &endorsements, UnixTime(1_753_006_563)).unwrap_err();
}

// QI-07: a debug TD and a debug enclave are genuine, and say what they are.
#[test]
fn debug_is_a_claim() {
    for (name, kind) in [("tdx/debug.bin", Kind::Tdx), ("sgx/occlum-debug.bin", Kind::Sgx)] {
        let Some(evidence) = evidence(name, kind) else { return };
        let verified = verify(&evidence, &Endorsements::default(), OCTOBER_2025).unwrap();
        assert!(verified.get().debug);
        assert_eq!(verified.get().attributes["debug"], 1);
    }
}

// AT-03: a chain in the order leaf, root, authority, and three bytes of the report changed.
#[test]
fn a_corrupted_quote_fails_at_its_signature() {
    let Some(evidence) = evidence("sgx/pck-chain-corrupted.bin", Kind::Sgx) else { return };
    let at = UnixTime::from_rfc3339("2021-01-01T00:00:00Z").unwrap();
    assert_eq!(verify(&evidence, &Endorsements::default(), at).unwrap_err(), Error::Signature);
}

// AT-02: sets under a root that has the name of Intel's.
#[test]
fn synthetic_sets_are_not_intel_s() {
    let files =
        ["pckCert.pem", "pckSignChain.pem", "tcbSignChain.pem", "trustedRootCaCert.pem", "tcbInfo.json"];
    for (folder, kind) in [("sgx", Kind::Sgx), ("tdx", Kind::Tdx)] {
        let Some(bytes) = sample(&format!("{folder}/intel-synthetic/quote.dat")) else { return };
        let evidence = Evidence::detect(&bytes, None).unwrap();
        assert_eq!(evidence.kind, kind);
        let names: Vec<String> =
            files.iter().map(|file| format!("{folder}/intel-synthetic/{file}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let at = UnixTime::from_rfc3339("2024-01-01T00:00:00Z").unwrap();
        let error = verify(&evidence, &endorsements(&names), at).unwrap_err();
        match kind {
            // Its certification data is DER, where the format has PEM.
            Kind::Tdx => assert!(matches!(error, Error::Malformed(_)), "{error:?}"),
            _ => assert!(matches!(error, Error::CertificateSignature(_)), "{error:?}"),
        }
    }
}

/// What may differ without a byte of the evidence being in doubt: nothing that is signed, and nothing that is read.
fn is_read(quote: &[u8], at: usize) -> bool {
    // User data and, in version 3, security versions of the header are signed; so is all else up to the signature data.
    // The one thing in a quote that nothing rests on is the zero byte behind its chain, and white space in it.
    !matches!(quote[at], 0 | b'\n')
}

// AT-08: any bit of a genuine quote, at positions all over it.
#[test]
fn no_bit_can_be_flipped() {
    for (name, collateral, kind, at, ..) in WITH_COLLATERAL {
        let Some(evidence) = evidence(name, kind) else { return };
        let endorsements = endorsements(&[collateral]);
        let verifier = Verifier::new(&[]);
        let signed = if kind == Kind::Sgx { 432 } else { 632 };
        let positions = (0..signed).step_by(7).chain((signed..evidence.bytes.len()).step_by(23));
        for position in positions {
            let mut bent = evidence.clone();
            bent.bytes[position] ^= 1 << (position % 8);
            let verified = verifier.verify(&bent, &endorsements, Expected::Unbound, at);
            // White space in PEM is no part of what it says.
            let same = position > signed && !is_read(&evidence.bytes, position);
            assert!(verified.is_err() || same, "{name} at {position}");
        }
    }
}

// AT-08: prefixes and suffixes.
#[test]
fn no_byte_can_be_missing_or_added() {
    for (name, _, kind, ..) in WITH_COLLATERAL {
        let Some(evidence) = evidence(name, kind) else { return };
        for length in (0..evidence.bytes.len()).step_by(11) {
            let error = Evidence::detect(&evidence.bytes[..length], Some(kind)).unwrap_err();
            assert_eq!(error.exit(), 10, "{name} cut at {length}");
        }
        for suffix in [&[1][..], &[0, 0, 1], &evidence.bytes] {
            let bytes = [&evidence.bytes[..], suffix].concat();
            assert!(Evidence::detect(&bytes, Some(kind)).is_err(), "{name} and {}", suffix.len());
        }
    }
}

// AT-08: text of a quote, and kinds that are told from the bytes.
#[test]
fn quotes_are_recognised() {
    for (name, _, kind, ..) in WITH_COLLATERAL {
        let Some(evidence) = evidence(name, kind) else { return };
        let text = hex::encode(&evidence.bytes);
        assert_eq!(Evidence::detect(text.as_bytes(), None).unwrap(), evidence);
        let other = if kind == Kind::Sgx { Kind::Tdx } else { Kind::Sgx };
        assert_eq!(Evidence::detect(&evidence.bytes, Some(other)).unwrap_err().exit(), 10);
    }
}

// AT-26: a repeat finds everything, and says the same.
#[test]
fn a_repeat_is_known() {
    let (name, collateral, kind, at, ..) = WITH_COLLATERAL[0];
    let Some(evidence) = evidence(name, kind) else { return };
    let endorsements = endorsements(&[collateral]);
    let verifier = Verifier::new(&[]);
    let run = || verifier.verify(&evidence, &endorsements, Expected::Unbound, at).unwrap();
    let first = run();
    let again = run();
    assert_eq!(format!("{first:?}"), format!("{again:?}"));
    let [chains, signatures] = [verifier.chain_cache(), verifier.signature_cache()];
    assert_eq!((chains.hits, chains.misses), (1, 2), "the reference data; and both the first time");
    assert_eq!((signatures.hits, signatures.misses), (1, 1));
}

// AT-02: the second implementation comes to the same, on genuine evidence.
#[test]
fn dcap_qvl_agrees() {
    for (name, collateral, _, at, status, advisories) in WITH_COLLATERAL {
        let Some(quote) = sample(name) else { return };
        let collateral: dcap_qvl::QuoteCollateralV3 =
            serde_json::from_slice(&sample(collateral).unwrap()).unwrap();
        let theirs = dcap_qvl::verify::ring::verify(&quote, &collateral, at.0).unwrap();
        assert_eq!(theirs.status, status.name());
        assert_eq!(theirs.advisory_ids, advisories);
        let evidence = Evidence::detect(&quote, None).unwrap();
        let mut endorsements = Endorsements::default();
        endorsements.add(serde_json::to_string(&collateral).unwrap().as_bytes()).unwrap();
        assert_eq!(verify(&evidence, &endorsements, at).unwrap().get().hardware_id, theirs.ppid);
    }
}
