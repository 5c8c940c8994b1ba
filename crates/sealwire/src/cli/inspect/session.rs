//! A session that is made to be looked at: what was negotiated, and what it rests on.

use crate::cli::{
    exit::{Exit, Failure},
    names,
    output::{dim, field, leaf, node, strong},
};
use sealwire_client::{Connector, Error, SealedWith, Settings, Status, Wire};
use sealwire_crypto::kx::Group;
use sealwire_http::{
    client::session::Facts,
    session::{
        Scheme,
        message::{Authentication, EvidenceMode},
    },
};
use serde_json::{Value, json};
use termtree::Tree;

/// What was made, and closed again.
pub(super) struct Made {
    status: Status,
    facts: Facts,
    /// the session that began with the ticket of the first, where that was asked for
    next: Option<Facts>,
}

impl Made {
    /// Makes a session, a second one with its ticket where `resume`, and closes what it made. Nothing is sent to the
    /// application.
    pub(super) async fn make(settings: Settings, resume: bool) -> Result<Self, Failure> {
        let settings = Settings { wire: Wire::Session, ..settings };
        let connector = Connector::connect(settings).await.map_err(not_made)?;
        let status = connector.status();
        let facts = facts(&status)?;
        connector.close().await;
        let next = if resume {
            connector.prepare().await.map_err(not_made)?;
            let next = self::facts(&connector.status())?;
            connector.close().await;
            Some(next)
        } else {
            None
        };
        Ok(Self { status, facts, next })
    }

    /// As a tree.
    pub(super) fn tree(&self) -> Tree<String> {
        let acceptance = &self.status.acceptance;
        let document = acceptance.document.get();
        let mut lines = vec![
            field("with", format!("instance {}", hex::encode(document.instance))),
            field("rests on", format!("document {}", names::config_digest(&acceptance.document_hash))),
        ];
        lines.extend(negotiated(&self.facts));
        lines.extend(granted(&self.facts));
        lines.extend(self.next.as_ref().map(|next| {
            let title = if next.is_resumed() { "resumed by its ticket" } else { "not resumed: made anew" };
            node(strong(title), negotiated(next))
        }));
        lines.push(leaf(dim("closed; nothing was sent to the application")));
        node(strong("session"), lines)
    }

    /// The same with stable names.
    pub(super) fn json(&self) -> Value {
        let acceptance = &self.status.acceptance;
        let mut session = as_json(&self.facts);
        if let Some(members) = session.as_object_mut() {
            members.insert("instance".into(), hex::encode(acceptance.document.get().instance).into());
            members.insert("document".into(), names::config_digest(&acceptance.document_hash).into());
            members.insert("resumption".into(), self.next.as_ref().map(as_json).into());
        }
        session
    }
}

fn facts(status: &Status) -> Result<Facts, Failure> {
    match &status.sealed_with {
        SealedWith::Session(facts) => Ok(*facts),
        _ => Err(Failure::from(anyhow::anyhow!("another wire than the one that was asked for"))),
    }
}

fn not_made(error: Error) -> Failure {
    match error {
        Error::Denied(_) => Failure::from(error).exit(Exit::Refused),
        Error::NoSession { .. } => Failure::from(error)
            .next("a gateway that asks who calls wants --attest; its own log says why it refuses one"),
        error => error.into(),
    }
}

/// What both sides agreed on.
fn negotiated(facts: &Facts) -> Vec<Tree<String>> {
    vec![
        field("key agreement", facts.group.map_or("none, the ticket's secret alone", Group::name)),
        field("AEAD and hash", facts.suite.name()),
        field("signed with", facts.scheme.map_or("nothing, the ticket proves it", Scheme::name)),
        field("evidence", evidence(facts).unwrap_or("that of the session before")),
        field("this side", caller(facts)),
        field("ticket", facts.ticket.map_or("none".to_owned(), |life| format!("for {} s", life.as_secs()))),
    ]
}

/// What the server grants (SE-38).
fn granted(facts: &Facts) -> [Tree<String>; 5] {
    let granted = facts.parameters;
    [
        field("lifetime", format!("{} s", granted.lifetime.as_secs())),
        field("idle time", format!("{} s", granted.idle.as_secs())),
        field("requests", granted.requests),
        field("window", granted.window),
        field("message", format!("{} bytes", granted.message)),
    ]
}

fn as_json(facts: &Facts) -> Value {
    let granted = facts.parameters;
    json!({
        "resumed": facts.is_resumed(),
        "group": facts.group.map(Group::name),
        "suite": facts.suite.name(),
        "signature": facts.scheme.map(Scheme::name),
        "evidence": evidence(facts),
        "caller-asked": asked(facts.asked),
        "caller-attested": facts.authenticated,
        "ticket-seconds": facts.ticket.map(|life| life.as_secs()),
        "lifetime-seconds": granted.lifetime.as_secs(),
        "idle-seconds": granted.idle.as_secs(),
        "requests": granted.requests,
        "window": granted.window,
        "message-bytes": granted.message,
    })
}

/// The mode of evidence (SE-08); none in a resumed session, which rests on what the one before rested on.
fn evidence(facts: &Facts) -> Option<&'static str> {
    (!facts.is_resumed()).then_some(match facts.evidence {
        EvidenceMode::Identity => "identity",
        EvidenceMode::Handshake => "handshake",
    })
}

/// Whether the gateway asked who calls (SE-11).
fn asked(asked: Authentication) -> &'static str {
    match asked {
        Authentication::NotAsked => "no",
        Authentication::Wanted => "wanted",
        Authentication::Required => "required",
    }
}

fn caller(facts: &Facts) -> &'static str {
    match (facts.authenticated, facts.asked) {
        (true, _) => "attested, and accepted",
        (false, Authentication::NotAsked) => "not asked who it is",
        (false, _) => "asked who it is, and showed nothing",
    }
}
