//! `sealwire keys show`

use super::live::{LiveKey, live_keys};
use crate::cli::{
    exit::{Exit, Outcome},
    output,
    source::{Shown, Source},
    values::Url,
};
use clap::Args as ClapArgs;
use comfy_table::{Table, presets::UTF8_HORIZONTAL_ONLY};
use sealwire_crypto::digest::sha256;
use serde_json::json;

/// Show the live keys of a gateway
///
/// Fetches the key document, verifies the evidence over it, and prints a table of the keys that it advertises: which
/// KEM and suites, or which signature, and from when to when. Evidence that is not genuine ends with exit code 10, 20 or 40 as
/// `sealwire verify` does, and no key is shown. Below the table is the digest of the key list that everybody gets at
/// /.well-known/ohttp-gateway: compare it with what others are given.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example:
  sealwire keys show https://gateway.example

Exit codes: 0 success · 1 failure · 2 usage · 10, 20, 40 as of sealwire verify")]
pub(crate) struct Args {
    /// The gateway
    url: Url,
    #[command(flatten)]
    source: Source,
    /// Print JSON: instance, serial, not-after, development, ohttp-keys, keys (id, purpose, kem, signature, suites,
    /// not-before, not-after)
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(args: &Args) -> Outcome {
    let shown = Shown::fetch(&args.url, &args.source, false).await?;
    let development = shown.require_genuine()?.get().development;
    let document = shown.document();
    let keys = live_keys(document);
    // OB-54: everybody gets the same list. What `sha256sum` says of the list that a relay, or somebody else, is given.
    let list = format!("sha256:{}", hex::encode(sha256(&[&document.ohttp_key_list()])));
    if args.json {
        output::json(&json!({
            "instance": hex::encode(document.instance),
            "serial": document.serial,
            "not-after": document.not_after.to_string(),
            "development": development,
            "ohttp-keys": list,
            "keys": keys,
        }))?;
        return Ok(Exit::Ok);
    }
    let mut text = format!("{}\nohttp-keys {list}\n", table(&keys));
    if let Some(notice) = shown.development_notice() {
        text.push_str(&notice);
    }
    output::print(text)?;
    Ok(Exit::Ok)
}

fn table(keys: &[LiveKey]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_HORIZONTAL_ONLY).set_header([
        "id",
        "purpose",
        "algorithm",
        "suites",
        "not before",
        "not after",
    ]);
    for key in keys {
        table.add_row([
            key.id.clone(),
            key.purpose.clone(),
            key.algorithm().to_owned(),
            key.suites.join("\n"),
            key.not_before.to_string(),
            key.not_after.to_string(),
        ]);
    }
    table
}
