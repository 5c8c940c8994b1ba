//! Evidence producers: configfs-tsm, `/dev/sev-guest`, and the development TEE.

mod error;
pub mod quoter;

pub use error::Error;

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

/// Opens the TEE of a name: `auto`, `snp`, `development` (AT-60). `state` is the folder of the development root.
///
/// # Errors
/// When the machine has none; nothing silently becomes development.
pub fn open(_name: &str, _state: &std::path::Path) -> Result<Box<dyn Tee>, Error> {
    todo!()
}
