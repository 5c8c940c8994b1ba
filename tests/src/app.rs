//! The application behind the gateway: an ordinary one, which counts what reaches it.

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Request, State},
    middleware::{self, Next},
    response::Response,
    routing::any,
};
use http::{StatusCode, request::Parts};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt;
use std::{
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, ready},
};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

/// How requests ended, as the application saw it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// requests whose head arrived
    pub reached: usize,
    /// of these, requests whose content came to its end
    pub completed: usize,
    /// of these, requests whose content broke off
    pub aborted: usize,
}

/// A running application.
pub struct App {
    /// where it listens, in clear
    pub address: SocketAddr,
    log: Arc<Log>,
    server: JoinHandle<()>,
}

struct Log {
    counts: watch::Sender<Counts>,
    seen: Mutex<Vec<Parts>>,
}

impl App {
    /// One that gives back what it got, whole, on every path.
    pub async fn echo() -> Self {
        Self::new(Router::new().fallback(any(echo))).await
    }

    /// One that says how many bytes it got.
    pub async fn count() -> Self {
        Self::new(Router::new().fallback(any(count))).await
    }

    /// Any other.
    pub async fn new(router: Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let log = Arc::new(Log { counts: watch::Sender::new(Counts::default()), seen: Mutex::default() });
        let router = router.layer(middleware::from_fn_with_state(log.clone(), watched));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, log, server }
    }

    /// Its URL, without a path.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How requests ended so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        *self.log.counts.borrow()
    }

    /// Waits until `holds` says yes to the counts.
    pub async fn until(&self, what: &str, holds: impl FnMut(&Counts) -> bool) -> Counts {
        let mut counts = self.log.counts.subscribe();
        *crate::within(what, counts.wait_for(holds)).await.unwrap()
    }

    /// The heads that arrived, in order.
    #[must_use]
    pub fn seen(&self) -> Vec<Parts> {
        self.log.seen.lock().unwrap().clone()
    }
}

impl Drop for App {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn watched(State(log): State<Arc<Log>>, request: Request, next: Next) -> Response {
    let (parts, content) = request.into_parts();
    log.seen.lock().unwrap().push(parts.clone());
    log.counts.send_modify(|counts| counts.reached += 1);
    let content = Watched { ended: None, log, content };
    next.run(Request::from_parts(parts, Body::new(content))).await
}

/// Counts how a content ends.
struct Watched {
    content: Body,
    ended: Option<()>,
    log: Arc<Log>,
}

impl Watched {
    fn end(&mut self, count: impl FnOnce(&mut Counts)) {
        if self.ended.replace(()).is_none() {
            self.log.counts.send_modify(count);
        }
    }
}

impl http_body::Body for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.content).poll_frame(cx));
        match &frame {
            None => self.end(|counts| counts.completed += 1),
            Some(Err(_)) => self.end(|counts| counts.aborted += 1),
            Some(Ok(_)) => {}
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.content.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.content.size_hint()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        // A content that has ended need not be read to its end.
        if self.content.is_end_stream() {
            self.end(|counts| counts.completed += 1);
        } else {
            self.end(|counts| counts.aborted += 1);
        }
    }
}

async fn echo(request: Request) -> Result<Bytes, StatusCode> {
    let content = request.into_body().collect().await.map_err(|_| StatusCode::BAD_REQUEST)?;
    Ok(content.to_bytes())
}

async fn count(request: Request) -> Result<String, StatusCode> {
    Ok(echo(request).await?.len().to_string())
}
