//! What callers prove of themselves (SE-11).

use super::{
    Config,
    error::{At, Fault},
};
use crate::secrets::Rules;
use sealwire_attest::{Policy, revocation::MAX_LIST};
use sealwire_http::{
    crypto::digest::sha384,
    server::session::{CallerPolicy, Callers as Asks},
    session::message::Authentication,
};
use serde::Deserialize;
use std::{
    cell::RefCell,
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
    sync::Arc,
};

/// Whose evidence is accepted, and from whom it is asked.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Callers {
    /// file with the policy that callers are held against
    pub policy: PathBuf,
    /// from whom evidence is asked
    #[serde(default)]
    pub attested: Asked,
    /// file with the operator's revocation list, where the policy names keys that may sign one (AT-25)
    #[serde(default)]
    pub revocation_list: Option<PathBuf>,
}

/// From whom evidence is asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Asked {
    /// callers that have evidence show it; others have sessions too
    #[default]
    Wanted,
    /// no evidence, no session; other wires are not touched
    Required,
}

impl Asked {
    /// As in files.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Wanted => "wanted",
            Self::Required => "required",
        }
    }
}

/// The same, read and checked.
#[derive(Clone)]
pub(crate) struct CallersPlan {
    asked: Asked,
    /// over every file of the policy
    digest: [u8; 48],
    pub(crate) policy: Arc<CallerPolicy>,
    list: Option<PathBuf>,
}

impl CallersPlan {
    pub(super) fn checked(config: &Config) -> Result<Option<Self>, Fault> {
        if let Some(callers) = &config.callers {
            return Self::of(callers).map(Some);
        }
        match config.routes.iter().position(|route| route.attested_caller) {
            None => Ok(None),
            Some(index) => {
                let hint = "say which callers are accepted: [callers] policy = \"callers.toml\"";
                let at = At::key("route").index(index).then("attested-caller");
                Err(Fault::new(at, "is true, and there is no [callers]", hint))
            }
        }
    }

    fn of(callers: &Callers) -> Result<Self, Fault> {
        let at = |key| At::key("callers").then(key);
        let (policy, digest) = read_policy(&callers.policy).map_err(|what| {
            let hint = "a policy file, as clients have them for gateways; it says what callers must prove";
            Fault::new(at("policy"), what, hint)
        })?;
        let keys = !policy.revocation_keys().is_empty();
        if keys && callers.revocation_list.is_none() {
            let what = "is missing, and the policy names keys that sign one: no caller would be accepted";
            return Err(Fault::new(at("revocation-list"), what, "name the operator's list"));
        }
        let policy = CallerPolicy::new(policy);
        if let Some(path) = &callers.revocation_list {
            let fault = |what: String| {
                let hint =
                    "what `sealwire attest revoke` wrote, signed by one of the policy's revocation-keys";
                Fault::new(at("revocation-list"), format!("{}: {what}", path.display()), hint)
            };
            let list = read_list(path).map_err(|error| fault(error.to_string()))?;
            policy.take_list(&list).map_err(|error| fault(error.to_string()))?;
        }
        let list = callers.revocation_list.clone();
        Ok(Self { asked: callers.attested, digest, policy: Arc::new(policy), list })
    }

    /// What decides who may call: from whom evidence is asked, and SHA-384 over the policy.
    pub(super) fn covered(&self) -> (&'static str, &[u8; 48]) {
        (self.asked.name(), &self.digest)
    }

    /// Whether both hold callers against the same policy.
    pub(crate) fn has_policy_of(&self, other: &Self) -> bool {
        self.digest == other.digest
    }

    /// Goes on with the lists that `earlier`, of the same policy, has taken: their serials only go up.
    pub(crate) fn carry_on(&mut self, earlier: &Self) {
        self.policy = earlier.policy.clone();
    }

    /// Where the revocation list is.
    pub(super) fn list(&self) -> Option<&Path> {
        self.list.as_deref()
    }

    /// What the wire asks.
    pub(crate) fn asks(&self) -> Asks {
        let asked = match self.asked {
            Asked::Wanted => Authentication::Wanted,
            Asked::Required => Authentication::Required,
        };
        Asks::Attested { asked, policy: self.policy.clone() }
    }

    /// Looks at the revocation list, for the policy of callers and those of secrets. Blocking.
    pub(crate) fn look(&self, secrets: Option<&Rules>) {
        let Some(path) = &self.list else { return };
        let taken = match read_list(path) {
            Ok(bytes) => {
                let of_secrets = secrets.map_or(Ok(()), |rules| rules.take_list(&bytes));
                let taken = self.policy.take_list(&bytes);
                of_secrets.and(taken).map_err(|error| error.to_string())
            }
            Err(error) => Err(error.to_string()),
        };
        match taken {
            Ok(true) => {
                tracing::info!(list = %path.display(), "a new revocation list of callers is in force")
            }
            Ok(false) => {}
            // The last one stays until it ends; then nobody is accepted any more.
            Err(error) => {
                tracing::warn!(list = %path.display(), %error, "the revocation list of callers is not taken");
            }
        }
    }
}

/// Reads a policy and what it names, and the digest over all of it: that of the policy file, and of each file in the
/// order in which the policy asks for them.
pub(super) fn read_policy(path: &Path) -> Result<(Policy, [u8; 48]), String> {
    let unreadable = |path: &Path, error| format!("{} cannot be read: {error}", path.display());
    let text = fs::read_to_string(path).map_err(|error| unreadable(path, error))?;
    let digests = RefCell::new(vec![sha384(&[text.as_bytes()])]);
    let folder = path.parent().unwrap_or(Path::new(""));
    let beside = |name: &str| {
        let path = folder.join(name);
        let bytes = fs::read(&path).map_err(|error| unreadable(&path, error))?;
        digests.borrow_mut().push(sha384(&[&bytes]));
        Ok(bytes)
    };
    let policy = Policy::load(&text, &beside).map_err(|error| format!("{}: {error}", path.display()))?;
    if policy.fresh_evidence() {
        let why = "`fresh-evidence` is asked of gateways; what a caller shows is its key document";
        return Err(format!("{}: {why}", path.display()));
    }
    let digests = digests.into_inner();
    let parts: Vec<&[u8]> = digests.iter().map(<[u8; 48]>::as_slice).collect();
    Ok((policy, sha384(&parts)))
}

/// One byte more than a list may have tells that it is longer.
pub(super) fn read_list(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_LIST as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}
