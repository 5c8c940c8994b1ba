//! Sealed requests through a running gateway: which configuration they meet, and what the policy says of them.

use crate::support::{
    Hand, NAME, accepted, environment, named, plain, plain_route, published, recorder, start, tee,
};
use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use sealwire_gateway::{Config, Environment, Gateway, config::Route};
use sealwire_http::crypto::{kem::Kem, random::OsRandom};
use sealwire_http::oblivious::Limits;
use sealwire_http::{
    Body, SystemClock, body,
    client::oblivious::{Error, Form, Oblivious, Settings, Target},
};
use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, SystemTime},
};
use tower::{Service, ServiceExt};

/// A caller that has verified what the gateway publishes now.
#[derive(Clone)]
struct Caller {
    target: Target,
}

impl Caller {
    async fn new(gateway: SocketAddr) -> Self {
        let accepted = accepted(&published(gateway).await, &[], SystemTime::now());
        let resource = format!("http://{gateway}/.well-known/ohttp-gateway").parse().unwrap();
        let kems = [Kem::XWing, Kem::X25519];
        Self { target: Target::new(&accepted.document, &kems, resource, &Limits::default()).unwrap() }
    }

    async fn send(&self, form: Form, request: Request<Body>) -> Result<Response<Body>, Error> {
        let client = Client::builder(TokioExecutor::new()).build_http::<Body>();
        let transport =
            client.map_response(|response: Response<hyper::body::Incoming>| response.map(body::boxed));
        let settings = Settings {
            form,
            limits: Limits::default(),
            clock: Arc::new(SystemClock),
            random: Arc::new(OsRandom),
        };
        Oblivious::new(transport, self.target.clone(), settings).call(request).await
    }

    async fn get(&self, form: Form, path: &str) -> Result<(StatusCode, String), Error> {
        let request = Request::get(format!("https://{NAME}{path}")).body(body::empty()).unwrap();
        let response = self.send(form, request).await?;
        let status = response.status();
        let content = response.into_body().collect().await.unwrap().to_bytes();
        Ok((status, String::from_utf8(content.to_vec()).unwrap()))
    }
}

const FORMS: [Form; 2] = [Form::Single, Form::Chunked];

fn sealed(upstream: SocketAddr) -> Config {
    let mut config = crate::support::config();
    config.upstream = Some(format!("http://{upstream}"));
    config
}

#[tokio::test]
async fn a_sealed_request_reaches_the_application_as_an_ordinary_one() {
    let (upstream, seen) = recorder().await;
    let gateway = start(sealed(upstream)).await;
    let caller = Caller::new(gateway.address()).await;
    for form in FORMS {
        let request = Request::post(format!("https://{NAME}/a?b"))
            .header("x-mine", "1")
            .body(body::full("hello"))
            .unwrap();
        let response = caller.send(form, request).await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "seen");
        let seen = seen.lock().unwrap().pop().unwrap();
        assert_eq!(seen.line, "POST /a?b");
        assert_eq!(seen.content, "hello");
        assert_eq!(seen.headers["host"], NAME);
        assert_eq!(seen.headers["x-mine"], "1");
        assert!(!seen.headers.contains_key("incremental"), "{:?}", seen.headers);
    }
}

// OB-41, OB-46, OB-131
#[tokio::test]
async fn refusals_of_the_policy_are_sealed() {
    let (upstream, seen) = recorder().await;
    let mut config = crate::support::config();
    let mut route = Route::new("/v1", format!("http://{upstream}"));
    route.methods = Some(vec!["POST".to_owned()]);
    config.routes = vec![route];
    let gateway = start(config).await;
    let caller = Caller::new(gateway.address()).await;
    for form in FORMS {
        let code = async |method: Method, uri: &str| {
            let request = Request::builder().method(method).uri(uri).body(body::empty()).unwrap();
            caller.send(form, request).await.unwrap().status().as_u16()
        };
        assert_eq!(code(Method::POST, "https://other.test/v1").await, 403);
        assert_eq!(code(Method::POST, "http://other.test/v1").await, 403);
        assert_eq!(code(Method::POST, "https://gateway.test:8443/v1").await, 403);
        assert_eq!(code(Method::POST, "https://gateway.test/v2").await, 404);
        assert_eq!(code(Method::POST, "https://gateway.test/v1/../v2").await, 400);
        assert_eq!(code(Method::GET, "https://gateway.test/v1").await, 405);
        assert_eq!(code(Method::POST, "https://gateway.test/v1").await, 200);
    }
    assert_eq!(seen.lock().unwrap().len(), 2);
}

