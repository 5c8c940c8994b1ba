//! Two services that attest each other: the ledger serves enclaves alone, and the teller is one.
//!
//! ```text
//! cargo run -p sealwire-examples --bin mutual
//! ```
//!
//! Each stands for a machine: it has a development root of its own, and a policy that names the root and the measurement of
//! the other. An argument is a folder for both.

use anyhow::{Context, Result, anyhow, ensure};
use axum::{Extension, Router, routing::post};
use http::{Method, StatusCode};
use http_body_util::BodyExt;
use sealwire::attester::Machine;
use sealwire_attest::Policy;
use sealwire_client::{Connector, Settings};
use sealwire_gateway::{
    Environment,
    config::{Asked, Callers},
    default_state,
    embed::Enclave,
};
use sealwire_http::{Identity, Peer};
use sealwire_tee::{Development, Platform};
use std::{
    env, fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<()> {
    let folder = env::args().nth(1).map(PathBuf::from).or_else(default_state).context("no folder")?;
    let (ledger, teller) = (machine(folder.join("ledger")).await?, machine(folder.join("teller")).await?);

    // Each side says whom it accepts.
    let callers = folder.join("callers.toml");
    fs::write(&callers, accepting(&teller))?;
    let service = Policy::from_toml(&accepting(&ledger))?;

    let (enclave, address) = serve(ledger, &callers).await?;
    call(address, service, teller).await?;
    enclave.shutdown().await;
    Ok(())
}

/// A machine with a root of its own. Making one takes seconds.
async fn machine(state: PathBuf) -> Result<Arc<Development>> {
    Ok(Arc::new(tokio::task::spawn_blocking(move || Development::open(&state)).await??))
}

/// A policy that accepts this program, on that machine alone.
fn accepting(machine: &Development) -> String {
    format!(
        r#"version = 1
any-operator = true
[[accept]]
kind = "development"
roots = ["sha256:{}"]
measurement = ["{}"]
host-data = {{ any = "an example" }}
minimum-tcb = {{ any = "an example" }}
vmpl = {{ any = "an example" }}
crl = "if-available"
"#,
        hex::encode(machine.root_fingerprint()),
        hex::encode(machine.measurement())
    )
}

/// The service. Nobody gets a session without evidence.
async fn serve(machine: Arc<Development>, callers: &Path) -> Result<(Enclave, SocketAddr)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let app = Router::new().route("/transfer", post(transfer));
    let enclave = Enclave::builder()
        .environment(Environment { tee: Some(Platform::new(machine)), ..Environment::default() })
        .authorities([address.to_string()])
        .callers(Callers { policy: callers.to_owned(), attested: Asked::Required, revocation_list: None })
        .route("/transfer", |route| route.attested_caller = true)
        .around(app)
        .await?;
    let sealed = Router::new().fallback_service(enclave.service());
    tokio::spawn(async move { axum::serve(listener, sealed).await });
    Ok((enclave, address))
}

async fn transfer(Extension(peer): Extension<Peer>, amount: String) -> (StatusCode, String) {
    // The route lets nobody else through; the handler is told who it is.
    let Identity::Attested(caller) = peer.identity else { return (StatusCode::FORBIDDEN, String::new()) };
    let claims = caller.acceptance.claims.get();
    println!("the ledger saw the teller: {} under the root {}", claims.kind, hex::encode(claims.root));
    (StatusCode::OK, format!("{amount} transferred"))
}

/// The caller: verifies the ledger first, then shows what it is itself.
async fn call(address: SocketAddr, policy: Policy, machine: Arc<Development>) -> Result<()> {
    let attester = Machine::new(Platform::new(machine), Vec::new());
    let settings = Settings::new(format!("http://{address}").parse()?, policy);
    let nobody = settings.clone();
    let connector = Connector::connect(Settings { attester: Some(Arc::new(attester)), ..settings }).await?;
    let status = connector.status();
    let claims = status.acceptance.claims.get();
    println!("the teller saw the ledger: {} under the root {}", claims.kind, hex::encode(claims.root));

    let answer = connector.request(Method::POST, "/transfer").body("12.50").await?;
    ensure!(answer.status() == StatusCode::OK, "the ledger answered {}", answer.status());
    let content = answer.into_body().collect().await.map_err(|error| anyhow!(error))?.to_bytes();
    println!("{}", String::from_utf8_lossy(&content));
    connector.close().await;

    // Without evidence of its own it gets no further than the handshake.
    match Connector::connect(nobody).await {
        Err(refused) => println!("a caller without evidence: {refused}"),
        Ok(_) => anyhow::bail!("the ledger took a caller without evidence"),
    }
    Ok(())
}
