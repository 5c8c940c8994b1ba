//! ML-KEM (FIPS 203), half of every hybrid.
//!
//! The backend is fast, but makes keys and encapsulations from its own generator alone. The crate `ml-kem` makes them from
//! given bytes: X-Wing's keys are seeds, and a script has to give the same result every time.

use aws_lc_rs::kem::{self, DecapsulationKey, EncapsulationKey, ML_KEM_768, ML_KEM_1024};
use ml_kem::KeyExport as _;

use crate::{
    Error,
    random::{self, Random},
};
use zeroize::{Zeroize as _, Zeroizing};

/// What both sides share, in either parameter set.
pub(crate) type Secret = Zeroizing<[u8; 32]>;
/// d || z (FIPS 203 section 7.1).
pub(crate) const SEED_LEN: usize = 64;

/// A parameter set (FIPS 203 section 8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MlKem {
    MlKem768,
    MlKem1024,
}

impl MlKem {
    pub(crate) const fn encapsulation_key_len(self) -> usize {
        match self {
            Self::MlKem768 => 1184,
            Self::MlKem1024 => 1568,
        }
    }

    pub(crate) const fn ciphertext_len(self) -> usize {
        match self {
            Self::MlKem768 => 1088,
            Self::MlKem1024 => 1568,
        }
    }

    fn algorithm(self) -> &'static kem::Algorithm {
        match self {
            Self::MlKem768 => &ML_KEM_768,
            Self::MlKem1024 => &ML_KEM_1024,
        }
    }

    /// A fresh key, and its encapsulation key. A script gives the 64 bytes d || z; any other source gives nothing, and the
    /// backend's generator all.
    pub(crate) fn generate(self, random: &dyn Random) -> Result<(DecapsulationKey, Vec<u8>), Error> {
        if random.is_scripted() {
            return self.expand(&Zeroizing::new(random::array(random)?));
        }
        let key = DecapsulationKey::generate(self.algorithm()).map_err(|_| Error::Random)?;
        let public = key.encapsulation_key().and_then(|key| key.key_bytes()).map_err(|_| Error::Key)?;
        let public = public.as_ref().to_vec();
        Ok((key, public))
    }

    /// The key of a seed, parsed by the backend (OB-03), and its encapsulation key.
    pub(crate) fn expand(self, seed: &[u8; SEED_LEN]) -> Result<(DecapsulationKey, Vec<u8>), Error> {
        let mut seed = ml_kem::Seed::from(*seed);
        let both = match self {
            Self::MlKem768 => {
                let key = ml_kem::DecapsulationKey768::from_seed(seed);
                self.to_backend(&key).map(|ours| (ours, key.encapsulation_key().to_bytes().to_vec()))
            }
            Self::MlKem1024 => {
                let key = ml_kem::DecapsulationKey1024::from_seed(seed);
                self.to_backend(&key).map(|ours| (ours, key.encapsulation_key().to_bytes().to_vec()))
            }
        };
        seed.zeroize();
        both
    }

    #[expect(
        deprecated,
        reason = "the expanded form is a poor one to store keys in; this only carries it over"
    )]
    fn to_backend(self, key: &impl ml_kem::ExpandedKeyEncoding) -> Result<DecapsulationKey, Error> {
        let expanded = Zeroizing::new(key.to_expanded_bytes());
        DecapsulationKey::new(self.algorithm(), &expanded).map_err(|_| Error::Key)
    }

    /// Parses an encapsulation key of the right length. The modulus check (FIPS 203 section 7.2) is part of the
    /// encapsulation.
    pub(crate) fn parse(self, bytes: &[u8]) -> Result<EncapsulationKey, Error> {
        EncapsulationKey::new(self.algorithm(), bytes).map_err(|_| Error::Key)
    }

    /// A ciphertext and its secret. A script gives the 32 bytes m (FIPS 203 section 7.2).
    ///
    /// Fails when the length is wrong or the modulus check refuses the key.
    pub(crate) fn encapsulate(self, key: &[u8], random: &dyn Random) -> Result<(Vec<u8>, Secret), Error> {
        if random.is_scripted() {
            return self.encapsulate_with(key, &Zeroizing::new(random::array(random)?));
        }
        encapsulate(&self.parse(key).map_err(|_| Error::Kem)?)
    }

    fn encapsulate_with(self, key: &[u8], m: &[u8; 32]) -> Result<(Vec<u8>, Secret), Error> {
        let mut m = ml_kem::B32::from(*m);
        let both = match self {
            Self::MlKem768 => {
                let key = key.try_into().map_err(|_| Error::Kem)?;
                let key = ml_kem::EncapsulationKey768::new(&key).map_err(|_| Error::Kem)?;
                let (ciphertext, secret) = key.encapsulate_deterministic(&m);
                (ciphertext.to_vec(), Zeroizing::new(secret.into()))
            }
            Self::MlKem1024 => {
                let key = key.try_into().map_err(|_| Error::Kem)?;
                let key = ml_kem::EncapsulationKey1024::new(&key).map_err(|_| Error::Kem)?;
                let (ciphertext, secret) = key.encapsulate_deterministic(&m);
                (ciphertext.to_vec(), Zeroizing::new(secret.into()))
            }
        };
        m.zeroize();
        Ok(both)
    }
}

/// The same to a parsed key, by the backend's generator.
pub(crate) fn encapsulate(key: &EncapsulationKey) -> Result<(Vec<u8>, Secret), Error> {
    let (ciphertext, secret) = key.encapsulate().map_err(|_| Error::Kem)?;
    Ok((ciphertext.as_ref().to_vec(), secret_of(secret.as_ref())?))
}

/// The secret of a ciphertext of the right length. One that was altered is no error: it gives another secret (FIPS 203
/// section 6.3, implicit rejection).
pub(crate) fn decapsulate(key: &DecapsulationKey, ciphertext: &[u8]) -> Result<Secret, Error> {
    let secret = key.decapsulate(ciphertext.into()).map_err(|_| Error::Kem)?;
    secret_of(secret.as_ref())
}

fn secret_of(bytes: &[u8]) -> Result<Secret, Error> {
    bytes.try_into().map(Zeroizing::new).map_err(|_| Error::Kem)
}
