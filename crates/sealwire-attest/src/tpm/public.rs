//! TPMT_PUBLIC (TPM 2.0 part 2, section 12.2.4): the public area of an object, and its Name.

use super::fields::{fields, sized};
use crate::{Error, binary::Reader, x509::Curve};
use sealwire_crypto::digest::Hash;

// TPM_ALG_ID (part 2, section 6.3)
const ALG_RSA: u16 = 0x0001;
const ALG_NULL: u16 = 0x0010;
pub(super) const ALG_RSASSA: u16 = 0x0014;
const ALG_RSAES: u16 = 0x0015;
const ALG_RSAPSS: u16 = 0x0016;
const ALG_OAEP: u16 = 0x0017;
pub(super) const ALG_ECDSA: u16 = 0x0018;
const ALG_ECDH: u16 = 0x0019;
const ALG_ECDAA: u16 = 0x001a;
const ALG_ECC: u16 = 0x0023;

// TPM_ECC_CURVE (part 2, section 6.4)
const ECC_NIST_P256: u16 = 0x0003;
const ECC_NIST_P384: u16 = 0x0004;
const ECC_NIST_P521: u16 = 0x0005;

/// The exponent that a TPM writes as zero.
const DEFAULT_EXPONENT: u32 = 65537;
/// The longest modulus in bytes: 8192 bits.
const MAX_MODULUS: usize = 1024;
/// The longest coordinate in bytes: P-521.
const MAX_COORDINATE: usize = 66;

/// A hash algorithm of a TPM. SHA-1 is none here: nothing that rests on it is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HashAlg {
    /// TPM_ALG_SHA256
    Sha256,
    /// TPM_ALG_SHA384
    Sha384,
    /// TPM_ALG_SHA512
    Sha512,
}

impl HashAlg {
    /// By TPM_ALG_ID.
    #[must_use]
    pub fn from_id(id: u16) -> Option<Self> {
        match id {
            0x000b => Some(Self::Sha256),
            0x000c => Some(Self::Sha384),
            0x000d => Some(Self::Sha512),
            _ => None,
        }
    }

    /// The TPM_ALG_ID.
    #[must_use]
    pub fn id(self) -> u16 {
        match self {
            Self::Sha256 => 0x000b,
            Self::Sha384 => 0x000c,
            Self::Sha512 => 0x000d,
        }
    }

    /// The digest over `parts`, one after the other.
    #[must_use]
    pub fn digest(self, parts: &[&[u8]]) -> Vec<u8> {
        self.function().digest(parts).as_bytes().to_vec()
    }

    /// Length of a digest in bytes.
    #[must_use]
    pub fn digest_len(self) -> usize {
        self.function().digest_len()
    }

    pub(super) fn function(self) -> Hash {
        match self {
            Self::Sha256 => Hash::Sha256,
            Self::Sha384 => Hash::Sha384,
            Self::Sha512 => Hash::Sha512,
        }
    }
}

/// TPMA_OBJECT (part 2, section 8.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ObjectAttributes(pub u32);

impl ObjectAttributes {
    /// the object cannot leave its TPM
    pub const FIXED_TPM: Self = Self(1 << 1);
    /// nor its parent
    pub const FIXED_PARENT: Self = Self(1 << 4);
    /// the TPM made the private part itself
    pub const SENSITIVE_DATA_ORIGIN: Self = Self(1 << 5);
    /// it signs only what the TPM itself made (or decrypts only what the TPM understands)
    pub const RESTRICTED: Self = Self(1 << 16);
    /// it decrypts
    pub const DECRYPT: Self = Self(1 << 17);
    /// it signs
    pub const SIGN: Self = Self(1 << 18);

    /// Whether every bit of `bits` is set.
    #[must_use]
    pub fn has(self, bits: Self) -> bool {
        self.0 & bits.0 == bits.0
    }
}

/// A public key of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublicKey {
    /// RSA: big-endian modulus without leading zeros, and exponent
    Rsa {
        /// n
        modulus: Vec<u8>,
        /// e
        exponent: u32,
    },
    /// a point on a named curve of NIST, uncompressed (SEC 1: 04, x, y)
    Ecc {
        /// which
        curve: EccCurve,
        /// the point
        point: Vec<u8>,
    },
}

/// A curve of NIST.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EccCurve {
    /// TPM_ECC_NIST_P256
    P256,
    /// TPM_ECC_NIST_P384
    P384,
    /// TPM_ECC_NIST_P521
    P521,
}

impl EccCurve {
    fn from_id(id: u16) -> Option<Self> {
        match id {
            ECC_NIST_P256 => Some(Self::P256),
            ECC_NIST_P384 => Some(Self::P384),
            ECC_NIST_P521 => Some(Self::P521),
            _ => None,
        }
    }

    pub(super) fn coordinate_len(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => MAX_COORDINATE,
        }
    }

    pub(super) fn named(self) -> Curve {
        match self {
            Self::P256 => Curve::P256,
            Self::P384 => Curve::P384,
            Self::P521 => Curve::P521,
        }
    }
}

