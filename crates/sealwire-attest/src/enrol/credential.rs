//! TPM2_MakeCredential in software (TPM 2.0 part 1, section 24 and annexes B.10.4 and C.6.4): a secret that a TPM gives
//! out only if it holds both the endorsement key and an object of the given Name.

use super::{Error, SECRET_LEN, endorsement::Genuine};
use crate::tpm::PublicKey;
use der::zeroize::Zeroizing;
use sealwire_crypto::{
    cfb, kem, mac, oaep,
    random::{self, Random},
    tpm_kdf::{kdfa_sha256, kdfe_sha256},
};

/// What goes to the TPM.
pub(super) struct Sealed {
    /// TPMS_ID_OBJECT: the content of `credentialBlob`
    pub(super) credential: Vec<u8>,
    /// the content of `secret`: the seed, encrypted to the endorsement key
    pub(super) seed: Vec<u8>,
}

/// The nameAlg of both templates is SHA-256, so every hash is.
pub(super) fn make(
    ek: &Genuine,
    name: &[u8],
    secret: &[u8; SECRET_LEN],
    random: &dyn Random,
) -> Result<Sealed, Error> {
    let (seed, encrypted) = match &ek.public.key {
        PublicKey::Rsa { .. } => {
            let seed = Zeroizing::new(random::array::<32>(random)?);
            // Annex B.4: the label ends in a zero byte, which is part of it.
            let encrypted = oaep::encrypt_sha256(&ek.info, b"IDENTITY\0", seed.as_slice())?;
            (seed, encrypted)
        }
        PublicKey::Ecc { point, .. } => {
            let (ephemeral, z) = kem::p256_ephemeral(point, random)?;
            let (x, y) = coordinates(&ephemeral).ok_or(sealwire_crypto::Error::Key)?;
            let (ek_x, _) = coordinates(point).ok_or(sealwire_crypto::Error::Key)?;
            let seed = kdfe_sha256::<32>(z.as_slice(), b"IDENTITY", x, ek_x);
            // TPMS_ECC_POINT
            (seed, [sized(x), sized(y)].concat())
        }
    };
    let key = kdfa_sha256::<16>(seed.as_slice(), b"STORAGE", name, &[]);
    let mut identity = Zeroizing::new(sized(secret));
    // The key is used once, with an IV of zeros (section 24.4).
    cfb::aes128_encrypt(&key, &[0; 16], &mut identity)?;
    let key = kdfa_sha256::<32>(seed.as_slice(), b"INTEGRITY", &[], &[]);
    let integrity = mac::hmac_sha256(key.as_slice(), &[&identity, name]);
    Ok(Sealed { credential: [sized(&integrity), identity.to_vec()].concat(), seed: encrypted })
}

fn coordinates(point: &[u8]) -> Option<(&[u8], &[u8])> {
    point.split_first().filter(|(form, _)| **form == 4)?.1.split_at_checked(32)
}

/// A sized buffer (`TPM2B_…`); everything here has at most 256 bytes.
fn sized(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u16).to_be_bytes(), bytes].concat()
}
