//! Key documents of a running gateway, as a client meets them: what it believes, and what it must not (AT-40 to AT-45).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use axum::{Router, body::Bytes, routing::get};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sealwire_attest::{
    KeyDocument, Policy, UnixTime, Verifier,
    key_document::{
        self, Acceptance, Age, OBLIVIOUS, OperatorGround, Published, Seen,
        operator::{OperatorStatement, signing_key_from_pem},
    },
    verdict::Denial,
};
use sealwire_client::{Connector, Error, Settings, fetch};
use sealwire_crypto::{
    random::{OsRandom, array},
    sign::ed25519::SigningKey,
};
use sealwire_gateway::{Environment, Gateway};
use sealwire_http::{Clock, SystemClock, wire::OBLIVIOUS_PATH};
use sealwire_oblivious::media;
use sealwire_tests::{
    PATIENCE, Stage,
    document::Server,
    raw::{Raw, request},
    stage::{self, AUTHORITY},
    tee::{self, PolicyText, hex},
    within,
};
use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::{Duration, SystemTime},
};

async fn published(stage: &Stage, challenge: Option<&[u8]>) -> Published {
    fetch(&stage.settings().to, challenge, &[], PATIENCE).await.unwrap()
}

fn accept(published: &Published, policy: &Policy, challenge: &[u8]) -> Result<Acceptance, Denial> {
    let verifier = Verifier::new(&policy.development_roots());
    let now = UnixTime(SystemClock.unix_seconds());
    key_document::accept(
        published,
        &verifier,
        policy,
        key_document::Wanted::Gateway(AUTHORITY),
        challenge,
        Seen::default(),
        now,
    )
}

fn codes(denial: &Denial) -> Vec<&'static str> {
    denial.reasons.iter().map(|reason| reason.code).collect()
}

/// Why a client refuses a gateway, or what it publishes. Nothing is sealed to it.
async fn denied(settings: Settings) -> Denial {
    match within("a verdict", Connector::connect(settings)).await {
        Err(Error::Denied(denial)) => denial,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("believed"),
    }
}

// AT-40, AT-41, AT-04: the evidence covers the challenge, and no other one.
#[tokio::test]
async fn a_challenge_makes_the_age_certain() {
    let stage = Stage::start().await;
    let policy = PolicyText::default().policy();
    let plain = published(&stage, None).await;
    let accepted = accept(&plain, &policy, b"").unwrap();
    assert!(matches!(accepted.age, Age::SelfAsserted(age) if age < PATIENCE));
    for len in [32, 48, 64] {
        let challenge: Vec<u8> = array::<64>(&OsRandom).unwrap()[..len].to_vec();
        let fresh = published(&stage, Some(&challenge)).await;
        assert_eq!(fresh.document, plain.document);
        assert_eq!(accept(&fresh, &policy, &challenge).unwrap().age, Age::Challenged);
        let mut other = challenge.clone();
        other[0] ^= 1;
        for wrong in [&other[..], b"", &challenge[..len - 1]] {
            assert!(accept(&fresh, &policy, wrong).is_err(), "{len}");
        }
        assert!(accept(&plain, &policy, &challenge).is_err());
    }
}

// AT-40: made for each caller, so not for free. What is published already is.
#[tokio::test]
async fn challenges_are_limited_for_all_callers_together() {
    let stage = Stage::with(|config| config.quotes.challenges_per_second = 3).await;
    let path = |bytes: &[u8]| format!("{}?challenge={}", key_document::PATH, URL_SAFE_NO_PAD.encode(bytes));
    for len in [0, 1, 31, 65, 100] {
        let answer = stage.get(&path(&vec![7; len])).await;
        assert_eq!(answer.status, 400, "{len}: refused, and not counted");
    }
    let mut statuses = Vec::new();
    for i in 0..20 {
        let answer = stage.get(&path(&[i; 32])).await;
        assert!(answer.status != 429 || answer.field("retry-after") == "1");
        statuses.push(answer.status);
    }
    assert_eq!(statuses[..3], [200; 3]);
    assert!(statuses.contains(&429), "{statuses:?}");
    published(&stage, None).await;
    Connector::connect(stage.settings()).await.unwrap();
}

