//! SE-20: secrets that the gateway keeps for enclaves, given to whom a policy accepts, each delivery written down.

use super::{
    mutual::{caller, callers, connect},
    resume::Ahead,
    send, whole,
};
use futures_util::future::join_all;
use http::{HeaderMap, Method, Response, StatusCode, header};
use sealwire_attest::{UnixTime, revocation::RevocationList};
use sealwire_client::{Connector, Error, Settings, Wire};
use sealwire_crypto::{digest::sha384, random::OsRandom, sign::ed25519::SigningKey};
use sealwire_gateway::{
    Environment, Gateway, StartError,
    config::{Asked, Route, Secret, Secrets},
};
use sealwire_http::{
    Body, body, problem,
    session::secret::{FIELD, Name, OperatorWrite, PATH, Write},
};
use sealwire_tests::{
    App, Stage, stage,
    tap::Tap,
    tee::{self, PolicyText},
    within,
};
use serde_json::Value;
use std::{fs, path::PathBuf, sync::Arc, time::Duration};
use tempfile::TempDir;

const SECRET: &str = "correct horse battery staple";

/// A policy that no caller of these tests meets.
fn nobody() -> PolicyText {
    PolicyText { measurement: "00".repeat(48), ..PolicyText::default() }
}

/// Writes policies, and what goes with them.
struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn policy(&self, name: &str, policy: &PolicyText) -> PathBuf {
        fs::write(self.at(name), policy.toml()).unwrap();
        self.at(name)
    }

    /// A rule, with policies in files of their own.
    fn rule(
        &self,
        name: &str,
        read: &PolicyText,
        write: Option<&PolicyText>,
        keys: &[&SigningKey],
    ) -> Secret {
        let file = name.replace(['/', '*'], "-");
        let key = |key: &&SigningKey| format!("ed25519:{}", tee::hex(&key.public_key()));
        Secret {
            name: name.to_owned(),
            read: self.policy(&format!("{file}.read.toml"), read),
            write: write.map(|write| self.policy(&format!("{file}.write.toml"), write)),
            operator_keys: keys.iter().map(key).collect(),
        }
    }

    fn lines(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.at("audit.jsonl")).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Event, name, version and verdict of each entry but the start.
    fn audited(&self) -> Vec<(String, String, Option<u64>, String)> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let entries = self.lines().into_iter().filter(|line| line["event"] != "start");
        entries
            .map(|line| {
                (text(&line["event"]), text(&line["name"]), line["version"].as_u64(), text(&line["verdict"]))
            })
            .collect()
    }
}

fn configured(config: &mut sealwire_gateway::Config, files: &Files, rules: Vec<Secret>) {
    config.callers = Some(callers(&files.0, Asked::Wanted, &PolicyText::default(), None));
    config.secrets = Some(Secrets { audit: files.at("audit.jsonl") });
    config.secret = rules;
}

/// A gateway that keeps secrets.
async fn keeping(files: &Files, rules: Vec<Secret>) -> Stage {
    Stage::with(|config| configured(config, files, rules)).await
}

async fn enclave(stage: &Stage) -> Connector {
    connect(caller(stage.address(), true)).await.unwrap()
}

fn at(name: &str) -> String {
    format!("{PATH}/{name}")
}

async fn request(
    connector: &Connector,
    method: Method,
    path: &str,
    fields: &[(&str, &str)],
    content: Body,
) -> Response<Body> {
    let mut request = connector.request(method, path);
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    within("an answer", request.stream(content).into_future()).await.unwrap()
}

/// Status, version and content.
async fn told(response: Response<Body>) -> (StatusCode, Option<u64>, String) {
    let version = response.headers().get(header::ETAG);
    let version = version.map(|tag| tag.to_str().unwrap().trim_matches('"').parse().unwrap());
    let (status, content) = whole(response).await;
    (status, version, String::from_utf8(content).unwrap())
}

/// Status, and type of the problem.
async fn problem(response: Response<Body>) -> (StatusCode, String) {
    let (status, content) = whole(response).await;
    let content: Value = serde_json::from_slice(&content).unwrap();
    (status, content["type"].as_str().unwrap().to_owned())
}

