//! `[secrets]` and `[[secret]]`: what the gateway keeps for enclaves, and for which (SE-20).

use super::{
    CallersPlan, Config,
    callers::{read_list, read_policy},
    error::{At, Fault},
};
use crate::secrets::{Judge, Pattern, Rule, Rules};
use sealwire_http::server::session::CallerPolicy;
use serde::Deserialize;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

/// What holds for all secrets.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Secrets {
    /// file to which every delivery, refusal and write is appended, before it happens
    pub audit: PathBuf,
}

/// A name, or the names below a prefix, and who may do what to it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Secret {
    /// `db/password`, or `db/*` for every name below `db/`
    pub name: String,
    /// file with the policy that a reader has to meet
    pub read: PathBuf,
    /// file with the policy that an enclave has to meet that writes
    #[serde(default)]
    pub write: Option<PathBuf>,
    /// Ed25519 keys whose holders may write without an enclave: `ed25519:` and 64 hexadecimal digits
    #[serde(default)]
    pub operator_keys: Vec<String>,
}

/// The same, read and checked.
pub(crate) struct SecretsPlan {
    pub(crate) audit: PathBuf,
    pub(crate) rules: Arc<Rules>,
}

impl SecretsPlan {
    pub(super) fn checked(config: &Config, callers: Option<&CallersPlan>) -> Result<Option<Self>, Fault> {
        let secrets = match (&config.secrets, config.secret.is_empty()) {
            (None, true) => return Ok(None),
            (None, false) => {
                let hint = "say where deliveries are written down: [secrets] audit = \"secrets.jsonl\"";
                return Err(Fault::new(
                    At::key("secret").index(0),
                    "is there, and there is no [secrets]",
                    hint,
                ));
            }
            (Some(_), true) => {
                let hint = "add a [[secret]] with a name, and who may read and write it";
                return Err(Fault::new(At::key("secrets"), "is there, and there is no [[secret]]", hint));
            }
            (Some(secrets), false) => secrets,
        };
        let Some(callers) = callers else {
            let hint = "secrets are for callers that attest themselves: [callers] policy = \"callers.toml\"";
            return Err(Fault::new(At::key("secrets"), "is there, and there is no [callers]", hint));
        };
        let mut rules: Vec<Rule> = Vec::with_capacity(config.secret.len());
        for (index, secret) in config.secret.iter().enumerate() {
            let at = At::key("secret").index(index);
            let rule = rule(&at, secret, callers)?;
            if rules.iter().any(|other| other.pattern == rule.pattern) {
                let what = format!("a second rule for `{}`", secret.name);
                return Err(Fault::new(at.then("name"), what, "give each name, and each prefix, once"));
            }
            rules.push(rule);
        }
        Ok(Some(Self { audit: secrets.audit.clone(), rules: Arc::new(Rules::new(rules)) }))
    }
}

fn rule(at: &At, secret: &Secret, callers: &CallersPlan) -> Result<Rule, Fault> {
    let at = |key| at.clone().then(key);
    let pattern = Pattern::parse(&secret.name).map_err(|error| {
        let hint = "for example \"db/password\", or \"db/*\" for every name below";
        Fault::new(at("name"), format!("`{}`: {error}", secret.name), hint)
    })?;
    if secret.write.is_none() && secret.operator_keys.is_empty() {
        let hint = "say which enclaves may, with write = \"policy.toml\", or who else, with operator-keys";
        return Err(Fault::new(at("name"), "nobody may write this secret", hint));
    }
    let read = judge(at("read"), &secret.read, callers)?;
    let write = secret.write.as_deref().map(|path| judge(at("write"), path, callers)).transpose()?;
    let key = |(index, text): (usize, &String)| {
        operator_key(text).ok_or_else(|| {
            let hint = "ed25519: and 64 hexadecimal digits; `sealwire keys operator show FILE` prints it";
            Fault::new(at("operator-keys").index(index), format!("`{text}` is no operator's key"), hint)
        })
    };
    let mut keys = secret.operator_keys.iter().enumerate().map(key).collect::<Result<Vec<[u8; 32]>, _>>()?;
    keys.sort_unstable();
    keys.dedup();
    Ok(Rule { pattern, read, write, keys })
}

fn judge(at: At, path: &Path, callers: &CallersPlan) -> Result<Judge, Fault> {
    let hint = "a policy file, as clients have them for gateways; it says what an enclave must prove";
    let (policy, digest) = read_policy(path).map_err(|what| Fault::new(at.clone(), what, hint))?;
    let takes_lists = !policy.revocation_keys().is_empty();
    let policy = CallerPolicy::new(policy);
    if takes_lists {
        let Some(list) = callers.list() else {
            let what =
                "the policy names keys that sign revocation lists, and callers.revocation-list is missing";
            return Err(Fault::new(
                at,
                what,
                "name the operator's list there: nobody would be accepted without",
            ));
        };
        let fault = |what: String| {
            let hint =
                "callers.revocation-list has to be signed by one of this policy's revocation-keys, too";
            Fault::new(at.clone(), format!("{}: {what}", list.display()), hint)
        };
        let bytes = read_list(list).map_err(|error| fault(error.to_string()))?;
        policy.take_list(&bytes).map_err(|error| fault(error.to_string()))?;
    }
    Ok(Judge { digest, takes_lists, policy: Arc::new(policy) })
}

fn operator_key(text: &str) -> Option<[u8; 32]> {
    let digits = text.strip_prefix("ed25519:").filter(|digits| digits.len() == 64)?;
    let mut key = [0; 32];
    hex::decode_to_slice(digits, &mut key).ok().map(|()| key)
}
