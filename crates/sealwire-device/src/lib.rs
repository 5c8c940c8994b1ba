//! The ioctls of attestation devices: `/dev/sev-guest`, `/dev/tdx_guest`, `/dev/nsm`.
//!
//! An FFI crate: the one place of the workspace with unsafe code. It moves bytes to and from the kernel and knows
//! nothing of what they mean. Structures and request numbers are those of the headers of Linux that each module names;
//! its tests compare sizes, offsets and numbers with them, and play the driver's side.

mod call;
mod nsm;
mod sev_guest;
mod tdx_guest;

pub use nsm::Nsm;
pub use sev_guest::{Refused, SevGuest};
pub use tdx_guest::TdxGuest;
