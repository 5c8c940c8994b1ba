//! `sealwire secrets`

mod answer;
mod audit;
mod delete;
mod get;
mod list;
mod put;
mod reach;
mod write;

use super::exit::Outcome;
use clap::{Args as ClapArgs, Subcommand};

/// Give secrets to a gateway in an enclave, and get them as another enclave
///
/// A gateway keeps named secrets in the memory of its enclave, and gives each to the enclaves that a policy accepts, in an
/// attested session. It writes down every delivery before it happens. Who may read and write which names is in the
/// gateway's configuration ([[secret]]), and so in the configuration digest that your policy pins.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example:
  sealwire secrets put db/password --to https://gateway.example --policy policy.toml \\
      --operator-key operator-key.pem --file password
  sealwire secrets get db/password --to https://gateway.example --policy policy.toml \\
      --attest auto --output password")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Put(put::Args),
    Get(get::Args),
    List(list::Args),
    Delete(delete::Args),
    Audit(audit::Args),
}

pub(crate) async fn run(args: Args) -> Outcome {
    match args.command {
        Command::Put(args) => put::run(&args).await,
        Command::Get(args) => get::run(&args).await,
        Command::List(args) => list::run(&args).await,
        Command::Delete(args) => delete::run(&args).await,
        Command::Audit(args) => audit::run(&args),
    }
}
