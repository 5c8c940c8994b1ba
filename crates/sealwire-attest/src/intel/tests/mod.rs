//! Quotes and reference data under a root of their own, so that a test can bend what Intel signs.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic)]

mod bent;
mod differential;
pub(crate) mod forge;
mod levels;
mod properties;
mod synthetic;
