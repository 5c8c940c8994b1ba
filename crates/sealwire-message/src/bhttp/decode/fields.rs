//! A field section (RFC 9292 section 3.6), the same machine for headers, trailers and informational responses.

use super::{
    super::{Error, Framing, Limits},
    input::Input,
};
use http::{HeaderMap, HeaderName, HeaderValue};

/// Which section; pseudo-fields have a place in one only.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Header,
    Trailer,
}

/// Reads one section.
pub(super) struct Section {
    place: Place,
    extent: Extent,
    step: Step,
    lines: usize,
    regular_seen: bool,
    fields: HeaderMap,
}

/// How far the section goes. `left` counts names, values and their length prefixes, not a terminator.
enum Extent {
    /// The section has `left` more bytes, no less and no more.
    Known { left: usize },
    /// The section ends with a zero, `left` bytes further on at the latest (OB-70).
    Terminated { left: usize },
}

/// What is due.
enum Step {
    SectionLength,
    NameLength,
    Name(usize),
    ValueLength(Field),
    Value(Field, usize),
}

#[derive(Default)]
enum Field {
    Regular(HeaderName),
    /// Allowed, and dropped.
    #[default]
    Pseudo,
}

impl Section {
    pub(super) fn new(framing: Framing, place: Place, limits: &Limits) -> Self {
        let (extent, step) = match framing {
            Framing::Known => (Extent::Known { left: 0 }, Step::SectionLength),
            Framing::Indeterminate => (Extent::Terminated { left: limits.section }, Step::NameLength),
        };
        Self { place, extent, step, lines: 0, regular_seen: false, fields: HeaderMap::new() }
    }

    /// Whether nothing of the section was read: here a message may end (OB-31).
    pub(super) fn is_untouched(&self) -> bool {
        match self.step {
            Step::SectionLength => true,
            Step::NameLength => self.lines == 0 && matches!(self.extent, Extent::Terminated { .. }),
            _ => false,
        }
    }

    /// The fields, once the section is complete.
    pub(super) fn read(&mut self, input: &mut Input, limits: &Limits) -> Result<Option<HeaderMap>, Error> {
        loop {
            self.step = match &mut self.step {
                Step::SectionLength => {
                    let Some((len, _)) = input.integer()? else { return Ok(None) };
                    let left = within(len, limits.section, Error::SectionTooLong)?;
                    self.extent = Extent::Known { left };
                    Step::NameLength
                }
                Step::NameLength => {
                    if matches!(self.extent, Extent::Known { left: 0 }) {
                        return Ok(Some(std::mem::take(&mut self.fields)));
                    }
                    let Some((len, size)) = input.integer()? else { return Ok(None) };
                    if len == 0 {
                        return match self.extent {
                            Extent::Terminated { .. } => Ok(Some(std::mem::take(&mut self.fields))),
                            Extent::Known { .. } => Err(Error::EmptyName),
                        };
                    }
                    if self.lines >= limits.fields {
                        return Err(Error::TooManyFields);
                    }
                    let len = within(len, limits.name, Error::NameTooLong)?;
                    self.extent.spend(size, len)?;
                    self.lines += 1;
                    Step::Name(len)
                }
                Step::Name(len) => {
                    let Some(field) = input.string(*len, name)? else { return Ok(None) };
                    match field {
                        Field::Regular(_) => self.regular_seen = true,
                        Field::Pseudo if self.place == Place::Trailer || self.regular_seen => {
                            return Err(Error::PseudoField);
                        }
                        Field::Pseudo => {}
                    }
                    Step::ValueLength(field)
                }
                Step::ValueLength(field) => {
                    let Some((len, size)) = input.integer()? else { return Ok(None) };
                    let len = within(len, limits.value, Error::ValueTooLong)?;
                    self.extent.spend(size, len)?;
                    Step::Value(std::mem::take(field), len)
                }
                Step::Value(field, len) => {
                    let Some(value) = input.string(*len, value)? else { return Ok(None) };
                    if let Field::Regular(name) = std::mem::take(field) {
                        // Fails far above any sensible limit only: the map counts to 2^15.
                        self.fields.try_append(name, value).map_err(|_| Error::TooManyFields)?;
                    }
                    Step::NameLength
                }
            };
        }
    }
}

impl Extent {
    /// Takes an integer of `size` bytes and the `len` bytes that it announces from what is left.
    fn spend(&mut self, size: usize, len: usize) -> Result<(), Error> {
        let (left, over) = match self {
            Self::Known { left } => (left, Error::SectionLength),
            Self::Terminated { left } => (left, Error::SectionTooLong),
        };
        *left = left.checked_sub(size).and_then(|left| left.checked_sub(len)).ok_or(over)?;
        Ok(())
    }
}

fn within(len: u64, limit: usize, error: Error) -> Result<usize, Error> {
    usize::try_from(len).ok().filter(|&len| len <= limit).ok_or(error)
}

fn name(bytes: &[u8]) -> Result<Field, Error> {
    match bytes {
        b":method" | b":scheme" | b":authority" | b":path" | b":status" => Err(Error::ControlField),
        [b':', name @ ..] => regular_name(name).map(|_| Field::Pseudo),
        name => regular_name(name).map(Field::Regular),
    }
}

fn regular_name(bytes: &[u8]) -> Result<HeaderName, Error> {
    // The library lets a double quote pass, which no token has (RFC 9110 section 5.6.2).
    if bytes.contains(&b'"') {
        return Err(Error::Name);
    }
    HeaderName::from_lowercase(bytes).map_err(|_| Error::Name)
}

fn value(bytes: &[u8]) -> Result<HeaderValue, Error> {
    if let [b' ' | b'\t', ..] | [.., b' ' | b'\t'] = bytes {
        return Err(Error::Value);
    }
    // Refuses NUL, CR and LF, and the other control characters, as RFC 9110 section 5.5 asks.
    HeaderValue::from_bytes(bytes).map_err(|_| Error::Value)
}
