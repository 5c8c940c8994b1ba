//! The development root: keys and certificates in the places of AMD's, ARK → ASK → VCEK. As there, authorities are RSA and
//! sign with RSASSA-PSS, and the leaf is on P-384.

use super::{
    certificate::leaf_extensions,
    report::{TCB, Tcb},
};
use crate::Error;
use sealwire_attest::x509::issue::{Curve, IssuerKey, Subject, authority_extensions, ec_key, issue, rsa_key};
use sealwire_crypto::{
    digest::sha512,
    sign::{ecdsa_p384, rsa_pss_sha384::SigningKey},
};
use std::{
    str::FromStr as _,
    time::{Duration, SystemTime},
};
use x509_cert::{
    name::Name,
    serial_number::SerialNumber,
    time::{Time, Validity},
};

/// The product that the leaf stands for.
pub(super) const PRODUCT: &str = "Milan-B1";
/// AMD's numbers for the two authorities.
const ARK_SERIAL: u32 = 0x1_0000;
pub(super) const ASK_SERIAL: u32 = 0x1_0001;
/// AMD numbers no leaf. RFC 5280 wants a positive number.
const VCEK_SERIAL: u32 = 1;
/// How long the certificates are valid: 20 years.
const LIFETIME: Duration = Duration::from_secs(20 * 365 * 24 * 60 * 60);
/// They begin a day before they are made, for clocks that differ.
const EARLIER: Duration = Duration::from_secs(24 * 60 * 60);

/// What evidence needs: the leaf's key, and the certificates in DER.
pub(super) struct Root {
    pub(super) ark: Vec<u8>,
    pub(super) ask: Vec<u8>,
    pub(super) vcek: Vec<u8>,
    pub(super) vcek_key: ecdsa_p384::SigningKey,
}

/// The keys that certify. They are kept, as AMD keeps its own, for leaves of other firmware levels; evidence does not
/// need them.
pub(super) struct Authorities {
    pub(super) ark_key: SigningKey,
    pub(super) ask_key: SigningKey,
}

/// What a leaf stands for.
pub(super) struct LeafTerms<'a> {
    pub(super) product: &'a str,
    pub(super) chip_id: [u8; 64],
    pub(super) tcb: Tcb,
    pub(super) validity: Validity,
}

impl Root {
    /// Makes a root. Takes seconds, for two RSA keys of 4096 bits.
    pub(super) fn make() -> Result<(Self, Authorities), Error> {
        let authorities = Authorities { ark_key: SigningKey::generate()?, ask_key: SigningKey::generate()? };
        let vcek_key = ecdsa_p384::SigningKey::generate()?;
        let validity = validity()?;
        let ark = authorities.issue_ark(validity)?;
        let ask = authorities.issue_ask(validity)?;
        let terms = LeafTerms { product: PRODUCT, chip_id: chip_id(&ark), tcb: TCB, validity };
        let vcek = authorities.issue_leaf(&vcek_key, &terms)?;
        Ok((Self { ark, ask, vcek, vcek_key }, authorities))
    }

    /// The id of the chip: the same as long as the root is the same.
    pub(super) fn chip_id(&self) -> [u8; 64] {
        chip_id(&self.ark)
    }
}

impl Authorities {
    fn issue_ark(&self, validity: Validity) -> Result<Vec<u8>, Error> {
        let subject = Subject {
            serial: serial_number(ARK_SERIAL)?,
            name: name("ARK")?,
            key: rsa_key(&self.ark_key.public_key())?,
            extensions: authority_extensions(1)?,
        };
        Ok(issue(&name("ARK")?, IssuerKey::RsaPss(&self.ark_key), validity, subject)?)
    }

    fn issue_ask(&self, validity: Validity) -> Result<Vec<u8>, Error> {
        let subject = Subject {
            serial: serial_number(ASK_SERIAL)?,
            name: name("ASK")?,
            key: rsa_key(&self.ask_key.public_key())?,
            extensions: authority_extensions(0)?,
        };
        Ok(issue(&name("ARK")?, IssuerKey::RsaPss(&self.ark_key), validity, subject)?)
    }

    pub(super) fn issue_leaf(
        &self,
        key: &ecdsa_p384::SigningKey,
        terms: &LeafTerms<'_>,
    ) -> Result<Vec<u8>, Error> {
        let subject = Subject {
            serial: serial_number(VCEK_SERIAL)?,
            // Verifiers tell leaves apart by AMD's name for their place.
            name: Name::from_str("CN=SEV-VCEK,O=Sealwire Development")?,
            key: ec_key(Curve::P384, &key.public_key())?,
            extensions: leaf_extensions(terms.product, &terms.chip_id, terms.tcb)?,
        };
        Ok(issue(&name("ASK")?, IssuerKey::RsaPss(&self.ask_key), terms.validity, subject)?)
    }
}

/// The name of an authority, which nobody can take for AMD's.
pub(super) fn name(place: &str) -> Result<Name, Error> {
    Ok(Name::from_str(&format!("CN=Sealwire Development {place},O=Sealwire Development"))?)
}

pub(super) fn serial_number(number: u32) -> Result<SerialNumber, Error> {
    Ok(SerialNumber::new(&number.to_be_bytes())?)
}

fn chip_id(ark: &[u8]) -> [u8; 64] {
    sha512(&[b"sealwire development chip", ark])
}

fn validity() -> Result<Validity, Error> {
    let begin = SystemTime::now() - EARLIER;
    Ok(Validity::new(Time::try_from(begin)?, Time::try_from(begin + LIFETIME)?))
}
