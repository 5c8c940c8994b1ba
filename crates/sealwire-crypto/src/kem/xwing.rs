//! X-Wing (draft-connolly-cfrg-xwing-kem): ML-KEM-768 and X25519 under one combiner. HPKE takes its secret as it is,
//! without the wrapping of DHKEM (OB-02).

use aws_lc_rs::{
    digest::{SHA3_256, digest},
    kem,
};
use shake::{ExtendableOutput as _, Shake256, Update as _, XofReader as _};
use zeroize::Zeroizing;

use super::{
    PRIVATE_KEY_LEN, SharedSecret,
    dhkem::{self, Group},
};
use crate::{
    Error,
    mlkem::{self, MlKem},
    random::Random,
};

const X25519_LEN: usize = 32;
const ML_KEM: MlKem = MlKem::MlKem768;
const ML_KEM_PUBLIC_KEY_LEN: usize = ML_KEM.encapsulation_key_len();
const ML_KEM_CIPHERTEXT_LEN: usize = ML_KEM.ciphertext_len();
pub(super) const PUBLIC_KEY_LEN: usize = ML_KEM_PUBLIC_KEY_LEN + X25519_LEN;
pub(super) const ENC_LEN: usize = ML_KEM_CIPHERTEXT_LEN + X25519_LEN;

/// The combiner's last input, six characters that draw the X-wing.
const LABEL: &[u8; 6] = br"\.//^\";

/// Both halves, validated and parsed.
pub(super) struct PublicKey {
    bytes: Box<[u8; PUBLIC_KEY_LEN]>,
    ml_kem: kem::EncapsulationKey,
    x25519: dhkem::PublicKey,
}

impl PublicKey {
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let (ml_kem, x25519) = bytes.split_at_checked(ML_KEM_PUBLIC_KEY_LEN).ok_or(Error::Key)?;
        let key = Self::from_parts(ml_kem, dhkem::PublicKey::from_bytes(Group::X25519, x25519)?)?;
        // The modulus check (FIPS 203 section 7.2) is part of the backend's encapsulation, not of its parser.
        mlkem::encapsulate(&key.ml_kem).map_err(|_| Error::Key)?;
        Ok(key)
    }

    /// Joins halves that are known to be good, but for the length of the ML-KEM one.
    fn from_parts(ml_kem: &[u8], x25519: dhkem::PublicKey) -> Result<Self, Error> {
        let bytes = [ml_kem, x25519.as_bytes()].concat().into_boxed_slice();
        Ok(Self { bytes: bytes.try_into().map_err(|_| Error::Key)?, ml_kem: ML_KEM.parse(ml_kem)?, x25519 })
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.bytes.as_slice()
    }

    pub(super) fn encapsulate(&self, random: &dyn Random) -> Result<(Vec<u8>, SharedSecret), Error> {
        let (ciphertext, ml_kem) = if random.is_scripted() {
            ML_KEM.encapsulate(self.ml_kem_bytes(), random)?
        } else {
            mlkem::encapsulate(&self.ml_kem)?
        };
        let (ephemeral, x25519) = self.x25519.ephemeral(random)?;
        let secret = combine(ml_kem.as_slice(), &x25519, &ephemeral, self.x25519.as_bytes());
        Ok(([ciphertext, ephemeral].concat(), secret))
    }

    fn ml_kem_bytes(&self) -> &[u8] {
        self.bytes.get(..ML_KEM_PUBLIC_KEY_LEN).unwrap_or_default()
    }
}

/// The seed's expansion; the seed itself is not kept.
pub(super) struct PrivateKey {
    ml_kem: kem::DecapsulationKey,
    x25519: dhkem::PrivateKey,
}

impl PrivateKey {
    pub(super) fn from_seed(seed: &[u8; PRIVATE_KEY_LEN]) -> Result<(Self, PublicKey), Error> {
        let mut ml_kem_seed = Zeroizing::new([0; mlkem::SEED_LEN]);
        let mut scalar = Zeroizing::new([0; X25519_LEN]);
        let mut shake = Shake256::default();
        shake.update(seed);
        let mut expanded = shake.finalize_xof();
        expanded.read(ml_kem_seed.as_mut_slice());
        expanded.read(scalar.as_mut_slice());

        let (ml_kem, encapsulation_key) = ML_KEM.expand(&ml_kem_seed)?;
        let (x25519, x25519_public) = dhkem::PrivateKey::from_bytes(Group::X25519, &scalar)?;
        let public = PublicKey::from_parts(&encapsulation_key, x25519_public)?;
        Ok((Self { ml_kem, x25519 }, public))
    }

    pub(super) fn decapsulate(&self, enc: &[u8], public_key: &[u8]) -> Result<SharedSecret, Error> {
        // The agreement checks that the rest is one point.
        let (ciphertext, ephemeral) = enc.split_at_checked(ML_KEM_CIPHERTEXT_LEN).ok_or(Error::Kem)?;
        let (_, x25519_public) = public_key.split_at_checked(ML_KEM_PUBLIC_KEY_LEN).ok_or(Error::Kem)?;
        let x25519 = self.x25519.agree(ephemeral)?;
        let ml_kem = mlkem::decapsulate(&self.ml_kem, ciphertext)?;
        Ok(combine(ml_kem.as_slice(), &x25519, ephemeral, x25519_public))
    }
}

/// SHA3-256(ss_M || ss_X || ct_X || pk_X || label)
fn combine(ml_kem: &[u8], x25519: &[u8; 32], ephemeral: &[u8], public_key: &[u8]) -> SharedSecret {
    let mut input = Zeroizing::new([0; 4 * 32 + LABEL.len()]);
    let parts = [ml_kem, x25519, ephemeral, public_key, LABEL];
    for (out, byte) in input.iter_mut().zip(parts.into_iter().flatten()) {
        *out = *byte;
    }
    let mut secret = SharedSecret::default();
    secret.copy_from_slice(digest(&SHA3_256, input.as_slice()).as_ref());
    secret
}

#[cfg(test)]
mod tests {
    use super::*;

    // OB-03: what is kept is two parsed keys. With the seed gone there is nothing that could be expanded again.
    #[test]
    fn only_the_expanded_key_is_kept() {
        let (key, public_key) = PrivateKey::from_seed(&[1; PRIVATE_KEY_LEN]).unwrap();
        let (enc, secret) = public_key.encapsulate(&crate::random::OsRandom).unwrap();
        assert_eq!(key.decapsulate(&enc, public_key.as_bytes()).unwrap(), secret);
        let PrivateKey { ml_kem, x25519 } = key;
        let _: (kem::DecapsulationKey, dhkem::PrivateKey) = (ml_kem, x25519);
    }
}
