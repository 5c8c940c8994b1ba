//! `sealwire envelope`: signed messages of agents, on files and pipes.

mod audit;
mod capability;
mod input;
mod inspect;
mod keygen;
mod open;
mod queue;
mod seal;
mod sign;
mod stream;
mod threshold;
mod verify;
mod webhook;

use super::exit::Outcome;
use clap::{Args as ClapArgs, Subcommand};

/// Signed messages of agents on the wire 7h3/0.1
///
/// Every message says who sends it, to whom, and for how long it holds, and is signed on its own. These commands work on
/// files and pipes: what comes in is JSON, and so is what goes out. Keys are read from files, from the environment
/// (P7H3_PRIVATE_KEY) or from standard input; on the command line every user of this machine could read them.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  sealwire envelope keygen --output alice.json
  sealwire envelope sign --private-key-file alice.json --sender alice --recipient bob --payload hello
  sealwire envelope verify --public-key MCow… --recipient bob < envelope.json

Exit codes: 0 valid, or done · 1 invalid, or not done · 2 usage")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Keygen(keygen::Args),
    Sign(sign::Args),
    Verify(verify::Args),
    Inspect(inspect::Args),
    Seal(seal::Args),
    Open(open::Args),
    Stream(stream::Args),
    Webhook(webhook::Args),
    Queue(queue::Args),
    Capability(capability::Args),
    Threshold(threshold::Args),
    Audit(audit::Args),
}

pub(crate) fn run(args: &Args) -> Outcome {
    match &args.command {
        Command::Keygen(args) => keygen::run(args),
        Command::Sign(args) => sign::run(args),
        Command::Verify(args) => verify::run(args),
        Command::Inspect(args) => inspect::run(args),
        Command::Seal(args) => seal::run(args),
        Command::Open(args) => open::run(args),
        Command::Stream(args) => stream::run(args),
        Command::Webhook(args) => webhook::run(args),
        Command::Queue(args) => queue::run(args),
        Command::Capability(args) => capability::run(args),
        Command::Threshold(args) => threshold::run(args),
        Command::Audit(args) => audit::run(args),
    }
}
