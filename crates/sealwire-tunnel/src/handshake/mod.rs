//! The two messages of the handshake, in clear (TU-03).

mod client_kx;
mod server_kx;
mod verifier;

pub(crate) use client_kx::ClientKx;
pub(crate) use server_kx::ServerKx;
pub use verifier::VerifierData;

use base64::{Engine, engine::general_purpose::STANDARD};

fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

fn from_base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}
