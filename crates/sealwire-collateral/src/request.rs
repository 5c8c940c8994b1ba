//! What is asked of a vendor for one need.

use crate::{Error, Sources, amd, aws, intel};
use http::{HeaderMap, Uri};
use percent_encoding::percent_decode;
use sealwire_attest::{
    Endorsements,
    needs::{Answer, Need},
};

/// The longest answer, in bytes: that of the longest CRL that a verifier takes, as PEM or hex.
pub(crate) const MAX_ANSWER: usize = 512 * 1024;

/// One GET.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) uri: Uri,
    /// for people and logs: without what tells the chip
    pub(crate) shown: String,
    /// response fields that hold the certificates above the signer, by preference
    pub(crate) issuers: &'static [&'static str],
}

/// The requests for a need, to be tried in order while what was asked is not known there.
pub(crate) fn requests(need: &Need, sources: &Sources) -> Vec<Request> {
    match need {
        Need::IntelTcb { tee, fmspc } => intel::tcb(sources, *tee, *fmspc).into_iter().collect(),
        Need::IntelIdentity { tee } => intel::identity(sources, *tee).into_iter().collect(),
        Need::IntelPckCrl { ca } => intel::pck_crl(sources, *ca).into_iter().collect(),
        Need::IntelRootCrl => intel::root_crl(sources).into_iter().collect(),
        Need::AmdVcek { products, chip, tcb } => {
            products.iter().filter_map(|product| amd::vcek(sources, *product, chip, *tcb)).collect()
        }
        Need::AmdChain { product, key } => amd::chain(sources, *product, *key).into_iter().collect(),
        Need::AmdCrl { product, key } => amd::crl(sources, *product, *key).into_iter().collect(),
        Need::AwsCrl(crl) => aws::crl(sources, crl).into_iter().collect(),
        _ => Vec::new(),
    }
}

impl Request {
    /// What came, undone of the forms that mirrors wrap it in.
    pub(crate) fn answer(&self, headers: &HeaderMap, bytes: &[u8]) -> Result<Answer, Error> {
        let issuers = match self.issuers.iter().find_map(|name| headers.get(*name)) {
            Some(value) => issuers(value.as_bytes())?,
            None => Vec::new(),
        };
        Ok(Answer { bytes: without_hex(bytes), issuers })
    }
}

/// Certificates in PEM, percent-encoded (Intel PCS v4, `…-Issuer-Chain`).
fn issuers(value: &[u8]) -> Result<Vec<Vec<u8>>, Error> {
    let pem: Vec<u8> = percent_decode(value).collect();
    let mut found = Endorsements::default();
    found.add(&pem).map_err(|_| Error::Issuers("not certificates in PEM"))?;
    Ok(found.certificates)
}

/// A PCCS serves CRLs as hex text.
fn without_hex(bytes: &[u8]) -> Vec<u8> {
    hex::decode(bytes.trim_ascii()).unwrap_or_else(|_| bytes.to_vec())
}