const NEW: (&str, &str) = ("if-none-match", "*");

async fn put(connector: &Connector, name: &str, secret: &str) -> (StatusCode, Option<u64>, String) {
    told(request(connector, Method::PUT, &at(name), &[NEW], body::full(secret.to_owned())).await).await
}

async fn get(connector: &Connector, name: &str) -> Response<Body> {
    request(connector, Method::GET, &at(name), &[], body::empty()).await
}

// SE-20 (b), (c), (d), (f), (g): one of two names is this caller's to read, and everything is written down.
#[tokio::test]
async fn a_secret_is_for_whom_its_policy_accepts() {
    let (files, we) = (Files::new(), PolicyText::default());
    let rules =
        vec![files.rule("db/*", &we, Some(&we), &[]), files.rule("others", &nobody(), Some(&we), &[])];
    let stage = keeping(&files, rules).await;
    let tap = Tap::before(stage.address()).await;
    let enclave = connect(Settings { to: tap.url(), ..caller(stage.address(), true) }).await.unwrap();

    assert_eq!(problem(get(&enclave, "db/a").await).await.1, problem::SECRET_NOT_PROVISIONED);
    assert_eq!(put(&enclave, "db/a", SECRET).await, (StatusCode::CREATED, Some(1), String::new()));
    assert_eq!(put(&enclave, "others", SECRET).await.1, Some(2));
    let answer = get(&enclave, "db/a").await;
    let fields: &HeaderMap = answer.headers();
    assert_eq!(fields[header::CONTENT_TYPE], "application/octet-stream");
    assert_eq!(fields[header::CACHE_CONTROL], "no-store");
    assert_eq!(told(answer).await, (StatusCode::OK, Some(1), SECRET.to_owned()));

    // What is refused and what nothing is said of are told in the same bytes.
    let refused = told(get(&enclave, "others").await).await;
    assert_eq!(refused.0, StatusCode::FORBIDDEN);
    assert!(refused.2.contains(problem::SECRET_REFUSED) && !refused.2.contains("measurement"));
    assert_eq!(told(get(&enclave, "never/heard/of").await).await, refused);
    let nowhere = put(&enclave, "never/heard/of", SECRET).await;
    assert_eq!(nowhere, refused);

    let list = request(&enclave, Method::GET, PATH, &[], body::empty()).await;
    let list: Value = serde_json::from_str(&told(list).await.2).unwrap();
    let size = SECRET.len();
    let expected = serde_json::json!([
        { "name": "db/a", "version": 1, "size": size, "read": true, "write": true },
        { "name": "others", "version": 2, "size": size, "read": false, "write": true },
    ]);
    assert_eq!(list["secrets"], expected);

    let entry = |event: &str, name: &str, version, verdict: &str| {
        (event.to_owned(), name.to_owned(), version, verdict.to_owned())
    };
    let expected = [
        entry("put", "db/a", Some(1), "written"),
        entry("put", "others", Some(2), "written"),
        entry("get", "db/a", Some(1), "delivered"),
        entry("get", "others", None, "refused"),
        entry("get", "never/heard/of", None, "refused"),
        entry("put", "never/heard/of", None, "refused"),
    ];
    assert_eq!(files.audited(), expected);
    let lines = files.lines();
    assert_eq!((&lines[3]["rule"], &lines[3]["accepted-by"]), (&"db/*".into(), &"accept[0]".into()));
    let who = &lines[3]["caller"];
    assert_eq!((&who["kind"], &who["development"]), (&"development".into(), &true.into()));
    assert_eq!(who["measurement"], tee::hex(&tee::development().measurement()));
    let reason = "measurement-not-listed (accept[0].measurement)";
    assert_eq!(lines[4]["reasons"], serde_json::json!([reason]));
    // The head of the chain is that of the file.
    let text = fs::read_to_string(files.at("audit.jsonl")).unwrap();
    let head = tee::hex(&sha384(&[text.lines().last().unwrap().as_bytes()]));
    assert_eq!(list["audit"], serde_json::json!({ "entries": 7, "head": head }));
    let hardware = &stage_hardware(&enclave);
    assert!(!text.contains(SECRET) && !text.contains(hardware));
    assert!(!tap.saw(SECRET.as_bytes()) && !tap.saw(b"db/a"));
    assert_eq!(stage.app.counts().reached, 0, "the application sees nothing of it");
}

