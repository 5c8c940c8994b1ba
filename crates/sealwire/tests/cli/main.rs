//! The program as a user runs it: real processes on loopback.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used, clippy::panic)]

mod attest;
mod demo;
mod enrol;
mod envelope;
mod fetch;
mod help;
mod mutual;
mod operator_keys;
mod revocation;
mod samples;
mod secrets;
mod services;
mod support;
mod verify;
