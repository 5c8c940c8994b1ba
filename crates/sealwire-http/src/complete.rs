//! Whether content that has ended is all of it, on wires where the end of a message is nobody's word (EH-22, HH-97).
//!
//! Nothing here judges what content says: it only finds an end that comes too early, where the content's own form tells.

use http::{HeaderMap, header};
use std::sync::Arc;

/// What is asked of content that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completeness {
    /// JSON is one whole document
    pub json: bool,
    /// an event stream ends behind a whole event
    pub events: bool,
    /// the last event of an event stream has this line, such as `data: [DONE]`
    pub last_line: Option<Arc<str>>,
}

impl Default for Completeness {
    /// Whole documents and whole events. Which event is the last one, applications alone know.
    fn default() -> Self {
        Self { json: true, events: true, last_line: None }
    }
}

impl Completeness {
    /// What watches content with these fields. Who wants a last line wants nothing that could hide it: the fields are anybody's
    /// word on the way.
    pub(crate) fn watch(&self, headers: &HeaderMap) -> Watch {
        match self.found(headers) {
            Watch::Nothing if self.last_line.is_some() => Watch::Unwatchable,
            watch => watch,
        }
    }

    /// The same, for who takes only what can be watched.
    pub(crate) fn demand(&self, headers: &HeaderMap) -> Watch {
        match self.found(headers) {
            Watch::Nothing => Watch::Unwatchable,
            watch => watch,
        }
    }

    fn found(&self, headers: &HeaderMap) -> Watch {
        // A coding hides what is in it.
        let is_plain = headers
            .get_all(header::CONTENT_ENCODING)
            .iter()
            .all(|coding| coding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"identity"));
        let found = headers.get(header::CONTENT_TYPE).and_then(|found| found.to_str().ok());
        let media_type = found.and_then(|found| found.split(';').next()).unwrap_or_default().trim();
        let media_type = media_type.to_ascii_lowercase();
        match () {
            () if !is_plain => Watch::Nothing,
            () if self.json && (media_type == "application/json" || media_type.ends_with("+json")) => {
                Watch::Json(Json::default())
            }
            () if media_type == "text/event-stream" && (self.events || self.last_line.is_some()) => {
                Watch::Events(Events::new(self.last_line.clone()))
            }
            () => Watch::Nothing,
        }
    }
}

/// Watches content go by.
#[derive(Debug)]
pub(crate) enum Watch {
    /// its form tells nothing of its end
    Nothing,
    /// neither does this one's, and something has to: it is never complete
    Unwatchable,
    Json(Json),
    Events(Events),
}

impl Watch {
    pub(crate) fn push(&mut self, content: &[u8]) {
        match self {
            Self::Nothing | Self::Unwatchable => {}
            Self::Json(json) => json.push(content),
            Self::Events(events) => events.push(content),
        }
    }

    /// Whether what went by may be all.
    pub(crate) fn is_complete(&self) -> bool {
        match self {
            Self::Nothing => true,
            Self::Unwatchable => false,
            Self::Json(json) => json.is_complete(),
            Self::Events(events) => events.is_complete(),
        }
    }
}

/// The longest literal, `false`.
const LITERAL: usize = 5;

/// How far a JSON document (RFC 8259) has come: brackets are counted, not held against each other.
#[derive(Debug, Default)]
pub(crate) struct Json {
    depth: u64,
    in_string: bool,
    after_backslash: bool,
    /// a string or brackets have closed at the top: white space alone may follow
    closed: bool,
    /// something else than white space followed
    broken: bool,
    /// front of a number or literal at the top
    scalar: ([u8; LITERAL], usize),
    /// last byte of it
    last: u8,
}

impl Json {
    fn push(&mut self, content: &[u8]) {
        for &byte in content {
            if self.in_string {
                self.string(byte);
            } else {
                self.structure(byte);
            }
        }
    }

    fn string(&mut self, byte: u8) {
        match byte {
            _ if self.after_backslash => self.after_backslash = false,
            b'\\' => self.after_backslash = true,
            b'"' => {
                self.in_string = false;
                self.closed = self.depth == 0;
            }
            _ => {}
        }
    }

