//! Where the CA is.

use super::state::State;
use crate::cli::{
    exit::{Exit, Failure, OrNext, Outcome},
    files::{self, Access},
    names, output,
};
use anyhow::Context;
use clap::Args as ClapArgs;
use sealwire_attest::{
    Endorsements, Error, UnixTime,
    enrol::{self, Answer, Ca, EkRoots, Request},
};
use sealwire_crypto::random::OsRandom;
use serde_json::json;
use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Make an enrolment CA
///
/// A P-256 key, which only you may read, and a self-signed root of 20 years in a folder. Prints the fingerprint that
/// policies name in `roots`. Whoever has the key can make evidence of a TPM that does not exist.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Example:\n  sealwire attest enrol ca --state ca/")]
pub(super) struct CaArgs {
    /// Folder for the CA; made if need be
    #[arg(long, value_name = "DIR")]
    state: PathBuf,
    /// Print JSON: certificate, root
    #[arg(long)]
    json: bool,
}

/// Check a request, and make a secret for its TPM
///
/// The EK certificate must lead to a maker's root among --ek-roots, be for the endorsement key of the request, and the key
/// be of the template L-1 or L-2; the attestation key must be restricted to what its TPM makes, and fixed to that TPM.
/// CRLs among --ek-roots are obeyed.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example:
  sealwire attest enrol challenge --state ca/ --ek-roots makers/ --request request.json \\
      --output challenge.json

Exit codes: 0 made · 1 failure · 2 usage · 20 the request is not of a genuine TPM")]
pub(super) struct ChallengeArgs {
    /// Folder of the CA
    #[arg(long, value_name = "DIR")]
    state: PathBuf,
    /// Certificates of TPM makers, and their CRLs: a file, or a folder of files (DER or PEM). Self-signed ones are trusted,
    /// others may stand below them
    #[arg(long, value_name = "FILE|DIR")]
    ek_roots: PathBuf,
    /// What the TPM's machine has sent
    #[arg(long, value_name = "FILE")]
    request: PathBuf,
    /// How many hours the TPM has to answer, at most 72
    #[arg(long, value_name = "N", default_value_t = 24, value_parser = clap::value_parser!(u32).range(1..=72))]
    hours: u32,
    /// File for the challenge
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    /// Print JSON: output, id, ak-name, chain, revocation-checked, expires
    #[arg(long)]
    json: bool,
}

/// Issue the certificate, against the right answer
///
/// A challenge is used up by the first answer to it, right or wrong; a wrong one needs a new challenge. The request is
/// checked once more, as for the challenge. A key that has been certified before keeps its hardware id. The file holds the
/// certificate of the attestation key and the CA's root: what `sealwire gateway --tpm-certificate` wants.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example:
  sealwire attest enrol certify --state ca/ --ek-roots makers/ --request request.json \\
      --answer answer.json --output ak.pem

Exit codes: 0 issued · 1 failure · 2 usage · 20 the answer is not the right one")]
pub(super) struct CertifyArgs {
    /// Folder of the CA
    #[arg(long, value_name = "DIR")]
    state: PathBuf,
    /// Certificates of TPM makers, and their CRLs, as for the challenge; newer CRLs are obeyed
    #[arg(long, value_name = "FILE|DIR")]
    ek_roots: PathBuf,
    /// The request that the challenge was made for
    #[arg(long, value_name = "FILE")]
    request: PathBuf,
    /// What the TPM's machine has sent
    #[arg(long, value_name = "FILE")]
    answer: PathBuf,
    /// How many days the certificate is valid
    #[arg(long, value_name = "N", default_value_t = 365, value_parser = clap::value_parser!(u32).range(1..=7300))]
    days: u32,
    /// File for the certificate and the root
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    /// Print JSON: output, ak-name, root
    #[arg(long)]
    json: bool,
}

pub(super) fn make(args: &CaArgs) -> Outcome {
    let ca = Ca::generate(&OsRandom, now())?;
    let certificate = State::create(&args.state, &ca)?;
    let root = names::root(&ca.fingerprint());
    if args.json {
        output::json(&json!({ "certificate": certificate, "root": root }))?;
    } else {
        output::print(format!(
            "{} {} (its key beside it: only you can read it; keep it so)\nroot: {}\n\n\
             In the policy of clients, under `kind = \"tpm\"`:\n  roots = [\"{root}\"]\n\n\
             Next, where the TPM is: sealwire attest enrol request --output request.json",
            output::good("wrote"),
            certificate.display(),
            output::strong(&root),
        ))?;
    }
    Ok(Exit::Ok)
}

