//! A gateway that starts anew at each step of what a caller does with it (SE-43, AT-45).

use super::{
    by_hand,
    mutual::{caller, callers, connect},
    whole,
};
use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    response::Response,
};
use http::Method;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use sealwire_client::{Connector, Error, Settings};
use sealwire_gateway::{
    Config, Running,
    config::{Asked, Callers},
};
use sealwire_tests::{App, document::Server, stage, tee::PolicyText, within};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use tokio::sync::Mutex;

/// Before a gateway: passes everything on, and has the gateway start anew before one message.
struct Front {
    gateway: Mutex<Option<Running>>,
    config: Config,
    passed: AtomicUsize,
    restart_before: usize,
}

async fn pass(State(front): State<Arc<Front>>, mut request: Request) -> Response {
    let mut gateway = front.gateway.lock().await;
    if front.passed.fetch_add(1, Ordering::SeqCst) == front.restart_before {
        gateway.take().unwrap().shutdown().await;
        *gateway = Some(stage::gateway(front.config.clone()).await);
    }
    *request.uri_mut() = format!("http://{}{}", front.config.listen, request.uri().path()).parse().unwrap();
    let client = Client::builder(TokioExecutor::new()).build_http();
    client.request(request).await.unwrap().map(Body::new)
}

/// What a caller is told where a restart is in its way.
fn is_documented(error: &Error) -> bool {
    matches!(error, Error::OutcomeUnknown | Error::NoSession { .. } | Error::TooSoon { .. })
}

async fn ask(connector: &Connector, method: Method, path: &str) -> bool {
    match within("an answer", connector.request(method, path).body("said").send()).await {
        Ok(answer) => {
            assert!(whole(answer).await.0.is_success(), "{path}");
            true
        }
        Err(error) => {
            assert!(is_documented(&error), "{path}: {error}");
            false
        }
    }
}

/// One run, with a restart before one message; how many messages there were.
async fn run(app: &App, restart_before: usize, enclave: bool, asked: Option<Callers>, busy: bool) -> usize {
    let mut config = stage::config(&app.url());
    config.callers = asked;
    if busy {
        config.session.retry_from = 1;
    }
    let gateway = stage::gateway(config.clone()).await;
    config.listen = gateway.address();
    if busy {
        // It goes no further, so that whoever comes next is sent back with a token.
        let _half_open = by_hand::session_at(config.listen).await;
    }
    let front =
        Front { gateway: Mutex::new(Some(gateway)), config, passed: AtomicUsize::new(0), restart_before };
    let front = Arc::new(front);
    let server = Server::start(Router::new().fallback(pass).with_state(front.clone())).await;
    let settings = Settings { early_data: true, ..caller(server.address, enclave) };

    let before = app.seen().len();
    let connector = match connect(settings.clone()).await {
        Ok(connector) => connector,
        Err(error) => {
            assert!(is_documented(&error), "{error}");
            connect(settings).await.unwrap()
        }
    };
    let first = ask(&connector, Method::POST, "/first").await;
    connector.close().await;
    ask(&connector, Method::GET, "/second").await;
    connector.close().await;
    let third = ask(&connector, Method::POST, "/third").await;
    let messages = front.passed.load(Ordering::SeqCst);
    // Who comes after the restart is not hindered.
    let later = if restart_before < messages {
        let later = connect(caller(server.address, enclave)).await.unwrap();
        assert!(ask(&later, Method::POST, "/later").await);
        true
    } else {
        false
    };

    let seen = app.seen().split_off(before);
    let count = |path| seen.iter().filter(|request| request.uri.path() == path).count();
    for (path, answered) in [("/first", first), ("/third", third), ("/later", later)] {
        let count = count(path);
        assert!(
            count <= 1 && (count == 1 || !answered),
            "{path} came {count} times, before {restart_before}"
        );
    }
    front.gateway.lock().await.take().unwrap().shutdown().await;
    messages
}

// SE-13, SE-42, SE-43: wherever a restart falls, before a hello, a token, a finish, a request, early data or a close, the
// error is a documented one, nothing is acted upon twice, and who comes later has a session.
#[tokio::test]
async fn a_restart_at_every_step_is_survived() {
    let app = App::echo().await;
    let folder = tempfile::tempdir().unwrap();
    let asked = || Some(callers(&folder, Asked::Wanted, &PolicyText::default(), None));
    for (enclave, asked, busy) in [(false, None, false), (true, asked(), true)] {
        let mut step = 0;
        while step < run(&app, step, enclave, asked.clone(), busy).await {
            step += 1;
        }
        assert!(step > 7, "{step} messages are no whole run");
    }
}
