//! Where the TPM is.

use crate::cli::{
    exit::{Exit, Failure, OrNext, Outcome},
    files::{self, Access},
    output,
};
use clap::Args as ClapArgs;
use sealwire_attest::{
    Endorsements,
    enrol::{Challenge, EndorsementKey},
};
use sealwire_tee::tpm::{self, Address};
use serde_json::json;
use std::path::PathBuf;

/// Ask for a certificate, where the TPM is
///
/// Writes the EK certificate of the TPM's maker, and the public parts of the endorsement key and of the attestation key.
/// The file holds no secret, but it names this hardware for good.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  sealwire attest enrol request --output request.json
  sealwire attest enrol request --tpm unix:/run/swtpm/socket --output request.json")]
pub(super) struct RequestArgs {
    /// The TPM: a device, tcp:HOST:PORT or unix:PATH
    #[arg(long, value_name = "TPM", default_value = "/dev/tpmrm0")]
    tpm: Address,
    /// The EK certificate, where the TPM does not hold it (DER or PEM; certificates above it may follow)
    #[arg(long, value_name = "FILE")]
    ek_certificate: Option<PathBuf>,
    /// File for the request
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    /// Print JSON: output, endorsement-key
    #[arg(long)]
    json: bool,
}

/// Open the CA's challenge, where the TPM is
///
/// Lets the TPM decrypt the secret in the challenge (TPM2_ActivateCredential) and writes it out. It does so only for a
/// challenge that was made for its own endorsement key and attestation key.
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Example:\n  sealwire attest enrol answer --challenge challenge.json --output answer.json"
)]
pub(super) struct AnswerArgs {
    /// The TPM: a device, tcp:HOST:PORT or unix:PATH
    #[arg(long, value_name = "TPM", default_value = "/dev/tpmrm0")]
    tpm: Address,
    /// What the CA has sent
    #[arg(long, value_name = "FILE")]
    challenge: PathBuf,
    /// File for the answer; it holds the secret, so only you may read it
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    /// Print JSON: output, id
    #[arg(long)]
    json: bool,
}

pub(super) fn request(args: &RequestArgs) -> Outcome {
    refuse_existing(&args.output)?;
    let mut given = Endorsements::default();
    if let Some(path) = &args.ek_certificate {
        given.add(&files::read(path)?).or_usage()?;
    }
    // The EK certificate is the first that is for a key of one of the templates; the others stand above it.
    let mut given = given.certificates;
    let first = given.iter().position(|der| EndorsementKey::of_certificate(der).is_ok());
    let ek = match (&args.ek_certificate, first) {
        (Some(_), Some(first)) => Some(given.remove(first)),
        (Some(path), None) => {
            return Err(Failure::usage(format_args!(
                "{} holds no certificate of an RSA or ECC P-256 key",
                path.display()
            )));
        }
        (None, _) => None,
    };
    let request = tpm::request(&args.tpm, ek, given).or_next(
        "name the TPM with --tpm; the device needs root or the group tss, and a certificate that it does not hold goes \
         into --ek-certificate",
    )?;
    let kind = EndorsementKey::of_certificate(&request.ek_certificate)?.name();
    files::create(&args.output, request.to_json().as_bytes(), Access::Public)?;
    if args.json {
        output::json(&json!({ "output": args.output, "endorsement-key": kind }))?;
    } else {
        output::print(format!(
            "{} {} (EK {kind})\n\nNext, where the CA is: sealwire attest enrol challenge --state DIR --ek-roots FILE|DIR \\\n    \
             --request {} --output challenge.json",
            output::good("wrote"),
            args.output.display(),
            args.output.display(),
        ))?;
    }
    Ok(Exit::Ok)
}

pub(super) fn answer(args: &AnswerArgs) -> Outcome {
    refuse_existing(&args.output)?;
    let challenge = Challenge::from_json(&files::read(&args.challenge)?).or_usage()?;
    let answer = tpm::answer(&args.tpm, &challenge)
        .or_next("the challenge must have been made for a request of this very TPM")?;
    files::create(&args.output, answer.to_json().as_bytes(), Access::Secret)?;
    if args.json {
        output::json(&json!({ "output": args.output, "id": answer.id() }))?;
    } else {
        output::print(format!(
            "{} {}\n\nNext, where the CA is: sealwire attest enrol certify --state DIR --ek-roots FILE|DIR \\\n    \
             --request request.json --answer {} --output ak.pem",
            output::good("wrote"),
            args.output.display(),
            args.output.display(),
        ))?;
    }
    Ok(Exit::Ok)
}

/// Before the TPM is asked.
fn refuse_existing(output: &std::path::Path) -> Result<(), Failure> {
    if output.exists() { Err(files::exists(output)) } else { Ok(()) }
}
