//! The channel of the attested session: bytes, HTTP/2 and WebSockets in it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used, clippy::panic)]
#![allow(clippy::large_futures, reason = "tests hold both ends of a channel")]

mod accepted;
mod crowd;
mod ends;
mod http2;
mod opening;
mod stream;
mod websocket;