// OB-50, OB-51, OB-54: one list, in the document and beside it, whoever asks, however.
#[tokio::test]
async fn everybody_gets_the_same_keys() {
    let stage = Stage::start().await;
    let mut documents = BTreeSet::new();
    let mut lists = BTreeSet::new();
    let mut outsides = BTreeSet::new();
    for fields in [
        &[][..],
        &[("user-agent", "somebody/1.0"), ("cookie", "id=1"), ("x-forwarded-for", "192.0.2.1")],
        &[("user-agent", "somebody-else/2.0"), ("accept-language", "de"), ("if-none-match", "\"x\"")],
        &[("accept-encoding", "gzip, br"), ("range", "bytes=0-1"), ("authorization", "Bearer x")],
    ] {
        let mut raw = stage.connect().await;
        for (path, seen) in [(key_document::PATH, &mut documents), (OBLIVIOUS_PATH, &mut lists)] {
            let answer = raw.send(request("GET", path, fields)).await.answer().await;
            let mut names: Vec<_> =
                answer.headers.iter().map(|(name, value)| (name.to_string(), value.clone())).collect();
            names.retain(|(name, _)| name != "date");
            outsides.insert((answer.status, format!("{names:?}")));
            seen.insert(answer.content);
        }
    }
    assert_eq!((documents.len(), lists.len(), outsides.len()), (1, 1, 2), "{outsides:?}");
    let document = Published::decode(documents.first().unwrap()).unwrap().document;
    let list = KeyDocument::decode(&document).unwrap().ohttp_key_list();
    assert_eq!(Some(&list), lists.first());
    assert_eq!(stage.get(OBLIVIOUS_PATH).await.field("content-type"), media::KEYS);
    assert_eq!(stage.get(key_document::PATH).await.field("content-type"), key_document::MEDIA_TYPE);
}

// AT-40: for people, and for people only.
#[tokio::test]
async fn the_readable_form_is_not_for_verification() {
    let stage = Stage::start().await;
    let mut raw = stage.connect().await;
    let answer =
        raw.send(request("GET", key_document::PATH, &[("accept", "application/json")])).await.answer().await;
    assert_eq!((answer.status, answer.field("content-type")), (200, "application/json"));
    let readable: serde_json::Value = serde_json::from_slice(&answer.content).unwrap();
    let document = KeyDocument::decode(&published(&stage, None).await.document).unwrap();
    assert_eq!(readable["document"]["instance"], hex(&document.instance));
    assert_eq!(readable["document"]["serial"], document.serial);
    assert_eq!(readable["evidence"]["kind"], "development", "AT-07");
    assert!(Published::decode(&answer.content).is_err());
}

// AT-41, OB-52: the same instance, a higher serial, other keys; and what was sealed to the old ones is still served.
#[tokio::test]
async fn rotation_publishes_a_higher_serial() {
    let stage = Stage::start().await;
    let mut last = KeyDocument::decode(&published(&stage, None).await.document).unwrap();
    let first = stage.sealing().await;
    for _ in 0..3 {
        stage.gateway.rotate().await.unwrap();
        let next = KeyDocument::decode(&published(&stage, None).await.document).unwrap();
        assert_eq!((next.instance, next.config_digest), (last.instance, last.config_digest));
        assert!(next.serial > last.serial);
        let mut keys = next.keys.iter().filter(|key| key.purpose == OBLIVIOUS);
        assert!(keys.all(|key| last.keys.iter().all(|old| old.id != key.id && old.bytes != key.bytes)));
        let list = stage.get(OBLIVIOUS_PATH).await.content;
        assert_eq!(list, next.ohttp_key_list());
        last = next;
    }
    let message = sealwire_tests::message::plaintext(&sealwire_tests::message::head("GET", "/"), b"");
    let (sealed, opener) = first.single(&message);
    let answer = stage
        .connect()
        .await
        .post(OBLIVIOUS_PATH, &[("content-type", media::REQUEST)], &sealed)
        .await
        .answer()
        .await;
    assert_eq!(sealwire_tests::message::open_single(&answer, opener).status, 200);
}

