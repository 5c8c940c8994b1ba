use super::{
    attest::Attest,
    claims::registers,
    signature::{Signature, VerifyingKey},
};
use crate::{Error, Kind, event_log::Log};
use sealwire_crypto::digest::sha256;
use std::collections::BTreeMap;

/// A quote whose parts all parsed; nothing about it is verified.
pub(crate) struct ParsedQuote<'a> {
    /// TPMS_ATTEST, which is signed
    signed: &'a [u8],
    pub(crate) attest: Attest<'a>,
    signature: Signature<'a>,
    /// as it came
    signature_bytes: &'a [u8],
    /// the values of the registers that it says it is over
    pub(crate) pcrs: &'a BTreeMap<u8, [u8; 32]>,
    pub(crate) log: Option<Log<'a>>,
    log_bytes: Option<&'a [u8]>,
}

impl<'a> ParsedQuote<'a> {
    pub(crate) fn new(
        signed: &'a [u8],
        signature: &'a [u8],
        pcrs: &'a BTreeMap<u8, [u8; 32]>,
        log: Option<&'a [u8]>,
    ) -> Result<Self, Error> {
        Ok(Self {
            signed,
            attest: Attest::parse(signed)?,
            signature: Signature::parse(signature)?,
            signature_bytes: signature,
            pcrs,
            log: log.map(Log::parse).transpose()?,
            log_bytes: log,
        })
    }

    /// A hash over all of it, for caches.
    pub(crate) fn digest(&self) -> [u8; 32] {
        let indices: Vec<u8> = self.pcrs.keys().copied().collect();
        let values: Vec<[u8; 32]> = self.pcrs.values().copied().collect();
        let log = self.log_bytes.map_or(0, |log| log.len() as u64 + 1);
        let lengths =
            [self.signed.len() as u64, self.signature_bytes.len() as u64, indices.len() as u64, log];
        let lengths = lengths.map(u64::to_be_bytes);
        let log = self.log_bytes.unwrap_or_default();
        let parts = [self.signed, self.signature_bytes, &indices, values.as_flattened(), log];
        sha256(&[&[lengths.as_flattened()][..], &parts].concat())
    }

    /// The signature over the quote, then what the quote is over: the register values, and through them the event log.
    /// For people, what was checked.
    pub(crate) fn check(&self, key: &VerifyingKey) -> Result<String, Error> {
        key.verify(self.signed, &self.signature)?;
        self.attest.check_pcrs(self.pcrs, self.signature.hash())?;
        let name = self.signature.name();
        let count = self.pcrs.len();
        let Some(log) = &self.log else {
            return Ok(format!("{name} over the quote of {count} registers"));
        };
        let confirmed = log.confirm_registers(Kind::Tpm, &registers(self.pcrs))?;
        let events = log.events().len();
        Ok(format!(
            "{name} over the quote of {count} registers, {} of which {events} events of the log replay to",
            confirmed.len()
        ))
    }
}
