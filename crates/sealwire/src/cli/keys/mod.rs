//! `sealwire keys`

mod live;
mod operator;
mod psk;
mod rotate;
mod show;

pub(crate) use live::live_keys;

use super::exit::Outcome;
use clap::{Args as ClapArgs, Subcommand};

/// Operator keys, keys of hpke-http and its callers, and the live keys of a gateway
///
/// An operator key says who runs a gateway: hardware proves the code, but not whose upstream it forwards to. The
/// operator signs, away from the machines, which names a configuration may serve; clients pin the operator's public
/// key in their policy.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example:
  sealwire keys operator generate --output operator-key.pem
  sealwire keys show https://gateway.example")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Operator(operator::Args),
    Psk(psk::Args),
    Rotate(rotate::Args),
    Show(show::Args),
}

pub(crate) async fn run(args: Args) -> Outcome {
    match args.command {
        Command::Operator(args) => operator::run(args).await,
        Command::Psk(args) => psk::run(&args),
        Command::Rotate(args) => rotate::run(&args),
        Command::Show(args) => show::run(&args).await,
    }
}
