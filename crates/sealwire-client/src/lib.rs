//! The caller's side: fetch and appraise the key document, choose a wire, pool, retry.
//!
//! A [`Connector`] is a [`tower::Service`] of ordinary HTTP requests. It learns a gateway's keys from its attested key
//! document, holds that against the caller's policy, and seals every request to a key that the policy accepted. It never
//! falls back to a key that was not attested, nor to plaintext (AT-42).

mod attester;
mod connector;
mod ehbp;
mod error;
pub mod face;
mod hpke_http;
mod hpke_http_1;
mod keys;
mod offer;
pub mod pinned;
pub mod ra_tunnel;
mod retry;
pub mod revocation;
mod settings;
mod status;
pub mod transport;
mod websocket;
mod wire;

pub use attester::{Attestation, Attester};
pub use connector::Connector;
pub use ehbp::Ehbp;
pub use error::{Error, Obstacle};
pub use hpke_http::HpkeHttp;
pub use hpke_http_1::HpkeHttp1;
pub use keys::{SealedWith, fetch};
pub use offer::Offer;
pub use retry::{ReplaySafe, is_grpc};
pub use settings::{Environment, Settings, is_loopback};
pub use status::{Counts, Refusal, RevocationStatus, Status};
pub use websocket::{Tunnel, WebSocket, WebSocketBuilder};
pub use wire::Wire;

/// The crate whose types [`WebSocket`] is made of.
pub use tokio_tungstenite;
