//! Azure VMs: genuine samples, and what is left of them after edits.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use common::{
    azure::{self, runtime, vtpm_quote},
    samples::sample,
    tpm::{Ak, Log, SHA256, Tpm},
};
use proptest::prelude::*;
use sealwire_attest::{
    Claims, Endorsements, Error, Evidence, Kind, Outcome, UnixTime, Verified, Verifier,
    azure::{Hardware, HclReport, VmEvidence, VtpmQuote},
    verify::Expected,
};
use std::collections::BTreeMap;

/// In the validity of the PCK certificate of the TD quote, and of Intel's collateral for its platform.
const TDX_TIME: UnixTime = UnixTime(1_760_054_400);
/// In the validity of the VCEK beside the SNP sample.
const SNP_TIME: UnixTime = UnixTime(1_750_000_000);
/// What the sample's requester asked for.
const CHALLENGE: &[u8] = b"challenge";

/// Offsets in an HCL report, written down here once more so that the parser's own are not what tests it.
mod at {
    pub(crate) const VERSION: usize = 4;
    pub(crate) const LEN: usize = 8;
    pub(crate) const REQUEST: usize = 12;
    pub(crate) const STATUS: usize = 16;
    pub(crate) const HARDWARE: usize = 32;
    pub(crate) const TD_REPORT_DATA: usize = HARDWARE + 128;
    pub(crate) const RUNTIME: usize = HARDWARE + 1184;
    pub(crate) const REPORT_TYPE: usize = RUNTIME + 8;
    pub(crate) const HASH: usize = RUNTIME + 12;
    pub(crate) const JSON: usize = RUNTIME + 20;
}

fn tdx() -> Option<VmEvidence> {
    let evidence = Evidence::detect(&sample("tpm/azure-tdx.evidence.json")?, None).unwrap();
    assert_eq!(evidence.kind, Kind::AzureTdx);
    Some(VmEvidence::parse(&evidence.bytes).unwrap())
}

fn verify_as(kind: Kind, vm: &VmEvidence, expected: Expected<'_>) -> Result<Verified<Claims>, Error> {
    let evidence = Evidence { kind, bytes: vm.encode() };
    Verifier::new(&[]).verify(&evidence, &Endorsements::default(), expected, TDX_TIME)
}

fn verify(vm: &VmEvidence, expected: Expected<'_>) -> Result<Verified<Claims>, Error> {
    verify_as(Kind::AzureTdx, vm, expected)
}

// AT-02, AT-20: everything from Intel's root to extraData.
#[test]
fn the_tdx_sample_is_genuine() {
    let Some(vm) = tdx() else { return };
    let verified = verify(&vm, Expected::ReportData(CHALLENGE)).unwrap();
    let (claims, checks) = (verified.get(), verified.checks());
    assert_eq!(claims.kind, Kind::AzureTdx);
    assert_eq!(claims.report_data, CHALLENGE);
    assert_eq!(claims.product, "00806f050000");
    assert!(!claims.debug);
    assert_eq!(claims.attributes["secure-boot"], 1);
    assert_eq!(claims.attributes["tpm-enabled"], 1);
    assert_eq!(claims.attributes["reset-count"], 1);
    assert_eq!(claims.attributes["event-log"], 0);
    assert_eq!(claims.measurements["mrtd"].len(), 48);
    assert_eq!(claims.measurements["pcr-23"], [0; 32]);
    let pcr0 = "782b20b10f55cc46e2142cc2145d548698073e5beb82752c8d7f9279f0d8a273";
    assert_eq!(hex::encode(&claims.measurements["pcr-0"]), pcr0);
    for (outcome, part) in [
        (&checks.format, "HCL report, vTPM quote over 24 registers"),
        (&checks.chain, "names the vTPM's attestation key"),
        (&checks.signature, "RSASSA over the quote of 24 registers"),
        (&checks.binding, "all 9 bytes"),
    ] {
        assert!(matches!(outcome, Outcome::Passed(text) if text.contains(part)), "{outcome:?}");
    }
    assert!(matches!(checks.freshness, Outcome::NotAvailable(_)));
}

// AT-04: extraData, all of it; and a binding is its first 32 bytes.
#[test]
fn the_quote_is_bound() {
    let Some(vm) = tdx() else { return };
    for other in [&b"challengf"[..], b"challeng", b"challenge\0", b""] {
        assert_eq!(verify(&vm, Expected::ReportData(other)).unwrap_err(), Error::Binding);
    }
    assert_eq!(verify(&vm, Expected::Binding(&[0x11; 64])).unwrap_err(), Error::Binding);
    // What the hardware's report is over is not what a requester asked for.
    let runtime_hash = vm.hcl_report[at::TD_REPORT_DATA..][..64].to_vec();
    assert_eq!(verify(&vm, Expected::ReportData(&runtime_hash)).unwrap_err(), Error::Binding);
}

