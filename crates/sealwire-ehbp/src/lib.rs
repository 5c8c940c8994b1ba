//! The encrypted HTTP body protocol (EHBP), version 0.3.1.
//!
//! Sans-I/O: bytes go in, bytes come out, randomness is a parameter. The normative page is `docs/spec/ehbp.md`; the
//! `EH-` numbers in this crate are its.
//!
//! * [`config`]: the key configuration that a server publishes.
//! * [`client`]: seals the content of a request, opens that of the answer.
//! * [`server`]: opens the content of a request, seals that of the answer.
//! * [`frame`]: what content is made of, in both directions.
//! * [`recovery`]: what lets one answer be read later.
//!
//! Only content is sealed. Method, path and fields stay in clear and are bound to nothing (EH-20), the end of a message is
//! the end of the HTTP body (EH-05), and all requests to a key fall with that key (EH-32): new deployments use the
//! session or the oblivious wire.

pub mod client;
pub mod config;
mod error;
pub mod field;
pub mod frame;
mod limits;
pub mod recovery;
mod response;
pub mod server;

pub use error::Error;
pub use field::{EncapsulatedKey, ResponseNonce};
pub use limits::Limits;

/// The name of the wire, and the purpose of its keys in a key document.
pub const WIRE: &str = "ehbp";
/// Where the key configuration is served (EH-01).
pub const KEYS_PATH: &str = "/.well-known/hpke-keys";
/// Media type of the key configuration (EH-01).
pub const KEYS_MEDIA_TYPE: &str = "application/ohttp-keys";
/// Type of the problem that says that the first frame does not open (EH-07).
pub const KEY_CONFIG_PROBLEM: &str = "urn:ietf:params:ehbp:error:key-config";

use sealwire_crypto::{aead::Aead, hpke::Symmetric, kdf::Hkdf, kem::Kem};

/// The only KEM (EH-01).
const KEM: Kem = Kem::X25519;
/// The only KDF and AEAD (EH-01).
const SUITE: Symmetric = Symmetric { kdf: Hkdf::Sha256, aead: Aead::Aes256Gcm };
/// `info` of every request (EH-02).
const INFO: &[u8] = b"ehbp request";
