//! Logs: to standard error, as text for people or JSON for machines.

use super::exit::Failure;
use clap::{Args as ClapArgs, ValueEnum};
use std::io::{IsTerminal, stderr};
use tracing_subscriber::EnvFilter;

/// Flags of every command.
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Logs")]
pub(crate) struct Args {
    /// Form of the logs on standard error [default: text]
    #[arg(long, global = true, value_enum, value_name = "FORMAT")]
    log_format: Option<Format>,
    /// What to log: a level (error, warn, info, debug, trace) or directives such as `sealwire_gateway=debug`.
    /// Services log `info` unless told, other commands `warn`
    #[arg(long, global = true, value_name = "FILTER", env = "RUST_LOG", hide_env_values = true)]
    log: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    Text,
    Json,
}

impl Args {
    /// Starts logging; `level` and `json` hold where the user has said nothing.
    pub(crate) fn start(&self, level: &str, json: bool) -> Result<(), Failure> {
        let filter = self.log.as_deref().unwrap_or(level);
        let filter = EnvFilter::try_new(filter).map_err(|error| {
            Failure::usage(format_args!("--log {filter}: {error}"))
                .next("a level such as `debug` is the simplest form")
        })?;
        let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr);
        let default = if json { Format::Json } else { Format::Text };
        match self.log_format.unwrap_or(default) {
            Format::Text => logs.with_ansi(stderr().is_terminal() && no_color_is_unset()).init(),
            Format::Json => logs.json().flatten_event(true).init(),
        }
        Ok(())
    }
}

/// <https://no-color.org>
fn no_color_is_unset() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