/// The id of the machine, which is this one for callers, too.
fn stage_hardware(connector: &Connector) -> String {
    tee::hex(&connector.status().acceptance.claims.get().hardware_id)
}

// SE-20 (c): after a restart nothing is there, and the caller is told so.
#[tokio::test]
async fn a_restart_forgets() {
    let (files, we) = (Files::new(), PolicyText::default());
    let mut stage = keeping(&files, vec![files.rule("a", &we, Some(&we), &[])]).await;
    let first = enclave(&stage).await;
    assert_eq!(put(&first, "a", SECRET).await.0, StatusCode::CREATED);
    drop(first);
    let again = stage::gateway(stage.config.clone()).await;
    std::mem::replace(&mut stage.gateway, again).shutdown().await;
    let second = enclave(&stage).await;
    let absent = (StatusCode::NOT_FOUND, problem::SECRET_NOT_PROVISIONED.to_owned());
    assert_eq!(problem(get(&second, "a").await).await, absent);
    assert_eq!(put(&second, "a", SECRET).await.1, Some(1));
    let lines = files.lines();
    let starts: Vec<_> = lines.iter().filter(|line| line["event"] == "start").collect();
    assert_ne!(starts[0]["instance"], starts[1]["instance"]);
    let text = fs::read_to_string(files.at("audit.jsonl")).unwrap();
    let texts: Vec<_> = text.lines().collect();
    for (before, next) in texts.iter().zip(&lines[1..]) {
        assert_eq!(next["previous"], tee::hex(&sha384(&[before.as_bytes()])));
    }
}

// SE-20 (a): nothing but a session with an attested caller leads to secrets, however the path is spelt.
#[tokio::test]
async fn nobody_else_gets_near() {
    let (files, we) = (Files::new(), PolicyText::default());
    let rules = vec![files.rule("a", &we, Some(&we), &[])];
    let stage = Stage::with(|config| {
        configured(config, &files, rules);
        config.routes[0].plaintext = true;
    });
    let stage = stage.await;
    let inside = enclave(&stage).await;
    assert_eq!(put(&inside, "a", SECRET).await.0, StatusCode::CREATED);
    let audited = files.audited();

    let unattested = connect(caller(stage.address(), false)).await.unwrap();
    let oblivious = Settings { wire: Wire::Oblivious, ..caller(stage.address(), false) };
    let oblivious = connect(oblivious).await.unwrap();
    let refused = (StatusCode::FORBIDDEN, problem::ATTESTED_CALLER.to_owned());
    for (who, connector) in [("unattested", &unattested), ("oblivious", &oblivious)] {
        assert_eq!(whole(send(connector, Method::GET, "/", body::empty()).await).await.0, StatusCode::OK);
        for path in [PATH.to_owned(), at("a"), at("absent"), at("../a"), at("")] {
            for method in [Method::GET, Method::PUT, Method::DELETE, Method::POST] {
                let answer = request(connector, method.clone(), &path, &[NEW], body::full("x")).await;
                assert_eq!(problem(answer).await, refused, "{who} {method} {path}");
            }
        }
    }
    for path in [PATH.to_owned(), at("a")] {
        let answer = stage.get(&path).await;
        assert_eq!(answer.status, 403, "{}", answer.text());
        assert!(answer.text().contains(problem::ATTESTED_CALLER));
    }
    let reached = stage.app.counts().reached;
    for path in [
        "/.well-known/sealwire/%73ecrets/a",
        "/.well-known/sealwire/SECRETS/a",
        "//.well-known/sealwire/secrets/a",
        "/.well-known/sealwire//secrets/a",
        "/.well-known/sealwire/secrets%2fa",
        "/.well-known/sealwire;v=1/secrets/a",
        "/.well-known/sealwire/x/../secrets/a",
    ] {
        for connector in [&inside, &unattested, &oblivious] {
            let answer = send(connector, Method::GET, path, body::empty()).await;
            assert_eq!(whole(answer).await.0, StatusCode::BAD_REQUEST, "{path}");
        }
        // In clear it is for another name, too.
        assert!([400, 403].contains(&stage.get(path).await.status), "{path}");
    }
    assert_eq!(stage.app.counts().reached, reached);
    assert_eq!(files.audited(), audited, "who has shown nothing fills no disk");
    assert_eq!(told(get(&inside, "a").await).await.2, SECRET);
    // Beside it is the application's.
    let beside = send(&unattested, Method::GET, "/.well-known/sealwire/secretsx", body::empty()).await;
    assert_eq!(whole(beside).await.0, StatusCode::OK);
}

