//! `sealwire keys operator`: a key of the operator's, and what it signs (AT-44).

use crate::cli::{
    exit::{Exit, Failure, OrNext, Outcome},
    files::{self, Access},
    names, output, proof,
    source::{Shown, Source},
    terminal,
    values::{self, Url},
};
use anyhow::Context;
use clap::{ArgGroup, Args as ClapArgs, Subcommand};
use sealwire_attest::key_document::operator::{OperatorStatement, signing_key_from_pem, signing_key_to_pem};
use sealwire_crypto::{random::OsRandom, sign::ed25519::SigningKey};
use std::{
    io::{self, Write},
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

/// Make an operator key, and sign what a gateway may serve with it
///
/// The statement that is signed says: these authorities may be served by this configuration (its digest) on this
/// measurement. Keep the private key away from the gateway's machines; the gateway only needs the statement.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example:
  sealwire keys operator generate --output operator-key.pem
  sealwire keys operator sign --key operator-key.pem --from https://gateway.example \\
      --output statement.pem
  sealwire gateway … --operator-statement statement.pem")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Generate(Generate),
    Sign(Box<Sign>),
    Show(Show),
}

/// Make an operator key
///
/// Writes an Ed25519 private key in PKCS#8 PEM that only you may read, and prints the public key as a policy names
/// it. An existing file is never overwritten.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Example:\n  sealwire keys operator generate --output operator-key.pem")]
struct Generate {
    /// File for the private key
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    /// Print JSON: file, public-key
    #[arg(long)]
    json: bool,
}

/// Sign what a gateway may serve
///
/// Either give the three things that are signed, or let a running gateway say them with --from: then they are shown
/// and you are asked, because what you sign is what clients will trust. The evidence is verified first. Without --from,
/// --config-digest, --measurement and --authority go together. The digest of a configuration is printed by
/// `sealwire gateway --config FILE --print-config-digest`.
#[derive(Debug, ClapArgs)]
#[command(
    group = ArgGroup::new("what").required(true).args(["from", "config_digest"]),
    after_help = "\
Examples:
  sealwire keys operator sign --key operator-key.pem --from https://gateway.example \\
      --output statement.pem
  sealwire keys operator sign --key operator-key.pem --authority api.example \\
      --config-digest sha384:0f3a… --measurement 9b21… --output statement.pem"
)]
struct Sign {
    /// The operator's private key (PKCS#8 PEM)
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// A name that may be served, with --config-digest; once for each
    #[arg(long = "authority", value_name = "NAME", value_parser = values::authority, requires = "config_digest")]
    authorities: Vec<String>,
    /// SHA-384 of the configuration: sha384: and 96 hex digits. Needs --measurement and --authority
    #[arg(long, value_name = "DIGEST", value_parser = values::config_digest, requires_all = ["measurement", "authorities"])]
    config_digest: Option<[u8; 48]>,
    /// The measurement register of the TEE, hex; with --config-digest
    #[arg(long, value_name = "HEX", requires = "config_digest")]
    measurement: Option<String>,
    /// Sign what this running gateway shows
    #[arg(long, value_name = "URL")]
    from: Option<Url>,
    #[command(flatten)]
    source: Source,
    /// Do not ask before signing what --from shows
    #[arg(long, requires = "from")]
    yes: bool,
    /// File for the statement
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    /// Print JSON: file, public-key, authorities, config-digest, measurement
    #[arg(long)]
    json: bool,
}

