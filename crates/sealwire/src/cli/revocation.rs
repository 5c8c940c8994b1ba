//! `--revocation-list`: the operator's revocation list, for commands that judge (AT-25).

use super::{
    exit::{Failure, OrNext},
    source, values,
};
use clap::Args as ClapArgs;
use http::{Uri, uri::Scheme};
use sealwire_attest::Policy;
use sealwire_client::{
    Error,
    revocation::{self, Place, Source},
};
use std::path::PathBuf;

/// The operator's revocation list.
#[derive(Debug, ClapArgs)]
pub(crate) struct Revocation {
    /// The operator's revocation list, a file or a URL. While it is in use it is looked at again: what a newer one revokes
    /// is cut off at once
    #[arg(long = "revocation-list", value_name = "FILE|URL", value_parser = place)]
    list: Option<Place>,
    /// A key that may sign the list, besides the revocation-keys of the policy: ed25519:…; repeatable
    #[arg(long = "revocation-key", value_name = "KEY", value_parser = values::ed25519_key, requires = "list")]
    keys: Vec<[u8; 32]>,
    /// File in which the newest list is kept, so that after a restart nobody can show an older one
    #[arg(long = "revocation-state", value_name = "FILE", requires = "list")]
    revocation_state: Option<PathBuf>,
}

impl Revocation {
    /// Where the list is, and a policy that asks for it.
    pub(crate) fn follow(&self, mut policy: Policy) -> Result<(Policy, Option<Source>), Failure> {
        policy.pin_revocation_keys(&self.keys);
        if self.list.is_some() && policy.revocation_keys().is_empty() {
            return Err(Failure::usage("nobody may sign the revocation list")
                .next("name the key in the policy (revocation-keys) or with --revocation-key"));
        }
        let source = |place| Source { kept: self.revocation_state.clone(), ..Source::new(place) };
        Ok((policy, self.list.clone().map(source)))
    }

    /// A policy with the list in force, to judge once.
    pub(crate) async fn apply(&self, policy: Policy, source: &source::Source) -> Result<Policy, Failure> {
        let (policy, list) = self.follow(policy)?;
        let Some(Source { place, kept, .. }) = list else { return Ok(policy) };
        if kept.is_some() {
            let what = "--revocation-state is for a client that runs: this command judges once";
            return Err(Failure::usage(what));
        }
        let bytes = revocation::read(&place, &source.roots.read()?, source.timeout).await.or_usage()?;
        let taken = policy.with_revocation_list(&bytes);
        taken
            .map_err(|error| Error::RevocationList { at: place.to_string(), source: error.into() })
            .or_usage()
    }

    /// Whether anything was given.
    pub(crate) fn is_given(&self) -> bool {
        self.list.is_some()
    }
}

/// A URL where it looks like one, or else a file.
fn place(text: &str) -> Result<Place, String> {
    let uri = text
        .parse::<Uri>()
        .ok()
        .filter(|uri| [Scheme::HTTP, Scheme::HTTPS].iter().any(|scheme| uri.scheme() == Some(scheme)));
    match uri {
        Some(uri) if uri.authority().is_some_and(|authority| !authority.as_str().contains('@')) => {
            Ok(Place::Url(uri))
        }
        Some(_) => Err("give a file, or a URL such as https://operator.example/list.cbor".to_owned()),
        None => Ok(Place::File(text.into())),
    }
}
