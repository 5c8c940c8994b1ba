//! The status page: for people at `/`, for programs at `/status.json`.

use super::{far::Far, guard::Guard, problem, status::View};
use crate::serving::Page;
use axum::{
    Router,
    extract::{Request, State},
    middleware::{self, Next},
    response::{Html, IntoResponse, Response},
    routing::get,
};
use http::{HeaderName, HeaderValue, header};
use serde_json::Value;
use std::{fmt::Write, sync::Arc};

/// No scripts, nothing from elsewhere, in no frame, in no cache.
const FIELDS: [(HeaderName, &str); 5] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem;\
color:#1a1a1a;background:#fff}h1{font-size:1.4rem}h2{font-size:1.05rem;margin-top:2rem}\
table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;padding:.25rem .75rem .25rem 0;\
border-bottom:1px solid #ddd;overflow-wrap:anywhere}th{font-weight:500;width:14rem}\
.yes{color:#0a6b2d}.no{color:#a3130f}.note{background:#fff4d6;padding:.5rem .75rem}\
@media(prefers-color-scheme:dark){body{color:#e8e8e8;background:#161616}th,td{border-color:#3a3a3a}\
.yes{color:#5fd38a}.no{color:#ff8a80}.note{background:#4a3b10}}";

pub(super) fn service<C: Far>(view: View<C>, guard: Guard) -> Page {
    let guard = Arc::new(guard);
    Page::new(
        Router::new()
            .route("/", get(|State(view): State<View<C>>| async move { Html(html(&view.json())) }))
            .route("/status.json", get(|State(view): State<View<C>>| async move { axum::Json(view.json()) }))
            .layer(middleware::from_fn(move |request, next| enter(guard.clone(), request, next)))
            .with_state(view),
    )
}

/// The page says whom this machine talks to: no other site may read it.
async fn enter(guard: Arc<Guard>, request: Request, next: Next) -> Response {
    let (head, content) = request.into_parts();
    let mut response = match guard.check(&head) {
        Ok(_) => next.run(Request::from_parts(head, content)).await,
        Err(refusal) => problem::refused(&refusal).map(axum::body::Body::new).into_response(),
    };
    for (name, value) in FIELDS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

fn html(status: &Value) -> String {
    let (attested, pinned) = (status["state"] == "attested", status["state"] == "pinned");
    let mut out = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\">\
         <title>Sealwire</title><style>{STYLE}</style><h1>Sealwire: {}</h1>",
        escaped(&text(&status["authority"]))
    );
    let (class, sentence) = if attested {
        ("yes", "The gateway proved what the policy asks for. Requests are sealed to it.")
    } else if pinned {
        (
            "no",
            "Not attested: requests are sealed to a key that you gave, and nothing proves what runs behind it.",
        )
    } else {
        ("no", "The gateway shows something that the policy refuses. Nothing is sent to it.")
    };
    let _ = write!(out, "<p class={class}><strong>{sentence}</strong></p>");
    if status["development"] == true {
        out.push_str(
            "<p class=note>This is a development machine's evidence. No hardware protects what you send.</p>",
        );
    }
    if !attested && !pinned {
        out.push_str("<h2>What is refused now</h2>");
        reasons(&mut out, &status["refused"]);
    }
    if !pinned {
        section(&mut out, "Verified", &status["verified"], &["verdict"]);
        section(&mut out, "Checks", at(status, "/verified/verdict/checks"), &[]);
        section(&mut out, "What the evidence says", at(status, "/verified/verdict/claims"), &[]);
        if status["document"].is_object() {
            section(&mut out, "Key document", &status["document"], &[]);
        }
    }
    section(&mut out, "Wire", &status["wire"], &[]);
    if status["channel"].is_object() {
        section(&mut out, "Channel, for WebSockets and gRPC", &status["channel"], &[]);
    }
    if status["revocation-list"].is_object() {
        section(&mut out, "Revocation list", &status["revocation-list"], &[]);
    }
    let ways = [("Programs come to", "listen"), ("Gateway", "to"), ("Relay", "relay")];
    out.push_str("<h2>Ways</h2><table>");
    for (name, member) in ways {
        row(&mut out, name, &status[member]);
    }
    out.push_str("</table>");
    section(&mut out, "Counts", &status["counts"], &[]);
    if !pinned {
        last_refusals(&mut out, status);
    }
    out.push_str("<p><a href=/status.json>status.json</a></p></html>\n");
    out
}

fn last_refusals(out: &mut String, status: &Value) {
    out.push_str("<h2>Last refusals</h2>");
    match status["refusals"].as_array() {
        Some(refusals) if !refusals.is_empty() => {
            for refusal in refusals.iter().rev() {
                let _ = write!(out, "<p>{}</p>", escaped(&text(&refusal["at"])));
                reasons(out, &refusal["reasons"]);
            }
        }
        _ => out.push_str("<p>None.</p>"),
    }
}

fn section(out: &mut String, title: &str, members: &Value, without: &[&str]) {
    let _ = write!(out, "<h2>{title}</h2><table>");
    for (name, value) in members.as_object().into_iter().flatten() {
        if !without.contains(&name.as_str()) {
            row(out, name, value);
        }
    }
    out.push_str("</table>");
}

fn row(out: &mut String, name: &str, value: &Value) {
    let _ = write!(out, "<tr><th>{}<td>{}", escaped(name), escaped(&text(value)));
}

fn reasons(out: &mut String, reasons: &Value) {
    out.push_str("<table><tr><th>Rule<th>Expected<th>Found");
    for reason in reasons.as_array().into_iter().flatten() {
        let cell = |member: &str| escaped(&text(&reason[member]));
        let _ = write!(
            out,
            "<tr><td>{} ({})<td>{}<td>{}",
            cell("rule"),
            cell("code"),
            cell("expected"),
            cell("found")
        );
    }
    out.push_str("</table>");
}

fn at<'a>(status: &'a Value, place: &str) -> &'a Value {
    status.pointer(place).unwrap_or(&Value::Null)
}

/// A value in words.
fn text(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(", "),
        Value::Object(members) => {
            let each = members.iter().map(|(name, value)| format!("{name}: {}", text(value)));
            each.collect::<Vec<_>>().join("; ")
        }
        plain => plain.to_string(),
    }
}

/// Values come from a gateway; in the page they are text and nothing else.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_a_gateway_says_is_text() {
        let hostile = "<script>\"'&</script>";
        let status = json!({
            "state": "refused",
            "authority": hostile,
            "document": { hostile: [hostile] },
            "refused": [{ "code": hostile, "rule": hostile, "expected": hostile, "found": hostile }],
            "refusals": [{ "at": hostile, "reasons": [] }],
        });
        let page = html(&status);
        assert!(!page.contains("<script"), "{page}");
        assert!(page.contains("&lt;script&gt;&quot;&#39;&amp;"));
    }
}
