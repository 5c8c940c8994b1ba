//! `sealwire secrets get`

use super::{answer::Asked, reach::Reach};
use crate::cli::{
    exit::{Exit, Failure, Outcome},
    files::{self, Access},
    output,
};
use anyhow::Context;
use clap::Args as ClapArgs;
use http::Method;
use sealwire_http::{
    body,
    session::secret::{Name, PATH},
};
use std::{
    io::{self, IsTerminal, Write},
    path::PathBuf,
};

/// Get a secret, as an enclave that the gateway's policy of that name accepts
///
/// This machine attests itself, and the secret comes in the session that rests on that. It is written as it is, to a file
/// that only you can read or to standard output. The gateway has written down the delivery before.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  sealwire secrets get db/password --to https://gateway.example --policy policy.toml \\
      --attest auto --output /run/db-password
  sealwire secrets get token --to https://gateway.example --policy policy.toml \\
      --attest auto | login --token-stdin

Exit codes: 0 it is here · 1 failure, refused, or not provisioned · 2 usage
            30 the policy refuses the gateway")]
pub(super) struct Args {
    /// Name of the secret
    name: Name,
    #[command(flatten)]
    reach: Reach,
    /// New file for the secret, which only you can read [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Write to standard output though it is a terminal
    #[arg(long, conflicts_with = "output")]
    force: bool,
}

pub(super) async fn run(args: &Args) -> Outcome {
    args.reach.require_attest()?;
    match &args.output {
        None if io::stdout().is_terminal() && !args.force => {
            return Err(Failure::usage("standard output is a terminal, which shows and keeps the secret")
                .next("give --output FILE or a pipe; --force shows it all the same"));
        }
        // Each delivery is written down, so none is asked for that has nowhere to go.
        Some(path) if path.exists() => return Err(files::exists(path)),
        _ => {}
    }
    let connector = args.reach.connect().await?;
    let path = format!("{PATH}/{}", args.name);
    let answer = args.reach.send(&connector, Method::GET, &path, &[], body::empty()).await?;
    let asked = Asked { reach: &args.reach, name: args.name.as_str(), about_version: |_| String::new() };
    let done = asked.done(answer).await?;
    connector.close().await;
    match &args.output {
        Some(path) => {
            files::create(path, &done.content, Access::Secret)?;
            let version = done.version.map(|version| format!(", version {version}")).unwrap_or_default();
            output::print(format!("{} {}{version}", output::good("wrote"), path.display()))?;
        }
        None => {
            let mut out = io::stdout().lock();
            // A reader that went away has not got the secret, and that is an error here.
            out.write_all(&done.content)
                .and_then(|()| out.flush())
                .context("cannot write to standard output")?;
        }
    }
    Ok(Exit::Ok)
}
