//! The table of what must be rejected (section 12 of the oblivious wire's page), against programs that run: a gateway
//! over raw sockets, and a client in front of gateways and networks that mean harm.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod bhttp;
mod chunks;
mod client;
mod inside;
mod outside;

use sealwire_gateway::Config;
use sealwire_http::{problem, wire::OBLIVIOUS_PATH};
use sealwire_tests::{
    App, Stage,
    message::{Form, Inner, Opener},
    metrics::{IN_FLIGHT, Metrics, refusals, requests},
    raw::{Answer, Raw, request},
    until,
};

/// One row of the table: what arrives.
struct Row<'a> {
    /// id in the table, and what is wrong
    id: &'a str,
    /// what it is sent as
    form: Form,
    /// what is sent
    sealed: &'a [u8],
    /// of that, how much is sent before the application has been reached; the rest, only then
    before: usize,
}

impl<'a> Row<'a> {
    /// Sent in one go.
    fn new(id: &'a str, form: Form, sealed: &'a [u8]) -> Self {
        Self { id, form, sealed, before: 0 }
    }
}

/// What the application saw of a message that was rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Application {
    /// nothing
    NotReached,
    /// a request that broke off
    Aborted,
}

/// A gateway that rows are driven through, with the numbers before each.
struct Table {
    stage: Stage,
}

impl Table {
    async fn start() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut Config)) -> Self {
        Self::before(App::echo().await, change).await
    }

    async fn before(app: App, change: impl FnOnce(&mut Config)) -> Self {
        Self { stage: Stage::alone(app, change).await }
    }

    /// Sends a row and holds what happens outside against what must: one answer, one refusal of this reason, and a
    /// gateway that serves the next request.
    async fn drive(&self, row: &Row<'_>, reason: &str, outcome: &str, application: Application) -> Answer {
        let before = Numbers::of(&self.stage).await;
        let mut raw = self.stage.connect().await;
        let fields = [("content-type", row.form.media_type())];
        let length = row.sealed.len().to_string();
        let fields = [&fields[..], &[("content-length", &length)]].concat();
        let (start, rest) = row.sealed.split_at(row.before);
        raw.send(request("POST", OBLIVIOUS_PATH, &fields)).await.send(start).await;
        if row.before > 0 {
            let reached = before.counts.reached + 1;
            self.stage.app.until(row.id, |counts| counts.reached == reached).await;
        }
        let answer = raw.send(rest).await.answer().await;
        self.settle(row.id, &before, row.form, reason, outcome, application).await;
        self.stage.works(&mut raw).await;
        answer
    }

    /// Waits until the numbers say that an exchange is over, and checks them.
    async fn settle(
        &self,
        id: &str,
        before: &Numbers,
        form: Form,
        reason: &str,
        outcome: &str,
        application: Application,
    ) {
        let aborted = usize::from(application == Application::Aborted);
        let aborts = before.counts.aborted + aborted;
        let counts = self.stage.app.until(id, |counts| counts.aborted == aborts).await;
        assert_eq!(counts.reached, before.counts.reached + aborted, "{id}: reached the application");
        assert_eq!(counts.completed, before.counts.completed, "{id}: completed at the application");
        until("the exchange to be over", || async { self.stage.metrics().await.get(IN_FLIGHT) == 0.0 }).await;
        let after = self.stage.metrics().await;
        assert_eq!(after.grown(&before.metrics, &refusals(reason)), 1.0, "{id}: refusals by {reason}");
        let requests = requests(form.wire(), outcome);
        assert_eq!(after.grown(&before.metrics, &requests), 1.0, "{id}: {requests}");
    }

    /// A row that is answered outside, with 400 and the key's problem type (OB-42).
    async fn key(&self, row: &Row<'_>) -> Answer {
        let answer = self.drive(row, "key", "refused", Application::NotReached).await;
        check_problem(row.id, &answer, 400, problem::OHTTP_KEY);
        answer
    }

    /// A row that is answered outside, with another status.
    async fn outside(&self, row: &Row<'_>, status: u16) -> Answer {
        let answer = self.drive(row, "outside", "refused", Application::NotReached).await;
        check_problem(row.id, &answer, status, problem::BLANK);
        answer
    }

    /// A row that is answered inside (OB-41), for this reason.
    async fn inside(
        &self,
        row: &Row<'_>,
        opener: Opener,
        status: u16,
        reason: &str,
        application: Application,
    ) -> Inner {
        let answer = self.drive(row, reason, "answered", application).await;
        let inner = opener.open(&answer);
        assert_eq!((inner.status, inner.complete), (status, true), "{}: {}", row.id, inner.text());
        assert_eq!(inner.headers["content-type"], problem::MEDIA_TYPE, "{}", row.id);
        inner
    }
}

/// What is counted, at one moment.
struct Numbers {
    metrics: Metrics,
    counts: sealwire_tests::app::Counts,
}

impl Numbers {
    async fn of(stage: &Stage) -> Self {
        Self { metrics: stage.metrics().await, counts: stage.app.counts() }
    }
}

fn check_problem(id: &str, answer: &Answer, status: u16, kind: &str) {
    let found = (answer.status, answer.field("content-type"), answer.field("cache-control"));
    assert_eq!(found, (status, problem::MEDIA_TYPE, "no-store"), "{id}: {}", answer.text());
    assert!(answer.text().contains(&format!("\"type\":\"{kind}\"")), "{id}: {}", answer.text());
    assert!(answer.complete, "{id}");
}

/// Sends a request by hand on a connection of its own.
async fn send(stage: &Stage, method: &str, fields: &[(&str, &str)], content: &[u8]) -> (Raw, Answer) {
    let mut raw = stage.connect().await;
    let length = content.len().to_string();
    let mut all = vec![("content-length", length.as_str())];
    all.extend_from_slice(fields);
    let head = request(method, OBLIVIOUS_PATH, &all);
    let answer = raw.send(head).await.send(content).await.answer().await;
    (raw, answer)
}
