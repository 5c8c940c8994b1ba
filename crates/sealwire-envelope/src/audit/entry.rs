//! One entry of version 2 (SP-71): a JSON text of one line, in its one spelling.

use std::borrow::Cow;

use sealwire_crypto::digest::sha256;

use super::LOG_ID_LEN;
use crate::{
    base64url,
    canonical::{write_integer, write_string},
    json::{self, DOCUMENT_DEPTH},
};

const VERSION: &str = "sw-audit/2";
const LABEL: &[u8] = b"sw-audit/2 entry\0";

/// How long a value may be, in bytes (SP-76).
const MAX_VALUE: usize = 256;

/// The hash of an entry, by which the next one names it.
pub type Hash = [u8; 32];

/// What the first entry names.
pub const GENESIS: Hash = [0; 32];

/// The hash of an entry's line (SP-71), without the newline.
#[must_use]
pub fn hash(line: &str) -> Hash {
    sha256(&[LABEL, line.as_bytes()])
}

/// What an entry is about (SP-71).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// a message was taken
    VerifyOk,
    /// a message was refused
    VerifyFail,
    /// SP-82
    RateLimited,
    /// SP-78
    SenderDenied,
    /// SP-31
    ResponseSigned,
    /// SP-37
    Replay,
    /// a key was registered, changed its state, or was revoked
    KeyEvent,
    /// configuration in force, and switches that relax it (SP-01)
    Config,
    /// the first entry of a segment (SP-74)
    Segment,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 9] = [
        Self::VerifyOk,
        Self::VerifyFail,
        Self::RateLimited,
        Self::SenderDenied,
        Self::ResponseSigned,
        Self::Replay,
        Self::KeyEvent,
        Self::Config,
        Self::Segment,
    ];

    /// The name in a line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::VerifyOk => "verify-ok",
            Self::VerifyFail => "verify-fail",
            Self::RateLimited => "rate-limited",
            Self::SenderDenied => "sender-denied",
            Self::ResponseSigned => "response-signed",
            Self::Replay => "replay",
            Self::KeyEvent => "key-event",
            Self::Config => "config",
            Self::Segment => "segment",
        }
    }

    /// The kind of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// What happened, as the caller tells it: an entry without its place in the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// member `type`
    pub kind: Kind,
    /// more about it, such as the switches in use
    pub detail: Option<String>,
    /// `messageId` of the envelope
    pub envelope_id: Option<String>,
    /// fingerprint of the key that verified (SP-16)
    pub fp: Option<String>,
    /// method of the request
    pub method: Option<String>,
    /// path of the request; a query is cut off
    pub path: Option<String>,
    /// glob of the policy that decided
    pub policy: Option<String>,
    /// why it was refused (SP-13)
    pub reason: Option<String>,
    /// `recipient` of the envelope
    pub recipient: Option<String>,
    /// `sender` of the envelope
    pub sender: Option<String>,
    /// status of the answer
    pub status: Option<u64>,
    /// where the request went
    pub upstream: Option<String>,
}

impl Event {
    /// One of a kind, with nothing known yet.
    #[must_use]
    pub const fn new(kind: Kind) -> Self {
        Self {
            kind,
            detail: None,
            envelope_id: None,
            fp: None,
            method: None,
            path: None,
            policy: None,
            reason: None,
            recipient: None,
            sender: None,
            status: None,
            upstream: None,
        }
    }
}

/// An entry: an event at its place in a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// what happened
    pub event: Event,
    /// which log
    pub log: [u8; LOG_ID_LEN],
    /// the how manyth entry of the log, from 0
    pub seq: u64,
    /// hash of the entry before; [`GENESIS`] for the first
    pub prev: Hash,
    /// when, in milliseconds since the Unix epoch
    pub ts: u64,
}

impl Entry {
    /// The line, without a newline. Values are cut to 256 bytes and a path to before its query (SP-76).
    #[must_use]
    pub fn to_line(&self) -> String {
        let event = &self.event;
        let path = event.path.as_deref().map(|path| path.split('?').next().unwrap_or(path));
        let mut line = bounded();
        line.text("detail", event.detail.as_deref());
        line.text("envelopeId", event.envelope_id.as_deref());
        line.text("fp", event.fp.as_deref());
        line.text("log", Some(&base64url::encode(self.log)));
        line.text("method", event.method.as_deref());
        line.text("path", path);
        line.text("policy", event.policy.as_deref());
        line.text("prev", Some(&hex(&self.prev)));
        line.text("reason", event.reason.as_deref());
        line.text("recipient", event.recipient.as_deref());
        line.text("sender", event.sender.as_deref());
        line.number("seq", Some(self.seq));
        line.number("status", event.status);
        line.number("ts", Some(self.ts));
        line.text("type", Some(event.kind.name()));
        line.text("upstream", event.upstream.as_deref());
        line.text("v", Some(VERSION));
        line.finish()
    }