    fn structure(&mut self, byte: u8) {
        if matches!(byte, b' ' | b'\t' | b'\r' | b'\n') {
            self.closed |= self.depth == 0 && self.is_scalar();
            return;
        }
        self.broken |= self.closed;
        match byte {
            b'"' => self.in_string = true,
            b'{' | b'[' => self.depth = self.depth.saturating_add(1),
            b'}' | b']' => match self.depth.checked_sub(1) {
                Some(depth) => {
                    self.depth = depth;
                    self.closed = depth == 0;
                }
                None => self.broken = true,
            },
            _ if self.depth == 0 => {
                let (front, len) = &mut self.scalar;
                if let Some(place) = front.get_mut(*len) {
                    *place = byte;
                }
                *len = len.saturating_add(1);
                self.last = byte;
            }
            _ => {}
        }
    }

    /// Whether a number or literal at the top may be whole. Of a number nobody can say whether digits are missing.
    fn is_scalar(&self) -> bool {
        let (front, len) = &self.scalar;
        let literal = front.get(..*len).unwrap_or_default();
        let is_literal = [&b"true"[..], b"false", b"null"].contains(&literal);
        let is_number = front.first().is_some_and(|first| first.is_ascii_digit() || *first == b'-');
        *len > 0 && (is_literal || (is_number && self.last.is_ascii_digit()))
    }

    fn is_complete(&self) -> bool {
        !self.broken && !self.in_string && self.depth == 0 && (self.closed || self.is_scalar())
    }
}

/// How far an event stream (HTML section 9.2.6) has come.
#[derive(Debug)]
pub(crate) struct Events {
    last_line: Option<Arc<str>>,
    /// the line that is being read is, so far, `Some(bytes)` of `last_line`; `None` once it is another
    matched: Option<usize>,
    line_is_empty: bool,
    after_cr: bool,
    /// the event that is being read has lines
    open: bool,
    /// it has the last line
    has_last: bool,
    /// the event before it had
    ended: bool,
}

impl Events {
    fn new(last_line: Option<Arc<str>>) -> Self {
        Self {
            last_line,
            matched: Some(0),
            line_is_empty: true,
            after_cr: false,
            open: false,
            has_last: false,
            ended: false,
        }
    }

    fn push(&mut self, content: &[u8]) {
        for &byte in content {
            if std::mem::take(&mut self.after_cr) && byte == b'\n' {
                continue;
            }
            match byte {
                b'\r' | b'\n' => {
                    self.after_cr = byte == b'\r';
                    self.line();
                }
                other => {
                    let wanted = self.last_line.as_deref().unwrap_or_default().as_bytes();
                    let fits = |at: &usize| wanted.get(*at) == Some(&other);
                    self.matched = self.matched.filter(fits).map(|at| at.saturating_add(1));
                    self.line_is_empty = false;
                }
            }
        }
    }

    /// A line has ended.
    fn line(&mut self) {
        if std::mem::replace(&mut self.line_is_empty, true) {
            if std::mem::take(&mut self.open) {
                self.ended = std::mem::take(&mut self.has_last);
            }
        } else {
            let wanted = self.last_line.as_deref().map(str::len);
            self.has_last |= wanted.is_some() && self.matched == wanted;
            self.open = true;
        }
        self.matched = Some(0);
    }

