//! The JSON in which attestation agents write the evidence of an Azure confidential VM (Confidential Containers,
//! `az-tdx-vtpm` and `az-snp-vtpm`).

use super::{VmEvidence, VtpmQuote, hcl};
use crate::{
    Error, intel,
    tpm::{Attest, HashAlg, rsassa_signature},
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::Deserialize;

/// The form of the JSON that is known.
const VERSION: u32 = 1;

#[derive(Deserialize)]
struct Json {
    version: u32,
    tpm_quote: Quote,
    /// base64url
    hcl_report: String,
    /// base64url
    td_quote: Option<String>,
}

/// Everything in hex.
#[derive(Deserialize)]
struct Quote {
    /// of RSASSA with SHA-256, without the head of TPMT_SIGNATURE
    signature: String,
    /// TPMS_ATTEST
    message: String,
    /// of the SHA-256 bank, from register 0 on
    pcrs: Vec<String>,
}

/// Whether bytes are such JSON; what of it is right is for [`parse`] to say.
pub(super) fn looks_like(bytes: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Marks {
        #[serde(rename = "tpm_quote")]
        _tpm_quote: serde::de::IgnoredAny,
        #[serde(rename = "hcl_report")]
        _hcl_report: serde::de::IgnoredAny,
    }
    bytes.trim_ascii_start().first() == Some(&b'{') && serde_json::from_slice::<Marks>(bytes).is_ok()
}

pub(super) fn parse(bytes: &[u8]) -> Result<VmEvidence, Error> {
    let json: Json = serde_json::from_slice(bytes)
        .map_err(|_| Error::Malformed("JSON that is not an Azure VM's evidence"))?;
    if json.version != VERSION {
        return Err(Error::Version { what: "JSON of an Azure VM's evidence", found: json.version });
    }
    let attest = from_hex(&json.tpm_quote.message)?;
    let signature = rsassa_signature(HashAlg::Sha256, &from_hex(&json.tpm_quote.signature)?)?;
    // All registers are listed; those that were not quoted are of no use.
    let values = Attest::parse(&attest)?.selected().map(|index| {
        let value = json.tpm_quote.pcrs.get(usize::from(index));
        let value = value.ok_or(Error::Malformed("a register that was quoted is not listed"))?;
        let value =
            from_hex(value)?.try_into().map_err(|_| Error::Malformed("a register of another bank"))?;
        Ok((index, value))
    });
    let pcrs = values.collect::<Result<_, Error>>()?;
    Ok(VmEvidence {
        hcl_report: hcl::without_padding(&from_base64(&json.hcl_report)?).to_vec(),
        quote: Some(VtpmQuote { attest, signature, pcrs, event_log: None }),
        td_quote: match json.td_quote {
            Some(quote) => Some(intel::without_padding(&from_base64(&quote)?).to_vec()),
            None => None,
        },
    })
}

fn from_hex(text: &str) -> Result<Vec<u8>, Error> {
    hex::decode(text).map_err(|_| Error::Malformed("JSON of evidence with text that is not hex"))
}

/// With or without padding.
fn from_base64(text: &str) -> Result<Vec<u8>, Error> {
    let decoded = BASE64_URL_SAFE_NO_PAD.decode(text.trim_end_matches('='));
    decoded.map_err(|_| Error::Malformed("JSON of evidence with text that is not base64url"))
}
