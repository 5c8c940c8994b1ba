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
//! ```
//! use bytes::BytesMut;
//! use sealwire_crypto::random::OsRandom;
//! use sealwire_hpke_http::{
//!     Credential, Error, Limits,
//!     client::{self, Event, Target},
//!     message::{Fields, Method, RequestHead},
//!     server::{Record, ResponseSealer, ServerKey, Start},
//! };
//!
//! # fn main() -> Result<(), Error> {
//! let key = ServerKey::generate("2026-11", &OsRandom)?;
//! let credential = Credential::new("tenant-42", &[7; 32])?;
//! let (limits, now) = (Limits::default(), 1_800_000_000);
//!
//! // The client seals a request.
//! let target = Target { recipient: key.recipient(), credential: &credential };
//! let fields = Fields::new([("content-type", "text/plain")])?;
//! let head = RequestHead::new(Method::Post, "api.example.com", "/v1/echo", fields)?;
//! let mut sealed = BytesMut::new();
//! let (mut sealer, mut reader) = client::start(target, &head, &limits, now, &OsRandom, &mut sealed)?;
//! sealer.data(&mut sealed, b"hello")?;
//! sealer.finish(&mut sealed)?;
//!
//! // The server opens it: whose key, whose pre-shared key, whether it is new.
//! let mut start = Start::new(limits);
//! start.push(&sealed);
//! assert!(start.is_whole()?);
//! let preparsed = start.preparse(|id| (id == key.recipient().id()).then_some(&key))?;
//! let known = (preparsed.psk_id() == credential.id()).then_some(&credential);
//! let authenticated = preparsed.authenticate(known, now)?;
//! let decision = authenticated.reservation().decide(true); // what a replay register says
//! let mut opened = authenticated.admit(decision, now)?;
//! assert_eq!(opened.head.target(), "/v1/echo");
//! opened.body.end();
//! let Some(Record::Data(content)) = opened.body.next_record()? else { panic!("content") };
//! assert_eq!(opened.body.next_record()?, Some(Record::End));
//!
//! // It answers, once.
//! let mut answer = BytesMut::new();
//! let sealer = opened.reply.start(200, Fields::default(), &mut answer, &OsRandom)?;
//! let ResponseSealer::Finite(sealer) = sealer else { panic!("no event stream") };
//! sealer.finish(&mut answer, &[content])?;
//!
//! // The client opens the answer.
//! reader.push(&answer);
//! reader.end();
//! let Some(Event::Head(head)) = reader.next_event()? else { panic!("a head") };
//! assert_eq!(head.status(), 200);
//! assert_eq!(reader.next_event()?, Some(Event::Data("hello".into())));
//! assert_eq!(reader.next_event()?, Some(Event::End));
//! # Ok(())
//! # }
//! ```
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
