//! The key document: fetched, appraised, pinned, and renewed off the request path (AT-40 to AT-42).

mod channel;
mod fetch;
mod keeper;
mod kept;
mod own;
mod pin;
mod refresh;
mod seen;

pub(crate) use channel::Errand;
pub use channel::SealedWith;
pub use fetch::fetch;
pub(crate) use keeper::{Cause, Keeper, Renewal};
pub(crate) use kept::{Seat, Seated};
pub(crate) use pin::{Appraiser, Pin, read_endorsements};
pub(crate) use refresh::Refresher;
