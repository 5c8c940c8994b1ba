//! `sealwire attest revoke`: the operator's revocation list (AT-25).

use crate::cli::{
    exit::{Exit, Failure, OrNext, Outcome},
    files, names, output, source, values,
};
use anyhow::{Context, anyhow};
use clap::Args as ClapArgs;
use sealwire_attest::{
    key_document::operator::signing_key_from_pem,
    revocation::{RevocationList, SignedList},
};
use serde_json::{Value, json};
use std::{path::PathBuf, time::Duration};
use zeroize::Zeroizing;

/// Make, update and show a revocation list
///
/// A list names what must not be accepted any more: measurements, hardware, key documents, keys. Clients whose policy
/// pins your key (revocation-keys), or that were started with --revocation-key, take a list only if you signed it, and
/// only with a higher serial than the last; they cut off at once what it names. Past its next update a list refuses
/// everything, so sign a new one in time: the same command without additions does.
///
/// Without --key nothing is written, and the list is shown.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  sealwire attest revoke --key operator-key.pem --list list.cbor --next-update 24h
  sealwire attest revoke --key operator-key.pem --list list.cbor --measurement 9b21…
  sealwire attest revoke --list list.cbor
  sealwire connect … --revocation-list https://operator.example/list.cbor")]
pub(crate) struct Args {
    /// The list. It is made if there is none, else replaced by one with the next serial
    #[arg(long, value_name = "FILE")]
    list: PathBuf,
    /// The operator's private key (PKCS#8 PEM; `sealwire keys operator generate` makes one)
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// The value of a measurement register, whichever it is; repeatable
    #[arg(long = "measurement", value_name = "HEX", value_parser = value, requires = "key")]
    measurements: Vec<Vec<u8>>,
    /// The id of hardware (chip id, PPID, …); repeatable
    #[arg(long = "chip-id", value_name = "HEX", value_parser = value, requires = "key")]
    chip_ids: Vec<Vec<u8>>,
    /// SHA-384 of a key document, as `sealwire inspect` shows it; repeatable
    #[arg(long = "document", value_name = "DIGEST", value_parser = values::config_digest, requires = "key")]
    documents: Vec<[u8; 48]>,
    /// A key: ed25519:… of an operator, or sha256:… of a certificate; repeatable
    #[arg(long = "revoked-key", value_name = "KEY", value_parser = revoked_key, requires = "key")]
    keys: Vec<[u8; 32]>,
    /// Take these off the list instead
    #[arg(long, requires = "key")]
    remove: bool,
    /// How long the list is good for, such as 24h or 7d
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = values::duration)]
    next_update: Duration,
    /// Print JSON: file, serial, issued-at, next-update, signer, signature-valid, measurements, chip-ids, documents, keys
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Outcome {
    let signed = match &args.key {
        Some(key) => sign(args, key)?,
        None => read(&args.list)?
            .ok_or_else(|| anyhow!("there is no {}", args.list.display()))
            .or_usage()
            .or_next("--key makes one")?,
    };
    let signer = *signed.key();
    let list = signed.unverified().clone();
    let genuine = signed.verify(&[signer]).is_ok();
    if args.json {
        output::json(&describe(args, &list, &signer, genuine))?;
    } else {
        output::print(tree(args, &list, &signer, genuine))?;
    }
    Ok(if genuine { Exit::Ok } else { Exit::Verdict(20) })
}

