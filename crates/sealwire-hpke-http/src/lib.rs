//! The wire hpke-http/3, and, behind the feature `legacy`, the releases 1.x before it.
//!
//! Sans-I/O: bytes go in, bytes come out; time and randomness are parameters. The normative page is
//! `docs/spec/hpke-http.md`; the `HH-` numbers in this crate are its.
//!
//! * [`client`]: seals requests record by record, opens answers.
//! * [`server`]: opens requests in steps that cannot be skipped (whose key, whose pre-shared key, whether it is new),
//!   seals answers.
//! * [`message`]: what is sealed, and the rules that it keeps to.
//! * [`key`]: the key record that a server publishes, and how long it may be used.
//!
//! A message is under the server's long-lived key and a pre-shared key: whoever has both opens everything (HH-66).

pub mod client;
mod coding;
mod credential;
mod envelope;
mod error;
pub mod key;
#[cfg(feature = "legacy")]
pub mod legacy;
mod limits;
pub mod message;
mod record;
mod response_secret;
pub mod server;
mod sse;
mod time;

pub use coding::Compression;
pub use credential::Credential;
pub use error::Error;
pub use limits::Limits;
pub use record::DATA_LEN;
pub use sse::SseSplitter;
pub use time::{CLOCK_SKEW, LIFETIME};

/// The wire's own name for itself.
pub const PROTOCOL: &str = "hpke-http/3";

/// Media types of the wire (HH-05 to HH-07), always without parameters.
pub mod media {
    /// A sealed request.
    pub const REQUEST: &str = "message/hpke-http-request";
    /// A sealed answer.
    pub const RESPONSE: &str = "message/hpke-http-response";
    /// A key record.
    pub const KEY_RECORD: &str = "application/octet-stream";
}
