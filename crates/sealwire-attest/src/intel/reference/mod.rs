//! Reference data that Intel signs: TCB info, and identities of quoting enclaves.
//!
//! What is signed are the exact bytes of the inner object as Intel served them (QI-06). So they are kept and hashed as
//! they came, and never written anew.

mod identity;
mod json;
mod level;
mod served;
mod tcb_info;

pub use identity::QeIdentity;
pub(super) use identity::check_enclave;
pub(crate) use level::Level;
pub(crate) use served::Collateral;
pub use tcb_info::TcbInfo;

use super::{
    chain::{Supplied, of_signer},
    pck::Pck,
    roots::{INTEL, PROFILE, Roots},
};
use crate::{
    Endorsements, Error, Kind, UnixTime,
    x509::{Certificate, Path, UnverifiedStatuses},
};
use sealwire_crypto::sign::ecdsa::{Scheme, verify_fixed};
use served::Served;
use std::sync::Arc;

/// The common name of the one certificate that may sign reference data.
const SIGNER: &str = "Intel SGX TCB Signing";

/// The reference data for a platform whose signatures verified. Their times are looked at each time that they are used
/// (AT-26).
#[derive(Debug, Default)]
pub(super) struct References {
    tcb_infos: Vec<Signed<TcbInfo>>,
    qe_identities: Vec<Signed<QeIdentity>>,
}

/// Reference data, and what is under its signature.
#[derive(Debug)]
pub(super) struct Signed<T> {
    pub(super) value: T,
    what: &'static str,
    issued: UnixTime,
    next_update: UnixTime,
    evaluation: u32,
    signer: Arc<Path>,
}

impl References {
    /// Verifies those of the references that are for a platform and for quotes of `kind`. Others may lie in the same
    /// folder, and say nothing here.
    pub(super) fn build(
        kind: Kind,
        pck: &Pck,
        supplied: &Supplied<'_>,
        roots: &Roots,
        at: UnixTime,
    ) -> Result<Self, Error> {
        let mut found = Self::default();
        let mut signers = Signers { supplied, roots, known: Vec::new() };
        for bytes in &supplied.endorsements.references {
            match Served::read(bytes) {
                Some(Served::TcbInfo { inner, signature }) if TcbInfo::is_for(inner, kind, pck) => {
                    let signer = signers.of(inner, &signature, at)?;
                    let value = TcbInfo::parse(inner)?;
                    let TcbInfo { issued, next_update, evaluation, .. } = value;
                    let what = "TCB info";
                    found.tcb_infos.push(Signed { value, what, issued, next_update, evaluation, signer });
                }
                Some(Served::QeIdentity { inner, signature }) if QeIdentity::is_for(inner, kind) => {
                    let signer = signers.of(inner, &signature, at)?;
                    let value = QeIdentity::parse(inner)?;
                    let QeIdentity { issued, next_update, evaluation, .. } = value;
                    let what = "identity of the quoting enclave";
                    found.qe_identities.push(Signed { value, what, issued, next_update, evaluation, signer });
                }
                _ => {}
            }
        }
        Ok(found)
    }

    /// The TCB info that counts at a time.
    pub(super) fn tcb_info(&self, at: UnixTime) -> Option<&Signed<TcbInfo>> {
        choose(&self.tcb_infos, at)
    }

    /// The identity that counts at a time.
    pub(super) fn qe_identity(&self, at: UnixTime) -> Option<&Signed<QeIdentity>> {
        choose(&self.qe_identities, at)
    }

    /// The earliest end of a signer's certificate.
    pub(super) fn not_after(&self) -> UnixTime {
        let signers = self.tcb_infos.iter().map(|signed| &signed.signer);
        let signers = signers.chain(self.qe_identities.iter().map(|signed| &signed.signer));
        signers.map(|signer| signer.not_after()).min().unwrap_or(UnixTime(u64::MAX))
    }
}

/// One piece of reference data by itself.
#[derive(Debug)]
pub(crate) enum Referenced {
    TcbInfo(TcbInfo),
    QeIdentity(QeIdentity),
}

