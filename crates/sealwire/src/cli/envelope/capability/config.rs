//! Who may be at the root of chains, in a file.

use crate::cli::exit::{Failure, OrNext};
use anyhow::anyhow;
use sealwire_envelope::{
    capability::{RootAuthority, Scope, Verifier},
    key::{KeyRecord, PublicKey, Use},
};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Keys of a name, by key id.
type Keys = BTreeMap<String, String>;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Config {
    audience: String,
    #[serde(default)]
    allow_no_audience: bool,
    #[serde(default)]
    default_budget: u64,
    root_authorities: BTreeMap<String, Root>,
    #[serde(default)]
    delegates: BTreeMap<String, Keys>,
    #[serde(default)]
    revoked_tokens: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Root {
    scopes: Vec<Allowed>,
    max_depth: usize,
    keys: Keys,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Allowed {
    path_glob: String,
    methods: Option<Vec<String>>,
}

impl Config {
    pub(super) fn parse(text: &str) -> Result<Verifier, Failure> {
        let config: Self = serde_json::from_str(text)
            .map_err(|error| anyhow!("the file of root authorities: {error}"))
            .or_usage()?;
        let mut verifier = Verifier {
            audience: config.audience,
            allow_no_audience: config.allow_no_audience,
            default_budget: config.default_budget,
            ..Verifier::default()
        };
        for (name, root) in config.root_authorities {
            let scopes = root.scopes.into_iter().map(|allowed| Scope {
                path_glob: allowed.path_glob,
                methods: allowed.methods,
                max_delegations: None,
            });
            let authority = RootAuthority {
                scopes: scopes.collect(),
                max_depth: root.max_depth,
                keys: records(&name, &root.keys)?,
            };
            verifier.roots.insert(name, authority);
        }
        for (name, keys) in config.delegates {
            verifier.delegates.extend(records(&name, &keys)?);
        }
        verifier.revoked.tokens.extend(config.revoked_tokens);
        Ok(verifier)
    }
}

fn records(name: &str, keys: &Keys) -> Result<Vec<KeyRecord>, Failure> {
    keys.iter()
        .map(|(key_id, key)| {
            let key = PublicKey::parse(key)
                .map_err(|error| anyhow!("key {key_id} of {name}: {error}"))
                .or_usage()?;
            Ok(KeyRecord::public(name, key_id, key).or_usage()?.with_uses(Use::Capability))
        })
        .collect()
}
