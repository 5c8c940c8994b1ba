//! The runtime data of an HCL report: JSON that the paravisor wrote, and whose hash the hardware signed.

use crate::{
    Error,
    tpm::{HashAlg, VerifyingKey},
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::Deserialize;

/// The vTPM's attestation key among the keys.
const ATTESTATION_KEY: &str = "HCLAkPub";

/// What is read of the runtime data.
pub(super) struct RuntimeData {
    pub(super) attestation_key: VerifyingKey,
    configuration: Configuration,
}

#[derive(Deserialize)]
struct Json {
    keys: Vec<Jwk>,
    #[serde(default, rename = "vm-configuration")]
    configuration: Configuration,
}

/// RFC 7517. `key_ops` is left alone: early paravisors say that the attestation key encrypts.
#[derive(Deserialize)]
struct Jwk {
    kid: String,
    kty: String,
    #[serde(default)]
    n: String,
    #[serde(default)]
    e: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
struct Configuration {
    secure_boot: Option<bool>,
    tpm_enabled: Option<bool>,
    tpm_persisted: Option<bool>,
    console_enabled: Option<bool>,
}

/// Every attribute that runtime data can give.
pub(super) const ATTRIBUTES: [&str; 4] = ["secure-boot", "tpm-enabled", "tpm-persisted", "console-enabled"];

impl RuntimeData {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let json: Json = serde_json::from_slice(bytes)
            .map_err(|_| Error::Malformed("runtime data that is not the JSON of a paravisor"))?;
        let mut keys = json.keys.iter().filter(|key| key.kid == ATTESTATION_KEY);
        let (Some(key), None) = (keys.next(), keys.next()) else {
            return Err(Error::Malformed("runtime data without exactly one attestation key"));
        };
        Ok(Self { attestation_key: key.rsa()?, configuration: json.configuration })
    }

    /// How the VM is configured; what the data does not say is not there.
    pub(super) fn attributes(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let Configuration { secure_boot, tpm_enabled, tpm_persisted, console_enabled } = self.configuration;
        let values = [secure_boot, tpm_enabled, tpm_persisted, console_enabled];
        ATTRIBUTES.into_iter().zip(values).filter_map(|(name, value)| Some((name, value?.into())))
    }
}

impl Jwk {
    fn rsa(&self) -> Result<VerifyingKey, Error> {
        let malformed = Error::Malformed("an attestation key that is not an RSA key as JWK");
        let decode = |text: &str| BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| malformed.clone());
        let modulus = decode(&self.n)?;
        let exponent = decode(&self.e)?;
        if self.kty != "RSA" || modulus.first().is_none_or(|first| *first == 0) {
            return Err(malformed);
        }
        let exponent = match exponent.as_slice() {
            [1, 0, 1] => 65537,
            _ => return Err(Error::Unsupported("an RSA attestation key of an odd exponent")),
        };
        VerifyingKey::rsassa(&modulus, exponent, HashAlg::Sha256)
    }
}
