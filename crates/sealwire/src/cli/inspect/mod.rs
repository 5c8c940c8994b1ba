//! `sealwire inspect`: what a gateway proves, as a tree (AT-43).

mod session;

use super::{
    exit::{Exit, Failure, Outcome},
    keys::live_keys,
    names, output,
    output::{bad, dim, field, good, leaf, node, strong, warn},
    own, policy, proof,
    revocation::Revocation,
    source::{Shown, Source},
    values::{self, Url},
};
use clap::Args as ClapArgs;
use sealwire_attest::{
    Policy, Verifier,
    key_document::{Acceptance, Age, Seen, Wanted, accept},
    verdict::Denial,
};
use sealwire_client::Settings;
use sealwire_crypto::digest::sha384;
use serde_json::{Value, json};
use std::path::PathBuf;
use termtree::Tree;

/// Show what a gateway proves, and check every step of it
///
/// Fetches the gateway's key document and draws the chain of reasons: the document, the evidence over it, the key that
/// signed the evidence, the certificates above, the root. Every check is shown with its outcome. Without --policy
/// nothing is accepted: you see what is genuine, not whether you should trust it. With --session it makes a session too,
/// shows what was negotiated, and closes it again.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  sealwire inspect https://gateway.example
  sealwire inspect https://gateway.example --policy policy.toml --challenge
  sealwire inspect https://gateway.example --policy policy.toml --session --resume

Exit codes: 0 genuine (with --policy: accepted) · 1 failure · 2 usage
            10 malformed · 20 not genuine · 30 refused by the policy · 40 an endorsement is missing")]
