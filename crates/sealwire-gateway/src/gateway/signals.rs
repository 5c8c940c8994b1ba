//! The signals of a service manager.

use super::Running;
use crate::config::{self, Config};
use std::io;
use tokio::signal::unix::{SignalKind, signal};

/// Runs until SIGTERM or SIGINT, then drains; the second of these signals cuts what is open. At SIGHUP the configuration that `load` gives is put into force; one that
/// is refused is logged, and the old one stays.
///
/// # Errors
/// When signals cannot be received.
pub async fn run_until_signalled(
    running: Running,
    mut load: impl FnMut() -> Result<Config, config::Error>,
) -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = hang_up.recv() => {
                let reloaded = match load() {
                    Ok(config) => running.reload(config).await.map_err(|error| error.to_string()),
                    Err(error) => Err(error.to_string()),
                };
                if let Err(error) = reloaded {
                    tracing::error!(%error, "the configuration was not reloaded; the old one stays in force");
                }
            }
        }
    }
    tracing::info!("draining; the same signal again cuts open exchanges");
    tokio::select! {
        () = running.shutdown() => {}
        // Dropping the gateway ends it at once.
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
