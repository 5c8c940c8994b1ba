//! `sealwire secrets delete`

use super::{answer::Asked, reach::Reach, write::Writer};
use crate::cli::{
    exit::{Exit, Outcome},
    output,
};
use clap::Args as ClapArgs;
use http::Method;
use sealwire_http::{
    body,
    session::secret::{Name, PATH},
};

/// Have the gateway's enclave forget a secret
///
/// Who may write a name may delete it. The version says which one is meant, so that nothing newer goes by mistake.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example:
  sealwire secrets delete db/password --version 3 --to https://gateway.example \\
      --policy policy.toml --operator-key operator-key.pem

Exit codes: 0 it is gone · 1 failure, or the gateway refuses it · 2 usage
            30 the policy refuses the gateway")]
pub(super) struct Args {
    /// Name of the secret
    name: Name,
    /// The version that is there
    #[arg(long, value_name = "VERSION", value_parser = clap::value_parser!(u64).range(1..))]
    version: u64,
    #[command(flatten)]
    reach: Reach,
    #[command(flatten)]
    writer: Writer,
}

pub(super) async fn run(args: &Args) -> Outcome {
    args.writer.check(&args.reach)?;
    let connector = args.reach.connect().await?;
    let fields = args.writer.fields(&connector, &args.name, args.version, None)?;
    let path = format!("{PATH}/{}", args.name);
    let answer = args.reach.send(&connector, Method::DELETE, &path, &fields, body::empty()).await?;
    Asked { reach: &args.reach, name: args.name.as_str(), about_version }.done(answer).await?;
    connector.close().await;
    output::print(format!("{} {}, version {}", output::good("deleted"), args.name, args.version))?;
    Ok(Exit::Ok)
}

fn about_version(there: Option<u64>) -> String {
    match there {
        Some(version) => format!("version {version} is there: --version {version} deletes it"),
        None => "there is none of this name".to_owned(),
    }
}