pub(crate) struct Args {
    /// The gateway
    url: Url,
    /// Judge it by this policy
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Have the gateway make fresh evidence over a random challenge, so that its age is known
    #[arg(long)]
    challenge: bool,
    /// The name that the gateway has to serve; that of the URL unless given
    #[arg(long, value_name = "NAME", value_parser = values::authority, requires = "policy")]
    authority: Option<String>,
    /// Make a session, show its parameters, and close it. Nothing is sent to the application
    #[arg(long, requires = "policy")]
    session: bool,
    /// Make a second session with the ticket of the first
    #[arg(long, requires = "session")]
    resume: bool,
    #[command(flatten)]
    own: own::Args,
    #[command(flatten)]
    revocation: Revocation,
    #[command(flatten)]
    source: Source,
    /// Print JSON: url, fetched-at, document, evidence, genuine, development, age, checks, claims, reasons, policy, session
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(args: Args) -> Outcome {
    // A policy that does not load is told before anything is fetched.
    let policy = match args.policy.as_deref().map(policy::load).transpose()? {
        Some(policy) => Some(args.revocation.apply(policy, &args.source).await?),
        None if args.revocation.is_given() => {
            return Err(Failure::usage("--revocation-list goes with --policy"));
        }
        None => None,
    };
    if args.own.attest.is_some() && !args.session {
        return Err(Failure::usage(
            "--attest goes with --session: a caller attests itself in a session alone",
        ));
    }
    let shown = Shown::fetch(&args.url, &args.source, args.challenge).await?;
    let judged =
        policy.as_ref().map(|policy| judge(&shown, policy, args.authority.as_deref())).transpose()?;
    // What is refused gets no session.
    let session = match &judged {
        Some(Ok(_)) if args.session => {
            Some(Box::pin(session::Made::make(args.client().await?, args.resume)).await?)
        }
        _ => None,
    };
    if args.json {
        output::json(&as_json(&shown, judged.as_ref(), session.as_ref()))?;
    } else {
        output::print(tree(&shown, judged.as_ref(), session.as_ref()).to_string())?;
    }
    Ok(match (shown.verified(), &judged) {
        (Err(error), _) => Exit::Verdict(error.exit()),
        (Ok(_), Some(Err(_))) => Exit::Refused,
        (Ok(_), _) => Exit::Ok,
    })
}

impl Args {
    /// How a client of the same policy would go about it.
    async fn client(&self) -> Result<Settings, Failure> {
        let policy = self.policy.as_deref().map(policy::load).transpose()?;
        let policy = policy.ok_or_else(|| Failure::usage("--session goes with --policy"))?;
        let (policy, revocation) = self.revocation.follow(policy)?;
        Ok(Settings {
            authority: self.authority.clone(),
            endorsements: self.source.endorsements.clone(),
            timeout: self.source.timeout,
            tls_roots: self.source.roots.read()?,
            revocation,
            attester: self.own.open().await?,
            ..Settings::new(self.url.0.clone(), policy)
        })
    }
}

type Judged = Result<Acceptance, Denial>;

fn judge(shown: &Shown, policy: &Policy, authority: Option<&str>) -> Result<Judged, Failure> {
    let authority = match authority {
        Some(name) => name.to_owned(),
        None => shown.authority()?,
    };
    let verifier = Verifier::new(policy.trust());
    Ok(accept(
        &shown.published,
        &verifier,
        policy,
        Wanted::Gateway(&authority),
        &shown.challenge,
        Seen::default(),
        shown.fetched,
    ))
}

fn tree(shown: &Shown, judged: Option<&Judged>, session: Option<&session::Made>) -> Tree<String> {
    let parts = [document(shown), verdict(shown, judged)].into_iter();
    node(strong(shown.at.to_string()), parts.chain(session.map(session::Made::tree)))
}

fn document(shown: &Shown) -> Tree<String> {
    let document = shown.document();
    let keys = live_keys(document).into_iter().map(|key| {
        leaf(format!("{} {} {}", strong(&key.id), key.algorithms(), dim(format!("until {}", key.not_after))))
    });
    let wires = document.wires.iter().map(|wire| match document.limits.get(wire) {
        Some(limit) => format!("{wire} {}", dim(format!("(requests up to {limit} bytes)"))),
        None => wire.clone(),
    });
    let title = format!(
        "{} serial {} of instance {}",
        strong("key document"),
        document.serial,
        hex::encode(document.instance)
    );
    node(
        title,
        [
            field("issued at", document.issued_at),
            field("not after", document.not_after),
            field("age", age(shown)),
            field("authorities", document.authorities.join(", ")),
            field("wires", wires.collect::<Vec<_>>().join(", ")),
            node("keys", keys),
            field("config digest", names::config_digest(&document.config_digest)),
            field("document digest", document_digest(shown)),
            operator(shown),
            proof::evidence(
                format!(
                    "{} {}, {} bytes, over exactly this document{}",
                    strong("evidence"),
                    shown.published.evidence.lead.kind,
                    shown.published.evidence.lead.bytes.len(),
                    if shown.challenge.is_empty() { "" } else { " and our challenge" },
                ),
                shown.checks(),
                shown.verified().ok().map(|verified| verified.get()),
            ),
        ],
    )
}

/// What a revocation list names a document by (AT-25).
fn document_digest(shown: &Shown) -> String {
    names::config_digest(&sha384(&[&shown.published.document]))
}

/// AT-41: evidence carries no time, so without a challenge the document's age is its own word.
fn age(shown: &Shown) -> String {
    match age_of(shown) {
        Age::Challenged => good("challenged: the evidence was made after we asked"),
        Age::SelfAsserted(age) => {
            format!("{} s, self-asserted {}", age.as_secs(), dim("(--challenge has fresh evidence made)"))
        }
    }
}

fn age_of(shown: &Shown) -> Age {
    if shown.challenge.is_empty() {
        Age::SelfAsserted(shown.fetched.since(shown.document().issued_at))
    } else {
        Age::Challenged
    }
}

/// AT-44
fn operator(shown: &Shown) -> Tree<String> {
    match &shown.document().operator {
        None => {
            field("operator", dim("no statement: only the configuration digest says where plaintext goes"))
        }
        Some(statement) => {
            let signature = match statement.verify() {
                Ok(()) => good("signature verifies"),
                Err(error) => bad(error.to_string()),
            };
            field("operator", format!("{} {signature}", names::operator_key(&statement.key)))
        }
    }
}

fn verdict(shown: &Shown, judged: Option<&Judged>) -> Tree<String> {
    match (shown.verified(), judged) {
        (Err(error), _) => node(bad("NOT GENUINE"), [leaf(error.to_string())]),
        (Ok(_), None) => node(
            warn("verified, and accepted by nobody: no policy was given"),
            [leaf(format!(
                "sealwire policy init {}{} writes one that accepts exactly this",
                shown.at, shown.flags
            ))],
        ),
        (Ok(_), Some(Err(denial))) => proof::reasons(bad("REFUSED by the policy"), &denial.reasons),
        (Ok(_), Some(Ok(acceptance))) => {
            let mut lines = vec![field("operator", proof::ground(acceptance.operator))];
            if acceptance.claims.get().development {
                lines.push(leaf(warn("the policy accepts this DEVELOPMENT root; no hardware is proven")));
            }
            node(good("ACCEPTED by the policy"), lines)
        }
    }
}

fn as_json(shown: &Shown, judged: Option<&Judged>, session: Option<&session::Made>) -> Value {
    let published = shown.published.to_json_for_people();
    let mut document = published.get("document").cloned().unwrap_or_default();
    if let Some(fields) = document.as_object_mut() {
        fields.insert("keys".into(), json!(live_keys(shown.document())));
        let digest = names::config_digest(&shown.document().config_digest);
        fields.insert("config-digest".into(), digest.into());
        fields.insert("digest".into(), document_digest(shown).into());
    }
    let verified = shown.verified();
    let age = match age_of(shown) {
        age @ Age::Challenged => json!({ "kind": age.name() }),
        age @ Age::SelfAsserted(seconds) => json!({ "kind": age.name(), "seconds": seconds.as_secs() }),
    };
    let claims = verified.ok().map(|verified| verified.get());
    let reason = |error| sealwire_attest::verdict::Reason::of(error, &shown.published.endorsements);
    let reasons: Vec<_> = verified.err().map(reason).into_iter().collect();
    json!({
        "url": shown.at.to_string(),
        "fetched-at": shown.fetched.to_string(),
        "document": document,
        "evidence": published.get("evidence"),
        "age": age,
        "genuine": verified.is_ok(),
        "development": claims.map(|claims| claims.development),
        "checks": shown.checks(),
        "claims": claims.map(sealwire_attest::Claims::to_json),
        "reasons": reasons,
        "policy": judged.map(|judged| match judged {
            Ok(acceptance) => json!({ "verdict": "accepted", "operator": proof::ground_name(acceptance.operator), "reasons": [] }),
            Err(denial) => json!({ "verdict": "refused", "operator": null, "reasons": denial.reasons }),
        }),
        "session": session.map(session::Made::json),
    })
}
