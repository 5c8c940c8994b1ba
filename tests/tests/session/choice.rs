//! Which wire requests take where nobody has named one.

use super::{send, whole};
use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use http::{Method, StatusCode, header::CONTENT_TYPE};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use sealwire::attester::Machine;
use sealwire_attest::key_document;
use sealwire_client::{Connector, Error, SealedWith, Settings, Wire};
use sealwire_http::{body, client::session::Refused, problem, wire::OBLIVIOUS_PATH};
use sealwire_tests::{
    Stage,
    document::{self, Server},
    stage, tee, within,
};
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

/// Settings that name no wire.
fn unnamed(address: SocketAddr) -> Settings {
    Settings { wire: Wire::Auto, ..stage::settings(address) }
}

async fn connect(settings: Settings) -> Result<Connector, Error> {
    within("a connector", Connector::connect(settings)).await
}

fn is_session(connector: &Connector) -> bool {
    matches!(connector.status().sealed_with, SealedWith::Session(_))
}

// SE-01: where both ends have it, the session is the wire; what belongs to one wire alone asks for it.
#[tokio::test]
async fn a_session_where_both_ends_have_it() {
    let stage = Stage::start().await;
    let connector = connect(unnamed(stage.address())).await.unwrap();
    assert!(is_session(&connector));
    assert_eq!(whole(send(&connector, Method::GET, "/", body::empty()).await).await.0, StatusCode::OK);

    let named = Settings { wire: Wire::Oblivious, ..unnamed(stage.address()) };
    assert!(!is_session(&connect(named).await.unwrap()));
    let early = Settings { early_data: true, ..unnamed(stage.address()) };
    assert!(is_session(&connect(early).await.unwrap()));
}

#[tokio::test]
async fn what_no_wire_has_together_is_refused() {
    let relay = Some("http://127.0.0.1:1/unit".parse().unwrap());
    let nobody = unnamed(SocketAddr::from(([127, 0, 0, 1], 1)));
    let attester = || Some(Arc::new(Machine::new(tee::development().into(), Vec::new())) as _);
    for settings in [
        Settings { wire: Wire::Session, relay: relay.clone(), ..nobody.clone() },
        Settings { wire: Wire::Oblivious, attester: attester(), ..nobody.clone() },
        Settings { wire: Wire::Oblivious, early_data: true, ..nobody.clone() },
        Settings { relay: relay.clone(), attester: attester(), ..nobody.clone() },
        Settings { relay, early_data: true, ..nobody },
    ] {
        assert!(matches!(connect(settings).await.map(drop), Err(Error::Settings(_))));
    }
}

/// Whoever is on the way: passes everything on until it has another genuine document to show, and then knows no session.
struct Front {
    gateway: SocketAddr,
    shown: Mutex<Option<Vec<u8>>>,
    asked: Mutex<Vec<String>>,
}

async fn answer(State(front): State<Arc<Front>>, mut request: Request) -> Response {
    let path = request.uri().path().to_owned();
    front.asked.lock().unwrap().push(path.clone());
    let shown = front.shown.lock().unwrap().clone();
    match shown {
        Some(shown) if path == key_document::PATH => {
            ([(CONTENT_TYPE, key_document::MEDIA_TYPE)], shown).into_response()
        }
        Some(_) => problem::response(StatusCode::CONFLICT, problem::SESSION, "session", "").map(Body::new),
        None => {
            *request.uri_mut() = format!("http://{}{path}", front.gateway).parse().unwrap();
            let client = Client::builder(TokioExecutor::new()).build_http();
            client.request(request).await.unwrap().map(Body::new)
        }
    }
}

// SE-43: neither a hint nor a genuine document without sessions leads a connector that has had one to another wire.
#[tokio::test]
async fn a_hint_leads_to_no_other_wire() {
    let stage = Stage::start().await;
    let gateway = stage.address();
    let front = Arc::new(Front { gateway, shown: Mutex::default(), asked: Mutex::default() });
    let server = Server::start(Router::new().fallback(answer).with_state(front.clone())).await;
    let connector = connect(unnamed(server.address)).await.unwrap();
    assert!(is_session(&connector));

    let keys: Vec<_> = stage.keys().await.iter().map(|key| (key.key_id, key.encode())).collect();
    let oblivious_alone = document::publish(&document::of(&keys));
    *front.shown.lock().unwrap() = Some(oblivious_alone);
    let error = within("an answer", connector.get("/").send()).await.unwrap_err();
    let Error::NoSession { source, .. } = error else { panic!("{error}") };
    assert!(matches!(*source, Refused::NotOffered), "{source}");
    assert!(!front.asked.lock().unwrap().iter().any(|path| path == OBLIVIOUS_PATH));

    // Who asks now chooses by what is shown now.
    let connector = connect(unnamed(server.address)).await.unwrap();
    assert!(!is_session(&connector));
    let named = Settings { wire: Wire::Session, ..unnamed(server.address) };
    let Err(Error::NoSession { source, .. }) = connect(named).await else { panic!("a session") };
    assert!(matches!(*source, Refused::NotOffered), "{source}");

    // And stays with that.
    *front.shown.lock().unwrap() = None;
    assert_eq!(whole(send(&connector, Method::GET, "/", body::empty()).await).await.0, StatusCode::OK);
    assert!(!is_session(&connector));
}
