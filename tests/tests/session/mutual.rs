//! Both sides attest themselves (SE-11): a gateway that says which enclaves may call it, and callers that are some.

use super::{
    resume::{Ahead, facts},
    send, whole,
};
use axum::{Router, body::Bytes, extract::State, response::IntoResponse};
use futures_util::{SinkExt, StreamExt};
use http::{HeaderMap, Method, StatusCode, Uri, header};
use http_body_util::BodyExt;
use sealwire::attester::Machine;
use sealwire_attest::{UnixTime, revocation::RevocationList};
use sealwire_client::{Connector, Error, Settings, Wire};
use sealwire_crypto::{random::OsRandom, sign::ed25519::SigningKey};
use sealwire_gateway::config::{Asked, Callers, Route};
use sealwire_http::{
    body,
    client::session::Refused,
    problem,
    session::{
        Error as Session, media,
        message::{ClientHello, Type},
    },
    wire::SESSION_PATH,
};
use sealwire_tests::{
    App, Stage,
    raw::Raw,
    stage,
    tap::Tap,
    tee::{self, PolicyText},
    within,
};
use std::{fs, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};
use tempfile::TempDir;
use tokio_tungstenite::tungstenite::Message;

/// Where only attested callers are served.
const ENCLAVES: &str = "/enclaves";

/// A gateway that asks who calls.
struct Asking {
    stage: Stage,
    folder: TempDir,
}

impl Asking {
    async fn start(asked: Asked) -> Self {
        Self::with(asked, &PolicyText::default(), None).await
    }

    /// With a policy of callers, and the revocation list that it asks for.
    async fn with(asked: Asked, policy: &PolicyText, list: Option<&[u8]>) -> Self {
        Self::before(App::echo().await, asked, policy, list).await
    }

    async fn before(app: App, asked: Asked, policy: &PolicyText, list: Option<&[u8]>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = app.url();
        let callers = callers(&folder, asked, policy, list);
        let stage = Stage::before(app, |config| {
            config.callers = Some(callers);
            config.routes.push(Route { attested_caller: true, ..Route::new(ENCLAVES, url) });
        });
        Self { stage: stage.await, folder }
    }

    fn list(&self) -> PathBuf {
        self.folder.path().join("revoked.cbor")
    }

    fn reached(&self) -> usize {
        self.stage.app.counts().reached
    }
}

pub(crate) fn callers(folder: &TempDir, asked: Asked, policy: &PolicyText, list: Option<&[u8]>) -> Callers {
    let path = folder.path().join("callers.toml");
    fs::write(&path, policy.toml()).unwrap();
    let revocation_list = list.map(|bytes| {
        let list = folder.path().join("revoked.cbor");
        fs::write(&list, bytes).unwrap();
        list
    });
    Callers { policy: path, attested: asked, revocation_list }
}

/// Settings of a caller that comes by `address`; an enclave, or not one.
pub(crate) fn caller(address: SocketAddr, enclave: bool) -> Settings {
    let machine = || Arc::new(Machine::new(tee::development().into(), Vec::new()));
    let mut settings = Settings { wire: Wire::Session, ..stage::settings(address) };
    if enclave {
        settings.attester = Some(machine());
    }
    settings
}

pub(crate) async fn connect(settings: Settings) -> Result<Connector, Error> {
    within("a connector", Connector::connect(settings)).await
}

fn is_attested(connector: &Connector) -> bool {
    facts(connector).authenticated
}

/// Why no session was made.
fn session_error(result: Result<Connector, Error>) -> Session {
    match result.map(drop).expect_err("a session") {
        Error::NoSession { source, .. } => match &*source {
            Refused::Handshake(error) => *error,
            other => panic!("{other}"),
        },
        other => panic!("{other}"),
    }
}

