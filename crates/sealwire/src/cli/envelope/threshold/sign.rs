//! `sealwire envelope threshold draft`, `sign` and `combine`

use super::group;
use crate::cli::{
    envelope::input::{Message, Payload, now_ms, secret_text},
    exit::{Exit, OrNext, Outcome},
    files, output,
};
use anyhow::Context;
use clap::Args as ClapArgs;
use sealwire_crypto::random::OsRandom;
use sealwire_envelope::{
    Message as Said,
    encoding::json,
    threshold::{Aggregator, Partial, SecretKey},
};
use std::path::PathBuf;

/// Make the envelope that all sign
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example:
  sealwire envelope threshold draft --sender council --recipient svc --payload 'deploy v2' > draft.json")]
pub(super) struct Draft {
    #[command(flatten)]
    payload: Payload,
    /// In whose name: the group's
    #[arg(long, value_name = "NAME")]
    sender: String,
    /// To whom
    #[arg(long, value_name = "NAME")]
    recipient: String,
    /// What kind of message it is
    #[arg(long, default_value = "TASK")]
    intent: String,
    /// For how long it holds, in milliseconds; all have to sign within it
    #[arg(long, value_name = "MS", default_value_t = 3_600_000)]
    ttl: i64,
}

/// Sign as one of several
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example:
  sealwire envelope threshold sign --key-file a.json --signer a < draft.json > a.part")]
pub(super) struct Sign {
    #[command(flatten)]
    message: Message,
    /// Your key: what `keygen --algorithm bls` wrote, or base64url
    #[arg(long, value_name = "FILE")]
    key_file: PathBuf,
    /// Your name in the group
    #[arg(long, value_name = "NAME")]
    signer: String,
}

/// Put the parts together
///
/// Each part is verified first; whoever has signed wrongly is named.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example:
  sealwire envelope threshold combine --group council.json --envelope-file draft.json a.part b.part")]
pub(super) struct Combine {
    #[command(flatten)]
    message: Message,
    /// The group, JSON
    #[arg(long, value_name = "FILE")]
    group: PathBuf,
    /// Files of the parts
    #[arg(value_name = "PART", required = true)]
    parts: Vec<PathBuf>,
}

pub(super) fn draft(args: &Draft) -> Outcome {
    let content = args.payload.read()?;
    let said = Said {
        recipient: Some(&args.recipient),
        intent: &args.intent,
        content: &content,
        capability: None,
        correlation_id: None,
        ttl_ms: args.ttl,
    };
    output::print(json::encode(&said.envelope(&args.sender, now_ms(), &OsRandom)?))?;
    Ok(Exit::Ok)
}

pub(super) fn sign(args: &Sign) -> Outcome {
    let key = SecretKey::from_text(&secret_text(&args.key_file, "privateKey")?).or_usage()?;
    output::print(key.sign(&args.signer, &args.message.read()?).to_json())?;
    Ok(Exit::Ok)
}

pub(super) fn combine(args: &Combine) -> Outcome {
    let group = group::read(&args.group)?;
    let mut aggregator = Aggregator::new(&group, args.message.read()?);
    for path in &args.parts {
        let part = Partial::from_json(&files::read(path)?)
            .with_context(|| format!("{} is no part of a signature", path.display()))?;
        aggregator.add(&part)?;
    }
    output::print(json::encode(&aggregator.finish()?))?;
    Ok(Exit::Ok)
}
