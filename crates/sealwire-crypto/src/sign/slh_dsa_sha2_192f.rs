//! SLH-DSA-SHA2-192f (FIPS 205), pure and with an empty context: what is signed names its own context.
//!
//! Its security rests on the hash alone, at the price of signatures of 35 KB that take long to make.

use fips205::{
    CryptoRng, RngCore, RngError,
    slh_dsa_sha2_192f::{self as backend, PK_LEN, SIG_LEN},
    traits::{SerDes as _, Signer as _, Verifier as _},
};

use crate::{Error, random::Random};

/// Length of a public key in bytes.
pub const PUBLIC_KEY_LEN: usize = PK_LEN;
/// Length of a signature in bytes.
pub const SIGNATURE_LEN: usize = SIG_LEN;

/// A signing key. Wiped on drop.
pub struct SigningKey {
    key: backend::PrivateKey,
    public_key: [u8; PUBLIC_KEY_LEN],
}

impl SigningKey {
    /// A fresh key: the next 72 bytes of `random` are SK.seed, SK.prf and PK.seed (FIPS 205 section 9.1).
    ///
    /// # Errors
    /// [`Error::Random`]
    pub fn generate(random: &dyn Random) -> Result<Self, Error> {
        let (public_key, key) = Draw::with(random, backend::try_keygen_with_rng)?;
        Ok(Self { key, public_key: public_key.into_bytes() })
    }

    /// The public key, [`PUBLIC_KEY_LEN`] bytes.
    #[must_use]
    pub fn public_key(&self) -> &[u8] {
        &self.public_key
    }

    /// Signs `message` with fresh randomness (FIPS 205 section 10.2.1, hedged), the next 24 bytes of `random`:
    /// [`SIGNATURE_LEN`] bytes.
    ///
    /// # Errors
    /// [`Error::Random`]
    pub fn sign(&self, message: &[u8], random: &dyn Random) -> Result<Vec<u8>, Error> {
        let signature = Draw::with(random, |draw| self.key.try_sign_with_rng(draw, message, &[], true))?;
        Ok(signature.to_vec())
    }
}

/// Verifies a signature; `public_key` has [`PUBLIC_KEY_LEN`] bytes, `signature` [`SIGNATURE_LEN`].
///
/// # Errors
/// [`Error::Signature`]
pub fn verify(public_key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), Error> {
    let public_key = public_key.try_into().map_err(|_| Error::Signature)?;
    let public_key = backend::PublicKey::try_from_bytes(public_key).map_err(|_| Error::Signature)?;
    let signature = signature.try_into().map_err(|_| Error::Signature)?;
    if public_key.verify(message, signature, &[]) { Ok(()) } else { Err(Error::Signature) }
}

/// Our randomness as the backend asks for it.
struct Draw<'a> {
    random: &'a dyn Random,
    failed: bool,
}

impl<'a> Draw<'a> {
    fn with<T>(
        random: &'a dyn Random,
        run: impl FnOnce(&mut Self) -> Result<T, &'static str>,
    ) -> Result<T, Error> {
        let mut draw = Self { random, failed: false };
        match run(&mut draw) {
            Ok(made) if !draw.failed => Ok(made),
            _ => Err(Error::Random),
        }
    }

    fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut out = [0; N];
        self.fill_bytes(&mut out);
        out
    }
}

impl RngCore for Draw<'_> {
    fn next_u32(&mut self) -> u32 {
        u32::from_le_bytes(self.array())
    }

    fn next_u64(&mut self) -> u64 {
        u64::from_le_bytes(self.array())
    }

    fn fill_bytes(&mut self, out: &mut [u8]) {
        // This one has no way to say so, hence the flag: nothing that is made without randomness gets out.
        self.failed |= self.random.fill(out).is_err();
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), RngError> {
        self.fill_bytes(out);
        if self.failed { Err(RngError::from(RNG_FAILED)) } else { Ok(()) }
    }
}

impl CryptoRng for Draw<'_> {}

const RNG_FAILED: std::num::NonZeroU32 = std::num::NonZeroU32::MAX;
