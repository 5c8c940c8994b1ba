//! A TPM from its manufacture to a client's verdict, each step with a real (software) TPM.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod enrolled;
mod enrolment;
mod gateway;
mod quotes;
