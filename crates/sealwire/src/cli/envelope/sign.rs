//! `sealwire envelope sign`

use super::input::{Payload, Signing, now_ms};
use crate::cli::{
    exit::{Exit, Outcome},
    output,
};
use clap::{Args as ClapArgs, ValueEnum};
use sealwire_crypto::random::OsRandom;
use sealwire_envelope::{
    Message,
    encoding::{binary, cbor, compact, json},
    key::Use,
};
use std::io::{self, Write};

/// Sign a message
///
/// Prints the envelope on one line of JSON, or in another form.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  sealwire envelope sign --private-key-file alice.json --sender alice --recipient bob --payload hello
  sealwire envelope sign --private-key-file alice.json --sender alice --recipient bob < task.txt")]
pub(super) struct Args {
    #[command(flatten)]
    signing: Signing,
    #[command(flatten)]
    payload: Payload,
    /// Who signs
    #[arg(long, value_name = "NAME")]
    sender: String,
    /// To whom; careful receivers take no message without
    #[arg(long, value_name = "NAME")]
    recipient: Option<String>,
    /// What kind of message it is
    #[arg(long, default_value = "PING")]
    intent: String,
    /// For how long it holds, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 60_000)]
    ttl: i64,
    /// A label
    #[arg(long, value_name = "LABEL")]
    capability: Option<String>,
    /// The message that this one belongs to
    #[arg(long, value_name = "ID")]
    correlation_id: Option<String>,
    /// Form of the envelope
    #[arg(long, value_enum, default_value_t = Form::Json)]
    form: Form,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    Json,
    Compact,
    Binary,
    Cbor,
}

pub(super) fn run(args: &Args) -> Outcome {
    let signer = args.signing.signer(&args.sender, args.recipient.as_deref(), Use::Envelope)?;
    let content = args.payload.read()?;
    let message = Message {
        recipient: args.recipient.as_deref(),
        intent: &args.intent,
        content: &content,
        capability: args.capability.as_deref(),
        correlation_id: args.correlation_id.as_deref(),
        ttl_ms: args.ttl,
    };
    let envelope = message.signed(&signer, Use::Envelope, now_ms(), &OsRandom)?;
    match args.form {
        Form::Json => output::print(json::encode(&envelope))?,
        Form::Compact => output::print(compact::encode(&envelope)?)?,
        Form::Binary => io::stdout().write_all(&binary::encode(&envelope)?)?,
        Form::Cbor => io::stdout().write_all(&cbor::encode(&envelope)?)?,
    }
    Ok(Exit::Ok)
}
