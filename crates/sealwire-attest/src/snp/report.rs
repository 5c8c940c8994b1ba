//! The attestation report (AMD 56860, ATTESTATION_REPORT), versions 2 to 5.

use super::{Product, Tcb};
use crate::{
    Error,
    binary::{Format, Reader},
};

/// Length of a report in bytes.
pub const LEN: usize = 1184;
/// How many of them, from the first, the signature covers.
pub const SIGNED_LEN: usize = 0x2a0;

const WHAT: &str = "SEV-SNP report";
/// Little-endian throughout.
const FORMAT: Format = Format { cut_short: "cut short", trailing: "bytes after the report" };
/// ECDSA on P-384 with SHA-384, the only algorithm there is.
const ECDSA_P384_SHA384: u32 = 1;
/// Length of r or s in the report, little-endian with zeros above the curve's 48 bytes.
const SCALAR: usize = 72;

/// Which key signed a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SigningKey {
    /// the chip's key at its firmware level
    Vcek,
    /// a key that AMD gave to a cloud provider
    Vlek,
}

/// A report that parsed; nothing about it is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// 2 to 5
    pub version: u32,
    /// security version of the guest, from its ID block
    pub guest_svn: u32,
    /// what the guest's owner permits the host to do
    pub policy: GuestPolicy,
    /// family of the image, from the ID block
    pub family_id: [u8; 16],
    /// the image, from the ID block
    pub image_id: [u8; 16],
    /// privilege level that asked for the report; `u32::MAX` when the host did
    pub vmpl: u32,
    /// current firmware level, uninterpreted
    pub current_tcb: [u8; 8],
    /// PLATFORM_INFO bits
    pub platform_info: u64,
    /// whether `author_key_digest` holds one
    pub author_key_enabled: bool,
    /// the platform owner hid the chip's key: nothing is signed
    pub mask_chip_key: bool,
    /// which key signed; none where the signature is zero
    pub signing_key: Option<SigningKey>,
    /// what the guest asked to be signed
    pub report_data: [u8; 64],
    /// launch measurement
    pub measurement: [u8; 48],
    /// what the host said at launch
    pub host_data: [u8; 32],
    /// SHA-384 of the key that signed the ID block
    pub id_key_digest: [u8; 48],
    /// SHA-384 of the key that certified the ID key
    pub author_key_digest: [u8; 48],
    /// unique to the guest
    pub report_id: [u8; 32],
    /// unique to its migration agent
    pub report_id_ma: [u8; 32],
    /// firmware level that the signing key was derived for, uninterpreted
    pub reported_tcb: [u8; 8],
    /// combined CPUID family, model and stepping, from version 3
    pub cpuid: Option<[u8; 3]>,
    /// unique to the chip; zero where the platform owner hid it
    pub chip_id: [u8; 64],
    /// firmware level that cannot be undercut any more, uninterpreted
    pub committed_tcb: [u8; 8],
    /// firmware version: major, minor, build
    pub current_version: [u8; 3],
    /// committed firmware version: major, minor, build
    pub committed_version: [u8; 3],
    /// firmware level at launch, uninterpreted
    pub launch_tcb: [u8; 8],
    /// mitigations at launch and now, from version 5
    pub mitigations: Option<[u64; 2]>,
    /// r and s, big-endian
    pub signature: [u8; 96],
}

