//! An axum application that attests itself. No gateway: plaintext exists in this process alone.
//!
//! ```text
//! cargo run -p sealwire-examples --bin axum-server -- 127.0.0.1:8443
//! sealwire policy init http://127.0.0.1:8443 --output policy.toml
//! cargo run -p sealwire-examples --bin client -- http://127.0.0.1:8443 policy.toml
//! ```
//!
//! A second argument is a folder for the development root, where it is not the usual one.

use anyhow::{Context, Result};
use axum::{
    Extension, Router,
    routing::{get, post},
};
use sealwire_gateway::{config::Tee, default_state, embed::Enclave};
use sealwire_http::Peer;
use std::{env, path::PathBuf};
use tokio::net::TcpListener;

/// Handlers see ordinary requests, and who calls.
async fn hello(Extension(peer): Extension<Peer>) -> String {
    format!("hello, by the wire {}\n", peer.wire.name())
}

#[tokio::main]
async fn main() -> Result<()> {
    let mut args = env::args().skip(1);
    let listener = TcpListener::bind(args.next().as_deref().unwrap_or("127.0.0.1:8443")).await?;
    let address = listener.local_addr()?;
    let state = args.next().map(PathBuf::from).or_else(default_state).context("no folder for state")?;

    let app = Router::new().route("/hello", get(hello)).route("/echo", post(async |text: String| text));
    // In production: leave `tee` out, and it is what the machine has.
    let enclave = Enclave::builder()
        .tee(Tee::Development)
        .state(state)
        .authorities([address.to_string()])
        .around(app)
        .await?;

    println!("serving http://{address}");
    // What stood beside it, here, would be reached in clear.
    axum::serve(listener, Router::new().fallback_service(enclave.service())).await?;
    Ok(())
}
