//! ML-DSA (FIPS 204) in its three parameter sets, pure and with an empty context: what is signed names its own context.

use aws_lc_rs::{
    encoding::AsRawBytes as _,
    signature::{
        KeyPair as _, ML_DSA_44, ML_DSA_44_SIGNING, ML_DSA_65, ML_DSA_65_SIGNING, ML_DSA_87,
        ML_DSA_87_SIGNING, ParsedPublicKey, PqdsaKeyPair, PqdsaSigningAlgorithm, PqdsaVerificationAlgorithm,
    },
};
use zeroize::Zeroizing;

use crate::{
    Error,
    random::{self, Random},
};

/// Length of a seed in bytes.
pub const SEED_LEN: usize = 32;

/// A parameter set (FIPS 204 section 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Parameters {
    /// ML-DSA-44, category 2
    MlDsa44,
    /// ML-DSA-65, category 3
    MlDsa65,
    /// ML-DSA-87, category 5
    MlDsa87,
}

impl Parameters {
    /// Length of a public key in bytes.
    #[must_use]
    pub const fn public_key_len(self) -> usize {
        match self {
            Self::MlDsa44 => 1312,
            Self::MlDsa65 => 1952,
            Self::MlDsa87 => 2592,
        }
    }

    /// Length of an expanded private key in bytes.
    #[must_use]
    pub const fn private_key_len(self) -> usize {
        match self {
            Self::MlDsa44 => 2560,
            Self::MlDsa65 => 4032,
            Self::MlDsa87 => 4896,
        }
    }

    /// Length of a signature in bytes.
    #[must_use]
    pub const fn signature_len(self) -> usize {
        match self {
            Self::MlDsa44 => 2420,
            Self::MlDsa65 => 3309,
            Self::MlDsa87 => 4627,
        }
    }

    fn signing(self) -> &'static PqdsaSigningAlgorithm {
        match self {
            Self::MlDsa44 => &ML_DSA_44_SIGNING,
            Self::MlDsa65 => &ML_DSA_65_SIGNING,
            Self::MlDsa87 => &ML_DSA_87_SIGNING,
        }
    }

    fn verifying(self) -> &'static PqdsaVerificationAlgorithm {
        match self {
            Self::MlDsa44 => &ML_DSA_44,
            Self::MlDsa65 => &ML_DSA_65,
            Self::MlDsa87 => &ML_DSA_87,
        }
    }
}

/// A signing key, expanded once. Wiped on drop.
pub struct SigningKey {
    pair: PqdsaKeyPair,
    parameters: Parameters,
}

impl SigningKey {
    /// A fresh key: the next 32 bytes of `random` are its seed.
    ///
    /// # Errors
    /// [`Error::Random`]
    pub fn generate(parameters: Parameters, random: &dyn Random) -> Result<Self, Error> {
        let seed = Zeroizing::new(random::array::<SEED_LEN>(random)?);
        Self::from_seed(parameters, seed.as_slice()).map_err(|_| Error::Random)
    }

    /// The key of a seed of [`SEED_LEN`] bytes.
    ///
    /// # Errors
    /// [`Error::Key`]
    pub fn from_seed(parameters: Parameters, seed: &[u8]) -> Result<Self, Error> {
        let pair = PqdsaKeyPair::from_seed(parameters.signing(), seed).map_err(|_| Error::Key)?;
        Ok(Self { pair, parameters })
    }

    /// An expanded private key (FIPS 204 algorithm 24), of [`Parameters::private_key_len`] bytes.
    ///
    /// # Errors
    /// [`Error::Key`]
    pub fn from_expanded(parameters: Parameters, expanded: &[u8]) -> Result<Self, Error> {
        if expanded.len() != parameters.private_key_len() {
            return Err(Error::Key);
        }
        let pair =
            PqdsaKeyPair::from_raw_private_key(parameters.signing(), expanded).map_err(|_| Error::Key)?;
        Ok(Self { pair, parameters })
    }

    /// The expanded private key, [`Parameters::private_key_len`] bytes.
    ///
    /// # Errors
    /// [`Error::Key`]
    pub fn to_expanded(&self) -> Result<Zeroizing<Vec<u8>>, Error> {
        let private = self.pair.private_key();
        let raw = private.as_raw_bytes().map_err(|_| Error::Key)?;
        Ok(Zeroizing::new(raw.as_ref().to_vec()))
    }

    /// The parameter set.
    #[must_use]
    pub fn parameters(&self) -> Parameters {
        self.parameters
    }

    /// The public key, [`Parameters::public_key_len`] bytes.
    #[must_use]
    pub fn public_key(&self) -> &[u8] {
        self.pair.public_key().as_ref()
    }

    /// Signs `message` with fresh randomness of the backend's generator (FIPS 204 section 3.4, hedged):
    /// [`Parameters::signature_len`] bytes.
    ///
    /// # Errors
    /// [`Error::Random`]
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        let mut signature = vec![0; self.parameters.signature_len()];
        self.pair.sign(message, &mut signature).map_err(|_| Error::Random)?;
        Ok(signature)
    }
}

/// A public key, parsed once.
#[derive(Clone)]
pub struct VerifyingKey {
    key: ParsedPublicKey,
    parameters: Parameters,
}

impl VerifyingKey {
    /// Takes a public key of [`Parameters::public_key_len`] bytes.
    ///
    /// # Errors
    /// [`Error::Key`]
    pub fn new(parameters: Parameters, bytes: &[u8]) -> Result<Self, Error> {
        // The backend also reads SubjectPublicKeyInfo.
        if bytes.len() != parameters.public_key_len() {
            return Err(Error::Key);
        }
        let key = ParsedPublicKey::new(parameters.verifying(), bytes).map_err(|_| Error::Key)?;
        Ok(Self { key, parameters })
    }

    /// The parameter set.
    #[must_use]
    pub fn parameters(&self) -> Parameters {
        self.parameters
    }

    /// The bytes, as they were given.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.key.as_ref()
    }

    /// Verifies a signature of [`Parameters::signature_len`] bytes.
    ///
    /// # Errors
    /// [`Error::Signature`]
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), Error> {
        self.key.verify_sig(message, signature).map_err(|_| Error::Signature)
    }
}