// OB-41
#[tokio::test]
async fn failures_of_the_upstream_are_sealed() {
    let gateway = start(sealed(crate::support::nobody().await)).await;
    let caller = Caller::new(gateway.address()).await;
    for form in FORMS {
        let (status, content) = caller.get(form, "/").await.unwrap();
        assert_eq!(status, 502);
        assert!(content.contains("cannot be reached"), "{content}");
    }
}

// AT-44: what a caller has sealed goes where the document said that it verified.
#[tokio::test]
async fn sealed_requests_go_where_their_document_said() {
    let (a, b, c) = (named("a").await, named("b").await, named("c").await);
    let gateway = start(sealed(a)).await;
    let old = Caller::new(gateway.address()).await;
    gateway.reload(sealed(b)).await.unwrap();
    let new = Caller::new(gateway.address()).await;
    gateway.reload(sealed(c)).await.unwrap();
    let newest = Caller::new(gateway.address()).await;
    gateway.rotate().await.unwrap();
    let rotated = Caller::new(gateway.address()).await;
    for form in FORMS {
        for (caller, name) in [(&old, "a"), (&new, "b"), (&newest, "c"), (&rotated, "c")] {
            assert_eq!(caller.get(form, "/").await.unwrap(), (StatusCode::OK, name.to_owned()));
        }
    }
    // A configuration that comes back is still another generation, with keys of its own.
    gateway.reload(sealed(a)).await.unwrap();
    assert_eq!(old.get(Form::Single, "/").await.unwrap().1, "a");
    assert_eq!(newest.get(Form::Single, "/").await.unwrap().1, "c");
    assert_eq!(Caller::new(gateway.address()).await.get(Form::Single, "/").await.unwrap().1, "a");
}

// OB-42, OB-52: after the overlap the keys are gone, and with them the configuration that they belonged to.
#[tokio::test]
async fn a_replaced_configuration_ends_with_its_keys() {
    let clock = Hand::new();
    let mut config = sealed(named("a").await);
    config.keys.overlap = Duration::from_secs(60);
    config.keys.lifetime = Duration::from_secs(60);
    config.replay.window = Duration::from_secs(24 * 60 * 60);
    let environment = Environment { tee: Some(tee().into()), clock: clock.clone(), ..environment() };
    let gateway = Gateway::start_in(config.clone(), environment).await.unwrap();
    let old = Caller::new(gateway.address()).await;
    config.upstream = Some(format!("http://{}", named("b").await));
    gateway.reload(config).await.unwrap();
    assert_eq!(old.get(Form::Single, "/").await.unwrap().1, "a");
    clock.forward(Duration::from_secs(62));
    // The keeper looks after it by itself.
    crate::support::eventually(|| async {
        matches!(old.get(Form::Single, "/").await, Err(Error::StaleKey(StatusCode::BAD_REQUEST)))
    })
    .await;
}

// A key id that nobody knows, no content at all, and junk: the wire answers, whichever configurations there are.
#[tokio::test]
async fn junk_is_answered_with_older_configurations_too() {
    let gateway = start(sealed(named("a").await)).await;
    for reloaded in [false, true] {
        if reloaded {
            gateway.reload(sealed(named("b").await)).await.unwrap();
        }
        for media_type in ["message/ohttp-req", "message/ohttp-chunked-req"] {
            for content in ["", "x", "junk that is no message at all"] {
                let more = format!(
                    "content-type: {media_type}\r\ncontent-length: {}\r\n\r\n{content}",
                    content.len()
                );
                let answer =
                    crate::support::ask(gateway.address(), "POST /.well-known/ohttp-gateway", &more).await;
                assert_eq!(
                    crate::support::status(&answer),
                    400,
                    "{reloaded} {media_type} {content:?}: {answer}"
                );
                assert!(answer.contains("application/problem+json"), "{answer}");
            }
        }
    }
}

#[tokio::test]
async fn plain_and_sealed_share_a_route_where_it_says_so() {
    let (upstream, seen) = recorder().await;
    let mut config = plain(upstream);
    config.routes.push(plain_route("/other", upstream));
    let gateway = start(config).await;
    let caller = Caller::new(gateway.address()).await;
    assert_eq!(caller.get(Form::Chunked, "/x").await.unwrap().0, 200);
    assert_eq!(crate::support::status(&crate::support::get(gateway.address(), "/x").await), 200);
    assert_eq!(seen.lock().unwrap().len(), 2);
}
