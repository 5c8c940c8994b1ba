//! Responses.

use super::{
    super::{Error, Framing, Limits, ResponseHead},
    body::{Body, Part},
    fields::{Place, Section},
    input::Input,
};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};

/// What a response yields.
#[derive(Debug)]
pub enum ResponseEvent {
    /// an informational response
    Informational(ResponseHead),
    /// the final status and header section
    Head(ResponseHead),
    /// a slice of content, never empty
    Data(Bytes),
    /// a trailer section that is not empty
    Trailers(HeaderMap),
    /// the message is complete and well formed
    End,
}

/// Decodes a response.
///
/// A content-length field is not held against the content: an answer to HEAD and a 304 rightly differ, and
/// only the caller knows what was asked.
pub struct ResponseDecoder {
    limits: Limits,
    input: Input,
    state: State,
    informational: usize,
}

enum State {
    Framing,
    Status(Framing),
    Informational(Framing, StatusCode, Section),
    Headers(Framing, StatusCode, Section),
    Body(Body),
    Failed(Error),
}

impl ResponseDecoder {
    /// A decoder at the first byte.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { limits, input: Input::default(), state: State::Framing, informational: 0 }
    }
    /// Gives it the next slice of the message. Content is later yielded from it without a copy.
    pub fn push(&mut self, slice: Bytes) {
        self.input.push(slice);
    }
    /// Says that the last slice was pushed; what is pushed later is ignored.
    pub fn end(&mut self) {
        self.input.end();
    }
    /// The next event, or `None` until more is pushed (and for ever after [`ResponseEvent::End`]).
    ///
    /// # Errors
    /// What the sender did wrong; the decoder is then of no further use and repeats the error.
    pub fn next_event(&mut self) -> Result<Option<ResponseEvent>, Error> {
        self.advance().inspect_err(|&error| {
            self.input.clear();
            self.state = State::Failed(error);
        })
    }

    fn advance(&mut self) -> Result<Option<ResponseEvent>, Error> {
        let Self { limits, input, state, informational } = self;
        loop {
            *state = match state {
                State::Framing => {
                    let Some((indicator, _)) = input.integer()? else { return Ok(None) };
                    State::Status(match indicator {
                        1 => Framing::Known,
                        3 => Framing::Indeterminate,
                        _ => return Err(Error::Framing),
                    })
                }
                State::Status(framing) => {
                    if *informational != 0 && input.is_finished() {
                        return Err(Error::NoFinalResponse);
                    }
                    let Some((status, _)) = input.integer()? else { return Ok(None) };
                    let status = status_code(status)?;
                    let section = Section::new(*framing, Place::Header, limits);
                    if status.is_informational() {
                        if *informational >= limits.informational {
                            return Err(Error::TooManyInformational);
                        }
                        *informational += 1;
                        State::Informational(*framing, status, section)
                    } else {
                        State::Headers(*framing, status, section)
                    }
                }
                State::Informational(framing, status, section) => {
                    // Never the last section, so a message cannot end before it.
                    let Some(headers) = section.read(input, limits)? else { return Ok(None) };
                    let head = ResponseHead { status: *status, headers };
                    *state = State::Status(*framing);
                    return Ok(Some(ResponseEvent::Informational(head)));
                }
                State::Headers(framing, status, section) => {
                    // Where nothing follows, the header section is empty (OB-31).
                    let headers = if section.is_untouched() && input.is_finished() {
                        HeaderMap::new()
                    } else {
                        let Some(headers) = section.read(input, limits)? else { return Ok(None) };
                        headers
                    };
                    let head = ResponseHead { status: *status, headers };
                    *state = State::Body(Body::new(*framing, None));
                    return Ok(Some(ResponseEvent::Head(head)));
                }
                State::Body(body) => {
                    return Ok(body.read(input, limits)?.map(|part| match part {
                        Part::Data(data) => ResponseEvent::Data(data),
                        Part::Trailers(trailers) => ResponseEvent::Trailers(trailers),
                        Part::End => ResponseEvent::End,
                    }));
                }
                State::Failed(error) => return Err(*error),
            };
        }
    }
}

fn status_code(status: u64) -> Result<StatusCode, Error> {
    match u16::try_from(status) {
        Ok(status @ 100..=599) => StatusCode::from_u16(status).map_err(|_| Error::Status),
        _ => Err(Error::Status),
    }
}
