//! The form in which the evidence of an Azure confidential VM travels.

use super::hcl;
use crate::{
    Error,
    cbor::{Reader, encode},
    event_log,
    tpm::{MAX_ATTEST, MAX_SIGNATURE, ParsedQuote, begin, read_pcrs, write_pcrs},
};
use std::collections::BTreeMap;

/// Longest TD quote in bytes; real ones have about 5000.
pub const MAX_TD_QUOTE: usize = 16 * 1024;

/// What makes bytes this form: the text under key 0.
const FORM: &str = "azure-vtpm";

/// An HCL report, and what goes with it, as deterministic CBOR.
///
/// A map: 0 is the text `azure-vtpm`, 1 the HCL report without padding, 2 to 5 TPMS_ATTEST, TPMT_SIGNATURE, register
/// values (as in [`crate::tpm::Quote`]) and event log of the vTPM's quote, 6 the TD quote without padding. 2 to 4 are
/// there together or not at all; 5 only with them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VmEvidence {
    /// without the zeros behind it
    pub hcl_report: Vec<u8>,
    /// what the vTPM signed; without it nothing is bound to a requester
    pub quote: Option<VtpmQuote>,
    /// the quote over the TDREPORT, for TDX
    pub td_quote: Option<Vec<u8>>,
}

/// A quote by the vTPM's attestation key, which is in the runtime data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VtpmQuote {
    /// TPMS_ATTEST
    pub attest: Vec<u8>,
    /// TPMT_SIGNATURE over it
    pub signature: Vec<u8>,
    /// values of the SHA-256 bank by index, exactly those that were quoted
    pub pcrs: BTreeMap<u8, [u8; 32]>,
    /// the firmware's event log
    pub event_log: Option<Vec<u8>>,
}

impl VmEvidence {
    /// Deterministic CBOR. What breaks a bound is written all the same, and refused by [`Self::parse`].
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let log = self.quote.as_ref().and_then(|quote| quote.event_log.as_ref());
        let pairs = 2
            + if self.quote.is_some() { 3 } else { 0 }
            + u64::from(log.is_some())
            + u64::from(self.td_quote.is_some());
        encode(|e| {
            e.map(pairs)?.u8(0)?.str(FORM)?.u8(1)?.bytes(&self.hcl_report)?;
            if let Some(quote) = &self.quote {
                e.u8(2)?.bytes(&quote.attest)?.u8(3)?.bytes(&quote.signature)?.u8(4)?;
                write_pcrs(e, &quote.pcrs)?;
            }
            if let Some(log) = log {
                e.u8(5)?.bytes(log)?;
            }
            if let Some(td_quote) = &self.td_quote {
                e.u8(6)?.bytes(td_quote)?;
            }
            Ok(())
        })
    }

    /// Parses what [`Self::encode`] wrote. The structures inside stay unread.
    ///
    /// # Errors
    /// AT-08: [`Error::Malformed`].
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let r = &mut Reader::new(bytes);
        let mut fields = begin(r, FORM)?;
        fields.required(r, 1)?;
        let hcl_report = r.bytes(hcl::MAX_LEN)?.to_vec();
        let quote = match fields.optional(r, 2)? {
            false => None,
            true => {
                let attest = r.bytes(MAX_ATTEST)?.to_vec();
                fields.required(r, 3)?;
                let signature = r.bytes(MAX_SIGNATURE)?.to_vec();
                fields.required(r, 4)?;
                let pcrs = read_pcrs(r)?;
                let event_log = match fields.optional(r, 5)? {
                    true => Some(r.bytes(event_log::MAX_LEN)?.to_vec()),
                    false => None,
                };
                Some(VtpmQuote { attest, signature, pcrs, event_log })
            }
        };
        let td_quote = match fields.optional(r, 6)? {
            true => Some(r.bytes(MAX_TD_QUOTE)?.to_vec()),
            false => None,
        };
        // No extensions: nobody would have signed them.
        fields.end()?;
        r.finish()?;
        Ok(Self { hcl_report, quote, td_quote })
    }
}

impl VtpmQuote {
    /// The structures inside, parsed.
    pub(super) fn parts(&self) -> Result<ParsedQuote<'_>, Error> {
        ParsedQuote::new(&self.attest, &self.signature, &self.pcrs, self.event_log.as_deref())
    }
}

/// Whether bytes begin as [`VmEvidence::encode`] writes them.
pub(super) fn looks_like(bytes: &[u8]) -> bool {
    begin(&mut Reader::new(bytes), FORM).is_ok()
}
