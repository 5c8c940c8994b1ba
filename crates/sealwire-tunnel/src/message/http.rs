//! `http_request` and `http_response`.

use super::{
    Content,
    codec::{Fields, headers, id, required},
};
use crate::{Dropped, Id, cbor::Writer};
use bytes::Bytes;

/// A request. Nothing in it is checked but its form: method, target and fields are whatever texts came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// names it among those of its connection
    pub id: Id,
    /// method
    pub method: String,
    /// absolute, or path and query; the host is ignored
    pub url: String,
    /// fields, no name twice in the same case
    pub headers: Vec<(String, String)>,
    /// whole content
    pub body: Option<Content>,
}

impl Request {
    pub(super) const TYPE: &str = "http_request";

    pub(super) fn of(fields: Fields<'_>, message: &Bytes) -> Result<Self, Dropped> {
        Ok(Self {
            id: id(fields.request_id, "requestId")?,
            method: required(fields.method, "method")?.to_owned(),
            url: required(fields.url, "url")?.to_owned(),
            headers: owned(fields.headers.unwrap_or_default()),
            body: fields.body.and_then(|body| Content::of(body, message)),
        })
    }

    pub(super) fn write(&self, headroom: usize) -> Vec<u8> {
        let Self { id, method, url, headers: fields, body } = self;
        let mut writer = Writer::behind(headroom, room(fields, body.as_ref()).saturating_add(url.len()));
        writer.map(6);
        writer.field("type", Self::TYPE);
        writer.field("requestId", id.as_str());
        writer.field("method", method);
        writer.field("url", url);
        headers(&mut writer, fields);
        write_body(&mut writer, body.as_ref());
        writer.finish()
    }
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// of its request
    pub id: Id,
    /// status
    pub status: u16,
    /// reason phrase
    pub status_text: String,
    /// fields, several values of one name joined
    pub headers: Vec<(String, String)>,
    /// whole content; none with status 204 (TU-09)
    pub body: Option<Content>,
    /// there is no answer of the application: the call has failed, whatever the status (TU-09). A fixed phrase (TU-28)
    pub error: Option<String>,
}

impl Response {
    pub(super) const TYPE: &str = "http_response";

    pub(super) fn of(fields: Fields<'_>, message: &Bytes) -> Result<Self, Dropped> {
        Ok(Self {
            id: id(fields.request_id, "requestId")?,
            status: required(fields.status, "status")?,
            status_text: fields.status_text.unwrap_or_default().to_owned(),
            headers: owned(fields.headers.unwrap_or_default()),
            body: fields.body.and_then(|body| Content::of(body, message)),
            error: fields.error.map(str::to_owned),
        })
    }

    pub(super) fn write(&self, headroom: usize) -> Vec<u8> {
        let Self { id, status, status_text, headers: fields, body, error } = self;
        let mut writer = Writer::behind(headroom, room(fields, body.as_ref()));
        writer.map(if error.is_some() { 7 } else { 6 });
        writer.field("type", Self::TYPE);
        writer.field("requestId", id.as_str());
        writer.text("status");
        writer.uint(*status);
        writer.field("statusText", status_text);
        headers(&mut writer, fields);
        write_body(&mut writer, body.as_ref());
        if let Some(error) = error {
            writer.field("error", error);
        }
        writer.finish()
    }
}

/// The peer writes the key of a body that is not there, too.
fn write_body(writer: &mut Writer, body: Option<&Content>) {
    writer.text("body");
    match body {
        Some(body) => body.write(writer),
        None => writer.undefined(),
    }
}

/// About what a message takes.
fn room(headers: &[(String, String)], body: Option<&Content>) -> usize {
    let fields: usize = headers.iter().map(|(name, value)| name.len() + value.len() + 10).sum();
    fields.saturating_add(body.map_or(0, Content::len)).saturating_add(256)
}

fn owned(headers: Vec<(&str, &str)>) -> Vec<(String, String)> {
    headers.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}
