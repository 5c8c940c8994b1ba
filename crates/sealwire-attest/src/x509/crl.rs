use super::{
    Algorithm, Certificate, Link, MAX_CRL, Points, Profile,
    points::{Scope, is_scope},
    signed_bytes, unix,
};
use crate::{Error, Place, UnixTime};
use der::{
    DecodeValue, Reader as _, SliceReader, Tag, TagMode, TagNumber,
    asn1::{AnyRef, BitStringRef, SequenceRef},
    oid::AssociatedOid as _,
};
use x509_cert::{
    AlgorithmIdentifier, Version,
    crl::RevokedCert,
    ext::{Extension, Extensions, pkix::CrlNumber},
    name::Name,
    time::Time,
};

/// The longest part of a CRL that is held in parsed form, in bytes: an issuer's name, an entry, the extensions.
const MAX_PART: usize = 4 * 1024;

/// A CRL whose signature verified. Its times and its list are looked at each time that it is used (AT-26).
#[derive(Debug, Clone)]
pub(crate) struct Crl {
    pub(crate) issuer: Name,
    pub(crate) this_update: UnixTime,
    pub(crate) next_update: UnixTime,
    scope: Scope,
    /// in order; about as long as in the CRL itself
    revoked: Vec<Serial>,
}

/// A serial number: its length, at most 20 (RFC 5280 section 4.1.2.2), and as many bytes.
type Serial = [u8; 22];

/// A CRL that parsed; nothing about it is verified. Its entries stay where they are: a list of hundreds of kilobytes takes
/// ten times that when parsed (AT-08).
pub(crate) struct UnverifiedCrl<'a> {
    issuer: Name,
    algorithm: AlgorithmIdentifier,
    this_update: Time,
    next_update: Option<Time>,
    /// the content of `revokedCertificates`
    entries: &'a [u8],
    extensions: Extensions,
    signature: BitStringRef<'a>,
    pub(super) signed: &'a [u8],
    /// whether the algorithm is the same inside of what is signed
    names_one_algorithm: bool,
}

impl<'a> UnverifiedCrl<'a> {
    /// Parses DER; trailing bytes are an error.
    pub(crate) fn from_der(bytes: &'a [u8]) -> Result<Self, Error> {
        if bytes.len() > MAX_CRL {
            return Err(Error::MalformedEndorsement("a CRL that is too long"));
        }
        Self::read(bytes).map_err(|_| Error::MalformedEndorsement("not a CRL"))
    }

    /// CertificateList (RFC 5280 section 5.1).
    fn read(bytes: &'a [u8]) -> Result<Self, der::Error> {
        let mut whole = SliceReader::new(bytes)?;
        let mut crl = inside(&mut whole)?;
        whole.finish()?;
        let mut list = inside(&mut crl)?;
        let algorithm: AlgorithmIdentifier = part(crl.decode()?)?;
        let signature = crl.decode()?;
        crl.finish()?;
        list.decode::<Version>()?;
        let signed_algorithm: AlgorithmIdentifier = part(list.decode()?)?;
        let issuer = part(list.decode()?)?;
        let (this_update, next_update) = (list.decode()?, list.decode()?);
        let entries = list.decode::<Option<&SequenceRef>>()?.map(SequenceRef::as_bytes).unwrap_or_default();
        let extensions = list.context_specific::<&SequenceRef>(TagNumber(0), TagMode::Explicit)?;
        list.finish()?;
        each_entry(entries, |_| ())?;
        Ok(Self {
            issuer,
            names_one_algorithm: signed_algorithm == algorithm,
            algorithm,
            this_update,
            next_update,
            entries,
            extensions: extensions.map(part).transpose()?.unwrap_or_default(),
            signature,
            signed: signed_bytes(bytes)?,
        })
    }

    pub(crate) fn issuer(&self) -> &Name {
        &self.issuer
    }

    /// Whether it was to be renewed before `at`; one that says nothing of that never is.
    pub(crate) fn has_ended(&self, at: UnixTime) -> bool {
        self.next_update.is_some_and(|next| at > unix(next))
    }