// SE-20 (a): a gateway without rules has none of it, and still the application has not.
#[tokio::test]
async fn without_rules_there_is_nothing() {
    let stage = Stage::start().await;
    let nobody = connect(caller(stage.address(), false)).await.unwrap();
    for path in [PATH.to_owned(), at("a")] {
        let answer = send(&nobody, Method::GET, &path, body::empty()).await;
        assert_eq!(whole(answer).await.0, StatusCode::NOT_FOUND);
    }
    assert_eq!(stage.app.counts().reached, 0);
}

// SE-20 (a): names have one spelling.
#[tokio::test]
async fn what_is_no_name_is_refused() {
    let (files, we) = (Files::new(), PolicyText::default());
    let rules = vec![files.rule("db/*", &we, Some(&we), &[]), files.rule("a", &we, Some(&we), &[])];
    let stage = keeping(&files, rules).await;
    let inside = enclave(&stage).await;
    let long = format!("db/{}", "n".repeat(252));
    assert_eq!(put(&inside, &long, SECRET).await.0, StatusCode::CREATED);
    let longer = format!("{long}n");
    for name in [
        "",
        "/",
        "a/",
        "/a",
        "db//a",
        ".",
        "..",
        "db/..",
        "db/../a",
        "./a",
        "%61",
        "db%2fa",
        "a%00",
        "%C3%A4",
        "a;b",
        "a?x",
        "a?",
        "a%20b",
        "*",
        "db/*",
        &longer,
        &"n".repeat(300),
    ] {
        for method in [Method::GET, Method::PUT, Method::DELETE] {
            let answer = request(&inside, method.clone(), &at(name), &[NEW], body::full("x")).await;
            assert_eq!(whole(answer).await.0, StatusCode::BAD_REQUEST, "{method} {name}");
        }
    }
    assert_eq!(files.audited().len(), 1);
    for (method, name) in
        [(Method::POST, "/a"), (Method::HEAD, "/a"), (Method::PATCH, "/a"), (Method::PUT, "")]
    {
        let answer = request(&inside, method.clone(), &format!("{PATH}{name}"), &[], body::empty()).await;
        assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED, "{method} {name}");
        assert!(answer.headers()[header::ALLOW].to_str().unwrap().starts_with("GET"));
    }
}

