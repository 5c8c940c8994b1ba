//! `sealwire attest revoke` and `--revocation-list` (AT-25).

use crate::support::{App, Ended, Service, arg, gateway, run, send, text};
use http::StatusCode;
use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
};

struct Operator {
    folder: tempfile::TempDir,
    key: PathBuf,
    public: String,
    list: PathBuf,
}

impl Operator {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (key, list) = (folder.path().join("key.pem"), folder.path().join("list.cbor"));
        let made = run(["keys", "operator", "generate", "--json", "--output", arg(&key)]).expect(0).json();
        Self { public: text(&made, "public-key").to_owned(), key, list, folder }
    }

    /// Signs the list once more.
    fn revoke(&self, more: &[&str]) -> Ended {
        let first = ["attest", "revoke", "--json", "--key", arg(&self.key), "--list", arg(&self.list)];
        run(first.iter().chain(more))
    }

    fn shown(&self) -> Value {
        run(["attest", "revoke", "--json", "--list", arg(&self.list)]).expect(0).json()
    }
}

// AT-25
#[test]
fn a_list_grows_under_new_serials() {
    let operator = Operator::new();
    run(["attest", "revoke", "--list", arg(&operator.list)]).expect(2);
    let first = operator.revoke(&["--next-update", "7d"]).expect(0).json();
    assert_eq!((&first["serial"], &first["signature-valid"]), (&json!(1), &json!(true)));
    assert_eq!(first["signer"], operator.public.as_str());
    let (measurement, chip) = ("9b".repeat(48), "c7".repeat(64));
    let document = format!("sha384:{}", "0f".repeat(48));
    let certificate = format!("sha256:{}", "aa".repeat(32));
    let all = [
        "--measurement",
        &measurement,
        "--chip-id",
        &chip,
        "--document",
        &document,
        "--revoked-key",
        &certificate,
        "--revoked-key",
        &operator.public,
    ];
    operator.revoke(&all).expect(0);
    let shown = operator.shown();
    assert_eq!(shown["serial"], 2);
    assert_eq!(shown["measurements"], json!([measurement]));
    assert_eq!(shown["chip-ids"], json!([chip]));
    assert_eq!(shown["documents"], json!([document]));
    assert_eq!(shown["keys"].as_array().unwrap().len(), 2);
    operator.revoke(&["--remove", "--chip-id", &chip, "--revoked-key", &certificate]).expect(0);
    let shown = operator.shown();
    assert_eq!((&shown["serial"], &shown["chip-ids"]), (&json!(3), &json!([])));
    assert_eq!(shown["keys"].as_array().unwrap().len(), 1);
    let drawn = run(["attest", "revoke", "--list", arg(&operator.list)]).expect(0).stdout;
    assert!(drawn.contains(&measurement) && drawn.contains(&operator.public), "{drawn}");

    // Nothing beside it is left, and what was damaged is told.
    assert_eq!(fs::read_dir(operator.folder.path()).unwrap().count(), 2);
    let mut bytes = fs::read(&operator.list).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&operator.list, bytes).unwrap();
    run(["attest", "revoke", "--list", arg(&operator.list)]).expect(20);
    operator.revoke(&[]).expect(2);
    for wrong in [["--measurement", ""], ["--chip-id", "zz"], ["--document", "00"], ["--next-update", "0h"]] {
        operator.revoke(&wrong).expect(2);
    }
}

// AT-25: another operator's list is not carried on.
#[test]
fn only_its_own_list_is_carried_on() {
    let (operator, other) = (Operator::new(), Operator::new());
    operator.revoke(&[]).expect(0);
    fs::copy(&operator.list, &other.list).unwrap();
    other.revoke(&[]).expect(2);
}

/// A policy that accepts exactly what `gateway` shows.
fn policy_for(gateway: &Value, folder: &Path) -> PathBuf {
    let file = folder.join("policy.toml");
    run(["policy", "init", text(gateway, "listen"), "--yes", "--json", "--output", arg(&file)]).expect(0);
    file
}

// AT-25: the whole way: a proxy that runs is cut off, and its caller is told why.
#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_runs_is_cut_off() {
    let operator = Operator::new();
    operator.revoke(&[]).expect(0);
    let (app, upstream) = App::start("app").await;
    let (_gateway, shown) = gateway(&upstream, &[]);
    let to = text(&shown, "listen");
    let policy = policy_for(&shown, operator.folder.path());
    let list = ["--revocation-list", arg(&operator.list), "--revocation-key", &operator.public];
    let first = ["connect", "--to", to, "--policy", arg(&policy), "--listen", "127.0.0.1:0"];

    // Without a key nobody could sign; without a list there is nothing to sign.
    run(first.iter().chain(&list[..2])).expect(2);
    run(first.iter().chain(&list[2..])).expect(2);

    let mut proxy = Service::start(first.iter().chain(&list));
    let ready = proxy.ready();
    let local = text(&ready, "listen").to_owned();
    assert_eq!(send("POST", &local, "hello").await.status(), StatusCode::OK);
    app.arrived.acquire().await.unwrap().forget();
    app.permits.forget_permits(tokio::sync::Semaphore::MAX_PERMITS);
    let waiting = tokio::spawn(async move { send("POST", &format!("{local}/waits"), "hello").await });
    app.arrived.acquire().await.unwrap().forget();

    let inspect = ["inspect", to, "--json", "--policy", arg(&policy)];
    let seen = run(inspect.iter().chain(&list)).expect(0).json();
    let digest = text(&seen["document"], "digest").to_owned();
    operator.revoke(&["--document", &digest]).expect(0);

    let answer = waiting.await.unwrap();
    assert_eq!(answer.status(), StatusCode::BAD_GATEWAY);
    let problem: Value = serde_json::from_slice(answer.body()).unwrap();
    assert!(text(&problem, "type").ends_with(":revoked"), "{problem}");
    assert_eq!(problem["reasons"][0]["code"], "revoked-document");
    assert_eq!(problem["reasons"][0]["found"], digest.as_str());
    let answer = send("POST", text(&ready, "listen"), "hello").await;
    let problem: Value = serde_json::from_slice(answer.body()).unwrap();
    assert_eq!(problem["reasons"][0]["code"], "revoked-document");
    assert_eq!(app.seen.lock().unwrap().len(), 2);

    let page = send("GET", &format!("{}/status.json", text(&ready, "status")), "").await;
    let status: Value = serde_json::from_slice(page.body()).unwrap();
    assert_eq!((&status["state"], &status["revocation-list"]["serial"]), (&json!("refused"), &json!(2)));
    assert_eq!(status["refused"][0]["code"], "revoked-document");
    let seen = run(inspect.iter().chain(&list)).expect(30).json();
    assert_eq!(seen["policy"]["reasons"][0]["code"], "revoked-document");
    let refused = run(first.iter().chain(&list)).expect(30);
    assert!(refused.stderr.contains("revoked-document"), "{}", refused.stderr);
}
