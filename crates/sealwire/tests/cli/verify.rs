//! `sealwire verify`: exit codes and JSON (AT-80, AT-81), on genuine samples.

use crate::support::{Ended, arg, run, run_with, shared};
use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Within the validity of the sample's certificates.
const AT: &str = "2026-11-20T06:00:00Z";

struct Samples {
    folder: PathBuf,
    scratch: tempfile::TempDir,
}

impl Samples {
    fn find() -> Option<Self> {
        let folder = shared()?.join("quotes/snp");
        Some(Self { folder, scratch: tempfile::tempdir().unwrap() })
    }

    fn path(&self, name: &str) -> String {
        arg(&self.folder.join(name)).to_owned()
    }

    /// The report with some bytes changed.
    fn edited(&self, name: &str, edit: impl FnOnce(&mut Vec<u8>)) -> String {
        let text = fs::read_to_string(self.folder.join("milan.report.hex")).unwrap();
        let mut bytes = hex::decode(text.trim()).unwrap();
        edit(&mut bytes);
        self.file(name, &bytes)
    }

    fn file(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.scratch.path().join(name);
        fs::write(&path, bytes).unwrap();
        arg(&path).to_owned()
    }

    /// Verifies a report with the Milan chain.
    fn verify(&self, report: &str, more: &[&str]) -> Ended {
        self.verify_with(report, &["milan.vcek.der", "milan.chain.pem"], more)
    }

    fn verify_with(&self, report: &str, endorsements: &[&str], more: &[&str]) -> Ended {
        let mut args =
            vec!["verify".to_owned(), "--json".to_owned(), "--evidence".to_owned(), report.to_owned()];
        for name in endorsements {
            args.extend(["--endorsements".to_owned(), self.path(name)]);
        }
        args.extend(more.iter().map(ToString::to_string));
        run(args)
    }
}

fn code_of(verdict: &Value) -> &str {
    verdict["reasons"][0]["code"].as_str().unwrap()
}

/// AT-81: the fields, by name, and nothing else.
fn assert_shape(verdict: &Value, name: &str, exit: i32) {
    let fields: Vec<_> = verdict.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(fields, ["verdict", "exit", "kind", "reasons", "claims", "checks"]);
    assert_eq!(verdict["verdict"], name);
    assert_eq!(verdict["exit"], exit);
    for reason in verdict["reasons"].as_array().unwrap() {
        let fields: Vec<_> = reason.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(fields, ["code", "rule", "expected", "found"]);
    }
    let checks: Vec<_> = verdict["checks"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        checks,
        [
            "format",
            "chain",
            "validity",
            "revocation",
            "signature",
            "tcb",
            "attributes",
            "binding",
            "freshness"
        ]
    );
}

// AT-80, AT-81
#[test]
fn a_genuine_report_is_accepted() {
    let Some(samples) = Samples::find() else { return };
    let report = samples.path("milan.report.hex");
    let verdict = samples.verify(&report, &["--at", AT]).expect(0).json();
    assert_shape(&verdict, "accepted", 0);
    assert_eq!(verdict["kind"], "snp");
    assert_eq!(verdict["reasons"], json!([]));
    assert_eq!(verdict["claims"]["hardware-model"], "SEV-SNP Milan");
    assert_eq!(verdict["claims"]["development"], false);
    assert_eq!(verdict["claims"]["debug"], false);
    assert_eq!(verdict["checks"]["signature"]["outcome"], "passed");
    // AT-03: what was not checked is never called passed.
    assert_eq!(verdict["checks"]["binding"]["outcome"], "not-available");
    assert_eq!(verdict["checks"]["revocation"]["outcome"], "not-supplied");
}

// AT-80: raw bytes, hex and base64 are told apart by content; a folder serves as well as files do.
#[test]
fn the_form_of_the_files_does_not_matter() {
    let Some(samples) = Samples::find() else { return };
    let raw = samples.edited("raw.bin", |_| ());
    let base64 = {
        use base64::Engine;
        let bytes = fs::read(&raw).unwrap();
        samples.file("report.b64", base64::engine::general_purpose::STANDARD.encode(bytes).as_bytes())
    };
    for report in [raw, base64] {
        samples.verify(&report, &["--at", AT, "--kind", "snp"]).expect(0);
    }
    let folder = samples.verify_with(&samples.path("milan.report.hex"), &["."], &["--at", AT]).expect(0);
    // The evidence that lies beside the certificates is left out, and said to be.
    assert!(folder.stderr.contains("milan.report.hex"), "{}", folder.stderr);
}

