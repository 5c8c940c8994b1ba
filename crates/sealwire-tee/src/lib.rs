//! Evidence producers: SEV-SNP through configfs-tsm, and the development TEE.
//!
//! `/dev/sev-guest` is not used: its requests need `ioctl`, hence `unsafe`, and configfs-tsm (Linux 6.7) gives the
//! same reports and certificates through plain files. On an older kernel the error says so.

pub mod development;
mod error;
mod platform;
pub mod quoter;
pub mod snp;
pub mod tpm;

pub use development::Development;
pub use error::Error;
pub use platform::{Attested, Platform};
pub use quoter::Quoter;

use sealwire_attest::{Endorsements, Evidence, Kind};
use std::path::PathBuf;

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

/// What a TEE is opened with.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// folder of the development root
    pub state: PathBuf,
}

/// Opens the TEE of a name: `auto`, `snp`, `development` (AT-60).
///
/// # Errors
/// When the machine has none; nothing silently becomes development.
pub fn open(name: &str, options: &Options) -> Result<Box<dyn Tee>, Error> {
    match name {
        // SEV-SNP is the one technology so far.
        "auto" | "snp" => Ok(Box::new(snp::Snp::open()?)),
        "development" => Ok(Box::new(Development::open(&options.state)?)),
        _ => Err(Error::UnknownTee(name.to_owned())),
    }
}
