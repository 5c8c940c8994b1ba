//! What the children do.

use anyhow::{Result, anyhow, bail};
use bytes::Bytes;
use http::{Request, Response, Uri, uri::Scheme};
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo},
};
use sealwire_attest::Policy;
use sealwire_client::{Connector, Settings, Wire};
use sealwire_gateway::{
    Config, Gateway,
    config::{Route, Tee},
    listener::{ConnectionLimits, Listener},
};
use sealwire_http::{Body, body};
use std::{
    convert::Infallible,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::{
    io::AsyncReadExt,
    net::{TcpListener, TcpStream},
};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

type AnyBody = UnsyncBoxBody<Bytes, Box<dyn std::error::Error + Send + Sync>>;

/// Plays a role until standard input closes.
pub(crate) async fn play(role: &str, arguments: &[String]) -> Result<()> {
    let argument = |at: usize| arguments.get(at).ok_or_else(|| anyhow!("{role}: argument {at} is missing"));
    match role {
        "upstream" => serve(upstream).await?,
        "bare-proxy" => {
            let to: SocketAddr = argument(0)?.parse()?;
            let mut connector = HttpConnector::new();
            connector.set_nodelay(true);
            let client: Client<_, Incoming> = Client::builder(TokioExecutor::new()).build(connector);
            serve(move |request| forward(client.clone(), to, request)).await?;
        }
        "websocket-upstream" => accept(crate::session::websocket).await?,
        "copying-proxy" => {
            let to: SocketAddr = argument(0)?.parse()?;
            accept(move |socket| copy(socket, to)).await?;
        }
        "gateway" => gateway(argument(0)?, PathBuf::from(argument(1)?), argument(2)?).await?,
        "client" => client(argument(0)?.parse()?, &std::fs::read_to_string(argument(1)?)?).await?,
        _ => bail!("no such role: {role}"),
    }
    let mut end = [0; 1];
    let _ = tokio::io::stdin().read(&mut end).await;
    Ok(())
}

/// Accepts connections for ever.
async fn serve<F, R>(answer: F) -> Result<()>
where
    F: Fn(Request<Incoming>) -> R + Clone + Send + 'static,
    R: Future<Output = Response<AnyBody>> + Send + 'static,
{
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    println!("{}", listener.local_addr()?);
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let answer = answer.clone();
            tokio::spawn(async move {
                let _ = socket.set_nodelay(true);
                let service = service_fn(move |request| {
                    let answer = answer(request);
                    async move { Ok::<_, Infallible>(answer.await) }
                });
                let http = hyper::server::conn::http1::Builder::new();
                let _ = http.serve_connection(TokioIo::new(socket), service).await;
            });
        }
    });
    Ok(())
}

/// Accepts connections for ever, each in a task of its own.
async fn accept<F, R>(work: F) -> Result<()>
where
    F: Fn(TcpStream) -> R + Send + 'static,
    R: Future<Output = Result<()>> + Send + 'static,
{
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    println!("{}", listener.local_addr()?);
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(work(socket));
        }
    });
    Ok(())
}

/// What a proxy does once a WebSocket has been upgraded.
async fn copy(mut socket: TcpStream, to: SocketAddr) -> Result<()> {
    let mut upstream = TcpStream::connect(to).await?;
    socket.set_nodelay(true)?;
    upstream.set_nodelay(true)?;
    tokio::io::copy_bidirectional(&mut socket, &mut upstream).await?;
    Ok(())
}

fn full(content: impl Into<Bytes>) -> AnyBody {
    Full::new(content.into()).map_err(|never| match never {}).boxed_unsync()
}

