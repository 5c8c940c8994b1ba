//! The development TEE (AT-07): genuine-format SEV-SNP reports under a root that was made on this machine.
//!
//! Verifiers check its evidence with the code that checks AMD's. It proves nothing to anybody else: the private keys
//! of the root lie in the state folder, so whoever reads that folder can sign any report. Only a policy that names
//! the root's fingerprint accepts it, and no build can be told otherwise.
//!
//! The measurement is the SHA-384 of the running executable, so that a policy that lists measurements works as it
//! does with hardware. The chip id and the firmware level belong to the root.

mod certificate;
#[cfg(feature = "test-support")]
pub mod forge;
mod report;
mod root;
mod state;

pub use report::Tcb;

use crate::{Error, Produced, Tee};
use report::Identity;
use root::Root;
use sealwire_attest::{Endorsements, Evidence, Kind, UnixTime, Verifier, verify::Expected};
use sealwire_crypto::{
    digest::{sha256, sha384},
    random::{self, OsRandom},
};
use std::{fs, path::Path, time::SystemTime};

/// Makes development evidence.
pub struct Development {
    root: Root,
    identity: Identity,
}

impl Development {
    /// Opens the development root in the folder `state`, and makes both where they do not exist.
    ///
    /// Making a root takes seconds. Of several processes that start at the same time one makes it, and the others
    /// wait for it.
    ///
    /// # Errors
    /// [`Error::State`], [`Error::Exposed`], [`Error::Damaged`]
    pub fn open(state: &Path) -> Result<Self, Error> {
        let root = state::load_or_make(state)?;
        let identity = Identity {
            measurement: measure_this_program()?,
            chip_id: root.chip_id(),
            report_id: random::array(&OsRandom)?,
        };
        let this = Self { root, identity };
        this.check().map_err(|error| state::damaged(&state.join(state::FOLDER), error))?;
        tracing::warn!(
            root = %hex::encode(this.root_fingerprint()),
            measurement = %hex::encode(this.identity.measurement),
            "development TEE: no hardware protects this process, and only a policy that names this root accepts its evidence",
        );
        Ok(this)
    }

    /// SHA-256 of the root certificate in DER: what a policy names to accept this machine.
    #[must_use]
    pub fn root_fingerprint(&self) -> [u8; 32] {
        sha256(&[&self.root.ark])
    }

    /// The measurement in every report: SHA-384 of the running executable.
    #[must_use]
    pub fn measurement(&self) -> [u8; 48] {
        self.identity.measurement
    }

    /// Verifies a report of its own, as a client will: damaged certificates, and a chain whose time has come, are
    /// better found here.
    fn check(&self) -> Result<(), Box<dyn std::error::Error>> {
        let report_data = random::array(&OsRandom)?;
        let Produced { evidence, endorsements } = self.produce(&report_data)?;
        let at = UnixTime(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs());
        Verifier::new(&[self.root_fingerprint()]).verify(
            &evidence,
            &endorsements,
            Expected::ReportData(&report_data),
            at,
        )?;
        Ok(())
    }

    fn endorsements(&self) -> Endorsements {
        let Root { vcek, ask, ark, .. } = &self.root;
        Endorsements {
            certificates: vec![vcek.clone(), ask.clone(), ark.clone()],
            crls: Vec::new(),
            ..Endorsements::default()
        }
    }
}

impl Tee for Development {
    fn kind(&self) -> Kind {
        Kind::Development
    }

    fn produce(&self, report_data: &[u8; 64]) -> Result<Produced, Error> {
        let bytes = report::sign(report::body(&self.identity, report_data), &self.root.vcek_key)?;
        let evidence = Evidence { kind: Kind::Development, bytes };
        Ok(Produced { evidence, endorsements: self.endorsements() })
    }
}

fn measure_this_program() -> Result<[u8; 48], Error> {
    // The link stands for the file that runs, even after another has taken its path.
    let path = Path::new("/proc/self/exe");
    let program = fs::read(path).map_err(|source| Error::State { path: path.to_owned(), source })?;
    Ok(sha384(&[&program]))
}