// SE-20 (d): what is written says what it replaces, and has a size.
#[tokio::test]
async fn writes_are_conditional_and_bounded() {
    let (files, we) = (Files::new(), PolicyText::default());
    let stage = keeping(&files, vec![files.rule("a", &we, Some(&we), &[])]).await;
    let inside = enclave(&stage).await;
    let write = async |method: Method, fields: &[(&str, &str)], content: Vec<u8>| {
        let answer = request(&inside, method, &at("a"), fields, body::full(content)).await;
        let (status, version, _) = told(answer).await;
        (status.as_u16(), version)
    };
    let put = async |fields: &[(&str, &str)], len: usize| write(Method::PUT, fields, vec![b'x'; len]).await;
    assert_eq!(put(&[], 1).await, (428, None));
    assert_eq!(put(&[NEW, ("if-match", "\"1\"")], 1).await, (428, None));
    assert_eq!(put(&[NEW], 0).await, (400, None));
    assert_eq!(put(&[NEW], 65_537).await, (413, None));
    assert_eq!(put(&[NEW], 1 << 20).await, (413, None));
    assert_eq!(put(&[("if-match", "\"1\"")], 1).await, (412, None));
    assert_eq!(put(&[NEW], 65_536).await, (201, Some(1)));
    assert_eq!(put(&[NEW], 1).await, (412, Some(1)));
    assert_eq!(put(&[("if-match", "\"2\"")], 1).await, (412, Some(1)));
    assert_eq!(told(get(&inside, "a").await).await.2.len(), 65_536);
    assert_eq!(put(&[("if-match", "\"1\"")], 2).await, (204, Some(2)));
    let delete = async |fields: &[(&str, &str)]| write(Method::DELETE, fields, Vec::new()).await;
    assert_eq!(delete(&[]).await, (428, None));
    assert_eq!(delete(&[NEW]).await, (428, None));
    assert_eq!(delete(&[("if-match", "\"1\"")]).await, (412, Some(2)));
    assert_eq!(delete(&[("if-match", "\"2\"")]).await, (204, None));
    assert_eq!(get(&inside, "a").await.status(), StatusCode::NOT_FOUND);
    let audited: Vec<_> =
        files.audited().into_iter().map(|(event, _, version, _)| (event, version)).collect();
    let entry = |event: &str, version| (event.to_owned(), Some(version));
    assert_eq!(audited, [entry("put", 1), entry("get", 1), entry("put", 2), entry("delete", 2)]);
}

// SE-20 (d): of many who write at once, one has written, and everybody knows whether it was they.
#[tokio::test]
async fn of_many_writers_one_writes() {
    let (files, we) = (Files::new(), PolicyText::default());
    let stage = keeping(&files, vec![files.rule("a", &we, Some(&we), &[])]).await;
    let inside = enclave(&stage).await;
    let many = async |condition: (&str, &str)| {
        let contents: Vec<_> = (0..8).map(|number| format!("secret {number}")).collect();
        let puts = contents.iter().map(async |content| {
            let answer =
                request(&inside, Method::PUT, &at("a"), &[condition], body::full(content.clone())).await;
            (answer.status(), content.clone())
        });
        let (written, others): (Vec<_>, Vec<_>) =
            join_all(puts).await.into_iter().partition(|(status, _)| status.is_success());
        assert!(others.iter().all(|(status, _)| *status == StatusCode::PRECONDITION_FAILED), "{others:?}");
        let [(_, content)] = &written[..] else { panic!("{written:?}") };
        assert_eq!(told(get(&inside, "a").await).await.2, *content);
    };
    many(NEW).await;
    many(("if-match", "\"1\"")).await;
    let writes = files.audited().into_iter().filter(|(event, ..)| event == "put").count();
    assert_eq!(writes, 2);
}

// SE-20 (g): nothing leaves, and nothing is written, that is not on the disk before.
#[tokio::test]
async fn what_cannot_be_written_down_does_not_happen() {
    let (files, we) = (Files::new(), PolicyText::default());
    let rules = vec![files.rule("a/*", &we, Some(&we), &[]), files.rule("others", &nobody(), Some(&we), &[])];
    let stage = keeping(&files, rules).await;
    let inside = enclave(&stage).await;
    assert_eq!(put(&inside, "a/1", SECRET).await.0, StatusCode::CREATED);
    fs::remove_file(files.at("audit.jsonl")).unwrap();
    fs::create_dir(files.at("audit.jsonl")).unwrap();
    let unaudited = (StatusCode::SERVICE_UNAVAILABLE, problem::SECRET_AUDIT.to_owned());
    assert_eq!(problem(get(&inside, "a/1").await).await, unaudited);
    assert_eq!(problem(get(&inside, "others").await).await, unaudited, "refusals are written down, too");
    let more = request(&inside, Method::PUT, &at("a/2"), &[NEW], body::full("x")).await;
    assert_eq!(problem(more).await, unaudited);
    let gone = request(&inside, Method::DELETE, &at("a/1"), &[("if-match", "\"1\"")], body::empty()).await;
    assert_eq!(problem(gone).await, unaudited);
    fs::remove_dir(files.at("audit.jsonl")).unwrap();
    assert_eq!(told(get(&inside, "a/1").await).await.2, SECRET);
    assert_eq!(get(&inside, "a/2").await.status(), StatusCode::NOT_FOUND, "nothing was written");
    assert_eq!(files.audited().len(), 1);

    // Without a place for it a gateway does not start.
    let mut config = stage.config.clone();
    config.secrets = Some(Secrets { audit: "/dev/null".into() });
    let environment = Environment { tee: Some(tee::development().into()), ..Environment::default() };
    let started = Gateway::start_in(config.clone(), environment).await;
    assert!(matches!(started.map(drop), Err(StartError::Audit { .. })));
    let reloaded = stage.gateway.reload(config).await;
    assert!(matches!(reloaded, Err(sealwire_gateway::ReloadError::Audit { .. })), "{reloaded:?}");
    assert_eq!(told(get(&inside, "a/1").await).await.2, SECRET, "the old configuration stays");
}

