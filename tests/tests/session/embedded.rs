//! An application that attests itself, with no gateway process before it.

use super::{send, whole};
use axum::{Extension, Router, routing::get};
use http::{Method, StatusCode};
use sealwire_client::{Connector, Settings, Wire};
use sealwire_gateway::{
    Environment, StartError,
    embed::{Builder, Enclave},
};
use sealwire_http::{Peer, body};
use sealwire_tee::Platform;
use sealwire_tests::{document::Server, raw::Raw, stage, stage::AUTHORITY, tee, within};

fn builder() -> Builder {
    let environment = Environment { tee: Some(Platform::new(tee::development())), ..Environment::default() };
    Enclave::builder().environment(environment).authorities([AUTHORITY])
}

fn app() -> Router {
    let seen = async |Extension(peer): Extension<Peer>| peer.wire.name();
    Router::new().route("/", get(seen)).route("/enclaves", get(seen))
}

fn in_clear(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: {AUTHORITY}\r\n\r\n")
}

async fn connect(server: &Server, wire: Wire) -> Connector {
    let settings = Settings { wire, ..stage::settings(server.address) };
    within("a connector", Connector::connect(settings)).await.unwrap()
}

async fn ask(connector: &Connector, path: &str) -> (StatusCode, String) {
    let (status, content) = whole(send(connector, Method::GET, path, body::empty()).await).await;
    (status, String::from_utf8(content).unwrap())
}

// SE-10, SE-36: whichever wire, handlers see plain requests and who calls; nothing else reaches them.
#[tokio::test]
async fn an_application_attests_itself() {
    let enclave = builder().around(app()).await.unwrap();
    let server = Server::start(Router::new().fallback_service(enclave.service())).await;
    let session = connect(&server, Wire::Auto).await;
    assert_eq!(ask(&session, "/").await, (StatusCode::OK, "session".to_owned()));
    let oblivious = connect(&server, Wire::Oblivious).await;
    assert_eq!(ask(&oblivious, "/").await, (StatusCode::OK, "oblivious-chunked".to_owned()));
    assert_eq!(session.pinned().get().config_digest, enclave.config_digest());

    // What is sealed to keys of before a rotation is still taken, and later ones are found.
    enclave.rotate().await.unwrap();
    assert_eq!(ask(&oblivious, "/").await.0, StatusCode::OK);
    assert_eq!(ask(&connect(&server, Wire::Oblivious).await, "/").await.0, StatusCode::OK);

    let mut raw = Raw::connect(server.address).await;
    assert_eq!(raw.send(in_clear("/")).await.answer().await.status, 403);
    enclave.shutdown().await;
}

// SE-11: what routes say holds here too, and is in the digest.
#[tokio::test]
async fn routes_have_rules() {
    let plain = builder().around(app()).await.unwrap();
    let enclave = builder().route("/enclaves", |route| route.attested_caller = true);
    let Err(StartError::Config(error)) = enclave.around(app()).await.map(drop) else {
        panic!("attested callers, and no policy for them")
    };
    assert!(error.to_string().contains("callers"), "{error}");

    let enclave = builder().route("/enclaves", |route| route.plaintext = true).around(app()).await.unwrap();
    assert_ne!(enclave.config_digest(), plain.config_digest());
    let server = Server::start(Router::new().fallback_service(enclave.service())).await;
    let mut raw = Raw::connect(server.address).await;
    let answer = raw.send(in_clear("/enclaves")).await.answer().await;
    assert_eq!((answer.status, &answer.content[..]), (200, &b"plain"[..]));
}

#[tokio::test]
async fn somebody_has_to_be_named() {
    let nameless = builder().authorities(Vec::<String>::new()).around(app()).await;
    assert!(matches!(nameless.map(drop), Err(StartError::Config(_))));
    let elsewhere = builder().authorities(["other.example"]).around(app()).await.unwrap();
    let server = Server::start(Router::new().fallback_service(elsewhere.service())).await;
    let settings = stage::settings(server.address);
    assert!(within("a refusal", Connector::connect(settings)).await.is_err());
}
