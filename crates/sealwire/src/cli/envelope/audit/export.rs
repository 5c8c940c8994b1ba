//! `sealwire envelope audit export`

use crate::cli::{
    envelope::input::Signing,
    exit::{Exit, Outcome},
    files, output,
};
use clap::Args as ClapArgs;
use sealwire_envelope::{
    audit::{Checkpoint, Entry, legacy},
    key::Use,
};
use std::path::PathBuf;

/// Write a log in the form of version 1, with a chain of its own
///
/// For verifiers that know no other. Verify the log first: what is written here is signed anew.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example:
  sealwire envelope audit export --private-key-file audit.json audit.log > for-old-tools.json")]
pub(super) struct Args {
    #[command(flatten)]
    signing: Signing,
    /// The log; - is standard input
    file: PathBuf,
}

pub(super) fn run(args: &Args) -> Outcome {
    let signer = args.signing.signer("audit", None, Use::Audit)?;
    let text = String::from_utf8(files::read_or_stdin(&args.file)?)?;
    let entries = text
        .lines()
        .filter(|line| Checkpoint::from_line(line).is_err())
        .map(Entry::from_line)
        .collect::<Result<Vec<_>, _>>()?;
    let exported = legacy::export(&entries, &signer)?;
    let texts: Vec<_> = exported.iter().map(legacy::Entry::to_json).collect();
    output::print(format!("[{}]", texts.join(",\n")))?;
    Ok(Exit::Ok)
}
