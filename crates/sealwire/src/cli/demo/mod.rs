//! `sealwire demo`: every party on this machine, driven step by step.

mod app;
mod ehbp;
mod envelope;
mod hpke_http;
mod meddler;
mod mutual;
mod plain;
mod report;
mod resume;
mod stage;
mod steps;
mod tap;
mod tunnel;
mod websocket;

use crate::cli::exit::{Exit, Outcome};
use clap::Args as ClapArgs;
use http::Uri;
use report::Report;
use stage::Stage;
use std::path::PathBuf;

/// Show everything working on this machine, step by step
///
/// Starts an application, a gateway with the development TEE in front of it, an oblivious relay and the local proxy, on
/// free loopback ports. Then drives the application through the proxy with a plain HTTP client, shows what each party
/// saw, and attacks it. It stays, so that you can try it by hand, until you press Ctrl-C.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  sealwire demo
  sealwire demo --once --json
  sealwire demo --upstream http://127.0.0.1:3000

Exit codes: 0 every step passed · 1 one did not")]
pub(crate) struct Args {
    /// Exit after the steps
    #[arg(long)]
    once: bool,
    /// Print one JSON object: ok, steps (name, ok, ms, detail); implies --once
    #[arg(long)]
    json: bool,
    /// Your own application in the place of the demo's; the steps that need the demo's are left out
    #[arg(long, value_name = "URL")]
    upstream: Option<Uri>,
    /// Folder of this machine's development root [default: sealwire in your state folder]
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
}

pub(crate) async fn run(args: Args) -> Outcome {
    let mut report = Report::new(args.json);
    report.begin()?;
    let stage = Box::pin(Stage::start(args.upstream, args.state)).await?;
    report.parties(&stage)?;
    steps::all(&stage, &mut report).await?;
    report.end()?;
    let passed = report.passed();
    if passed && !args.once && !args.json {
        report.by_hand(&stage)?;
        tokio::signal::ctrl_c().await?;
    }
    stage.stop().await;
    Ok(if passed { Exit::Ok } else { Exit::Failed })
}
