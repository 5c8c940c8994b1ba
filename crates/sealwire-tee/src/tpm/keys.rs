//! The keys that are made anew each time, from fixed templates: a TPM derives a primary key from its own seed and the
//! template, so the same ones come back and nothing needs to be kept.

use super::{
    Error,
    command::{Object, Tpm2},
};
use sealwire_attest::enrol::EndorsementKey;
use sealwire_crypto::digest::sha256;
use tpm2_protocol::{
    TpmUnmarshal as _,
    basic::TpmUint16,
    data::{
        Tpm2bEccParameter, Tpm2bPublicKeyRsa, TpmAlgId, TpmEccCurve, TpmaObject, TpmsContext, TpmsEccParms,
        TpmsEccPoint, TpmsRsaParms, TpmsSchemeHash, TpmtEccScheme, TpmtPublic, TpmtRsaScheme,
        TpmtSymDefObject, TpmuAsymScheme, TpmuPublicId, TpmuPublicParms,
    },
};

/// Tells Sealwire's key from those that other programs make in the same hierarchy: part of what the key is derived from.
/// Another text makes another key, and every certificate void.
const LABEL: &[u8] = b"sealwire attestation key 1";

/// Makes the attestation key: ECDSA on P-256, or RSASSA where the TPM has no ECC.
///
/// It lies in the endorsement hierarchy, whose seed outlives TPM2_Clear, as that of the endorsement key does.
pub(super) fn attestation_key(tpm: &mut Tpm2) -> Result<Object, Error> {
    let template = match tpm.has_p256()? {
        true => ecc_template(),
        false => rsa_template(),
    };
    tpm.create_primary(&template.ok_or(Error::Command("TPM2_CreatePrimary"))?)
}

/// The attestation key between quotes. To make it again takes a TPM a fraction of a second, and many seconds where it is RSA.
pub(super) struct Kept {
    public: Vec<u8>,
    /// nobody but the TPM can read it
    context: TpmsContext,
}

impl Kept {
    /// Loads what was kept, or else makes the key and keeps it: after a reset of the TPM, which ends every context.
    pub(super) fn load(kept: &mut Option<Self>, tpm: &mut Tpm2) -> Result<Object, Error> {
        if let Some(Self { public, context }) = kept {
            match tpm.context_load(context) {
                Ok(handle) => return Ok(Object { handle, public: public.clone() }),
                Err(Error::Refused { .. }) => *kept = None,
                Err(error) => return Err(error),
            }
        }
        let key = attestation_key(tpm)?;
        // One that cannot be saved is made again the next time.
        let context = tpm.context_save(key.handle).ok();
        *kept = context.map(|context| Self { public: key.public.clone(), context });
        Ok(key)
    }
}

/// Makes the endorsement key that the TPM's maker has certified.
pub(super) fn endorsement_key(tpm: &mut Tpm2, key: EndorsementKey) -> Result<Object, Error> {
    let template = key.template();
    let (template, _) = TpmtPublic::unmarshal(&template).map_err(|_| Error::Command("TPM2_CreatePrimary"))?;
    tpm.create_primary(&template)
}

fn ecc_template() -> Option<TpmtPublic> {
    let scheme = TpmtEccScheme { scheme: TpmAlgId::Ecdsa, details: TpmuAsymScheme::Hash(sha256_scheme()) };
    let parameters = TpmsEccParms {
        symmetric: no_symmetric(),
        scheme,
        curve_id: TpmEccCurve::NistP256,
        ..TpmsEccParms::default()
    };
    let x = Tpm2bEccParameter::try_from(sha256(&[LABEL]).as_slice()).ok()?;
    let y = Tpm2bEccParameter::try_from([0; 32].as_slice()).ok()?;
    Some(TpmtPublic {
        object_type: TpmAlgId::Ecc,
        parameters: TpmuPublicParms::Ecc(parameters),
        unique: TpmuPublicId::Ecc(TpmsEccPoint { x, y }),
        ..signing_only()
    })
}

fn rsa_template() -> Option<TpmtPublic> {
    let scheme = TpmtRsaScheme { scheme: TpmAlgId::Rsassa, details: TpmuAsymScheme::Hash(sha256_scheme()) };
    let parameters = TpmsRsaParms {
        symmetric: no_symmetric(),
        scheme,
        key_bits: TpmUint16::from(2048),
        ..TpmsRsaParms::default()
    };
    let mut unique = [0; 256];
    let (label, _) = unique.split_first_chunk_mut()?;
    *label = sha256(&[LABEL]);
    Some(TpmtPublic {
        object_type: TpmAlgId::Rsa,
        parameters: TpmuPublicParms::Rsa(parameters),
        unique: TpmuPublicId::Rsa(Tpm2bPublicKeyRsa::try_from(unique.as_slice()).ok()?),
        ..signing_only()
    })
}

/// What both have in common. Restricted: it signs what the TPM itself has made, and nothing that merely looks like it.
/// noDA: somebody's failed passwords do not lock it.
fn signing_only() -> TpmtPublic {
    TpmtPublic {
        name_alg: TpmAlgId::Sha256,
        object_attributes: TpmaObject::FIXED_TPM
            | TpmaObject::FIXED_PARENT
            | TpmaObject::SENSITIVE_DATA_ORIGIN
            | TpmaObject::USER_WITH_AUTH
            | TpmaObject::NO_DA
            | TpmaObject::RESTRICTED
            | TpmaObject::SIGN_ENCRYPT,
        ..TpmtPublic::default()
    }
}

fn sha256_scheme() -> TpmsSchemeHash {
    TpmsSchemeHash { hash_alg: TpmAlgId::Sha256 }
}

fn no_symmetric() -> TpmtSymDefObject {
    TpmtSymDefObject { algorithm: TpmAlgId::Null, ..TpmtSymDefObject::default() }
}
