//! Sealed bodies (SP-59 to SP-62): what an envelope says is for its recipient's eyes alone. [`legacy`] has version 1.
//!
//! An envelope is opened after it was verified like every other, replay included; what comes out is attributed to the
//! verified sender, which only version 2 proves.

pub mod legacy;
mod payload;
mod sealed;

pub use sealed::{Attribution, Opened, RecipientKey, SealError, SealTo, open, seal};

/// `capability` of a sealed envelope (SP-60).
pub const CAPABILITY: &str = "sw-seal/2";
/// `intent` of a sealed envelope (EN-72, SP-60).
pub const INTENT: &str = "ENCRYPTED";