// AT-04: an HCL report alone is bound to nothing, and says so.
#[test]
fn without_a_quote_nothing_is_bound() {
    let Some(vm) = tdx() else { return };
    let vm = VmEvidence { quote: None, ..vm };
    let verified = verify(&vm, Expected::Unbound).unwrap();
    assert!(matches!(verified.checks().binding, Outcome::NotAvailable(_)));
    assert!(!verified.get().measurements.contains_key("pcr-0"));
    assert!(verified.get().report_data.is_empty());
    assert_eq!(verify(&vm, Expected::ReportData(CHALLENGE)).unwrap_err(), Error::Binding);
    assert_eq!(verify(&vm, Expected::ReportData(&[])).unwrap_err(), Error::Binding);
}

// AT-02: the vTPM's quote, after the hardware's report.
#[test]
fn a_changed_quote_is_refused() {
    let Some(vm) = tdx() else { return };
    let bent = |bend: &dyn Fn(&mut VmEvidence)| {
        let mut vm = vm.clone();
        bend(&mut vm);
        verify(&vm, Expected::ReportData(CHALLENGE)).unwrap_err()
    };
    assert_eq!(bent(&|vm| *vm.quote.as_mut().unwrap().signature.last_mut().unwrap() ^= 1), Error::Signature);
    assert_eq!(bent(&|vm| *vm.quote.as_mut().unwrap().attest.last_mut().unwrap() ^= 1), Error::Signature);
    // Somebody's TPM, and not this VM's.
    let other = |vm: &mut VmEvidence| {
        let quote = vm.quote.as_mut().unwrap();
        quote.signature = Ak::Rsa.sign(&quote.attest);
    };
    assert_eq!(bent(&other), Error::Signature);
    let pcr = |vm: &mut VmEvidence| vm.quote.as_mut().unwrap().pcrs.get_mut(&14).unwrap()[0] ^= 1;
    assert_eq!(bent(&pcr), Error::PcrDigest);
    assert_eq!(bent(&|vm| vm.quote.as_mut().unwrap().pcrs.retain(|index, _| *index != 23)), Error::PcrDigest);
    let log = Log::new(&[(SHA256, 32)]).event(7, 1, b"another machine's");
    let log = |vm: &mut VmEvidence| vm.quote.as_mut().unwrap().event_log = Some(log.write());
    assert_eq!(bent(&log), Error::EventLog("pcr-7".to_owned()));
}

// AT-02: the keys are those that the hardware's report holds the hash of.
#[test]
fn other_runtime_data_is_not_bound() {
    let Some(vm) = tdx() else { return };
    let mut changed = vm.clone();
    let json = changed.hcl_report.windows(6).position(|bytes| bytes == b"\"HCLEk").unwrap();
    changed.hcl_report[json + 4] = b'X';
    let error = verify(&changed, Expected::Unbound).unwrap_err();
    assert_eq!(error, Error::KeyNotBound("the hardware's report is over other runtime data"));
    assert_eq!((error.code(), error.exit()), ("key-not-bound", 20));
    // Neither is the 32 bytes behind the hash free.
    let mut longer = vm.clone();
    longer.hcl_report[at::TD_REPORT_DATA + 63] = 1;
    assert!(matches!(verify(&longer, Expected::Unbound).unwrap_err(), Error::KeyNotBound(_)));
    // The quote of another guest: its report, with this one's report data, is not what was quoted.
    for register in [528, 720, 864 + 47] {
        let mut other = vm.clone();
        other.hcl_report[at::HARDWARE + register] ^= 1;
        let error = verify(&other, Expected::Unbound).unwrap_err();
        assert_eq!(error, Error::KeyNotBound("the TD quote is of another guest than the TDREPORT"));
    }
    // Another machine's HCL report with this one's TD quote.
    let Some(second) = sample("tpm/azure-tdx-2.hcl-report.bin") else { return };
    let second = Evidence::detect(&second, None).unwrap();
    let second = VmEvidence { td_quote: vm.td_quote, ..VmEvidence::parse(&second.bytes).unwrap() };
    let error = verify(&second, Expected::Unbound).unwrap_err();
    assert_eq!(error, Error::KeyNotBound("the TD quote is over other runtime data"));
}