#[test]
fn exit_10_malformed() {
    let Some(samples) = Samples::find() else { return };
    let cut = samples.edited("cut.bin", |bytes| bytes.truncate(1000));
    let verdict = samples.verify(&cut, &["--at", AT]).expect(10).json();
    assert_shape(&verdict, "malformed", 10);
    assert_eq!(verdict["claims"], Value::Null);
    // AT-08: trailing bytes
    let long = samples.edited("long.bin", |bytes| bytes.push(0));
    assert_shape(&samples.verify(&long, &["--at", AT]).expect(10).json(), "malformed", 10);
    let damaged = samples.file("damaged.der", &[0x30, 0x82, 1, 2, 3]);
    let report = samples.path("milan.report.hex");
    let verdict =
        run(["verify", "--json", "--evidence", &report, "--endorsements", &damaged]).expect(10).json();
    assert_eq!(code_of(&verdict), "endorsement-malformed");
    // A damaged certificate in a folder is not passed over in silence.
    let folder = arg(samples.scratch.path()).to_owned();
    let verdict =
        run(["verify", "--json", "--evidence", &report, "--endorsements", &folder]).expect(10).json();
    assert_eq!(code_of(&verdict), "endorsement-malformed");
}

// QM-20: one bit of the report data
#[test]
fn exit_20_not_genuine() {
    let Some(samples) = Samples::find() else { return };
    let flipped = samples.edited("flipped.bin", |bytes| bytes[80] ^= 1);
    let verdict = samples.verify(&flipped, &["--at", AT]).expect(20).json();
    assert_shape(&verdict, "not-genuine", 20);
    assert_eq!(code_of(&verdict), "signature");
    assert_eq!(verdict["checks"]["signature"]["outcome"], "failed");
    assert_eq!(verdict["checks"]["binding"]["outcome"], "not-reached");

    let report = samples.path("milan.report.hex");
    // AT-05: past the end of the leaf
    let verdict = samples.verify(&report, &["--at", "2030-04-04T00:00:00Z"]).expect(20).json();
    assert_eq!(code_of(&verdict), "certificate-expired");
    // AT-04: bound to something else
    let verdict = samples.verify(&report, &["--at", AT, "--report-data", &"00".repeat(64)]).expect(20).json();
    assert_eq!(code_of(&verdict), "binding");
    // AT-07: the label does not make it development evidence
    let verdict = samples.verify(&report, &["--at", AT, "--kind", "development"]).expect(20).json();
    assert_eq!(code_of(&verdict), "kind-mismatch");
}

#[test]
fn report_data_is_compared_with_the_raw_field() {
    let Some(samples) = Samples::find() else { return };
    let report = samples.edited("raw.bin", |_| ());
    let data = hex::encode(&fs::read(&report).unwrap()[0x50..0x90]);
    let verdict = samples.verify(&report, &["--at", AT, "--report-data", &data]).expect(0).json();
    assert_eq!(verdict["checks"]["binding"]["outcome"], "passed");
}

fn policy(samples: &Samples, measurement: &str, crl: &str) -> String {
    let text = format!(
        "version = 1\nany-operator = true\n[[accept]]\nkind = \"snp\"\nmeasurement = [\"{measurement}\"]\n\
         host-data = {{ any = \"a test\" }}\nminimum-tcb = {{ any = \"a test\" }}\ncrl = \"{crl}\"\n"
    );
    samples.file("policy.toml", text.as_bytes())
}

#[test]
fn exit_30_refused() {
    let Some(samples) = Samples::find() else { return };
    let report = samples.path("milan.report.hex");
    let policy = policy(&samples, &"ab".repeat(48), "if-available");
    let verdict = samples.verify(&report, &["--at", AT, "--policy", &policy]).expect(30).json();
    assert_shape(&verdict, "refused", 30);
    // AT-23: the rule, what was expected, what was there
    assert_eq!(code_of(&verdict), "measurement-not-listed");
    assert_eq!(verdict["reasons"][0]["rule"], "accept[0].measurement");
    assert_eq!(verdict["reasons"][0]["expected"], "ab".repeat(48));
    assert_eq!(verdict["reasons"][0]["found"], verdict["claims"]["measurements"]["measurement"]);
}

