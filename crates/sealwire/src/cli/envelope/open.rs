//! `sealwire envelope open`

use super::{
    input::{At, Message, Verifying, x25519, x25519_bytes},
    verify::{Whom, authenticate, report},
};
use crate::cli::{
    exit::{Exit, OrNext, Outcome},
    output,
};
use clap::{ArgGroup, Args as ClapArgs};
use sealwire_crypto::x25519::PrivateKey;
use sealwire_envelope::seal::{Attribution, RecipientKey, legacy, open};
use serde_json::json;
use std::path::PathBuf;

/// Verify a sealed message, and read it
///
/// Prints what the message says, or with --json who said it as well. Of version 1 nobody can say who wrote it.
#[derive(Debug, ClapArgs)]
#[command(
    group = ArgGroup::new("for_whom").required(true).args(["recipient", "any_recipient"]),
    after_help = "\
Example:
  sealwire envelope open --public-key-file alice.json --recipient bob --own-key-file bob-seal.json < sealed.json"
)]
pub(super) struct Args {
    #[command(flatten)]
    verifying: Verifying,
    #[command(flatten)]
    message: Message,
    #[command(flatten)]
    whom: Whom,
    #[command(flatten)]
    at: At,
    /// Your X25519 private key: what keygen wrote, or base64url
    #[arg(long, value_name = "FILE")]
    own_key_file: PathBuf,
    /// Name of that key among yours
    #[arg(long, value_name = "ID", default_value = "x1")]
    own_key_id: String,
    /// Open version 1 as well
    #[arg(long)]
    legacy_seal: bool,
    /// Print JSON: sender, attribution, intent, content, capability, correlationId
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Outcome {
    let envelope = args.message.read()?;
    let outcome = authenticate(envelope, &args.verifying, &args.whom, args.at.ms())?;
    let Ok(authentic) = &outcome else { return report(&outcome, args.json) };
    let is_legacy = authentic.envelope().body.capability.as_deref() == Some(legacy::CAPABILITY);
    let opened = if is_legacy && args.legacy_seal {
        let key = PrivateKey::from_bytes(&x25519_bytes(&args.own_key_file)?).or_usage()?;
        legacy::open(authentic, &key)
    } else {
        open(authentic, &[RecipientKey { key: x25519(&args.own_key_file)?, key_id: args.own_key_id.clone() }])
    };
    let opened = match opened {
        Ok(opened) => opened,
        Err(reason) => return report(&Err(reason), args.json),
    };
    if args.json {
        let attribution = match opened.attribution {
            Attribution::Strong => "strong",
            Attribution::Weak => "weak",
        };
        output::json_line(&json!({
            "sender": opened.sender,
            "attribution": attribution,
            "intent": opened.body.intent,
            "content": opened.body.content,
            "capability": opened.body.capability,
            "correlationId": opened.body.correlation_id,
        }))?;
    } else {
        output::print(opened.body.content)?;
    }
    Ok(Exit::Ok)
}