    /// Verifies the signature with the key of `issuer`.
    ///
    /// A critical extension of the list or of an entry that is not understood changes what the list means, so such a
    /// list is refused whole (RFC 5280 section 5.3).
    pub(crate) fn verify(self, issuer: &Certificate, profile: &Profile) -> Result<Crl, Error> {
        if self.issuer() != issuer.subject() {
            return Err(Error::CrlInvalid("another issuer"));
        }
        if !issuer.may_sign_crls() {
            return Err(Error::CrlInvalid("its issuer may not sign one"));
        }
        let other = Error::CrlInvalid("another algorithm than the vendor uses");
        if !self.names_one_algorithm {
            return Err(other);
        }
        let algorithm = Algorithm::named(&self.algorithm).filter(|named| profile.algorithms.contains(named));
        let signature = self.signature.as_bytes().ok_or(Error::CrlInvalid("signature"))?;
        if !algorithm.ok_or(other)?.verifies(issuer.public_key_info(), self.signed, signature) {
            return Err(Error::CrlInvalid("signature"));
        }
        let understood = |extension: &Extension| !extension.critical || extension.extn_id == CrlNumber::OID;
        let mut all_understood = self.extensions.iter().all(|one| understood(one) || is_scope(one));
        let mut count = 0;
        let unreadable = |_| Error::CrlInvalid("an entry that does not read");
        each_entry(self.entries, |entry| {
            count += 1;
            all_understood &= entry.crl_entry_extensions.iter().flatten().all(understood);
        })
        .map_err(unreadable)?;
        if !all_understood {
            return Err(Error::CrlInvalid("a critical extension that is not understood"));
        }
        let scope = Scope::read(&self.extensions)?;
        let next_update = self.next_update.ok_or(Error::CrlInvalid("no next update"))?;
        // Of its length at once: growing would take twice as much.
        let mut revoked = Vec::with_capacity(count);
        each_entry(self.entries, |entry| revoked.extend(serial(entry.serial_number.as_bytes())))
            .map_err(unreadable)?;
        revoked.sort_unstable();
        Ok(Crl {
            issuer: self.issuer,
            this_update: unix(self.this_update),
            next_update: unix(next_update),
            scope,
            revoked,
        })
    }
}

/// A reader of what is in the next SEQUENCE.
fn inside<'a>(reader: &mut SliceReader<'a>) -> Result<SliceReader<'a>, der::Error> {
    SliceReader::new(reader.decode::<&SequenceRef>()?.as_bytes())
}

/// A part in its own form, if it is of a length that it can have.
fn part<'a, T>(sequence: &'a SequenceRef) -> Result<T, der::Error>
where
    T: DecodeValue<'a, Error = der::Error> + der::FixedTag + 'a,
{
    let bytes = sequence.as_bytes();
    if bytes.len() > MAX_PART {
        return Err(der::ErrorKind::Overlength.into());
    }
    AnyRef::new(Tag::Sequence, bytes)?.decode_as()
}

/// Shows every entry, one after the other.
fn each_entry(entries: &[u8], mut show: impl FnMut(RevokedCert)) -> Result<(), der::Error> {
    let mut reader = SliceReader::new(entries)?;
    while !reader.is_finished() {
        show(part(reader.decode()?)?);
    }
    reader.finish()
}

/// None of a length that no certificate's has.
fn serial(bytes: &[u8]) -> Option<Serial> {
    let mut serial = [0; 22];
    let (len, value) = serial.split_first_mut()?;
    *len = u8::try_from(bytes.len()).ok()?;
    value.get_mut(..bytes.len())?.copy_from_slice(bytes);
    Some(serial)
}

impl Crl {
    /// Whether it speaks for the time `at`.
    pub(crate) fn check_time(&self, at: UnixTime) -> Result<(), Error> {
        if at < self.this_update {
            return Err(Error::CrlNotYetValid(self.this_update));
        }
        if at > self.next_update {
            return Err(Error::CrlExpired(self.next_update));
        }
        Ok(())
    }

    /// Whether it is about a certificate, so that one that it does not list is not revoked.
    pub(crate) fn covers(&self, link: &Link) -> bool {
        self.is_about(link.place, &link.points)
    }

    /// The same of any certificate of its issuer that is in a place and names points.
    pub(crate) fn is_about(&self, place: Place, points: &Points) -> bool {
        self.scope.covers(place, points)
    }

    /// Whether it is all of its issuer's list.
    pub(crate) fn is_whole(&self) -> bool {
        self.scope == Scope::Whole
    }

    /// Whether it lists a serial number. An issuer uses each once, so that a part of its list that is about other
    /// certificates says this as well as any.
    pub(crate) fn lists(&self, serial: &[u8]) -> bool {
        self::serial(serial).is_some_and(|serial| self.revoked.binary_search(&serial).is_ok())
    }
}
