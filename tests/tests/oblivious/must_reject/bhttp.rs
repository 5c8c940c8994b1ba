//! Binary HTTP by hand: whatever a test wants, right or wrong.

use bytes::BytesMut;
use sealwire_message::varint;
use sealwire_tests::{
    message::{date, later},
    stage::AUTHORITY,
};

/// A request in parts.
#[derive(Clone)]
pub(crate) struct Message {
    /// of known length
    pub(crate) known: bool,
    pub(crate) method: &'static str,
    pub(crate) scheme: String,
    pub(crate) authority: String,
    pub(crate) path: &'static str,
    /// lines of the header section
    pub(crate) fields: Vec<u8>,
    pub(crate) content: Vec<u8>,
    /// lines of the trailer section
    pub(crate) trailers: Vec<u8>,
}

impl Message {
    /// A dated POST of known length.
    pub(crate) fn known() -> Self {
        Self {
            known: true,
            method: "POST",
            scheme: "https".to_owned(),
            authority: AUTHORITY.to_owned(),
            path: "/v",
            fields: lines(&[("date", date(later(0)).to_str().unwrap())]),
            content: Vec::new(),
            trailers: Vec::new(),
        }
    }

    /// The same of unknown length.
    pub(crate) fn indeterminate() -> Self {
        Self { known: false, ..Self::known() }
    }

    /// With more fields.
    pub(crate) fn with(mut self, fields: &[(&str, &str)]) -> Self {
        self.fields.extend(lines(fields));
        self
    }

    /// Framing indicator and control data.
    pub(crate) fn control(&self) -> Vec<u8> {
        let mut out = vec![if self.known { 0 } else { 2 }];
        for part in [self.method, &self.scheme, &self.authority, self.path] {
            out.extend(vector(part.as_bytes()));
        }
        out
    }

    /// Everything up to each place where a message may end (OB-31).
    fn prefixes(&self) -> [Vec<u8>; 4] {
        let (fields, content, trailers) = if self.known {
            (vector(&self.fields), vector(&self.content), vector(&self.trailers))
        } else {
            let slice = if self.content.is_empty() { Vec::new() } else { vector(&self.content) };
            (
                [&self.fields[..], &[0]].concat(),
                [&slice[..], &[0]].concat(),
                [&self.trailers[..], &[0]].concat(),
            )
        };
        let control = self.control();
        let header = [control.clone(), fields].concat();
        let content = [header.clone(), content].concat();
        let whole = [content.clone(), trailers].concat();
        [control, header, content, whole]
    }

    /// The whole message.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let [.., whole] = self.prefixes();
        whole
    }

    /// Where it may end: after control data, header section, content, trailers.
    pub(crate) fn ends(&self) -> [usize; 4] {
        self.prefixes().map(|prefix| prefix.len())
    }
}

/// Field lines.
pub(crate) fn lines(fields: &[(&str, &str)]) -> Vec<u8> {
    let line = |(name, value): &(&str, &str)| [vector(name.as_bytes()), vector(value.as_bytes())].concat();
    fields.iter().flat_map(line).collect()
}

/// A string behind its length.
pub(crate) fn vector(bytes: &[u8]) -> Vec<u8> {
    [integer(bytes.len() as u64), bytes.to_vec()].concat()
}

/// An integer.
pub(crate) fn integer(value: u64) -> Vec<u8> {
    let mut out = BytesMut::new();
    varint::put(&mut out, value);
    out.to_vec()
}
