//! A quote and the register values that it is over.

use super::{
    Error, Pcrs,
    command::{Object, Quoted, Tpm2},
    keys::Kept,
};
use sealwire_attest::tpm;
use sealwire_crypto::digest::sha256;
use std::collections::BTreeMap;

/// How often registers are read again that changed before they were quoted.
const ATTEMPTS: u32 = 8;

/// Quotes `pcrs` over `qualifying_data` with the attestation key, which is loaded for as long as that takes.
pub(super) fn quote(
    tpm: &mut Tpm2,
    kept: &mut Option<Kept>,
    qualifying_data: &[u8; 32],
    pcrs: &Pcrs,
) -> Result<tpm::Quote, Error> {
    let key = Kept::load(kept, tpm)?;
    let quoted = consistent(tpm, &key, qualifying_data, pcrs);
    // Also where the quote failed, and then the failure is what is told.
    let flushed = tpm.flush(key.handle);
    let (Quoted { attest, signature, .. }, values) = quoted?;
    flushed?;
    Ok(tpm::Quote { attest, signature, public: key.public, pcrs: values, event_log: None })
}

/// Two commands read and quote the registers, and whatever extends one between them makes them disagree.
fn consistent(
    tpm: &mut Tpm2,
    key: &Object,
    qualifying_data: &[u8; 32],
    pcrs: &Pcrs,
) -> Result<(Quoted, BTreeMap<u8, [u8; 32]>), Error> {
    for _ in 0..ATTEMPTS {
        let values = tpm.pcr_read(pcrs.bitmap())?;
        let quoted = tpm.quote(key.handle, qualifying_data, pcrs.bitmap())?;
        if quoted.extra_data != qualifying_data {
            return Err(Error::WrongQuote);
        }
        let parts: Vec<&[u8]> = values.values().map(<[u8; 32]>::as_slice).collect();
        if quoted.pcr_digest == sha256(&parts) {
            return Ok((quoted, values));
        }
    }
    Err(Error::Moving(ATTEMPTS))
}