// AT-06
#[test]
fn exit_40_an_endorsement_is_missing() {
    let Some(samples) = Samples::find() else { return };
    let report = samples.path("milan.report.hex");
    let verdict = samples.verify_with(&report, &["milan.chain.pem"], &["--at", AT]).expect(40).json();
    assert_shape(&verdict, "endorsement-missing", 40);
    assert_eq!(code_of(&verdict), "endorsement-missing");
    // The VLEK's issuer is not among the samples.
    let vlek = samples.path("aws-vlek.report.bin");
    samples
        .verify_with(&vlek, &["aws-vlek.der", "milan.chain.pem"], &["--at", "2025-06-01T00:00:00Z"])
        .expect(40);
    // A policy that wants a CRL: all else is in order.
    let accepted = samples.verify(&report, &["--at", AT]).json();
    let measurement = accepted["claims"]["measurements"]["measurement"].as_str().unwrap();
    let policy = policy(&samples, measurement, "required");
    samples.verify(&report, &["--at", AT, "--policy", &policy]).expect(40);
}

#[test]
fn addresses_are_numeric_and_a_digest_needs_a_name() {
    for listen in ["8080", ":8080", "host.example:8080"] {
        let ended = run(["connect", "--to", "http://a", "--policy", "x", "--listen", listen]).expect(2);
        assert!(ended.stderr.contains("127.0.0.1:8080"), "{}", ended.stderr);
    }
    let gateway = ["gateway", "--upstream", "http://127.0.0.1:9", "--print-config-digest", "--listen"];
    let open = run(gateway.iter().chain(&["localhost:0"])).expect(2);
    assert!(open.stderr.contains("--authority NAME"), "{}", open.stderr);
    let by_name = run(gateway.iter().chain(&["localhost:8443"])).expect(0).stdout;
    assert_eq!(by_name, run(gateway.iter().chain(&["127.0.0.1:8443"])).expect(0).stdout);
    assert!(run(["gateway"]).expect(2).stderr.contains("--config FILE"));
    assert!(run(["gateway", "--config", "nope.toml"]).expect(2).stderr.contains("next:"));
}

#[test]
fn exit_2_usage() {
    run(["verify"]).expect(2);
    run(["verify", "--evidence", "/nonexistent"]).expect(2);
    let scratch = tempfile::tempdir().unwrap();
    let policy = scratch.path().join("policy.toml");
    // AT-21: unknown keys name the line
    fs::write(&policy, "version = 1\nany-operator = true\nmesurement = 1\n").unwrap();
    let ended =
        run(["verify", "--evidence", arg(Path::new("/dev/null")), "--policy", arg(&policy)]).expect(2);
    assert!(ended.stderr.contains("line 3") && ended.stderr.contains("mesurement"), "{}", ended.stderr);
    for (flag, value) in
        [("--report-data", "0"), ("--report-data", "zz"), ("--at", "yesterday"), ("--kind", "sgx2")]
    {
        let ended = run(["verify", "--evidence", "/dev/null", flag, value]).expect(2);
        assert!(ended.stderr.contains(flag), "{}", ended.stderr);
    }
}

// AT-43: for people, the same as a tree; without a terminal there is no colour.
#[test]
fn people_read_a_tree() {
    let Some(samples) = Samples::find() else { return };
    let report = samples.path("milan.report.hex");
    let (vcek, chain) = (samples.path("milan.vcek.der"), samples.path("milan.chain.pem"));
    let args =
        ["verify", "--evidence", &report, "--endorsements", &vcek, "--endorsements", &chain, "--at", AT];
    let ended = run(args).expect(0);
    for text in [
        "SEV-SNP Milan",
        "signed by VCEK",
        "ARK-Milan",
        "not supplied: no CRL",
        "accepted",
        "no --report-data",
        "no --policy",
    ] {
        assert!(ended.stdout.contains(text), "{text}: {}", ended.stdout);
    }
    assert!(!ended.stdout.contains('\u{1b}'));
    let alone = run(["verify", "--evidence", &report, "--at", AT]).expect(40);
    assert!(alone.stdout.contains("--endorsements FILE"), "{}", alone.stdout);
}

