//! `sealwire secrets`: put by an enclave and by an operator, got by an enclave, checked by whoever reads the audit (SE-20).

use crate::support::{App, Ended, Service, arg, gateway, run, sealwire, text};
use serde_json::{Value, json};
use std::{
    fs,
    io::Write,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Stdio,
};
use tempfile::TempDir;

/// The development root of the other tests, which `gateway` uses.
const STATE: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/cli-state");
const SECRET: &str = "correct horse battery staple\n";

/// A gateway that keeps secrets, and what its users have.
struct Kept {
    folder: TempDir,
    gateway: Service,
    to: String,
    _app: App,
}

impl Kept {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name);
        let (app, upstream) = App::start("app").await;
        let (other, shown) = gateway(&upstream, &[]);
        init(&shown, &place("first.toml"));
        other.stop();
        // Callers have no configuration that could be pinned.
        let callers = any_operator(&place("first.toml"));
        fs::write(place("callers.toml"), callers).unwrap();
        let key = place("operator.pem");
        let key = run(["keys", "operator", "generate", "--json", "--output", arg(&key)]).expect(0).json();
        let config = format!(
            "upstream = \"{upstream}\"\n[callers]\npolicy = \"callers.toml\"\n[secrets]\naudit = \"audit.jsonl\"\n\
             [[secret]]\nname = \"db/*\"\nread = \"callers.toml\"\nwrite = \"callers.toml\"\n\
             [[secret]]\nname = \"token\"\nread = \"callers.toml\"\noperator-keys = [\"{}\"]\n",
            text(&key, "public-key")
        );
        fs::write(place("sealwire.toml"), config).unwrap();
        let (gateway, shown) = gateway(&upstream, &["--config", arg(&place("sealwire.toml"))]);
        init(&shown, &place("policy.toml"));
        fs::write(place("secret"), SECRET).unwrap();
        let to = text(&shown, "listen").to_owned();
        Self { folder, gateway, to, _app: app }
    }

    fn place(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// With the policy that pins the gateway.
    fn run(&self, args: &[&str]) -> Ended {
        self.run_by("policy.toml", args)
    }

    fn run_by(&self, policy: &str, args: &[&str]) -> Ended {
        let policy = self.place(policy);
        let reach = ["--to", &self.to, "--policy", arg(&policy)];
        run(["secrets"].iter().chain(args).chain(&reach))
    }
}

const ENCLAVE: [&str; 4] = ["--attest", "development", "--state", STATE];

fn init(gateway: &Value, file: &Path) {
    let made = ["policy", "init", text(gateway, "listen"), "--yes", "--json", "--output", arg(file)];
    run(made).expect(0);
}

fn any_operator(policy: &Path) -> String {
    let lines = fs::read_to_string(policy).unwrap();
    let line = |line| if str::starts_with(line, "config-digests") { "any-operator = true" } else { line };
    lines.lines().map(line).collect::<Vec<_>>().join("\n")
}

fn with<'a>(args: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    [args, more].concat()
}

// SE-20
#[tokio::test(flavor = "multi_thread")]
async fn an_enclave_puts_gets_and_lists() {
    let kept = Kept::start().await;
    let file = kept.place("secret");
    let absent = kept.run(&with(&["get", "db/a"], &ENCLAVE)).expect(1);
    assert!(
        absent.stderr.contains("next: ") && absent.stderr.contains("sealwire secrets put"),
        "{}",
        absent.stderr
    );
    assert_eq!(absent.stdout, "");

    let put = ["put", "db/a", "--json", "--file", arg(&file)];
    let done = kept.run(&with(&put, &ENCLAVE)).expect(0).json();
    assert_eq!((&done["name"], &done["version"], &done["size"]), (&"db/a".into(), &1.into(), &29.into()));
    assert_eq!(text(&done, "instance").len(), 32);

    let got = kept.run(&with(&["get", "db/a"], &ENCLAVE)).expect(0);
    assert_eq!(got.stdout, SECRET, "as it was put, and nothing else");
    let output = kept.place("got");
    let get = ["get", "db/a", "--output", arg(&output)];
    kept.run(&with(&get, &ENCLAVE)).expect(0);
    assert_eq!(fs::read_to_string(&output).unwrap(), SECRET);
    assert_eq!(fs::metadata(&output).unwrap().permissions().mode() & 0o777, 0o600);
    let exists = kept.run(&with(&get, &ENCLAVE)).expect(2);
    assert!(exists.stderr.contains("not overwritten"), "{}", exists.stderr);

    // A second put says which version to replace.
    let there = kept.run(&with(&put, &ENCLAVE)).expect(1);
    assert!(there.stderr.contains("--replace 1"), "{}", there.stderr);
    let replaced = kept.run(&with(&with(&put, &["--replace", "1"]), &ENCLAVE)).expect(0).json();
    assert_eq!(replaced["version"], 2);

    let list = kept.run(&with(&["list", "--json"], &ENCLAVE)).expect(0).json();
    let members: Vec<_> = list.as_object().unwrap().keys().collect();
    assert_eq!(members, ["authority", "instance", "secrets", "audit"]);
    let expected = json!([
        { "name": "db/a", "version": 2, "size": 29, "read": true, "write": true },
        { "name": "token", "version": null, "size": null, "read": true, "write": false },
    ]);
    assert_eq!(list["secrets"], expected);
    let table = kept.run(&with(&["list"], &ENCLAVE)).expect(0).stdout;
    assert!(table.contains("db/a") && table.contains("none"), "{table}");

    // SE-20 (g): whoever reads the audit checks the chain, and its end by what the gateway said.
    let (audit, head) = (kept.place("audit.jsonl"), text(&list["audit"], "head"));
    let check = |more: &[&str]| run(["secrets", "audit", arg(&audit)].iter().chain(more));
    let checked = check(&["--json", "--head", head]).expect(0).json();
    assert_eq!(checked, json!({ "lines": list["audit"]["entries"], "cut-lines": 0, "head": head }));
    let whole = fs::read_to_string(&audit).unwrap();
    assert!(!whole.contains("battery"));
    let lines: Vec<_> = whole.lines().collect();
    fs::write(&audit, lines[..lines.len() - 1].join("\n") + "\n").unwrap();
    check(&[]).expect(0);
    assert!(check(&["--head", head]).expect(1).stderr.contains("cut off"));
    fs::write(&audit, [lines[0], lines[2]].join("\n") + "\n").unwrap();
    assert!(check(&[]).expect(1).stderr.contains("audit.jsonl:2: "));
    // One that could not be finished hides nothing, and breaks nothing.
    let torn = [&lines[..1], &["{\"entry\":"], &lines[1..]].concat();
    fs::write(&audit, torn.join("\n") + "\n").unwrap();
    assert_eq!(check(&["--json", "--head", head]).expect(0).json()["cut-lines"], 1);
    fs::write(&audit, "").unwrap();
    check(&["--head", head]).expect(1);
    kept.gateway.stop();
}

