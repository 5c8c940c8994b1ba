//! Every sample with a known verdict, through the command, where no policy is given (AT-80, QI-01, QI-02).

use crate::support::{arg, run, shared};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::Value;
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// A run of `sealwire verify --json`.
struct Row {
    evidence: &'static str,
    endorsements: &'static [&'static str],
    at: &'static str,
    exit: i32,
    kind: &'static str,
    /// of the reasons, in order
    codes: &'static [&'static str],
}

const fn row(
    evidence: &'static str,
    endorsements: &'static [&'static str],
    at: &'static str,
    exit: i32,
    kind: &'static str,
    codes: &'static [&'static str],
) -> Row {
    Row { evidence, endorsements, at, exit, kind, codes }
}

/// While the collateral of the two complete sets from July 2025 is good.
const JULY: &str = "2025-07-04T10:30:00Z";
/// While the TCB info files from October 2025 are good. There are no identities of quoting enclaves beside them.
const OCTOBER: &str = "2025-10-10T00:00:00Z";
/// What Intel signed of the platform alone is enough to refuse it (AT-06).
const UNLISTED: &[&str] = &["tcb-status", "endorsement-missing"];
const BEHIND: &[&str] = &["tcb-status", "advisory", "endorsement-missing"];
/// Neither Intel's word on the level nor CRLs.
const LACKING: &[&str] = &["endorsement-missing", "endorsement-missing"];
const DEBUG_BEHIND: &[&str] = &["tcb-status", "advisory", "debug", "endorsement-missing"];
const DEBUG: &[&str] = &["endorsement-missing", "debug", "endorsement-missing"];

