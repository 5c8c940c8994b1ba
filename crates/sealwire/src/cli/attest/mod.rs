//! `sealwire attest`

mod enrol;
mod fetch;
mod produce;
mod revoke;

use super::exit::Outcome;
use clap::{Args as ClapArgs, Subcommand};

/// Make evidence, and get what is needed to verify it
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example:
  sealwire attest produce --tee auto --report-data HEX --output report.bin --endorsements certs/")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Enrol(enrol::Args),
    Fetch(Box<fetch::Args>),
    Produce(produce::Args),
    Revoke(Box<revoke::Args>),
}

pub(crate) async fn run(args: Args) -> Outcome {
    match args.command {
        Command::Enrol(args) => enrol::run(args).await,
        Command::Fetch(args) => Box::pin(fetch::run(*args)).await,
        Command::Produce(args) => produce::run(args).await,
        Command::Revoke(args) => revoke::run(&args),
    }
}