// SE-20 (e)
#[tokio::test(flavor = "multi_thread")]
async fn an_operator_writes_without_an_enclave() {
    let kept = Kept::start().await;
    let key = kept.place("operator.pem");
    let by_key = ["--operator-key", arg(&key)];
    // From standard input.
    let policy = kept.place("policy.toml");
    let mut put = sealwire();
    put.args(["secrets", "put", "token", "--to", &kept.to, "--policy", arg(&policy), "--json"]).args(by_key);
    let mut put = put.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    put.stdin.take().unwrap().write_all(SECRET.as_bytes()).unwrap();
    let done = Ended::from(put.wait_with_output().unwrap()).expect(0).json();
    assert_eq!(done["version"], 1);
    assert_eq!(kept.run(&with(&["get", "token"], &ENCLAVE)).expect(0).stdout, SECRET);

    // Of other names, or with another key, no.
    let file = kept.place("secret");
    let refused = kept.run(&with(&["put", "db/a", "--file", arg(&file)], &by_key)).expect(1);
    assert!(
        refused.stderr.contains("may not do this") && refused.stderr.contains("next: "),
        "{}",
        refused.stderr
    );
    let other = kept.place("other.pem");
    run(["keys", "operator", "generate", "--output", arg(&other)]).expect(0);
    let theirs = ["--operator-key", arg(&other), "--replace", "1"];
    kept.run(&with(&["put", "token", "--file", arg(&file)], &theirs)).expect(1);
    let wrong = kept.run(&with(&["delete", "token", "--version", "7"], &by_key)).expect(1);
    assert!(wrong.stderr.contains("--version 1"), "{}", wrong.stderr);
    kept.run(&with(&["delete", "token", "--version", "1"], &by_key)).expect(0);
    kept.run(&with(&["get", "token"], &ENCLAVE)).expect(1);
    kept.gateway.stop();
}

// SE-20 (b), AT-44: whose configuration is anybody's has readers of anybody's.
#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_of_anybody_gets_no_secret() {
    let kept = Kept::start().await;
    let file = kept.place("secret");
    let put = ["put", "db/a", "--file", arg(&file)];
    let refused = kept.run_by("callers.toml", &with(&put, &ENCLAVE)).expect(30);
    assert!(
        refused.stderr.contains("any-operator") && refused.stderr.contains("nothing was sent"),
        "{}",
        refused.stderr
    );
    // What the policy pins is another configuration.
    let refused = kept.run_by("first.toml", &with(&put, &ENCLAVE)).expect(30);
    assert!(refused.stderr.contains("operator"), "{}", refused.stderr);
    kept.run(&with(&["get", "db/a"], &ENCLAVE)).expect(1);

    // What cannot be done is told before anything is.
    let no_right = kept.run(&put).expect(2);
    assert!(
        no_right.stderr.contains("--operator-key") && no_right.stderr.contains("--attest"),
        "{}",
        no_right.stderr
    );
    for args in [&["get", "db/a"][..], &["list"]] {
        assert!(kept.run(args).expect(2).stderr.contains("--attest auto"));
    }
    assert!(kept.run(&with(&["put", "db/a"], &ENCLAVE)).expect(2).stderr.contains("empty"));
    fs::write(kept.place("long"), vec![0; 65_537]).unwrap();
    let long = kept.place("long");
    assert!(
        kept.run(&with(&["put", "db/a", "--file", arg(&long)], &ENCLAVE)).expect(2).stderr.contains("64 KiB")
    );
    kept.run(&with(&["get", "../a"], &ENCLAVE)).expect(2);
    kept.gateway.stop();
}
