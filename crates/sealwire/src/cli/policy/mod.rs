//! `sealwire policy`

mod check;
mod init;

use super::{
    exit::{Exit, Failure, OrNext, Outcome},
    files,
};
use clap::{Args as ClapArgs, Subcommand};
use sealwire_attest::Policy;
use std::path::Path;

/// Write and check appraisal policies
///
/// A policy is a TOML file that says which hardware, which measurements and which operator you accept. `connect` sends
/// nothing to a gateway that does not pass it.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example:
  sealwire policy init https://gateway.example --output policy.toml
  sealwire policy check policy.toml")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Init(init::Args),
    Check(check::Args),
}

pub(crate) async fn run(args: Args) -> Outcome {
    match args.command {
        Command::Init(args) => init::run(&args).await,
        Command::Check(args) => check::run(&args),
    }
}

/// Reads a policy file.
pub(crate) fn load(path: &Path) -> Result<Policy, Failure> {
    let text =
        files::read_text(path).or_next("`sealwire policy init URL` writes a policy for a running gateway")?;
    parse(path, &text)
}

fn parse(path: &Path, text: &str) -> Result<Policy, Failure> {
    // Files that it names lie beside it.
    let beside = |name: &str| {
        let folder = path.parent().unwrap_or(Path::new(""));
        files::read(&folder.join(name)).map_err(|failure| failure.to_string())
    };
    Policy::load(text, &beside).map_err(|error| {
        Failure::from(anyhow::Error::new(error).context(format!("{}", path.display()))).exit(Exit::Usage)
    })
}
