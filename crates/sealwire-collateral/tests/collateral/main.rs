//! Fetching and keeping, against a local stand-in of Intel's, AMD's and AWS's services that serves genuine samples, or
//! misbehaves.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used, clippy::panic)]

mod aws;
mod fetching;
mod folders;
mod keeping;
mod samples;
#[path = "../../../sealwire-attest/tests/common/samples.rs"]
mod shared;
mod stand_in;
mod stored;