// AT-23: of several files the one that cannot be read is named, for the evidence itself may be good.
#[test]
fn an_endorsement_that_cannot_be_read_is_named() {
    let Some(samples) = Samples::find() else { return };
    let broken = samples.file("broken.der", &[0x30, 0x82, 0, 1]);
    let report = samples.path("milan.report.hex");
    let verdict = samples.verify(&report, &["--endorsements", &broken, "--at", AT]).expect(10).json();
    assert_shape(&verdict, "malformed", 10);
    assert_eq!(code_of(&verdict), "endorsement-malformed");
    for told in [&verdict["reasons"][0]["found"], &verdict["checks"]["format"]["detail"]] {
        assert!(told.as_str().unwrap().starts_with(&format!("{broken}: ")), "{told}");
    }
}

// AT-23, AT-43: what nobody recognises gets a hint; what is recognised reads in the order of its numbers.
#[test]
fn a_tree_is_for_people() {
    let Some(shared) = shared() else { return };
    let quotes = shared.join("quotes");
    let verify = |file: &str, at: &str| run(["verify", "--evidence", arg(&quotes.join(file)), "--at", at]);
    let unknown = verify("mutations.json", AT).expect(10).stdout;
    assert!(unknown.contains("mutations.json evidence, at"), "{unknown}");
    assert!(unknown.contains("next: `sealwire verify --help`"), "{unknown}");

    let enclave = verify("nitro/production.cose", "2025-01-06T16:07:05Z").expect(0).stdout;
    let place = |register: &str| enclave.find(register).unwrap();
    assert!(place("pcr-2 ") < place("pcr-10 "), "{enclave}");
    assert!(!enclave.contains("attributes        \n"), "{enclave}");

    let gpu = run([
        "verify",
        "--evidence",
        arg(&quotes.join("nvidia/hopper-1.report.hex")),
        "--endorsements",
        arg(&quotes.join("nvidia/hopper-1.chain.pem")),
        "--at",
        AT,
    ]);
    let gpu = gpu.expect(40).stdout;
    // AT-03: what the vendor does not tell is not told as good.
    assert!(gpu.contains("debug             not told by evidence of this kind"), "{gpu}");
    assert!(gpu.contains("the first to end does at 9999-12-31T23:59:59Z"), "{gpu}");
}

// AT-80: `-` is standard input, for the evidence alone.
#[test]
fn evidence_comes_on_standard_input() {
    let Some(samples) = Samples::find() else { return };
    let (vcek, chain) = (samples.path("milan.vcek.der"), samples.path("milan.chain.pem"));
    let rest = ["--endorsements", &vcek, "--endorsements", &chain, "--at", AT];
    let piped = |input: &str| {
        let input = fs::File::open(input).unwrap();
        run_with(["verify", "--evidence", "-"].iter().chain(&rest), input)
    };
    let report = samples.path("milan.report.hex");
    assert!(piped(&report).expect(0).stdout.contains("standard input"));
    piped(&chain).expect(10);
    piped("/dev/null").expect(10);
    assert!(piped("/dev/zero").expect(2).stderr.contains("standard input is longer than 4 MiB"));
}

// AT-80, AT-81: where no policy was given, a reason names no place in a file, and people are told what to do.
#[test]
fn a_refusal_without_a_policy_names_the_default() {
    let Some(folder) = shared() else { return };
    let quotes = folder.join("quotes");
    let (quote, collateral) =
        (quotes.join("sgx/processor-ca.bin"), quotes.join("sgx/processor-ca.collateral.json"));
    let args = [
        "verify",
        "--evidence",
        arg(&quote),
        "--endorsements",
        arg(&collateral),
        "--at",
        "2025-07-04T10:56:11Z",
    ];
    let ended = run(args).expect(30);
    assert!(ended.stdout.contains("default.sgx.tcb-statuses"), "{}", ended.stdout);
    assert!(ended.stdout.contains("[[accept]]"), "{}", ended.stdout);
    let told = run(args.iter().chain(&["--json"])).expect(30).json();
    assert_eq!(told["reasons"][0]["rule"], "default.sgx.tcb-statuses");
}
