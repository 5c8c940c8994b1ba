//! The chain from NVIDIA's root to the key of a GPU's firmware: root → product → provisioner → boot ROM → firmware.

use super::{
    device::{Device, FIRMWARE_ID},
    report::Report,
    roots::PROFILE,
};
use crate::{
    Endorsements, Error,
    x509::{Certificate, Path, UnverifiedStatuses},
};
use sealwire_crypto::sign::ecdsa::{Scheme, verify_fixed};

/// A chain whose signatures verified. Its times and revocation are looked at each time that it is used (AT-26).
#[derive(Debug)]
pub(super) struct Chain {
    pub(super) device: Device,
    pub(super) path: Path,
}

/// Whether the key of a chain made the signature of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signature {
    Good,
    Bad,
}

impl Chain {
    /// Finds the certificate of the key that signed `report` among all that were supplied, and its path to one of `roots`.
    ///
    /// A folder may hold those of many GPUs, and of other machines: of those that are a GPU's, the one whose key made the
    /// signature. Where none did, the chain of the first is looked at, so that an error is that of the first check that
    /// fails.
    pub(super) fn build(
        report: &Report<'_>,
        endorsements: &Endorsements,
        roots: &[Certificate],
    ) -> Result<(Self, Signature), Error> {
        let supplied = endorsements.parse_certificates()?;
        let statuses = UnverifiedStatuses::parse(&endorsements.crls)?;

        let of_gpus = || supplied.iter().filter(|certificate| certificate.extension(FIRMWARE_ID).is_some());
        let signed = |certificate: &&Certificate| {
            certificate.p384_key().is_some_and(|key| {
                verify_fixed(Scheme::P384Sha384, &key, report.signed, report.signature).is_ok()
            })
        };
        let (leaf, signature) = match of_gpus().find(signed) {
            Some(leaf) => (Some(leaf), Signature::Good),
            None => (of_gpus().next(), Signature::Bad),
        };
        let leaf = leaf.ok_or(Error::EndorsementMissing("the certificate of the GPU's firmware"))?;
        let path = Path::build(leaf, &supplied, roots, statuses, &PROFILE)?;
        let device = Device::new(leaf)?;
        // A report that was altered is told as that first.
        if signature == Signature::Good && !device.is_of(report) {
            return Err(Error::KeyNotBound("the key was derived for another firmware than the report names"));
        }
        Ok((Self { device, path }, signature))
    }
}
