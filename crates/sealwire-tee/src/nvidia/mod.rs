//! Measurements of an NVIDIA GPU, fetched by a program of the operator's.
//!
//! A GPU is reached through NVIDIA's own library, which is neither here nor free. So the operator names a program that asks
//! it for a report over a nonce, and prints
//!
//! ```json
//! {"report": "base64 of the SPDM request and of the response behind it", "certificates": ["PEM", …]}
//! ```
//!
//! Nothing that it prints is trusted: a report that is not the GPU's does not verify.

mod helper;

pub use helper::{Command, Error};

use crate::{Produced, Tee};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use sealwire_attest::{Endorsements, Evidence, Kind};
use serde::Deserialize;

/// Where the requester's nonce stands: in GET_MEASUREMENTS, behind its four bytes of header (DSP0274 1.1, table 33).
const NONCE: std::ops::Range<usize> = 4..36;
/// The longest report, in bytes: a request, and a response with all measurements.
const MAX_REPORT: usize = 64 * 1024;

/// Makes evidence of a GPU. A companion: what it proves is worth what the guest that asked for it is worth.
pub struct Nvidia {
    command: Command,
}

/// What the program prints.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    report: String,
    certificates: Vec<String>,
}

impl Nvidia {
    /// With the program to run. It is not run before evidence is asked for.
    #[must_use]
    pub fn new(command: Command) -> Self {
        Self { command }
    }

    fn read(&self, output: &[u8], nonce: &[u8]) -> Result<Produced, crate::Error> {
        let malformed = |what: String| Error::Answer { program: self.command.program().to_owned(), what };
        let Answer { report, certificates } =
            serde_json::from_slice(output).map_err(|error| malformed(error.to_string()))?;
        let bytes = BASE64_STANDARD
            .decode(report.trim())
            .map_err(|error| malformed(format!("`report` is not base64: {error}")))?;
        if bytes.len() > MAX_REPORT {
            return Err(malformed("`report` is longer than any report".to_owned()).into());
        }
        if bytes.get(NONCE) != Some(nonce) {
            return Err(crate::Error::WrongReport);
        }
        let mut endorsements = Endorsements::default();
        for pem in certificates {
            let added = endorsements.add(pem.as_bytes());
            added.map_err(|error| malformed(format!("`certificates`: {error}")))?;
        }
        Ok(Produced { evidence: Evidence { kind: Kind::Nvidia, bytes }, endorsements })
    }
}

impl Tee for Nvidia {
    fn kind(&self) -> Kind {
        Kind::Nvidia
    }

    fn produce(&self, report_data: &[u8; 64]) -> Result<Produced, crate::Error> {
        // SPDM takes 32 bytes (AT-04).
        let (nonce, _) = report_data.split_at(Kind::Nvidia.binding_len());
        let output = self.command.run(&hex::encode(nonce))?;
        self.read(&output, nonce)
    }
}

#[cfg(test)]
mod tests;
