//! `sealwire envelope webhook`

use super::input::{At, Signing, Verifying, data, now_ms};
use crate::cli::{
    exit::{Exit, Outcome},
    output,
};
use clap::{Args as ClapArgs, Subcommand};
use sealwire_envelope::{
    binding::webhook::{MAX_AGE_MS, Rules, SIGNATURE_FIELD, TIME_FIELD, sign, verify},
    key::Use,
};
use serde_json::{Map, Value, json};
use std::path::PathBuf;

/// Sign what a webhook sends, and verify it
///
/// The signature covers a time and the body's bytes, and travels in two header fields.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  sealwire envelope webhook sign --private-key-file shop.json --body order.json
  sealwire envelope webhook verify --public-key-file shop.json --signature 9qqy… --time 1712500000000 --body order.json

Exit codes: 0 valid, or done · 1 invalid · 2 usage")]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Sign(Sign),
    Verify(Verify),
}

/// Sign a body
///
/// Prints the two fields as JSON.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example:
  sealwire envelope webhook sign --private-key-file shop.json --body order.json")]
struct Sign {
    #[command(flatten)]
    signing: Signing,
    /// File of the body, taken byte for byte [default: standard input]
    #[arg(long, value_name = "FILE")]
    body: Option<PathBuf>,
}

/// Verify a body
///
/// That it comes a second time does not show here: only who remembers signatures can tell.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example:
  sealwire envelope webhook verify --public-key-file shop.json --signature 9qqy… --time 1712500000000 --body order.json")]
struct Verify {
    #[command(flatten)]
    verifying: Verifying,
    #[command(flatten)]
    at: At,
    /// Value of the field x-7h3-sig
    #[arg(long, value_name = "SIGNATURE")]
    signature: String,
    /// Value of the field x-7h3-ts
    #[arg(long, value_name = "MS")]
    time: String,
    /// How old it may be, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = MAX_AGE_MS)]
    max_age: i64,
    /// File of the body, taken byte for byte [default: standard input]
    #[arg(long, value_name = "FILE")]
    body: Option<PathBuf>,
    /// Print JSON: valid, reason
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Outcome {
    match &args.command {
        Command::Sign(args) => sign_body(args),
        Command::Verify(args) => verify_body(args),
    }
}

fn sign_body(args: &Sign) -> Outcome {
    let signer = args.signing.signer("webhook", Some("receiver"), Use::Webhook)?;
    let (signature, time) = sign(&data(args.body.as_deref())?, &signer, now_ms())?;
    let fields = [(SIGNATURE_FIELD, signature), (TIME_FIELD, time)];
    let fields: Map<String, Value> =
        fields.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
    output::json_line(&fields)?;
    Ok(Exit::Ok)
}

fn verify_body(args: &Verify) -> Outcome {
    let record = args.verifying.record("webhook", Some("receiver"), "key", Use::Webhook)?;
    let rules = Rules { max_age_ms: args.max_age, ..Rules::default() };
    let body = data(args.body.as_deref())?;
    let outcome = verify(&body, &[&args.signature], &[&args.time], &record, &rules, args.at.ms());
    match &outcome {
        Ok(_) if args.json => output::json_line(&json!({ "valid": true }))?,
        Ok(_) => output::print("Signature valid")?,
        Err(error) if args.json => {
            output::json_line(&json!({ "valid": false, "reason": error.to_string() }))?
        }
        Err(error) => output::print(format!("INVALID — {error}"))?,
    }
    Ok(if outcome.is_ok() { Exit::Ok } else { Exit::Failed })
}
