//! `sealwire envelope threshold`

mod group;
mod shares;
mod sign;
mod verify;

use crate::cli::exit::Outcome;
use clap::{Args as ClapArgs, Subcommand};

/// Messages that several have to sign, and keys that several hold
///
/// A group is a JSON file: sender (in whose name it signs), m (how many have to), participants (signerId, publicKey and
/// pop, which `keygen --algorithm bls` prints). Each signs the same envelope; the parts are put together.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  sealwire envelope threshold sign --key-file a.json --signer a < draft.json > a.part
  sealwire envelope threshold combine --group council.json --envelope-file draft.json a.part b.part > signed.json
  sealwire envelope threshold verify --group council.json --recipient svc < signed.json
  sealwire envelope threshold split --key-file a.json --m 2 --n 3 --output share

Exit codes: 0 valid, or done · 1 invalid, or not done · 2 usage")]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Draft(sign::Draft),
    Sign(sign::Sign),
    Combine(sign::Combine),
    Verify(verify::Args),
    Split(shares::Split),
    Join(shares::Join),
}

pub(super) fn run(args: &Args) -> Outcome {
    match &args.command {
        Command::Draft(args) => sign::draft(args),
        Command::Sign(args) => sign::sign(args),
        Command::Combine(args) => sign::combine(args),
        Command::Verify(args) => verify::run(args),
        Command::Split(args) => shares::split(args),
        Command::Join(args) => shares::join(args),
    }
}
