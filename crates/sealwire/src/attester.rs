//! The machine that this program runs on, as a client shows it (SE-11).

use futures_util::future::BoxFuture;
use sealwire_attest::{Bound, Endorsements};
use sealwire_client::{Attestation, Attester};
use sealwire_collateral::folder;
use sealwire_http::BoxError;
use sealwire_tee::{Attested, Platform, Quoter};
use std::{path::PathBuf, time::Duration};

/// Quotes that may wait: one is made for each key document, and documents one after the other.
const QUEUE: usize = 4;
/// How long one may take; a TPM may take seconds.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Makes evidence with a machine's TEE.
pub struct Machine {
    quoter: Quoter,
    endorsements: Vec<PathBuf>,
}

impl Machine {
    /// With `platform`. What lies in `endorsements`, files or folders of certificates, CRLs and reference data that are read
    /// anew each time, goes with its evidence.
    #[must_use]
    pub fn new(platform: Platform, endorsements: Vec<PathBuf>) -> Self {
        Self { quoter: Quoter::spawn(platform, QUEUE, TIMEOUT), endorsements }
    }
}

impl Attester for Machine {
    fn attest(&self, bound: Bound) -> BoxFuture<'static, Result<Attestation, BoxError>> {
        let (quoter, paths) = (self.quoter.clone(), self.endorsements.clone());
        Box::pin(async move {
            let Attested { evidence, mut endorsements } = quoter.quote(bound).await?;
            let local = tokio::task::spawn_blocking(move || local(&paths)).await??;
            endorsements.merge(&local)?;
            Ok(Attestation { evidence, endorsements })
        })
    }
}

fn local(paths: &[PathBuf]) -> Result<Endorsements, BoxError> {
    let mut found = Endorsements::default();
    for path in paths {
        found.merge(&folder::read(path)?.endorsements)?;
    }
    Ok(found)
}
