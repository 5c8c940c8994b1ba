//! Attestation documents of AWS Nitro Enclaves, from the Nitro security module (NSM) behind `/dev/nsm`.
//!
//! The module speaks CBOR: requests and responses are those of AWS's `aws-nitro-enclaves-nsm-api`.

mod document;
mod message;

use crate::{Error, Machine, Produced, Tee};
use sealwire_attest::{Endorsements, Evidence, Kind};
use sealwire_device::Nsm;
use std::io;

/// What the device does, so that tests can play it.
trait Device: Send + Sync {
    /// See [`Nsm::exchange`].
    fn exchange(&self, request: &[u8]) -> io::Result<Vec<u8>>;
}

impl Device for Nsm {
    fn exchange(&self, request: &[u8]) -> io::Result<Vec<u8>> {
        Self::exchange(self, request)
    }
}

/// Makes attestation documents. Their certificates are inside.
pub struct Nitro {
    device: Box<dyn Device>,
}

impl Nitro {
    /// Opens the device, and asks the module what it is.
    ///
    /// # Errors
    /// [`Error::Absent`], [`Error::Device`], [`Error::Platform`], [`Error::Nsm`], [`Error::Malformed`]
    pub fn open(machine: &Machine) -> Result<Self, Error> {
        let path = &machine.nsm;
        if !path.exists() {
            return Err(Error::Absent { tee: "Nitro Enclaves", path: path.clone() });
        }
        let device = Nsm::open(path).map_err(|source| Error::Device { path: path.clone(), source })?;
        Self::with(device)
    }

    fn with(device: impl Device + 'static) -> Result<Self, Error> {
        let this = Self { device: Box::new(device) };
        message::check_description(&this.exchange("DescribeNSM", &message::describe())?)?;
        Ok(this)
    }

    fn exchange(&self, what: &'static str, request: &[u8]) -> Result<Vec<u8>, Error> {
        let answered = self.device.exchange(request);
        answered.map_err(|source| Error::Platform { interface: message::INTERFACE, what, source })
    }
}

impl Tee for Nitro {
    fn kind(&self) -> Kind {
        Kind::Nitro
    }

    fn produce(&self, report_data: &[u8; 64]) -> Result<Produced, Error> {
        let response = self.exchange("Attestation", &message::attestation(report_data))?;
        let bytes = message::document(&response)?;
        document::check(&bytes, report_data)?;
        Ok(Produced {
            evidence: Evidence { kind: Kind::Nitro, bytes },
            endorsements: Endorsements::default(),
        })
    }
}

#[cfg(test)]
mod tests;