// SE-10, SE-11: two enclaves accept each other; who shows nothing has a session too where that is only wanted, and is
// refused at the route that wants more, under the session's keys.
#[tokio::test]
async fn a_route_takes_attested_callers_only() {
    let asking = Asking::start(Asked::Wanted).await;
    let tap = Tap::before(asking.stage.address()).await;
    let address: SocketAddr = tap.url().authority().unwrap().as_str().parse().unwrap();

    let enclave = connect(caller(address, true)).await.unwrap();
    assert!(is_attested(&enclave));
    let answer = send(&enclave, Method::POST, ENCLAVES, body::full("from an enclave")).await;
    assert_eq!(whole(answer).await, (StatusCode::OK, "from an enclave".into()));
    let seen = asking.stage.app.seen();
    let fields = &seen.last().unwrap().headers;
    assert!(fields.keys().all(|name| !name.as_str().starts_with("attest")), "{fields:?}");

    let nobody = connect(caller(address, false)).await.unwrap();
    assert!(!is_attested(&nobody));
    let answer = send(&nobody, Method::GET, "/", body::empty()).await;
    assert_eq!(whole(answer).await.0, StatusCode::OK);
    let before = asking.reached();
    let answer = send(&nobody, Method::POST, ENCLAVES, body::full("from anybody")).await;
    assert_eq!(answer.headers()[header::CONTENT_TYPE], problem::MEDIA_TYPE);
    let (status, content) = whole(answer).await;
    let content: serde_json::Value = serde_json::from_slice(&content).unwrap();
    assert_eq!((status, &content["type"]), (StatusCode::FORBIDDEN, &problem::ATTESTED_CALLER.into()));
    assert!(content["detail"].as_str().unwrap().contains("--attest"), "{content}");
    assert_eq!(asking.reached(), before);
    assert!(!tap.saw(problem::ATTESTED_CALLER.as_bytes()), "the refusal is sealed");
}

// SE-11: the route refuses on every wire, however well the request is sealed.
#[tokio::test]
async fn no_other_wire_leads_to_such_a_route() {
    let asking = Asking::start(Asked::Required).await;
    let settings = Settings { wire: Wire::Oblivious, ..caller(asking.stage.address(), false) };
    let oblivious = connect(settings).await.unwrap();
    assert_eq!(whole(send(&oblivious, Method::GET, "/", body::empty()).await).await.0, StatusCode::OK);
    let before = asking.reached();
    let (status, content) = whole(send(&oblivious, Method::GET, ENCLAVES, body::empty()).await).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert!(String::from_utf8(content).unwrap().contains(problem::ATTESTED_CALLER));
    assert_eq!(asking.reached(), before);
    let evidence_on_it = Settings { wire: Wire::Oblivious, ..caller(asking.stage.address(), true) };
    assert!(matches!(connect(evidence_on_it).await.map(drop), Err(Error::Settings(_))));
}

// SE-10, SE-11: each side goes on only when it has accepted the other.
#[tokio::test]
async fn both_sides_have_to_be_accepted() {
    let asking = Asking::start(Asked::Required).await;
    let address = asking.stage.address();
    assert!(is_attested(&connect(caller(address, true)).await.unwrap()));
    assert_eq!(session_error(connect(caller(address, false)).await), Session::CallerNotAttested);

    // The caller does not accept the gateway: it shows nothing of itself.
    let tap = Tap::before(address).await;
    let address = tap.url().authority().unwrap().as_str().parse().unwrap();
    let other = PolicyText { measurement: "00".repeat(48), ..PolicyText::default() };
    let settings = Settings { policy: other.policy(), ..caller(address, true) };
    assert!(matches!(connect(settings).await.map(drop), Err(Error::Denied(_))));
    assert!(!tap.saw(SESSION_PATH.as_bytes()));

    // The gateway does not accept the caller, and says no more than that.
    let asking = Asking::with(Asked::Wanted, &other, None).await;
    let refused = session_error(connect(caller(asking.stage.address(), true)).await);
    assert_eq!(refused, Session::CallerRefused);
    assert!(!is_attested(&connect(caller(asking.stage.address(), false)).await.unwrap()));
    assert_eq!(asking.reached(), 0);
}

