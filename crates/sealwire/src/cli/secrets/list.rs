//! `sealwire secrets list`

use super::{answer::Asked, reach::Reach};
use crate::cli::{
    exit::{Exit, Outcome},
    output,
};
use anyhow::Context;
use clap::Args as ClapArgs;
use comfy_table::{Table, presets::UTF8_HORIZONTAL_ONLY};
use http::Method;
use sealwire_http::{body, session::secret::PATH};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// List the secrets that this machine may read or write
///
/// A name without a version has no secret in this instance: it has started anew, or nobody has put one. An enclave that may write
/// also sees the head of the audit: the number and the SHA-384 of its last entry, to hold against the file with
/// `sealwire secrets audit`.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example:
  sealwire secrets list --to https://gateway.example --policy policy.toml --attest auto

Exit codes: 0 success · 1 failure · 2 usage · 30 the policy refuses the gateway")]
pub(super) struct Args {
    #[command(flatten)]
    reach: Reach,
    /// Print JSON: authority, instance, secrets (name, version, size, read, write), audit (entries, head)
    #[arg(long)]
    json: bool,
}

#[derive(Serialize, Deserialize)]
struct List {
    secrets: Vec<Secret>,
    audit: Option<Head>,
}

#[derive(Serialize, Deserialize)]
struct Secret {
    name: String,
    version: Option<u64>,
    size: Option<u64>,
    read: bool,
    write: bool,
}

#[derive(Serialize, Deserialize)]
struct Head {
    entries: u64,
    head: String,
}

pub(super) async fn run(args: &Args) -> Outcome {
    args.reach.require_attest()?;
    let connector = args.reach.connect().await?;
    let answer = args.reach.send(&connector, Method::GET, PATH, &[], body::empty()).await?;
    let asked = Asked { reach: &args.reach, name: "secrets", about_version: |_| String::new() };
    let done = asked.done(answer).await?;
    let instance = hex::encode(connector.status().acceptance.document.get().instance);
    connector.close().await;
    let List { secrets, audit } =
        serde_json::from_slice(&done.content).context("the gateway's list cannot be read")?;
    if args.json {
        output::json(&json!({
            "authority": connector.authority(),
            "instance": instance,
            "secrets": secrets,
            "audit": audit,
        }))?;
        return Ok(Exit::Ok);
    }
    let mut text = format!("{}\ninstance {instance}\n", table(&secrets));
    if let Some(Head { entries, head }) = audit {
        text.push_str(&format!("audit    {entries} entries, head {head}\n"));
    }
    output::print(text)?;
    Ok(Exit::Ok)
}

fn table(secrets: &[Secret]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_HORIZONTAL_ONLY).set_header(["name", "version", "bytes", "this machine may"]);
    for Secret { name, version, size, read, write } in secrets {
        let number = |number: &Option<u64>| number.map_or_else(|| "none".to_owned(), |n| n.to_string());
        let may = match (read, write) {
            (true, true) => "read, write",
            (true, false) => "read",
            (false, _) => "write",
        };
        table.add_row([name.clone(), number(version), number(size), may.to_owned()]);
    }
    table
}