impl Report {
    /// Parses exactly [`LEN`] bytes. Reserved bytes must be zero: those after the signature are signed by nobody.
    ///
    /// # Errors
    /// AT-08: [`Error::Length`], [`Error::Version`], [`Error::Malformed`].
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() != LEN {
            return Err(Error::Length { what: WHAT, expected: LEN, found: bytes.len() });
        }
        let mut fields = Reader::new(bytes, &FORMAT);
        let version = fields.u32_le()?;
        if !(2..=5).contains(&version) {
            return Err(Error::Version { what: WHAT, found: version });
        }
        let guest_svn = fields.u32_le()?;
        let policy = GuestPolicy(fields.u64_le()?);
        let family_id = *fields.array()?;
        let image_id = *fields.array()?;
        let vmpl = fields.u32_le()?;
        if fields.u32_le()? != ECDSA_P384_SHA384 {
            return Err(Error::Malformed("unknown signature algorithm"));
        }
        let current_tcb = *fields.array()?;
        let platform_info = fields.u64_le()?;
        let key_info = fields.u32_le()?;
        if key_info >> 5 != 0 {
            return Err(Error::Malformed("reserved bits of the key information are set"));
        }
        let signing_key = match (key_info >> 2) & 7 {
            0 => Some(SigningKey::Vcek),
            1 => Some(SigningKey::Vlek),
            7 => None,
            _ => return Err(Error::Malformed("unknown signing key")),
        };
        fields.zero::<4>()?;
        let report_data = *fields.array()?;
        let measurement = *fields.array()?;
        let host_data = *fields.array()?;
        let id_key_digest = *fields.array()?;
        let author_key_digest = *fields.array()?;
        let report_id = *fields.array()?;
        let report_id_ma = *fields.array()?;
        let reported_tcb = *fields.array()?;
        let cpuid: [u8; 3] = *fields.array()?;
        if version < 3 && cpuid != [0; 3] {
            return Err(Error::Malformed("reserved bytes are not zero"));
        }
        fields.zero::<21>()?;
        let chip_id = *fields.array()?;
        let committed_tcb = *fields.array()?;
        let current_version = firmware_version(&mut fields)?;
        let committed_version = firmware_version(&mut fields)?;
        let launch_tcb = *fields.array()?;
        let mitigations = [fields.u64_le()?, fields.u64_le()?];
        if version < 5 && mitigations != [0; 2] {
            return Err(Error::Malformed("reserved bytes are not zero"));
        }
        fields.zero::<152>()?;
        let signature = signature(&mut fields)?;
        fields.zero::<368>()?;
        fields.finish()?;
        Ok(Self {
            version,
            guest_svn,
            policy,
            family_id,
            image_id,
            vmpl,
            current_tcb,
            platform_info,
            author_key_enabled: key_info & 1 != 0,
            mask_chip_key: key_info & 2 != 0,
            signing_key,
            report_data,
            measurement,
            host_data,
            id_key_digest,
            author_key_digest,
            report_id,
            report_id_ma,
            reported_tcb,
            cpuid: (version >= 3).then_some(cpuid),
            chip_id,
            committed_tcb,
            current_version,
            committed_version,
            launch_tcb,
            mitigations: (version >= 5).then_some(mitigations),
            signature,
        })
    }

    /// The firmware level that the signing key was derived for, as `product` lays it out.
    #[must_use]
    pub fn reported_tcb(&self, product: Product) -> Tcb {
        Tcb::from_bytes(self.reported_tcb, product)
    }

    /// The firmware level when the guest was launched, which can be below the reported one: firmware is renewed under
    /// guests that run. `None` for a report of version 2 that holds none, as early firmware makes them; later versions
    /// always hold one.
    #[must_use]
    pub fn launch_tcb(&self, product: Product) -> Option<Tcb> {
        let absent = self.version < 3 && self.launch_tcb == [0; 8];
        (!absent).then(|| Tcb::from_bytes(self.launch_tcb, product))
    }
}

/// POLICY: what the guest's owner permits the host to do (AMD 56860, 4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GuestPolicy(pub u64);

impl GuestPolicy {
    /// Bit by name; a set bit is a permission or a demand.
    pub(super) const BITS: [(&'static str, u32); 9] = [
        ("smt-allowed", 16),
        ("migration-agent", 18),
        ("debug", 19),
        ("single-socket", 20),
        ("cxl-allowed", 21),
        ("mem-aes-256-xts", 22),
        ("rapl-disabled", 23),
        ("ciphertext-hiding", 24),
        ("page-swap-disabled", 25),
    ];
    /// Bit 17 is always one.
    const ALWAYS_ONE: u32 = 17;
    /// Minimum ABI version: minor, major.
    const ABI: u64 = 0xffff;

    /// Whether a bit of the policy is set.
    #[must_use]
    pub fn bit(self, bit: u32) -> bool {
        self.0.checked_shr(bit).is_some_and(|shifted| shifted & 1 == 1)
    }

    /// Whether the guest can be debugged, which gives its memory to the host.
    #[must_use]
    pub fn debug(self) -> bool {
        self.bit(19)
    }

    /// Whether each bit that is set is one that this code knows. A later firmware's permission must not pass for none.
    #[must_use]
    pub fn is_known(self) -> bool {
        let named = Self::BITS.iter().fold(0, |bits, (_, bit)| bits | 1 << bit);
        let known = Self::ABI | 1 << Self::ALWAYS_ONE | named;
        self.bit(Self::ALWAYS_ONE) && self.0 & !known == 0
    }
}

/// Build, minor, major and a reserved byte.
fn firmware_version(fields: &mut Reader<'_>) -> Result<[u8; 3], Error> {
    let [build, minor, major] = *fields.array()?;
    fields.zero::<1>()?;
    Ok([major, minor, build])
}

fn signature(fields: &mut Reader<'_>) -> Result<[u8; 96], Error> {
    let mut signature = [0; 96];
    for out in signature.chunks_exact_mut(48) {
        let scalar = fields.array::<48>()?;
        if *fields.array()? != [0; SCALAR - 48] {
            return Err(Error::Malformed("a signature longer than its curve"));
        }
        for (out, byte) in out.iter_mut().zip(scalar.iter().rev()) {
            *out = *byte;
        }
    }
    Ok(signature)
}
