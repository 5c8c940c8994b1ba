//! What the gateway answers about secrets.

use super::reach::Reach;
use crate::cli::exit::Failure;
use anyhow::anyhow;
use http::{Response, StatusCode, header};
use http_body_util::BodyExt;
use sealwire_http::{Body, problem};
use serde::Deserialize;
use zeroize::Zeroizing;

/// Longest answer that is read, in bytes: a list of as many names as there may be.
const MAX_ANSWER: usize = 1 << 20;

/// An answer that says yes.
pub(super) struct Done {
    pub(super) version: Option<u64>,
    pub(super) content: Zeroizing<Vec<u8>>,
}

/// RFC 9457
#[derive(Deserialize)]
struct Problem {
    #[serde(rename = "type")]
    kind: String,
    title: String,
}

/// What is to be said about an answer that says no.
pub(super) struct Asked<'a> {
    pub(super) reach: &'a Reach,
    pub(super) name: &'a str,
    /// what to do about another version than the one that was expected
    pub(super) about_version: fn(Option<u64>) -> String,
}

impl Asked<'_> {
    /// Reads an answer to its end.
    pub(super) async fn done(&self, answer: Response<Body>) -> Result<Done, Failure> {
        let status = answer.status();
        let version = answer.headers().get(header::ETAG).and_then(|tag| version(tag.to_str().ok()?));
        let content = gather(answer.into_body()).await?;
        if status.is_success() {
            return Ok(Done { version, content });
        }
        let Ok(Problem { kind, title }) = serde_json::from_slice(&content) else {
            return Err(anyhow!("the gateway answers {status}").into());
        };
        Err(self.failure(&kind, &title, status, version))
    }

    fn failure(&self, kind: &str, title: &str, status: StatusCode, version: Option<u64>) -> Failure {
        let Self { reach, name, about_version } = self;
        let failure = Failure::from(anyhow!("{name}: {} (status {})", told(title), status.as_u16()));
        let next = match kind {
            problem::ATTESTED_CALLER if reach.is_attesting() => {
                "the gateway did not ask what this machine is: its configuration needs [callers]".to_owned()
            }
            problem::ATTESTED_CALLER => {
                "add --attest auto, inside an enclave; or, to write, --operator-key FILE".to_owned()
            }
            problem::SECRET_REFUSED => {
                "ask whoever runs the gateway: its log and the audit of secrets say which rule failed"
                    .to_owned()
            }
            problem::SECRET_NOT_PROVISIONED => format!(
                "secrets are in the memory of one instance, and go with it. Put it: sealwire secrets put {name} {}",
                reach.flags()
            ),
            problem::SECRET_VERSION => about_version(version),
            problem::SECRET_AUDIT => {
                "nothing was done. Whoever runs the gateway finds the reason in its log: is the disk full?"
                    .to_owned()
            }
            _ if status == StatusCode::INSUFFICIENT_STORAGE => {
                "an instance has room for 1024 secrets and 16 MiB: delete one".to_owned()
            }
            _ if status == StatusCode::NOT_FOUND => {
                "the gateway's configuration has no [[secret]], so it keeps none".to_owned()
            }
            _ => return failure,
        };
        failure.next(next)
    }
}

/// The peer is accepted, and its words are still not for a terminal as they are.
fn told(title: &str) -> String {
    title.chars().filter(|c| !c.is_control()).take(200).collect()
}

fn version(tag: &str) -> Option<u64> {
    tag.strip_prefix('"')?.strip_suffix('"')?.parse().ok()
}

async fn gather(mut body: Body) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let mut content = Zeroizing::new(Vec::with_capacity(MAX_ANSWER));
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| anyhow!("the answer broke off: {error}"))?;
        let Ok(data) = frame.into_data() else { continue };
        if content.len().saturating_add(data.len()) > MAX_ANSWER {
            return Err(anyhow!("the answer is longer than 1 MiB").into());
        }
        content.extend_from_slice(&data);
    }
    Ok(content)
}