/// The application: echoes, takes uploads, gives downloads and timed events.
async fn upstream(request: Request<Incoming>) -> Response<AnyBody> {
    let path = request.uri().path().to_owned();
    let mut parts = path.trim_start_matches('/').split('/');
    let (what, number) = (parts.next(), parts.next().and_then(|number| number.parse::<u64>().ok()));
    match (what, number) {
        (Some("download"), Some(bytes)) => {
            static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];
            let frames = (0..bytes.div_ceil(ZEROS.len() as u64))
                .map(|_| Ok(hyper::body::Frame::data(Bytes::from_static(&ZEROS))));
            Response::new(StreamBody::new(futures_util::stream::iter(frames)).boxed_unsync())
        }
        (Some("upload"), _) => {
            let (mut body, mut bytes) = (request.into_body(), 0);
            while let Some(Ok(frame)) = body.frame().await {
                bytes += frame.data_ref().map_or(0, Bytes::len);
            }
            Response::new(full(bytes.to_string()))
        }
        (Some("events"), Some(count)) => {
            let events = futures_util::stream::unfold(0, move |at| async move {
                if at == count {
                    return None;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
                let event = format!("data: {}\n\n", now_nanos());
                Some((Ok(hyper::body::Frame::data(Bytes::from(event))), at + 1))
            });
            Response::new(StreamBody::new(events).boxed_unsync())
        }
        _ => match request.into_body().collect().await {
            Ok(content) => Response::new(full(content.to_bytes())),
            Err(_) => Response::new(full("")),
        },
    }
}

/// Nanoseconds since 1970.
pub(crate) fn now_nanos() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos()
}

/// A reverse proxy with nothing in it.
async fn forward(
    client: Client<HttpConnector, Incoming>,
    to: SocketAddr,
    mut request: Request<Incoming>,
) -> Response<AnyBody> {
    let path = request.uri().path_and_query().cloned();
    let mut uri = Uri::builder().scheme(Scheme::HTTP).authority(to.to_string());
    if let Some(path) = path {
        uri = uri.path_and_query(path);
    }
    if let Ok(uri) = uri.build() {
        *request.uri_mut() = uri;
    }
    match client.request(request).await {
        Ok(response) => response.map(|body| body.map_err(Into::into).boxed_unsync()),
        Err(_) => {
            let mut response = Response::new(full(""));
            *response.status_mut() = http::StatusCode::BAD_GATEWAY;
            response
        }
    }
}

/// Our gateway, with every route in clear too.
async fn gateway(upstream: &str, state: PathBuf, kem: &str) -> Result<()> {
    let mut config = Config { tee: Tee::Development, state: Some(state), ..Config::default() };
    config.listen = (Ipv4Addr::LOCALHOST, 0).into();
    let mut route = Route::new("/", format!("http://{upstream}"));
    route.plaintext = true;
    config.routes = vec![route];
    config.tunnel.version_0 = true;
    config.keys.kems = vec![crate::gateway::kem(kem)?];
    let running = Gateway::start(config).await?;
    println!("{}", running.address());
    tokio::spawn(async move {
        let _running = running;
        std::future::pending::<()>().await;
    });
    Ok(())
}

/// Plain HTTP in, requests sealed for the oblivious wire out: what the local proxy does, without its checks.
async fn client(to: SocketAddr, policy: &str) -> Result<()> {
    let mut settings = Settings::new(format!("http://{to}").parse()?, Policy::from_toml(policy)?);
    (settings.wire, settings.kems) = (Wire::Oblivious, sealwire_kems());
    let connector = Connector::connect(settings).await?;
    let service = tower::service_fn(move |request: Request<Body>| {
        let connector = connector.clone();
        async move {
            Ok::<_, Infallible>(match connector.oneshot(request).await {
                Ok(response) => response,
                Err(error) => {
                    let mut response = Response::new(body::full(error.to_string()));
                    *response.status_mut() = http::StatusCode::BAD_GATEWAY;
                    response
                }
            })
        }
    });
    let listener = Listener::bind((Ipv4Addr::LOCALHOST, 0).into(), None).await?;
    println!("{}", listener.local_addr());
    tokio::spawn(listener.serve(service, ConnectionLimits::default(), CancellationToken::new()));
    Ok(())
}

fn sealwire_kems() -> Vec<sealwire_crypto::kem::Kem> {
    use sealwire_crypto::kem::Kem;
    vec![Kem::XWing, Kem::X25519, Kem::P256]
}
