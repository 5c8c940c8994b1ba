//! Suites: KEMs, HPKE (RFC 9180), key agreement, AEAD, KDF, digests and signatures.
//!
//! The only crate that names a cryptographic backend. No type of the backend appears in its API, so that
//! the backend can differ by target.

pub mod aead;
pub mod bls;
pub mod cfb;
pub mod digest;
mod ecdh;
mod error;
pub mod hpke;
pub mod kdf;
pub mod kem;
pub mod kx;
pub mod mac;
mod mlkem;
pub mod nacl;
#[cfg(feature = "test-support")]
pub mod nonces;
pub mod oaep;
pub mod random;
pub mod sign;
pub mod tpm_kdf;
pub mod x25519;

pub use error::Error;