    fn is_complete(&self) -> bool {
        self.line_is_empty && !self.open && (self.last_line.is_none() || self.ended)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use proptest::prelude::*;

    fn fields(media_type: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(media_type))])
    }

    fn is_complete(completeness: &Completeness, media_type: &'static str, content: &str) -> bool {
        let mut watch = completeness.watch(&fields(media_type));
        watch.push(content.as_bytes());
        watch.is_complete()
    }

    // EH-22, HH-97: every cut of a JSON document is found, but of one that is nothing but a number.
    #[test]
    fn a_cut_json_document_is_found() {
        let whole = Completeness::default();
        for document in
            [r#"{"a":"}\"]\\","b":[1,{"c":null}]}"#, "[]", r#""x\\""#, "true", "null", r#" [ "\u0022" ] "#]
        {
            assert!(is_complete(&whole, "application/json", document), "{document}");
            let trimmed = document.trim_end();
            for end in 0..trimmed.len() {
                assert!(!is_complete(&whole, "application/json", &document[..end]), "{}", &document[..end]);
            }
        }
        assert!(is_complete(&whole, "application/problem+json; charset=utf-8", "{}\n"));
        assert!(is_complete(&whole, "application/json", "-12.5\n"));
        for broken in ["{}{}", "1 2", "}", "-", "tru", "12.", "[] x"] {
            assert!(!is_complete(&whole, "application/json", broken), "{broken}");
        }
        let lax = Completeness { json: false, events: false, last_line: None };
        assert!(is_complete(&lax, "application/json", "{"));
        assert!(is_complete(&lax, "text/event-stream", "data: x"));
    }

    // EH-22: an event stream ends behind an event; behind the last one, where it is known.
    #[test]
    fn a_cut_event_stream_is_found() {
        let whole = Completeness::default();
        let complete = |content: &str| is_complete(&whole, "Text/Event-Stream; charset=utf-8", content);
        for stream in ["", "data: 1\n\n", "data: 1\r\n\r\ndata: 2\r\r", ": ping\n\n\n\n"] {
            assert!(complete(stream), "{stream:?}");
        }
        for cut in ["data: 1", "data: 1\n", "data: 1\n\ndata: 2\n", "data: 1\r\n"] {
            assert!(!complete(cut), "{cut:?}");
        }
        let known = Completeness { last_line: Some("data: [DONE]".into()), ..Completeness::default() };
        let complete = |content: &str| is_complete(&known, "text/event-stream", content);
        assert!(complete("data: 1\n\nid: 2\ndata: [DONE]\n\n"));
        for cut in ["", "data: 1\n\n", "data: [DONE]\n", "data: [DONE]!\n\n", "data: [DONE]\n\ndata: 1\n\n"] {
            assert!(!complete(cut), "{cut:?}");
        }
    }

    #[test]
    fn a_coding_hides_the_form() {
        let mut headers = fields("application/json");
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        assert!(Completeness::default().watch(&headers).is_complete());
    }

    // EH-22, HH-97: type and coding come in clear, so that who cuts content changes them as well.
    #[test]
    fn a_type_that_hides_the_end_is_no_way_around() {
        let known = Completeness { last_line: Some("data: [DONE]".into()), ..Completeness::default() };
        let cut = "data: 1\n\n";
        for media_type in ["text/plain", "text/event-stream2", "", "application/json", "a/b+json"] {
            assert!(!is_complete(&known, media_type, cut), "{media_type}");
            assert!(is_complete(&Completeness::default(), "text/plain", cut));
        }
        assert!(!known.watch(&HeaderMap::new()).is_complete());
        // What is not streamed has an end of its own.
        assert!(is_complete(&known, "application/json", r#"{"error":1}"#));
        let mut headers = fields("text/event-stream");
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        let mut watch = known.watch(&headers);
        watch.push(b"data: [DONE]\n\n");
        assert!(!watch.is_complete());

        let whole = Completeness::default();
        assert!(!whole.demand(&fields("text/plain")).is_complete());
        assert!(!whole.demand(&headers).is_complete());
        let mut watch = whole.demand(&fields("application/json"));
        watch.push(b"{}");
        assert!(watch.is_complete());
    }

    proptest! {
        // How content is divided says nothing of where it ends.
        #[test]
        fn divisions_change_nothing(
            content in "[ \"\\\\\\[\\]{}a1:,\r\n]{0,40}",
            at in any::<prop::sample::Index>(),
            media_type in prop::sample::select(vec!["application/json", "text/event-stream"]),
        ) {
            let whole = Completeness { last_line: Some("a1".into()), ..Completeness::default() };
            let (front, back) = content.as_bytes().split_at(at.index(content.len() + 1));
            let mut divided = whole.watch(&fields(media_type));
            divided.push(front);
            divided.push(back);
            prop_assert_eq!(divided.is_complete(), is_complete(&whole, media_type, &content));
        }
    }
}