/// Verifies one piece of reference data by itself, for whoever keeps it until it is needed (AT-70). With it, since when and
/// until when it holds.
pub(crate) fn check_reference(
    bytes: &[u8],
    endorsements: &Endorsements,
) -> Result<(Referenced, UnixTime, UnixTime), Error> {
    let supplied = Supplied::new(endorsements)?;
    let mut signers = Signers { supplied: &supplied, roots: &INTEL, known: Vec::new() };
    let (referenced, inner, signature) = match Served::read(bytes) {
        Some(Served::TcbInfo { inner, signature }) => {
            (Referenced::TcbInfo(TcbInfo::parse(inner)?), inner, signature)
        }
        Some(Served::QeIdentity { inner, signature }) => {
            (Referenced::QeIdentity(QeIdentity::parse(inner)?), inner, signature)
        }
        None => return Err(Error::ReferenceInvalid("neither TCB info nor an identity")),
    };
    let (issued, next_update) = referenced.window();
    // Whether its signer is revoked is for a verifier to see, who has the CRL.
    let signer = signers.of(inner, &signature, issued)?;
    Ok((referenced, issued, next_update.min(signer.not_after())))
}

/// Whether reference data of Intel's was to be renewed before `at`.
pub(crate) fn has_ended(bytes: &[u8], at: UnixTime) -> bool {
    let referenced = match Served::read(bytes) {
        Some(Served::TcbInfo { inner, .. }) => TcbInfo::parse(inner).map(Referenced::TcbInfo),
        Some(Served::QeIdentity { inner, .. }) => QeIdentity::parse(inner).map(Referenced::QeIdentity),
        None => return false,
    };
    referenced.is_ok_and(|referenced| at > referenced.window().1)
}

impl Referenced {
    fn window(&self) -> (UnixTime, UnixTime) {
        match self {
            Self::TcbInfo(TcbInfo { issued, next_update, .. })
            | Self::QeIdentity(QeIdentity { issued, next_update, .. }) => (*issued, *next_update),
        }
    }
}

/// Of what is in force the highest evaluation, and of that the latest; where nothing is, of all, so that what is wrong
/// with it can be told.
fn choose<T>(list: &[Signed<T>], at: UnixTime) -> Option<&Signed<T>> {
    list.iter().max_by_key(|signed| (signed.check_time(at).is_ok(), signed.evaluation, signed.issued))
}

impl<T> Signed<T> {
    /// AT-03: times, and revocation of the signer by the CRLs of the root that `path` has. Until when it holds.
    pub(super) fn check(&self, path: &Path, at: UnixTime) -> Result<UnixTime, Error> {
        self.check_time(at)?;
        self.signer.check_validity(at).map_err(of_signer)?;
        let until = self.next_update.min(self.signer.not_after());
        // Where there is no CRL, the outcome of the evidence's own chain, which has the same root, says so.
        let revocation = path.check_revocation_of(&self.signer, at).map_err(of_signer)?;
        Ok(until.min(revocation.good_until()))
    }

    fn check_time(&self, at: UnixTime) -> Result<(), Error> {
        let Self { what, issued, next_update, .. } = *self;
        if at < issued {
            return Err(Error::ReferenceNotYetValid { what, from: issued });
        }
        if at > next_update {
            return Err(Error::ReferenceExpired { what, until: next_update });
        }
        Ok(())
    }
}

/// The signers that were found, so that the path of each is verified once.
struct Signers<'a> {
    supplied: &'a Supplied<'a>,
    roots: &'a Roots,
    known: Vec<([u8; 65], Arc<Path>)>,
}

impl Signers<'_> {
    /// The path of the key that signed `inner`: its certificate has Intel's name for it, and is the root's own.
    fn of(&mut self, inner: &str, signature: &[u8; 64], at: UnixTime) -> Result<Arc<Path>, Error> {
        let signed =
            |key: &[u8; 65]| verify_fixed(Scheme::P256Sha256, key, inner.as_bytes(), signature).is_ok();
        if let Some((_, path)) = self.known.iter().find(|(key, _)| signed(key)) {
            return Ok(Arc::clone(path));
        }
        let candidates = self.supplied.certificates.iter().chain(&self.roots.below);
        for signer in candidates.filter(|certificate| certificate.common_name() == SIGNER) {
            let Some(key) = key_of(signer).filter(|key| !self.known.iter().any(|(known, _)| known == key))
            else {
                continue;
            };
            if signed(&key) {
                let path =
                    Path::build(signer, &[], &self.roots.pinned, UnverifiedStatuses::default(), &PROFILE);
                let path = Arc::new(path.map_err(of_signer)?);
                path.check_validity(at).map_err(of_signer)?;
                self.known.push((key, Arc::clone(&path)));
                return Ok(path);
            }
        }
        Err(Error::ReferenceInvalid("no key of its signer made the signature over its exact bytes"))
    }
}

fn key_of(certificate: &Certificate) -> Option<[u8; 65]> {
    certificate.ec_key().and_then(|(_, point)| point.try_into().ok())
}
