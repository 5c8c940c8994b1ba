//! `sealwire envelope inspect`

use super::input::Message;
use crate::cli::{
    exit::{Exit, Outcome},
    output,
};
use clap::Args as ClapArgs;
use sealwire_envelope::{Proof, canonical, encoding::json};

/// Show what a message says, without verifying it
#[derive(Debug, ClapArgs)]
#[command(after_help = "Example:\n  sealwire envelope inspect < envelope.json")]
pub(super) struct Args {
    #[command(flatten)]
    message: Message,
    /// Print the envelope in its JSON form instead
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Outcome {
    let envelope = args.message.read()?;
    if args.json {
        output::print(json::encode(&envelope))?;
        return Ok(Exit::Ok);
    }
    let (header, body) = (&envelope.header, &envelope.body);
    let none = || output::dim("none");
    let optional = |value: &Option<String>| value.clone().unwrap_or_else(none);
    let mut lines = vec![
        output::field("version", &header.version),
        output::field("message id", &header.message_id),
        output::field("time", header.timestamp_ms),
        output::field("lifetime", header.ttl_ms),
        output::field("sender", &header.sender),
        output::field("recipient", optional(&header.recipient)),
        output::field("nonce", &header.nonce),
        output::field("intent", &body.intent),
        output::field("capability", optional(&body.capability)),
        output::field("correlation id", optional(&body.correlation_id)),
        output::field("content", body.content.escape_debug()),
        output::field("digest", canonical::digest(&canonical::envelope(&envelope))),
    ];
    match &envelope.proof {
        Some(Proof::Signature(signature)) => {
            lines.push(output::field("algorithm", &signature.alg));
            lines.push(output::field("key id", &signature.key_id));
        }
        Some(Proof::Threshold(threshold)) => {
            lines.push(output::field("algorithm", &threshold.alg));
            lines.push(output::field("signers", threshold.signer_ids.join(", ")));
            lines.push(output::field("threshold", format!("{} of {}", threshold.m, threshold.n)));
        }
        None => lines.push(output::field("signature", none())),
    }
    output::print(output::node("envelope, not verified", lines).to_string())?;
    Ok(Exit::Ok)
}
