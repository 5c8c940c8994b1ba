//! Version 0 of the RA tunnel: our gateway and our client, each against a hostile peer, against each other, and against a second
//! implementation (TU-02 to TU-56, TU-81 to TU-83).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod app;
mod by_hand;
mod client;
mod connect;
mod floods;
mod keys;
mod peers;
mod scenarios;
mod whole;

use sealwire_gateway::Config;
use sealwire_tests::Stage;

/// A gateway that takes tunnels, in front of the application.
async fn stage() -> Stage {
    with(|_| {}).await
}

async fn with(change: impl FnOnce(&mut Config)) -> Stage {
    Stage::before(app::app().await, |config| {
        config.tunnel.version_0 = true;
        change(config);
    })
    .await
}
