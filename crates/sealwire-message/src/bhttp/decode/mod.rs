//! Incremental decoding: push slices, take events.
//!
//! A decoder holds the slices that were pushed and not yet consumed, the field section that it is reading, and at
//! most one string that lies across slices. No length makes it allocate before the bytes have arrived (OB-35,
//! OB-126).
//!
//! Pseudo-fields that are not control data are allowed before the regular fields of a header section (RFC
//! 9292 section 3.6); they are checked and dropped, as nothing here defines one.

mod body;
mod content;
mod control;
mod fields;
mod input;
mod request;
mod response;
mod semantics;

pub use request::{RequestDecoder, RequestEvent};
pub use response::{ResponseDecoder, ResponseEvent};