    /// Reads a line. It has to be spelt exactly as [`Entry::to_line`] spells it, so that there is one line for each entry.
    ///
    /// # Errors
    /// [`json::Error`]
    pub fn from_line(line: &str) -> Result<Self, json::Error> {
        let mut members = Members::default();
        json::read(line.as_bytes(), DOCUMENT_DEPTH, |reader| {
            reader.object(|name, reader| members.take(name, reader))
        })?;
        let entry = members.entry()?;
        // Order, white space, escapes and values that are too long all show here.
        if entry.to_line() == line { Ok(entry) } else { Err(json::Error::Syntax) }
    }
}

#[derive(Default)]
struct Members {
    detail: Option<String>,
    envelope_id: Option<String>,
    fp: Option<String>,
    log: Option<[u8; LOG_ID_LEN]>,
    method: Option<String>,
    path: Option<String>,
    policy: Option<String>,
    prev: Option<Hash>,
    reason: Option<String>,
    recipient: Option<String>,
    sender: Option<String>,
    seq: Option<u64>,
    status: Option<u64>,
    ts: Option<u64>,
    kind: Option<Kind>,
    upstream: Option<String>,
    version: bool,
}

impl Members {
    fn take(&mut self, name: &str, reader: &mut json::Reader<'_>) -> Result<(), json::Error> {
        let mut text = || reader.string().map(|text| Some(Cow::into_owned(text)));
        match name {
            "detail" => self.detail = text()?,
            "envelopeId" => self.envelope_id = text()?,
            "fp" => self.fp = text()?,
            "log" => self.log = base64url::decode_array(&*reader.string()?).ok(),
            "method" => self.method = text()?,
            "path" => self.path = text()?,
            "policy" => self.policy = text()?,
            "prev" => self.prev = from_hex(&reader.string()?),
            "reason" => self.reason = text()?,
            "recipient" => self.recipient = text()?,
            "sender" => self.sender = text()?,
            "seq" => self.seq = Some(reader.integer()?),
            "status" => self.status = Some(reader.integer()?),
            "ts" => self.ts = Some(reader.integer()?),
            "type" => self.kind = Kind::from_name(&reader.string()?),
            "upstream" => self.upstream = text()?,
            "v" => self.version = reader.string()? == VERSION,
            _ => return Err(json::Error::UnknownMember),
        }
        Ok(())
    }

    fn entry(self) -> Result<Entry, json::Error> {
        if !self.version {
            return Err(json::Error::MissingMember);
        }
        Ok(Entry {
            event: Event {
                kind: json::required(self.kind)?,
                detail: self.detail,
                envelope_id: self.envelope_id,
                fp: self.fp,
                method: self.method,
                path: self.path,
                policy: self.policy,
                reason: self.reason,
                recipient: self.recipient,
                sender: self.sender,
                status: self.status,
                upstream: self.upstream,
            },
            log: json::required(self.log)?,
            seq: json::required(self.seq)?,
            prev: json::required(self.prev)?,
            ts: json::required(self.ts)?,
        })
    }
}

/// An object of one line whose members are written in the order in which they are given.
pub(super) struct Line {
    out: Vec<u8>,
    max_value: usize,
}

/// A line of version 2, whose values are bounded (SP-76).
pub(super) fn bounded() -> Line {
    Line { out: Vec::new(), max_value: MAX_VALUE }
}

/// A line of version 1, whose values stand as they are.
pub(super) fn unbounded() -> Line {
    Line { out: Vec::new(), max_value: usize::MAX }
}

impl Line {
    pub(super) fn text(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.name(name);
            write_string(front(value, self.max_value), &mut self.out);
        }
    }

    pub(super) fn number(&mut self, name: &str, value: Option<u64>) {
        if let Some(value) = value {
            self.name(name);
            write_integer(value, &mut self.out);
        }
    }

    pub(super) fn finish(mut self) -> String {
        self.out.push(b'}');
        // Only whole strings and digits were written.
        String::from_utf8(self.out).unwrap_or_default()
    }

    fn name(&mut self, name: &str) {
        self.out.push(if self.out.is_empty() { b'{' } else { b',' });
        write_string(name, &mut self.out);
        self.out.push(b':');
    }
}

/// The front of a value, cut between characters.
fn front(value: &str, max: usize) -> &str {
    value.get(..value.floor_char_boundary(max)).unwrap_or(value)
}

pub(super) fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 0xf)]).collect()
}

/// 32 bytes in lower-case hexadecimal.
pub(super) fn from_hex(text: &str) -> Option<Hash> {
    let mut out = [0; 32];
    if text.len() != 64 {
        return None;
    }
    let nibble = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let (pairs, _) = text.as_bytes().as_chunks::<2>();
    for (byte, [high, low]) in out.iter_mut().zip(pairs) {
        *byte = nibble(*high)? << 4 | nibble(*low)?;
    }
    Some(out)
}