/// Show an operator key or statement
///
/// For a private key, its public key as a policy names it. For a statement, what was signed, and whether the
/// signature verifies.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Example:\n  sealwire keys operator show statement.pem")]
struct Show {
    /// A private key or a statement, PEM
    file: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(args: Args) -> Outcome {
    match args.command {
        Command::Generate(args) => generate(&args),
        Command::Sign(args) => sign(&args).await,
        Command::Show(args) => show(&args),
    }
}

fn generate(args: &Generate) -> Outcome {
    let key = SigningKey::generate(&OsRandom)?;
    let pem = signing_key_to_pem(&key)?;
    files::create(&args.output, pem.as_bytes(), Access::Secret)?;
    let public = names::operator_key(&key.public_key());
    if args.json {
        output::json(&serde_json::json!({ "file": args.output, "public-key": public }))?;
    } else {
        let file = args.output.display();
        output::print(format!(
            "{} {file} (only you can read it; keep it away from the gateway's machines)\n\
             public key: {}\n\n\
             In the policy of those who trust you:\n  operator-keys = [\"{public}\"]\n\n\
             Next: sealwire keys operator sign --key {file} --from URL --output statement.pem",
            output::good("wrote"),
            output::strong(&public),
        ))?;
    }
    Ok(Exit::Ok)
}

async fn sign(args: &Sign) -> Outcome {
    let key = private_key(&args.key)?;
    let (authorities, digest, measurement) = match (&args.from, args.config_digest) {
        (Some(from), _) => shown(from, args).await?,
        (None, Some(digest)) => {
            let text = args.measurement.as_deref().unwrap_or_default();
            let measurement = values::hex_bytes(text)
                .map_err(|error| Failure::usage(format_args!("--measurement: {error}")))?;
            (args.authorities.clone(), digest, measurement)
        }
        (None, None) => return Err(Failure::usage("neither --from nor --config-digest")),
    };
    let statement = OperatorStatement::sign(&key, &authorities, digest, &measurement).or_usage()?;
    files::create(&args.output, statement.to_pem().as_bytes(), Access::Public)?;
    if args.json {
        let mut value = describe(&statement);
        if let Some(fields) = value.as_object_mut() {
            fields.insert("file".into(), serde_json::json!(args.output));
        }
        output::json(&value)?;
    } else {
        output::print(format!("{} {}", output::good("wrote"), args.output.display()))?;
        output::print(tree(&statement))?;
        output::print(format!(
            "\nNext: sealwire gateway … --operator-statement {}\n\
             A client's policy trusts it with: operator-keys = [\"{}\"]",
            args.output.display(),
            names::operator_key(&statement.key),
        ))?;
    }
    Ok(Exit::Ok)
}

/// What a running gateway shows, after its evidence was verified and a person has looked at it.
async fn shown(from: &Url, args: &Sign) -> Result<(Vec<String>, [u8; 48], Vec<u8>), Failure> {
    let shown = Shown::fetch(from, &args.source, true).await?;
    let claims = shown.require_genuine()?.get();
    let measurement = claims
        .measurement()
        .with_context(|| format!("evidence of kind {} lacks registers that it needs", claims.kind))?;
    let document = shown.document();
    let lines = [
        output::field("authorities", document.authorities.join(", ")),
        output::field("config digest", names::config_digest(&document.config_digest)),
        output::field("measurement", hex::encode(&measurement)),
        // Whoever answers could show an enrolment CA of their own: a person compares it with theirs.
        output::node(format!("by {} evidence", claims.kind), [proof::root(claims)]),
    ];
    let mut text = output::node(format!("to be signed, as {from} shows it"), lines).to_string();
    text.extend(shown.development_notice().map(|notice| notice + "\n"));
    // Where the question goes, so that --json stays one object.
    write!(io::stderr(), "{text}")?;
    terminal::confirm("Sign this?", args.yes)?;
    Ok((document.authorities.clone(), document.config_digest, measurement))
}

fn show(args: &Show) -> Outcome {
    let text = Zeroizing::new(files::read_text(&args.file)?);
    if let Ok(key) = signing_key_from_pem(&text) {
        let public = names::operator_key(&key.public_key());
        if args.json {
            output::json(&serde_json::json!({ "type": "private-key", "public-key": public }))?;
        } else {
            output::print(format!("an operator's private key\npublic key: {}", output::strong(&public)))?;
        }
        return Ok(Exit::Ok);
    }
    let statement = OperatorStatement::from_pem(&text)
        .with_context(|| format!("{} is neither an operator key nor a statement", args.file.display()))
        .or_usage()?;
    let genuine = statement.verify();
    if args.json {
        let mut value = describe(&statement);
        if let Some(fields) = value.as_object_mut() {
            fields.insert("type".into(), "statement".into());
            fields.insert("signature-valid".into(), genuine.is_ok().into());
        }
        output::json(&value)?;
    } else {
        output::print(tree(&statement))?;
    }
    Ok(if genuine.is_ok() { Exit::Ok } else { Exit::Verdict(20) })
}

fn private_key(path: &Path) -> Result<SigningKey, Failure> {
    let text = Zeroizing::new(files::read_text(path)?);
    signing_key_from_pem(&text)
        .with_context(|| format!("{} is not an operator's private key", path.display()))
        .or_usage()
        .or_next("sealwire keys operator generate --output operator-key.pem makes one")
}

fn describe(statement: &OperatorStatement) -> serde_json::Value {
    serde_json::json!({
        "public-key": names::operator_key(&statement.key),
        "authorities": statement.authorities,
        "config-digest": names::config_digest(&statement.config_digest),
        "measurement": hex::encode(&statement.measurement),
    })
}

fn tree(statement: &OperatorStatement) -> String {
    let signature = match statement.verify() {
        Ok(()) => output::good("verifies"),
        Err(error) => output::bad(error.to_string()),
    };
    output::node(
        "operator's statement",
        [
            output::field("operator key", names::operator_key(&statement.key)),
            output::field("signature", signature),
            output::field("authorities", statement.authorities.join(", ")),
            output::field("config digest", names::config_digest(&statement.config_digest)),
            output::field("measurement", hex::encode(&statement.measurement)),
        ],
    )
    .to_string()
}