/// Writes the list once more, changed as the arguments say, under the next serial.
fn sign(args: &Args, key: &std::path::Path) -> Result<SignedList, Failure> {
    let text = Zeroizing::new(files::read_text(key)?);
    let key = signing_key_from_pem(&text)
        .with_context(|| format!("{} is not an operator's private key", key.display()))
        .or_usage()
        .or_next("sealwire keys operator generate --output operator-key.pem makes one")?;
    let now = source::now();
    let end = now.saturating_add(args.next_update);
    let mut list = match read(&args.list)? {
        None => RevocationList::empty(1, now, end),
        Some(last) => {
            // Somebody else's entries are not signed blindly.
            let last = last
                .verify(&[key.public_key()])
                .with_context(|| format!("{} is not a list that this key has signed", args.list.display()));
            let last = last.or_usage()?.get().clone();
            let serial = last.serial.checked_add(1).context("there is no next serial")?;
            RevocationList { serial, issued_at: now, next_update: end, ..last }
        }
    };
    if args.remove {
        list.measurements.retain(|value| !args.measurements.contains(value));
        list.hardware_ids.retain(|value| !args.chip_ids.contains(value));
        list.documents.retain(|value| !args.documents.contains(value));
        list.keys.retain(|value| !args.keys.contains(value));
    } else {
        list.measurements.extend(args.measurements.iter().cloned());
        list.hardware_ids.extend(args.chip_ids.iter().cloned());
        list.documents.extend(&args.documents);
        list.keys.extend(&args.keys);
    }
    let bytes = list.sign(&key).or_usage()?;
    files::replace(&args.list, &bytes)?;
    Ok(SignedList::decode(&bytes)?)
}

fn read(path: &std::path::Path) -> Result<Option<SignedList>, Failure> {
    if !path.exists() {
        return Ok(None);
    }
    let list = SignedList::decode(&files::read(path)?);
    list.with_context(|| path.display().to_string()).or_usage().map(Some)
}

fn describe(args: &Args, list: &RevocationList, signer: &[u8; 32], genuine: bool) -> Value {
    json!({
        "file": args.list,
        "serial": list.serial,
        "issued-at": list.issued_at.to_string(),
        "next-update": list.next_update.to_string(),
        "signer": names::operator_key(signer),
        "signature-valid": genuine,
        "measurements": list.measurements.iter().map(hex::encode).collect::<Vec<_>>(),
        "chip-ids": list.hardware_ids.iter().map(hex::encode).collect::<Vec<_>>(),
        "documents": list.documents.iter().map(names::config_digest).collect::<Vec<_>>(),
        "keys": list.keys.iter().map(hex::encode).collect::<Vec<_>>(),
    })
}

fn tree(args: &Args, list: &RevocationList, signer: &[u8; 32], genuine: bool) -> String {
    let signature =
        if genuine { output::good("verifies") } else { output::bad("the signature does not verify") };
    let next_update = if source::now() > list.next_update {
        output::bad(format!("{}: it refuses everything now", list.next_update))
    } else {
        list.next_update.to_string()
    };
    let mut lines = vec![
        output::field("serial", list.serial),
        output::field("issued at", list.issued_at),
        output::field("next update", next_update),
        output::field("signed by", names::operator_key(signer)),
        output::field("signature", signature),
    ];
    let mut section = |title: &str, values: Vec<String>| {
        if !values.is_empty() {
            lines.push(output::node(title, values.into_iter().map(output::leaf)));
        }
    };
    section("measurements", list.measurements.iter().map(hex::encode).collect());
    section("hardware", list.hardware_ids.iter().map(hex::encode).collect());
    section("key documents", list.documents.iter().map(names::config_digest).collect());
    section("keys", list.keys.iter().map(hex::encode).collect());
    output::node(output::strong(format!("revocation list {}", args.list.display())), lines).to_string()
}

/// A register or an id.
fn value(text: &str) -> Result<Vec<u8>, String> {
    let value = values::hex_bytes(text)?;
    let longest = sealwire_attest::revocation::MAX_VALUE;
    if (1..=longest).contains(&value.len()) { Ok(value) } else { Err(format!("1 to {longest} bytes in hex")) }
}

fn revoked_key(text: &str) -> Result<[u8; 32], String> {
    match text.strip_prefix("sha256:") {
        Some(fingerprint) => values::hex_array(fingerprint),
        None => values::ed25519_key(text),
    }
}
