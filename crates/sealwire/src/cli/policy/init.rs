//! `sealwire policy init`: trust on first use, after a person has looked.

use crate::cli::{
    exit::{Exit, Failure, Outcome},
    files::{self, Access},
    names, output, proof,
    source::{Shown, Source},
    terminal,
    values::Url,
};
use clap::Args as ClapArgs;
use sealwire_attest::{Policy, key_document::operator::OperatorStatement};
use serde_json::json;
use std::{
    io::Write,
    path::{Path, PathBuf},
};
use termtree::Tree;

/// Write a policy that accepts exactly what a gateway shows now
///
/// Fetches the gateway's key document with fresh evidence, verifies it, shows what it is, and asks. The policy that is
/// written names the measurements, the firmware level, and the operator's key, or the configuration's digest where
/// there is no operator's statement. It proves that the service has not changed since, and no more: compare the
/// measurement with that of a build of your own before you rely on it.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  sealwire policy init https://gateway.example --output policy.toml
  sealwire policy init http://127.0.0.1:8443 --yes --output -    # no question, to standard output

Exit codes: 0 written · 1 failure, or not confirmed · 2 usage · 10, 20, 40 not genuine, as of sealwire verify")]
pub(crate) struct Args {
    /// The gateway
    url: Url,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
    /// File for the policy, `-` for standard output; an existing file is never overwritten
    #[arg(long, short, value_name = "FILE", default_value = "policy.toml")]
    output: PathBuf,
    #[command(flatten)]
    source: Source,
    /// Print JSON about what was written: file, url, development, operator
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(args: &Args) -> Outcome {
    let to_stdout = args.output == Path::new("-");
    if !to_stdout && args.output.exists() {
        return Err(files::exists(&args.output));
    }
    if to_stdout && args.json {
        return Err(Failure::usage("--json needs a file for the policy").next("add --output policy.toml"));
    }
    let shown = Shown::fetch(&args.url, &args.source, true).await?;
    let verified = shown.require_genuine()?;
    let document = shown.document();
    let key = document.operator.as_ref().map(|statement| operator_key(statement, &shown)).transpose()?;
    let text = Policy::exactly(verified, Some(&document.config_digest), key.as_ref());

    write!(std::io::stderr(), "{}", summary(&shown, key.as_ref()))?;
    terminal::confirm("Accept exactly this from now on?", args.yes)?;
    if to_stdout {
        output::print(&text)?;
        return Ok(Exit::Ok);
    }
    files::create(&args.output, text.as_bytes(), Access::Public)?;
    let file = args.output.display();
    let development = verified.get().development;
    if args.json {
        output::json(&json!({
            "file": args.output,
            "url": args.url.to_string(),
            "development": development,
            "operator": key.as_ref().map(names::operator_key),
        }))?;
    } else {
        let mut next = format!("{} {file}\n", output::good("wrote"));
        let asked = shown.authority()?;
        let named = match document.authorities.first() {
            Some(served) if !document.authorities.contains(&asked) => {
                next.push_str(&format!(
                    "\n{asked} is not a name that is served; requests have to carry one that is\n"
                ));
                format!(" --authority {served}")
            }
            _ => String::new(),
        };
        next.push_str(&format!(
            "\nNext: sealwire connect --to {}{named} --policy {file}{} --listen 127.0.0.1:8080",
            args.url, shown.flags,
        ));
        if let Some(notice) = shown.development_notice() {
            next = format!("{next}\n{notice}");
        }
        output::print(next)?;
    }
    Ok(Exit::Ok)
}

/// The key behind a statement that says what the document and the evidence say. A policy that pins a key whose
/// statement does not hold would accept nobody.
fn operator_key(statement: &OperatorStatement, shown: &Shown) -> Result<[u8; 32], Failure> {
    let document = shown.document();
    let claims = shown.require_genuine()?.get();
    let mut authorities = document.authorities.clone();
    authorities.sort_unstable();
    let holds = statement.verify().is_ok()
        && statement.authorities == authorities
        && statement.config_digest == document.config_digest
        && claims.measurement().as_ref() == Some(&statement.measurement);
    if holds {
        Ok(statement.key)
    } else {
        Err(Failure::from(anyhow::anyhow!(
            "the operator's statement does not hold for what {} shows",
            shown.at
        ))
        .next(format!("sealwire keys operator sign --from {}{} makes a new one", shown.at, shown.flags)))
    }
}

fn summary(shown: &Shown, key: Option<&[u8; 32]>) -> Tree<String> {
    let document = shown.document();
    let claims = shown.verified().ok().map(|verified| verified.get());
    let operator = match key {
        Some(key) => output::field("operator key", names::operator_key(key)),
        None => output::leaf(output::warn(
            "no operator's statement: this exact configuration is accepted, and no other",
        )),
    };
    output::node(
        output::strong(format!("{} shows", shown.at)),
        [
            output::field("authorities", document.authorities.join(", ")),
            output::field("config digest", names::config_digest(&document.config_digest)),
            operator,
            proof::evidence(
                format!("{} evidence, made just now over our challenge", shown.published.evidence.lead.kind),
                shown.checks(),
                claims,
            ),
        ],
    )
}
