//! A server on this machine in the place of the vendors', which does as it is told.

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{HeaderName, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::{body::Frame, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use sealwire_attest::UnixTime;
use sealwire_collateral::{Clock, Fetcher, Limits, Sources};
use std::{
    collections::HashMap,
    convert::Infallible,
    net::Ipv4Addr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::net::TcpListener;

/// What it answers.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    Whole {
        status: StatusCode,
        headers: Vec<(HeaderName, HeaderValue)>,
        body: Bytes,
    },
    /// nothing, ever
    Silence,
    /// the beginning of a body, and then nothing
    Stalled,
    /// a body without an end
    Endless,
}

impl Reply {
    pub(crate) fn ok(body: impl Into<Bytes>) -> Self {
        Self::Whole { status: StatusCode::OK, headers: Vec::new(), body: body.into() }
    }

    pub(crate) fn status(status: u16) -> Self {
        let status = StatusCode::from_u16(status).unwrap();
        Self::Whole { status, headers: Vec::new(), body: Bytes::from_static(b"<html>no</html>") }
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        if let Self::Whole { headers, .. } = &mut self {
            headers.push((name.parse().unwrap(), value.parse().unwrap()));
        }
        self
    }

    /// With its content changed.
    pub(crate) fn edited(mut self, edit: impl FnOnce(&mut Vec<u8>)) -> Self {
        if let Self::Whole { body, .. } = &mut self {
            let mut bytes = body.to_vec();
            edit(&mut bytes);
            *body = bytes.into();
        }
        self
    }

    pub(crate) fn body(&self) -> &Bytes {
        match self {
            Self::Whole { body, .. } => body,
            _ => panic!("no whole body"),
        }
    }
}

#[derive(Default)]
struct Told {
    replies: HashMap<String, Vec<Reply>>,
    asked: Vec<Request<()>>,
}

/// Runs until it is dropped.
pub(crate) struct StandIn {
    base: String,
    told: Arc<Mutex<Told>>,
    accepting: tokio::task::JoinHandle<()>,
}

impl StandIn {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let told: Arc<Mutex<Told>> = Arc::default();
        let shared = told.clone();
        let accepting = tokio::spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else { return };
                let told = shared.clone();
                let service = service_fn(move |request| answer(told.clone(), request));
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        Self { base, told, accepting }
    }

    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// Answers this from now on.
    pub(crate) fn serve(&self, path: &str, reply: Reply) {
        self.serve_each(path, [reply]);
    }

    /// Answers these in turn, and the last from then on.
    pub(crate) fn serve_each(&self, path: &str, replies: impl IntoIterator<Item = Reply>) {
        let mut replies: Vec<_> = replies.into_iter().collect();
        replies.reverse();
        self.told.lock().unwrap().replies.insert(path.to_owned(), replies);
    }

    /// Requests so far for a path.
    pub(crate) fn asked(&self, path: &str) -> Vec<Request<()>> {
        let told = self.told.lock().unwrap();
        told.asked.iter().filter(|request| *request.uri() == *path).cloned().collect()
    }

    pub(crate) fn asked_at_all(&self) -> usize {
        self.told.lock().unwrap().asked.len()
    }

    /// Fetches from here instead of from the vendors, with caps that a test can wait for.
    pub(crate) fn fetcher(&self, clock: &TestClock) -> Fetcher {
        self.fetcher_with(clock, limits())
    }

    pub(crate) fn fetcher_with(&self, clock: &TestClock, limits: Limits) -> Fetcher {
        let sources =
            Sources::default().with_pcs(&self.base).and_then(|sources| sources.with_kds(&self.base));
        let sources = sources.and_then(|sources| sources.with_aws_crls(&self.base)).unwrap();
        Fetcher::new(sources, &[], limits, clock.clock()).unwrap()
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Generous where an answer comes; the tests of caps bring their own.
pub(crate) fn limits() -> Limits {
    let seconds = Duration::from_secs;
    Limits {
        connect: seconds(20),
        exchange: seconds(20),
        total: seconds(60),
        attempts: 3,
        pause: Duration::ZERO,
    }
}

async fn answer(
    told: Arc<Mutex<Told>>,
    request: Request<Incoming>,
) -> Result<Response<UnsyncBoxBody<Bytes, Infallible>>, Infallible> {
    let reply = {
        let mut told = told.lock().unwrap();
        let path = request.uri().to_string();
        told.asked.push(request.map(drop));
        match told.replies.get_mut(&path) {
            Some(replies) if replies.len() > 1 => replies.pop().unwrap(),
            Some(replies) => replies[0].clone(),
            None => Reply::status(404),
        }
    };
    let chunk = || Ok(Frame::data(Bytes::from(vec![b' '; 16 * 1024])));
    Ok(match reply {
        Reply::Whole { status, headers, body } => {
            let mut response = Response::new(Full::new(body).boxed_unsync());
            *response.status_mut() = status;
            response.headers_mut().extend(headers);
            response
        }
        Reply::Silence => std::future::pending().await,
        Reply::Stalled => {
            let body = stream::once(async move { chunk() }).chain(stream::pending());
            let mut response = Response::new(StreamBody::new(body).boxed_unsync());
            response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from_static("100000"));
            response
        }
        Reply::Endless => {
            let body = stream::repeat_with(chunk);
            Response::new(StreamBody::new(body).boxed_unsync())
        }
    })
}

/// A clock that stands until it is told to go on.
#[derive(Clone)]
pub(crate) struct TestClock(Arc<AtomicU64>);

impl TestClock {
    pub(crate) fn at(time: UnixTime) -> Self {
        Self(Arc::new(AtomicU64::new(time.0)))
    }

    pub(crate) fn set(&self, time: UnixTime) {
        self.0.store(time.0, Ordering::SeqCst);
    }

    pub(crate) fn advance(&self, time: Duration) {
        self.0.fetch_add(time.as_secs(), Ordering::SeqCst);
    }

    pub(crate) fn clock(&self) -> Clock {
        let time = self.0.clone();
        Arc::new(move || UnixTime(time.load(Ordering::SeqCst)))
    }
}