const ROWS: &[Row] = &[
    row("tdx/phala-2025.bin", &["tdx/phala-2025.collateral.json"], JULY, 0, "tdx", &[]),
    row(
        "tdx/phala-2025.bin",
        &["tdx/phala-2025.collateral.json"],
        "2025-07-20T10:16:03Z",
        20,
        "tdx",
        &["crl-expired"],
    ),
    row("tdx/td15ex-2026.bin", &["tdx/td15ex-2026.collateral.json"], "2026-10-23T00:00:00Z", 0, "tdx", &[]),
    // The platform is the same; the level is below every one that is listed.
    row("tdx/tappd.hex", &["tdx/phala-2025.collateral.json"], JULY, 30, "tdx", &["tcb-status"]),
    row("tdx/tappd.hex", &["tdx/tcb-info/tdx-b0c06f000000.json"], OCTOBER, 30, "tdx", UNLISTED),
    row("tdx/azure-vm.b64", &["tdx/tcb-info/tdx-00806f050000.json"], OCTOBER, 40, "tdx", LACKING),
    row("tdx/edgeless.bin", &["tdx/tcb-info/tdx-00806f050000.json"], OCTOBER, 30, "tdx", BEHIND),
    // A container: what it holds is verified below.
    row("tdx/gcp.json", &[], OCTOBER, 10, "", &["malformed"]),
    row("tdx/debug.bin", &["tdx/tcb-info/tdx-50806f000000.json"], OCTOBER, 30, "tdx", DEBUG_BEHIND),
    row("tdx/zkdcap.bin", &["tdx/tcb-info/tdx-00806f050000.json"], OCTOBER, 30, "tdx", BEHIND),
    row("tdx/v5-td15.bin", &[], OCTOBER, 40, "tdx", LACKING),
    row(
        "tdx/intel-synthetic/quote.dat",
        &[
            "tdx/intel-synthetic/pckCert.pem",
            "tdx/intel-synthetic/pckSignChain.pem",
            "tdx/intel-synthetic/tcbSignChain.pem",
            "tdx/intel-synthetic/trustedRootCaCert.pem",
            "tdx/intel-synthetic/tcbInfo.json",
            "tdx/intel-synthetic/qeIdentity.json",
            "tdx/intel-synthetic/crl-root.der",
            "tdx/intel-synthetic/crl-intermediate.der",
        ],
        "2024-01-01T00:00:00Z",
        10,
        "tdx",
        &["malformed"],
    ),
    row(
        "sgx/processor-ca.bin",
        &["sgx/processor-ca.collateral.json"],
        JULY,
        30,
        "sgx",
        &["tcb-status", "advisory"],
    ),
    row(
        "sgx/processor-ca.bin",
        &["sgx/processor-ca.collateral.json"],
        "2025-07-20T12:00:00Z",
        20,
        "sgx",
        &["crl-expired"],
    ),
    row(
        "sgx/processor-ca.bin",
        &["sgx/qe-identity-2020-edited.json"],
        JULY,
        20,
        "sgx",
        &["reference-invalid"],
    ),
    row("sgx/kss.bin", &[], OCTOBER, 40, "sgx", LACKING),
    // QI-06: the signature is over other bytes than those of these files.
    row("sgx/kss.bin", &["sgx/tcb-info/sgx-90c06f000000.json"], OCTOBER, 20, "sgx", &["reference-invalid"]),
    row(
        "sgx/occlum.bin",
        &["sgx/tcb-info/sgx-30606a000000.json"],
        OCTOBER,
        20,
        "sgx",
        &["reference-invalid"],
    ),
    row("sgx/occlum-debug.bin", &["sgx/tcb-info/sgx-00806f050000.json"], OCTOBER, 30, "sgx", DEBUG),
    row("sgx/tlsn-9.bin", &["sgx/tcb-info/sgx-00906ed50000.json"], OCTOBER, 30, "sgx", BEHIND),
    row("sgx/pck-chain-corrupted.bin", &[], OCTOBER, 20, "sgx", &["signature"]),
    row(
        "sgx/intel-synthetic/quote.dat",
        &[
            "sgx/intel-synthetic/pckCert.pem",
            "sgx/intel-synthetic/pckSignChain.pem",
            "sgx/intel-synthetic/tcbSignChain.pem",
            "sgx/intel-synthetic/trustedRootCaCert.pem",
            "sgx/intel-synthetic/tcbInfo.json",
            "sgx/intel-synthetic/qeIdentity.json",
            "sgx/intel-synthetic/crl-root.der",
            "sgx/intel-synthetic/crl-intermediate.der",
        ],
        "2024-01-01T00:00:00Z",
        20,
        "sgx",
        &["certificate-signature"],
    ),
    row(
        "snp/milan.report.hex",
        &["snp/milan.vcek.der", "snp/milan.chain.pem"],
        "2026-11-20T06:00:00Z",
        0,
        "snp",
        &[],
    ),
    row(
        "snp/milan.report.hex",
        &["snp/anchors"],
        "2026-11-20T06:00:00Z",
        40,
        "snp",
        &["endorsement-missing"],
    ),
    row(
        "snp/aws-vlek.report.bin",
        &["snp/aws-vlek.der"],
        "2025-06-01T00:00:00Z",
        40,
        "snp",
        &["endorsement-missing"],
    ),
    row("nitro/production.cose", &["nitro/production-chain"], "2025-01-06T16:07:05Z", 0, "nitro", &[]),
    row("nitro/production.cose", &[], "2026-11-20T06:00:00Z", 20, "nitro", &["certificate-expired"]),
    row("nitro/production.cose", &["nitro/lookalike-chain"], "2025-01-06T16:07:05Z", 0, "nitro", &[]),
    row("nitro/debug-2021.cose", &["nitro/aws-root-g1.der"], "2021-03-05T17:01:49Z", 30, "nitro", &["debug"]),
    // A container: what it holds is verified below.
    row("nitro/dstack-app.bin", &[], "2025-12-25T16:04:19Z", 10, "", &["malformed"]),
    row(
        "tpm/azure-tdx.evidence.json",
        &["tdx/tcb-info/tdx-00806f050000.json"],
        OCTOBER,
        30,
        "azure-tdx",
        BEHIND,
    ),
    // An HCL report holds a TD report, which only a quote over it makes more than the host's word.
    row("tpm/azure-tdx.hcl-report.bin", &[], OCTOBER, 40, "azure-tdx", &["endorsement-missing"]),
    row("tpm/azure-tdx-2.hcl-report.bin", &[], OCTOBER, 40, "azure-tdx", &["endorsement-missing"]),
    row("tpm/azure-tdx.td-quote.bin", &["tdx/tcb-info/tdx-00806f050000.json"], OCTOBER, 30, "tdx", BEHIND),
    row(
        "tpm/azure-snp.hcl-report.bin",
        &["tpm/azure-snp.other-chip-certs.pem"],
        "2025-01-01T00:00:00Z",
        20,
        "azure-snp",
        &["wrong-chip"],
    ),
    // Without signed reference values nothing says whether the measurements are good.
    row(
        "nvidia/hopper-1.report.hex",
        &["nvidia/hopper-1.chain.pem"],
        OCTOBER,
        40,
        "nvidia",
        &["endorsement-missing"],
    ),
    // Reference values of another device are nothing to it.
    row(
        "nvidia/hopper-1.report.hex",
        &["nvidia/hopper-1.chain.pem", "nvidia/cx7-rim.cbor"],
        OCTOBER,
        40,
        "nvidia",
        &["endorsement-missing"],
    ),
    row("nvidia/hopper-1.report.hex", &[], OCTOBER, 40, "nvidia", &["endorsement-missing"]),
];

