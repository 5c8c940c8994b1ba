//! `sealwire keys rotate`: one key of hpke-http after another, step by step (HH-41).

use crate::cli::{
    exit::{Exit, Failure, Outcome},
    files::{self, Access},
    output, values,
};
use clap::Args as ClapArgs;
use sealwire_attest::UnixTime;
use sealwire_crypto::random::OsRandom;
use sealwire_gateway::hpke_http::{KeyFile, Step};
use std::{
    path::PathBuf,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// Replace the configured key of hpke-http, step by step
///
/// Makes the file with a first key if it is missing. After that, each call takes one step: a new key is accepted; it is
/// advertised, and the old one stays accepted; the old one is taken out, once no client can use it any more. Between two
/// steps every instance that has this file reads it again (SIGHUP); a gateway refuses a file that leaves one out.
///
/// The releases 1.x have one key and no steps: with --legacy it is replaced at once, and clients that run keep the old one
/// until they are restarted.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example:
  sealwire keys rotate hpke-http-keys.toml && systemctl reload sealwire")]
pub(crate) struct Args {
    /// The file of `hpke-http.keys`, or with --legacy of `hpke-http.legacy.key`
    file: PathBuf,
    /// How long a key stays accepted after clients were last told of it: keys.overlap at least
    #[arg(long, value_name = "TIME", default_value = "25h", value_parser = values::duration)]
    hold: Duration,
    /// The key of the releases 1.x: an outage for clients that run
    #[arg(long)]
    legacy: bool,
    /// Print JSON: step (made, accepted, advertised, removed, wait), id, until
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Outcome {
    let Args { file: path, legacy, json, .. } = args;
    let exists = path.try_exists().map_err(anyhow::Error::from)?;
    let (file, told) = match exists {
        true if !legacy => step(args)?,
        _ => {
            let file = KeyFile::generate(&OsRandom).map_err(anyhow::Error::from)?;
            let id = file.advertised_id().to_owned();
            (Some(file), Told { step: "made", id: Some(id), until: None })
        }
    };
    if let Some(file) = file {
        files::replace_as(path, file.to_text().as_bytes(), Access::Secret)?;
    }
    match json {
        true => output::json(&serde_json::json!({ "step": told.step, "id": told.id, "until": told.until }))?,
        false => output::print(told.text(*legacy && exists))?,
    }
    Ok(Exit::Ok)
}

/// What was done.
struct Told {
    step: &'static str,
    id: Option<String>,
    until: Option<u64>,
}

fn step(args: &Args) -> Result<(Option<KeyFile>, Told), Failure> {
    let text = files::read_secret(&args.file)?;
    let text = std::str::from_utf8(&text).unwrap_or_default();
    let mut file =
        KeyFile::parse(text).map_err(|what| Failure::usage(format!("{}: {what}", args.file.display())))?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let taken = file.step(now, args.hold, &OsRandom).map_err(anyhow::Error::from)?;
    Ok(match taken {
        Step::Added { id } => (Some(file), Told { step: "accepted", id: Some(id), until: None }),
        Step::Advertised { id, until } => {
            (Some(file), Told { step: "advertised", id: Some(id), until: Some(until) })
        }
        Step::Removed { id } => (Some(file), Told { step: "removed", id: Some(id), until: None }),
        Step::Wait { until } => (None, Told { step: "wait", id: None, until: Some(until) }),
    })
}

impl Told {
    fn text(&self, outage: bool) -> String {
        let id = self.id.as_deref().unwrap_or_default();
        let until = self.until.map(|until| UnixTime(until).to_string()).unwrap_or_default();
        match self.step {
            "made" if outage => format!(
                "made key {id}; reload every instance. Clients of 1.x that run keep the old key, and meet 400 until they are restarted"
            ),
            "made" => format!("made key {id}"),
            "accepted" => format!("key {id} is accepted; reload every instance, then run this again"),
            "advertised" => {
                format!("key {id} is advertised; reload every instance, and run this again after {until}")
            }
            "removed" => format!("key {id} is gone; reload every instance"),
            _ => format!("nothing to do before {until}: clients may still use the old key"),
        }
    }
}
