//! `sealwire envelope seal`

use super::input::{Payload, Signing, now_ms, x25519_public};
use crate::cli::{
    exit::{Exit, OrNext, Outcome},
    output,
};
use clap::Args as ClapArgs;
use sealwire_crypto::{
    kem::{Kem, PublicKey},
    random::OsRandom,
};
use sealwire_envelope::{
    Body, Message,
    encoding::json,
    key::Use,
    seal::{SealTo, legacy, seal},
};

/// Sign a message that only its recipient can read
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example:
  sealwire envelope seal --private-key-file alice.json --sender alice --recipient bob --to-key t5W8… < letter.txt")]
pub(super) struct Args {
    #[command(flatten)]
    signing: Signing,
    #[command(flatten)]
    payload: Payload,
    /// Who signs
    #[arg(long, value_name = "NAME")]
    sender: String,
    /// Who may read it
    #[arg(long, value_name = "NAME")]
    recipient: String,
    /// The recipient's X25519 public key: 32 bytes in base64url
    #[arg(long, value_name = "KEY", value_parser = x25519_public)]
    to_key: [u8; 32],
    /// Name of that key among the recipient's
    #[arg(long, value_name = "ID", default_value = "x1")]
    to_key_id: String,
    /// What kind of message it is; sealed as well
    #[arg(long, default_value = "TASK")]
    intent: String,
    /// For how long it holds, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 60_000)]
    ttl: i64,
    /// Version 1, for readers that have no other: it does not prove who wrote the message
    #[arg(long)]
    legacy_seal: bool,
}

pub(super) fn run(args: &Args) -> Outcome {
    let signer = args.signing.signer(&args.sender, Some(&args.recipient), Use::Envelope)?;
    let inner = Body {
        intent: args.intent.clone(),
        content: args.payload.read()?,
        capability: None,
        correlation_id: None,
    };
    let outer = Message {
        recipient: Some(&args.recipient),
        intent: "",
        content: "",
        capability: None,
        correlation_id: None,
        ttl_ms: args.ttl,
    };
    let header = outer.envelope(&args.sender, now_ms(), &OsRandom)?.header;
    let envelope = if args.legacy_seal {
        legacy::seal(&signer, header, &inner, &args.to_key, &OsRandom)?
    } else {
        let key = PublicKey::from_bytes(Kem::X25519, &args.to_key).or_usage()?;
        seal(&signer, header, &inner, &SealTo { key: &key, key_id: &args.to_key_id }, &OsRandom)?
    };
    output::print(json::encode(&envelope))?;
    Ok(Exit::Ok)
}