// SE-20 (b), SE-41: what a caller has shown is held against the policy at each access, as if it were shown then.
#[tokio::test]
async fn evidence_that_is_too_old_for_a_secret_gets_none() {
    let (files, we) = (Files::new(), PolicyText::default());
    let top = "any-operator = true\nmax-age = \"10m\"".to_owned();
    let fresh = PolicyText { top, ..PolicyText::default() };
    let app = App::echo().await;
    let mut config = stage::config(&app.url());
    let rules = vec![files.rule("a", &we, Some(&we), &[]), files.rule("fresh", &fresh, Some(&we), &[])];
    configured(&mut config, &files, rules);
    let clock = Arc::new(Ahead::default());
    let tee = Some(tee::development().into());
    let environment = Environment { tee, clock: clock.clone(), ..Environment::default() };
    let gateway = Gateway::start_in(config, environment).await.unwrap();
    let inside = connect(caller(gateway.address(), true)).await.unwrap();
    for name in ["a", "fresh"] {
        assert_eq!(put(&inside, name, SECRET).await.0, StatusCode::CREATED);
        assert_eq!(told(get(&inside, name).await).await.2, SECRET);
    }
    clock.advance(Duration::from_secs(11 * 60));
    assert_eq!(told(get(&inside, "a").await).await.2, SECRET);
    let refused = problem(get(&inside, "fresh").await).await;
    assert_eq!(refused, (StatusCode::FORBIDDEN, problem::SECRET_REFUSED.to_owned()));
    assert_eq!(files.lines().last().unwrap()["reasons"], serde_json::json!(["document-too-old (max-age)"]));
}

// SE-20 (b), AT-25: who is revoked reads nothing, in a session that it had before.
#[tokio::test]
async fn a_revoked_caller_gets_no_secret() {
    let key = SigningKey::generate(&OsRandom).unwrap();
    let top = format!("any-operator = true\nrevocation-keys = [\"ed25519:{}\"]", tee::hex(&key.public_key()));
    let policy = PolicyText { top, ..PolicyText::default() };
    let list = |serial| RevocationList::empty(serial, UnixTime(0), UnixTime(u64::from(u32::MAX)));
    let files = Files::new();
    let empty = list(1).sign(&key).unwrap();
    let stage = Stage::with(|config| {
        configured(config, &files, vec![files.rule("a", &policy, Some(&policy), &[])]);
        config.callers = Some(callers(&files.0, Asked::Wanted, &policy, Some(&empty)));
    });
    let stage = stage.await;
    let inside = enclave(&stage).await;
    assert_eq!(put(&inside, "a", SECRET).await.0, StatusCode::CREATED);
    assert_eq!(told(get(&inside, "a").await).await.2, SECRET);
    let mut revoking = list(2);
    revoking.measurements.insert(tee::development().measurement().to_vec());
    fs::write(files.at("revoked.cbor"), revoking.sign(&key).unwrap()).unwrap();
    stage.gateway.reload(stage.config.clone()).await.unwrap();
    let refused = within("a refusal", inside.get(&at("a")).into_future()).await;
    assert!(matches!(refused, Err(Error::NoSession { .. })), "{:?}", refused.map(drop));
    assert_eq!(files.audited().len(), 2);
}

