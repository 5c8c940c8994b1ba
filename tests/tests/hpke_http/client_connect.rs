//! `sealwire connect --wire hpke-http --pinned-key`, as local programs see it, before the published middleware.

use crate::client_published as published;
use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use sealwire::connect::{self, ConnectSettings, Running};
use sealwire_client::pinned;
use sealwire_http::body;
use sealwire_tests::{chain::Plain, within};
use serde_json::{Value, json};

fn loopback() -> std::net::SocketAddr {
    std::net::SocketAddr::from(([127, 0, 0, 1], 0))
}

async fn start(settings: pinned::Settings) -> (Running<pinned::Connector>, Plain) {
    let running =
        within("the proxy", connect::start_pinned(ConnectSettings::new(settings, loopback()))).await;
    let running = running.unwrap();
    let client = Plain::new(running.address());
    (running, client)
}

async fn send(client: &Plain, mut request: Request<sealwire_http::Body>) -> Response<Incoming> {
    *request.uri_mut() = client.uri(request.uri().path());
    client.request(request).await
}

async fn ask(client: &Plain, request: Request<sealwire_http::Body>) -> (StatusCode, String) {
    let (head, content) = send(client, request).await.into_parts();
    let content = within("the content", content.collect()).await.unwrap().to_bytes();
    (head.status, String::from_utf8(content.to_vec()).unwrap())
}

fn get(path: &str) -> Request<sealwire_http::Body> {
    Request::get(path).body(body::empty()).unwrap()
}

// HH-74: a program that knows nothing of the wire uses the server; events come as they are made.
#[tokio::test]
async fn local_programs_use_the_server() {
    let Some(server) = published::server() else { return };
    let (running, client) = start(published::settings(&server)).await;
    let sent = json!({ "a": 1 }).to_string();
    let post =
        Request::post("/json").header("content-type", "application/json").body(body::full(sent)).unwrap();
    let (status, content) = ask(&client, post).await;
    let got: Value = serde_json::from_str(&content).unwrap();
    assert_eq!((status, &got["got"]), (StatusCode::OK, &json!({ "a": 1 })));
    assert_eq!(ask(&client, get("/teapot")).await.0, StatusCode::IM_A_TEAPOT);

    let mut events = send(&client, get("/events")).await.into_body();
    let first = within("an event", events.frame()).await.unwrap().unwrap();
    assert_eq!(first.into_data().unwrap(), "event: one\ndata: 1\n\n");
    let go = Request::builder().method(Method::POST).uri("/go").body(body::empty()).unwrap();
    assert_eq!(ask(&client, go).await.0, StatusCode::NO_CONTENT);
    let rest = within("the rest", events.collect()).await.unwrap().to_bytes();
    assert_eq!(rest, "data: 2\n\ndata: 3\n\n");
    running.shutdown().await;
}

// HH-10: the status page and its data say that nothing is attested, and a WebSocket is told which wire carries it.
#[tokio::test]
async fn it_is_said_that_nothing_is_attested() {
    let Some(server) = published::server() else { return };
    let (running, client) = start(published::settings(&server)).await;
    let page = Plain::new(running.status_address());
    let (_, told) = ask(&page, get("/status.json")).await;
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!((&told["state"], &told["attested"]), (&json!("pinned"), &json!(false)));
    assert_eq!((&told["wire"]["name"], &told["wire"]["key-id"]), (&json!("hpke-http"), &json!("key-2026")));
    assert!(told.get("verified").is_none() && told.get("document").is_none(), "{told}");
    let (_, html) = ask(&page, get("/")).await;
    assert!(html.contains("Not attested") && !html.contains("The gateway proved"), "{html}");

    let socket = Request::get("/socket")
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
        .body(body::empty())
        .unwrap();
    let (status, problem) = ask(&client, socket).await;
    assert_eq!(status, StatusCode::NOT_IMPLEMENTED);
    assert!(problem.contains("--wire session"), "{problem}");
    running.shutdown().await;
}

// HH-38: the server's refusals reach programs as problem documents, with what to look at.
#[tokio::test]
async fn refusals_are_problem_documents() {
    let Some(server) = published::server() else { return };
    let mut settings = published::settings(&server);
    published::spoken(&mut settings).0.id = "another".into();
    let (running, client) = start(settings).await;
    let answer = send(&client, get("/document")).await;
    assert_eq!(answer.status(), StatusCode::BAD_GATEWAY);
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    let problem = within("the content", answer.into_body().collect()).await.unwrap().to_bytes();
    let problem: Value = serde_json::from_slice(&problem).unwrap();
    assert_eq!(problem["type"], json!("tag:sealwire,2026:refused"));
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("400") && detail.contains("--psk-id"), "{detail}");
    running.shutdown().await;
}
