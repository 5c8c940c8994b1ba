//! `sealwire envelope audit verify`

use crate::cli::{
    envelope::input::Verifying,
    exit::{Exit, Failure, OrNext, Outcome},
    files, output,
};
use anyhow::anyhow;
use clap::Args as ClapArgs;
use sealwire_envelope::{
    audit::{Checkpoint, Head, Keys, legacy, verify},
    key::Use,
};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Verify an audit log
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example:
  sealwire envelope audit verify --public-key-file audit.json --head head.checkpoint audit.log

Exit codes: 0 whole and genuine · 1 not · 2 usage")]
pub(super) struct Args {
    #[command(flatten)]
    verifying: Verifying,
    /// The log; - is standard input
    file: PathBuf,
    /// Begin at this checkpoint instead of at the beginning, where old segments were deleted
    #[arg(long, value_name = "FILE")]
    start: Option<PathBuf>,
    /// A checkpoint that was kept elsewhere: the log has to come as far
    #[arg(long, value_name = "FILE")]
    head: Option<PathBuf>,
    /// A log of version 1: a JSON array of signed entries
    #[arg(long, conflicts_with_all = ["start", "head"])]
    legacy: bool,
    /// Print JSON: ok, length, unsealed, brokenAt, reason
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Outcome {
    let record = args.verifying.record("audit", None, "audit", Use::Audit)?;
    let bytes = files::read_or_stdin(&args.file)?;
    let told = if args.legacy {
        let report = legacy::verify(&legacy::from_json_array(&bytes)?, &record);
        let broken = report.broken.map(|(at, why)| (at, why.to_string()));
        Told { length: report.length as u64, unsealed: None, broken }
    } else {
        let text = String::from_utf8(bytes)?;
        let start = args.start.as_deref().map(checkpoint).transpose()?;
        let head = args.head.as_deref().map(checkpoint).transpose()?;
        let keys = Keys::new(vec![record]);
        if head.as_ref().is_some_and(|head| !head.is_signed(&keys)) {
            return Err(Failure::usage("the checkpoint of --head is not signed with this key"));
        }
        let report = verify(text.lines(), start.as_ref(), head.as_ref().map(Head::from), &keys);
        let broken = report.broken.map(|broken| (broken.at, broken.why.to_string()));
        Told { length: report.length, unsealed: Some(report.unsealed), broken }
    };
    told.report(args.json)
}

struct Told {
    length: u64,
    unsealed: Option<u64>,
    broken: Option<(usize, String)>,
}

impl Told {
    fn report(&self, as_json: bool) -> Outcome {
        let (at, why) = self.broken.clone().unzip();
        if as_json {
            let mut value = json!({ "ok": self.broken.is_none(), "length": self.length });
            for (name, member) in [
                ("unsealed", self.unsealed.map(Value::from)),
                ("brokenAt", at.map(Value::from)),
                ("reason", why.map(Value::from)),
            ] {
                if let (Some(members), Some(member)) = (value.as_object_mut(), member) {
                    members.insert(name.to_owned(), member);
                }
            }
            output::json_line(&value)?;
        } else if let Some((at, why)) = &self.broken {
            output::print(format!("BROKEN at line {} — {why} ({} entries hold)", at + 1, self.length))?;
        } else {
            let unsealed = match self.unsealed {
                Some(0) | None => String::new(),
                Some(count) => format!(", {count} of them after the last checkpoint: these could be changed"),
            };
            output::print(format!("{} entries hold{unsealed}", self.length))?;
        }
        Ok(if self.broken.is_none() { Exit::Ok } else { Exit::Failed })
    }
}

fn checkpoint(path: &Path) -> Result<Checkpoint, Failure> {
    Checkpoint::from_line(files::read_text(path)?.trim_end())
        .map_err(|error| anyhow!("{} is no checkpoint: {error}", path.display()))
        .or_usage()
}
