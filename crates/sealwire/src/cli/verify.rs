//! `sealwire verify`: the command of AT-80 and AT-81.

use super::{
    exit::{Exit, Failure, Outcome},
    files, output, policy, proof,
    revocation::Revocation,
    source,
    values::{self, HexBytes},
};
use clap::Args as ClapArgs;
use sealwire_attest::{
    Endorsements, Error, Evidence, Kind, Outcome as Checked, Policy, UnixTime, Verdict, Verifier,
    verdict::judge, verify::Expected,
};
use sealwire_collateral::folder;
use std::path::{Path, PathBuf};
use termtree::Tree;

/// Verify a piece of evidence from a file
///
/// Checks format, certificate chain, validity, revocation, signature, firmware level, attributes and binding, then the
/// policy. Without --policy: firmware that the vendor calls up to date, no debugging, any measurement, any operator;
/// Intel's collateral is required, and other vendors' CRLs count where there are some. The vendors' root certificates
/// are built in; everything else comes from --endorsements.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  sealwire verify --evidence quote.bin --endorsements collateral.json
  sealwire verify --evidence report.bin --endorsements vcek.der --endorsements chain.pem
  sealwire verify --evidence report.hex --endorsements certs/ --policy policy.toml \\
      --at 2026-11-20T06:00:00Z --json

Kinds, and what their files hold:
  tdx, sgx              a quote of version 4 or 5, of version 3
  snp                   a report of version 2 to 5
  nitro                 an attestation document (COSE_Sign1)
  tpm                   a quote as `sealwire attest produce --tee tpm` writes it
  azure-snp, azure-tdx  an HCL report, or the JSON of an attestation agent
  nvidia                an SPDM 1.1 request for measurements and its answer
  development           a report under a development root, which a policy names

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
    /// The evidence: raw bytes, or hex or base64 text of them, told apart by content; `-` is standard input
    #[arg(long, value_name = "FILE")]
    evidence: PathBuf,
    /// Kind of evidence; told from the bytes unless given
    #[arg(long, value_name = "KIND", value_parser = values::kind)]
    kind: Option<Kind>,
    /// Judge by this policy
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    #[command(flatten)]
    revocation: Revocation,
    #[command(flatten)]
    source: source::Source,
    /// What the field has to be that evidence carries for its requester: report data, user data, extraData, nonce
    #[arg(long, value_name = "HEX")]
    report_data: Option<HexBytes>,
    /// An event log that has to lead to the registers of the evidence: a TPM's, or a TDX guest's (CCEL)
    #[arg(long, value_name = "FILE")]
    event_log: Option<PathBuf>,
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
    let bytes = files::read_or_stdin(&args.evidence)?;
    let verifier = Verifier::new(policy.as_ref().map(Policy::trust).unwrap_or_default());
    let expected = args.report_data.as_ref().map_or(Expected::Unbound, |data| Expected::ReportData(&data.0));
    let at = args.at.unwrap_or_else(source::now);

    let mut unusable = None;
    let (endorsements, evidence) = match endorsements(&args.source.endorsements) {
        Ok(endorsements) => (endorsements, Evidence::detect(&bytes, args.kind)),
        // Nothing can be said of evidence without reading what is to vouch for it.
        Err(Unusable::Malformed(file, error)) => {
            unusable = Some(file);
            (Endorsements::default(), Err(error))
        }
        Err(Unusable::Unreadable(failure)) => return Err(failure),
    };
    let log = args.event_log.as_deref().map(files::read).transpose()?;
    let mut verdict = judge(&verifier, evidence.clone(), &endorsements, policy.as_ref(), expected, at);
    let verified = evidence.and_then(|evidence| verifier.verify(&evidence, &endorsements, expected, at));
    let claims = verified.as_ref().ok().map(|verified| verified.get());
    if let (Some(claims), Some(log)) = (claims, &log) {
        verdict = verdict.with_event_log(claims, log);
    }
    if let Some(file) = unusable {
        name_file(&mut verdict, &file);
    }
    if args.json {
        output::json(&verdict)?;
    } else {
        let kind = if verdict.kind.is_empty() { "evidence" } else { &verdict.kind };
        let title = format!("{} {kind}, at {at}", files::shown(&args.evidence));
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
        let missing = Kind::from_name(&verdict.kind).map_or("it", missing);
        told.push(output::leaf(format!("next: {missing}; bring what is missing with --endorsements FILE")));
    }
    if verdict.reasons.iter().any(|reason| reason.rule.starts_with("default.")) {
        told.push(output::leaf(
            "`default.…` is what holds where no policy is given; next: to accept something else, say so under the same \
             name in an [[accept]] of a policy (docs/spec/attestation.md), and give it with --policy FILE",
        ));
    }
    if verdict.kind.is_empty() && verdict.reasons.iter().all(|reason| reason.code != "endorsement-malformed")
    {
        told.push(output::leaf("next: `sealwire verify --help` says what files of each kind hold"));
    }
    told
}

/// Of several files one cannot be read, and it is not that of the evidence: says which.
fn name_file(verdict: &mut Verdict, file: &Path) {
    let file = file.display();
    for reason in &mut verdict.reasons {
        reason.found = format!("{file}: {}", reason.found);
    }
    if let Checked::Failed(why) = &mut verdict.checks.format {
        *why = format!("{file}: {why}");
    }
}

/// What evidence of a kind needs, and who has it.
fn missing(kind: Kind) -> &'static str {
    match kind {
        Kind::AzureTdx => {
            "the TD quote is made by the VM's host, which an attestation agent in the VM asks for it, and goes with the \
             evidence; Intel's Provisioning Certification Service (PCS) publishes TCB info, QE identity and CRLs"
        }
        Kind::Tdx | Kind::Sgx => {
            "Intel's Provisioning Certification Service (PCS) publishes TCB info and QE identity of the platform, the CRL \
             of its PCK authority, and the root's CRL"
        }
        Kind::Snp | Kind::AzureSnp | Kind::Development => {
            "the certificate of the chip (VCEK) or of its owner (VLEK), the ASK above it, or the CRL is not there; AMD's \
             Key Distribution Service (KDS) publishes them"
        }
        Kind::Nitro => {
            "AWS publishes the CRLs that the certificates of the document name; `sealwire attest fetch --evidence FILE` has \
             them"
        }
        Kind::Tpm => {
            "the certificate of the attestation key, those above it, or the CRL is not there; the enrolment CA has them \
             (`sealwire attest enrol`)"
        }
        Kind::Nvidia => {
            "the device's chain comes from the GPU's driver; NVIDIA publishes CRLs, and reference manifests (RIM) of driver \
             and video BIOS"
        }
        _ => "something that vouches for the evidence is not there",
    }
}

/// Why endorsements were not read.
enum Unusable {
    /// exit 2
    Unreadable(Failure),
    /// a verdict of its own: exit 10
    Malformed(PathBuf, Error),
}

fn endorsements(paths: &[PathBuf]) -> Result<Endorsements, Unusable> {
    let mut endorsements = Endorsements::default();
    for path in paths {
        let loaded = folder::read(path).map_err(|failure| match failure {
            sealwire_collateral::Failure::Endorsement { path, source } => Unusable::Malformed(path, source),
            other => Unusable::Unreadable(Failure::from(anyhow::Error::new(other)).exit(Exit::Usage)),
        })?;
        for file in loaded.left_out {
            tracing::warn!(file = %file.display(), "no endorsement; left out");
        }
        let too_many = |error| Unusable::Malformed(path.clone(), error);
        endorsements.merge(&loaded.endorsements).map_err(too_many)?;
    }
    Ok(endorsements)
}
