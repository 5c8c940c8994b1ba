//! `sealwire envelope capability verify`

use super::config::Config;
use crate::cli::{
    envelope::input::{At, data},
    exit::{Exit, Outcome},
    files, output,
};
use clap::Args as ClapArgs;
use sealwire_envelope::{
    binding::http::Binding,
    capability::{Error, field_digest},
};
use serde_json::json;
use std::path::PathBuf;

/// Verify a chain for one request
///
/// The file of root authorities is JSON: audience; rootAuthorities, by name: scopes (pathGlob, methods), maxDepth, keys (by
/// key id); delegates, by name: keys (by key id); revokedTokens; defaultBudget; allowNoAudience.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example:
  sealwire envelope capability verify --config roots.json --path /api/read --method GET --sender helper < chain.json

Exit codes: 0 valid · 1 invalid · 2 usage")]
pub(super) struct Args {
    /// Root authorities and keys, JSON
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// File of the chain [default: standard input]
    #[arg(long, value_name = "FILE")]
    chain_file: Option<PathBuf>,
    /// Path of the request, without its query
    #[arg(long)]
    path: String,
    /// Method of the request
    #[arg(long)]
    method: String,
    /// Who has signed the request
    #[arg(long, value_name = "NAME")]
    sender: String,
    #[command(flatten)]
    at: At,
    /// Print JSON: valid, reason; chain (what the request has to name), issuer, subject where valid
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Outcome {
    let verifier = Config::parse(&files::read_text(&args.config)?)?;
    let bytes = data(args.chain_file.as_deref())?;
    let value = bytes.trim_ascii();
    let now = u64::try_from(args.at.ms()).unwrap_or_default();
    let digest = field_digest(value);
    // Who asks says that the request was signed, and that it names the chain.
    let binding = Binding::Request { capability: None, chain: true };
    let bound = verifier
        .verify_field(value, now)
        .and_then(|chain| chain.bind(&args.sender, &binding))
        .and_then(|bound| bound.authorise(&args.path, &args.method).map(|()| bound));
    report(
        &bound.as_ref().map(|bound| {
            let tokens = bound.chain().tokens();
            json!({
                "valid": true,
                "chain": digest,
                "issuer": tokens.first().map(|token| &token.issuer),
                "subject": tokens.last().map(|token| &token.subject),
            })
        }),
        args.json,
    )
}

fn report(outcome: &Result<serde_json::Value, &Error>, as_json: bool) -> Outcome {
    match outcome {
        Ok(told) if as_json => output::json_line(told)?,
        Ok(_) => output::print("Chain valid")?,
        Err(error) if as_json => output::json_line(&json!({ "valid": false, "reason": error.to_string() }))?,
        Err(error) => output::print(format!("INVALID — {error}"))?,
    }
    Ok(if outcome.is_ok() { Exit::Ok } else { Exit::Failed })
}
