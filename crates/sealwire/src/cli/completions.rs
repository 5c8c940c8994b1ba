//! `sealwire completions`

use super::{
    Cli,
    exit::{Exit, Outcome},
    output,
};
use clap::{Args as ClapArgs, CommandFactory};
use clap_complete::{Shell, generate};

/// Print a completion script for your shell
///
/// The script completes commands, flags and file names when you press Tab. Where it goes depends on the shell; the
/// examples are the usual places.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  sealwire completions bash > ~/.local/share/bash-completion/completions/sealwire
  sealwire completions zsh  > \"${fpath[1]}/_sealwire\"
  sealwire completions fish > ~/.config/fish/completions/sealwire.fish")]
pub(crate) struct Args {
    /// Which shell
    #[arg(value_enum)]
    shell: Shell,
}

pub(crate) fn run(args: &Args) -> Outcome {
    let mut script = Vec::new();
    generate(args.shell, &mut Cli::command(), "sealwire", &mut script);
    output::print(String::from_utf8_lossy(&script))?;
    Ok(Exit::Ok)
}