// AT-21, AT-23, AT-44: each rule that says no is named, and nothing is sent.
#[tokio::test]
async fn policies_that_say_no() {
    let stage = Stage::start().await;
    let good = PolicyText::default();
    let digest = hex(&stage.gateway.config_digest());
    let other = "00".repeat(48);
    let with = |text: PolicyText| Settings { policy: text.policy(), ..stage.settings() };

    let wrong_measurement = PolicyText { measurement: other.clone(), ..good.clone() };
    assert_eq!(codes(&denied(with(wrong_measurement)).await), ["measurement-not-listed"]);
    let wrong_root = PolicyText { root: "00".repeat(32), ..good.clone() };
    assert_eq!(codes(&denied(with(wrong_root)).await), ["root-not-pinned"]);
    let wrong_digest = PolicyText { top: format!("config-digests = [\"sha384:{other}\"]"), ..good.clone() };
    let denial = denied(with(wrong_digest)).await;
    assert_eq!(codes(&denial), ["operator"]);
    assert!(denial.reasons[0].found.contains(&digest), "the owner learns what to pin: {denial}");
    let wrong_key =
        PolicyText { top: format!("operator-keys = [\"ed25519:{}\"]", "11".repeat(32)), ..good.clone() };
    assert_eq!(codes(&denied(with(wrong_key)).await), ["operator"]);
    let short_life =
        PolicyText { top: "any-operator = true\nmax-lifetime = \"1h\"".to_owned(), ..good.clone() };
    assert_eq!(codes(&denied(with(short_life)).await), ["document-lifetime"]);
    // All of it at once: nothing hides behind the first.
    let all = PolicyText {
        top: format!("config-digests = [\"sha384:{other}\"]\nmax-lifetime = \"1h\""),
        measurement: other.clone(),
        ..good.clone()
    };
    let all: BTreeSet<_> = codes(&denied(with(all)).await).into_iter().collect();
    assert_eq!(all, BTreeSet::from(["document-lifetime", "measurement-not-listed", "operator"]));
    // AT-07: development evidence is nothing to a policy for hardware.
    let hardware = Settings { policy: Policy::without_policy(), ..stage.settings() };
    denied(hardware).await;
    // SE-07: attested, but for another name.
    let misnamed = Settings { authority: Some("other.example".to_owned()), ..stage.settings() };
    assert_eq!(codes(&denied(misnamed).await), ["authority-not-served"]);
    assert_eq!(stage.app.counts().reached, 0);

    let right = PolicyText { top: format!("config-digests = [\"sha384:{digest}\"]"), ..good };
    let connector = Connector::connect(with(right)).await.unwrap();
    assert_eq!(connector.status().acceptance.operator, OperatorGround::ConfigDigest);
    assert_eq!(connector.get("/").await.unwrap().status(), 200);
}

/// The machine's clock, so many seconds ahead.
struct Ahead(u64);

impl Clock for Ahead {
    fn now(&self) -> SystemTime {
        SystemTime::now() + Duration::from_secs(self.0)
    }
}

