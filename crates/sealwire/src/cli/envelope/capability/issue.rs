//! `sealwire envelope capability issue` and `delegate`

use super::scope::scope;
use crate::cli::{
    envelope::input::{Signing, data, now_ms},
    exit::{Exit, OrNext, Outcome},
    output,
};
use clap::Args as ClapArgs;
use sealwire_crypto::random::OsRandom;
use sealwire_envelope::{
    capability::{self, Delegation, Grant, Scope, field, parse_field},
    key::Use,
};
use std::path::PathBuf;

/// What both have in common.
#[derive(Debug, ClapArgs)]
struct Common {
    #[command(flatten)]
    signing: Signing,
    /// Who permits: your own name
    #[arg(long, value_name = "NAME")]
    issuer: String,
    /// Who is permitted
    #[arg(long, value_name = "NAME")]
    subject: String,
    /// What: a glob over paths, or methods and a glob, 'GET,POST /api/**'; once for each
    #[arg(long = "scope", value_name = "SCOPE", value_parser = scope, required = true)]
    scopes: Vec<Scope>,
    /// For how long, in milliseconds; 24 hours at most
    #[arg(long, value_name = "MS", default_value_t = 3_600_000)]
    ttl: u64,
}

/// Make the first token of a chain
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example:
  sealwire envelope capability issue --private-key-file root.json --issuer root --subject worker \\
      --scope 'GET /api/**' --audience svc")]
pub(super) struct Issue {
    #[command(flatten)]
    common: Common,
    /// The one service that it is for
    #[arg(long, value_name = "NAME")]
    audience: String,
    /// How many tokens may follow
    #[arg(long, value_name = "N", default_value_t = 0)]
    max_delegations: u64,
}

/// Hand a chain on
///
/// Reads a chain of which you are the last subject, and prints the chain with one token more.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example:
  sealwire envelope capability delegate --private-key-file worker.json --issuer worker --subject helper \\
      --scope 'GET /api/read' < chain.json")]
pub(super) struct Delegate {
    #[command(flatten)]
    common: Common,
    /// File of the chain [default: standard input]
    #[arg(long, value_name = "FILE")]
    chain_file: Option<PathBuf>,
    /// How many tokens may follow [default: one less than before]
    #[arg(long, value_name = "N")]
    max_delegations: Option<u64>,
}

pub(super) fn issue(args: &Issue) -> Outcome {
    let common = &args.common;
    let signer = common.signing.signer(&common.issuer, None, Use::Capability)?;
    let grant = Grant {
        subject: common.subject.clone(),
        scopes: common.scopes.clone(),
        ttl_ms: common.ttl,
        max_delegations: args.max_delegations,
        audience: args.audience.clone(),
    };
    let token = capability::issue(&signer, grant, now(), &OsRandom).or_usage()?;
    output::print(field(&[token]))?;
    Ok(Exit::Ok)
}

pub(super) fn delegate(args: &Delegate) -> Outcome {
    let common = &args.common;
    let mut chain = parse_field(data(args.chain_file.as_deref())?.trim_ascii())?;
    let signer = common.signing.signer(&common.issuer, None, Use::Capability)?;
    let delegation = Delegation {
        subject: common.subject.clone(),
        scopes: common.scopes.clone(),
        ttl_ms: common.ttl,
        max_delegations: args.max_delegations,
    };
    let token = capability::delegate(&signer, &chain, delegation, now(), &OsRandom)?;
    chain.push(token);
    output::print(field(&chain))?;
    Ok(Exit::Ok)
}

fn now() -> u64 {
    u64::try_from(now_ms()).unwrap_or_default()
}
