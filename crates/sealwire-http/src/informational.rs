//! Informational responses (1xx) between the application and a wire that can carry them (OB-36).

use http::{HeaderMap, StatusCode};
use tokio::sync::mpsc;

/// An informational response.
#[derive(Debug, Clone)]
pub struct Informational {
    /// 100..=199
    pub status: StatusCode,
    /// its fields
    pub headers: HeaderMap,
}

/// In a request's extensions: where the service that answers it may send informational responses.
/// Bounded; what does not fit is dropped, as intermediaries may.
/// Boxed, since a channel has room for many from the start, and nearly always stays empty.
#[derive(Debug, Clone)]
pub struct InformationalSender(pub mpsc::Sender<Box<Informational>>);