// SE-11, AT-25: whoever is revoked is cut off while its session lives.
#[tokio::test]
async fn a_revoked_caller_is_cut_off() {
    let key = SigningKey::generate(&OsRandom).unwrap();
    let signer = tee::hex(&key.public_key());
    let top = format!("any-operator = true\nrevocation-keys = [\"ed25519:{signer}\"]");
    let policy = PolicyText { top, ..PolicyText::default() };
    let list = |serial| RevocationList::empty(serial, UnixTime(0), UnixTime(u64::from(u32::MAX)));
    let empty = list(1).sign(&key).unwrap();
    let asking = Asking::with(Asked::Wanted, &policy, Some(&empty)).await;
    let enclave = connect(caller(asking.stage.address(), true)).await.unwrap();
    let nobody = connect(caller(asking.stage.address(), false)).await.unwrap();
    let answer = send(&enclave, Method::GET, ENCLAVES, body::empty()).await;
    assert_eq!(whole(answer).await.0, StatusCode::OK);

    let mut revoking = list(2);
    revoking.measurements.insert(tee::development().measurement().to_vec());
    fs::write(asking.list(), revoking.sign(&key).unwrap()).unwrap();
    asking.stage.gateway.reload(asking.stage.config.clone()).await.unwrap();
    let before = asking.reached();
    let request = http::Request::get(format!("https://{}{ENCLAVES}", stage::AUTHORITY));
    let request = request.body(body::empty()).unwrap();
    let refused = within("a refusal", tower::ServiceExt::oneshot(enclave.clone(), request)).await;
    assert!(matches!(refused, Err(Error::NoSession { .. })), "{:?}", refused.map(drop));
    assert_eq!(asking.reached(), before);
    assert_eq!(whole(send(&nobody, Method::GET, "/", body::empty()).await).await.0, StatusCode::OK);
    let counts = nobody.status().counts;
    assert_eq!(counts.renewals, 0, "no other session suffers");

    // A list that was taken stays, though the file goes back.
    fs::write(asking.list(), &empty).unwrap();
    asking.stage.gateway.reload(asking.stage.config.clone()).await.unwrap();
    let refused = session_error(connect(caller(asking.stage.address(), true)).await);
    assert_eq!(refused, Session::CallerRefused);
}

fn revocations(serial: u64) -> RevocationList {
    RevocationList::empty(serial, UnixTime(0), UnixTime(u64::from(u32::MAX)))
}

/// Callers of a gateway that can be revoked: an enclave, and nobody in particular.
struct Revocable {
    asking: Asking,
    key: SigningKey,
    enclave: Connector,
    nobody: Connector,
}

impl Revocable {
    async fn before(app: App) -> Self {
        let key = SigningKey::generate(&OsRandom).unwrap();
        let signer = tee::hex(&key.public_key());
        let top = format!("any-operator = true\nrevocation-keys = [\"ed25519:{signer}\"]");
        let policy = PolicyText { top, ..PolicyText::default() };
        let list = revocations(1).sign(&key).unwrap();
        let asking = Asking::before(app, Asked::Wanted, &policy, Some(&list)).await;
        let enclave = connect(caller(asking.stage.address(), true)).await.unwrap();
        let nobody = connect(caller(asking.stage.address(), false)).await.unwrap();
        assert!(is_attested(&enclave) && !is_attested(&nobody));
        Self { asking, key, enclave, nobody }
    }

    /// Names the enclave in a list that the gateway looks at.
    async fn revoke(&self) {
        let mut list = revocations(2);
        list.measurements.insert(tee::development().measurement().to_vec());
        fs::write(self.asking.list(), list.sign(&self.key).unwrap()).unwrap();
        self.asking.stage.gateway.reload(self.asking.stage.config.clone()).await.unwrap();
    }
}

/// An answer that has begun and has no end.
async fn endless() -> axum::body::Body {
    let first = futures_util::stream::once(async { Ok::<_, std::io::Error>(Bytes::from("first")) });
    axum::body::Body::from_stream(first.chain(futures_util::stream::pending()))
}

async fn hears(connector: &Connector) -> sealwire_http::Body {
    let mut answer = send(connector, Method::GET, "/", body::empty()).await.into_body();
    let frame = within("a frame", answer.frame()).await.unwrap().unwrap();
    assert_eq!(frame.into_data().unwrap(), "first");
    answer
}

// SE-11, AT-25: what a caller is being told is cut when it is revoked, and nobody else's.
#[tokio::test]
async fn what_a_revoked_caller_hears_is_cut() {
    let app = App::new(Router::new().fallback(endless)).await;
    let callers = Box::pin(Revocable::before(app)).await;
    let (mut of_enclave, mut of_nobody) = (hears(&callers.enclave).await, hears(&callers.nobody).await);
    callers.revoke().await;
    assert!(within("the cut", of_enclave.frame()).await.unwrap().is_err());
    assert!(futures_util::FutureExt::now_or_never(of_nobody.frame()).is_none(), "nobody else's");
}

