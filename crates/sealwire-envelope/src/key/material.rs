use std::sync::Arc;

use sealwire_crypto::{
    digest::Hash,
    mac,
    random::{self, Random},
    sign::{
        ed25519,
        ml_dsa::{self, Parameters},
    },
};
use zeroize::Zeroizing;

use super::{Error, Fingerprint, format};
use crate::{Algorithm, base64url};

/// A public key that was checked when it was read (SP-08). It can never act as a shared secret (SP-14).
#[derive(Clone)]
pub struct PublicKey(Arc<Public>);

enum Public {
    Ed25519(ed25519::VerifyingKey),
    MlDsa(ml_dsa::VerifyingKey),
}

impl PublicKey {
    /// From raw bytes: the 32 bytes of the point, or FIPS 204's encoding.
    ///
    /// # Errors
    /// [`Error::NotAKey`]; also for [`Algorithm::Hs256`], which has no public keys.
    pub fn from_raw(algorithm: Algorithm, raw: &[u8]) -> Result<Self, Error> {
        let key = match algorithm {
            Algorithm::Ed25519 => ed25519::VerifyingKey::new(raw).map(Public::Ed25519),
            Algorithm::MlDsa(set) => ml_dsa::VerifyingKey::new(set, raw).map(Public::MlDsa),
            Algorithm::Hs256 => return Err(Error::NotAKey),
        };
        key.map(|key| Self(Arc::new(key))).map_err(|_| Error::NotAKey)
    }

    /// From a text in any of the forms of `docs/spec/envelope.md`: base64url of DER (Ed25519, EN-18) or of raw bytes
    /// (ML-DSA, EN-20), PEM, or JWK.
    ///
    /// # Errors
    /// [`Error::Format`], [`Error::NotAKey`]
    pub fn parse(text: &str) -> Result<Self, Error> {
        let (algorithm, raw) = format::public(text)?;
        Self::from_raw(algorithm, &raw)
    }

    /// The algorithm.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        match &*self.0 {
            Public::Ed25519(_) => Algorithm::Ed25519,
            Public::MlDsa(key) => Algorithm::MlDsa(key.parameters()),
        }
    }

    /// The raw bytes.
    #[must_use]
    pub fn as_raw(&self) -> &[u8] {
        match &*self.0 {
            Public::Ed25519(key) => key.as_bytes(),
            Public::MlDsa(key) => key.as_bytes(),
        }
    }

    /// The form on the wire: base64url of SubjectPublicKeyInfo for Ed25519 (EN-18), of raw bytes for ML-DSA (EN-20).
    #[must_use]
    pub fn to_text(&self) -> String {
        match self.algorithm() {
            Algorithm::Ed25519 => base64url::encode(format::spki(Algorithm::Ed25519, self.as_raw())),
            _ => base64url::encode(self.as_raw()),
        }
    }

    /// SubjectPublicKeyInfo in PEM.
    #[must_use]
    pub fn to_pem(&self) -> String {
        format::pem("PUBLIC KEY", &format::spki(self.algorithm(), self.as_raw())).as_str().to_owned()
    }

    /// A JSON Web Key (RFC 8037; `AKP` for ML-DSA).
    #[must_use]
    pub fn to_jwk(&self) -> String {
        format::public_jwk(self.algorithm(), self.as_raw())
    }

    /// The fingerprint (SP-16).
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of_algorithm(self.algorithm(), self.as_raw())
    }

    /// Whether `signature` is this key's over `message`. What the signature was made for is up to
    /// [`KeyRecord`](super::KeyRecord), which should be asked instead wherever there is one.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match &*self.0 {
            Public::Ed25519(key) => key.verify(message, signature),
            Public::MlDsa(key) => key.verify(message, signature),
        }
        .is_ok()
    }
}

/// A private key. Wiped on drop, and never printed (SP-23).
pub struct PrivateKey(Private);

enum Private {
    Ed25519(ed25519::SigningKey),
    MlDsa(ml_dsa::SigningKey),
}

impl PrivateKey {
    /// A fresh key.
    ///
    /// # Errors
    /// [`sealwire_crypto::Error::Random`]; [`sealwire_crypto::Error::Key`] for [`Algorithm::Hs256`]: see
    /// [`SharedSecret::generate`].
    pub fn generate(algorithm: Algorithm, random: &dyn Random) -> Result<Self, sealwire_crypto::Error> {
        Ok(Self(match algorithm {
            Algorithm::Ed25519 => Private::Ed25519(ed25519::SigningKey::generate(random)?),
            Algorithm::MlDsa(set) => Private::MlDsa(ml_dsa::SigningKey::generate(set, random)?),
            Algorithm::Hs256 => return Err(sealwire_crypto::Error::Key),
        }))
    }

