//! What makes the evidence, as the configuration says (AT-04, AT-60).

use super::{StartError, default_state};
use crate::config::{self, CompanionKind, Config};
use sealwire_tee::{Nvidia, Options, Platform, Tee, tpm::Tpm};
use std::{path::PathBuf, sync::Arc};

/// Opens the TEE, unless there is a `platform` already, and the companions.
pub(super) async fn open(config: &Config, platform: Option<Platform>) -> Result<Platform, StartError> {
    let state = match &config.state {
        Some(state) => state.clone(),
        None if config.tee == config::Tee::Development && platform.is_none() => {
            default_state().ok_or(StartError::NoState)?
        }
        None => PathBuf::new(),
    };
    let options = Options { state, tpm: config.tpm.options(), ..Options::default() };
    let config = config.clone();
    // A development root takes seconds to make, and a TPM's first quote may.
    let opened = tokio::task::spawn_blocking(move || {
        let platform = match platform {
            Some(platform) => platform,
            None => Platform::new(sealwire_tee::open(config.tee.name(), &options)?.into()),
        };
        with_companions(platform, &config, &options)
    });
    opened.await.map_err(|_| sealwire_tee::Error::Stopped)?
}

fn with_companions(
    mut platform: Platform,
    config: &Config,
    options: &Options,
) -> Result<Platform, StartError> {
    for companion in &config.companions {
        let tee: Arc<dyn Tee> = match companion.kind {
            CompanionKind::Tpm => {
                Arc::new(Tpm::open(options.tpm.clone()).map_err(sealwire_tee::Error::from)?)
            }
            CompanionKind::Nvidia => {
                let command = companion.helper(config).map_err(sealwire_tee::Error::from)?;
                Arc::new(Nvidia::new(command))
            }
        };
        tracing::info!(label = companion.label(), kind = tee.kind().name(), "companion evidence");
        platform = platform.with_companion(companion.label().to_owned(), tee);
    }
    Ok(platform)
}
