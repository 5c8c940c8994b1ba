//! `sealwire envelope threshold split` and `join`

use crate::cli::{
    envelope::input::secret_text,
    exit::{Exit, Failure, OrNext, Outcome},
    files::{self, Access},
    output,
};
use anyhow::anyhow;
use clap::Args as ClapArgs;
use sealwire_crypto::{bls::PublicKey, random::OsRandom};
use sealwire_envelope::{
    base64url,
    shamir::{self, Share},
    threshold::SecretKey,
};
use serde_json::json;
use std::path::PathBuf;

/// Split a key among several holders
///
/// Writes a file for each share, which only you may read: OUTPUT.1, OUTPUT.2 and so on. Fewer than m of them say nothing
/// about the key.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example:
  sealwire envelope threshold split --key-file a.json --m 2 --n 3 --output share")]
pub(super) struct Split {
    /// The key: what `keygen --algorithm bls` wrote, or base64url
    #[arg(long, value_name = "FILE")]
    key_file: PathBuf,
    /// How many shares give the key back
    #[arg(long)]
    m: u8,
    /// How many shares there are
    #[arg(long)]
    n: u8,
    /// Front of the files' names; existing files are never overwritten
    #[arg(long, short, value_name = "PATH")]
    output: PathBuf,
}

/// Join shares into the key that they were made of
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example:
  sealwire envelope threshold join --m 2 --public-key qhoc… --output a.key share.1 share.3")]
pub(super) struct Join {
    /// How many shares give the key back
    #[arg(long)]
    m: u8,
    /// The public key that belongs to it: nothing else is given out
    #[arg(long, value_name = "KEY")]
    public_key: String,
    /// New file for the key, in base64url; an existing one is never overwritten
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    /// Files of the shares
    #[arg(value_name = "SHARE", required = true)]
    shares: Vec<PathBuf>,
}

pub(super) fn split(args: &Split) -> Outcome {
    let key = SecretKey::from_text(&secret_text(&args.key_file, "privateKey")?).or_usage()?;
    let shares = shamir::split(key.as_bls(), args.m, args.n, &OsRandom).or_usage()?;
    let mut written = Vec::new();
    for share in &shares {
        let mut name = args.output.clone().into_os_string();
        name.push(format!(".{}", share.index()));
        let path = PathBuf::from(name);
        files::create(&path, share.to_text().as_bytes(), Access::Secret)?;
        written.push(path);
    }
    output::json_line(
        &json!({ "publicKey": key.public_key_text(), "m": args.m, "n": args.n, "files": written }),
    )?;
    Ok(Exit::Ok)
}

pub(super) fn join(args: &Join) -> Outcome {
    let public =
        base64url::decode(&args.public_key).ok().and_then(|bytes| PublicKey::from_bytes(&bytes).ok());
    let public =
        public.ok_or_else(|| Failure::usage("--public-key is no public key of a threshold signer"))?;
    let shares = args
        .shares
        .iter()
        .map(|path| {
            let text = secret_text(path, "share")?;
            Share::from_text(&text).map_err(|error| anyhow!("{}: {error}", path.display())).or_usage()
        })
        .collect::<Result<Vec<_>, Failure>>()?;
    let key = SecretKey::from(shamir::combine(&shares, args.m, &public)?);
    files::create(&args.output, key.to_text().as_bytes(), Access::Secret)?;
    output::json_line(&json!({ "publicKey": key.public_key_text(), "file": args.output }))?;
    Ok(Exit::Ok)
}
