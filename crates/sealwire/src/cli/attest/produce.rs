//! `sealwire attest produce`: evidence from this machine (AT-60).

use crate::cli::{
    exit::{Exit, Failure, Outcome},
    files::{self, Access},
    names, output, source, tpm, values,
};
use anyhow::Context;
use clap::{Args as ClapArgs, builder::PossibleValuesParser};
use sealwire_attest::{
    Endorsements, Evidence, Kind,
    tpm::{Quote, name_of},
};
use sealwire_gateway::{config::Tpm, default_state};
use sealwire_tee::{NAMES, Options, Produced};
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
/// --endorsements. --tee auto takes configfs-tsm (TDX, SEV-SNP), /dev/sev-guest, /dev/tdx_guest or /dev/nsm, in this
/// order; a TPM and development evidence have to be asked for. Most of these devices are for root.
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
    /// What makes it
    #[arg(long, value_name = "NAME", default_value = "auto", value_parser = PossibleValuesParser::new(NAMES))]
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
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    tpm: tpm::Args,
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
    let made = tokio::task::spawn_blocking(move || {
        let tee = sealwire_tee::open(&name, &options)?;
        tee.produce(&report_data)
    });
    let Produced { evidence, endorsements } = made.await??;
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
    let next = next_step(&args, &evidence, &endorsements);
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

/// The command that verifies what was made, and what else it needs.
fn next_step(args: &Args, produced: &Evidence, endorsements: &Endorsements) -> String {
    let kind = produced.kind;
    let evidence =
        args.output.as_ref().map_or_else(|| "FILE".to_owned(), |output| output.display().to_string());
    let mut next = format!("\nNext: sealwire verify --evidence {evidence} --kind {kind}");
    if let Some(folder) = &args.endorsements {
        next.push_str(&format!(" --endorsements {}", folder.display()));
    }
    if matches!(kind, Kind::Development | Kind::Tpm) {
        next.push_str(" --policy policy.toml");
    }
    // What evidence of this kind carries of it (AT-04): a TPM the first half.
    let carried = args.report_data.get(..kind.binding_len()).unwrap_or(&args.report_data);
    next.push_str(&format!(" \\\n        --report-data {}\n", hex::encode(carried)));
    let kept = args.endorsements.is_some() || endorsements.certificates.is_empty();
    if !kept {
        let count = endorsements.certificates.len();
        next.push_str(&format!(
            "{count} certificates came with it; --endorsements DIR would have kept them.\n"
        ));
    }
    if matches!(kind, Kind::Tdx | Kind::Snp) {
        next.push_str(&format!(
            "What the vendor publishes for it: sealwire attest fetch --evidence {evidence} --output DIR\n"
        ));
    }
    let roots: Vec<_> = endorsements.self_issued().iter().map(names::root).collect();
    match (kind, endorsements.self_issued().first()) {
        (Kind::Development, Some(root)) => {
            next.push_str(&source::development_notice(root));
            next.push('\n');
        }
        (Kind::Tpm, Some(_)) => {
            next.push_str(&format!(
                "The policy has to name the enrolment CA: roots = [\"{}\"]\n",
                roots.join("\", \"")
            ));
        }
        (Kind::Tpm, None) => {
            let key = Quote::parse(&produced.bytes).and_then(|quote| name_of(&quote.public));
            let key = key.map_or_else(|_| "its Name".to_owned(), hex::encode);
            next.push_str(&format!(
                "No certificate speaks for the attestation key, so the policy has to name it: tpm-keys = [\"{key}\"]\n"
            ));
        }
        _ => {}
    }
    next
}
