//! Variants of development evidence for tests of verifiers: other reports, leaves and revocation lists, all signed by
//! the development root of one state folder.
//!
//! Only behind the feature `test-support`, which the binary does not have. It weakens nothing: whoever can read the
//! state folder can do the same, and only a policy that names that root accepts any of it.

use super::{
    Development,
    report::{self, TCB, Tcb},
    root::{ASK_SERIAL, Authorities, LeafTerms, PRODUCT, name, serial_number},
    state,
};
use crate::Error;
use der::{Encode as _, asn1::GeneralizedTime};
use sealwire_attest::{Endorsements, Evidence, Kind, UnixTime, x509::issue::IssuerKey};
use std::{path::Path, time::Duration};
use x509_cert::{
    Version,
    crl::{CertificateList, RevokedCert, TbsCertList},
    time::{Time, Validity},
};

/// Signs what the development TEE itself never would.
pub struct Forge {
    development: Development,
    authorities: Authorities,
}

/// What a leaf certificate says. The key stays the same.
#[derive(Debug, Clone)]
pub struct Leaf {
    /// product name, for example `Milan-B1`
    pub product: String,
    /// hardware id
    pub chip_id: [u8; 64],
    /// firmware level
    pub tcb: Tcb,
    /// first second of validity
    pub not_before: UnixTime,
    /// last second of validity
    pub not_after: UnixTime,
}

impl Forge {
    /// Opens the root of a state folder, and makes it where it does not exist.
    ///
    /// # Errors
    /// As [`Development::open`].
    pub fn open(folder: &Path) -> Result<Self, Error> {
        Ok(Self { development: Development::open(folder)?, authorities: state::load_authorities(folder)? })
    }

    /// The development TEE of the same root.
    #[must_use]
    pub fn development(&self) -> &Development {
        &self.development
    }

    /// A report whose signed bytes (`0x2a0` of them) were changed by `edit` before they were signed.
    ///
    /// # Errors
    /// [`Error::Crypto`]
    pub fn report(&self, report_data: &[u8; 64], edit: impl FnOnce(&mut [u8])) -> Result<Evidence, Error> {
        let mut body = report::body(&self.development.identity, report_data);
        edit(&mut body);
        let bytes = report::sign(body, &self.development.root.vcek_key)?;
        Ok(Evidence { kind: Kind::Development, bytes })
    }

    /// The chain of the root: leaf, intermediate, root.
    #[must_use]
    pub fn endorsements(&self) -> Endorsements {
        self.development.endorsements()
    }

    /// What the root's own leaf says, valid for the years 2000 to 2099.
    #[must_use]
    pub fn usual_leaf(&self) -> Leaf {
        Leaf {
            product: PRODUCT.to_owned(),
            chip_id: self.development.root.chip_id(),
            tcb: TCB,
            not_before: UnixTime(946_684_800),
            not_after: UnixTime(4_102_444_799),
        }
    }

    /// The chain of the root with another leaf.
    ///
    /// # Errors
    /// When the leaf cannot be written down.
    pub fn endorsements_with(&self, leaf: &Leaf) -> Result<Endorsements, Error> {
        let terms = LeafTerms {
            product: &leaf.product,
            chip_id: leaf.chip_id,
            tcb: leaf.tcb,
            validity: Validity::new(time(leaf.not_before)?, time(leaf.not_after)?),
        };
        let mut endorsements = self.endorsements();
        if let Some(first) = endorsements.certificates.first_mut() {
            *first = self.authorities.issue_leaf(&self.development.root.vcek_key, &terms)?;
        }
        Ok(endorsements)
    }

    /// The root's list of revoked intermediates, in DER: with the one of the chain, or empty.
    ///
    /// # Errors
    /// When a time cannot be written down.
    pub fn crl(&self, revoked: bool, this_update: UnixTime, next_update: UnixTime) -> Result<Vec<u8>, Error> {
        let this_update = time(this_update)?;
        let entry: RevokedCert = RevokedCert {
            serial_number: serial_number(ASK_SERIAL)?,
            revocation_date: this_update,
            crl_entry_extensions: None,
        };
        let key = IssuerKey::RsaPss(&self.authorities.ark_key);
        let signature_algorithm = key.algorithm()?;
        let tbs_cert_list = TbsCertList {
            version: Version::V2,
            signature: signature_algorithm.clone(),
            issuer: name("ARK")?,
            this_update,
            next_update: Some(time(next_update)?),
            revoked_certificates: revoked.then(|| vec![entry]),
            crl_extensions: None,
        };
        let signature = key.sign(&tbs_cert_list)?;
        Ok(CertificateList { tbs_cert_list, signature_algorithm, signature }.to_der()?)
    }
}

fn time(time: UnixTime) -> Result<Time, Error> {
    Ok(GeneralizedTime::from_unix_duration(Duration::from_secs(time.0))?.to_date_time().into())
}
