//! What an instance shows of itself.

use bytes::Bytes;
use futures_util::future::BoxFuture;
use sealwire_attest::Bound;
use std::sync::Arc;

/// The key document in force.
#[derive(Debug, Clone)]
pub struct Shown {
    /// SHA-384 of its exact bytes
    pub document: [u8; 48],
    /// its published form
    pub published: Bytes,
    /// the names that it lists, in normal form (SE-07)
    pub authorities: Arc<[String]>,
}

/// Who knows what is in force, and makes evidence.
pub trait Shows: Send + Sync + 'static {
    /// The document of this moment.
    fn shown(&self) -> Arc<Shown>;

    /// A new quote (CMW) over a handshake; `None` when none can be had now (SE-08, SE-13).
    fn quote(&self, bound: Bound) -> BoxFuture<'static, Option<Vec<u8>>>;
}
