//! What a wire must know of the application's routes before it lets a request through.

use sealwire_message::bhttp::RequestHead;
use std::{num::NonZeroUsize, time::Duration};

/// What a route permits. The default permits nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RouteRules {
    /// a repeated request does no harm here (OB-60)
    pub idempotent: bool,
    /// requests without a Date are taken (OB-62)
    pub undated: bool,
    /// requests from TLS early data are taken (OB-63)
    pub early_data: bool,
    /// requests are gathered to at most this many bytes before they go on (OB-25)
    pub complete: Option<usize>,
    /// answers on hpke-http are compressed before they are sealed, but for event streams (HH-60)
    pub compress: bool,
    /// chunked answers leave in pieces of one size (OB-64, EH-31)
    pub pace: Option<Pace>,
    /// content that is sealed with EHBP may go to this path (EH-20)
    pub ehbp: Option<EhbpRules>,
}

/// What a route asks of content that is sealed with EHBP.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EhbpRules {
    /// content whose format has an end of its own must show it, or the request is not completed (EH-22)
    pub whole: bool,
}

/// How answers are cut where the lengths of their pieces tell too much (OB-64). It costs latency: up to `every` for
/// what does not fill a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// content of each piece, bytes
    pub size: NonZeroUsize,
    /// how long content waits for a piece to fill
    pub every: Duration,
}

/// Finds the rules of the route that a request will take.
pub trait Routes: Send + Sync + 'static {
    /// The rules for a request with this head.
    fn rules(&self, head: &RequestHead) -> RouteRules;
}
