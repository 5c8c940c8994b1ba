//! JSON as Intel's service and its caches hand it out.

use crate::Error;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// A signed object, as Intel serves it.
pub(super) enum Served<'a> {
    TcbInfo { inner: &'a str, signature: [u8; 64] },
    QeIdentity { inner: &'a str, signature: [u8; 64] },
}

#[derive(Deserialize)]
struct Outer<'a> {
    #[serde(borrow, rename = "tcbInfo")]
    tcb_info: Option<&'a RawValue>,
    #[serde(borrow, rename = "enclaveIdentity")]
    enclave_identity: Option<&'a RawValue>,
    #[serde(borrow)]
    signature: Cow<'a, str>,
}

impl<'a> Served<'a> {
    /// `None` for what is no such object: reference data of other vendors lies beside it.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        // Not by way of a tree of values, which would lose the exact bytes.
        let Outer { tcb_info, enclave_identity, signature: hex } = serde_json::from_slice(bytes).ok()?;
        let mut signature = [0; 64];
        hex::decode_to_slice(hex.as_bytes(), &mut signature).ok()?;
        match (tcb_info, enclave_identity) {
            (Some(inner), None) => Some(Self::TcbInfo { inner: inner.get(), signature }),
            (None, Some(inner)) => Some(Self::QeIdentity { inner: inner.get(), signature }),
            _ => None,
        }
    }
}

/// What a file of collateral holds. Nothing in it is verified.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Collateral {
    /// certificates in PEM, several each
    pub(crate) certificates: Vec<String>,
    /// CRLs, in DER or PEM
    pub(crate) crls: Vec<Vec<u8>>,
    /// signed objects, as Intel serves them
    pub(crate) references: Vec<Vec<u8>>,
}

/// Everything for one platform in one file: the form of Intel's quote verification library (`sgx_ql_qve_collateral_t`) as
/// caches write it in JSON.
#[derive(Deserialize)]
struct Bundle {
    pck_crl_issuer_chain: String,
    root_ca_crl: String,
    pck_crl: String,
    tcb_info_issuer_chain: String,
    tcb_info: String,
    tcb_info_signature: String,
    qe_identity_issuer_chain: String,
    qe_identity: String,
    qe_identity_signature: String,
    pck_certificate_chain: Option<String>,
}

impl Collateral {
    /// Reads a signed object or a bundle, told apart by content (AT-80).
    pub(crate) fn read(json: &[u8]) -> Result<Self, Error> {
        if Served::read(json).is_some() {
            return Ok(Self { references: vec![json.trim_ascii().to_vec()], ..Self::default() });
        }
        let unknown =
            Error::MalformedEndorsement("JSON that is neither Intel's reference data nor collateral");
        let bundle: Bundle = serde_json::from_slice(json).map_err(|_| unknown)?;
        let chains =
            [bundle.pck_crl_issuer_chain, bundle.tcb_info_issuer_chain, bundle.qe_identity_issuer_chain];
        Ok(Self {
            certificates: chains.into_iter().chain(bundle.pck_certificate_chain).collect(),
            crls: vec![crl(&bundle.root_ca_crl)?, crl(&bundle.pck_crl)?],
            references: vec![
                served("tcbInfo", &bundle.tcb_info, &bundle.tcb_info_signature)?,
                served("enclaveIdentity", &bundle.qe_identity, &bundle.qe_identity_signature)?,
            ],
        })
    }
}

/// A CRL is written as DER in hex, or as PEM.
fn crl(text: &str) -> Result<Vec<u8>, Error> {
    let text = text.trim_ascii();
    if text.starts_with("-----BEGIN ") {
        return Ok(text.as_bytes().to_vec());
    }
    hex::decode(text).map_err(|_| Error::MalformedEndorsement("a CRL that is neither hex nor PEM"))
}

/// The object as Intel serves it, around the exact bytes of the inner one.
fn served(name: &str, inner: &str, signature: &str) -> Result<Vec<u8>, Error> {
    let object = format!(r#"{{"{name}":{inner},"signature":"{signature}"}}"#).into_bytes();
    // What reads back to the same bytes was one value, and nothing that ends it early.
    match Served::read(&object) {
        Some(Served::TcbInfo { inner: read, .. } | Served::QeIdentity { inner: read, .. })
            if read == inner =>
        {
            Ok(object)
        }
        _ => Err(Error::MalformedEndorsement("collateral whose reference data is not signed JSON")),
    }
}
