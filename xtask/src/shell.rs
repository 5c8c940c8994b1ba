//! Running other programs from the root of the repository, with their output where ours is.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// The root of the repository: the folder above this package.
pub(crate) fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package).to_owned()
}

/// Cargo, the one that runs us.
pub(crate) fn cargo<const N: usize>(arguments: [&str; N]) -> Command {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(arguments);
    command
}

/// Another program.
pub(crate) fn program<const N: usize>(name: impl AsRef<std::ffi::OsStr>, arguments: [&str; N]) -> Command {
    let mut command = Command::new(name);
    command.args(arguments);
    command
}

/// Says what is run, runs it, and fails if it does.
pub(crate) fn run(mut command: Command) -> Result<()> {
    let line = line(&command);
    println!("$ {line}");
    let status = command.current_dir(root()).status().with_context(|| format!("cannot start: {line}"))?;
    if !status.success() {
        bail!("{line}: {status}");
    }
    Ok(())
}

/// Whether the command works, without a word.
pub(crate) fn works(mut command: Command) -> bool {
    let quiet = command.current_dir(root()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

/// As one would type it.
fn line(command: &Command) -> String {
    let mut line = String::new();
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            let _ = write!(line, "{}={:?} ", name.display(), value);
        }
    }
    let name = Path::new(command.get_program());
    line.push_str(&name.file_name().unwrap_or(command.get_program()).to_string_lossy());
    for argument in command.get_args() {
        let _ = write!(line, " {}", argument.display());
    }
    line
}
