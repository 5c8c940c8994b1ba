//! The second implementation, in Python: its client against our gateway, and our client against its server (TU-81).

use super::{
    client::{send, settings},
    stage,
};
use http::{Method, StatusCode};
use sealwire_attest::{Endorsements, Policy, UnixTime};
use sealwire_client::{
    Environment, Error,
    ra_tunnel::{Bindings, Connector, Settings},
};
use sealwire_crypto::nacl::SealedBoxKey;
use sealwire_http::{
    Clock, body,
    client::tunnel::Error as Tunnel,
    ra_tunnel::{self, VerifierData, binding},
};
use sealwire_tee::Tee as _;
use sealwire_tests::{
    Stage,
    peers::{Server, python, script},
    tee::{self, PolicyText},
    within,
};
use serde_json::Value;
use std::{
    env, fs,
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime},
};
use tokio::process::Command;

const ENVIRONMENT: &str = "ra-tunnel";
/// The server's key.
const KEY: [u8; 32] = [0x77; 32];

/// What the client says while it does something, a line each.
async fn client(stage: &Stage, what: &str) -> Option<Vec<Value>> {
    let mut command = Command::new(python(ENVIRONMENT)?);
    let url = format!("ws://{}{}", stage.address(), ra_tunnel::PATH);
    command.arg("-B").arg(script("ra_tunnel/client.py")).arg(url).arg(what).kill_on_drop(true);
    let output = within("the client", command.output()).await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout).unwrap();
    Some(said.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

// TU-81: GET, POST JSON, 404, bytes, 204, several at once.
#[tokio::test]
async fn their_client_sends_requests_through_our_gateway() {
    let stage = stage().await;
    let Some(said) = client(&stage, "exchange").await else { return };
    assert_eq!(said[0]["get"]["body"], "hello");
    let seen: Value = serde_json::from_str(said[1]["post"]["body"].as_str().unwrap()).unwrap();
    assert_eq!((seen["target"].as_str(), seen["method"].as_str()), (Some("/echo?a=1&a=2"), Some("POST")));
    let content: Value = serde_json::from_str(seen["content"].as_str().unwrap()).unwrap();
    assert_eq!((content["model"].as_str(), content["ü"].as_i64()), (Some("m"), Some(1)));
    assert_eq!(said[2]["missing"]["status"], 404);
    assert_eq!(said[3]["binary"]["body"]["hex"], "0080ff");
    assert_eq!((said[4]["empty"]["status"].as_i64(), said[4]["empty"]["body"].is_null()), (Some(204), true));
    assert_eq!(said[5]["many"].as_array().unwrap().len(), 5);
}

// TU-81: three sockets at once.
#[tokio::test]
async fn their_client_opens_sockets_through_our_gateway() {
    let stage = stage().await;
    let Some(said) = client(&stage, "sockets").await else { return };
    assert_eq!(said[0]["closed"]["code"], 4123);
    assert_eq!(said[0]["closed"]["reason"], "as you said");
    assert_eq!(
        (said[1]["closed"]["connectionId"].as_str(), said[1]["closed"]["code"].as_i64()),
        (Some("ws_1"), Some(1000))
    );
    assert_eq!(said[2]["still"], "still");
}

// TU-12, TU-81
#[tokio::test]
async fn their_client_comes_again() {
    let stage = stage().await;
    let Some(said) = client(&stage, "again").await else { return };
    assert!(said.len() == 3 && said.iter().all(|said| said["again"] == 200));
}

/// Their server, with a quote of the development machine over its key, and what else is told.
struct Theirs {
    server: Server,
    folder: tempfile::TempDir,
}

impl Theirs {
    fn start(data: Option<&VerifierData>, badly: &str) -> Option<Self> {
        let key = SealedBoxKey::from_bytes(&KEY).unwrap();
        let report_data = match data {
            Some(data) => binding::with_verifier_data(data, key.public()),
            None => binding::of_key(key.public()),
        };
        Self::with_quote(&tee::development().produce(&report_data).unwrap().evidence.bytes, data, badly)
    }

    fn with_quote(quote: &[u8], data: Option<&VerifierData>, badly: &str) -> Option<Self> {
        let python = python(ENVIRONMENT)?;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("quote");
        fs::write(&file, quote).unwrap();
        let (val, iat) = data
            .map_or(("-".to_owned(), String::new()), |data| (hex::encode(&data.val), hex::encode(&data.iat)));
        let arguments = [&hex::encode(KEY), file.to_str().unwrap(), &val, &iat, badly];
        let server = Server::start(&python, "ra_tunnel/server.py", &arguments);
        let endorsements = tee::development().produce(&[0; 64]).unwrap().endorsements;
        for (number, certificate) in endorsements.certificates.iter().enumerate() {
            fs::write(folder.path().join(format!("{number}.der")), certificate).unwrap();
        }
        fs::remove_file(&file).unwrap();
        Some(Self { server, folder })
    }

    /// It sends no endorsements along, as no server but ours does.
    fn settings(&self, policy: Policy) -> Settings {
        let endorsements = vec![self.folder.path().to_owned()];
        Settings { endorsements, ..settings(self.server.address, policy) }
    }

    async fn connect(&self) -> Result<Connector, Error> {
        self.connect_with(Bindings::default()).await
    }

    async fn connect_with(&self, bindings: Bindings) -> Result<Connector, Error> {
        let settings = Settings { bindings, ..self.settings(PolicyText::default().policy()) };
        within("a tunnel", Connector::connect(settings)).await
    }
}

fn data() -> VerifierData {
    VerifierData {
        val: b"of a verifier".to_vec(),
        iat: super::by_hand::now().to_string().into_bytes(),
        signature: None,
    }
}

// TU-09, TU-31, TU-81
#[tokio::test]
async fn our_client_sends_requests_to_their_server() {
    let Some(theirs) = Theirs::start(Some(&data()), "") else { return };
    let connector = theirs.connect().await.unwrap();
    let (status, content) = send(&connector, Method::GET, "/text?x=1", body::empty()).await.unwrap();
    assert_eq!((status, &content[..]), (StatusCode::OK, &b"hello /text?x=1"[..]));
    let (status, content) =
        send(&connector, Method::POST, "/echo", body::full("{\"a\":\"ü\"}")).await.unwrap();
    assert_eq!((status, &content[..]), (StatusCode::OK, "{\"a\":\"ü\"}".as_bytes()));
    assert_eq!(
        send(&connector, Method::GET, "/missing", body::empty()).await.unwrap().0,
        StatusCode::NOT_FOUND
    );
    let (_, content) = send(&connector, Method::GET, "/binary", body::empty()).await.unwrap();
    assert_eq!(&content[..], b"\x00\x80\xff");
    assert_eq!(
        send(&connector, Method::GET, "/empty", body::empty()).await.unwrap().0,
        StatusCode::NO_CONTENT
    );
    let failed = send(&connector, Method::GET, "/fails", body::empty()).await.map(drop);
    assert!(matches!(failed, Err(Error::RaTunnel(Tunnel::Failed))), "{failed:?}");
    let request = http::Request::get("/cookies").body(body::empty()).unwrap();
    let answer = within("an answer", tower::ServiceExt::oneshot(connector.clone(), request)).await.unwrap();
    let cookies: Vec<_> = answer.headers().get_all("set-cookie").iter().collect();
    assert_eq!(cookies, ["a=1, b=2"]);
    assert_eq!(connector.status().config_digest, None);
}

// TU-12, TU-81
#[tokio::test]
async fn our_client_comes_again() {
    let Some(theirs) = Theirs::start(Some(&data()), "drop") else { return };
    let connector = theirs.connect().await.unwrap();
    for round in 1..=3 {
        assert_eq!(send(&connector, Method::GET, "/text", body::empty()).await.unwrap().0, StatusCode::OK);
        assert_eq!(connector.status().connections, round);
        sealwire_tests::until("the end", || async { !connector.status().open }).await;
    }
}

// TU-37, TU-81: a server without a verifier's data, where that is taken; never one of the old form (TU-03).
#[tokio::test]
async fn bindings_are_named() {
    let Some(theirs) = Theirs::start(None, "") else { return };
    match theirs.connect().await.map(drop) {
        Err(Error::Denied(denial)) => assert_eq!(denial.reasons[0].code, "binding-not-accepted"),
        other => panic!("{other:?}"),
    }
    let bindings = Bindings { verifier_data: true, key_alone: true };
    let connector = theirs.connect_with(bindings).await.unwrap();
    assert_eq!(send(&connector, Method::GET, "/text", body::empty()).await.unwrap().0, StatusCode::OK);
    let old = Theirs::start(None, "old").unwrap();
    let refused = old.connect_with(bindings).await.map(drop);
    assert!(
        matches!(refused, Err(Error::RaTunnel(Tunnel::Tunnel(ra_tunnel::Error::OldForm)))),
        "{refused:?}"
    );
}

// TU-83: a second server_kx.
#[tokio::test]
async fn a_second_key_ends_the_connection() {
    let Some(theirs) = Theirs::start(Some(&data()), "twice") else { return };
    let connector = theirs.connect().await.unwrap();
    let failed = send(&connector, Method::GET, "/text", body::empty()).await.map(drop);
    assert!(matches!(failed, Err(Error::RaTunnel(Tunnel::Closed | Tunnel::Ended))), "{failed:?}");
}

/// When the collateral of the sample is in force.
struct Then;

impl Clock for Then {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_751_624_163)
    }
}

