//! Runs the program, and what stands around it.

use axum::{Router, body::Bytes, extract::State, http::StatusCode, response::IntoResponse, routing::any};
use http::{Request, Uri};
use http_body_util::{BodyExt, Full};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::Value;
use std::{
    io::{BufRead, BufReader, Read},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};
use tokio::sync::Semaphore;

/// Longer than anything takes, a development root included.
const PATIENCE: Duration = Duration::from_secs(120);

/// The program, without what the surroundings would add.
pub(crate) fn sealwire() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sealwire"));
    command.env_remove("RUST_LOG").env("NO_COLOR", "1").stdin(Stdio::null());
    command
}

/// What became of a command that ends by itself.
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().expect("an exit code"),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Ended {
    /// Standard output as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}: {} {}", self.stdout, self.stderr))
    }

    /// Itself, if it ended with `code`.
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        self
    }
}

/// Runs the program to its end.
pub(crate) fn run<S: AsRef<std::ffi::OsStr>>(args: impl IntoIterator<Item = S>) -> Ended {
    sealwire().args(args).output().unwrap().into()
}

/// The program with something on its standard input.
pub(crate) fn run_with<S: AsRef<std::ffi::OsStr>>(
    args: impl IntoIterator<Item = S>,
    input: std::fs::File,
) -> Ended {
    sealwire().args(args).stdin(input).output().unwrap().into()
}

/// A service that runs; it is killed when this is dropped.
pub(crate) struct Service {
    child: Child,
    stdout: BufReader<std::process::ChildStdout>,
    log: mpsc::Receiver<String>,
}

impl Service {
    /// Starts the program with JSON on standard output and in the log.
    pub(crate) fn start<S: AsRef<std::ffi::OsStr>>(args: impl IntoIterator<Item = S>) -> Self {
        let mut command = sealwire();
        command.args(args).args(["--json", "--log-format", "json"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (lines, log) = mpsc::channel();
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                if lines.send(line).is_err() {
                    break;
                }
            }
        });
        Self { child, stdout, log }
    }

    /// Waits until it says that it is ready.
    pub(crate) fn ready(&mut self) -> Value {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| {
            let log: Vec<_> = self.log.try_iter().collect();
            panic!("{error}: {line}{}", log.join("\n"))
        })
    }

    /// Waits for a line of the log that contains `text`.
    pub(crate) fn logged(&self, text: &str) -> String {
        let mut seen = Vec::new();
        loop {
            match self.log.recv_timeout(PATIENCE) {
                Ok(line) if line.contains(text) => return line,
                Ok(line) => seen.push(line),
                Err(error) => panic!("{error}: no \"{text}\" in {}", seen.join("\n")),
            }
        }
    }

    /// Sends it a signal, such as `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// Waits for its end: the exit code, and what it has written since it was ready.
    pub(crate) fn ended(mut self) -> (Option<i32>, String) {
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        (self.child.wait().unwrap().code(), rest)
    }

    /// Ends it in good order.
    pub(crate) fn stop(self) {
        self.signal("TERM");
        assert_eq!(self.ended().0, Some(0));
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A member of a JSON object, as text.
pub(crate) fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("no {name} in {value}"))
}

/// Starts a gateway with the development TEE in front of `upstream`, and with more arguments. All tests share one
/// state folder, because a development root takes seconds to make.
pub(crate) fn gateway(upstream: &str, more: &[&str]) -> (Service, Value) {
    let state = concat!(env!("CARGO_TARGET_TMPDIR"), "/cli-state");
    let first = ["gateway", "--tee", "development", "--state", state, "--upstream", upstream];
    let mut service = Service::start(first.iter().chain(&["--listen", "127.0.0.1:0"]).chain(more));
    let ready = service.ready();
    (service, ready)
}

/// An application: echoes what it gets, and counts. With no permit left it does not answer.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) seen: Arc<Mutex<Vec<String>>>,
    pub(crate) permits: Arc<Semaphore>,
    pub(crate) arrived: Arc<Semaphore>,
    name: &'static str,
}

impl App {
    /// Starts one; its URL.
    pub(crate) async fn start(name: &'static str) -> (Self, String) {
        let app = Self {
            seen: Arc::default(),
            permits: Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)),
            arrived: Arc::new(Semaphore::new(0)),
            name,
        };
        let router = Router::new().fallback(any(Self::answer)).with_state(app.clone());
        (app, serve(router).await)
    }

    async fn answer(State(app): State<Self>, uri: Uri, content: Bytes) -> impl IntoResponse {
        app.seen.lock().unwrap().push(uri.path().to_owned());
        app.arrived.add_permits(1);
        app.permits.acquire().await.unwrap().forget();
        (StatusCode::OK, [("x-app", app.name)], content)
    }
}

/// Serves a router on a free port; its URL.
pub(crate) async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

/// A TCP address that leads to another, which can be changed: a load balancer in front of one instance after the other.
#[derive(Clone)]
pub(crate) struct Balancer(Arc<Mutex<String>>);

impl Balancer {
    /// Starts one; its URL.
    pub(crate) async fn start(target: &str) -> (Self, String) {
        let balancer = Self(Arc::new(Mutex::new(authority(target).to_owned())));
        let listener = tokio::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (this, targets) = (balancer.clone(), balancer.0);
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let target = targets.lock().unwrap().clone();
                tokio::spawn(async move {
                    if let Ok(mut far) = tokio::net::TcpStream::connect(target).await {
                        // Either side may close when it likes.
                        let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
                    }
                });
            }
        });
        (this, url)
    }

    pub(crate) fn lead_to(&self, target: &str) {
        *self.0.lock().unwrap() = authority(target).to_owned();
    }
}

/// What a URL has behind its scheme.
pub(crate) fn authority(url: &str) -> &str {
    url.split_once("://").unwrap().1
}

/// An answer, with its content.
pub(crate) type Answer = http::Response<Bytes>;

/// Sends a request, as any plain HTTP client would.
pub(crate) async fn send(method: &str, url: &str, content: impl Into<Bytes>) -> Answer {
    let client: Client<HttpConnector, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let request = Request::builder().method(method).uri(url).body(Full::new(content.into())).unwrap();
    let answer = tokio::time::timeout(PATIENCE, client.request(request)).await.unwrap().unwrap();
    let (parts, content) = answer.into_parts();
    http::Response::from_parts(parts, content.collect().await.unwrap().to_bytes())
}

/// A path as an argument.
pub(crate) fn arg(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The folder of shared data; `None`, and a line that says so, where it is missing outside of CI.
pub(crate) fn shared() -> Option<PathBuf> {
    let folder = std::env::var_os("SEALWIRE_SHARED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")),
        PathBuf::from,
    );
    if folder.is_dir() {
        return Some(folder);
    }
    assert!(std::env::var("CI").as_deref() != Ok("true"), "no shared data at {}", folder.display());
    println!("skipped: no shared data at {}", folder.display());
    None
}
