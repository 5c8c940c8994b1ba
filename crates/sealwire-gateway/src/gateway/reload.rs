//! Another configuration, without dropping a request.

use super::{Running, live};
use crate::{
    config::{self, Config, HpkeHttp, Plan, Served},
    instance,
};
use std::{io, path::PathBuf};

/// Why a configuration was not put into force. The old one stays.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReloadError {
    /// What is wrong with it.
    #[error(transparent)]
    Config(#[from] config::Error),
    /// It changes what is settled at start.
    #[error("needs a restart to change: {}", .0.join(", "))]
    Restart(Vec<&'static str>),
    /// Its key document could not be published.
    #[error(transparent)]
    Instance(#[from] instance::Error),
    /// TLS to upstreams.
    #[error("TLS: {0}")]
    Tls(#[from] rustls::Error),
    /// hpke-http cannot be served as it is configured (HH-41, HH-65).
    #[error("hpke-http: {0}")]
    HpkeHttp(#[from] crate::hpke_http::Failure),
    /// The audit of secrets cannot be written (SE-20).
    #[error("the audit of secrets cannot be written to {path}: {source}", path = .path.display())]
    Audit {
        /// the file
        path: PathBuf,
        /// what the system says
        source: io::Error,
    },
}

impl From<live::Error> for ReloadError {
    fn from(error: live::Error) -> Self {
        match error {
            live::Error::Instance(error) => Self::Instance(error),
            live::Error::Tls(error) => Self::Tls(error),
            live::Error::Audit { path, source } => Self::Audit { path, source },
            live::Error::HpkeHttp(failure) => Self::HpkeHttp(failure),
        }
    }
}

impl Running {
    /// Puts another configuration into force. Requests that have begun end under the one that they began with.
    ///
    /// Where the digest changes, new keys and a new document are made first; requests that are sealed to the old keys
    /// still go where the old document said, until the overlap of keys is over (AT-44).
    ///
    /// # Errors
    /// [`ReloadError`]; the old configuration then stays in force.
    pub async fn reload(&self, new: Config) -> Result<(), ReloadError> {
        let mut config = self.config.lock().await;
        let settled = settled_at_start(&config, &new);
        if !settled.is_empty() {
            return Err(ReloadError::Restart(settled));
        }
        let plan = Plan::new(&new, Served::At(self.address))?;
        let certified = plan.tls.clone();
        // First, since it may fail, and then nothing has changed.
        if self.core.state.instance.staple.has_changed().await {
            self.core.state.renew().await?;
        }
        Box::pin(self.core.state.replace(plan)).await?;
        self.core.state.recheck_callers().await;
        if let (Some(certificate), Some(certified)) = (&self.tls, certified) {
            certificate.replace(certified);
        }
        *config = new;
        let development = self.core.state.live().attested.is_development();
        tracing::info!(config_digest = %hex::encode(self.config_digest()), development, "configuration reloaded");
        Ok(())
    }
}

/// What differs and is only read at start.
fn settled_at_start(old: &Config, new: &Config) -> Vec<&'static str> {
    let (a, b) = (&old.limits, &new.limits);
    let store = |config: &Config| {
        config.hpke_http.as_ref().and_then(HpkeHttp::store).map(|(place, n)| (format!("{place:?}"), n))
    };
    let leases = old.hpke_http.as_ref().zip(new.hpke_http.as_ref());
    let differs = [
        ("listen", old.listen != new.listen),
        ("admin", old.admin != new.admin),
        ("tee", old.tee != new.tee),
        ("tpm", old.tpm != new.tpm),
        ("companions", old.companions != new.companions),
        ("state", old.state != new.state),
        ("tls", old.tls.is_some() != new.tls.is_some()),
        ("limits.connections", a.connections != b.connections),
        ("limits.requests", a.requests != b.requests),
        ("limits.streams", a.streams != b.streams),
        ("limits.header-size", a.header_size != b.header_size),
        ("limits.header-time", a.header_time != b.header_time),
        ("limits.idle-time", a.idle_time != b.idle_time),
        ("limits.drain-time", a.drain_time != b.drain_time),
        ("keys", old.keys != new.keys),
        ("session", old.session.settled() != new.session.settled()),
        ("hpke-http.store-file, hpke-http.store-redis or hpke-http.store-capacity", store(old) != store(new)),
        ("hpke-http.lease", leases.is_some_and(|(a, b)| a.lease != b.lease)),
        ("quotes.queue", old.quotes.queue != new.quotes.queue),
        ("quotes.timeout", old.quotes.timeout != new.quotes.timeout),
        ("endorsements", old.endorsements != new.endorsements),
        ("instance-prefix", old.instance_prefix != new.instance_prefix),
        ("registry", old.registry != new.registry),
        ("log", old.log != new.log),
    ];
    differs.into_iter().filter(|(_, differs)| *differs).map(|(key, _)| key).collect()
}
