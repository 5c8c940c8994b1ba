//! Intel TDX and SGX: genuine quotes with known verdicts, and what is left of them after edits.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

#[path = "common/samples.rs"]
#[allow(dead_code)]
mod samples;

use samples::{quotes, sample};
use sealwire_attest::{
    Check, Claims, Endorsements, Error, Evidence, Kind, Outcome, Place, TcbStatus, UnixTime, Verified,
    Verifier, verify::Expected,
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

/// Quotes with all their collateral.
const WITH_COLLATERAL: [(&str, &str, Kind, UnixTime, TcbStatus, &[&str]); 3] = [
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
    ("tdx/gcp.json", Kind::Tdx, Some("tdx/tcb-info/tdx-00806f050000.json"), "UpToDate as of 2024-11-13"),
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
        assert_eq!(verified.get().tcb_status, None, "{name}");
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