/// Samples that are no evidence, and belong to none.
const OTHERS: [&str; 1] = ["tdx/ccel-ovmf.bin"];

fn verify(evidence: &Path, folder: &Path, row: &Row) -> Value {
    let mut args =
        ["verify", "--json", "--at", row.at, "--evidence", arg(evidence)].map(str::to_owned).to_vec();
    for name in row.endorsements {
        args.extend(["--endorsements".to_owned(), arg(&folder.join(name)).to_owned()]);
    }
    run(args).expect(row.exit).json()
}

fn check(evidence: &Path, folder: &Path, row: &Row) {
    let verdict = verify(evidence, folder, row);
    let codes: Vec<_> = verdict["reasons"]
        .as_array()
        .unwrap()
        .iter()
        .map(|reason| reason["code"].as_str().unwrap())
        .collect();
    assert_eq!(codes, row.codes, "{}: {verdict:#}", row.evidence);
    assert_eq!(verdict["kind"], row.kind, "{}", row.evidence);
    assert_eq!(verdict["exit"], row.exit, "{}", row.evidence);
    let name = match row.exit {
        0 => "accepted",
        10 => "malformed",
        20 => "not-genuine",
        30 => "refused",
        _ => "endorsement-missing",
    };
    assert_eq!(verdict["verdict"], name, "{}", row.evidence);
    // AT-03: a verdict without a failed check has told of all of them.
    if [0, 30].contains(&row.exit) {
        for (check, outcome) in verdict["checks"].as_object().unwrap() {
            let told = outcome["outcome"].as_str().unwrap();
            assert!(!["failed", "not-reached"].contains(&told), "{}: {check} {told}", row.evidence);
        }
    }
}

fn folder() -> Option<PathBuf> {
    Some(shared()?.join("quotes"))
}

#[test]
fn every_sample_has_its_verdict() {
    let Some(folder) = folder() else { return };
    for row in ROWS {
        check(&folder.join(row.evidence), &folder, row);
    }
}

// What lies in a container is evidence once it is taken out.
#[test]
fn evidence_is_taken_out_of_its_container() {
    let Some(folder) = folder() else { return };
    let scratch = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = scratch.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    let json: Value = serde_json::from_slice(&fs::read(folder.join("tdx/gcp.json")).unwrap()).unwrap();
    let quote = BASE64_STANDARD.decode(json["tdx"]["quote"].as_str().unwrap()).unwrap();
    let tcb_info = &["tdx/tcb-info/tdx-00806f050000.json"];
    let told = row("tdx/gcp.json", tcb_info, OCTOBER, 40, "tdx", LACKING);
    check(&file("gcp.bin", &quote), &folder, &told);
    let verdict = verify(&file("gcp.bin", &quote), &folder, &told);
    let found = verdict["reasons"][0]["found"].as_str().unwrap();
    assert!(found.contains("platform level UpToDate"), "{found}");

    // The COSE_Sign1 begins behind a length, and other data follows it.
    let app = fs::read(folder.join("nitro/dstack-app.bin")).unwrap();
    let told = row("nitro/dstack-app.bin", &[], "2025-12-25T16:04:19Z", 0, "nitro", &[]);
    check(&file("dstack.cose", &app[4..4530]), &folder, &told);
    let told = row("nitro/dstack-app.bin", &[], "2025-12-25T16:04:19Z", 10, "", &["malformed"]);
    check(&file("trailing.cose", &app[4..4531]), &folder, &told);
}

// The index and the tables here name the same files.
#[test]
fn no_sample_is_left_out() {
    let Some(folder) = folder() else { return };
    let index = fs::read_to_string(folder.join("INDEX.md")).unwrap();
    let files: Vec<_> = index
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .map(|(name, _)| name)
        .filter(|name| name.contains('/'))
        .collect();
    assert!(files.len() > 60, "{files:?}");
    let used: BTreeSet<_> = ROWS
        .iter()
        .flat_map(|row| row.endorsements.iter().chain([&row.evidence]))
        .chain(&OTHERS)
        .copied()
        .collect();
    let is_used =
        |name: &str| used.contains(name) || used.iter().any(|folder| name.starts_with(&format!("{folder}/")));
    // An identity of the quote verification enclave vouches for nothing here.
    let unused: Vec<_> =
        files.into_iter().filter(|name| !is_used(name) && !name.contains("qveIdentity")).collect();
    assert!(unused.is_empty(), "{unused:?}");
}

