//! The command line: one module for each command.

mod attest;
mod completions;
mod connect;
mod demo;
mod envelope;
mod exit;
mod files;
mod gateway;
mod inspect;
mod keys;
mod logging;
mod names;
mod output;
mod own;
mod policy;
mod proof;
mod relay;
mod revocation;
mod secrets;
mod signals;
mod source;
mod terminal;
mod tls;
mod tpm;
mod values;
mod verify;
mod wires;

use clap::{Parser, Subcommand};
use exit::Outcome;
use std::process::ExitCode;

/// End-to-end sealed HTTP that ends inside the enclave
///
/// Sealwire puts a gateway in front of your HTTP application, inside a confidential VM, and a small local proxy in
/// front of your callers. The caller verifies the hardware first; then every request and reply is sealed from the
/// caller to the enclave. Neither side changes.
#[derive(Debug, Parser)]
#[command(
    name = "sealwire",
    version,
    after_help = "\
Examples:
  sealwire gateway --upstream http://127.0.0.1:3000 --listen 127.0.0.1:8443 --tee development
  sealwire policy init http://127.0.0.1:8443 --output policy.toml
  sealwire connect --to http://127.0.0.1:8443 --policy policy.toml --listen 127.0.0.1:8080
  curl http://127.0.0.1:8080/

`sealwire COMMAND --help` says more about each command.

Exit codes: 0 success · 1 failure · 2 usage
            10, 20, 30, 40 as `sealwire verify --help` says"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    logs: logging::Args,
}

#[derive(Debug, Subcommand)]
enum Command {
    #[command(flatten)]
    Service(Service),
    #[command(flatten)]
    Tool(Tool),
}

/// Commands that run until they are told to stop. They say themselves how they log.
#[derive(Debug, Subcommand)]
enum Service {
    Gateway(Box<gateway::Args>),
    Connect(Box<connect::Args>),
    Relay(Box<relay::Args>),
}

/// Commands that end by themselves.
#[derive(Debug, Subcommand)]
enum Tool {
    Inspect(Box<inspect::Args>),
    Verify(Box<verify::Args>),
    Attest(Box<attest::Args>),
    Policy(Box<policy::Args>),
    Keys(Box<keys::Args>),
    Secrets(Box<secrets::Args>),
    Envelope(Box<envelope::Args>),
    Demo(demo::Args),
    Completions(completions::Args),
}

impl Command {
    async fn run(self, logs: &logging::Args) -> Outcome {
        match self {
            Self::Service(service) => service.run(logs).await,
            Self::Tool(tool) => {
                logs.start("warn", false)?;
                tool.run().await
            }
        }
    }
}

impl Service {
    async fn run(self, logs: &logging::Args) -> Outcome {
        match self {
            Self::Gateway(args) => Box::pin(gateway::run(&args, logs)).await,
            Self::Connect(args) => connect::run(&args, logs).await,
            Self::Relay(args) => relay::run(&args, logs).await,
        }
    }
}

impl Tool {
    async fn run(self) -> Outcome {
        match self {
            Self::Inspect(args) => inspect::run(*args).await,
            Self::Verify(args) => verify::run(&args).await,
            Self::Attest(args) => attest::run(*args).await,
            Self::Policy(args) => policy::run(*args).await,
            Self::Keys(args) => keys::run(*args).await,
            Self::Secrets(args) => Box::pin(secrets::run(*args)).await,
            Self::Envelope(args) => envelope::run(&args),
            Self::Demo(args) => Box::pin(demo::run(args)).await,
            Self::Completions(args) => completions::run(&args),
        }
    }
}

/// Parses the command line, runs the command, and says how it ended.
pub(crate) fn run() -> ExitCode {
    let cli = Cli::parse();
    match run_command(cli) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            output::error(&failure);
            failure.code().into()
        }
    }
}

fn run_command(cli: Cli) -> Outcome {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(Box::pin(cli.command.run(&cli.logs)))
}
