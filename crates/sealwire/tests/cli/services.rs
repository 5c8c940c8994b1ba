//! Gateway, proxy and relay, each in a process of its own.

use crate::support::{App, Balancer, Ended, Service, arg, authority, gateway, run, send, serve, text};
use axum::{Router, body::Bytes, extract::State, response::IntoResponse, routing::any};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use sealwire_attest::key_document;
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

/// A policy that accepts exactly what `gateway` shows.
fn policy_for(gateway: &Value, folder: &Path) -> PathBuf {
    let file = folder.join("policy.toml");
    let made = run(["policy", "init", text(gateway, "listen"), "--yes", "--json", "--output", arg(&file)]);
    assert_eq!(made.expect(0).json()["development"], true);
    file
}

fn connect(to: &str, policy: &Path, more: &[&str]) -> (Service, Value) {
    let first = ["connect", "--to", to, "--policy", arg(policy), "--listen", "127.0.0.1:0"];
    let mut service = Service::start(first.iter().chain(more));
    let ready = service.ready();
    (service, ready)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_opens_a_channel_and_a_relay_carries_it() {
    let folder = tempfile::tempdir().unwrap();
    let (app, upstream) = App::start("app").await;
    let (gateway, shown) = gateway(&upstream, &["--admin", "127.0.0.1:0"]);
    let policy = policy_for(&shown, folder.path());
    let to = text(&shown, "listen");

    let (proxy, ready) = connect(to, &policy, &[]);
    // AT-07
    assert_eq!(ready["development"], true);
    assert_eq!(ready["operator"], "config-digest");
    // Where both ends have it, the session is the wire.
    assert_eq!((&ready["wire"], &ready["group"]), (&"session".into(), &"X25519MLKEM768".into()));
    assert_eq!(ready["kem"], Value::Null);
    let answer = send("POST", &format!("{}/direct", text(&ready, "listen")), "hello").await;
    assert_eq!((answer.status(), &answer.body()[..]), (StatusCode::OK, &b"hello"[..]));
    let page = send("GET", &format!("{}/status.json", text(&ready, "status")), "").await;
    let page: Value = serde_json::from_slice(page.body()).unwrap();
    assert_eq!((&page["state"], &page["wire"]["name"]), (&"attested".into(), &"session".into()));

    for oblivious in [["--wire", "oblivious"], ["--kem", "x-wing"]] {
        let (proxy, ready) = connect(to, &policy, &oblivious);
        assert_eq!((&ready["wire"], &ready["kem"]), (&"oblivious".into(), &"x-wing".into()));
        proxy.stop();
    }

    let mut relay = Service::start(["relay", "--listen", "127.0.0.1:0", "--gateway", &format!("unit={to}")]);
    let relayed = format!("{}/unit", text(&relay.ready(), "listen"));
    let more = ["--relay", &relayed, "--kem", "x25519", "--form", "single"];
    let (by_relay, ready) = connect(to, &policy, &more);
    assert_eq!((&ready["wire"], &ready["kem"]), (&"oblivious".into(), &"x25519".into()));
    let answer = send("POST", &format!("{}/relayed", text(&ready, "listen")), "hello again").await;
    assert_eq!((answer.status(), &answer.body()[..]), (StatusCode::OK, &b"hello again"[..]));
    assert_eq!(*app.seen.lock().unwrap(), ["/direct", "/relayed"]);

    let health = send("GET", &format!("{}/readyz", text(&shown, "admin")), "").await;
    assert_eq!(health.status(), StatusCode::OK);
    for service in [proxy, by_relay, relay, gateway] {
        service.stop();
    }
}

/// Passes what is for a gateway's own resources on, once it is told to, and keeps what is asked for.
#[derive(Clone)]
struct Front {
    gateway: String,
    open: Arc<AtomicBool>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Front {
    async fn start(gateway: &str, open: bool) -> (Self, String) {
        let front = Self { gateway: gateway.to_owned(), open: Arc::new(open.into()), asked: Arc::default() };
        let router = Router::new().fallback(any(Self::answer)).with_state(front.clone());
        (front, serve(router).await)
    }

    async fn answer(
        State(front): State<Self>,
        method: Method,
        uri: Uri,
        headers: HeaderMap,
        content: Bytes,
    ) -> impl IntoResponse {
        front.asked.lock().unwrap().push(format!("{} {} bytes", uri.path(), content.len()));
        if !front.open.load(Ordering::SeqCst) {
            let kind = HeaderValue::from_static("text/plain");
            return (StatusCode::SERVICE_UNAVAILABLE, [("content-type", kind)], Bytes::new());
        }
        let request = Request::builder().method(method).uri(format!("{}{}", front.gateway, uri.path()));
        let kind = headers.get("content-type").cloned().unwrap_or_else(|| HeaderValue::from_static(""));
        let request = request.header("content-type", kind).body(Full::new(content)).unwrap();
        let answer = Client::builder(TokioExecutor::new()).build_http().request(request).await.unwrap();
        let kind = answer.headers()["content-type"].clone();
        let status = answer.status();
        (status, [("content-type", kind)], answer.into_body().collect().await.unwrap().to_bytes())
    }
}

// AT-42, AT-23: nothing is sent to a gateway that the policy refuses, and who owns the policy is told why.
#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_says_no_ends_it() {
    let folder = tempfile::tempdir().unwrap();
    let (_app, upstream) = App::start("app").await;
    let (_gateway, shown) = gateway(&upstream, &[]);
    let policy = policy_for(&shown, folder.path());
    let other = folder.path().join("other.toml");
    let wanted = "ab".repeat(48);
    let measurement = |line: &str| line.starts_with("measurement = ");
    let lines = fs::read_to_string(&policy).unwrap();
    let lines = lines.lines().map(|line| {
        if measurement(line) { format!("measurement = [\"{wanted}\"]\n") } else { format!("{line}\n") }
    });
    fs::write(&other, lines.collect::<String>()).unwrap();

    let (front, to) = Front::start(text(&shown, "listen"), true).await;
    let authority = authority(text(&shown, "listen"));
    let args = [
        "connect",
        "--to",
        &to,
        "--authority",
        authority,
        "--policy",
        arg(&other),
        "--listen",
        "127.0.0.1:0",
    ];
    let ended = tokio::task::spawn_blocking({
        let args = args.map(ToOwned::to_owned);
        move || run(args)
    });
    let ended: Ended = ended.await.unwrap().expect(30);
    assert!(ended.stdout.is_empty(), "{}", ended.stdout);
    for told in
        ["measurement-not-listed", "accept[0].measurement", &wanted, "nothing was sent", "sealwire inspect"]
    {
        assert!(ended.stderr.contains(told), "{told}: {}", ended.stderr);
    }
    assert_eq!(*front.asked.lock().unwrap(), [format!("{} 0 bytes", key_document::PATH)]);

    let judged =
        run(["inspect", text(&shown, "listen"), "--policy", arg(&other), "--json"]).expect(30).json();
    assert_eq!(judged["genuine"], true);
    assert_eq!(judged["policy"]["verdict"], "refused");
    assert_eq!(judged["policy"]["reasons"][0]["code"], "measurement-not-listed");
}

#[tokio::test(flavor = "multi_thread")]
async fn connect_waits_for_a_gateway_if_it_is_told_to() {
    let folder = tempfile::tempdir().unwrap();
    let (_app, upstream) = App::start("app").await;
    let (_gateway, shown) = gateway(&upstream, &[]);
    let policy = policy_for(&shown, folder.path());
    let (front, to) = Front::start(text(&shown, "listen"), false).await;
    let authority = authority(text(&shown, "listen")).to_owned();
    let args = [
        "connect",
        "--to",
        &to,
        "--authority",
        &authority,
        "--policy",
        arg(&policy),
        "--listen",
        "127.0.0.1:0",
    ];

    let once = args.map(ToOwned::to_owned);
    let ended = tokio::task::spawn_blocking(move || run(once)).await.unwrap().expect(1);
    assert!(ended.stderr.contains("503") && ended.stderr.contains("--keep-trying"), "{}", ended.stderr);

    // Waiting does not make an application a gateway.
    let hopeless =
        ["connect", "--to", &upstream, "--policy", arg(&policy), "--listen", "127.0.0.1:0", "--keep-trying"];
    let ended = tokio::task::block_in_place(|| run(hopeless)).expect(1);
    assert!(ended.stderr.contains("something answers there"), "{}", ended.stderr);
    let secure = upstream.replace("http://", "https://");
    let hopeless =
        ["connect", "--to", &secure, "--policy", arg(&policy), "--listen", "localhost:0", "--keep-trying"];
    let ended = tokio::task::block_in_place(|| run(hopeless)).expect(1);
    assert!(ended.stderr.contains("TLS is spoken on one side alone"), "{}", ended.stderr);

    let patient = Service::start(args.iter().chain(&["--keep-trying"]));
    patient.logged("not connected yet");
    patient.stop();

    let mut patient = Service::start(args.iter().chain(&["--keep-trying"]));
    patient.logged("not connected yet");
    front.open.store(true, Ordering::SeqCst);
    assert_eq!(patient.ready()["ready"], "connect");
}

// SE-38, SE-40: what was negotiated, beside what it rests on; the application learns nothing of it.
#[tokio::test(flavor = "multi_thread")]
async fn inspect_shows_a_session() {
    let folder = tempfile::tempdir().unwrap();
    let (app, upstream) = App::start("app").await;
    let (_gateway, shown) = gateway(&upstream, &[]);
    let (url, policy) = (text(&shown, "listen"), policy_for(&shown, folder.path()));

    let args = ["inspect", url, "--policy", arg(&policy), "--session", "--resume"];
    let seen = run(args.iter().chain(&["--json"])).expect(0).json();
    let session = &seen["session"];
    assert_eq!(seen["policy"]["verdict"], "accepted");
    assert_eq!(session["instance"], seen["document"]["instance"]);
    assert_eq!(session["document"], seen["document"]["digest"]);
    for (name, value) in [
        ("resumed", Value::from(false)),
        ("group", "X25519MLKEM768".into()),
        ("suite", "aes-256-gcm-sha384".into()),
        ("signature", "ed25519+ml-dsa-65".into()),
        ("evidence", "identity".into()),
        ("caller-asked", "no".into()),
        ("caller-attested", false.into()),
        ("ticket-seconds", 86_400.into()),
        ("lifetime-seconds", 86_400.into()),
        ("idle-seconds", 3600.into()),
        ("requests", (1_u64 << 32).into()),
        ("window", 1024.into()),
        ("message-bytes", (1_u64 << 30).into()),
    ] {
        assert_eq!(session[name], value, "{name}");
    }
    let resumption = &session["resumption"];
    assert_eq!(resumption["resumed"], true);
    // A new key agreement, and nothing signed: the ticket proves it.
    assert_eq!((&resumption["group"], &resumption["signature"]), (&"X25519MLKEM768".into(), &Value::Null));

    let tree = run(args).expect(0).stdout;
    let mut rest = &tree[..];
    for step in ["ACCEPTED", "session", "X25519MLKEM768", "ed25519+ml-dsa-65", "resumed by its ticket"] {
        let at = rest.find(step).unwrap_or_else(|| panic!("{step} is missing, or too early: {tree}"));
        rest = &rest[at..];
    }
    assert!(app.seen.lock().unwrap().is_empty());

    // Only what a policy accepts gets a session.
    run(["inspect", url, "--session"]).expect(2);
    let alone = ["inspect", url, "--policy", arg(&policy), "--attest", "development"];
    assert!(run(alone).expect(2).stderr.contains("--session"));
    let without = run(["inspect", url, "--policy", arg(&policy), "--json"]).expect(0).json();
    assert_eq!(without["session"], Value::Null);
}

// AT-44: an operator signs what a gateway shows; a policy that pins the operator's key accepts it.
#[tokio::test(flavor = "multi_thread")]
async fn an_operator_signs_for_a_gateway() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let (_app, upstream) = App::start("app").await;
    let named = ["--authority", "api.example"];
    let (first, shown) = gateway(&upstream, &named);
    let (key, statement) = (file("operator.pem"), file("statement.pem"));
    let made = run(["keys", "operator", "generate", "--json", "--output", arg(&key)]).expect(0).json();

    let from = text(&shown, "listen").to_owned();
    let sign = ["keys", "operator", "sign", "--key", arg(&key), "--from", &from, "--output", arg(&statement)];
    // A person is asked, and there is none.
    run(sign).expect(2);
    assert!(!statement.exists());
    let signed = run(sign.iter().chain(&["--yes", "--json"])).expect(0);
    // AT-07
    assert!(signed.stderr.contains("DEVELOPMENT"), "{}", signed.stderr);
    let signed = signed.json();
    assert_eq!(signed["config-digest"], shown["config-digest"]);
    assert_eq!(signed["authorities"], shown["authorities"]);
    first.stop();

    let stated = ["--authority", "api.example", "--operator-statement", arg(&statement)];
    let (_second, shown) = gateway(&upstream, &stated);
    let policy = policy_for(&shown, folder.path());
    assert!(fs::read_to_string(&policy).unwrap().contains(text(&made, "public-key")));
    let args =
        ["inspect", text(&shown, "listen"), "--policy", arg(&policy), "--authority", "api.example", "--json"];
    assert_eq!(run(args).expect(0).json()["policy"]["operator"], "signed");
    let other = file("again.toml");
    let next =
        run(["policy", "init", text(&shown, "listen"), "--yes", "--output", arg(&other)]).expect(0).stdout;
    assert!(next.contains("not a name that is served") && next.contains("--authority api.example"), "{next}");
    let unnamed =
        ["connect", "--to", text(&shown, "listen"), "--policy", arg(&policy), "--listen", "127.0.0.1:0"];
    let ended = run(unnamed).expect(30);
    assert!(ended.stderr.contains("--authority NAME; served: api.example"), "{}", ended.stderr);
    let (_proxy, ready) = connect(text(&shown, "listen"), &policy, &["--authority", "api.example"]);
    assert_eq!(ready["operator"], "signed");
    let answer = send("POST", &format!("{}/x", text(&ready, "listen")), "for the operator").await;
    assert_eq!(&answer.body()[..], b"for the operator");

    // The same statement does not cover another upstream.
    let other =
        ["gateway", "--tee", "development", "--upstream", "http://127.0.0.1:9", "--listen", "127.0.0.1:0"];
    let ended = run(other.iter().chain(&stated)).expect(2);
    assert!(ended.stderr.contains("operator-statement"), "{}", ended.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_lets_open_exchanges_finish() {
    let folder = tempfile::tempdir().unwrap();
    let (app, upstream) = App::start("app").await;
    let (gateway, shown) = gateway(&upstream, &[]);
    let policy = policy_for(&shown, folder.path());
    let (_proxy, ready) = connect(text(&shown, "listen"), &policy, &[]);

    app.permits.forget_permits(usize::MAX);
    let url = format!("{}/slow", text(&ready, "listen"));
    let exchange = tokio::spawn(async move { send("POST", &url, "still here").await });
    app.arrived.acquire().await.unwrap().forget();
    gateway.signal("TERM");
    // New connections are refused from now on.
    let address = authority(text(&shown, "listen")).to_owned();
    while tokio::net::TcpStream::connect(&address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    app.permits.add_permits(1);
    let answer = exchange.await.unwrap();
    assert_eq!((answer.status(), &answer.body()[..]), (StatusCode::OK, &b"still here"[..]));
    assert_eq!(gateway.ended(), (Some(0), String::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn sighup_reads_the_configuration_again() {
    let folder = tempfile::tempdir().unwrap();
    let (_one, first) = App::start("one").await;
    let (_two, second) = App::start("two").await;
    let config = folder.path().join("sealwire.toml");
    let write = |upstream: &str| {
        let text = format!("tee = \"development\"\nlisten = \"127.0.0.1:0\"\nupstream = \"{upstream}\"\n");
        fs::write(&config, text).unwrap();
    };
    write(&first);
    let state = concat!(env!("CARGO_TARGET_TMPDIR"), "/cli-state");
    let args = ["gateway", "--config", arg(&config), "--state", state, "--authority", "api.example"];
    let mut gateway = Service::start(args);
    let shown = gateway.ready();
    // AT-44: the digest tells the two configurations apart.
    let digest = run(args.iter().chain(&["--print-config-digest"])).expect(0).stdout;
    assert_eq!(digest.trim(), text(&shown, "config-digest"));
    write(&second);
    let changed = run(args.iter().chain(&["--print-config-digest"])).expect(0).stdout;
    assert_ne!(changed, digest);

    gateway.signal("HUP");
    gateway.logged("configuration reloaded");
    let named = ["--authority", "api.example"];
    let policy = policy_for(&shown, folder.path());
    assert!(fs::read_to_string(&policy).unwrap().contains(changed.trim()));
    let (_proxy, ready) = connect(text(&shown, "listen"), &policy, &named);
    let url = format!("{}/x", text(&ready, "listen"));
    assert_eq!(send("GET", &url, "").await.headers()["x-app"], "two");

    // A mistake keeps what is in force, and is logged with its line.
    fs::write(&config, "tee = \"development\"\nupstrem = \"http://127.0.0.1:1\"\n").unwrap();
    gateway.signal("HUP");
    let line = gateway.logged("the old one stays in force");
    assert!(line.contains("sealwire.toml:2") && line.contains("upstrem"), "{line}");
    assert_eq!(send("GET", &url, "").await.headers()["x-app"], "two");
    gateway.stop();
}

// AT-45, SE-43: a restart is another instance with keys of its own, and a proxy gets over it by itself.
#[tokio::test(flavor = "multi_thread")]
async fn connect_recovers_from_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let (app, upstream) = App::start("app").await;
    let named = ["--authority", "api.example"];
    let (first, shown) = gateway(&upstream, &named);
    let policy = policy_for(&shown, folder.path());
    let (balancer, to) = Balancer::start(text(&shown, "listen")).await;
    let (_proxy, ready) = connect(&to, &policy, &named);
    let url = format!("{}/before", text(&ready, "listen"));
    assert_eq!(send("GET", &url, "").await.status(), StatusCode::OK);
    let before = run(["inspect", text(&shown, "listen"), "--json"]).expect(0).json();

    first.stop();
    let (_second, shown) = gateway(&upstream, &named);
    balancer.lead_to(text(&shown, "listen"));
    let url = format!("{}/after", text(&ready, "listen"));
    assert_eq!(send("GET", &url, "").await.status(), StatusCode::OK);
    assert_eq!(*app.seen.lock().unwrap(), ["/before", "/after"]);
    let after = run(["inspect", text(&shown, "listen"), "--json"]).expect(0).json();
    assert_ne!(before["document"]["instance"], after["document"]["instance"]);
    assert_ne!(before["document"]["keys"], after["document"]["keys"]);
    let page = send("GET", &format!("{}/status.json", text(&ready, "status")), "").await;
    let status: Value = serde_json::from_slice(page.body()).unwrap();
    assert_eq!(status["document"]["instance"], after["document"]["instance"]);
}

// The channel does not rest on TLS, but every leg can have it; a relay needs it off this machine (OB-82).
#[tokio::test(flavor = "multi_thread")]
async fn every_leg_can_have_tls() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let (certificate, key, root) = (file("chain.pem"), file("key.pem"), file("root.der"));
    fs::write(&certificate, made.cert.pem()).unwrap();
    fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    fs::write(&root, made.cert.der()).unwrap();
    let tls = ["--tls-certificate", arg(&certificate), "--tls-key", arg(&key)];

    let (_app, upstream) = App::start("app").await;
    let (_gateway, shown) = gateway(&upstream, &tls);
    let to = text(&shown, "listen");
    assert!(to.starts_with("https://"), "{to}");
    let untrusted = run(["inspect", to, "--json"]).expect(1);
    assert!(untrusted.stderr.contains("--tls-root FILE"), "{}", untrusted.stderr);
    let clear = to.replace("https://", "http://");
    let mismatch = run(["inspect", &clear]).expect(1);
    assert!(mismatch.stderr.contains("TLS is spoken on one side alone"), "{}", mismatch.stderr);
    let policy = file("policy.toml");
    let trust = ["--tls-root", arg(&root)];
    let init = ["policy", "init", to, "--yes", "--output", arg(&policy)];
    let next = run(init.iter().chain(&trust)).expect(0).stdout;
    assert!(next.contains(&format!("--tls-root {}", arg(&root))), "{next}");

    let unit = format!("unit={to}");
    let relay = ["relay", "--listen", "127.0.0.1:0", "--gateway", &unit, "--tls-root", arg(&certificate)];
    let mut relay = Service::start(relay.iter().chain(&tls));
    let relayed = format!("{}/unit", text(&relay.ready(), "listen"));
    assert!(relayed.starts_with("https://"), "{relayed}");
    let by_relay = ["--relay", &relayed, "--tls-root", arg(&root)];
    for more in [&trust[..], &by_relay[..]] {
        let (_proxy, ready) = connect(to, &policy, more);
        let answer = send("POST", &format!("{}/x", text(&ready, "listen")), "hello").await;
        assert_eq!((answer.status(), &answer.body()[..]), (StatusCode::OK, &b"hello"[..]));
    }

    let broken = ["--tls-certificate", arg(&key), "--tls-key", arg(&key)];
    let first = ["relay", "--listen", "127.0.0.1:0", "--gateway", "unit=http://127.0.0.1:1"];
    let ended = run(first.iter().chain(&broken)).expect(2);
    assert!(ended.stderr.contains("key.pem"), "{}", ended.stderr);
}

// AT-43, AT-41
#[tokio::test(flavor = "multi_thread")]
async fn inspect_shows_the_chain_of_reasons() {
    let (_app, upstream) = App::start("app").await;
    let (_gateway, shown) = gateway(&upstream, &[]);
    let url = text(&shown, "listen");

    let seen = run(["inspect", url, "--json"]).expect(0).json();
    assert_eq!(seen["url"], url);
    assert_eq!(seen["genuine"], true);
    assert_eq!(seen["policy"], Value::Null);
    assert_eq!(seen["age"]["kind"], "self-asserted");
    assert_eq!(seen["checks"]["freshness"]["outcome"], "not-available");
    assert_eq!(seen["checks"]["binding"]["outcome"], "passed");
    assert_eq!(seen["document"]["config-digest"], shown["config-digest"]);
    assert_eq!(seen["document"]["keys"][0]["kem"], "x-wing");
    // AT-07
    assert_eq!(seen["development"], true);
    assert_eq!(seen["claims"]["root"], shown["development-root"]);

    let challenged = run(["inspect", url, "--json", "--challenge"]).expect(0).json();
    assert_eq!(challenged["age"]["kind"], "challenged");
    assert_eq!(challenged["checks"]["freshness"]["outcome"], "passed");

    let tree = run(["inspect", url]).expect(0).stdout;
    let steps =
        ["key document", "authorities", "x-wing", "config digest", "evidence", "binding", "measurement"];
    let chain = ["signed by VCEK", "SEV-VCEK ←", "DEVELOPMENT root", "accepted by nobody"];
    let mut rest = &tree[..];
    for step in steps.iter().chain(&chain) {
        let at = rest.find(step).unwrap_or_else(|| panic!("{step} is missing, or too early: {tree}"));
        rest = &rest[at..];
    }

    let keys = run(["keys", "show", url, "--json"]).expect(0).json();
    assert_eq!(keys["development"], true);
    let kems: Vec<_> = keys["keys"].as_array().unwrap().iter().map(|key| key["kem"].clone()).collect();
    // Keys of sessions have none.
    assert_eq!(kems, [Value::from("x-wing"), "x25519".into(), Value::Null, Value::Null]);
    // OB-54: the digest of the very bytes that anybody is given.
    let signatures: Vec<_> = keys["keys"].as_array().unwrap().iter().map(|key| &key["signature"]).collect();
    assert_eq!(signatures[2..], ["ed25519", "ml-dsa-65"]);
    assert!(tree.contains("ml-dsa-65 · signs sessions"), "{tree}");
    let list = format!("{url}/.well-known/ohttp-gateway");
    let list =
        std::process::Command::new("curl").args(["--silent", "--noproxy", "*", &list]).output().unwrap();
    let digest = format!("sha256:{}", hex::encode(sealwire_crypto::digest::sha256(&[&list.stdout])));
    assert_eq!(keys["ohttp-keys"], digest.as_str());
    let table = run(["keys", "show", url]).expect(0).stdout;
    assert!(table.contains(&digest), "{table}");
    assert!(table.contains("HKDF-SHA256/AES-256-GCM") && table.contains("DEVELOPMENT"), "{table}");
}

#[tokio::test(flavor = "multi_thread")]
async fn policy_init_asks_and_overwrites_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (_app, upstream) = App::start("app").await;
    let (_gateway, shown) = gateway(&upstream, &[]);
    let url = text(&shown, "listen");
    let file = folder.path().join("policy.toml");

    let asked = run(["policy", "init", url, "--output", arg(&file)]).expect(2);
    assert!(asked.stderr.contains("--yes") && asked.stderr.contains("signed by VCEK"), "{}", asked.stderr);
    assert!(!file.exists());

    let written = run(["policy", "init", url, "--yes", "--output", arg(&file)]).expect(0);
    for told in ["DEVELOPMENT", "sealwire connect --to", text(&shown, "development-root")] {
        assert!(written.stdout.contains(told), "{told}: {}", written.stdout);
    }
    let before = fs::read(&file).unwrap();
    run(["policy", "init", url, "--yes", "--output", arg(&file)]).expect(2);
    assert_eq!(fs::read(&file).unwrap(), before);
    let printed = run(["policy", "init", url, "--yes", "--output", "-"]).expect(0).stdout;
    assert_eq!(printed.as_bytes(), before);

    let checked = run(["policy", "check", arg(&file), "--json"]).expect(0).json();
    assert_eq!(checked["development"], true);
    assert_eq!(checked["alternatives"][0]["kind"], "development");
    assert_eq!(checked["config-digests"][0], shown["config-digest"]);
    let words = run(["policy", "check", arg(&file)]).expect(0).stdout;
    assert!(words.contains("measurement is one of") && words.contains("DEVELOPMENT"), "{words}");

    // AT-22, AT-25: what more than the alternatives has to hold is told as well.
    let key = format!("ed25519:{}", "ab".repeat(32));
    let more = format!("rego = \"p.rego\"\nrevocation-keys = [\"{key}\"]\n");
    fs::write(folder.path().join("p.rego"), "package sealwire\nallow := true\n").unwrap();
    fs::write(&file, more + &String::from_utf8(before).unwrap()).unwrap();
    let checked = run(["policy", "check", arg(&file), "--json"]).expect(0).json();
    assert_eq!((&checked["rego"], &checked["revocation-keys"][0]), (&"p.rego".into(), &key.as_str().into()));
    let words = run(["policy", "check", arg(&file)]).expect(0).stdout;
    assert!(words.contains("the Rego policy p.rego allows") && words.contains(&key), "{words}");
}

// AT-60: nothing silently becomes development.
#[test]
fn a_machine_without_a_tee_is_told_what_to_say() {
    if Path::new("/sys/kernel/config/tsm/report").exists() {
        println!("skipped: this machine has a TEE");
        return;
    }
    for tee in ["auto", "snp"] {
        let args = ["gateway", "--upstream", "http://127.0.0.1:1", "--listen", "127.0.0.1:0", "--tee", tee];
        let ended = run(args).expect(1);
        assert!(ended.stderr.contains("--tee development"), "{}", ended.stderr);
    }
}

#[test]
fn what_cannot_be_used_is_refused_at_start() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("sealwire.toml");
    fs::write(&config, "upstream = \"http://127.0.0.1:1\"\n\n[limits]\nrequests = 0\n").unwrap();
    let ended = run(["gateway", "--config", arg(&config)]).expect(2);
    assert!(ended.stderr.contains("sealwire.toml:4") && ended.stderr.contains("hint:"), "{}", ended.stderr);

    run(["gateway", "--listen", "127.0.0.1:0"]).expect(2);
    run(["gateway", "--upstream", "http://127.0.0.1:1", "--tls-certificate", "x.pem"]).expect(2);
    run(["connect", "--to", "gateway.example", "--policy", "p"]).expect(2);
    let missing = run(["connect", "--to", "http://127.0.0.1:1", "--policy", "/nonexistent"]).expect(2);
    assert!(missing.stderr.contains("sealwire policy init"), "{}", missing.stderr);
    // OB-80, OB-82
    for gateway in ["unit", "unit=ftp://127.0.0.1", "un it=http://127.0.0.1:1", "unit=http://gateway.example"]
    {
        run(["relay", "--listen", "127.0.0.1:0", "--gateway", gateway]).expect(2);
    }
    run(["relay", "--listen", "0.0.0.0:0", "--gateway", "unit=http://127.0.0.1:1"]).expect(2);
}
