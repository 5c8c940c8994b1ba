//! The session by which secrets are reached, and why there may be none.

use crate::cli::{
    connect,
    exit::{Exit, Failure},
    own, policy,
    revocation::Revocation,
    source::{self, Source},
    values::{self, Url},
};
use clap::Args as ClapArgs;
use http::{Method, Request, Response};
use sealwire_attest::Policy;
use sealwire_client::{Connector, Error, Settings, Wire};
use sealwire_http::{Body, client::session::Refused, session::Error as Session};
use std::path::PathBuf;
use tower::ServiceExt;

/// Which gateway, what it must prove, and what this machine shows of itself.
#[derive(Debug, ClapArgs)]
pub(super) struct Reach {
    /// The gateway. Each instance has secrets of its own
    #[arg(long, value_name = "URL")]
    to: Url,
    /// What the gateway must prove (`sealwire policy init` writes one)
    #[arg(long, value_name = "FILE")]
    policy: PathBuf,
    /// The name that requests carry inside, where it is not that of --to
    #[arg(long, value_name = "NAME", value_parser = values::authority)]
    authority: Option<String>,
    #[command(flatten)]
    own: own::Args,
    #[command(flatten)]
    revocation: Revocation,
    #[command(flatten)]
    source: Source,
}

impl Reach {
    /// Verifies the gateway and begins a session, in which this machine attests itself where it was told to.
    pub(super) async fn connect(&self) -> Result<Connector, Failure> {
        let (policy, revocation) = self.revocation.follow(self.policy()?)?;
        self.source.local_endorsements()?;
        let settings = Settings {
            endorsements: self.source.endorsements.clone(),
            authority: self.authority.clone(),
            wire: Wire::Session,
            timeout: self.source.timeout,
            tls_roots: self.source.roots.read()?,
            revocation,
            attester: self.own.open().await?,
            ..Settings::new(self.to.0.clone(), policy)
        };
        Connector::connect(settings).await.map_err(|error| self.failure(error))
    }

    /// What the gateway must prove.
    pub(super) fn policy(&self) -> Result<Policy, Failure> {
        policy::load(&self.policy)
    }

    /// For what enclaves alone may do.
    pub(super) fn require_attest(&self) -> Result<(), Failure> {
        if self.is_attesting() {
            return Ok(());
        }
        Err(Failure::usage(
            "secrets are read by enclaves alone, and this machine is to show nothing of itself",
        )
        .next("add --attest auto, inside an enclave that the gateway's operator accepts"))
    }

    /// Whether this machine shows what it is.
    pub(super) fn is_attesting(&self) -> bool {
        self.own.attest.is_some()
    }

    /// The URL as it was given.
    pub(super) fn gateway(&self) -> &Url {
        &self.to
    }

    /// How to come here again, for commands that are suggested.
    pub(super) fn flags(&self) -> String {
        let Self { to, policy, .. } = self;
        format!("--to {to} --policy {}{}", policy.display(), self.source.roots.flags())
    }

    /// One exchange.
    pub(super) async fn send(
        &self,
        connector: &Connector,
        method: Method,
        path: &str,
        fields: &[(&'static str, String)],
        content: Body,
    ) -> Result<Response<Body>, Failure> {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in fields {
            request = request.header(*name, value);
        }
        let answer = connector.clone().oneshot(request.body(content)?).await;
        answer.map_err(|error| self.failure(error))
    }

    fn failure(&self, error: Error) -> Failure {
        match error {
            Error::Denied(denial) => {
                let next = format!(
                    "sealwire inspect {} --policy {}{} --challenge shows every step",
                    self.to,
                    self.policy.display(),
                    self.source.roots.flags()
                );
                Failure::from(anyhow::anyhow!("{}", connect::refusal(&denial))).exit(Exit::Refused).next(next)
            }
            error @ Error::Unreachable { .. } => {
                let next =
                    source::past(&error, "see whether the gateway is ready: /readyz of its admin address");
                Failure::from(error).next(next)
            }
            Error::NoSession { at, source } => {
                let next = match &*source {
                    Refused::Handshake(Session::CallerNotAttested) => {
                        "this gateway has sessions with attested callers alone: add --attest auto, inside an enclave that \
                         its operator accepts"
                    }
                    Refused::Handshake(Session::CallerRefused) => {
                        "the gateway's policy of callers refuses this machine; its log says which rule failed"
                    }
                    _ => "does the gateway take sessions? sealwire connect --wire session tells",
                };
                Failure::from(Error::NoSession { at, source }).next(next)
            }
            error @ (Error::RevocationList { .. } | Error::Settings(_)) => {
                Failure::from(error).exit(Exit::Usage)
            }
            error @ Error::OutcomeUnknown => Failure::from(error)
                .next(format!("sealwire secrets list {} shows what is there", self.flags())),
            other => other.into(),
        }
    }
}
