//! The fields of all inner messages, read in one pass: their order is free, and unknown ones are ignored (TU-14).

use crate::{
    Dropped, Id,
    cbor::{Reader, Value, Writer},
};

/// The most subprotocols that a `ws_connect` may offer.
const PROTOCOLS: usize = 32;

/// What stands in a message. Fields of other types than their names have anywhere make it malformed.
#[derive(Default)]
pub(super) struct Fields<'b> {
    kind: Option<&'b str>,
    pub(super) request_id: Option<&'b str>,
    pub(super) connection_id: Option<&'b str>,
    pub(super) method: Option<&'b str>,
    pub(super) url: Option<&'b str>,
    pub(super) headers: Option<Vec<(&'b str, &'b str)>>,
    pub(super) body: Option<Value<'b>>,
    pub(super) status: Option<u16>,
    pub(super) status_text: Option<&'b str>,
    pub(super) error: Option<&'b str>,
    pub(super) protocols: Vec<&'b str>,
    pub(super) event: Option<&'b str>,
    pub(super) code: Option<u16>,
    pub(super) reason: Option<&'b str>,
    pub(super) data: Option<Value<'b>>,
    pub(super) data_type: Option<&'b str>,
}

impl<'b> Fields<'b> {
    pub(super) fn read(message: &'b [u8]) -> Result<Self, Dropped> {
        let mut found = Self::default();
        let mut reader = Reader::new(message);
        reader.map(|key, reader| found.field(key, reader))?;
        reader.finish()?;
        Ok(found)
    }

    pub(super) fn kind(&self) -> Result<&'b str, Dropped> {
        self.kind.ok_or(Dropped::Type)
    }

    fn field(&mut self, key: &str, reader: &mut Reader<'b>) -> Result<bool, Dropped> {
        let text = match key {
            "type" => &mut self.kind,
            "requestId" => &mut self.request_id,
            "connectionId" => &mut self.connection_id,
            "method" => &mut self.method,
            "url" => &mut self.url,
            "statusText" => &mut self.status_text,
            "error" => &mut self.error,
            "eventType" => &mut self.event,
            "reason" => &mut self.reason,
            "dataType" => &mut self.data_type,
            _ => return self.other(key, reader),
        };
        *text = match reader.value()? {
            Value::Text(text) => Some(text),
            Value::Absent => None,
            Value::Bytes(_) => return Err(Dropped::Field("type")),
        };
        Ok(true)
    }

    fn other(&mut self, key: &str, reader: &mut Reader<'b>) -> Result<bool, Dropped> {
        match key {
            "body" => self.body = Some(reader.value()?),
            "data" => self.data = Some(reader.value()?),
            "status" => self.status = number(reader)?,
            "code" => self.code = number(reader)?,
            "headers" if !reader.is_absent()? => {
                let mut headers = Vec::new();
                reader.map(|name, reader| {
                    headers.push((name, reader.text()?));
                    Ok::<_, Dropped>(true)
                })?;
                self.headers = Some(headers);
            }
            "protocols" if !reader.is_absent()? => {
                let protocols = &mut self.protocols;
                reader.array(|reader| {
                    if protocols.len() == PROTOCOLS {
                        return Err(Dropped::Field("protocols"));
                    }
                    protocols.push(reader.text()?);
                    Ok(())
                })?;
            }
            "headers" | "protocols" => {}
            _ => return Ok(false),
        }
        Ok(true)
    }
}

fn number(reader: &mut Reader<'_>) -> Result<Option<u16>, Dropped> {
    if reader.is_absent()? { Ok(None) } else { Ok(Some(reader.u16()?)) }
}

/// A field that has to be there.
pub(super) fn required<T>(field: Option<T>, name: &'static str) -> Result<T, Dropped> {
    field.ok_or(Dropped::Field(name))
}

/// An id that has to be there (TU-07).
pub(super) fn id(field: Option<&str>, name: &'static str) -> Result<Id, Dropped> {
    field.and_then(Id::parse).ok_or(Dropped::Field(name))
}

/// Fields of one message with text values.
pub(super) fn headers(writer: &mut Writer, headers: &[(String, String)]) {
    writer.text("headers");
    // A reader takes 256 at most, which is for whoever fills them in to see to.
    writer.map(u16::try_from(headers.len()).unwrap_or(u16::MAX));
    for (name, value) in headers {
        writer.field(name, value);
    }
}