// AT-41: too old for this client, past its end, or from a clock that is ahead.
#[tokio::test]
async fn documents_of_another_time() {
    let hour = 3600;
    for (gateway_ahead, client_ahead, top, expected) in [
        (0, hour, "max-age = \"10m\"", "document-too-old"),
        (0, 25 * hour, "max-age = \"720h\"", "document-expired"),
        (hour, 0, "max-age = \"10m\"", "document-from-the-future"),
    ] {
        let environment = Environment {
            tee: Some(tee::development().into()),
            clock: Arc::new(Ahead(gateway_ahead)),
            ..Environment::default()
        };
        let config = stage::config("http://127.0.0.1:9");
        let gateway = Gateway::start_in(config, environment).await.unwrap();
        let policy =
            PolicyText { top: format!("any-operator = true\n{top}"), ..PolicyText::default() }.policy();
        let settings = Settings { policy, ..stage::settings(gateway.address()) };
        let clock = Arc::new(Ahead(client_ahead));
        let environment = sealwire_client::Environment { clock, ..Default::default() };
        match within("a verdict", Connector::connect_in(settings, environment)).await {
            Err(Error::Denied(denial)) => assert!(codes(&denial).contains(&expected), "{denial}"),
            other => panic!("{expected}: {:?}", other.err()),
        }
    }
}

// AT-44: hardware proves the code; the operator's key says whose it is.
#[tokio::test]
async fn an_operators_statement() {
    let folder = tempfile::tempdir().unwrap();
    let key = SigningKey::generate(&OsRandom).unwrap();
    let measurement = tee::development().measurement();
    let app = sealwire_tests::App::echo().await;
    let digest = stage::config(&app.url()).digest().unwrap();
    let sign = |names: &[&str], digest, measurement: &[u8]| {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        OperatorStatement::sign(&key, &names, digest, measurement).unwrap()
    };
    let path = folder.path().join("statement.pem");
    let start = async |statement: &OperatorStatement| {
        fs::write(&path, statement.to_pem()).unwrap();
        let config =
            sealwire_gateway::Config { operator_statement: Some(path.clone()), ..stage::config(&app.url()) };
        let environment = Environment { tee: Some(tee::development().into()), ..Environment::default() };
        Gateway::start_in(config, environment).await
    };
    // What no client could accept is not published at all.
    for wrong in [
        sign(&["other.example"], digest, &measurement),
        sign(&[AUTHORITY, "other.example"], digest, &measurement),
        sign(&[AUTHORITY], [7; 48], &measurement),
        sign(&[AUTHORITY], digest, &[7; 48]),
        OperatorStatement { signature: [7; 64], ..sign(&[AUTHORITY], digest, &measurement) },
    ] {
        assert!(start(&wrong).await.is_err());
    }
    let gateway = start(&sign(&[AUTHORITY], digest, &measurement)).await.unwrap();
    let pinned = |key: &str| {
        let top = format!("operator-keys = [\"ed25519:{key}\"]");
        let policy = PolicyText { top, ..PolicyText::default() }.policy();
        Settings { policy, ..stage::settings(gateway.address()) }
    };
    let connector = Connector::connect(pinned(&hex(&key.public_key()))).await.unwrap();
    assert_eq!(connector.status().acceptance.operator, OperatorGround::Signed(key.public_key()));
    let other = SigningKey::generate(&OsRandom).unwrap();
    assert_eq!(codes(&denied(pinned(&hex(&other.public_key()))).await), ["operator"]);
    // The key never travels: what is read from a file is a key of the same form and nothing else.
    assert!(signing_key_from_pem(&fs::read_to_string(&path).unwrap()).is_err());
}

/// Whoever serves these bytes in the gateway's place.
async fn served(published: Vec<u8>) -> Settings {
    let answer =
        move || async move { ([("content-type", key_document::MEDIA_TYPE)], Bytes::from(published)) };
    let server = Server::start(Router::new().route(key_document::PATH, get(answer))).await;
    let settings = stage::settings(server.address);
    // Lives as long as the test's runtime.
    std::mem::forget(server);
    settings
}

