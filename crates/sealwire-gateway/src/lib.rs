//! The gateway: listener, the readable layer stack, upstream, admin and metrics.

pub mod listener;
pub mod metrics;
