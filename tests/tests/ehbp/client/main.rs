//! Our client of EHBP: against a server that somebody else could have written, against our gateway, and against whoever
//! alters what is on the way.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used, clippy::panic)]

mod altered;
mod attested;
mod by_hand;
mod gateway;
mod peer;
