//! `sealwire envelope stream`

mod sign;
mod verify;

use crate::cli::exit::Outcome;
use clap::{Args as ClapArgs, Subcommand};

/// Sign data while it is made, and verify it while it arrives
///
/// A signed stream is lines of JSON: an envelope that opens it, then a frame for each piece. Each frame is tied to all
/// before it, so that nothing can be left out, moved or put in from elsewhere.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  sealwire envelope stream sign --private-key-file svc.json --sender svc --recipient agent < log.txt > log.signed
  sealwire envelope stream verify --public-key-file svc.json --recipient agent < log.signed

Exit codes: 0 whole and genuine · 1 not · 2 usage")]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Sign(Box<sign::Args>),
    Verify(Box<verify::Args>),
}

pub(super) fn run(args: &Args) -> Outcome {
    match &args.command {
        Command::Sign(args) => sign::run(args),
        Command::Verify(args) => verify::run(args),
    }
}
