//! `sealwire envelope threshold verify`

use super::group;
use crate::cli::{
    envelope::{
        input::{At, Message},
        verify::{Whom, report},
    },
    exit::Outcome,
};
use clap::{ArgGroup, Args as ClapArgs};
use sealwire_envelope::{Checked, Reason};
use std::path::PathBuf;

/// Verify a message that several have signed
#[derive(Debug, ClapArgs)]
#[command(
    group = ArgGroup::new("for_whom").required(true).args(["recipient", "any_recipient"]),
    after_help = "\
Example:
  sealwire envelope threshold verify --group council.json --recipient svc < signed.json

Exit codes: 0 valid · 1 invalid · 2 usage"
)]
pub(super) struct Args {
    #[command(flatten)]
    message: Message,
    #[command(flatten)]
    whom: Whom,
    #[command(flatten)]
    at: At,
    /// The group, JSON
    #[arg(long, value_name = "FILE")]
    group: PathBuf,
    /// Print JSON: valid, reason; sender, recipient, messageId, keyId, fingerprint, intent, content where valid
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Outcome {
    let group = group::read(&args.group)?;
    let envelope = args.message.read()?;
    if !args.whom.admits(&envelope) {
        return report(&Err(Reason::UnknownSender), args.json);
    }
    let rules = args.whom.rules(&envelope);
    let checked = Checked::new(envelope, &rules, args.at.ms());
    report(&checked.and_then(|checked| group.authenticate(checked)), args.json)
}
