//! The ioctls of attestation devices: `/dev/sev-guest`, `/dev/tdx_guest`, `/dev/nsm`.
//!
//! An FFI crate: the one place of the workspace with unsafe code. It moves bytes to and from the kernel and knows
//! nothing of what they mean.
