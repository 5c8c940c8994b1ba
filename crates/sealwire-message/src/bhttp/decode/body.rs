//! Everything after the header section, alike in requests and responses: content, trailers, padding.

use super::{
    super::{Error, Framing, Limits},
    content::{self, Content},
    fields::{Place, Section},
    input::Input,
};
use bytes::Bytes;
use http::HeaderMap;

/// Reads content, trailers and padding.
pub(super) enum Body {
    Content(Framing, Content),
    Trailers(Section),
    /// so many bytes of padding seen
    Padding(usize),
    Done,
}

/// What reading yields; the meanings are those of the public events.
pub(super) enum Part {
    Data(Bytes),
    Trailers(HeaderMap),
    End,
}

impl Body {
    /// `announced` is the value of a content-length field that must be kept.
    pub(super) fn new(framing: Framing, announced: Option<u64>) -> Self {
        Self::Content(framing, Content::new(framing, announced))
    }

    /// `None` until more is pushed, and after the end.
    pub(super) fn read(&mut self, input: &mut Input, limits: &Limits) -> Result<Option<Part>, Error> {
        loop {
            *self = match self {
                Self::Content(framing, content) => match content.read(input)? {
                    None => return Ok(None),
                    Some(content::Read::Data(data)) => return Ok(Some(Part::Data(data))),
                    Some(content::Read::End) => {
                        Self::Trailers(Section::new(*framing, Place::Trailer, limits))
                    }
                },
                Self::Trailers(section) if section.is_untouched() && input.is_finished() => Self::Padding(0),
                Self::Trailers(section) => {
                    let Some(trailers) = section.read(input, limits)? else { return Ok(None) };
                    *self = Self::Padding(0);
                    if !trailers.is_empty() {
                        return Ok(Some(Part::Trailers(trailers)));
                    }
                    continue;
                }
                Self::Padding(seen) => {
                    while let Some(slice) = input.take() {
                        // The RFC lets a decoder skip this; a channel that nobody looks at is not wanted (OB-37).
                        let within = slice.len().min(limits.padding.saturating_sub(*seen));
                        if slice.iter().take(within).any(|&byte| byte != 0) {
                            return Err(Error::Padding);
                        }
                        if within < slice.len() {
                            return Err(Error::PaddingTooLong);
                        }
                        *seen += within;
                    }
                    if !input.is_finished() {
                        return Ok(None);
                    }
                    *self = Self::Done;
                    return Ok(Some(Part::End));
                }
                Self::Done => return Ok(None),
            };
        }
    }
}
