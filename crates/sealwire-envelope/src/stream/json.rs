//! Frames as JSON (SP-54), one text for each; and as server-sent events.

use super::{Data, Error, Frame, MAX_FRAME, Mode, Tag};
use crate::{
    base64url,
    canonical::{write_integer, write_string},
    json::{self, ENVELOPE_DEPTH},
};

/// No frame within the limits has a longer text: six characters for one, and the members around it.
const MAX_TEXT: usize = 6 * MAX_FRAME + 1024;

impl Frame {
    /// The JSON text.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut out = Vec::with_capacity(self.data.as_bytes().len() + 256);
        out.extend_from_slice(b"{\"i\":");
        write_integer(self.index, &mut out);
        match &self.data {
            Data::Text(text) => {
                out.extend_from_slice(b",\"d\":");
                write_string(text, &mut out);
            }
            Data::Binary(bytes) => write_bytes(b",\"b\":\"", bytes, &mut out),
        }
        if let Some(tag) = &self.tag {
            write_bytes(b",\"t\":\"", tag.as_bytes(), &mut out);
        }
        if self.is_final {
            out.extend_from_slice(b",\"f\":1");
        }
        if let Some(signature) = &self.signature {
            write_bytes(b",\"s\":\"", signature, &mut out);
        }
        out.push(b'}');
        String::from_utf8(out).unwrap_or_default()
    }

    /// The server-sent event (SP-54).
    #[must_use]
    pub fn to_event(&self) -> String {
        format!("event: sw\ndata: {}\n\n", self.to_json())
    }

    /// Reads a JSON text of a stream in `mode`.
    ///
    /// # Errors
    /// [`Error::Malformed`], [`Error::Flags`], [`Error::Limit`]
    pub fn from_json(mode: Mode, text: &[u8]) -> Result<Self, Error> {
        if text.len() > MAX_TEXT {
            return Err(Error::Limit);
        }
        let (mut index, mut data, mut flag, mut tag, mut signature) = (None, None, None, None, None);
        json::read(text, ENVELOPE_DEPTH, |reader| {
            reader.object(|name, reader| {
                match name {
                    // One of the two, not both.
                    "d" | "b" if data.is_some() => return Err(json::Error::DuplicateMember),
                    "d" => data = Some(Data::Text(reader.string()?.into_owned())),
                    "b" => data = Some(Data::Binary(bytes(&reader.string()?)?)),
                    "i" => index = Some(reader.integer()?),
                    "f" => flag = Some(reader.integer()?),
                    "t" => tag = Some(bytes(&reader.string()?)?),
                    "s" => signature = Some(bytes(&reader.string()?)?),
                    _ => return Err(json::Error::UnknownMember),
                }
                Ok(())
            })
        })
        .map_err(|_| Error::Malformed)?;
        let frame = Self {
            index: index.ok_or(Error::Malformed)?,
            data: data.ok_or(Error::Malformed)?,
            is_final: match flag {
                None => false,
                Some(1) => true,
                Some(_) => return Err(Error::Flags),
            },
            tag: tag.map(|tag| Tag::from_bytes(mode, &tag)).transpose()?,
            signature: signature
                .map(|signature| signature.as_slice().try_into())
                .transpose()
                .map_err(|_| Error::Malformed)?,
        };
        frame.data.check_len()?;
        Ok(frame)
    }
}

fn bytes(text: &str) -> Result<Vec<u8>, json::Error> {
    base64url::decode(text).map_err(|_| json::Error::WrongKind)
}

fn write_bytes(name: &[u8], bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(name);
    out.extend_from_slice(base64url::encode(bytes).as_bytes());
    out.push(b'"');
}
