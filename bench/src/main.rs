//! `cargo xtask bench`: what Sealwire costs, against the floor and its peers, all in one run on one machine.

mod attest;
mod envelope;
mod floor;
mod gateway;
mod hpke_http;
mod measure;
mod process;
mod report;
mod role;
mod seal;
mod session;
mod stream;
mod tunnel;

use anyhow::{Result, anyhow};
use clap::{Parser, Subcommand, ValueEnum};
use report::Table;
use std::path::PathBuf;

/// Measures Sealwire against the floor and its peers.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Measure only this; may be given several times.
    #[arg(long, value_enum)]
    only: Vec<Part>,
    /// Put the tables into this page, behind what is written in it.
    #[arg(long)]
    output: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Command {
    /// A party in a process of its own.
    #[command(hide = true)]
    Role { role: String, arguments: Vec<String> },
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    Seal,
    HpkeHttp,
    Envelope,
    Session,
    Channel,
    TunnelV0,
    Gateway,
    Stream,
    Attest,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    if let Some(Command::Role { role, arguments }) = arguments.command {
        return runtime.block_on(role::play(&role, &arguments));
    }
    let wanted = |part| arguments.only.is_empty() || arguments.only.contains(&part);
    let scratch = tempfile::tempdir()?;
    // The root takes seconds to make: it is kept.
    let state = std::env::temp_dir().join("sealwire-bench-state");
    let mut tables: Vec<Table> = Vec::new();
    let mut show = |table: Table| {
        println!("{table}");
        tables.push(table);
    };
    if wanted(Part::Attest) {
        show(attest::run()?);
    }
    if wanted(Part::Seal) {
        show(seal::run()?);
    }
    if wanted(Part::HpkeHttp) {
        show(hpke_http::run()?);
    }
    if wanted(Part::Envelope) {
        envelope::run()?.into_iter().for_each(&mut show);
    }
    if wanted(Part::Session) {
        show(session::layer(&state)?);
        show(session::handshakes(&state)?);
        show(runtime.block_on(session::requests(&state))?);
        show(runtime.block_on(session::resume(&state))?);
    }
    if wanted(Part::Channel) {
        show(runtime.block_on(session::channel(&state))?);
        show(runtime.block_on(session::tunnel(&state))?);
    }
    if wanted(Part::TunnelV0) {
        show(runtime.block_on(tunnel::run(&state))?);
    }
    if wanted(Part::Gateway) {
        // Measured each time, right beside what is held against it.
        let floor = |name: &str| seal::floor_micros(gateway::kem(name)?);
        show(runtime.block_on(gateway::run(&state, floor))?);
    }
    if wanted(Part::Stream) {
        show(runtime.block_on(stream::run(&state, scratch.path()))?);
    }
    if let Some(path) = arguments.output {
        let old = std::fs::read_to_string(&path).unwrap_or_default();
        let new = report::page(&old, &tables);
        std::fs::write(&path, new).map_err(|error| anyhow!("{}: {error}", path.display()))?;
    }
    Ok(())
}