// AT-02, AT-06: a TDREPORT has no signature of its own.
#[test]
fn a_td_report_alone_is_vouched_for_by_nobody() {
    for name in ["tpm/azure-tdx.hcl-report.bin", "tpm/azure-tdx-2.hcl-report.bin"] {
        let Some(bytes) = sample(name) else { return };
        let evidence = Evidence::detect(&bytes, None).unwrap();
        assert_eq!(evidence.kind, Kind::AzureTdx);
        let error = Verifier::new(&[])
            .verify(&evidence, &Endorsements::default(), Expected::Unbound, TDX_TIME)
            .unwrap_err();
        assert_eq!(error, Error::EndorsementMissing("the TD quote over the report"));
        assert_eq!(error.exit(), 40);
    }
}

// AT-02: the sample's certificates are those of another chip, and its runtime data is bound.
#[test]
fn the_snp_sample_is_of_another_chip() {
    let Some(bytes) = sample("tpm/azure-snp.hcl-report.bin") else { return };
    let evidence = Evidence::detect(&bytes, None).unwrap();
    assert_eq!(evidence.kind, Kind::AzureSnp);
    let mut endorsements = Endorsements::default();
    endorsements.add(&sample("tpm/azure-snp.other-chip-certs.pem").unwrap()).unwrap();
    let verifier = Verifier::new(&[]);
    let error = verifier.verify(&evidence, &endorsements, Expected::Unbound, SNP_TIME).unwrap_err();
    assert_eq!(error, Error::WrongChip);
    let missing = verifier.verify(&evidence, &Endorsements::default(), Expected::Unbound, SNP_TIME);
    assert_eq!(missing.unwrap_err(), Error::EndorsementMissing("the chip's VCEK certificate"));
    // Before that, the runtime data.
    let mut vm = VmEvidence::parse(&evidence.bytes).unwrap();
    let vm_id = vm.hcl_report.windows(5).position(|bytes| bytes == b"\"BAEF").unwrap();
    vm.hcl_report[vm_id + 1] = b'C';
    let changed = Evidence { bytes: vm.encode(), ..evidence };
    let error = verifier.verify(&changed, &endorsements, Expected::Unbound, SNP_TIME).unwrap_err();
    assert!(matches!(error, Error::KeyNotBound(_)), "{error:?}");
}

// AT-08, AT-80: all forms of a file come to the same evidence.
#[test]
fn every_form_of_a_file_is_one_evidence() {
    let Some(vm) = tdx() else { return };
    let raw = sample("tpm/azure-tdx.hcl-report.bin").unwrap();
    let detected = Evidence::detect(&raw, None).unwrap();
    let report = VmEvidence::parse(&detected.bytes).unwrap();
    assert_eq!(report.hcl_report, vm.hcl_report);
    assert_eq!(report.hcl_report.len(), 2437);
    assert_eq!((report.quote, report.td_quote), (None, None));
    // Our own form, as bytes and as text.
    let own = vm.encode();
    for bytes in [own.clone(), hex::encode(&own).into_bytes()] {
        let evidence = Evidence::detect(&bytes, Some(Kind::AzureTdx)).unwrap();
        assert_eq!(evidence, Evidence { kind: Kind::AzureTdx, bytes: own.clone() });
        assert_eq!(Evidence::detect(&bytes, None).unwrap(), evidence);
    }
    // The other kind is none of it.
    for bytes in [raw, own, sample("tpm/azure-tdx.evidence.json").unwrap()] {
        assert!(matches!(Evidence::detect(&bytes, Some(Kind::AzureSnp)), Err(Error::Malformed(_))));
    }
    assert!(matches!(verify_as(Kind::AzureSnp, &vm, Expected::Unbound), Err(Error::Malformed(_))));
}

