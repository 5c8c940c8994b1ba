//! Endorsements from their vendors: fetched with hard caps on size and time, kept on disk, renewed ahead of expiry
//! (AT-70, AT-71).
//!
//! What is asked for is derived from evidence; where, never: places are the vendors' or those of a mirror that is
//! configured. Nothing that comes is trusted for coming from there. It is held to what was asked for and to the
//! vendor's root before it is kept, and a verifier checks it once more.

mod amd;
mod aws;
mod counts;
mod error;
mod fetch;
pub mod folder;
mod http;
mod intel;
mod item;
mod request;
mod service;
mod source;
mod store;

pub use counts::Counts;
pub use error::{Error, Failure};
pub use fetch::{Fetched, Fetcher, Limits};
pub use item::Item;
pub use service::{Gathered, Keeping, Service};
pub use source::Sources;
pub use store::Store;

use sealwire_attest::UnixTime;
use std::sync::Arc;

/// What tells the time of day.
pub type Clock = Arc<dyn Fn() -> UnixTime + Send + Sync>;

/// The machine's clock.
#[must_use]
pub fn system_clock() -> Clock {
    Arc::new(|| {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        UnixTime(since.map_or(0, |since| since.as_secs()))
    })
}
