//! `sealwire envelope audit seal`

use crate::cli::{
    envelope::input::{Signing, now_ms},
    exit::{Exit, Failure, Outcome},
    files, output,
};
use clap::Args as ClapArgs;
use sealwire_crypto::random::OsRandom;
use sealwire_envelope::{
    audit::{Event, Intervals, Kind, Log, Signer},
    key::Use,
};
use serde_json::{Map, Value};
use std::path::PathBuf;

/// Make a log out of events
///
/// Reads lines of JSON with the members type, detail, envelopeId, fp, method, path, policy, reason, recipient, sender,
/// status and upstream, and prints entries that are chained, with checkpoints.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example:
  echo '{\"type\":\"config\",\"detail\":\"started\"}' |
      sealwire envelope audit seal --private-key-file audit.json - > audit.log")]
pub(super) struct Args {
    #[command(flatten)]
    signing: Signing,
    /// The events; - is standard input
    file: PathBuf,
}

pub(super) fn run(args: &Args) -> Outcome {
    let signer = Signer::new(args.signing.signer("audit", None, Use::Audit)?)?;
    let text = String::from_utf8(files::read_or_stdin(&args.file)?)?;
    let now = || u64::try_from(now_ms()).unwrap_or_default();
    let mut log = Log::start(signer, Intervals::default(), now(), &OsRandom)?;
    for (at, line) in text.lines().enumerate() {
        let event = event(line).map_err(|error| Failure::usage(format_args!("line {}: {error}", at + 1)))?;
        let pending = log.prepare(event, now());
        output::print(pending.line())?;
        pending.commit();
        if log.is_checkpoint_due(now()) {
            print_checkpoint(&mut log, now())?;
        }
    }
    print_checkpoint(&mut log, now())?;
    Ok(Exit::Ok)
}

fn print_checkpoint(log: &mut Log, now: u64) -> Result<(), Failure> {
    if let Some(line) = log.checkpoint(now)? {
        output::print(line)?;
    }
    Ok(())
}

fn event(line: &str) -> Result<Event, String> {
    let mut members: Map<String, Value> = serde_json::from_str(line).map_err(|error| error.to_string())?;
    let mut text = |name: &str| match members.remove(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(format!("{name} is not a string")),
    };
    let kind = text("type")?.ok_or("type is missing")?;
    let kind = Kind::from_name(&kind).filter(|kind| *kind != Kind::Segment);
    let mut event = Event {
        detail: text("detail")?,
        envelope_id: text("envelopeId")?,
        fp: text("fp")?,
        method: text("method")?,
        path: text("path")?,
        policy: text("policy")?,
        reason: text("reason")?,
        recipient: text("recipient")?,
        sender: text("sender")?,
        upstream: text("upstream")?,
        ..Event::new(kind.ok_or("no such type")?)
    };
    event.status =
        members.remove("status").map(|status| status.as_u64().ok_or("status is not a number")).transpose()?;
    match members.keys().next() {
        Some(name) => Err(format!("unknown member {name}")),
        None => Ok(event),
    }
}