// AT-43: the whole chain for people, and what to do next where something is missing.
#[test]
fn people_read_a_tree_of_every_kind() {
    let Some(folder) = folder() else { return };
    // evidence, endorsements, time, exit code, and what stands in the tree
    type Shown = (&'static str, &'static [&'static str], &'static str, i32, &'static [&'static str]);
    let shown: &[Shown] = &[
        (
            "sgx/processor-ca.bin",
            &["sgx/processor-ca.collateral.json"],
            JULY,
            30,
            &[
                "ConfigurationAndSWHardeningNeeded",
                "INTEL-SA-00615",
                "mrenclave",
                "evaluation",
                "(default.sgx.advisories)",
            ],
        ),
        ("tdx/phala-2025.bin", &[], JULY, 40, &["not supplied", "rtmr-3", "PCS", "--endorsements FILE"]),
        (
            "nitro/production.cose",
            &[],
            "2025-01-06T16:07:05Z",
            0,
            &["pcr-0", "made at", "2025-01-06T16:07:05Z"],
        ),
        (
            "nvidia/hopper-1.report.hex",
            &["nvidia/hopper-1.chain.pem"],
            OCTOBER,
            40,
            &["550.90.07", "vbios", "gh100"],
        ),
        ("nvidia/hopper-1.report.hex", &[], OCTOBER, 40, &["NVIDIA", "--endorsements FILE"]),
    ];
    for (evidence, endorsements, at, exit, texts) in shown {
        let mut args = vec!["verify".to_owned(), "--at".to_owned(), (*at).to_owned()];
        args.extend(["--evidence".to_owned(), arg(&folder.join(evidence)).to_owned()]);
        for name in *endorsements {
            args.extend(["--endorsements".to_owned(), arg(&folder.join(name)).to_owned()]);
        }
        let ended = run(args).expect(*exit);
        for text in *texts {
            assert!(ended.stdout.contains(text), "{text}: {}", ended.stdout);
        }
    }
}

// AT-02: an event log is worth what the registers say. No quote belongs to the one that there is.
#[test]
fn an_event_log_is_held_to_the_registers() {
    let Some(folder) = folder() else { return };
    let with = |evidence: &str, log: &str, exit: i32| {
        let (evidence, log) = (folder.join(evidence), folder.join(log));
        let args = ["verify", "--json", "--at", JULY, "--evidence", arg(&evidence), "--event-log", arg(&log)];
        let verdict = run(args).expect(exit).json();
        verdict["reasons"][0]["code"].as_str().unwrap().to_owned()
    };
    assert_eq!(with("tdx/phala-2025.bin", "tdx/ccel-ovmf.bin", 20), "event-log");
    assert_eq!(with("tdx/phala-2025.bin", "tdx/phala-2025.bin", 10), "malformed");
    // Before it, the evidence itself.
    assert_eq!(with("sgx/pck-chain-corrupted.bin", "tdx/ccel-ovmf.bin", 20), "signature");
    // Enclaves have none.
    assert_eq!(with("sgx/kss.bin", "tdx/ccel-ovmf.bin", 10), "unsupported");
}

// AT-80: any length, compared with the raw field of the kind.
#[test]
fn report_data_is_the_field_of_its_kind() {
    let Some(folder) = folder() else { return };
    let evidence = folder.join("nvidia/hopper-1.report.hex");
    let chain = folder.join("nvidia/hopper-1.chain.pem");
    let with = |data: &str, exit: i32| {
        let args = [
            "verify",
            "--json",
            "--at",
            OCTOBER,
            "--evidence",
            arg(&evidence),
            "--endorsements",
            arg(&chain),
        ];
        run(args.into_iter().chain(["--report-data", data])).expect(exit).json()
    };
    let text = fs::read_to_string(&evidence).unwrap();
    // The nonce stands behind the four bytes of the request's header.
    let nonce = &text[8..72];
    assert_eq!(with(nonce, 40)["checks"]["binding"]["outcome"], "passed");
    for other in [&nonce[..62], &format!("{nonce}00"), ""] {
        assert_eq!(with(other, 20)["reasons"][0]["code"], "binding");
    }
}