// AT-08
#[test]
fn the_json_of_agents_is_strict() {
    let Some(bytes) = sample("tpm/azure-tdx.evidence.json") else { return };
    let json: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    let refused = |path: &[&str], value: serde_json::Value| {
        let mut json = json.clone();
        let (last, parents) = path.split_last().unwrap();
        let parent = parents.iter().fold(&mut json, |json, name| &mut json[*name]);
        parent[*last] = value;
        let error = Evidence::detect(&serde_json::to_vec(&json).unwrap(), Some(Kind::AzureTdx)).unwrap_err();
        assert_eq!(error.exit(), 10, "{path:?}: {error:?}");
    };
    refused(&["version"], 2.into());
    refused(&["hcl_report"], "AAAA".into());
    refused(&["hcl_report"], "+/+/".into());
    refused(&["td_quote"], 5.into());
    refused(&["td_quote"], "A".repeat(30_000).into());
    refused(&["tpm_quote", "signature"], "zz".into());
    refused(&["tpm_quote", "signature"], "00".repeat(1100).into());
    refused(&["tpm_quote", "signature"], "00".repeat(70_000).into());
    refused(&["tpm_quote", "message"], "ff544347".into());
    let pcrs = json["tpm_quote"]["pcrs"].as_array().unwrap();
    refused(&["tpm_quote", "pcrs"], pcrs[..23].to_vec().into());
    let mut short = pcrs.clone();
    short[3] = "00".repeat(20).into();
    refused(&["tpm_quote", "pcrs"], short.into());
    for tail in ["x", "{}"] {
        let longer = [&bytes, tail.as_bytes()].concat();
        assert!(Evidence::detect(&longer, Some(Kind::AzureTdx)).is_err());
    }
}

/// An HCL report around `json`, whose hash it holds.
fn hcl_report(json: &str) -> Vec<u8> {
    azure::hcl_report(Hardware::Tdx, &azure::td_report(json), json)
}

fn modulus(len: usize) -> String {
    use base64::Engine as _;
    base64::prelude::BASE64_URL_SAFE_NO_PAD.encode(vec![0xc3; len])
}

fn good_runtime() -> String {
    azure::runtime_with(&[0xc3; 256])
}

fn format_of(report: Vec<u8>) -> Result<Evidence, Error> {
    Evidence::detect(&report, Some(Kind::AzureTdx))
}

// AT-08: the header, byte for byte.
#[test]
fn the_hcl_report_is_strict() {
    let good = hcl_report(&good_runtime());
    let evidence = format_of(good.clone()).unwrap();
    let vm = VmEvidence::parse(&evidence.bytes).unwrap();
    let parsed = HclReport::parse(&vm.hcl_report).unwrap();
    assert_eq!((parsed.hardware, parsed.runtime), (Hardware::Tdx, good_runtime().as_bytes()));
    format_of([&good[..], &[0; 163]].concat()).unwrap();
    assert!(matches!(format_of([&good[..], &[0, 1]].concat()), Err(Error::Length { .. })));
    let bent = |at: usize, value: u8| {
        let mut report = good.clone();
        report[at] = value;
        format_of(report).unwrap_err()
    };
    assert!(matches!(bent(at::VERSION, 3), Error::Version { found: 3, .. }));
    assert!(matches!(bent(at::VERSION, 0), Error::Version { found: 0, .. }));
    assert!(matches!(bent(at::LEN, 0), Error::Length { .. }));
    assert!(matches!(bent(at::REQUEST, 1), Error::Malformed(_)));
    assert!(matches!(bent(at::STATUS, 1), Error::Malformed(_)));
    assert!(matches!(bent(at::STATUS + 15, 1), Error::Malformed(_)));
    assert!(matches!(bent(at::RUNTIME, 0), Error::Malformed(_)));
    assert!(matches!(bent(at::RUNTIME + 4, 2), Error::Version { found: 2, .. }));
    assert!(matches!(bent(at::REPORT_TYPE, 1), Error::Unsupported(_)));
    assert!(matches!(bent(at::HASH, 2), Error::Unsupported(_)));
    assert!(matches!(bent(at::RUNTIME + 16, 0), Error::Malformed(_)));
    for len in 0..good.len() {
        assert!(format_of(good[..len].to_vec()).is_err(), "{len}");
    }
    // A TDREPORT of another type, and something behind it. That is the verifier's to see.
    for (at, value) in [(at::HARDWARE, 0), (at::HARDWARE + 1024, 1)] {
        let mut report = good.clone();
        report[at] = value;
        let evidence = format_of(report).unwrap();
        let error = Verifier::new(&[])
            .verify(&evidence, &Endorsements::default(), Expected::Unbound, TDX_TIME)
            .unwrap_err();
        assert_eq!(error, Error::Malformed("a hardware report that is no TDREPORT"));
    }
}

