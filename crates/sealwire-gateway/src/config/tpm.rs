//! How a TPM is used (AT-62).

use sealwire_tee::tpm::{Address, EventLog, Options, Pcrs};
use serde::{Deserialize, Deserializer, de::Error as _};
use std::{fmt, path::PathBuf, str::FromStr};

/// A TPM that makes the evidence.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Tpm {
    /// where it is: a character device, `tcp:HOST:PORT` or `unix:PATH`
    #[serde(deserialize_with = "parsed")]
    pub device: Address,
    /// file with the certificate of its attestation key and the root above, in PEM, which `sealwire attest enrol` writes
    pub certificate: Option<PathBuf>,
    /// the registers of the SHA-256 bank that are quoted
    #[serde(deserialize_with = "parsed")]
    pub pcrs: Pcrs,
    /// the event log that goes with quotes: `firmware`, `none`, or a file
    #[serde(deserialize_with = "parsed")]
    pub event_log: EventLog,
}

impl Tpm {
    /// What a TPM is opened with.
    #[must_use]
    pub fn options(&self) -> Options {
        let Self { device, certificate, pcrs, event_log } = self.clone();
        Options { device, certificate, pcrs, event_log }
    }

    /// The files that it names.
    pub(super) fn files(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        let log = match &mut self.event_log {
            EventLog::File(path) => Some(path),
            EventLog::Firmware | EventLog::None => None,
        };
        self.certificate.iter_mut().chain(log)
    }
}

fn parsed<'de, D: Deserializer<'de>, T: FromStr<Err: fmt::Display>>(deserializer: D) -> Result<T, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
}