// SE-20 (b), AT-44: a secret goes on under another configuration where who may read and write it stays the same, and
// under no other.
#[tokio::test]
async fn other_rules_forget_what_was_put_under_the_old() {
    let (files, we) = (Files::new(), PolicyText::default());
    let rules = vec![files.rule("a", &we, Some(&we), &[]), files.rule("b", &we, Some(&we), &[])];
    let stage = keeping(&files, rules).await;
    let inside = enclave(&stage).await;
    for name in ["a", "b"] {
        assert_eq!(put(&inside, name, SECRET).await.0, StatusCode::CREATED);
    }
    let digest = stage.gateway.config_digest();
    stage.gateway.reload(stage.config.clone()).await.unwrap();
    assert_eq!(
        (stage.gateway.config_digest(), told(get(&inside, "a").await).await.2),
        (digest, SECRET.into())
    );

    // Another route: other keys, another document, and the same readers.
    let mut config = stage.config.clone();
    config.routes.push(Route::new("/more", stage.app.url()));
    stage.gateway.reload(config.clone()).await.unwrap();
    assert_ne!(stage.gateway.config_digest(), digest);
    assert_eq!(told(get(&inside, "a").await).await, (StatusCode::OK, Some(1), SECRET.into()));

    // Other readers of one of them, in the same file.
    let more = PolicyText { top: "any-operator = true\nmax-age = \"20h\"".to_owned(), ..we };
    fs::write(&config.secret[1].read, more.toml()).unwrap();
    let digest = stage.gateway.config_digest();
    stage.gateway.reload(config.clone()).await.unwrap();
    assert_ne!(stage.gateway.config_digest(), digest, "who may read is in the digest");
    // A client asks for another document once in half a minute.
    let inside = enclave(&stage).await;
    assert_eq!(told(get(&inside, "a").await).await.2, SECRET);
    assert_eq!(get(&inside, "b").await.status(), StatusCode::NOT_FOUND);
    assert_eq!(put(&inside, "b", "again").await.1, Some(3), "versions go on");

    (config.secret, config.secrets) = (Vec::new(), None);
    let without = config.clone();
    stage.gateway.reload(without).await.unwrap();
    let inside = enclave(&stage).await;
    assert_eq!(get(&inside, "a").await.status(), StatusCode::NOT_FOUND);
    stage.gateway.reload(stage.config.clone()).await.unwrap();
    let inside = enclave(&stage).await;
    assert_eq!(get(&inside, "a").await.status(), StatusCode::NOT_FOUND);
}

