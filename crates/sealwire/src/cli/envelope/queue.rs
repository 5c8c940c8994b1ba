//! `sealwire envelope queue`

use super::{
    input::{At, Payload, Signing, Verifying, data, now_ms},
    verify::{Whom, report},
};
use crate::cli::{
    exit::{Exit, Failure, OrNext, Outcome},
    output,
};
use anyhow::anyhow;
use clap::{ArgGroup, Args as ClapArgs, Subcommand, ValueEnum};
use sealwire_crypto::random::OsRandom;
use sealwire_envelope::{
    Envelope, Reason,
    binding::queue::{self, Dialect, Payload as Queued, Readers},
    encoding::{Options, json},
    key::{Keyring, Use},
};
use serde_json::value::RawValue;
use std::path::PathBuf;

/// Sign messages for queues, and verify them
///
/// A message holds an envelope and the payload that it signs.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  sealwire envelope queue sign --private-key-file alice.json --sender alice --recipient jobs --payload '{\"n\":1}'
  sealwire envelope queue verify --public-key-file alice.json --recipient jobs < message.json

Exit codes: 0 valid, or done · 1 invalid · 2 usage")]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Sign(Box<Sign>),
    Verify(Box<Verify>),
}

/// Sign a payload
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example:
  sealwire envelope queue sign --private-key-file alice.json --sender alice --recipient jobs --payload '{\"n\":1}'")]
struct Sign {
    #[command(flatten)]
    signing: Signing,
    #[command(flatten)]
    payload: Payload,
    /// Who signs
    #[arg(long, value_name = "NAME")]
    sender: String,
    /// The queue, or the group of its consumers
    #[arg(long, value_name = "NAME")]
    recipient: String,
    /// The payload is a text and not JSON
    #[arg(long)]
    text: bool,
    /// Who reads it: portable refuses what published peers read differently
    #[arg(long, value_enum, default_value_t = For::Portable)]
    readers: For,
    /// For how long it holds, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = queue::TTL_MS)]
    ttl: i64,
}

/// Verify a message, and print its envelope's verdict
#[derive(Debug, ClapArgs)]
#[command(
    group = ArgGroup::new("for_whom").required(true).args(["recipient", "any_recipient"]),
    after_help = "\
Example:
  sealwire envelope queue verify --public-key-file alice.json --recipient jobs < message.json"
)]
struct Verify {
    #[command(flatten)]
    verifying: Verifying,
    #[command(flatten)]
    whom: Whom,
    #[command(flatten)]
    at: At,
    /// File of the message [default: standard input]
    #[arg(long, value_name = "FILE")]
    message_file: Option<PathBuf>,
    /// How the sender writes what it does not mark
    #[arg(long, value_enum, default_value_t = Peer::Ts)]
    dialect: Peer,
    /// Print JSON: valid, reason; sender, recipient, messageId, keyId, fingerprint, intent, content where valid
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum For {
    Portable,
    Marked,
    Py,
    Ts,
    Rust,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Peer {
    Py,
    Ts,
    Rust,
}

pub(super) fn run(args: &Args) -> Outcome {
    match &args.command {
        Command::Sign(args) => sign(args),
        Command::Verify(args) => verify(args),
    }
}

fn sign(args: &Sign) -> Outcome {
    let signer = args.signing.signer(&args.sender, Some(&args.recipient), Use::Envelope)?;
    let text = args.payload.read()?;
    let payload = if args.text { Queued::Text(&text) } else { Queued::Json(&text) };
    let readers = match args.readers {
        For::Portable => Readers::Portable,
        For::Marked => Readers::Marked,
        For::Py => Readers::Dialect(Dialect::Python),
        For::Ts => Readers::Dialect(Dialect::TypeScript),
        For::Rust => Readers::Dialect(Dialect::Rust),
    };
    let message =
        queue::sign(payload, readers, &args.recipient, args.ttl, &signer, now_ms(), &OsRandom).or_usage()?;
    output::print(message)?;
    Ok(Exit::Ok)
}

fn verify(args: &Verify) -> Outcome {
    let bytes = data(args.message_file.as_deref())?;
    let envelope = envelope_of(&bytes)?;
    if !args.whom.admits(&envelope) {
        return report(&Err(Reason::UnknownSender), args.json);
    }
    let header = &envelope.header;
    let key_id = envelope.signature().map_or("", |signature| &signature.key_id);
    let record = args.verifying.record(&header.sender, header.recipient.as_deref(), key_id, Use::Envelope)?;
    let mut keys = Keyring::new();
    keys.insert(record)?;
    let dialect = match args.dialect {
        Peer::Py => Dialect::Python,
        Peer::Ts => Dialect::TypeScript,
        Peer::Rust => Dialect::Rust,
    };
    let rules = args.whom.rules(&envelope);
    let verified = queue::verify(&bytes, dialect, &rules, &Options::default(), &keys, args.at.ms());
    report(&verified.map(|verified| verified.authentic().clone()), args.json)
}

/// The names in a message, under which the given key is registered; what verifies reads them again, strictly.
fn envelope_of(bytes: &[u8]) -> Result<Envelope, Failure> {
    #[derive(serde::Deserialize)]
    struct Message<'a> {
        #[serde(borrow)]
        envelope: &'a RawValue,
    }
    let message: Message<'_> =
        serde_json::from_slice(bytes).map_err(|error| anyhow!("no message of a queue: {error}"))?;
    Ok(json::decode(message.envelope.get().as_bytes(), &Options::default())?)
}
