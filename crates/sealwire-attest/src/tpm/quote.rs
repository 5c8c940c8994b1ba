//! The form in which a quote travels: what the TPM returned, and the register values and key that it is over.

use super::{ParsedQuote, Public};
use crate::{
    Error,
    cbor::{Fields, Reader, Written, encode},
    event_log,
};
use minicbor::Encoder;
use std::collections::BTreeMap;

/// Longest TPMS_ATTEST in bytes; its parts cannot add up to more than 300.
pub const MAX_ATTEST: usize = 512;
/// Longest TPMT_SIGNATURE in bytes: RSA of 8192 bits, and its head.
pub const MAX_SIGNATURE: usize = 1024 + 16;
/// Longest TPMT_PUBLIC in bytes.
pub const MAX_PUBLIC: usize = 1024 + 128;
/// How many registers a bank has (TCG PC Client Platform TPM Profile, section 4.6).
pub const PCRS: u8 = 24;

/// The names of the registers in claims and policies.
const NAMES: [&str; PCRS as usize] = [
    "pcr-0", "pcr-1", "pcr-2", "pcr-3", "pcr-4", "pcr-5", "pcr-6", "pcr-7", "pcr-8", "pcr-9", "pcr-10",
    "pcr-11", "pcr-12", "pcr-13", "pcr-14", "pcr-15", "pcr-16", "pcr-17", "pcr-18", "pcr-19", "pcr-20",
    "pcr-21", "pcr-22", "pcr-23",
];

/// The name of a register in claims and policies: `pcr-0` to `pcr-23`.
#[must_use]
pub fn pcr_name(index: u8) -> Option<&'static str> {
    NAMES.get(usize::from(index)).copied()
}

/// What makes bytes this form: the text under key 0.
const FORM: &str = "tpm-quote";

/// TPM2_Quote and what belongs to it, as deterministic CBOR.
///
/// A map: 0 is the text `tpm-quote`, 1 to 3 are the first three fields below, 4 is an array of pairs of index and
/// value, ascending, and 5, which may be absent, is the event log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quote {
    /// TPMS_ATTEST, the bytes that the TPM signed
    pub attest: Vec<u8>,
    /// TPMT_SIGNATURE over them
    pub signature: Vec<u8>,
    /// TPMT_PUBLIC of the attestation key
    pub public: Vec<u8>,
    /// values of the SHA-256 bank by index, exactly those that were quoted
    pub pcrs: BTreeMap<u8, [u8; 32]>,
    /// the firmware's event log (TCG PC Client Platform Firmware Profile, crypto-agile form)
    pub event_log: Option<Vec<u8>>,
}

impl Quote {
    /// Deterministic CBOR. What breaks a bound is written all the same, and refused by [`Self::parse`].
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        encode(|e| {
            e.map(if self.event_log.is_some() { 6 } else { 5 })?;
            e.u8(0)?.str(FORM)?.u8(1)?.bytes(&self.attest)?.u8(2)?.bytes(&self.signature)?;
            e.u8(3)?.bytes(&self.public)?.u8(4)?;
            write_pcrs(e, &self.pcrs)?;
            if let Some(log) = &self.event_log {
                e.u8(5)?.bytes(log)?;
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
        let attest = r.bytes(MAX_ATTEST)?.to_vec();
        fields.required(r, 2)?;
        let signature = r.bytes(MAX_SIGNATURE)?.to_vec();
        fields.required(r, 3)?;
        let public = r.bytes(MAX_PUBLIC)?.to_vec();
        fields.required(r, 4)?;
        let pcrs = read_pcrs(r)?;
        let event_log = match fields.optional(r, 5)? {
            true => Some(r.bytes(event_log::MAX_LEN)?.to_vec()),
            false => None,
        };
        // No extensions: nobody would have signed them.
        fields.end()?;
        r.finish()?;
        Ok(Self { attest, signature, public, pcrs, event_log })
    }

    /// The structures inside, parsed.
    pub(super) fn parts(&self) -> Result<ParsedQuote<'_>, Error> {
        Public::parse(&self.public)?;
        ParsedQuote::new(&self.attest, &self.signature, &self.pcrs, self.event_log.as_deref())
    }
}

/// Whether bytes begin as [`Quote::encode`] writes them.
pub(crate) fn looks_like(bytes: &[u8]) -> bool {
    begin(&mut Reader::new(bytes), FORM).is_ok()
}

/// Reads the head of a map whose key 0 is the text `form`.
pub(crate) fn begin(r: &mut Reader<'_>, form: &str) -> Result<Fields, Error> {
    let mut fields = r.fields()?;
    fields.required(r, 0)?;
    if r.text(32)? == form { Ok(fields) } else { Err(Error::Malformed("another form of evidence")) }
}

/// Register values as an array of pairs, ascending by index.
pub(crate) fn write_pcrs(e: &mut Encoder<Vec<u8>>, pcrs: &BTreeMap<u8, [u8; 32]>) -> Written {
    e.array(pcrs.len() as u64)?;
    for (index, value) in pcrs {
        e.array(2)?.u8(*index)?.bytes(value)?;
    }
    Ok(())
}

/// Reads what [`write_pcrs`] wrote: one value at least, each index once, in order.
pub(crate) fn read_pcrs(r: &mut Reader<'_>) -> Result<BTreeMap<u8, [u8; 32]>, Error> {
    let count = r.array(u64::from(PCRS))?;
    let mut pcrs = BTreeMap::new();
    for _ in 0..count {
        if r.array(2)? != 2 {
            return Err(Error::Malformed("a register that is not an index and a value"));
        }
        let index = u8::try_from(r.uint()?).ok().filter(|index| *index < PCRS);
        let index = index.ok_or(Error::Malformed("a register that no TPM has"))?;
        if pcrs.last_key_value().is_some_and(|(last, _)| *last >= index) {
            return Err(Error::Malformed("registers out of order"));
        }
        pcrs.insert(index, r.fixed()?);
    }
    if pcrs.is_empty() { Err(Error::Malformed("a quote without registers")) } else { Ok(pcrs) }
}
