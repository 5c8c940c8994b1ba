//! What a running gateway shows: fetched, verified, not yet judged by any policy.

use super::{
    exit::{Exit, Failure, OrNext},
    names, output, tls,
    values::{self, Url},
};
use anyhow::Context;
use clap::Args as ClapArgs;
use http::{Uri, uri::Scheme};
use sealwire_attest::{
    Checks, Claims, Endorsements, Error, KeyDocument, Outcome, Trust, UnixTime, Verified, Verifier,
    key_document::{self, Published, authority},
};
use sealwire_client::Obstacle;
use sealwire_collateral::folder;
use sealwire_crypto::random::{self, OsRandom};
use sealwire_http::{Clock, SystemClock};
use std::{path::PathBuf, time::Duration};

/// How to fetch.
#[derive(Debug, ClapArgs)]
pub(crate) struct Source {
    #[command(flatten)]
    pub(crate) roots: tls::Roots,
    /// Seconds that connecting, and fetching, may take
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = values::seconds)]
    pub(crate) timeout: Duration,
    /// Certificates and CRLs (DER or PEM), OCSP responses (DER), Intel's collateral, TCB info or identities (JSON), NVIDIA's
    /// reference manifests (SWID tags, CoRIM), or a folder of them (`sealwire attest fetch` fills one), besides what a
    /// gateway sends along; repeatable
    #[arg(long = "endorsements", value_name = "FILE|DIR")]
    pub(crate) endorsements: Vec<PathBuf>,
}

impl Default for Source {
    fn default() -> Self {
        Self { roots: tls::Roots::default(), timeout: Duration::from_secs(10), endorsements: Vec::new() }
    }
}

impl Source {
    /// Those of `--endorsements`.
    pub(crate) fn local_endorsements(&self) -> Result<Endorsements, Failure> {
        let mut found = Endorsements::default();
        for path in &self.endorsements {
            found.merge(&folder::read(path).or_usage()?.endorsements).or_usage()?;
        }
        Ok(found)
    }
}

/// Now, as verification takes it.
pub(crate) fn now() -> UnixTime {
    UnixTime(SystemClock.unix_seconds())
}

/// A gateway's published key document, and what verification says about it.
pub(crate) struct Shown {
    pub(crate) at: Url,
    /// `--tls-root` again, for commands that are suggested
    pub(crate) flags: String,
    pub(crate) published: Published,
    /// what was sent with the request; empty where nothing was
    pub(crate) challenge: Vec<u8>,
    pub(crate) fetched: UnixTime,
    document: KeyDocument,
    verified: Result<Verified<Claims>, Error>,
    checks: Checks,
}

impl Shown {
    /// Fetches and verifies. With `challenged` the gateway has to make fresh evidence.
    pub(crate) async fn fetch(at: &Url, source: &Source, challenged: bool) -> Result<Self, Failure> {
        let challenge = if challenged { random::array::<32>(&OsRandom)?.to_vec() } else { Vec::new() };
        let sent = (!challenge.is_empty()).then_some(challenge.as_slice());
        let mut endorsements = source.local_endorsements()?;
        let mut published = sealwire_client::fetch(&at.0, sent, &source.roots.read()?, source.timeout)
            .await
            .map_err(|error| {
                let next = past(&error, &format!("see what answers there: curl {at}{}", key_document::PATH));
                Failure::from(error).next(next)
            })?;
        // Ours first: what the gateway sends cannot crowd them out.
        endorsements
            .merge(&published.endorsements)
            .map_err(|error| Failure::from(error).exit(Exit::Verdict(10)))?;
        published.endorsements = endorsements;
        let document = KeyDocument::decode(&published.document)
            .with_context(|| format!("the key document of {at}"))
            .map_err(|error| Failure::from(error).exit(Exit::Verdict(10)))?;
        let bound = key_document::bound(&published.document, &challenge);
        let fetched = now();
        // Looking at evidence under the roots that it brings trusts nothing: what rests on them is told (AT-07).
        let verifier = Verifier::new(Trust::as_presented(&published.evidence, &published.endorsements));
        let (evidence, endorsements) = (&published.evidence, &published.endorsements);
        let mut checks = Checks::not_reached();
        let verified = verifier.verify_presented_noting(evidence, endorsements, &bound, fetched, &mut checks);
        if let Ok(verified) = &verified {
            checks = Checks { freshness: freshness(challenged), ..verified.checks().clone() };
        }
        let flags = source.roots.flags();
        Ok(Self { at: at.clone(), flags, published, challenge, fetched, document, verified, checks })
    }

