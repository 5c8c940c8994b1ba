//! `sealwire secrets put`

use super::{
    answer::Asked,
    reach::Reach,
    write::{self, Writer},
};
use crate::cli::{
    exit::{Exit, Failure, Outcome},
    files, output,
};
use anyhow::Context;
use bytes::Bytes;
use clap::Args as ClapArgs;
use http::Method;
use sealwire_http::{
    body,
    session::secret::{MAX_SECRET, Name, PATH},
};
use serde_json::json;
use std::{
    io::{self, IsTerminal, Read},
    path::PathBuf,
};
use zeroize::Zeroizing;

/// Put a secret into the gateway's enclave
///
/// The secret is read from a file or from standard input, as it is: with a line feed at its end, if there is one. It is kept
/// in the memory of the one instance that --to leads to, and is gone after its restart. Your policy has to pin the
/// configuration (config-digests or operator-keys): that says who may read the secret.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  sealwire secrets put db/password --to https://gateway.example --policy policy.toml \\
      --operator-key operator-key.pem --file password
  printf %s \"$TOKEN\" | sealwire secrets put token --to https://gateway.example \\
      --policy policy.toml --attest auto

Exit codes: 0 it is there · 1 failure, or the gateway refuses it · 2 usage
            30 the policy refuses the gateway")]
pub(super) struct Args {
    /// Name of the secret: letters, digits, `.`, `_`, `-`, in segments with `/` between
    name: Name,
    #[command(flatten)]
    reach: Reach,
    #[command(flatten)]
    writer: Writer,
    /// File with the secret, up to 64 KiB [default: standard input]
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Replace this version; without it, only a name that has no secret is written
    #[arg(long, value_name = "VERSION", value_parser = clap::value_parser!(u64).range(1..))]
    replace: Option<u64>,
    /// Print JSON: name, version, size, authority, instance
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: &Args) -> Outcome {
    args.writer.check(&args.reach)?;
    let secret = secret(args)?;
    write::require_pinned(&args.reach)?;
    let connector = args.reach.connect().await?;
    let before = args.replace.unwrap_or(0);
    let fields = args.writer.fields(&connector, &args.name, before, Some(&secret))?;
    let path = format!("{PATH}/{}", args.name);
    let size = secret.len();
    // Wiped when it has been sent.
    let content = body::full(Bytes::from_owner(secret));
    let answer = args.reach.send(&connector, Method::PUT, &path, &fields, content).await?;
    let asked = Asked { reach: &args.reach, name: args.name.as_str(), about_version };
    let version =
        asked.done(answer).await?.version.context("the gateway does not say which version it is")?;
    let instance = hex::encode(connector.status().acceptance.document.get().instance);
    connector.close().await;
    if args.json {
        output::json(&json!({
            "name": args.name.as_str(),
            "version": version,
            "size": size,
            "authority": connector.authority(),
            "instance": instance,
        }))?;
    } else {
        let done = output::good("put");
        output::print(format!(
            "{done} {}, version {version}, {size} bytes, in the memory of instance {instance}",
            args.name
        ))?;
    }
    Ok(Exit::Ok)
}

fn about_version(there: Option<u64>) -> String {
    match there {
        Some(version) => format!("version {version} is there: --replace {version} puts yours in its place"),
        None => "there is none of this name: leave --replace out".to_owned(),
    }
}

fn secret(args: &Args) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let secret = match &args.file {
        Some(path) => files::read_secret(path)?,
        None if io::stdin().is_terminal() => {
            return Err(Failure::usage("the secret would be typed where it shows")
                .next("give --file FILE, or have another program write to standard input"));
        }
        None => {
            let mut secret = Zeroizing::new(Vec::with_capacity(MAX_SECRET.saturating_add(1)));
            io::stdin().lock().take(MAX_SECRET as u64 + 1).read_to_end(&mut secret)?;
            secret
        }
    };
    match secret.len() {
        0 => Err(Failure::usage("the secret is empty")),
        len if len > MAX_SECRET => Err(Failure::usage("a secret has at most 64 KiB")
            .next("put a key of that size, and seal what is longer with it")),
        _ => Ok(secret),
    }
}