// OB-163, AT-03, AT-04: whoever terminates TLS can serve anything, and is believed nothing that the hardware did not
// sign.
#[tokio::test]
async fn documents_that_somebody_changed() {
    let stage = Stage::start().await;
    let other = Stage::start().await;
    let (genuine, foreign) = (published(&stage, None).await, published(&other, None).await);
    // As it is, it may be served by anybody.
    Connector::connect(served(genuine.encode()).await).await.unwrap();

    let swapped = Published { document: foreign.document.clone(), ..genuine.clone() };
    assert_eq!(codes(&denied(served(swapped.encode()).await).await), ["binding"]);
    let mut document = KeyDocument::decode(&genuine.document).unwrap();
    document.keys = KeyDocument::decode(&foreign.document).unwrap().keys;
    let rekeyed = Published { document: document.encode(), ..genuine.clone() };
    assert_eq!(codes(&denied(served(rekeyed.encode()).await).await), ["binding"]);
    for at in [0, 4, 0x50, 0x90, 0x1a0, 0x2a0, 0x300] {
        let mut changed = genuine.clone();
        changed.evidence.lead.bytes[at] ^= 1;
        denied(served(changed.encode()).await).await;
    }
    let mut unstapled = genuine.clone();
    unstapled.endorsements.certificates.clear();
    denied(served(unstapled.encode()).await).await;
    // What cannot even be read is a fault of the way.
    for junk in
        [Vec::new(), b"junk".to_vec(), genuine.encode()[1..].to_vec(), [genuine.encode(), vec![0]].concat()]
    {
        let refused = within("a verdict", Connector::connect(served(junk).await)).await;
        assert!(matches!(refused.err(), Some(Error::Unreachable { .. })));
    }
    assert_eq!(stage.app.counts().reached + other.app.counts().reached, 0);
}

/// The environment variable by which the test below runs this one as a program of its own.
const CHILD: &str = "SEALWIRE_TESTS_CHILD";

/// Not a test by itself: a gateway from start to end, with its own folders.
#[tokio::test]
async fn child_that_serves_and_rotates() {
    let Some(state) = env::var_os(CHILD) else { return };
    let app = sealwire_tests::App::echo().await;
    let config = sealwire_gateway::Config { state: Some(PathBuf::from(state)), ..stage::config(&app.url()) };
    let gateway = Gateway::start(config.clone()).await.unwrap();
    let address = gateway.address();
    for _ in 0..2 {
        let challenge = URL_SAFE_NO_PAD.encode([7; 32]);
        let path = format!("{}?challenge={challenge}", key_document::PATH);
        let answer = Raw::connect(address).await.send(request("GET", &path, &[])).await.answer().await;
        assert_eq!(answer.status, 200);
        gateway.rotate().await.unwrap();
    }
    let mut other = config;
    other.listen = address;
    other.admin = gateway.admin_address();
    gateway.shutdown().await;
    let gateway = Gateway::start(other).await.unwrap();
    gateway.shutdown().await;
    println!("the child has done everything");
}

// AT-45: nothing is written but the development root, wherever a program writes.
#[test]
fn private_keys_are_never_written() {
    let folder = tempfile::tempdir().unwrap();
    let inside = |name: &str| {
        let path = folder.path().join(name);
        fs::create_dir(&path).unwrap();
        path
    };
    let (state, temporary, home, current) =
        (inside("state"), inside("tmp"), inside("home"), inside("current"));
    // Made beforehand: that takes seconds.
    tee::development();
    copy(&tee::state().join("development"), &state.join("development"));
    let before = files(folder.path());
    let child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "child_that_serves_and_rotates", "--nocapture"])
        .env(CHILD, &state)
        .env("TMPDIR", &temporary)
        .env("HOME", &home)
        .env_remove("XDG_STATE_HOME")
        .current_dir(&current)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success() && said.contains("done everything"), "{said}");
    let after = files(folder.path());
    assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>());
    assert_eq!(before, after, "and nothing is written into them");
}

/// Every file below a folder, with its content.
fn files(folder: &Path) -> std::collections::BTreeMap<PathBuf, Vec<u8>> {
    let mut found = std::collections::BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
    found
}

/// Copies a folder of files, modes and all.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
}
