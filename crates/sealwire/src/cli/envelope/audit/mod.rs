//! `sealwire envelope audit`

mod export;
mod seal;
mod verify;

use crate::cli::exit::Outcome;
use clap::{Args as ClapArgs, Subcommand};

/// Verify an audit log, and pass it on
///
/// A log is lines of JSON: entries, each naming the one before, and signed checkpoints between them. That lines are
/// missing at the end shows only against a checkpoint that was kept elsewhere.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  sealwire envelope audit verify --public-key-file audit.json --head head.checkpoint audit.log
  sealwire envelope audit export --private-key-file audit.json audit.log > for-old-tools.json

Exit codes: 0 whole and genuine · 1 not · 2 usage")]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Verify(verify::Args),
    Seal(seal::Args),
    Export(export::Args),
}

pub(super) fn run(args: &Args) -> Outcome {
    match &args.command {
        Command::Verify(args) => verify::run(args),
        Command::Seal(args) => seal::run(args),
        Command::Export(args) => export::run(args),
    }
}
