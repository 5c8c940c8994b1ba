//! X.509 certificates, CRLs and OCSP responses as vendors' chains use them: parsing is `x509-cert`'s and `der`'s, what
//! they may say is decided here.
//! Only issuing is public.

pub(crate) mod algorithm;
mod anchors;
mod certificate;
mod crl;
#[cfg(test)]
pub(crate) mod forge;
pub mod issue;
pub(crate) mod ocsp;
mod path;
mod points;
mod profile;
mod revocation;
#[cfg(test)]
mod tests;

pub(crate) use algorithm::{Algorithm, Curve, rsa_public_key};
pub(crate) use anchors::anchors;
#[cfg(test)]
pub(crate) use anchors::assert_documented;
pub(crate) use certificate::{Certificate, Window};
pub(crate) use crl::{Crl, UnverifiedCrl};
pub(crate) use path::Path;
pub(crate) use points::Points;
pub(crate) use profile::{LeafUse, Profile};
pub(crate) use revocation::{Cover, Link, Revocation, Sources, UnverifiedStatuses};

use crate::UnixTime;
use der::{Decode as _, Header, Length, Reader as _, SliceReader};

/// The longest certificate that is looked at, in bytes; the vendors' have below 2 KiB.
pub(crate) const MAX_CERTIFICATE: usize = 8 * 1024;
/// The most elements of a certificate, nested ones included; the vendors' have up to 133. An element of a few bytes takes
/// many times that when parsed (AT-08).
const MAX_ELEMENTS: usize = 256;
/// The longest CRL that is looked at, in bytes.
pub(crate) const MAX_CRL: usize = 256 * 1024;

/// The exact bytes that a certificate's or CRL's signature covers: the first element of the outer sequence. Never
/// an encoding made anew from parsed values, which could differ from what was signed.
fn signed_bytes(der: &[u8]) -> Result<&[u8], der::Error> {
    let mut reader = SliceReader::new(der)?;
    Header::decode(&mut reader)?;
    reader.tlv_bytes()
}

/// Whether there are more than `most` elements in DER; what does not parse is for its parser to say.
fn is_crowded(der: &[u8], most: usize) -> bool {
    let Ok(mut reader) = SliceReader::new(der) else { return false };
    let mut next = || {
        let header = Header::decode(&mut reader).ok()?;
        // What is in a constructed element comes next.
        let skipped = if header.tag().is_constructed() { Length::ZERO } else { header.length() };
        reader.read_slice(skipped).ok()
    };
    (0..=most).all(|_| next().is_some())
}

fn unix(time: x509_cert::time::Time) -> UnixTime {
    UnixTime(time.to_unix_duration().as_secs())
}
