//! The local proxy and the relay as library modules: what `sealwire connect` and `sealwire relay` run, for programs
//! that want one inside.

pub mod connect;
pub mod relay;
mod serving;