fn sample(name: &str) -> Option<PathBuf> {
    let shared = env::var_os("SEALWIRE_SHARED")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared")), PathBuf::from);
    let path = shared.join("quotes/tdx").join(name);
    if !path.exists() {
        assert_ne!(env::var("CI").as_deref(), Ok("true"), "no {}", path.display());
        println!("skipped: no {}", path.display());
        return None;
    }
    Some(path)
}

// TU-16, TU-18, TU-81, TU-83: a genuine TDX quote, at a time when it is good, under a policy that names its measurements: all that
// is wrong is that it is another key's, and so nothing is sent.
#[tokio::test]
async fn a_genuine_quote_of_somebody_else_is_refused() {
    let (Some(quote), Some(collateral)) = (sample("phala-2025.bin"), sample("phala-2025.collateral.json"))
    else {
        return;
    };
    let quote = fs::read(quote).unwrap();
    let Some(theirs) = Theirs::with_quote(&quote, Some(&data()), "") else { return };
    let at = UnixTime(Then.unix_seconds());
    let evidence = sealwire_attest::Evidence::detect(&quote, None).unwrap();
    let mut endorsements = Endorsements::default();
    endorsements.add(&fs::read(&collateral).unwrap()).unwrap();
    let unbound = sealwire_attest::verify::Expected::Unbound;
    let verifier = sealwire_attest::Verifier::new(sealwire_attest::Trust::default());
    let verified = verifier.verify(&evidence, &endorsements, unbound, at).unwrap();
    let policy = Policy::from_toml(&Policy::exactly(&verified, None, None)).unwrap();
    policy.appraise(verified, at).unwrap();
    let settings = Settings { endorsements: vec![collateral], ..theirs.settings(policy) };
    let environment = Environment { clock: Arc::new(Then), ..Environment::default() };
    match within("a refusal", Connector::connect_in(settings, environment)).await.map(drop) {
        Err(Error::Denied(denial)) => assert_eq!(denial.reasons[0].code, "binding", "{denial:?}"),
        other => panic!("{other:?}"),
    }
}
