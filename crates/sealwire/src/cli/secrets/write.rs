//! Who writes: an enclave by its evidence, or an operator by a signature.

use super::reach::Reach;
use crate::cli::{
    exit::{Exit, Failure, OrNext},
    files,
};
use anyhow::{Context, anyhow};
use clap::Args as ClapArgs;
use sealwire_attest::key_document::operator::signing_key_from_pem;
use sealwire_client::Connector;
use sealwire_http::session::secret::{FIELD, Name, OperatorWrite, Write};
use std::path::PathBuf;
use zeroize::Zeroizing;

/// By which right.
#[derive(Debug, ClapArgs)]
pub(super) struct Writer {
    /// An operator's private key (PKCS#8 PEM; `sealwire keys operator generate`), which the gateway's rule names in
    /// operator-keys: no enclave is needed then
    #[arg(long, value_name = "FILE", conflicts_with = "attest")]
    operator_key: Option<PathBuf>,
}

impl Writer {
    /// Whether there is a right at all: told before anything is sent.
    pub(super) fn check(&self, reach: &Reach) -> Result<(), Failure> {
        if self.operator_key.is_some() || reach.is_attesting() {
            return Ok(());
        }
        Err(Failure::usage("a secret is written by an operator's key, or by an enclave")
            .next("give --operator-key FILE, or --attest auto inside an enclave"))
    }

    /// The fields that go with a write. `version` is the one that is there, 0 for none; a secret that is deleted is `None`.
    pub(super) fn fields(
        &self,
        connector: &Connector,
        name: &Name,
        version: u64,
        secret: Option<&[u8]>,
    ) -> Result<Vec<(&'static str, String)>, Failure> {
        let mut fields = vec![match version {
            0 => ("if-none-match", "*".to_owned()),
            version => ("if-match", format!("\"{version}\"")),
        }];
        if let Some(path) = &self.operator_key {
            let text = Zeroizing::new(files::read_text(path)?);
            let key = signing_key_from_pem(&text)
                .with_context(|| format!("{} is not an operator's private key", path.display()))
                .or_usage()
                .or_next("sealwire keys operator generate --output operator-key.pem makes one")?;
            let instance = connector.status().acceptance.document.get().instance;
            let write = Write { instance: &instance, name, version, secret };
            fields.push((FIELD, OperatorWrite::sign(&key, &write).to_field()));
        }
        Ok(fields)
    }
}

/// Refuses to give a secret away by a policy that does not say whose configuration may have it: the configuration says who
/// reads it, and whoever runs the machine could have written one for themselves. A policy that pins some and takes any is no
/// better: the connector goes on with whatever the policy accepts, another instance included.
pub(super) fn require_pinned(reach: &Reach) -> Result<(), Failure> {
    if !reach.policy()?.operator_rule().any {
        return Ok(());
    }
    let what = "the policy says any-operator, so nothing says who may read the secret; nothing was sent";
    let next = format!(
        "pin the configuration that you have looked at, by config-digests or operator-keys, and take any-operator out of the \
         policy; sealwire policy init {} writes one",
        reach.gateway()
    );
    Err(Failure::from(anyhow!("{what}")).exit(Exit::Refused).next(next))
}
