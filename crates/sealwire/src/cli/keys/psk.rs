//! `sealwire keys psk`: keys of callers (HH-69).

use crate::cli::{
    exit::{Exit, Failure, Outcome},
    output,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use clap::{Args as ClapArgs, Subcommand};
use sealwire_crypto::random::{self, OsRandom};
use zeroize::Zeroizing;

/// Keys of callers of hpke-http
#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    New(New),
}

/// Make a key for a tenant
///
/// Prints an entry for the file of `hpke-http.psk-file`. The id is random: it is sent in clear, so it names nobody. The
/// caller gets id and key, both as text.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example:
  (umask 077; sealwire keys psk new acme >> psks.toml) && systemctl reload sealwire")]
struct New {
    /// The tenant that the key stands for: visible characters of ASCII
    tenant: String,
    /// For the releases 1.x, whose keys are never taken by hpke-http/3
    #[arg(long)]
    legacy: bool,
    /// Print JSON: id, key, tenant, wire
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Outcome {
    let Command::New(New { tenant, legacy, json }) = &args.command;
    let text = |bytes: &[u8]| Zeroizing::new(URL_SAFE_NO_PAD.encode(bytes));
    let id = text(&random::array::<12>(&OsRandom).map_err(anyhow::Error::from)?);
    let key = text(Zeroizing::new(random::array::<32>(&OsRandom).map_err(anyhow::Error::from)?).as_slice());
    let usable =
        !tenant.is_empty() && tenant.len() <= 128 && tenant.bytes().all(|byte| byte.is_ascii_graphic());
    if !usable || tenant.contains(['"', '\\']) {
        let what = "a tenant has 1 to 128 visible characters of ASCII, without quotation marks";
        return Err(Failure::usage(what));
    }
    let wire = if *legacy { "hpke-http/1.x" } else { "hpke-http/3" };
    if *json {
        let value = serde_json::json!({ "id": *id, "key": *key, "tenant": tenant, "wire": wire });
        output::json(&value)?;
    } else {
        let entry = format!(
            "[[psk]]\nid = \"{}\"\nkey = \"{}\"\ntenant = \"{tenant}\"\nwire = \"{wire}\"\n",
            *id, *key
        );
        output::print(Zeroizing::new(entry))?;
    }
    Ok(Exit::Ok)
}
