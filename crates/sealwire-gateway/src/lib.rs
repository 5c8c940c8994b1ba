//! The gateway: listener, the readable layer stack, upstream, admin and metrics.
//!
//! [`Gateway::start`] takes a [`Config`] and gives a [`Running`] gateway. `stack` is the path of a request, with a line
//! for each layer.

mod admin;
pub mod config;
mod destination;
pub mod embed;
mod gateway;
pub mod hpke_http;
mod instance;
mod layers;
pub mod listener;
pub mod metrics;
mod own;
mod replicas;
mod routes;
mod secrets;
mod sessions;
mod stack;
mod staple;
mod tls;
mod tunnel;
mod upstream;

pub use config::Config;
pub use gateway::{
    Environment, Gateway, ReloadError, Running, StartError, default_state, run_until_signalled,
};
pub use instance::Error as InstanceError;