    /// From a text: base64url of PKCS#8 (Ed25519, EN-18) or of the expanded key (ML-DSA, EN-20), PEM, or JWK.
    ///
    /// # Errors
    /// [`Error::Format`], [`Error::NotAKey`]
    pub fn parse(text: &str) -> Result<Self, Error> {
        let key = match format::private(text)? {
            format::Private::Ed25519Seed(seed) => ed25519::SigningKey::from_seed(&seed).map(Private::Ed25519),
            format::Private::MlDsaSeed(set, seed) => {
                ml_dsa::SigningKey::from_seed(set, &seed).map(Private::MlDsa)
            }
            format::Private::MlDsaExpanded(set, expanded) => {
                ml_dsa::SigningKey::from_expanded(set, &expanded).map(Private::MlDsa)
            }
        };
        key.map(Self).map_err(|_| Error::NotAKey)
    }

    /// From a seed of 32 bytes (RFC 8032 section 5.1.5, FIPS 204 algorithm 6).
    ///
    /// # Errors
    /// [`Error::NotAKey`]; also for [`Algorithm::Hs256`].
    pub fn from_seed(algorithm: Algorithm, seed: &[u8]) -> Result<Self, Error> {
        let key = match algorithm {
            Algorithm::Ed25519 => ed25519::SigningKey::from_seed(seed).map(Private::Ed25519),
            Algorithm::MlDsa(set) => ml_dsa::SigningKey::from_seed(set, seed).map(Private::MlDsa),
            Algorithm::Hs256 => return Err(Error::NotAKey),
        };
        key.map(Self).map_err(|_| Error::NotAKey)
    }

    /// The algorithm.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        match &self.0 {
            Private::Ed25519(_) => Algorithm::Ed25519,
            Private::MlDsa(key) => Algorithm::MlDsa(key.parameters()),
        }
    }

    /// The public key that belongs to it.
    ///
    /// # Errors
    /// [`Error::NotAKey`], when an expanded key was not made as FIPS 204 says.
    pub fn public_key(&self) -> Result<PublicKey, Error> {
        match &self.0 {
            Private::Ed25519(key) => PublicKey::from_raw(Algorithm::Ed25519, &key.public_key()),
            Private::MlDsa(key) => PublicKey::from_raw(self.algorithm(), key.public_key()),
        }
    }

    /// The form on the wire: base64url of PKCS#8 version 1 for Ed25519 (EN-18), of the expanded key for ML-DSA (EN-20).
    ///
    /// # Errors
    /// [`Error::NotAKey`], when the backend does not give it out.
    pub fn to_text(&self) -> Result<Zeroizing<String>, Error> {
        let bytes = match &self.0 {
            Private::Ed25519(key) => {
                let seed = key.to_seed().map_err(|_| Error::NotAKey)?;
                format::pkcs8(Algorithm::Ed25519, &seed)
            }
            Private::MlDsa(key) => key.to_expanded().map_err(|_| Error::NotAKey)?,
        };
        Ok(Zeroizing::new(base64url::encode(&*bytes)))
    }

    /// PKCS#8 in PEM. Ed25519 only: of an ML-DSA key that came expanded there is no seed to write.
    ///
    /// # Errors
    /// [`Error::Format`]
    pub fn to_pem(&self) -> Result<Zeroizing<String>, Error> {
        let seed = self.ed25519_seed()?;
        Ok(format::pem("PRIVATE KEY", &format::pkcs8(Algorithm::Ed25519, &seed)))
    }

    /// A JSON Web Key (RFC 8037). Ed25519 only.
    ///
    /// # Errors
    /// [`Error::Format`]
    pub fn to_jwk(&self) -> Result<Zeroizing<String>, Error> {
        let seed = self.ed25519_seed()?;
        Ok(format::private_jwk(self.public_key()?.as_raw(), &seed))
    }

    fn ed25519_seed(&self) -> Result<Zeroizing<Vec<u8>>, Error> {
        match &self.0 {
            Private::Ed25519(key) => key.to_seed().map_err(|_| Error::NotAKey),
            Private::MlDsa(_) => Err(Error::Format),
        }
    }
}

/// The secret of HMAC-SHA256: the UTF-8 bytes of a text, which is never decoded, whatever it looks like (EN-19).
#[derive(Clone)]
pub struct SharedSecret(Arc<Secret>);

struct Secret {
    key: mac::Key,
    fingerprint: Fingerprint,
    long_enough: bool,
}

impl SharedSecret {
    /// Shortest secret that may be registered, in bytes (SP-18).
    pub const MIN_LEN: usize = 32;

