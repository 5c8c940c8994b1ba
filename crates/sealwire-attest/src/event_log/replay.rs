use super::{Bank, Log};
use crate::{Claims, Error, Kind, claims::Register, tpm};
use std::{borrow::Cow, collections::BTreeMap};

/// Data of the event that says at which locality the TPM was started (PFP 10.4.5.3).
const STARTUP_LOCALITY: &[u8; 16] = b"StartupLocality\0";

impl Log<'_> {
    /// The values that the registers of a bank have after these events, by index; those that are never extended are
    /// not there.
    ///
    /// Registers begin as zeros; PCR 0 ends in the number of the locality at which the TPM was started, where the log
    /// names one (PFP 3.3.2).
    ///
    /// # Errors
    /// [`Error::EventLog`] where the log has no such bank.
    pub fn replay(&self, bank: Bank) -> Result<BTreeMap<u32, Vec<u8>>, Error> {
        if !self.has_bank(bank) {
            return Err(Error::EventLog("a bank that was quoted".to_owned()));
        }
        let mut locality = None;
        let mut registers: BTreeMap<u32, Vec<u8>> = BTreeMap::new();
        for event in self.events() {
            if !event.extends() {
                if let Some([byte]) = event.data.strip_prefix(STARTUP_LOCALITY) {
                    locality.get_or_insert(*byte);
                }
                continue;
            }
            let digest = self.digest(event, bank).ok_or(Error::Malformed("an event without a digest"))?;
            let value = registers.entry(event.register).or_insert_with(|| {
                let mut initial = vec![0; bank.digest_len()];
                if let (0, Some(last)) = (event.register, initial.last_mut()) {
                    *last = locality.unwrap_or(0);
                }
                initial
            });
            *value = bank.digest(&[value, digest]);
        }
        Ok(registers)
    }

    /// Holds the replay to what was attested: `rtmr-0` to `rtmr-3` of a TDX guest, the SHA-256 bank of a TPM
    /// otherwise. The names of the registers that agree, one at least. Registers that were not attested, or that the log never
    /// extends, are passed over.
    ///
    /// # Errors
    /// AT-02: [`Error::EventLog`] names the first register that differs; [`Error::Unsupported`] for a kind whose
    /// firmware keeps no such log.
    pub fn confirm(&self, claims: &Claims) -> Result<Vec<Register>, Error> {
        self.confirm_registers(claims.kind, &claims.measurements)
    }

    pub(crate) fn confirm_registers(
        &self,
        kind: Kind,
        attested: &BTreeMap<Register, Vec<u8>>,
    ) -> Result<Vec<Register>, Error> {
        let (bank, name): (_, fn(u32) -> Option<&'static str>) = match kind {
            Kind::Tdx => (Bank::Sha384, rtmr_name),
            Kind::Tpm | Kind::AzureSnp | Kind::AzureTdx => (Bank::Sha256, pcr_name),
            _ => return Err(Error::Unsupported("an event log with this kind of evidence")),
        };
        let mut confirmed = Vec::new();
        for (index, value) in self.replay(bank)? {
            let Some(name) = name(index) else { continue };
            match attested.get(name) {
                Some(attested) if *attested == value => confirmed.push(Cow::Borrowed(name)),
                Some(_) => return Err(Error::EventLog(name.to_owned())),
                None => {}
            }
        }
        if confirmed.is_empty() {
            return Err(Error::EventLog("any register that was attested".to_owned()));
        }
        Ok(confirmed)
    }
}

/// Register 0 is MRTD, which the TDX module measures and firmware does not extend.
fn rtmr_name(index: u32) -> Option<&'static str> {
    ["rtmr-0", "rtmr-1", "rtmr-2", "rtmr-3"].get(usize::try_from(index).ok()?.checked_sub(1)?).copied()
}

fn pcr_name(index: u32) -> Option<&'static str> {
    tpm::pcr_name(u8::try_from(index).ok()?)
}