// SE-11, SE-39, AT-25: a caller cannot close its session to hear on when it is revoked: nobody would look at it again.
#[tokio::test]
async fn what_a_caller_hears_does_not_outlive_its_session() {
    let folder = tempfile::tempdir().unwrap();
    let callers = callers(&folder, Asked::Wanted, &PolicyText::default(), None);
    let app = App::new(Router::new().fallback(endless)).await;
    let stage = Stage::before(app, |config| {
        config.callers = Some(callers);
        config.limits.drain_time = Duration::from_millis(10);
    });
    let stage = stage.await;
    let enclave = connect(caller(stage.address(), true)).await.unwrap();
    let nobody = connect(caller(stage.address(), false)).await.unwrap();
    let (mut of_enclave, mut of_nobody) = (hears(&enclave).await, hears(&nobody).await);
    within("the ends of both", async { tokio::join!(enclave.close(), nobody.close()) }).await;
    assert!(within("the cut", of_enclave.frame()).await.unwrap().is_err());
    assert!(futures_util::FutureExt::now_or_never(of_nobody.frame()).is_none(), "nobody has no list to fear");
}

// SE-37, SE-11, AT-25: so are its channels, with the WebSockets in them.
#[tokio::test]
async fn the_channels_of_a_revoked_caller_are_cut() {
    let callers = Box::pin(Revocable::before(super::channel::app().await)).await;
    let open = async |connector: &Connector| {
        let (mut socket, _) = within("a WebSocket", connector.websocket("/socket").open()).await.unwrap();
        socket.send(Message::text("hello")).await.unwrap();
        assert_eq!(within("a message", socket.next()).await.unwrap().unwrap(), Message::text("hello"));
        socket
    };
    let (mut of_enclave, mut of_nobody) = (open(&callers.enclave).await, open(&callers.nobody).await);
    callers.revoke().await;
    assert!(within("the cut", of_enclave.next()).await.unwrap().is_err());
    of_nobody.send(Message::text("still")).await.unwrap();
    assert_eq!(within("a message", of_nobody.next()).await.unwrap().unwrap(), Message::text("still"));
}

// SE-11, SE-41: a ticket remembers nobody: who goes on by one attests itself again.
#[tokio::test]
async fn who_resumes_attests_itself_again() {
    let asking = Asking::start(Asked::Required).await;
    let enclave = connect(caller(asking.stage.address(), true)).await.unwrap();
    for resumed in [false, true, true] {
        let answer = send(&enclave, Method::GET, ENCLAVES, body::empty()).await;
        assert_eq!(whole(answer).await.0, StatusCode::OK);
        assert_eq!((facts(&enclave).is_resumed(), is_attested(&enclave)), (resumed, true));
        enclave.close().await;
    }
}

// SE-41: past the policy's max-age evidence is asked for again, though the session could live on.
#[tokio::test]
async fn evidence_that_has_become_too_old_ends_the_session() {
    let folder = tempfile::tempdir().unwrap();
    let top = "any-operator = true\nmax-age = \"10m\"".to_owned();
    let policy = PolicyText { top, ..PolicyText::default() };
    let app = App::echo().await;
    let mut config = stage::config(&app.url());
    config.callers = Some(callers(&folder, Asked::Wanted, &policy, None));
    let clock = Arc::new(Ahead::default());
    let environment = sealwire_gateway::Environment {
        tee: Some(tee::development().into()),
        clock: clock.clone(),
        ..sealwire_gateway::Environment::default()
    };
    let gateway = sealwire_gateway::Gateway::start_in(config.clone(), environment).await.unwrap();
    let enclave = connect(caller(gateway.address(), true)).await.unwrap();
    let nobody = connect(caller(gateway.address(), false)).await.unwrap();
    clock.advance(Duration::from_secs(11 * 60));
    gateway.reload(config).await.unwrap();
    // The caller's own clock says that its document is fresh, so what it shows again is refused, too.
    let request = http::Request::get(format!("https://{}/", stage::AUTHORITY)).body(body::empty()).unwrap();
    let refused = within("a refusal", tower::ServiceExt::oneshot(enclave, request)).await;
    assert!(matches!(refused, Err(Error::NoSession { .. })), "{:?}", refused.map(drop));
    assert_eq!(app.counts().reached, 0);
    assert_eq!(whole(send(&nobody, Method::GET, "/", body::empty()).await).await.0, StatusCode::OK);
}

