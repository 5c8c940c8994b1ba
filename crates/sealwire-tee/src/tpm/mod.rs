//! Evidence of a TPM 2.0 (AT-02 `tpm`): a quote of the SHA-256 bank by an attestation key that an enrolment CA has
//! certified (AT-62), or that a policy names.
//!
//! A quote tells the state of the machine, not which program asked for it: whoever may use the TPM can have one made. The
//! registers that a policy pins must therefore cover everything that runs with that right.
//!
//! There is no libtss2 here: the commands are few, and a library that has to be installed first would stand between the
//! user and the first start.

mod command;
mod enrol;
mod error;
mod keys;
mod pcrs;
mod quote;
mod transport;

pub use enrol::{answer, request};
pub use error::Error;
pub use pcrs::Pcrs;
pub use transport::Address;

use crate::{Produced, Tee};
use command::Tpm2;
use keys::Kept;
use sealwire_attest::{
    Endorsements, Evidence, Kind, Trust, UnixTime, Verifier, event_log, tpm::name_of, verify::Expected,
};
use sealwire_crypto::random::{self, OsRandom};
use std::{
    collections::BTreeMap,
    convert::Infallible,
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
    str::FromStr,
    sync::{Mutex, PoisonError},
    time::{Duration, SystemTime},
};

/// How long a command may take. Some TPMs need most of it to make an RSA key.
const TIMEOUT: Duration = Duration::from_secs(90);
/// Where Linux shows the firmware's event log.
const FIRMWARE_LOG: &str = "/sys/kernel/security/tpm0/binary_bios_measurements";

/// How a TPM is used.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// where it is; the kernel's resource manager unless given
    pub device: Address,
    /// PEM: the certificate of the attestation key, and those above it to the root of the enrolment CA. Without one, only a
    /// policy that names the key itself accepts the evidence
    pub certificate: Option<PathBuf>,
    /// which registers are quoted
    pub pcrs: Pcrs,
    /// the event log that goes with each quote
    pub event_log: EventLog,
}

/// Which event log goes with each quote.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum EventLog {
    /// the firmware's, where the kernel shows one that still replays to the registers: nothing is logged there that programs
    /// extend later
    #[default]
    Firmware,
    /// this file, which must be there
    File(PathBuf),
    /// none
    None,
}

impl FromStr for EventLog {
    type Err = Infallible;

    /// `firmware`, `none`, or else a path.
    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text {
            "firmware" => Self::Firmware,
            "none" => Self::None,
            path => Self::File(path.into()),
        })
    }
}

/// What logs show of a Name: its beginning. To a policy that pins the Name, the whole of it is the id of the hardware (AT-20).
fn shown(name: &[u8]) -> String {
    hex::encode(name.get(..4).unwrap_or_default()) + "…"
}

/// Makes quotes. The TPM is opened anew for each, so that it is not kept from others between them.
pub struct Tpm {
    options: Options,
    endorsements: Endorsements,
    key_name: Vec<u8>,
    key: Mutex<Option<Kept>>,
}

impl Tpm {
    /// Opens the TPM, makes a quote and verifies it as a client will: a certificate of another key, one that has expired, or
    /// an event log that does not replay are better found here.
    ///
    /// # Errors
    /// [`Error::Open`], [`Error::Certificate`], [`Error::Check`], and what the TPM said.
    pub fn open(options: Options) -> Result<Self, Error> {
        let mut endorsements = Endorsements::default();
        if let Some(path) = &options.certificate {
            let bytes = read(path, sealwire_attest::endorsements::MAX_INPUT)?;
            endorsements.add(&bytes).map_err(|error| Error::Certificate { path: path.clone(), error })?;
        }
        let mut this = Self { options, endorsements, key_name: Vec::new(), key: Mutex::default() };
        let nonce = random::array(&OsRandom).map_err(sealwire_attest::enrol::Error::Crypto)?;
        let quote = this.quote(&nonce)?;
        this.key_name = name_of(&quote.public).map_err(Error::Key)?;
        this.check(&quote, &nonce).map_err(Error::Check)?;
        tracing::info!(
            device = %this.options.device,
            pcrs = %this.options.pcrs,
            attestation_key = %shown(&this.key_name),
            certified = this.options.certificate.is_some(),
            event_log = quote.event_log.is_some(),
            "TPM",
        );
        Ok(this)
    }

