//! What the tests of this crate share: samples of hardware, and machines that never existed.

#![allow(dead_code)] // each test binary uses a part
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

pub(crate) mod accepted;
pub(crate) mod azure;
pub(crate) mod der;
pub(crate) mod machine;
pub(crate) mod samples;
pub(crate) mod tpm;
