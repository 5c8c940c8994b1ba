//! The local proxy and the relay as library modules: what `sealwire connect` and `sealwire relay` run, for programs
//! that want one inside; and the machine that they run on, as an enclave that calls another shows it.

pub mod attester;
pub mod connect;
pub mod relay;
mod serving;