    /// The Name of the attestation key: what a policy names in `tpm-keys`.
    #[must_use]
    pub fn key_name(&self) -> &[u8] {
        &self.key_name
    }

    fn quote(&self, qualifying_data: &[u8; 32]) -> Result<sealwire_attest::tpm::Quote, Error> {
        let mut tpm = Tpm2::open(&self.options.device, TIMEOUT)?;
        // What a panic left is no worse than nothing: a key that does not load is made again.
        let mut key = self.key.lock().unwrap_or_else(PoisonError::into_inner);
        let mut quote = quote::quote(&mut tpm, &mut key, qualifying_data, &self.options.pcrs)?;
        drop(key);
        quote.event_log = match &self.options.event_log {
            EventLog::None => None,
            EventLog::File(path) => Some(read(path, event_log::MAX_LEN)?),
            EventLog::Firmware => firmware_log(&quote.pcrs),
        };
        Ok(quote)
    }

    fn check(
        &self,
        quote: &sealwire_attest::tpm::Quote,
        nonce: &[u8; 32],
    ) -> Result<(), sealwire_attest::Error> {
        let trust = match self.options.certificate {
            Some(_) => Trust { enrolment: self.endorsements.self_issued(), ..Trust::default() },
            None => Trust { tpm_keys: vec![self.key_name.clone()], ..Trust::default() },
        };
        let evidence = Evidence { kind: Kind::Tpm, bytes: quote.encode() };
        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let at = UnixTime(since_epoch.as_secs());
        let expected = Expected::ReportData(nonce);
        Verifier::new(trust).verify(&evidence, &self.endorsements, expected, at).map(drop)
    }
}

impl Tee for Tpm {
    fn kind(&self) -> Kind {
        Kind::Tpm
    }

    /// A TPM takes 32 bytes of data at least and not always more, so it gets the first half (AT-04).
    fn produce(&self, report_data: &[u8; 64]) -> Result<Produced, crate::Error> {
        let (qualifying_data, _) = report_data.split_first_chunk::<32>().ok_or(crate::Error::WrongReport)?;
        let bytes = self.quote(qualifying_data)?.encode();
        let evidence = Evidence { kind: Kind::Tpm, bytes };
        Ok(Produced { evidence, endorsements: self.endorsements.clone() })
    }
}

/// The log of the firmware, if there is one and it replays to these registers. Evidence with one that does not would be
/// refused, and evidence without one says as much.
fn firmware_log(pcrs: &BTreeMap<u8, [u8; 32]>) -> Option<Vec<u8>> {
    let path = Path::new(FIRMWARE_LOG);
    let log = match read(path, event_log::MAX_LEN) {
        Ok(log) => log,
        Err(Error::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => return None,
        Err(error) => {
            tracing::warn!(%error, "no event log goes with the quote");
            return None;
        }
    };
    match event_log::replay(&log, event_log::Bank::Sha256) {
        Ok(replayed) => {
            let differs = replayed.iter().find(|(index, value)| {
                let quoted = u8::try_from(**index).ok().and_then(|index| pcrs.get(&index));
                quoted.is_some_and(|quoted| quoted != value.as_slice())
            });
            let Some((index, _)) = differs else { return Some(log) };
            tracing::warn!(
                pcr = index,
                "no event log goes with the quote: the register was extended after it"
            );
        }
        Err(error) => tracing::warn!(%error, "no event log goes with the quote"),
    }
    None
}

/// At most `max` bytes of a file.
fn read(path: &Path, max: usize) -> Result<Vec<u8>, Error> {
    let file = |source| Error::File { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    // The kernel says of its files that they are empty, so their length is only known when they are read.
    let limit = max as u64 + 1;
    File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes)).map_err(file)?;
    if bytes.len() > max {
        return Err(file(io::Error::new(io::ErrorKind::FileTooLarge, format!("longer than {max} bytes"))));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    // AT-20: the hardware id stays out of logs; here it would be the Name of the key.
    #[test]
    fn the_beginning_of_a_name_is_shown() {
        let name = [[0, 0x0b, 0xab, 0xcd].as_slice(), &[7; 30]].concat();
        assert_eq!(super::shown(&name), "000babcd…");
        assert_eq!(super::shown(&[]), "…");
    }
}
