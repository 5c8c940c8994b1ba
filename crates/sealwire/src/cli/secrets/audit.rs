//! `sealwire secrets audit`

use crate::cli::{
    exit::{Exit, Failure, OrNext, Outcome},
    output, values,
};
use anyhow::{Context, anyhow};
use clap::Args as ClapArgs;
use sealwire_crypto::digest::sha384;
use serde::Deserialize;
use serde_json::json;
use std::{
    fs::File,
    io::{BufRead, BufReader, Read},
    path::PathBuf,
};

/// Longest line that is read; the gateway writes shorter ones.
const MAX_LINE: u64 = 1 << 20;

/// Check that nothing was taken out of an audit of secrets
///
/// Each line has the SHA-384 of the one before: a line that is changed, put in or taken out shows in the next. That the
/// end was cut off shows only in the head of the chain, which is in the instance's memory: `sealwire secrets list` tells
/// it to an enclave that may write. Files that follow each other are given in their order.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  sealwire secrets audit secrets.jsonl
  sealwire secrets audit secrets.jsonl.1 secrets.jsonl --head 5f0c…

Exit codes: 0 the chain holds · 1 it does not · 2 usage")]
pub(super) struct Args {
    /// The files, the oldest first
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// What the last line has to hash to (`sealwire secrets list`)
    #[arg(long, value_name = "HEX", value_parser = values::hex_array::<48>)]
    head: Option<[u8; 48]>,
    /// Print JSON: lines, cut-lines, head
    #[arg(long)]
    json: bool,
}

/// Of a line, what the chain is made of.
#[derive(Deserialize)]
struct Link {
    previous: String,
}

impl Link {
    /// A start has the hash of a line that a crash has cut; an instance that goes on knows its own last line, and passes over
    /// one that it could not finish.
    fn follows(&self, lines: [Option<[u8; 48]>; 2]) -> bool {
        lines.into_iter().flatten().any(|line| hex::encode(line) == self.previous)
    }
}

pub(super) fn run(args: &Args) -> Outcome {
    let (mut lines, mut cut): (u64, u64) = (0, 0);
    let mut head: Option<[u8; 48]> = None;
    // Of the last line that is one.
    let mut whole: Option<[u8; 48]> = None;
    for path in &args.files {
        let cannot = || format!("cannot read {}", path.display());
        let mut reader = BufReader::new(File::open(path).with_context(cannot).or_usage()?);
        for number in 1u64.. {
            let mut line = Vec::new();
            (&mut reader).take(MAX_LINE).read_until(b'\n', &mut line).with_context(cannot)?;
            if line.is_empty() {
                break;
            }
            let at = format_args!("{}:{number}", path.display()).to_string();
            let Some(line) = line.strip_suffix(b"\n") else {
                return Err(broken(&at, "the line is cut off").into());
            };
            let next = Some(sha384(&[line]));
            match serde_json::from_slice::<Link>(line) {
                // What comes before the first of these files is not known here.
                Ok(link) if head.is_some() && !link.follows([head, whole]) => {
                    let what =
                        "this does not follow from the line before: one was changed, put in or taken out";
                    return Err(broken(&at, what).into());
                }
                Ok(_) => whole = next,
                // What a crash, or a write that failed, has left.
                Err(_) => cut = cut.saturating_add(1),
            }
            head = next;
            lines = lines.saturating_add(1);
        }
    }
    let found = head.map(hex::encode).unwrap_or_default();
    if args.head.is_some() && args.head != head {
        return Err(Failure::from(anyhow!(
            "the chain ends with {found}: its end is cut off, or it is another's"
        ))
        .next("accesses since the list was asked for move the head: ask again, and compare at once"));
    }
    if args.json {
        output::json(&json!({ "lines": lines, "cut-lines": cut, "head": found }))?;
    } else {
        let of_crashes = if cut == 0 { String::new() } else { format!(" ({cut} of them cut)") };
        output::print(format!(
            "{} {lines} lines{of_crashes}, head {found}",
            output::good("the chain holds:")
        ))?;
    }
    Ok(Exit::Ok)
}

fn broken(at: &str, what: &str) -> anyhow::Error {
    anyhow!("{at}: {what}")
}