// SE-20 (e): an operator has no enclave, and writes by a signature: for one instance, one name, one version.
#[tokio::test]
async fn operators_write_by_their_signature() {
    let (files, we) = (Files::new(), PolicyText::default());
    let (key, other, stranger) = (key(), key(), key());
    let rules = vec![files.rule("a", &we, None, &[&key]), files.rule("b", &we, None, &[&other])];
    let stage = keeping(&files, rules).await;
    let (inside, outside) = (enclave(&stage).await, connect(caller(stage.address(), false)).await.unwrap());
    let instance = outside.status().acceptance.document.get().instance;
    let field = |key: &SigningKey, instance: [u8; 16], name: &str, version, secret: Option<&str>| {
        let name: Name = name.parse().unwrap();
        let secret = secret.map(str::as_bytes);
        OperatorWrite::sign(key, &Write { instance: &instance, name: &name, version, secret }).to_field()
    };
    let put = async |connector: &Connector, name: &str, field: &str, condition: (&str, &str)| {
        let fields = [condition, (FIELD, field)];
        request(connector, Method::PUT, &at(name), &fields, body::full(SECRET)).await
    };
    let good = field(&key, instance, "a", 0, Some(SECRET));
    let refused = (StatusCode::FORBIDDEN, problem::SECRET_REFUSED.to_owned());
    for bad in [
        field(&key, [7; 16], "a", 0, Some(SECRET)),
        field(&key, instance, "b", 0, Some(SECRET)),
        field(&key, instance, "a", 1, Some(SECRET)),
        field(&key, instance, "a", 0, Some("another")),
        field(&key, instance, "a", 0, None),
        field(&stranger, instance, "a", 0, Some(SECRET)),
    ] {
        assert_eq!(problem(put(&outside, "a", &bad, NEW).await).await, refused);
    }
    assert!(files.audited().is_empty(), "nobody is known by a signature that does not verify");
    // A key of another rule is somebody's.
    let theirs = field(&other, instance, "a", 0, Some(SECRET));
    assert_eq!(problem(put(&outside, "a", &theirs, NEW).await).await, refused);
    // Without it, and with evidence in its place: no rule says that enclaves write here.
    let nobody = request(&outside, Method::PUT, &at("a"), &[NEW], body::full(SECRET)).await;
    assert_eq!(problem(nobody).await.1, problem::ATTESTED_CALLER);
    let enclave = request(&inside, Method::PUT, &at("a"), &[NEW], body::full(SECRET)).await;
    assert_eq!(problem(enclave).await, refused);
    for field in ["", "::", ":AAAA:"] {
        assert_eq!(put(&outside, "a", field, NEW).await.status(), StatusCode::BAD_REQUEST);
    }

    assert_eq!(told(put(&outside, "a", &good, NEW).await).await.1, Some(1));
    // Once: what it says is there is there no more.
    assert_eq!(put(&outside, "a", &good, NEW).await.status(), StatusCode::PRECONDITION_FAILED);
    assert_eq!(told(get(&inside, "a").await).await.2, SECRET);
    let answer = request(&outside, Method::GET, &at("a"), &[(FIELD, &good)], body::empty()).await;
    assert_eq!(problem(answer).await.1, problem::ATTESTED_CALLER, "reading is for enclaves");
    let again = field(&key, instance, "a", 1, Some(SECRET));
    assert_eq!(told(put(&outside, "a", &again, ("if-match", "\"1\"")).await).await.1, Some(2));
    let gone = field(&key, instance, "a", 2, None);
    let fields = [("if-match", "\"2\""), (FIELD, gone.as_str())];
    let answer = request(&outside, Method::DELETE, &at("a"), &fields, body::empty()).await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);

    // In sessions alone.
    let settings = Settings { wire: Wire::Oblivious, ..caller(stage.address(), false) };
    let oblivious = connect(settings).await.unwrap();
    let signed = field(&key, instance, "a", 0, Some(SECRET));
    let answer = put(&oblivious, "a", &signed, NEW).await;
    assert_eq!(problem(answer).await.1, problem::ATTESTED_CALLER);

    let verdicts: Vec<_> = files.audited().into_iter().map(|(event, .., verdict)| (event, verdict)).collect();
    let entry = |event: &str, verdict: &str| (event.to_owned(), verdict.to_owned());
    let expected = [
        entry("put", "refused"),
        entry("put", "refused"),
        entry("put", "written"),
        entry("get", "delivered"),
        entry("put", "written"),
        entry("delete", "deleted"),
    ];
    assert_eq!(verdicts, expected);
    let written = &files.lines()[3];
    assert_eq!(written["accepted-by"], "operator");
    assert_eq!(written["caller"]["operator-key"], format!("ed25519:{}", tee::hex(&key.public_key())));
}

fn key() -> SigningKey {
    SigningKey::generate(&OsRandom).unwrap()
}

// SE-20 (g): the counters tell what the answers were.
#[tokio::test]
async fn accesses_are_counted() {
    let (files, we) = (Files::new(), PolicyText::default());
    let rules = vec![files.rule("a", &we, Some(&we), &[]), files.rule("others", &nobody(), Some(&we), &[])];
    let stage = keeping(&files, rules).await;
    let inside = enclave(&stage).await;
    let before = stage.metrics().await;
    put(&inside, "a", SECRET).await;
    get(&inside, "a").await;
    get(&inside, "others").await;
    // Other tests of this process count, too.
    let after = stage.metrics().await;
    for verdict in ["delivered", "refused", "written"] {
        let sample = format!("sealwire_secrets_total{{verdict=\"{verdict}\"}}");
        assert!(after.grown(&before, &sample) >= 1.0, "{verdict}");
    }
}
