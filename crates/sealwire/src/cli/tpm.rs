//! Flags of a TPM.

use clap::Args as ClapArgs;
use sealwire_gateway::config::Tpm;
use sealwire_tee::tpm::{Address, EventLog, Pcrs};
use std::path::PathBuf;

/// How a TPM is used, where one makes the evidence.
#[derive(Debug, Clone, ClapArgs)]
#[command(next_help_heading = "How a TPM is used")]
#[group(skip)]
pub(crate) struct Args {
    /// The TPM: a device, tcp:HOST:PORT or unix:PATH [default: /dev/tpmrm0]
    #[arg(long, value_name = "TPM")]
    tpm_device: Option<Address>,
    /// The certificate of its attestation key, and the root (`sealwire attest enrol certify`); without it, policies have to
    /// name the key
    #[arg(long, value_name = "FILE")]
    tpm_certificate: Option<PathBuf>,
    /// The PCRs that are quoted, numbers and ranges [default: 0-15,17-22]
    #[arg(long, value_name = "LIST")]
    tpm_pcrs: Option<Pcrs>,
    /// The event log that goes with quotes: firmware (where it still replays), none, or a file [default: firmware]
    #[arg(long, value_name = "LOG")]
    tpm_event_log: Option<EventLog>,
}

impl Args {
    /// Puts the flags over what a file says.
    pub(crate) fn over(&self, config: &mut Tpm) {
        if let Some(device) = &self.tpm_device {
            config.device = device.clone();
        }
        if self.tpm_certificate.is_some() {
            config.certificate.clone_from(&self.tpm_certificate);
        }
        if let Some(pcrs) = self.tpm_pcrs {
            config.pcrs = pcrs;
        }
        if let Some(log) = &self.tpm_event_log {
            config.event_log = log.clone();
        }
    }
}
