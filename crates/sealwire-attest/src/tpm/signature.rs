//! TPMT_SIGNATURE (TPM 2.0 part 2, section 11.3.4), and the keys that verify it.

use super::{
    EccCurve, HashAlg, Public, PublicKey, Scheme,
    fields::{fields, sized},
    public::{ALG_ECDSA, ALG_RSASSA, hash, push_padded},
};
use crate::{
    Error,
    x509::{Certificate, rsa_public_key},
};
use sealwire_crypto::sign::{ecdsa, rsa_pkcs1};

/// The longest modulus and so the longest signature, in bytes: 8192 bits.
const MAX_RSA: usize = 1024;
const MAX_SCALAR: usize = 66;
/// The exponent that every TPM uses.
const EXPONENT: u32 = 65537;
/// The shortest modulus in bytes: 2048 bits.
const MIN_RSA: usize = 256;

/// A signature that parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Signature<'a> {
    Rsassa { hash: HashAlg, signature: &'a [u8] },
    Ecdsa { hash: HashAlg, r: &'a [u8], s: &'a [u8] },
}

impl<'a> Signature<'a> {
    /// Parses all of `bytes`.
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        let mut fields = fields(bytes);
        let algorithm = fields.u16_be()?;
        let signature = match algorithm {
            ALG_RSASSA => {
                Self::Rsassa { hash: hash(fields.u16_be()?)?, signature: sized(&mut fields, MAX_RSA)? }
            }
            ALG_ECDSA => {
                let hash = hash(fields.u16_be()?)?;
                Self::Ecdsa { hash, r: sized(&mut fields, MAX_SCALAR)?, s: sized(&mut fields, MAX_SCALAR)? }
            }
            _ => return Err(Error::Unsupported("a TPM's signature other than RSASSA and ECDSA")),
        };
        fields.finish()?;
        Ok(signature)
    }

    /// The hash that it was made with, also of the registers' digest.
    pub(crate) fn hash(&self) -> HashAlg {
        match self {
            Self::Rsassa { hash, .. } | Self::Ecdsa { hash, .. } => *hash,
        }
    }

    /// For people.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Rsassa { .. } => "RSASSA",
            Self::Ecdsa { .. } => "ECDSA",
        }
    }
}

/// TPMT_SIGNATURE of an RSASSA signature that came without its head.
pub(crate) fn rsassa_signature(hash: HashAlg, signature: &[u8]) -> Result<Vec<u8>, Error> {
    let len = u16::try_from(signature.len()).map_err(|_| Error::Malformed("a signature that is too long"))?;
    let head = [ALG_RSASSA, hash.id(), len].map(u16::to_be_bytes);
    Ok([head.as_flattened(), signature].concat())
}

/// An attestation key, ready to verify with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum VerifyingKey {
    /// RSAPublicKey in DER
    Rsassa { hash: HashAlg, der: Vec<u8> },
    /// an uncompressed point
    Ecdsa { scheme: ecdsa::Scheme, curve: EccCurve, point: Vec<u8> },
}

impl VerifyingKey {
    /// The key of a public area, with the scheme that is fixed in it.
    pub(crate) fn new(public: &Public) -> Result<Self, Error> {
        match (&public.key, public.scheme) {
            (PublicKey::Rsa { modulus, exponent }, Scheme::Rsassa(hash)) => {
                Self::rsassa(modulus, *exponent, hash)
            }
            (PublicKey::Ecc { curve, point }, Scheme::Ecdsa(hash)) => {
                let scheme = match (curve, hash) {
                    (EccCurve::P256, HashAlg::Sha256) => ecdsa::Scheme::P256Sha256,
                    (EccCurve::P384, HashAlg::Sha384) => ecdsa::Scheme::P384Sha384,
                    _ => return Err(Error::Unsupported("a curve with a hash of another size")),
                };
                Ok(Self::Ecdsa { scheme, curve: *curve, point: point.clone() })
            }
            _ => Err(Error::Unsupported("an attestation key without RSASSA or ECDSA as its scheme")),
        }
    }

    /// An RSA key; `modulus` big-endian without leading zeros.
    pub(crate) fn rsassa(modulus: &[u8], exponent: u32, hash: HashAlg) -> Result<Self, Error> {
        if modulus.len() < MIN_RSA || modulus.len() > MAX_RSA || exponent != EXPONENT {
            return Err(Error::Unsupported("an RSA attestation key below 2048 bits, or of an odd exponent"));
        }
        let der = rsa_public_key(modulus, exponent).map_err(|_| Error::Malformed("an RSA key"))?;
        Ok(Self::Rsassa { hash, der })
    }

    /// Whether a certificate is for this key.
    pub(crate) fn is_of(&self, certificate: &Certificate) -> bool {
        match self {
            Self::Rsassa { der, .. } => certificate.rsa_key() == Some(der),
            Self::Ecdsa { curve, point, .. } => certificate.ec_key() == Some((curve.named(), point)),
        }
    }

    /// Whether this key made `signature` over `message`, in its one scheme.
    pub(crate) fn verify(&self, message: &[u8], signature: &Signature<'_>) -> Result<(), Error> {
        let verified = match (self, signature) {
            (Self::Rsassa { hash, der }, Signature::Rsassa { hash: signed, signature }) if hash == signed => {
                rsa_pkcs1::verify(hash.function(), der, message, signature).is_ok()
            }
            (Self::Ecdsa { scheme, curve, point }, Signature::Ecdsa { hash, r, s })
                if hash.digest_len() == curve.coordinate_len() =>
            {
                let mut fixed = Vec::with_capacity(2 * curve.coordinate_len());
                push_padded(&mut fixed, r, curve.coordinate_len())?;
                push_padded(&mut fixed, s, curve.coordinate_len())?;
                ecdsa::verify_fixed(*scheme, point, message, &fixed).is_ok()
            }
            _ => false,
        };
        if verified { Ok(()) } else { Err(Error::Signature) }
    }
}