pub(super) fn challenge(args: &ChallengeArgs) -> Outcome {
    let state = State::open(&args.state)?;
    if args.output.exists() {
        return Err(files::exists(&args.output));
    }
    let request = Request::from_json(&files::read(&args.request)?).or_usage()?;
    let roots = EkRoots::new(&makers(&args.ek_roots)?).or_usage()?;
    let at = now();
    let endorsed = request.check(&roots, at).map_err(|error| match &error {
        enrol::Error::EkChain(Error::EndorsementMissing(_) | Error::RootNotPinned) => not_genuine(error)
            .next(
                "--ek-roots has to hold the root of the TPM's maker, and what stands between it and this TPM",
            ),
        _ => not_genuine(error),
    })?;
    let expires = at.saturating_add(Duration::from_secs(u64::from(args.hours) * 60 * 60));
    let (challenge, pending) = endorsed.challenge(&OsRandom, expires)?;
    state.remember(&pending, at)?;
    files::create(&args.output, challenge.to_json().as_bytes(), Access::Public)?;
    let name = hex::encode(endorsed.name());
    if args.json {
        output::json(&json!({
            "output": args.output,
            "id": pending.id(),
            "ak-name": name,
            "chain": endorsed.chain(),
            "revocation-checked": endorsed.without_crl().is_none(),
            "expires": expires.to_string(),
        }))?;
        return Ok(Exit::Ok);
    }
    let revocation = match endorsed.without_crl() {
        None => output::good("no certificate is on its issuer's CRL"),
        Some(issuer) => output::warn(format!("not checked: no CRL of {issuer} among --ek-roots")),
    };
    let lines = [
        output::field("EK certificate", endorsed.chain()),
        output::field("revocation", revocation),
        output::field("attestation key", &name),
        output::field("answer until", expires),
    ];
    output::print(format!(
        "{}\nNext, where the TPM is: sealwire attest enrol answer --challenge {} --output answer.json",
        output::node(format!("{} {}", output::good("wrote"), args.output.display()), lines),
        args.output.display(),
    ))?;
    Ok(Exit::Ok)
}

pub(super) fn certify(args: &CertifyArgs) -> Outcome {
    let state = State::open(&args.state)?;
    // Before the challenge is used up.
    if args.output.exists() {
        return Err(files::exists(&args.output));
    }
    let ca = state.ca()?;
    let request = Request::from_json(&files::read(&args.request)?).or_usage()?;
    let answer = Answer::from_json(&files::read_secret(&args.answer)?).or_usage()?;
    let roots = EkRoots::new(&makers(&args.ek_roots)?).or_usage()?;
    let pending = state.take(&answer)?;
    let at = now();
    let activated = pending.redeem(&request, &answer, &roots, at).map_err(|error| {
        not_genuine(error).next("the challenge is used up; make another with sealwire attest enrol challenge")
    })?;
    let id = state.first_id(activated.name(), activated.hardware_id())?;
    let activated = activated.known_as(id);
    let certificate = ca.certify(&activated, DAY * args.days, &OsRandom, at)?;
    files::create(&args.output, ca.chain_pem(&certificate)?.as_bytes(), Access::Public)?;
    let (name, root) = (hex::encode(activated.name()), names::root(&ca.fingerprint()));
    if args.json {
        output::json(&json!({ "output": args.output, "ak-name": name, "root": root }))?;
    } else {
        output::print(format!(
            "{} {}\nattestation key: {name}\nroot: {root}\n\n\
             Next, where the TPM is: sealwire gateway … --tee tpm --tpm-certificate {}",
            output::good("wrote"),
            args.output.display(),
            args.output.display(),
        ))?;
    }
    Ok(Exit::Ok)
}

/// What the operator trusts of TPM makers: one file, or every file of a folder.
fn makers(path: &Path) -> Result<Endorsements, Failure> {
    let mut files = vec![path.to_owned()];
    if path.is_dir() {
        let cannot = || format!("cannot read {}", path.display());
        let entries = fs::read_dir(path).with_context(cannot)?;
        let entries: Vec<_> = entries.collect::<Result<_, _>>().with_context(cannot)?;
        files = entries.into_iter().map(|entry| entry.path()).filter(|path| path.is_file()).collect();
        files.sort();
    }
    let mut makers = Endorsements::default();
    for file in files {
        makers.add(&files::read(&file)?).with_context(|| file.display().to_string()).or_usage()?;
    }
    Ok(makers)
}

fn not_genuine(error: enrol::Error) -> Failure {
    Failure::from(error).exit(Exit::Verdict(20))
}

fn now() -> UnixTime {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    UnixTime(since_epoch.as_secs())
}
