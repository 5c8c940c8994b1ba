//! ML-DSA-65 (FIPS 204), pure and with an empty context: what is signed names its own context.

use aws_lc_rs::signature::{KeyPair as _, ML_DSA_65, ML_DSA_65_SIGNING, PqdsaKeyPair, UnparsedPublicKey};

use crate::{
    Error,
    random::{self, Random},
};
use zeroize::Zeroizing;

/// Length of a public key in bytes.
pub const PUBLIC_KEY_LEN: usize = 1952;
/// Length of a signature in bytes.
pub const SIGNATURE_LEN: usize = 3309;

const SEED_LEN: usize = 32;

/// A signing key, expanded once. Wiped on drop.
pub struct SigningKey {
    pair: PqdsaKeyPair,
    seed: Zeroizing<[u8; SEED_LEN]>,
}

impl SigningKey {
    /// A fresh key: the next 32 bytes of `random` are its seed.
    ///
    /// # Errors
    /// [`Error::Random`]
    pub fn generate(random: &dyn Random) -> Result<Self, Error> {
        let seed = Zeroizing::new(random::array(random)?);
        let pair = PqdsaKeyPair::from_seed(&ML_DSA_65_SIGNING, seed.as_slice()).map_err(|_| Error::Random)?;
        Ok(Self { pair, seed })
    }

    /// The public key, [`PUBLIC_KEY_LEN`] bytes.
    #[must_use]
    pub fn public_key(&self) -> &[u8] {
        self.pair.public_key().as_ref()
    }

    /// Signs `message` with fresh randomness (FIPS 204 section 3.4, hedged): [`SIGNATURE_LEN`] bytes. It comes from the
    /// backend's generator, or from a script ([`Random::is_scripted`]), 32 bytes.
    ///
    /// # Errors
    /// [`Error::Random`]
    pub fn sign(&self, message: &[u8], random: &dyn Random) -> Result<Vec<u8>, Error> {
        if random.is_scripted() {
            return self.sign_with(message, &Zeroizing::new(random::array(random)?));
        }
        let mut signature = vec![0; SIGNATURE_LEN];
        self.pair.sign(message, &mut signature).map_err(|_| Error::Random)?;
        Ok(signature)
    }

    /// The same with given randomness, which the backend does not take.
    fn sign_with(&self, message: &[u8], random: &[u8; 32]) -> Result<Vec<u8>, Error> {
        let key = ml_dsa::ExpandedSigningKey::<ml_dsa::MlDsa65>::from_seed(&(*self.seed).into());
        // FIPS 204 algorithm 2: pure, with a context of no bytes.
        let signature = key.sign_internal(&[&[0, 0], message], &(*random).into());
        Ok(signature.encode().to_vec())
    }
}

/// Verifies a signature; `public_key` has [`PUBLIC_KEY_LEN`] bytes, `signature` [`SIGNATURE_LEN`]. There is no parsed form
/// of a public key to keep: the backend would only copy it.
///
/// # Errors
/// [`Error::Signature`]
pub fn verify(public_key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), Error> {
    // The backend also reads SubjectPublicKeyInfo.
    if public_key.len() != PUBLIC_KEY_LEN {
        return Err(Error::Signature);
    }
    UnparsedPublicKey::new(&ML_DSA_65, public_key).verify(message, signature).map_err(|_| Error::Signature)
}