/// What a key is used with: TPMT_RSA_SCHEME, TPMT_ECC_SCHEME.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// none that is fixed, as storage and endorsement keys have it
    Null,
    /// RSASSA-PKCS1-v1_5
    Rsassa(HashAlg),
    /// ECDSA
    Ecdsa(HashAlg),
    /// another one, which no attestation key that is accepted has
    Other(u16),
}

/// A public area that parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Public {
    /// hash of the object's Name
    pub name_alg: HashAlg,
    /// what the object may do
    pub attributes: ObjectAttributes,
    /// authPolicy, empty where there is none
    pub auth_policy: Vec<u8>,
    /// what it is used with
    pub scheme: Scheme,
    /// the key
    pub key: PublicKey,
}

impl Public {
    /// Parses TPMT_PUBLIC of an RSA or ECC key; trailing bytes are an error.
    ///
    /// # Errors
    /// AT-08: [`Error::Malformed`], [`Error::Unsupported`].
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let mut fields = fields(bytes);
        let kind = fields.u16_be()?;
        let name_alg = hash(fields.u16_be()?)?;
        let attributes = ObjectAttributes(fields.u32_be()?);
        let auth_policy = sized(&mut fields, 64)?.to_vec();
        // TPMT_SYM_DEF_OBJECT+: what a storage key protects its children with.
        if fields.u16_be()? != ALG_NULL {
            let _key_bits_and_mode: &[u8; 4] = fields.array()?;
        }
        let scheme = scheme(&mut fields)?;
        let key = match kind {
            ALG_RSA => rsa(&mut fields)?,
            ALG_ECC => ecc(&mut fields)?,
            _ => return Err(Error::Unsupported("a TPM object that is neither an RSA nor an ECC key")),
        };
        fields.finish()?;
        Ok(Self { name_alg, attributes, auth_policy, scheme, key })
    }
}

/// The Name of an object (part 1, section 16): the algorithm of its nameAlg, and that digest over TPMT_PUBLIC.
///
/// # Errors
/// AT-08: where `public` is not TPMT_PUBLIC of an RSA or ECC key, as [`Public::parse`] says.
pub fn name_of(public: &[u8]) -> Result<Vec<u8>, Error> {
    let name_alg = Public::parse(public)?.name_alg;
    Ok([&name_alg.id().to_be_bytes()[..], &name_alg.digest(&[public])].concat())
}

pub(super) fn hash(id: u16) -> Result<HashAlg, Error> {
    HashAlg::from_id(id)
        .ok_or(Error::Unsupported("a hash algorithm of a TPM other than SHA-256, SHA-384, SHA-512"))
}

fn scheme(fields: &mut Reader<'_>) -> Result<Scheme, Error> {
    Ok(match fields.u16_be()? {
        ALG_NULL => Scheme::Null,
        ALG_RSASSA => Scheme::Rsassa(hash(fields.u16_be()?)?),
        ALG_ECDSA => Scheme::Ecdsa(hash(fields.u16_be()?)?),
        id @ ALG_RSAES => Scheme::Other(id),
        id @ (ALG_RSAPSS | ALG_OAEP | ALG_ECDH) => {
            fields.u16_be()?;
            Scheme::Other(id)
        }
        id @ ALG_ECDAA => {
            fields.u32_be()?;
            Scheme::Other(id)
        }
        _ => return Err(Error::Unsupported("a scheme of a TPM's key")),
    })
}

fn rsa(fields: &mut Reader<'_>) -> Result<PublicKey, Error> {
    let bits = usize::from(fields.u16_be()?);
    let exponent = match fields.u32_be()? {
        0 => DEFAULT_EXPONENT,
        exponent => exponent,
    };
    let modulus = sized(fields, MAX_MODULUS)?;
    // Big-endian with the highest bit set, or it is not of that many bits.
    if modulus.len() * 8 != bits || modulus.first().is_none_or(|first| first & 0x80 == 0) {
        return Err(Error::Malformed("an RSA modulus of another length than its key"));
    }
    Ok(PublicKey::Rsa { modulus: modulus.to_vec(), exponent })
}

fn ecc(fields: &mut Reader<'_>) -> Result<PublicKey, Error> {
    let curve = EccCurve::from_id(fields.u16_be()?).ok_or(Error::Unsupported("a curve of a TPM's key"))?;
    // TPMT_KDF_SCHEME+
    if fields.u16_be()? != ALG_NULL {
        fields.u16_be()?;
    }
    let mut point = vec![4];
    for _ in 0..2 {
        push_padded(&mut point, sized(fields, MAX_COORDINATE)?, curve.coordinate_len())?;
    }
    Ok(PublicKey::Ecc { curve, point })
}

/// Adds a number of at most `len` bytes as exactly so many: some TPMs leave out leading zeros.
pub(super) fn push_padded(out: &mut Vec<u8>, number: &[u8], len: usize) -> Result<(), Error> {
    let zeros = len.checked_sub(number.len()).ok_or(Error::Malformed("a number longer than its curve"))?;
    out.resize(out.len() + zeros, 0);
    out.extend(number);
    Ok(())
}
