//! `sealwire envelope`: each command with the one that answers it, and what neither takes (SP-84, EN-105).

use crate::support::{Ended, run, run_with, sealwire};
use serde_json::Value;
use std::{
    fs::{self, File},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};
use tempfile::TempDir;

/// A folder with the keys of alice and bob.
struct Desk {
    folder: TempDir,
}

impl Desk {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn put(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        path
    }

    fn key(&self, name: &str, algorithm: &str) -> (PathBuf, Value) {
        let file = self.path(name);
        let made = run(["envelope", "keygen", "--algorithm", algorithm, "--output", text(&file)]).expect(0);
        (file, made.json())
    }

    /// Runs with the text on standard input.
    fn pipe(&self, args: &[&str], input: &str) -> Ended {
        let path = self.put("stdin", input);
        run_with([&["envelope"], args].concat(), File::open(path).unwrap())
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

// SP-84, EN-105
#[test]
fn keys_are_made_once_and_for_their_owner() {
    let desk = Desk::new();
    let (file, public) = desk.key("alice.json", "ed25519");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let whole: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    for member in ["algorithm", "wireVersion", "publicKey", "privateKey", "createdAt", "warning"] {
        assert!(whole[member].is_string(), "{member}");
    }
    assert_eq!((&whole["algorithm"], &whole["wireVersion"]), (&"Ed25519".into(), &"7h3/0.1".into()));
    assert_eq!(whole["publicKey"], public["publicKey"]);
    assert!(public.get("privateKey").is_none(), "{public}");
    let again = run(["envelope", "keygen", "--output", text(&file)]).expect(2);
    assert!(again.stderr.contains("not overwritten"));
    assert_eq!(serde_json::from_slice::<Value>(&fs::read(&file).unwrap()).unwrap(), whole);
    for algorithm in ["ml-dsa-44", "ml-dsa-65", "ml-dsa-87", "hs256", "x25519", "bls"] {
        let made = run(["envelope", "keygen", "--algorithm", algorithm]).expect(0).json();
        assert!(made["privateKey"].is_string() || made["secret"].is_string(), "{algorithm}");
    }
    run(["envelope", "keygen", "--algorithm", "bls", "--format", "pem", "--output", text(&desk.path("x"))])
        .expect(2);
}

// SP-84, EN-105
#[test]
fn what_is_signed_verifies_in_every_form_of_keys_and_envelopes() {
    let desk = Desk::new();
    for form in ["pem", "jwk"] {
        let file = desk.path(form);
        let made = run(["envelope", "keygen", "--format", form, "--output", text(&file)]).expect(0).json();
        let public = made["publicKey"].as_str().unwrap();
        for envelope in ["json", "compact", "binary", "cbor"] {
            let signed = sealwire()
                .args(["envelope", "sign", "--private-key-file", text(&file), "--sender", "alice"])
                .args(["--recipient", "bob", "--payload", "hello", "--form", envelope])
                .output()
                .unwrap();
            assert!(signed.status.success(), "{}", String::from_utf8_lossy(&signed.stderr));
            let message = desk.path("message");
            fs::write(&message, &signed.stdout).unwrap();
            let verify =
                ["envelope", "verify", "--public-key", public, "--recipient", "bob", "--envelope-file"];
            let valid = run([&verify[..], &[text(&message)]].concat()).expect(0);
            assert_eq!(valid.stdout, "Signature valid\n", "{envelope}");
        }
    }
}

// SP-84: exit codes 0, 1 and 2.
#[test]
fn verify_tells_valid_from_invalid_from_unusable() {
    let desk = Desk::new();
    let (file, made) = desk.key("alice.json", "ed25519");
    let public = made["publicKey"].as_str().unwrap();
    let sign = ["sign", "--private-key-file", text(&file), "--sender", "alice", "--recipient", "bob"];
    let envelope = desk.pipe(&sign, "what to do\n").expect(0).stdout;
    assert_eq!(envelope.lines().count(), 1);
    let verify = |more: &[&str], envelope: &str| {
        desk.pipe(&[&["verify", "--public-key", public], more].concat(), envelope)
    };
    let told = verify(&["--recipient", "bob", "--json"], &envelope).expect(0).json();
    assert_eq!(
        (&told["valid"], &told["sender"], &told["content"]),
        (&true.into(), &"alice".into(), &"what to do".into())
    );
    assert_eq!(told["fingerprint"], made["fingerprint"]);
    verify(&["--any-recipient"], &envelope).expect(0);
    let changed = envelope.replace("what to do", "something else");
    assert_eq!(verify(&["--recipient", "bob"], &changed).expect(1).stdout, "INVALID — invalid-signature\n");
    assert!(verify(&["--recipient", "carol"], &envelope).expect(1).stdout.contains("recipient-mismatch"));
    assert!(
        verify(&["--recipient", "bob", "--sender", "eve"], &envelope)
            .expect(1)
            .stdout
            .contains("unknown-sender")
    );
    let late = verify(&["--recipient", "bob", "--at", "9000000000000", "--json"], &envelope).expect(1).json();
    assert_eq!(late["reason"], "ttl-expired");
    verify(&["--recipient", "bob"], "junk").expect(1);
    // Without either the command cannot be used, and unknown flags are none.
    verify(&[], &envelope).expect(2);
    verify(&["--recipient", "bob", "--unknown"], &envelope).expect(2);
    verify(&["--recipient", "bob", "extra"], &envelope).expect(2);
    run(["envelope", "verify", "--recipient", "bob", "--envelope", "{}"]).expect(1);
    let shown = desk.pipe(&["inspect"], &envelope).expect(0).stdout;
    assert!(shown.contains("not verified") && shown.contains("what to do"), "{shown}");
    let same = desk.pipe(&["inspect", "--json"], &envelope).expect(0).stdout;
    assert_eq!(same, envelope);
}

// SP-84
#[test]
fn secrets_do_not_come_in_arguments_by_accident() {
    let desk = Desk::new();
    let (file, _) = desk.key("alice.json", "ed25519");
    let whole: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    let private = whole["privateKey"].as_str().unwrap();
    let sign = ["envelope", "sign", "--sender", "alice", "--recipient", "bob", "--payload", "x"];
    let refused = run([&sign[..], &["--private-key", private]].concat()).expect(2);
    assert!(refused.stderr.contains("--insecure-argv") && !refused.stderr.contains(private));
    run([&sign[..], &["--private-key", private, "--insecure-argv"]].concat()).expect(0);
    let from_environment = sealwire().args(sign).env("P7H3_PRIVATE_KEY", private).output().unwrap();
    assert!(from_environment.status.success());
    let none = sealwire().args(sign).env_remove("P7H3_PRIVATE_KEY").output().unwrap();
    assert_eq!(none.status.code(), Some(2));
}

// EN-19, SP-18
#[test]
fn shared_secrets_sign_for_one_recipient() {
    let desk = Desk::new();
    let (file, _) = desk.key("secret.json", "hs256");
    let sign = ["sign", "--secret-file", text(&file), "--sender", "alice", "--recipient", "bob"];
    let envelope = desk.pipe(&sign, "x").expect(0).stdout;
    let verify = ["verify", "--secret-file", text(&file), "--recipient", "bob"];
    desk.pipe(&verify, &envelope).expect(0);
    desk.pipe(&verify, &envelope.replace("\"x\"", "\"y\"")).expect(1);
}

// SP-61, SP-62
#[test]
fn sealed_messages_open_for_their_recipient_alone() {
    let desk = Desk::new();
    let (alice, made) = desk.key("alice.json", "ed25519");
    let (bob, sealing) = desk.key("bob.json", "x25519");
    let (eve, _) = desk.key("eve.json", "x25519");
    let seal = ["seal", "--private-key-file", text(&alice), "--sender", "alice", "--recipient", "bob"];
    let to = ["--to-key", sealing["publicKey"].as_str().unwrap()];
    let sealed = desk.pipe(&[&seal[..], &to].concat(), "a secret").expect(0).stdout;
    assert!(!sealed.contains("secret"));
    let open = |own: &Path, more: &[&str], envelope: &str| {
        let public = made["publicKey"].as_str().unwrap();
        let args = ["open", "--public-key", public, "--recipient", "bob", "--own-key-file", text(own)];
        desk.pipe(&[&args[..], more].concat(), envelope)
    };
    assert_eq!(open(&bob, &[], &sealed).expect(0).stdout, "a secret\n");
    let told = open(&bob, &["--json"], &sealed).expect(0).json();
    assert_eq!((&told["sender"], &told["attribution"]), (&"alice".into(), &"strong".into()));
    assert!(open(&eve, &[], &sealed).expect(1).stdout.contains("decrypt-failed"));
    let old = desk.pipe(&[&seal[..], &to, &["--legacy-seal"]].concat(), "a secret").expect(0).stdout;
    open(&bob, &[], &old).expect(1);
    let told = open(&bob, &["--legacy-seal", "--json"], &old).expect(0).json();
    assert_eq!((&told["content"], &told["attribution"]), (&"a secret".into(), &"weak".into()));
}

// SP-53, SP-56
#[test]
fn streams_are_verified_as_they_come() {
    let desk = Desk::new();
    let (svc, made) = desk.key("svc.json", "ed25519");
    let (agent, own) = desk.key("agent.json", "x25519");
    let data = "häufig 日本語\n".repeat(4_000);
    let sign = [
        "stream",
        "sign",
        "--private-key-file",
        text(&svc),
        "--sender",
        "svc",
        "--recipient",
        "agent",
        "--every",
        "1",
    ];
    let verify = |more: &[&str], stream: &str| {
        let public = made["publicKey"].as_str().unwrap();
        desk.pipe(
            &[&["stream", "verify", "--public-key", public, "--recipient", "agent"], more].concat(),
            stream,
        )
    };
    let signed = desk.pipe(&sign, &data).expect(0).stdout;
    assert!(signed.lines().count() > 4);
    assert_eq!(verify(&[], &signed).expect(0).stdout, data);
    // Cut, and with two frames exchanged: a genuine front, and no success.
    let mut lines: Vec<_> = signed.lines().collect();
    lines.pop();
    let cut = verify(&[], &lines.join("\n")).expect(1);
    assert!(
        data.starts_with(&cut.stdout) && !cut.stdout.is_empty() && cut.stderr.contains("stream-truncated")
    );
    lines.swap(1, 2);
    let swapped = verify(&[], &lines.join("\n")).expect(1);
    assert!(swapped.stdout.is_empty() && swapped.stderr.contains("stream-sequence"));
    let shared = desk
        .pipe(&[&sign[..], &["--to-key", own["publicKey"].as_str().unwrap()]].concat(), &data)
        .expect(0)
        .stdout;
    verify(&[], &shared).expect(1);
    assert_eq!(verify(&["--own-key-file", text(&agent)], &shared).expect(0).stdout, data);
    assert_eq!(verify(&[], &desk.pipe(&sign, "").expect(0).stdout).expect(0).stdout, "");
}

// SP-35
#[test]
fn webhooks_are_signed_and_verified() {
    let desk = Desk::new();
    let (shop, made) = desk.key("shop.json", "ed25519");
    let fields =
        desk.pipe(&["webhook", "sign", "--private-key-file", text(&shop)], "{\"paid\":1}").expect(0).json();
    let verify = |time: &str, body: &str| {
        let signature = fields["x-7h3-sig"].as_str().unwrap();
        let public = made["publicKey"].as_str().unwrap();
        desk.pipe(
            &["webhook", "verify", "--public-key", public, "--signature", signature, "--time", time],
            body,
        )
    };
    let time = fields["x-7h3-ts"].as_str().unwrap();
    verify(time, "{\"paid\":1}").expect(0);
    verify(time, "{\"paid\":2}").expect(1);
    verify("1", "{\"paid\":1}").expect(1);
}

// SP-34
#[test]
fn queue_messages_hold_the_payload_that_was_signed() {
    let desk = Desk::new();
    let (alice, made) = desk.key("alice.json", "ed25519");
    let sign =
        ["queue", "sign", "--private-key-file", text(&alice), "--sender", "alice", "--recipient", "jobs"];
    let message = desk.pipe(&sign, "{\"n\":1}").expect(0).stdout;
    let verify = |message: &str| {
        let public = made["publicKey"].as_str().unwrap();
        desk.pipe(&["queue", "verify", "--public-key", public, "--recipient", "jobs"], message)
    };
    verify(&message).expect(0);
    let swapped = message.replace("\"payload\":{\"n\":1}", "\"payload\":{\"n\":2}");
    assert!(verify(&swapped).expect(1).stdout.contains("payload-mismatch"));
    desk.pipe(&[&sign[..], &["--text"]].concat(), "hello").expect(2);
    let marked =
        desk.pipe(&[&sign[..], &["--text", "--readers", "marked"]].concat(), "hello").expect(0).stdout;
    verify(&marked).expect(0);
}

// SP-63, SP-64, SP-65
#[test]
fn capabilities_are_handed_on_and_bound_to_their_sender() {
    let desk = Desk::new();
    let (root, root_key) = desk.key("root.json", "ed25519");
    let (worker, worker_key) = desk.key("worker.json", "ed25519");
    let key_id = "local-ed25519-key";
    let config = serde_json::json!({
        "audience": "svc",
        "rootAuthorities": { "root": { "scopes": [{ "pathGlob": "/api/**" }], "maxDepth": 2, "keys": { key_id: root_key["publicKey"] } } },
        "delegates": { "worker": { key_id: worker_key["publicKey"] } },
    });
    let config = desk.put("roots.json", &config.to_string());
    let issue = [
        "envelope",
        "capability",
        "issue",
        "--private-key-file",
        text(&root),
        "--issuer",
        "root",
        "--subject",
        "worker",
    ];
    let what = ["--scope", "GET,POST /api/**", "--audience", "svc", "--max-delegations", "1"];
    let chain = run([&issue[..], &what].concat()).expect(0).stdout;
    let delegate = |scope: &str| {
        let args = [
            "capability",
            "delegate",
            "--private-key-file",
            text(&worker),
            "--issuer",
            "worker",
            "--subject",
            "helper",
        ];
        desk.pipe(&[&args[..], &["--scope", scope, "--ttl", "60000"]].concat(), &chain)
    };
    let longer = delegate("GET /api/read").expect(0).stdout;
    assert!(delegate("GET /admin").expect(1).stderr.contains("scopes exceed"));
    let verify = |path: &str, sender: &str, chain: &str| {
        let args = ["capability", "verify", "--config", text(&config), "--method", "GET"];
        desk.pipe(&[&args[..], &["--path", path, "--sender", sender, "--json"]].concat(), chain)
    };
    let told = verify("/api/read", "helper", &longer).expect(0).json();
    assert_eq!((&told["issuer"], &told["subject"]), (&"root".into(), &"helper".into()));
    assert_eq!(verify("/api/read", "mallory", &longer).expect(1).json()["reason"], "capability-not-bound");
    assert_eq!(
        verify("/api/write", "helper", &longer).expect(1).json()["reason"],
        "leaf-token-does-not-cover-required-scope"
    );
    verify("/api/read", "helper", &longer.replace("/api/read", "/api/**")).expect(1);
    assert!(desk.pipe(&["capability", "inspect"], &longer).expect(0).stdout.contains("worker → helper"));
}

// SP-46, SP-49, SP-51
#[test]
fn several_sign_together_and_share_a_key() {
    let desk = Desk::new();
    let members = ["a", "b", "c"].map(|name| (name, desk.key(name, "bls")));
    let participants: Vec<_> = members
        .iter()
        .map(|(name, (_, made))| {
            serde_json::json!({ "signerId": name, "publicKey": made["publicKey"], "pop": made["pop"] })
        })
        .collect();
    let group = serde_json::json!({ "sender": "council", "m": 2, "participants": participants });
    let group = desk.put("council.json", &group.to_string());
    let draft = ["threshold", "draft", "--sender", "council", "--recipient", "svc"];
    let draft = desk.put("draft", &desk.pipe(&draft, "deploy v2").expect(0).stdout);
    let parts: Vec<_> = members
        .iter()
        .map(|(name, (file, _))| {
            let sign = ["envelope", "threshold", "sign", "--key-file", text(file), "--signer", name];
            let part = run([&sign[..], &["--envelope-file", text(&draft)]].concat()).expect(0).stdout;
            desk.put(&format!("{name}.part"), &part)
        })
        .collect();
    let combine = |parts: &[&Path]| {
        let args =
            ["envelope", "threshold", "combine", "--group", text(&group), "--envelope-file", text(&draft)];
        run(args.into_iter().chain(parts.iter().map(|part| text(part))))
    };
    let signed = combine(&[&parts[0], &parts[2]]).expect(0).stdout;
    assert!(combine(&[&parts[0]]).expect(1).stderr.contains("1 of 2"));
    assert!(combine(&[&parts[0], &parts[0]]).expect(1).stderr.contains("a has signed already"));
    let verify = ["threshold", "verify", "--group", text(&group), "--recipient", "svc"];
    desk.pipe(&verify, &signed).expect(0);
    desk.pipe(&verify, &signed.replace("deploy v2", "deploy v3")).expect(1);
    // SP-51
    let (key, made) = &members[0].1;
    let share = desk.path("share");
    let split =
        ["envelope", "threshold", "split", "--key-file", text(key), "--m", "2", "--n", "3", "--output"];
    run([&split[..], &[text(&share)]].concat()).expect(0);
    let at = |index: u8| desk.path(&format!("share.{index}"));
    assert_eq!(fs::metadata(at(1)).unwrap().permissions().mode() & 0o777, 0o600);
    let join = |m: &str, output: &Path| {
        let public = made["publicKey"].as_str().unwrap();
        let args =
            ["envelope", "threshold", "join", "--m", m, "--public-key", public, "--output", text(output)];
        run([&args[..], &[text(&at(3)), text(&at(1))]].concat())
    };
    let joined = desk.path("joined");
    join("2", &joined).expect(0);
    let whole: Value = serde_json::from_slice(&fs::read(key).unwrap()).unwrap();
    assert_eq!(fs::read_to_string(&joined).unwrap(), whole["privateKey"].as_str().unwrap());
    join("3", &desk.path("other")).expect(1);
}

// SP-71, SP-75, SP-77
#[test]
fn an_audit_log_is_made_verified_and_exported() {
    let desk = Desk::new();
    let (key, made) = desk.key("audit.json", "ed25519");
    let events = "{\"type\":\"config\",\"detail\":\"started\"}\n{\"type\":\"verify-ok\",\"sender\":\"a\",\"status\":200}\n";
    let log = desk.pipe(&["audit", "seal", "--private-key-file", text(&key), "-"], events).expect(0).stdout;
    let lines: Vec<_> = log.lines().collect();
    let head = desk.put("head", lines[2]);
    let public = made["publicKey"].as_str().unwrap();
    let verify = |more: &[&str], log: &str| {
        desk.pipe(&[&["audit", "verify", "--public-key", public, "--json", "-"], more].concat(), log)
    };
    let told = verify(&[], &log).expect(0).json();
    assert_eq!((&told["ok"], &told["length"], &told["unsealed"]), (&true.into(), &2.into(), &0.into()));
    let changed = verify(&[], &log.replace("started", "stopped")).expect(1).json();
    assert_eq!((&changed["brokenAt"], &changed["reason"]), (&1.into(), &"prev-hash-mismatch".into()));
    verify(&[], lines[0]).expect(0);
    let cut = verify(&["--head", text(&head)], lines[0]).expect(1).json();
    assert_eq!(cut["reason"], "truncated");
    let old = desk.pipe(&["audit", "export", "--private-key-file", text(&key), "-"], &log).expect(0).stdout;
    let told = verify(&["--legacy"], &old).expect(0).json();
    assert_eq!(told["length"], 1);
    verify(&["--legacy"], &old.replace("verify-ok", "verify-fail")).expect(1);
    desk.pipe(&["audit", "seal", "--private-key-file", text(&key), "-"], "{\"type\":\"segment\"}").expect(2);
}
