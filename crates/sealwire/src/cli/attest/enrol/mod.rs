//! `sealwire attest enrol`: the enrolment CA for TPMs, both ends (AT-62).

mod authority;
mod device;
mod state;

use crate::cli::exit::Outcome;
use clap::{Args as ClapArgs, Subcommand};

/// Certify the attestation key of a TPM
///
/// Five steps, with files between the machine that has the TPM and the one that keeps the CA: any channel will do, for
/// no file but the last is believed before it is checked, and none helps anybody who does not hold the TPM. The CA
/// sends a secret that only the TPM with the certified endorsement key (EK) can open, and only if it holds the
/// attestation key too.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example:
  sealwire attest enrol ca --state ca/                                       # where the CA is
  sealwire attest enrol request --output request.json                       # where the TPM is
  sealwire attest enrol challenge --state ca/ --ek-roots makers/ \\
      --request request.json --output challenge.json                        # CA
  sealwire attest enrol answer --challenge challenge.json --output answer.json   # TPM
  sealwire attest enrol certify --state ca/ --ek-roots makers/ \\
      --request request.json --answer answer.json --output ak.pem           # CA
  sealwire gateway … --tee tpm --tpm-certificate ak.pem                     # TPM")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Ca(authority::CaArgs),
    Request(device::RequestArgs),
    Challenge(authority::ChallengeArgs),
    Answer(device::AnswerArgs),
    Certify(authority::CertifyArgs),
}

pub(crate) async fn run(args: Args) -> Outcome {
    // TPMs and files block.
    tokio::task::spawn_blocking(move || match args.command {
        Command::Ca(args) => authority::make(&args),
        Command::Request(args) => device::request(&args),
        Command::Challenge(args) => authority::challenge(&args),
        Command::Answer(args) => device::answer(&args),
        Command::Certify(args) => authority::certify(&args),
    })
    .await?
}
