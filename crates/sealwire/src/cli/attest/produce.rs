//! `sealwire attest produce`: evidence from this machine (AT-60).

use crate::cli::{
    exit::{Exit, Failure, Outcome},
    files::{self, Access},
    output, tpm, values,
};
use anyhow::Context;
use clap::Args as ClapArgs;
use sealwire_attest::{Endorsements, Kind};
use sealwire_gateway::{config::Tpm, default_state};
use sealwire_tee::{Options, Produced};
use serde_json::json;
use std::{
    fs,
    io::{self, IsTerminal, Write},
    path::{Path, PathBuf},
};

/// Make evidence on this machine
///
/// The evidence is over 64 bytes of report data, of which a TPM carries the first 32. It is written as its raw bytes,
/// and to a terminal as hex. The certificates that the platform hands out with it go into the folder of
/// --endorsements. Most devices need root.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  sealwire attest produce --report-data $(openssl rand -hex 64) --output report.bin \\
      --endorsements certs/
  sealwire attest produce --tee development --report-data $(openssl rand -hex 64) > report.bin

--json prints {\"tee\",\"kind\",\"report-data\",\"evidence\",\"output\",\"endorsements\":[…]}: evidence in hex,
null where it went to a file, and the files that were written.

Exit codes: 0 made · 1 failure, or no such TEE here · 2 usage")]
pub(crate) struct Args {
    /// What makes it: auto (what the machine has; never a TPM, never development), tdx, snp,
    /// nitro, tpm, development
    #[arg(long, value_name = "NAME", default_value = "auto")]
    tee: String,
    /// What the evidence is over: 64 bytes, 128 hex digits
    #[arg(long, value_name = "HEX", value_parser = values::hex_array::<64>)]
    report_data: [u8; 64],
    /// File for the evidence [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Folder for the certificates that the platform hands out
    #[arg(long, value_name = "DIR")]
    endorsements: Option<PathBuf>,
    /// Folder of the development root
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    #[command(flatten)]
    tpm: tpm::Args,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(args: Args) -> Outcome {
    if let Some(output) = args.output.as_deref().filter(|output| output.exists()) {
        return Err(files::exists(output));
    }
    let state = args.state.clone().or_else(default_state).unwrap_or_default();
    let mut tpm = Tpm::default();
    args.tpm.over(&mut tpm);
    let options = Options { state, tpm: tpm.options(), ..Options::default() };
    let (name, report_data) = (args.tee.clone(), args.report_data);
    // Devices block, and a development root takes seconds to make.
    let produced = tokio::task::spawn_blocking(move || {
        let tee = sealwire_tee::open(&name, &options)?;
        tee.produce(&report_data)
    })
    .await?
    .map_err(not_made)?;
    let Produced { evidence, endorsements } = produced;
    let written = match &args.endorsements {
        Some(folder) => write_endorsements(folder, &endorsements)?,
        None => Vec::new(),
    };
    if let Some(output) = &args.output {
        files::create(output, &evidence.bytes, Access::Public)?;
    }
    if args.json {
        output::json(&json!({
            "tee": args.tee,
            "kind": evidence.kind.name(),
            "report-data": hex::encode(report_data),
            "evidence": args.output.is_none().then(|| hex::encode(&evidence.bytes)),
            "output": args.output,
            "endorsements": written,
        }))?;
        return Ok(Exit::Ok);
    }
    let next = next_step(&args, evidence.kind, &endorsements);
    match &args.output {
        Some(output) => output::print(format!(
            "{} {} ({}, {} bytes)\n{next}",
            output::good("wrote"),
            output.display(),
            evidence.kind,
            evidence.bytes.len()
        ))?,
        None if io::stdout().is_terminal() => {
            output::print(hex::encode(&evidence.bytes))?;
            write!(io::stderr(), "{next}")?;
        }
        // Only the evidence goes where a program reads.
        None => {
            io::stdout().lock().write_all(&evidence.bytes)?;
            write!(io::stderr(), "{next}")?;
        }
    }
    Ok(Exit::Ok)
}

fn not_made(error: sealwire_tee::Error) -> Failure {
    use sealwire_tee::Error::UnknownTee;
    let usage = matches!(error, UnknownTee(_));
    let failure = Failure::from(error);
    if usage { failure.exit(Exit::Usage) } else { failure }
}

/// One file for each certificate and CRL, named by its place. A file that is there already is not overwritten.
fn write_endorsements(folder: &Path, endorsements: &Endorsements) -> Result<Vec<PathBuf>, Failure> {
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let certificates = endorsements.certificates.iter().enumerate();
    let crls = endorsements.crls.iter().enumerate();
    let named = certificates
        .map(|(i, der)| (format!("certificate-{i}.der"), der))
        .chain(crls.map(|(i, der)| (format!("crl-{i}.der"), der)));
    named
        .map(|(name, der)| {
            let path = folder.join(name);
            files::create(&path, der, Access::Public)?;
            Ok(path)
        })
        .collect()
}

/// The command that verifies what was made.
fn next_step(args: &Args, kind: Kind, endorsements: &Endorsements) -> String {
    let evidence =
        args.output.as_ref().map_or_else(|| "FILE".to_owned(), |output| output.display().to_string());
    let mut next = format!("\nNext: sealwire verify --evidence {evidence} --kind {kind}");
    if let Some(folder) = &args.endorsements {
        next.push_str(&format!(" --endorsements {}", folder.display()));
    }
    next.push_str(&format!(" \\\n        --report-data {}\n", hex::encode(args.report_data)));
    if args.endorsements.is_none() && !endorsements.certificates.is_empty() {
        let count = endorsements.certificates.len();
        next.push_str(&format!(
            "The platform handed out {count} certificates; --endorsements DIR would have kept them.\n"
        ));
    }
    next
}
