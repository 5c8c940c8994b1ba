//! `sealwire attest enrol`, and what its certificate is good for, with a software TPM.

use crate::support::{Ended, Service, arg, run};
use sealwire_tests::{
    swtpm::{Maker, Swtpm},
    tee::hex,
};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};
use tempfile::TempDir;

/// A CA's folder, a TPM, and the files between them.
struct Scene {
    folder: TempDir,
    maker: Maker,
    device: Swtpm,
    root: String,
}

impl Scene {
    fn new() -> Self {
        let (folder, maker) = (tempfile::tempdir().unwrap(), Maker::new());
        let device = maker.make(true);
        let state = folder.path().join("ca");
        let made = run(["attest", "enrol", "ca", "--json", "--state", arg(&state)]).expect(0).json();
        Self { folder, maker, device, root: made["root"].as_str().unwrap().to_owned() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn tpm(&self) -> String {
        self.device.address().to_string()
    }

    /// One step; `more` names files of the scene where it begins with `@`.
    fn step(&self, step: &str, more: &[&str]) -> Ended {
        let mut args: Vec<OsString> = ["attest", "enrol", step].map(OsString::from).to_vec();
        args.extend(more.iter().map(|word| match word.strip_prefix('@') {
            Some(name) => self.path(name).into_os_string(),
            None => OsString::from(word),
        }));
        run(args)
    }

    fn request(&self) -> Ended {
        self.step("request", &["--json", "--tpm", &self.tpm(), "--output", "@request.json"])
    }

    fn challenge(&self, roots: &Path, output: &str) -> Ended {
        let roots = arg(roots);
        let files = ["--state", "@ca", "--request", "@request.json", "--output", output];
        self.step("challenge", &[&["--json", "--ek-roots", roots], &files[..]].concat())
    }

    fn answer(&self, challenge: &str, output: &str) -> Ended {
        self.step("answer", &["--json", "--tpm", &self.tpm(), "--challenge", challenge, "--output", output])
    }

    fn certify(&self, answer: &str, output: &str) -> Ended {
        let files = ["--state", "@ca", "--request", "@request.json", "--answer", answer, "--output", output];
        let roots = self.maker.roots();
        self.step("certify", &[&["--json", "--ek-roots", arg(&roots)], &files[..]].concat())
    }

    /// All steps.
    fn enrol(&self) {
        self.request().expect(0);
        self.challenge(&self.maker.roots(), "@challenge.json").expect(0);
        self.answer("@challenge.json", "@answer.json").expect(0);
        self.certify("@answer.json", "@ak.pem").expect(0);
    }

    fn policy(&self, pcr: u8, value: [u8; 32]) -> PathBuf {
        let path = self.path("policy.toml");
        let mut registers = BTreeMap::from([0, 2, 4, 7, 8, 9, 11, 12].map(|index| (index, [0; 32])));
        registers.insert(pcr, value);
        let registers: String =
            registers.iter().map(|(index, value)| format!("pcr-{index} = [\"{}\"]\n", hex(value))).collect();
        let root = &self.root;
        let text = format!(
            "version = 1\nany-operator = true\n[[accept]]\nkind = \"tpm\"\nroots = [\"{root}\"]\n{registers}"
        );
        fs::write(&path, text).unwrap();
        path
    }

    fn mode(&self, name: &str) -> u32 {
        fs::metadata(self.path(name)).unwrap().permissions().mode() & 0o777
    }

    fn pending(&self) -> usize {
        fs::read_dir(self.path("ca/pending")).unwrap().count()
    }
}

// AT-62: five steps, each with what comes next.
#[test]
fn a_tpm_is_enrolled_by_files() {
    let scene = Scene::new();
    assert_eq!((scene.mode("ca"), scene.mode("ca/ca.key"), scene.mode("ca/pending")), (0o700, 0o600, 0o700));
    assert!(scene.root.starts_with("sha256:"), "{}", scene.root);
    assert_eq!(scene.request().expect(0).json()["endorsement-key"], "rsa-2048");
    let challenged = scene.challenge(&scene.maker.roots(), "@challenge.json").expect(0).json();
    assert_eq!(challenged["revocation-checked"], false);
    assert!(challenged["chain"].as_str().unwrap().ends_with("swtpm-localca-rootca"), "{challenged}");
    assert_eq!(scene.pending(), 1);
    let answered = scene.answer("@challenge.json", "@answer.json").expect(0).json();
    assert_eq!(answered["id"], challenged["id"]);
    assert_eq!(scene.mode("answer.json"), 0o600);
    let certified = scene.certify("@answer.json", "@ak.pem").expect(0).json();
    assert_eq!(certified["ak-name"], challenged["ak-name"]);
    assert_eq!(certified["root"], scene.root.as_str());
    assert_eq!(scene.pending(), 0);

    // Used up.
    let again = scene.certify("@answer.json", "@again.pem").expect(20);
    assert!(again.stderr.contains("answered already") && again.stderr.contains("next:"), "{}", again.stderr);
    assert!(!scene.path("again.pem").exists());
    // Nothing is overwritten, and no challenge is lost over it.
    scene.request().expect(2);
    scene.challenge(&scene.maker.roots(), "@challenge.json").expect(2);
    scene.challenge(&scene.maker.roots(), "@second.json").expect(0);
    scene.answer("@second.json", "@second-answer.json").expect(0);
    scene.certify("@second-answer.json", "@ak.pem").expect(2);
    scene.certify("@second-answer.json", "@second.pem").expect(0);
    // One key, one id, however often it is certified.
    assert_eq!(fs::read_dir(scene.path("ca/issued")).unwrap().count(), 1);
    assert_eq!(scene.mode("ca/issued"), 0o700);
    // A challenge waits 72 hours at most.
    let roots = scene.maker.roots();
    let files = ["--state", "@ca", "--request", "@request.json", "--output", "@third.json"];
    for (hours, code) in [("73", 2), ("72", 0)] {
        scene
            .step("challenge", &[&files[..], &["--ek-roots", arg(&roots), "--hours", hours]].concat())
            .expect(code);
    }
    let state = scene.path("ca");
    run(["attest", "enrol", "ca", "--state", arg(&state)]).expect(2);
}

// AT-62: each step tells the next one so that it can be typed.
#[test]
fn what_comes_next_is_a_command_that_works() {
    let scene = Scene::new();
    scene.request().expect(0);
    scene.challenge(&scene.maker.roots(), "@challenge.json").expect(0);
    let files = ["--tpm", &scene.tpm(), "--challenge", "@challenge.json", "--output", "@answer.json"];
    let told = scene.step("answer", &files).expect(0).stdout;
    assert!(told.contains("certify --state DIR --ek-roots FILE|DIR"), "{told}");
    // The root of somebody else: that the maker's is missing is told.
    let refused = scene.challenge(&scene.path("ca/ca.pem"), "@other.json").expect(20).stderr;
    assert!(refused.contains("next: --ek-roots has to hold the root"), "{refused}");

    // AT-04: a TPM carries the first half of the report data, and this is what verifies.
    scene.certify("@answer.json", "@ak.pem").expect(0);
    let (evidence, kept) = (scene.path("tpm.bin"), scene.path("kept"));
    let data = "ab".repeat(32) + &"cd".repeat(32);
    let produced = run([
        "attest",
        "produce",
        "--tee",
        "tpm",
        "--tpm-device",
        &scene.tpm(),
        "--tpm-certificate",
        arg(&scene.path("ak.pem")),
        "--report-data",
        &data,
        "--output",
        arg(&evidence),
        "--endorsements",
        arg(&kept),
    ]);
    let told = produced.expect(0).stdout;
    assert!(told.contains(&format!("--report-data {}\n", "ab".repeat(32))), "{told}");
    let policy = scene.policy(0, [0; 32]);
    run([
        "verify",
        "--evidence",
        arg(&evidence),
        "--kind",
        "tpm",
        "--endorsements",
        arg(&kept),
        "--policy",
        arg(&policy),
        "--report-data",
        &"ab".repeat(32),
    ])
    .expect(0);
}

// AT-62: what is not right is refused, and says which code it is.
#[test]
fn wrong_roots_answers_and_keys_are_refused() {
    let scene = Scene::new();
    scene.request().expect(0);
    let (other, _made) = {
        let other = Maker::new();
        let made = other.make(true);
        (other, made)
    };
    let refused = scene.challenge(&other.roots(), "@challenge.json").expect(20);
    assert!(refused.stderr.contains("EK certificate"), "{}", refused.stderr);
    assert!(!scene.path("challenge.json").exists());
    assert_eq!(scene.pending(), 0);
    // A folder of certificates, as makers publish them.
    let makers = scene.path("makers");
    fs::create_dir(&makers).unwrap();
    fs::copy(other.roots(), makers.join("another.pem")).unwrap();
    fs::copy(scene.maker.roots(), makers.join("this.pem")).unwrap();
    scene.challenge(&makers, "@challenge.json").expect(0);
    scene.answer("@challenge.json", "@answer.json").expect(0);

    // A wrong secret uses the challenge up.
    let mut answer: Value = serde_json::from_slice(&fs::read(scene.path("answer.json")).unwrap()).unwrap();
    answer["secret"] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=".into();
    fs::write(scene.path("wrong.json"), answer.to_string()).unwrap();
    let wrong = scene.certify("@wrong.json", "@ak.pem").expect(20);
    assert!(wrong.stderr.contains("does not hold the secret"), "{}", wrong.stderr);
    scene.certify("@answer.json", "@ak.pem").expect(20);
    assert!(!scene.path("ak.pem").exists());

    // A key that others can read is not used.
    fs::set_permissions(scene.path("ca/ca.key"), fs::Permissions::from_mode(0o640)).unwrap();
    let exposed = scene.certify("@answer.json", "@ak.pem").expect(1);
    assert!(exposed.stderr.contains("640") && exposed.stderr.contains("chmod 600"), "{}", exposed.stderr);
    // No CA, no TPM, no message.
    let nowhere = ["--state", "@nowhere", "--request", "@request.json", "--answer", "@answer.json"];
    let nowhere = [&nowhere[..], &["--ek-roots", "@makers", "--output", "@x.pem"]].concat();
    let nowhere = scene.step("certify", &nowhere).expect(2);
    assert!(nowhere.stderr.contains("holds no enrolment CA"), "{}", nowhere.stderr);
    let no_tpm = scene.step("request", &["--tpm", "unix:/nonexistent", "--output", "@x.json"]).expect(1);
    assert!(
        no_tpm.stderr.contains("unix:/nonexistent") && no_tpm.stderr.contains("next:"),
        "{}",
        no_tpm.stderr
    );
    scene.step("request", &["--tpm", "tpm0", "--output", "@x.json"]).expect(2);
    fs::write(scene.path("x.json"), "{}").unwrap();
    scene.step("answer", &["--tpm", &scene.tpm(), "--challenge", "@x.json", "--output", "@y.json"]).expect(2);
}

// AT-60, AT-62, AT-80: evidence on the command line, and what a policy says of it.
#[test]
fn evidence_is_made_and_verified() {
    let scene = Scene::new();
    scene.enrol();
    let (evidence, certificate) = (scene.path("quote.bin"), scene.path("ak.pem"));
    let data = "5a".repeat(64);
    let produce = |output: &Path| {
        let tpm = scene.tpm();
        let flags = ["--tpm-device", &tpm, "--tpm-certificate", arg(&certificate), "--tpm-pcrs", "0-12"];
        let more = ["--tpm-event-log", "none", "--report-data", &data, "--output", arg(output)];
        run(["attest", "produce", "--tee", "tpm"].iter().chain(&flags).chain(&more)).expect(0)
    };
    produce(&evidence);
    let verify = |evidence: &Path, policy: &Path, data: &str| {
        let files = ["--evidence", arg(evidence), "--endorsements", arg(&certificate)];
        let more = ["--policy", arg(policy), "--report-data", data, "--json"];
        run(["verify"].iter().chain(&files).chain(&more))
    };
    let policy = scene.policy(7, [0; 32]);
    let accepted = verify(&evidence, &policy, &data[..64]).expect(0).json();
    assert_eq!((&accepted["kind"], &accepted["verdict"]), (&"tpm".into(), &"accepted".into()));
    let replayed = verify(&evidence, &policy, &"5b".repeat(32)).expect(20).json();
    assert_eq!(replayed["reasons"][0]["code"], "binding");
    scene.device.extend(7, &[1; 32]);
    let changed = scene.path("changed.bin");
    produce(&changed);
    let refused = verify(&changed, &policy, &data[..64]).expect(30).json();
    assert_eq!(refused["reasons"][0]["code"], "register-not-listed");
}

// AT-60, AT-62: the gateway's flags, and a client that looks at it.
#[test]
fn a_gateway_attests_with_a_tpm() {
    let scene = Scene::new();
    scene.enrol();
    let (certificate, tpm) = (scene.path("ak.pem"), scene.tpm());
    let where_to = ["gateway", "--upstream", "http://127.0.0.1:9", "--listen", "127.0.0.1:0"];
    let flags = ["--tee", "tpm", "--tpm-device", &tpm, "--tpm-certificate", arg(&certificate)];
    let mut gateway = Service::start(where_to.iter().chain(&flags).chain(&["--tpm-event-log", "none"]));
    let ready = gateway.ready();
    assert_eq!((&ready["tee"], &ready["companions"]), (&"tpm".into(), &serde_json::json!({})));
    let url = ready["listen"].as_str().unwrap();
    let good = scene.policy(4, [0; 32]);
    let shown = run(["inspect", url, "--policy", arg(&good), "--json"]).expect(0).json();
    assert!(shown.to_string().contains("pcr-4"), "{shown}");
    let bad = scene.policy(4, [1; 32]);
    run(["inspect", url, "--policy", arg(&bad), "--json"]).expect(30);
}

// AT-44, AT-60: an operator signs what a gateway with a TPM shows: all registers that say what runs.
#[test]
fn an_operator_signs_for_a_gateway_with_a_tpm() {
    let scene = Scene::new();
    scene.enrol();
    let (certificate, tpm) = (scene.path("ak.pem"), scene.tpm());
    let (key, statement) = (scene.path("operator.pem"), scene.path("statement.pem"));
    let made = run(["keys", "operator", "generate", "--json", "--output", arg(&key)]).expect(0).json();
    let where_to = ["gateway", "--upstream", "http://127.0.0.1:9", "--listen", "127.0.0.1:0"];
    let names = ["--authority", "api.example", "--tpm-event-log", "none"];
    let flags = ["--tee", "tpm", "--tpm-device", &tpm, "--tpm-certificate", arg(&certificate)];
    let flags: Vec<_> = where_to.iter().chain(&names).chain(&flags).copied().collect();
    let sign = |url: &str| {
        let out = ["--yes", "--json", "--output", arg(&statement)];
        run(["keys", "operator", "sign", "--key", arg(&key), "--from", url].iter().chain(&out))
    };

    // Registers that are not quoted cannot be signed for.
    let mut few = Service::start(flags.iter().chain(&["--tpm-pcrs", "0-7"]));
    let ready = few.ready();
    let refused = sign(ready["listen"].as_str().unwrap()).expect(1);
    assert!(refused.stderr.contains("tpm lacks registers"), "{}", refused.stderr);
    few.stop();
    assert!(!statement.exists());

    let mut first = Service::start(&flags);
    let shown = first.ready();
    let signed = sign(shown["listen"].as_str().unwrap()).expect(0);
    // Who has certified the TPM's key is for a person to compare.
    assert!(
        signed.stderr.contains(&scene.root) && signed.stderr.contains("enrolment CA"),
        "{}",
        signed.stderr
    );
    let signed = signed.json();
    assert_eq!(signed["config-digest"], shown["config-digest"]);
    // SHA-384 of the registers.
    assert_eq!(signed["measurement"].as_str().unwrap().len(), 96);
    first.stop();

    let stated: Vec<_> = flags.iter().chain(&["--operator-statement", arg(&statement)]).copied().collect();
    let mut second = Service::start(&stated);
    let policy = scene.policy(7, [0; 32]);
    let pinned = format!("operator-keys = [\"{}\"]", made["public-key"].as_str().unwrap());
    let text = fs::read_to_string(&policy).unwrap().replace("any-operator = true", &pinned);
    fs::write(&policy, text).unwrap();
    let ready = second.ready();
    let url = ready["listen"].as_str().unwrap();
    let inspect = ["inspect", url, "--policy", arg(&policy), "--authority", "api.example", "--json"];
    assert_eq!(run(inspect).expect(0).json()["policy"]["operator"], "signed");
    second.stop();

    // Another boot loader is another measurement, which the statement does not cover.
    scene.device.extend(4, &[1; 32]);
    let refused = run(&stated).expect(1);
    assert!(refused.stderr.contains("the operator's statement is for the measurement"), "{}", refused.stderr);
}

// AT-01: what starts says which evidence goes along.
#[test]
fn a_gateway_names_its_companions() {
    let scene = Scene::new();
    scene.enrol();
    let config = scene.path("gateway.toml");
    let state = concat!(env!("CARGO_TARGET_TMPDIR"), "/cli-state");
    let text = format!(
        "tee = \"development\"\nstate = {state:?}\nlisten = \"127.0.0.1:0\"\nupstream = \"http://127.0.0.1:9\"\n\
         companions = [{{ kind = \"tpm\", label = \"vtpm\" }}]\n\
         [tpm]\ndevice = {:?}\ncertificate = {:?}\nevent-log = \"none\"\n",
        scene.tpm(),
        scene.path("ak.pem"),
    );
    fs::write(&config, text).unwrap();
    let mut gateway = Service::start(["gateway", "--config", arg(&config)]);
    assert_eq!(gateway.ready()["companions"], serde_json::json!({ "vtpm": "tpm" }));
}