    pub(crate) fn document(&self) -> &KeyDocument {
        &self.document
    }

    pub(crate) fn verified(&self) -> Result<&Verified<Claims>, &Error> {
        self.verified.as_ref()
    }

    /// How each check came out.
    pub(crate) fn checks(&self) -> &Checks {
        &self.checks
    }

    /// For commands that go no further without genuine evidence.
    pub(crate) fn require_genuine(&self) -> Result<&Verified<Claims>, Failure> {
        self.verified.as_ref().map_err(|error| {
            Failure::from(anyhow::anyhow!("the evidence of {} is not genuine: {error}", self.at))
                .exit(Exit::Verdict(error.exit()))
                .next(format!("sealwire inspect {}{} shows every check", self.at, self.flags))
        })
    }

    /// The name that a client of this URL asks for.
    pub(crate) fn authority(&self) -> Result<String, Failure> {
        authority_of(&self.at.0)
    }

    /// AT-07: said wherever something rests on development evidence.
    pub(crate) fn development_notice(&self) -> Option<String> {
        let claims = self.verified.as_ref().ok()?.get();
        claims.development.then(|| development_notice(&claims.root))
    }
}

/// What to do about a key document that cannot be fetched; `otherwise` where that cannot be told.
pub(crate) fn past(error: &sealwire_client::Error, otherwise: &str) -> String {
    match error.obstacle() {
        Some(Obstacle::Refused) => {
            "is the gateway running? sealwire connect --keep-trying waits for it".to_owned()
        }
        Some(obstacle @ (Obstacle::Status(_) | Obstacle::NotADocument)) => {
            let healing =
                if obstacle.may_heal() { "; --keep-trying of sealwire connect waits for one" } else { "" };
            format!("something answers there, but it has no key document: is it the gateway's URL?{healing}")
        }
        Some(Obstacle::TlsMismatch) => {
            "TLS is spoken on one side alone: use http:// where it says https://, or the other way round"
                .to_owned()
        }
        Some(Obstacle::UntrustedCertificate) => {
            "TLS does not trust the certificate: give it, or the root above it, with --tls-root FILE"
                .to_owned()
        }
        _ => otherwise.to_owned(),
    }
}

/// AT-41: what the binding has shown is fresh if it covers our challenge; anything else is the document's own word.
fn freshness(challenged: bool) -> Outcome {
    if challenged {
        Outcome::Passed("challenged: the evidence was made after we asked".to_owned())
    } else {
        Outcome::NotAvailable("self-asserted: evidence carries no time, and no challenge was sent".to_owned())
    }
}

/// AT-07: said wherever something rests on development evidence.
pub(crate) fn development_notice(root: &[u8; 32]) -> String {
    output::warn(format!(
        "DEVELOPMENT evidence: signed under a root made on one machine, it proves nothing about hardware\n\
         development root {}",
        names::root(root)
    ))
}

/// The authority of a URL in its normal form.
pub(crate) fn authority_of(url: &Uri) -> Result<String, Failure> {
    let default_port = if url.scheme() == Some(&Scheme::HTTP) { 80 } else { authority::DEFAULT_PORT };
    let name = url.authority().map(http::uri::Authority::as_str).unwrap_or_default();
    authority::normalise(name, default_port).with_context(|| format!("{url}")).or_usage()
}
