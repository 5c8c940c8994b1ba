//! `sealwire connect --attest`: an enclave that calls another (SE-11).

use crate::support::{App, Service, arg, gateway, run, send, text};
use axum::http::StatusCode;
use serde_json::Value;
use std::{fs, path::Path};

/// The development root of the other tests, which `gateway` uses.
const STATE: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/cli-state");

fn policy(gateway: &Value, file: &Path) {
    let made = ["policy", "init", text(gateway, "listen"), "--yes", "--json", "--output", arg(file)];
    run(made).expect(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_enclave_calls_another() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    let (app, upstream) = App::start("app").await;
    let (other, shown) = gateway(&upstream, &[]);
    policy(&shown, &place("callers.toml"));
    other.stop();
    // Callers have no configuration that could be pinned.
    let lines = fs::read_to_string(place("callers.toml")).unwrap();
    let lines: Vec<_> = lines
        .lines()
        .map(|line| if line.starts_with("config-digests") { "any-operator = true" } else { line })
        .collect();
    fs::write(place("callers.toml"), lines.join("\n")).unwrap();
    let config = format!(
        "[callers]\npolicy = \"callers.toml\"\nattested = \"required\"\n\
         [[route]]\npath = \"/enclaves\"\nupstream = \"{upstream}\"\nattested-caller = true\n"
    );
    fs::write(place("sealwire.toml"), config).unwrap();
    let (asking, shown) = gateway(&upstream, &["--config", arg(&place("sealwire.toml"))]);
    policy(&shown, &place("policy.toml"));

    let (to, policy) = (text(&shown, "listen"), place("policy.toml"));
    let args = ["connect", "--to", to, "--policy", arg(&policy), "--listen", "127.0.0.1:0"];
    let with = |more: &[&'static str]| args.iter().copied().chain(more.iter().copied()).collect::<Vec<_>>();
    // Who attests itself asks for a session.
    let mut proxy = Service::start(with(&["--attest", "development", "--state", STATE]));
    let ready = proxy.ready();
    assert_eq!((&ready["wire"], &ready["caller-attested"]), (&"session".into(), &true.into()));
    let answer = send("POST", &format!("{}/enclaves", text(&ready, "listen")), "hello").await;
    assert_eq!((answer.status(), &answer.body()[..]), (StatusCode::OK, &b"hello"[..]));
    let page = send("GET", &format!("{}/status.json", text(&ready, "status")), "").await;
    let page: Value = serde_json::from_slice(page.body()).unwrap();
    assert_eq!(page["wire"]["caller-attested"], true, "{page}");
    proxy.stop();

    // Nothing to show, and something where nobody can see it.
    let refused = run(with(&[])).expect(1);
    assert!(
        refused.stderr.contains("attested caller") && refused.stderr.contains("--attest"),
        "{}",
        refused.stderr
    );
    let oblivious = ["--wire", "oblivious", "--attest", "development", "--state", STATE];
    let refused = run(with(&oblivious)).expect(2);
    assert!(refused.stderr.contains("in a session"), "{}", refused.stderr);
    let refused = run(with(&["--attest", "development", "--state", STATE, "--form", "single"])).expect(2);
    assert!(refused.stderr.contains("--form") && refused.stderr.contains("--attest"), "{}", refused.stderr);
    assert_eq!(*app.seen.lock().unwrap(), ["/enclaves"]);
    asking.stop();
}