// SE-11, SE-41: callers whom another policy has accepted attest themselves again.
#[tokio::test]
async fn another_policy_is_asked_anew() {
    let asking = Asking::start(Asked::Wanted).await;
    let enclave = connect(caller(asking.stage.address(), true)).await.unwrap();
    let other = PolicyText { measurement: "00".repeat(48), ..PolicyText::default() };
    fs::write(asking.folder.path().join("callers.toml"), other.toml()).unwrap();
    let digest = asking.stage.gateway.config_digest();
    asking.stage.gateway.reload(asking.stage.config.clone()).await.unwrap();
    assert_ne!(asking.stage.gateway.config_digest(), digest, "who may call is in the digest (AT-44)");
    let request = http::Request::get(format!("https://{}/", stage::AUTHORITY)).body(body::empty()).unwrap();
    let refused = within("a refusal", tower::ServiceExt::oneshot(enclave, request)).await;
    assert!(matches!(refused, Err(Error::NoSession { .. })), "{:?}", refused.map(drop));
    assert_eq!(asking.reached(), 0);
}

/// What a man in the middle does to a handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Alteration {
    Nothing,
    /// the caller is made to say that it has nothing to show
    CannotAttest,
    /// what the caller shows is changed
    Changed,
    /// what the caller shows is cut short
    Cut,
    /// what the caller shows does not arrive; the man in the middle answers
    Withheld,
}

/// Between a caller and the gateway, without keys.
async fn in_the_middle(gateway: SocketAddr, alteration: Alteration) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().fallback(pass).with_state((gateway, alteration));
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

async fn pass(
    State((gateway, alteration)): State<(SocketAddr, Alteration)>,
    method: Method,
    uri: Uri,
    fields: HeaderMap,
    content: Bytes,
) -> impl IntoResponse {
    let mut content = content.to_vec();
    // SE-44: whoever routes by ids finds the instance that asked.
    if Type::of(&content) == Ok(Type::ClientFinish) {
        assert!(fields.contains_key("attest-base-id"));
    }
    match (Type::of(&content), alteration) {
        (Ok(Type::ClientHello), Alteration::CannotAttest) => {
            let mut hello = ClientHello::decode(&content).unwrap();
            assert!(hello.attests);
            hello.attests = false;
            content = hello.encode();
        }
        (Ok(Type::ClientFinish), Alteration::Changed) => *content.last_mut().unwrap() ^= 1,
        (Ok(Type::ClientFinish), Alteration::Cut) => content.truncate(content.len() - 16),
        (Ok(Type::ClientFinish), Alteration::Withheld) => {
            let made_up = sealwire_http::session::message::FinishAnswer { sealed: &[0; 64] }.encode();
            return ([(header::CONTENT_TYPE, media::HANDSHAKE.to_owned())], made_up).into_response();
        }
        _ => {}
    }
    let mut raw = Raw::connect(gateway).await;
    let answer = match method {
        Method::POST => {
            let kept = fields
                .iter()
                .filter(|(name, _)| *name == header::CONTENT_TYPE || name.as_str().starts_with("attest"));
            let kept: Vec<_> = kept.map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
            raw.post(uri.path(), &kept, &content).await.answer().await
        }
        _ => {
            let request = sealwire_tests::raw::request(method.as_str(), uri.path(), &[]);
            raw.send(request).await.answer().await
        }
    };
    let status = StatusCode::from_u16(answer.status).unwrap();
    let kind = answer.field("content-type").to_owned();
    (status, [(header::CONTENT_TYPE, kind)], answer.content).into_response()
}

// SE-75: who takes the caller's evidence away breaks the handshake, for both sides.
#[tokio::test]
async fn evidence_cannot_be_taken_away_on_its_way() {
    for asked in [Asked::Wanted, Asked::Required] {
        let asking = Asking::start(asked).await;
        let honest = in_the_middle(asking.stage.address(), Alteration::Nothing).await;
        assert!(is_attested(&connect(caller(honest, true)).await.unwrap()));
        for alteration in
            [Alteration::CannotAttest, Alteration::Changed, Alteration::Cut, Alteration::Withheld]
        {
            let address = in_the_middle(asking.stage.address(), alteration).await;
            let refused = connect(caller(address, true)).await.map(drop);
            assert!(matches!(refused, Err(Error::NoSession { .. })), "{asked:?} {alteration:?} {refused:?}");
        }
        assert_eq!(asking.reached(), 0);
    }
}
