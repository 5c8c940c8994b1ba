//! `sealwire envelope capability`

mod config;
mod inspect;
mod issue;
mod scope;
mod verify;

use crate::cli::exit::Outcome;
use clap::{Args as ClapArgs, Subcommand};

/// Let others do something in your name, and hand it on
///
/// A chain of tokens is a JSON array, the first token first, as the header field x-7h3-capability carries it. It is good
/// only for its last subject, and only for requests that name it.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  sealwire envelope capability issue --private-key-file root.json --issuer root --subject worker \\
      --scope 'GET,POST /api/**' --audience svc --max-delegations 1 > chain.json
  sealwire envelope capability delegate --private-key-file worker.json --issuer worker --subject helper \\
      --scope 'GET /api/read' < chain.json > longer.json
  sealwire envelope capability verify --config roots.json --path /api/read --method GET --sender helper < longer.json

Exit codes: 0 valid, or done · 1 invalid · 2 usage")]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Issue(Box<issue::Issue>),
    Delegate(Box<issue::Delegate>),
    Verify(verify::Args),
    Inspect(inspect::Args),
}

pub(super) fn run(args: &Args) -> Outcome {
    match &args.command {
        Command::Issue(args) => issue::issue(args),
        Command::Delegate(args) => issue::delegate(args),
        Command::Verify(args) => verify::run(args),
        Command::Inspect(args) => inspect::run(args),
    }
}
