//! What Intel puts into a PCK certificate (Intel SGX PCK certificate and CRL profile specification, 1.3.5).

use crate::{
    Error,
    x509::{Certificate, Curve},
};
use der::{
    Decode as _, Reader as _, SliceReader,
    asn1::{AnyRef, ObjectIdentifier, OctetStringRef},
};

const SGX: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113741.1.13.1");
const PPID: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113741.1.13.1.1");
const TCB: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113741.1.13.1.2");
const PCEID: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113741.1.13.1.3");
const FMSPC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113741.1.13.1.4");
const CONFIGURATION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113741.1.13.1.7");
/// The last number of PCESVN below TCB; 1 to 16 are the components.
const PCE_SVN: u32 = 17;
/// More entries than the profile has, so that a list is not walked for ever.
const MAX_ENTRIES: usize = 32;

/// The platform that a PCK certificate speaks for.
#[derive(Clone, PartialEq, Eq)]
pub struct Pck {
    /// FMSPC: family, model, stepping, platform type and SKU, which TCB info is published by
    pub fmspc: [u8; 6],
    /// which provisioning certification enclave certified the platform
    pub pce_id: [u8; 2],
    /// its security version
    pub pce_svn: u16,
    /// security versions of the SGX components
    pub components: [u8; 16],
    /// unique id of the platform (PPID)
    pub(super) ppid: [u8; 16],
    /// whether packages can be added, keys are cached by Intel's registration service, hyper-threading is on; only in
    /// certificates of the Platform CA
    pub(super) flags: [Option<bool>; 3],
    /// uncompressed point on P-256
    pub(super) key: [u8; 65],
}

impl std::fmt::Debug for Pck {
    /// Without the platform's id.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pck").field("fmspc", &hex::encode(self.fmspc)).finish_non_exhaustive()
    }
}

impl Pck {
    /// Names of the flags in claims.
    pub(super) const FLAGS: [&'static str; 3] = ["dynamic-platform", "cached-keys", "smt-enabled"];

    /// Whether a certificate is one.
    pub(super) fn is_in(certificate: &Certificate) -> bool {
        certificate.extension(SGX).is_some()
    }

    pub(super) fn new(certificate: &Certificate) -> Result<Self, Error> {
        let missing = Error::CertificateExtension;
        let extension = certificate.extension(SGX).ok_or(missing("SGX extension"))?;
        let entries = AnyRef::from_der(extension).and_then(entries).map_err(|_| missing("SGX extension"))?;
        let tcb = find(&entries, TCB).and_then(|value| self::entries(value).ok()).ok_or(missing("TCB"))?;
        let mut components = [0; 16];
        for (number, component) in (1_u32..).zip(&mut components) {
            // The components, not CPUSVN, are what TCB info is compared with (Intel PCS API, "Get SGX TCB info").
            let value: Option<u8> = svn(&tcb, number);
            *component = value.ok_or(missing("TCB component"))?;
        }
        let flags = match find(&entries, CONFIGURATION).map(self::entries).transpose() {
            Ok(Some(configuration)) => {
                [flag(&configuration, 1)?, flag(&configuration, 2)?, flag(&configuration, 3)?]
            }
            Ok(None) => [None; 3],
            Err(_) => return Err(missing("configuration")),
        };
        let key = certificate.ec_key().filter(|(curve, _)| *curve == Curve::P256);
        Ok(Self {
            fmspc: octets(&entries, FMSPC).ok_or(missing("FMSPC"))?,
            pce_id: octets(&entries, PCEID).ok_or(missing("PCEID"))?,
            pce_svn: svn(&tcb, PCE_SVN).ok_or(missing("PCESVN"))?,
            components,
            ppid: octets(&entries, PPID).ok_or(missing("PPID"))?,
            flags,
            key: key.and_then(|(_, point)| point.try_into().ok()).ok_or(missing("a key on P-256"))?,
        })
    }
}

type Entries<'a> = Vec<(ObjectIdentifier, AnyRef<'a>)>;

/// `SEQUENCE OF SEQUENCE { OBJECT IDENTIFIER, ANY }`
fn entries(any: AnyRef<'_>) -> Result<Entries<'_>, der::Error> {
    any.sequence(|list: &mut SliceReader<'_>| {
        let mut entries = Entries::new();
        while !list.is_finished() {
            if entries.len() >= MAX_ENTRIES {
                return Err(der::ErrorKind::Failed.into());
            }
            let entry = AnyRef::decode(list)?;
            entries.push(entry.sequence(|entry| Ok::<_, der::Error>((entry.decode()?, entry.decode()?)))?);
        }
        Ok(entries)
    })
}

/// The value of an identifier that is there once.
fn find<'a>(entries: &Entries<'a>, oid: ObjectIdentifier) -> Option<AnyRef<'a>> {
    let mut found = entries.iter().filter(|(id, _)| *id == oid);
    match (found.next(), found.next()) {
        (Some((_, value)), None) => Some(*value),
        _ => None,
    }
}

fn octets<const N: usize>(entries: &Entries<'_>, oid: ObjectIdentifier) -> Option<[u8; N]> {
    let octets: &OctetStringRef = find(entries, oid)?.decode_as().ok()?;
    octets.as_bytes().try_into().ok()
}

/// A security version; one that does not fit is refused with the certificate.
fn svn<'a, T: der::Choice<'a> + der::DecodeValue<'a>>(tcb: &Entries<'a>, number: u32) -> Option<T> {
    find(tcb, TCB.push_arc(number).ok()?)?.decode_as().ok()
}

fn flag(configuration: &Entries<'_>, number: u32) -> Result<Option<bool>, Error> {
    let malformed = Error::CertificateExtension("configuration");
    let oid = CONFIGURATION.push_arc(number).map_err(|_| malformed.clone())?;
    find(configuration, oid).map(|value| value.decode_as().map_err(|_| malformed)).transpose()
}