// AT-08, AT-02: the keys of the runtime data.
#[test]
fn runtime_data_is_strict() {
    let n = modulus(256);
    let refused = |json: &str| {
        let error = format_of(hcl_report(json)).unwrap_err();
        assert!(matches!(error, Error::Malformed(_) | Error::Unsupported(_)), "{json}: {error:?}");
    };
    refused("");
    refused("{}");
    refused(r#"{"keys":[]}"#);
    refused(&runtime("HCLEkPub", &format!(r#""kty":"RSA","e":"AQAB","n":"{n}""#)));
    refused(&runtime("HCLAkPub", &format!(r#""kty":"EC","e":"AQAB","n":"{n}""#)));
    refused(&runtime("HCLAkPub", &format!(r#""kty":"RSA","e":"Aw","n":"{n}""#)));
    refused(&runtime("HCLAkPub", r#""kty":"RSA","e":"AQAB""#));
    refused(&runtime("HCLAkPub", r#""kty":"RSA","e":"AQAB","n":"+""#));
    refused(&runtime("HCLAkPub", &format!(r#""kty":"RSA","e":"AQAB","n":"AAA{n}""#)));
    refused(&runtime("HCLAkPub", &format!(r#""kty":"RSA","e":"AQAB","n":"{}""#, modulus(255))));
    refused(&runtime("HCLAkPub", &format!(r#""kty":"RSA","e":"AQAB","n":"{}""#, modulus(1025))));
    refused(&format!("{}x", good_runtime()));
    let twice = good_runtime()
        .replace("}],", &format!(r#"}},{{"kid":"HCLAkPub","kty":"RSA","n":"{n}","e":"AQAB"}}],"#));
    refused(&twice);
    refused(&good_runtime().replace("true", "1"));
    refused(&good_runtime().replace(r#""user-data""#, r#""keys":[],"user-data""#));
    refused(&"[".repeat(2000));
}

// AT-08: our own form.
#[test]
fn the_form_is_strict() {
    let log = Some(Log::new(&[(SHA256, 32)]).write());
    let quote = VtpmQuote { event_log: log, ..vtpm_quote(&Tpm::new(Ak::Rsa)) };
    let vm = VmEvidence {
        hcl_report: hcl_report(&good_runtime()),
        quote: Some(quote.clone()),
        td_quote: Some(vec![4; 100]),
    };
    for vm in
        [vm.clone(), VmEvidence { quote: None, ..vm.clone() }, VmEvidence { td_quote: None, ..vm.clone() }]
    {
        let bytes = vm.encode();
        assert_eq!(VmEvidence::parse(&bytes), Ok(vm));
        assert!(VmEvidence::parse(&[&bytes[..], &[0]].concat()).is_err());
        for len in 0..bytes.len() {
            assert!(VmEvidence::parse(&bytes[..len]).is_err(), "{len}");
        }
    }
    let refused = |vm: &VmEvidence| matches!(VmEvidence::parse(&vm.encode()), Err(Error::Malformed(_)));
    assert!(refused(&VmEvidence { hcl_report: vec![0; 16 * 1024 + 1], ..vm.clone() }));
    assert!(refused(&VmEvidence { td_quote: Some(vec![0; 16 * 1024 + 1]), ..vm.clone() }));
    let none = VtpmQuote { pcrs: BTreeMap::new(), ..quote };
    assert!(refused(&VmEvidence { quote: Some(none), ..vm }));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    // AT-08, AT-02: no bit of the sample is free. Those of the TD quote are its own verifier's.
    #[test]
    fn a_changed_bit_is_refused(at in any::<prop::sample::Index>(), bit in 0_u8..8) {
        let Some(vm) = tdx() else { return Ok(()) };
        let mut bytes = vm.encode();
        let at = at.index(bytes.len() - vm.td_quote.unwrap().len());
        bytes[at] ^= 1 << bit;
        // A TDREPORT is the CPU's own business but for report data and registers; the quote holds the rest.
        let report = bytes.windows(4).position(|bytes| bytes == b"HCLA").map_or(0, |start| start + 32);
        let evidence = Evidence { kind: Kind::AzureTdx, bytes };
        let verified =
            Verifier::new(&[]).verify(&evidence, &Endorsements::default(), Expected::ReportData(CHALLENGE), TDX_TIME);
        prop_assert!(verified.is_err() || (report..report + 1024).contains(&at), "byte {}", at);
    }

    // AT-08
    #[test]
    fn any_bytes_are_evidence_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        for start in [&b""[..], b"HCLA", b"{\"tpm_quote\":", &hcl_report(&good_runtime())[..at::JSON]] {
            for kind in [Kind::AzureSnp, Kind::AzureTdx] {
                let bytes = [start, &bytes].concat();
                prop_assert!(Evidence::detect(&bytes, Some(kind)).is_err());
            }
        }
    }
}
