//! `ws_connect`, `ws_event`, `ws_message` and `ws_close`.

use super::{
    Content,
    codec::{Fields, id, required},
};
use crate::{Dropped, Id, cbor::Writer};
use bytes::Bytes;

/// Opens a socket (TU-10).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connect {
    /// names the socket among those of its connection
    pub id: Id,
    /// `ws://` or `wss://`, whose authority is ignored, or path and query
    pub url: String,
    /// subprotocols on offer
    pub protocols: Vec<String>,
}

impl Connect {
    pub(super) const TYPE: &str = "ws_connect";

    pub(super) fn of(fields: Fields<'_>) -> Result<Self, Dropped> {
        Ok(Self {
            id: id(fields.connection_id, "connectionId")?,
            url: required(fields.url, "url")?.to_owned(),
            protocols: fields.protocols.into_iter().map(str::to_owned).collect(),
        })
    }

    pub(super) fn write(&self, headroom: usize) -> Vec<u8> {
        let Self { id, url, protocols } = self;
        let mut writer = Writer::behind(headroom, url.len().saturating_add(256));
        writer.map(if protocols.is_empty() { 3 } else { 4 });
        writer.field("type", Self::TYPE);
        writer.field("connectionId", id.as_str());
        writer.field("url", url);
        if !protocols.is_empty() {
            writer.text("protocols");
            writer.array(protocols.len());
            protocols.iter().for_each(|protocol| writer.text(protocol));
        }
        writer.finish()
    }
}

/// What has happened to a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// the socket's
    pub id: Id,
    /// what
    pub happened: Happened,
}

/// The kinds of event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happened {
    /// it is open
    Open,
    /// it was closed
    Close {
        /// status; none where none was sent
        code: Option<u16>,
        /// reason
        reason: String,
    },
    /// it could not be opened, or broke. A fixed phrase (TU-28)
    Error(String),
}

impl Event {
    pub(super) const TYPE: &str = "ws_event";

    pub(super) fn of(fields: Fields<'_>) -> Result<Self, Dropped> {
        let happened = match required(fields.event, "eventType")? {
            "open" => Happened::Open,
            "close" => {
                Happened::Close { code: fields.code, reason: fields.reason.unwrap_or_default().to_owned() }
            }
            "error" => Happened::Error(fields.error.unwrap_or_default().to_owned()),
            _ => return Err(Dropped::Field("eventType")),
        };
        Ok(Self { id: id(fields.connection_id, "connectionId")?, happened })
    }

    pub(super) fn write(&self, headroom: usize) -> Vec<u8> {
        let mut writer = Writer::behind(headroom, 256);
        let (pairs, kind) = match &self.happened {
            Happened::Open => (3, "open"),
            Happened::Close { code: Some(_), .. } => (5, "close"),
            Happened::Close { code: None, .. } => (4, "close"),
            Happened::Error(_) => (4, "error"),
        };
        writer.map(pairs);
        writer.field("type", Self::TYPE);
        writer.field("connectionId", self.id.as_str());
        writer.field("eventType", kind);
        match &self.happened {
            Happened::Open => {}
            Happened::Close { code, reason } => {
                if let Some(code) = code {
                    writer.text("code");
                    writer.uint(*code);
                }
                writer.field("reason", reason);
            }
            Happened::Error(error) => writer.field("error", error),
        }
        writer.finish()
    }
}

/// A message in a socket, whole. What it is comes from the frame that it was (TU-29).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// the socket's
    pub id: Id,
    /// a text or a binary frame
    pub data: Content,
}

impl Frame {
    pub(super) const TYPE: &str = "ws_message";

    pub(super) fn of(fields: Fields<'_>, message: &Bytes) -> Result<Self, Dropped> {
        let id = id(fields.connection_id, "connectionId")?;
        let data = fields.data.and_then(|data| Content::of(data, message));
        let data = required(data, "data")?;
        match (required(fields.data_type, "dataType")?, &data) {
            ("string", Content::Text(_)) | ("arraybuffer", Content::Bytes(_)) => Ok(Self { id, data }),
            _ => Err(Dropped::Field("dataType")),
        }
    }

    pub(super) fn write(&self, headroom: usize) -> Vec<u8> {
        let mut writer = Writer::behind(headroom, self.data.len().saturating_add(256));
        writer.map(4);
        writer.field("type", Self::TYPE);
        writer.field("connectionId", self.id.as_str());
        writer.text("data");
        self.data.write(&mut writer);
        let data_type = match self.data {
            Content::Text(_) => "string",
            Content::Bytes(_) => "arraybuffer",
        };
        writer.field("dataType", data_type);
        writer.finish()
    }
}

/// Closes a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Close {
    /// the socket's
    pub id: Id,
    /// status
    pub code: Option<u16>,
    /// reason
    pub reason: String,
}

impl Close {
    pub(super) const TYPE: &str = "ws_close";

    pub(super) fn of(fields: Fields<'_>) -> Result<Self, Dropped> {
        let id = id(fields.connection_id, "connectionId")?;
        Ok(Self { id, code: fields.code, reason: fields.reason.unwrap_or_default().to_owned() })
    }

    pub(super) fn write(&self, headroom: usize) -> Vec<u8> {
        let Self { id, code, reason } = self;
        let mut writer = Writer::behind(headroom, reason.len().saturating_add(128));
        writer.map(if code.is_some() { 4 } else { 3 });
        writer.field("type", Self::TYPE);
        writer.field("connectionId", id.as_str());
        if let Some(code) = code {
            writer.text("code");
            writer.uint(*code);
        }
        writer.field("reason", reason);
        writer.finish()
    }
}
