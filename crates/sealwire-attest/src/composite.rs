//! Composite evidence (AT-01, AT-04): one piece that leads, and companions that it vouches for.

use crate::{Evidence, cmw};
use std::collections::BTreeMap;

/// The most companions of one piece of evidence.
pub const MAX_COMPANIONS: usize = 8;
/// The longest label of a companion, in bytes.
pub const MAX_LABEL: usize = 32;

/// What an attester presents: the lead evidence, and companions by label.
///
/// The companions are collected first; the binding of the lead covers their exact bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presented {
    /// what the rest hangs on: the CPU, or the TPM
    pub lead: Evidence,
    /// by label (`gpu`, `tpm`, …): lower-case letters, digits and `-`
    pub companions: BTreeMap<String, Evidence>,
}

impl Presented {
    /// The bytes of the companions that the lead's binding covers; empty where there are none.
    #[must_use]
    pub fn companion_bytes(&self) -> Vec<u8> {
        companion_bytes(&self.companions)
    }
}

impl From<Evidence> for Presented {
    fn from(lead: Evidence) -> Self {
        Self { lead, companions: BTreeMap::new() }
    }
}

/// The CMW collection of companions, deterministic, or nothing where there are none.
#[must_use]
pub fn companion_bytes(companions: &BTreeMap<String, Evidence>) -> Vec<u8> {
    if companions.is_empty() { Vec::new() } else { cmw::encode_collection(companions) }
}
