//! DHKEM(X25519, HKDF-SHA256) and DHKEM(P-256, HKDF-SHA256) (RFC 9180 section 4.1).

use aws_lc_rs::agreement::ParsedPublicKey;

use super::{Kem, PRIVATE_KEY_LEN, SharedSecret};
use crate::{
    Error,
    ecdh::{Curve, PrivateScalar},
    hpke::labeled,
    kdf::Hkdf,
    random::Random,
};
use zeroize::Zeroizing;

/// The group of the Diffie-Hellman.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Group {
    P256,
    X25519,
}

impl Group {
    pub(super) fn kem(self) -> Kem {
        match self {
            Self::P256 => Kem::P256,
            Self::X25519 => Kem::X25519,
        }
    }

    pub(super) fn public_key_len(self) -> usize {
        self.curve().point_len()
    }

    fn curve(self) -> Curve {
        match self {
            Self::P256 => Curve::P256,
            Self::X25519 => Curve::X25519,
        }
    }
}

/// A point that has been validated.
pub(super) struct PublicKey {
    group: Group,
    point: ParsedPublicKey,
}

impl PublicKey {
    pub(super) fn from_bytes(group: Group, bytes: &[u8]) -> Result<Self, Error> {
        let point = group.curve().point(bytes).ok_or(Error::Key)?;
        if group == Group::X25519 {
            // Every X25519 scalar is a multiple of the cofactor, so any one takes exactly the points of low order to
            // zero, which the agreement refuses (RFC 7748 section 6.1).
            let scalar = PrivateScalar::from_bytes(group.curve(), &[1; PRIVATE_KEY_LEN])?;
            agree(&scalar, point.clone()).map_err(|_| Error::Key)?;
        }
        Ok(Self { group, point })
    }

    pub(super) fn group(&self) -> Group {
        self.group
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.point.as_ref()
    }

    pub(super) fn encapsulate(&self, random: &dyn Random) -> Result<(Vec<u8>, SharedSecret), Error> {
        let (enc, dh) = self.ephemeral(random)?;
        let shared_secret = extract_and_expand(self.group, &dh, &enc, self.as_bytes())?;
        Ok((enc, shared_secret))
    }

    /// A fresh ephemeral public key and the agreement with this key.
    pub(super) fn ephemeral(&self, random: &dyn Random) -> Result<(Vec<u8>, Zeroizing<[u8; 32]>), Error> {
        let ephemeral = PrivateScalar::generate(self.group.curve(), random)?;
        let dh = agree(&ephemeral, self.point.clone())?;
        Ok((ephemeral.public_key()?, dh))
    }
}

/// A private key of the KEM.
pub(super) struct PrivateKey {
    group: Group,
    scalar: PrivateScalar,
}

impl PrivateKey {
    pub(super) fn from_bytes(
        group: Group,
        bytes: &[u8; PRIVATE_KEY_LEN],
    ) -> Result<(Self, PublicKey), Error> {
        let scalar = PrivateScalar::from_bytes(group.curve(), bytes)?;
        let point = group.curve().point(&scalar.public_key()?).ok_or(Error::Key)?;
        Ok((Self { group, scalar }, PublicKey { group, point }))
    }

    pub(super) fn decapsulate(&self, enc: &[u8], public_key: &[u8]) -> Result<SharedSecret, Error> {
        extract_and_expand(self.group, &*self.agree(enc)?, enc, public_key)
    }

    /// The agreement with a peer's point in bytes.
    pub(super) fn agree(&self, point: &[u8]) -> Result<Zeroizing<[u8; 32]>, Error> {
        agree(&self.scalar, self.group.curve().point(point).ok_or(Error::Kem)?)
    }
}

fn agree(scalar: &PrivateScalar, point: ParsedPublicKey) -> Result<Zeroizing<[u8; 32]>, Error> {
    let mut out = Zeroizing::new([0; 32]);
    scalar.agree(point, out.as_mut_slice())?;
    Ok(out)
}

/// ExtractAndExpand (RFC 9180 section 4.1); kem_context is enc || pkRm.
fn extract_and_expand(
    group: Group,
    dh: &[u8; 32],
    enc: &[u8],
    public_key: &[u8],
) -> Result<SharedSecret, Error> {
    let [high, low] = group.kem().id().to_be_bytes();
    let suite_id = [b'K', b'E', b'M', high, low];
    let eae_prk = labeled::extract(Hkdf::Sha256, &suite_id, &[], b"eae_prk", dh);
    let mut shared_secret = SharedSecret::default();
    labeled::expand(
        &eae_prk,
        &suite_id,
        b"shared_secret",
        [enc, public_key, &[]],
        shared_secret.as_mut_slice(),
    )?;
    Ok(shared_secret)
}
