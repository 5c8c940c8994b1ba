//! Writes Binary HTTP of any form, right or wrong, by rules of its own: integers of any width, and a note of
//! where a message may end.

use crate::seen::{Control, Lines, Seen};

/// An integer in the shortest form that has at least `width` bytes (1, 2, 4 or 8).
pub(crate) fn integer(value: u64, width: usize) -> Vec<u8> {
    let (tag, width) = [(0_u64, 1), (1, 2), (2, 4), (3, 8)]
        .into_iter()
        .find(|&(_, size)| size >= width && (size == 8 || value < 1 << (8 * size - 2)))
        .unwrap();
    let bytes = (value | tag << (8 * width - 2)).to_be_bytes();
    bytes[8 - width..].to_vec()
}

/// A message under construction.
pub(crate) struct Wire {
    pub(crate) bytes: Vec<u8>,
    /// widths of the integers to come, repeated for ever
    widths: Vec<usize>,
    next: usize,
}

impl Wire {
    pub(crate) fn new(widths: &[usize]) -> Self {
        Self { bytes: Vec::new(), widths: widths.to_vec(), next: 0 }
    }
    fn width(&mut self) -> usize {
        self.next += 1;
        self.widths.get((self.next - 1) % self.widths.len().max(1)).copied().unwrap_or(1)
    }
    pub(crate) fn integer(&mut self, value: u64) -> &mut Self {
        let width = self.width();
        self.bytes.extend(integer(value, width));
        self
    }
    pub(crate) fn vector(&mut self, bytes: &[u8]) -> &mut Self {
        self.integer(bytes.len() as u64).raw(bytes)
    }
    pub(crate) fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.bytes.extend_from_slice(bytes);
        self
    }
    pub(crate) fn lines(&mut self, lines: &[(impl AsRef<[u8]>, impl AsRef<[u8]>)]) -> &mut Self {
        for (name, value) in lines {
            self.vector(name.as_ref()).vector(value.as_ref());
        }
        self
    }
    fn section(&mut self, known: bool, lines: &Lines) {
        if known {
            let mut inner = Self { bytes: Vec::new(), widths: self.widths.clone(), next: self.next };
            inner.lines(lines);
            self.vector(&inner.bytes);
        } else {
            self.lines(lines).integer(0);
        }
    }
}

/// A message on the wire, and where it may end.
#[derive(Debug, Clone)]
pub(crate) struct Written {
    pub(crate) bytes: Vec<u8>,
    /// after the control data, the header section, the content, and from the trailers on (OB-31)
    pub(crate) cuts: [usize; 4],
}

/// Writes `message`. `slices` says how long the content's slices are, in the indeterminate form; `padding` is
/// in bytes.
pub(crate) fn write(
    message: &Seen,
    known: bool,
    widths: &[usize],
    slices: &[usize],
    padding: usize,
) -> Written {
    let mut wire = Wire::new(widths);
    wire.integer(u64::from(!message.is_request()) + if known { 0 } else { 2 });
    for (status, lines) in &message.informational {
        wire.integer(u64::from(*status));
        wire.section(known, lines);
    }
    match &message.control {
        Control::Request { method, scheme, authority, path } => {
            for part in [method, scheme, authority, path] {
                wire.vector(part.as_bytes());
            }
        }
        Control::Response(status) => {
            wire.integer(u64::from(*status));
        }
    }
    let after_control = wire.bytes.len();
    wire.section(known, &message.headers);
    let after_headers = wire.bytes.len();
    if known {
        wire.vector(&message.content);
    } else {
        let mut rest = message.content.as_slice();
        for &len in slices.iter().filter(|&&len| len != 0).cycle() {
            if rest.is_empty() {
                break;
            }
            let (slice, after) = rest.split_at(len.min(rest.len()));
            wire.vector(slice);
            rest = after;
        }
        if !rest.is_empty() {
            wire.vector(rest);
        }
        wire.integer(0);
    }
    let after_content = wire.bytes.len();
    wire.section(known, &message.trailers);
    let after_trailers = wire.bytes.len();
    wire.bytes.resize(after_trailers + padding, 0);
    Written { bytes: wire.bytes, cuts: [after_control, after_headers, after_content, after_trailers] }
}

/// The control data of `GET https://a.example/`, known (0) or indeterminate (2).
pub(crate) fn get(indicator: u64) -> Wire {
    let mut wire = Wire::new(&[]);
    wire.integer(indicator).vector(b"GET").vector(b"https").vector(b"a.example").vector(b"/");
    wire
}
