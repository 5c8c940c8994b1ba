//! `sealwire verify`: the command of AT-80 and AT-81.

use super::{
    exit::{Exit, Failure, Outcome},
    files, output, policy, proof,
    revocation::Revocation,
    source, values,
};
use anyhow::Context;
use clap::Args as ClapArgs;
use sealwire_attest::{
    Endorsements, Error, Evidence, Kind, Policy, UnixTime, Verdict, Verifier, verdict::judge,
    verify::Expected,
};
use std::{
    fs,
    path::{Path, PathBuf},
};
use termtree::Tree;

/// Verify a piece of evidence from a file
///
/// Checks format, certificate chain, validity, revocation, signature, firmware level, attributes and binding, then the
/// policy. Without --policy: no debugging, any measurement, any operator, CRLs where there are some. The vendor's root
/// certificates are built in; everything else comes from --endorsements.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  sealwire verify --evidence report.bin --endorsements vcek.der --endorsements chain.pem
  sealwire verify --evidence report.hex --endorsements certs/ --policy policy.toml \\
      --at 2026-11-20T06:00:00Z --json

Exit codes:
   0  accepted
   2  usage
  10  malformed
  20  not genuine: chain, signature, revoked, expired, binding
  30  genuine, refused by the policy: debug, TCB level, attributes, measurements, age
  40  an endorsement that the policy requires is missing

--json prints {\"verdict\",\"exit\",\"kind\",\"reasons\":[…],\"claims\":{…},\"checks\":{…}};
a reason is {\"code\",\"rule\",\"expected\",\"found\"}.")]
pub(crate) struct Args {
    /// The evidence: raw bytes, or hex or base64 text of them, told apart by content
    #[arg(long, value_name = "FILE")]
    evidence: PathBuf,
    /// Kind of evidence (snp, development); told from the bytes unless given
    #[arg(long, value_name = "KIND", value_parser = values::kind)]
    kind: Option<Kind>,
    /// Certificates or CRLs (DER or PEM), or a folder of them; repeatable
    #[arg(long = "endorsements", value_name = "FILE|DIR")]
    endorsements: Vec<PathBuf>,
    /// Judge by this policy
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    #[command(flatten)]
    revocation: Revocation,
    #[command(flatten)]
    source: source::Source,
    /// What the report data has to be: 64 bytes, 128 hex digits
    #[arg(long, value_name = "HEX", value_parser = values::hex_array::<64>)]
    report_data: Option<[u8; 64]>,
    /// Verify as of this time instead of now, for example 2026-11-20T06:00:00Z
    #[arg(long, value_name = "RFC3339", value_parser = values::time)]
    at: Option<UnixTime>,
    /// Print the verdict as JSON
    #[arg(long)]
    json: bool,
}

/// The exit code of a verdict for want of an endorsement (AT-81).
const MISSING: u8 = 40;

pub(crate) async fn run(args: &Args) -> Outcome {
    let mut policy = args.policy.as_deref().map(policy::load).transpose()?;
    if args.revocation.is_given() {
        let asked = policy.unwrap_or_else(Policy::without_policy);
        policy = Some(args.revocation.apply(asked, &args.source).await?);
    }
    let bytes = files::read(&args.evidence)?;
    let verifier = Verifier::new(policy.as_ref().map(Policy::trust).unwrap_or_default());
    let expected = args.report_data.as_ref().map_or(Expected::Unbound, |data| Expected::ReportData(data));
    let at = args.at.unwrap_or_else(source::now);

    let mut endorsements = Endorsements::default();
    let added = args.endorsements.iter().try_for_each(|path| add(&mut endorsements, path));
    let evidence = match added {
        Ok(()) => Evidence::detect(&bytes, args.kind),
        // Nothing can be said of evidence without reading what is to vouch for it.
        Err(Unusable::Malformed(error)) => Err(error),
        Err(Unusable::Unreadable(failure)) => return Err(failure),
    };
    let verdict = judge(&verifier, evidence.clone(), &endorsements, policy.as_ref(), expected, at);
    if args.json {
        output::json(&verdict)?;
    } else {
        let verified = evidence.and_then(|evidence| verifier.verify(&evidence, &endorsements, expected, at));
        let claims = verified.as_ref().ok().map(|verified| verified.get());
        let title = format!("{} {}, at {at}", args.evidence.display(), verdict.kind);
        let tree = proof::evidence(title, &verdict.checks, claims);
        output::print(tree.to_string())?;
        output::print(conclusion(&verdict, args).to_string())?;
    }
    Ok(Exit::Verdict(verdict.exit))
}

fn conclusion(verdict: &Verdict, args: &Args) -> Tree<String> {
    if verdict.exit == 0 {
        // What was not asked was not answered.
        let unbound = args.report_data.is_none().then_some("not bound to anything: no --report-data");
        let unjudged = args.policy.is_none().then_some("any measurement and any operator: no --policy");
        return output::node(
            output::good("accepted"),
            unbound.into_iter().chain(unjudged).map(|line| output::leaf(output::warn(line))),
        );
    }
    let mut told = proof::reasons(output::bad(verdict.verdict), &verdict.reasons);
    if verdict.exit == MISSING {
        told.push(output::leaf(
            "next: the certificate of the chip (VCEK) or of its owner (VLEK), the ASK above it, or the CRL is not there; \
             AMD's Key Distribution Service (KDS) publishes them: bring them with --endorsements FILE",
        ));
    }
    told
}

/// Why endorsements were not added.
enum Unusable {
    /// exit 2
    Unreadable(Failure),
    /// a verdict of its own: exit 10
    Malformed(Error),
}

impl From<Failure> for Unusable {
    fn from(failure: Failure) -> Self {
        Self::Unreadable(failure)
    }
}

/// Adds a file, or the files of a folder.
fn add(endorsements: &mut Endorsements, path: &Path) -> Result<(), Unusable> {
    if !path.is_dir() {
        return endorsements.add(&files::read(path)?).map_err(Unusable::Malformed);
    }
    for file in files_of(path)? {
        let bytes = files::read(&file)?;
        // Evidence and notes may lie beside them; a certificate that is damaged is not passed over.
        if looks_like_endorsement(&bytes) {
            endorsements.add(&bytes).map_err(Unusable::Malformed)?;
        } else {
            tracing::warn!(file = %file.display(), "neither a certificate nor a CRL; left out");
        }
    }
    Ok(())
}

fn files_of(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let list = || -> std::io::Result<Vec<PathBuf>> {
        let entries = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
        Ok(entries.into_iter().map(|entry| entry.path()).filter(|path| path.is_file()).collect())
    };
    let mut files = list()
        .with_context(|| format!("cannot read {}", folder.display()))
        .map_err(|error| Failure::from(error).exit(Exit::Usage))?;
    files.sort();
    Ok(files)
}

/// A SEQUENCE of two length bytes in DER, or PEM.
fn looks_like_endorsement(bytes: &[u8]) -> bool {
    const BEGIN: &[u8] = b"-----BEGIN ";
    bytes.starts_with(&[0x30, 0x82]) || bytes.windows(BEGIN.len()).any(|window| window == BEGIN)
}
