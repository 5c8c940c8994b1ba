//! Bad input to a running gateway, outside of sealed messages and around them: junk, halves, sloth, excess, lies, and
//! upstreams that fail. Each gets its answer, frees what it held, shows in a metric, and harms no other request.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod callers;
mod lengths;
mod upstreams;

use sealwire_gateway::Config;
use sealwire_tests::{
    App, Stage,
    message::{Form, Inner, Opener, head, plaintext},
    metrics::{CONNECTIONS, IN_FLIGHT, Metrics},
    raw::Raw,
    until,
};
use std::time::Duration;

/// How long a gateway here waits for whoever is slow. Long enough for a busy machine to serve who is not.
const SHORT: Duration = Duration::from_millis(700);

fn short(config: &mut Config) {
    config.limits.header_time = SHORT;
    config.limits.idle_time = SHORT;
}

/// A gateway, with its numbers at the start of a test.
struct Scene {
    stage: Stage,
    before: Metrics,
}

impl Scene {
    async fn start(change: impl FnOnce(&mut Config)) -> Self {
        Self::before(App::echo().await, change).await
    }

    async fn before(app: App, change: impl FnOnce(&mut Config)) -> Self {
        let stage = Stage::alone(app, change).await;
        let before = stage.metrics().await;
        Self { stage, before }
    }

    /// An ordinary exchange on a connection of its own: to be made while something bad is under way.
    async fn others_are_served(&self) {
        let mut raw = self.stage.connect().await;
        self.stage.works(&mut raw).await;
    }

    /// Ends the test: nothing is held any more, and these counters moved by so much.
    async fn settle(self, moved: &[(&str, usize)]) {
        self.settle_with(Vec::new(), moved).await;
    }

    /// The same, where others are served while `held` is still open.
    async fn settle_with(self, held: Vec<Raw>, moved: &[(&str, usize)]) {
        self.others_are_served().await;
        drop(held);
        // One connection is the one that asks.
        until("everything to be freed", || async {
            let now = self.stage.metrics().await;
            (now.get(IN_FLIGHT), now.get(CONNECTIONS)) == (0.0, 1.0)
        })
        .await;
        let after = self.stage.metrics().await;
        for (name, times) in moved {
            assert_eq!(after.grown(&self.before, name), *times as f64, "{name}");
        }
    }
}

/// A sealed request.
struct Sealed {
    form: Form,
    bytes: Vec<u8>,
    opener: Opener,
}

impl Sealed {
    async fn new(stage: &Stage, form: Form, method: &str, content: &[u8]) -> Self {
        let (bytes, opener) = form.seal(&stage.sealing().await, &plaintext(&head(method, "/v1"), content));
        Self { form, bytes, opener }
    }

    /// Sends it whole and opens the answer.
    async fn exchange(self, stage: &Stage) -> Inner {
        let mut raw = stage.connect().await;
        let fields = [("content-type", self.form.media_type())];
        let answer = raw.post(sealwire_http::wire::OBLIVIOUS_PATH, &fields, &self.bytes).await.answer().await;
        self.opener.open(&answer)
    }
}

/// Says that a caller's connection ends, without an answer.
async fn closes_without_an_answer(raw: &mut Raw) {
    assert_eq!(raw.rest().await, b"");
}
