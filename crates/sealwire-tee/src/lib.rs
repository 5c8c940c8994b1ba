//! Evidence producers: TDX, SEV-SNP, Nitro Enclaves, TPM 2.0, and the development TEE.
//!
//! A producer checks of its evidence only that it is whole and over the report data that was asked for: anything else is
//! for a verifier. Each is tested against a device, a kernel or a host that is played, down to the bytes of its
//! interface.

mod configfs;
pub mod development;
mod error;
mod le;
mod machine;
mod nitro;
pub mod nvidia;
mod platform;
pub mod quoter;
#[cfg(test)]
mod shared;
mod snp;
mod tdx;
pub mod tpm;

pub use development::Development;
pub use error::Error;
pub use machine::{Machine, NAMES, Options, open};
pub use nitro::Nitro;
pub use nvidia::Nvidia;
pub use platform::{Attested, Platform};
pub use quoter::Quoter;
pub use snp::Snp;
pub use tdx::Tdx;

use sealwire_attest::{Endorsements, Evidence, Kind};

/// Fresh evidence and what goes with it.
#[derive(Debug, Clone)]
pub struct Produced {
    /// evidence over the report data that was asked for
    pub evidence: Evidence,
    /// certificates that the platform handed out
    pub endorsements: Endorsements,
}

/// Something that makes evidence. Blocking: call it through a [`quoter::Quoter`].
pub trait Tee: Send + Sync + 'static {
    /// The kind of its evidence.
    fn kind(&self) -> Kind;
    /// Makes evidence over 64 bytes of report data. May take from milliseconds to a second.
    ///
    /// # Errors
    /// What the platform said.
    fn produce(&self, report_data: &[u8; 64]) -> Result<Produced, Error>;
}
