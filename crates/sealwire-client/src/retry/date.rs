//! "Your Date is off": the one retry that a wrong clock permits (OB-43).

use http::{HeaderValue, Response, StatusCode, header};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use sealwire_http::{Body, BoxError, body, problem};
use std::time::SystemTime;

/// Bytes of a problem document that are read for its type.
const CAP: usize = 8 << 10;

/// What an answer says about the Date that was sent.
pub(crate) enum Verdict {
    /// Nothing.
    Fine(Response<Body>),
    /// It is outside of the window. The gateway's own time, to be used for one retry and nothing else.
    Off(HeaderValue, Response<Body>),
}

/// Looks at an answer. What is not a problem document passes untouched; of one, at most [`CAP`] bytes are read ahead.
pub(crate) async fn judge(response: Response<Body>) -> Verdict {
    let headers = response.headers();
    let is_problem = response.status() == StatusCode::BAD_REQUEST
        && headers.get(header::CONTENT_TYPE).is_some_and(|media_type| media_type == problem::MEDIA_TYPE);
    let date = headers.get(header::DATE).and_then(as_date);
    let (true, Some(date)) = (is_problem, date) else { return Verdict::Fine(response) };
    let (head, content) = response.into_parts();
    let (start, content) = peek(content).await;
    let response = Response::from_parts(head, content);
    if has_type(&start, problem::DATE) { Verdict::Off(date, response) } else { Verdict::Fine(response) }
}

/// Only a date goes back into a request.
fn as_date(value: &HeaderValue) -> Option<HeaderValue> {
    let date: SystemTime = httpdate::parse_http_date(value.to_str().ok()?).ok()?;
    HeaderValue::from_str(&httpdate::fmt_http_date(date)).ok()
}

fn has_type(document: &[u8], kind: &str) -> bool {
    #[derive(serde::Deserialize)]
    struct Problem {
        #[serde(rename = "type")]
        kind: String,
    }
    serde_json::from_slice::<Problem>(document).is_ok_and(|problem| problem.kind == kind)
}

/// The first bytes of a body, and the body as it was.
async fn peek(mut content: Body) -> (Vec<u8>, Body) {
    let mut start = Vec::new();
    let mut frames: Vec<Result<Frame<bytes::Bytes>, BoxError>> = Vec::new();
    while start.len() <= CAP {
        let Some(frame) = content.frame().await else { break };
        if let Ok(frame) = &frame
            && let Some(data) = frame.data_ref()
        {
            start.extend_from_slice(data);
        }
        let failed = frame.is_err();
        frames.push(frame);
        if failed {
            break;
        }
    }
    let read = futures_util::stream::iter(frames);
    let rest = http_body_util::BodyStream::new(content);
    (start, body::boxed(StreamBody::new(futures_util::StreamExt::chain(read, rest))))
}
