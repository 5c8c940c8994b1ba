//! `sealwire envelope capability inspect`

use crate::cli::{
    envelope::input::data,
    exit::{Exit, Outcome},
    output,
};
use clap::Args as ClapArgs;
use sealwire_envelope::capability::{Scope, field_digest, parse_field};
use std::path::PathBuf;

/// Show what a chain says, without verifying it
#[derive(Debug, ClapArgs)]
#[command(after_help = "Example:\n  sealwire envelope capability inspect < chain.json")]
pub(super) struct Args {
    /// File of the chain [default: standard input]
    #[arg(long, value_name = "FILE")]
    chain_file: Option<PathBuf>,
}

pub(super) fn run(args: &Args) -> Outcome {
    let bytes = data(args.chain_file.as_deref())?;
    let value = bytes.trim_ascii();
    let tokens = parse_field(value)?;
    let nodes = tokens.iter().map(|token| {
        output::node(
            format!("{} → {}", token.issuer, token.subject),
            [
                output::field("id", &token.id),
                output::field("from, until", format!("{}, {}", token.issued_at, token.expires_at)),
                output::field("scopes", token.scopes.iter().map(shown).collect::<Vec<_>>().join("; ")),
                output::field("may be handed on", number(token.max_delegations)),
            ],
        )
    });
    output::print(output::node("chain, not verified", nodes).to_string())?;
    output::print(format!("{} {}", output::dim("a request names it as"), field_digest(value)))?;
    Ok(Exit::Ok)
}

fn shown(scope: &Scope) -> String {
    let methods = scope.methods.as_ref().map_or_else(|| "any method".to_owned(), |methods| methods.join(","));
    format!("{methods} {}", scope.path_glob)
}

fn number(max: Option<u64>) -> String {
    max.map_or_else(|| "as the verifier says".to_owned(), |max| format!("{max} times"))
}