    /// Of a text.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let bytes = text.as_bytes();
        Self(Arc::new(Secret {
            key: mac::Key::new(Hash::Sha256, bytes),
            fingerprint: Fingerprint::of_secret(bytes),
            long_enough: bytes.len() >= Self::MIN_LEN,
        }))
    }

    /// A fresh secret (SP-18), as text: base64url of 32 random bytes.
    ///
    /// # Errors
    /// [`sealwire_crypto::Error::Random`]
    pub fn generate(random: &dyn Random) -> Result<Zeroizing<String>, sealwire_crypto::Error> {
        let bytes = Zeroizing::new(random::array::<32>(random)?);
        Ok(Zeroizing::new(base64url::encode(bytes.as_slice())))
    }

    /// From a JSON Web Key (`kty` `oct`) whose key is the UTF-8 of a text.
    ///
    /// # Errors
    /// [`Error::Format`]
    pub fn from_jwk(text: &str) -> Result<Self, Error> {
        Ok(Self::new(&format::secret_jwk(text)?))
    }

    /// The fingerprint (SP-16).
    #[must_use]
    pub fn fingerprint(&self) -> &Fingerprint {
        &self.0.fingerprint
    }

    pub(super) fn long_enough(&self) -> Result<(), Error> {
        if self.0.long_enough { Ok(()) } else { Err(Error::ShortSecret) }
    }
}

/// What a record verifies with.
#[derive(Clone)]
pub enum Material {
    /// a key that everybody may know
    Public(PublicKey),
    /// a secret of two parties
    Secret(SharedSecret),
}

impl Material {
    /// The algorithm.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        match self {
            Self::Public(key) => key.algorithm(),
            Self::Secret(_) => Algorithm::Hs256,
        }
    }

    /// The fingerprint (SP-16).
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        match self {
            Self::Public(key) => key.fingerprint(),
            Self::Secret(secret) => secret.fingerprint().clone(),
        }
    }

    /// Whether `signature` is over `message`; HMAC in constant time (EN-25).
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Public(key) => key.verifies(message, signature),
            Self::Secret(secret) => secret.0.key.verify(&[message], signature).is_ok(),
        }
    }
}

/// What one signs with.
pub enum SigningKey {
    /// one's own key
    Private(PrivateKey),
    /// a secret of two parties
    Secret(SharedSecret),
}

impl SigningKey {
    /// The algorithm.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        match self {
            Self::Private(key) => key.algorithm(),
            Self::Secret(_) => Algorithm::Hs256,
        }
    }

    /// The fingerprint of what verifies it (SP-16).
    ///
    /// # Errors
    /// [`Error::NotAKey`]
    pub fn fingerprint(&self) -> Result<Fingerprint, Error> {
        match self {
            Self::Private(key) => Ok(key.public_key()?.fingerprint()),
            Self::Secret(secret) => Ok(secret.fingerprint().clone()),
        }
    }

    /// Signs `message`. What for is up to [`Signer`](super::Signer), which should be asked instead wherever there is one.
    ///
    /// # Errors
    /// [`sealwire_crypto::Error::Random`], with ML-DSA only.
    pub fn sign(&self, message: &[u8]) -> Result<SignatureBytes, sealwire_crypto::Error> {
        Ok(match self {
            Self::Private(PrivateKey(Private::Ed25519(key))) => SignatureBytes::Ed25519(key.sign(message)),
            Self::Private(PrivateKey(Private::MlDsa(key))) => SignatureBytes::MlDsa(key.sign(message)?),
            Self::Secret(secret) => SignatureBytes::Hs256(secret.0.key.sign_truncated::<32>(&[message])),
        })
    }
}

/// A raw signature, of [`Algorithm::signature_len`] bytes.
pub enum SignatureBytes {
    /// 64 bytes
    Ed25519([u8; 64]),
    /// 32 bytes
    Hs256([u8; 32]),
    /// as long as the parameter set has them
    MlDsa(Vec<u8>),
}

impl AsRef<[u8]> for SignatureBytes {
    fn as_ref(&self) -> &[u8] {
        match self {
            Self::Ed25519(bytes) => bytes,
            Self::Hs256(bytes) => bytes,
            Self::MlDsa(bytes) => bytes,
        }
    }
}

/// The parameter set whose public keys have `len` bytes.
pub(super) fn set_of_public_len(len: usize) -> Option<Parameters> {
    SETS.into_iter().find(|set| set.public_key_len() == len)
}

/// The parameter set whose expanded private keys have `len` bytes.
pub(super) fn set_of_private_len(len: usize) -> Option<Parameters> {
    SETS.into_iter().find(|set| set.private_key_len() == len)
}

const SETS: [Parameters; 3] = [Parameters::MlDsa44, Parameters::MlDsa65, Parameters::MlDsa87];
