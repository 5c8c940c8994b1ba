//! Requests.

use super::{
    super::{Error, Framing, Limits, RequestHead},
    body::{Body, Part},
    control::Control,
    fields::{Place, Section},
    input::Input,
    semantics,
};
use bytes::Bytes;
use http::HeaderMap;

/// What a request yields, in order: one head, any content, perhaps trailers, then the end.
#[derive(Debug)]
pub enum RequestEvent {
    /// control data and header section
    Head(RequestHead),
    /// a slice of content, never empty
    Data(Bytes),
    /// a trailer section that is not empty
    Trailers(HeaderMap),
    /// the message is complete and well formed
    End,
}

/// Decodes a request.
///
/// Beyond the format it checks what makes an HTTP request malformed and would be dangerous to pass on: host
/// field and authority agree (OB-128), the content is as long as content-length says (OB-129), nothing asks
/// for a tunnel or for 100 (OB-130).
pub struct RequestDecoder {
    limits: Limits,
    input: Input,
    state: State,
}

#[expect(
    clippy::large_enum_variant,
    reason = "one for each message, and a box would be one allocation for each"
)]
enum State {
    Framing,
    Control(Framing, Control),
    Headers(Framing, RequestHead, Section),
    Body(Body),
    Failed(Error),
}

impl RequestDecoder {
    /// A decoder at the first byte.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { limits, input: Input::default(), state: State::Framing }
    }
    /// Gives it the next slice of the message. Content is later yielded from it without a copy.
    pub fn push(&mut self, slice: Bytes) {
        self.input.push(slice);
    }
    /// Says that the last slice was pushed; what is pushed later is ignored.
    pub fn end(&mut self) {
        self.input.end();
    }
    /// The next event, or `None` until more is pushed (and for ever after [`RequestEvent::End`]).
    ///
    /// # Errors
    /// What the sender did wrong; the decoder is then of no further use and repeats the error.
    pub fn next_event(&mut self) -> Result<Option<RequestEvent>, Error> {
        self.advance().inspect_err(|&error| {
            self.input.clear();
            self.state = State::Failed(error);
        })
    }

    fn advance(&mut self) -> Result<Option<RequestEvent>, Error> {
        let Self { limits, input, state } = self;
        loop {
            *state = match state {
                State::Framing => {
                    let Some((indicator, _)) = input.integer()? else { return Ok(None) };
                    let framing = match indicator {
                        0 => Framing::Known,
                        2 => Framing::Indeterminate,
                        _ => return Err(Error::Framing),
                    };
                    State::Control(framing, Control::new(limits))
                }
                State::Control(framing, control) => {
                    let Some(head) = control.read(input)? else { return Ok(None) };
                    State::Headers(*framing, head, Section::new(*framing, Place::Header, limits))
                }
                State::Headers(framing, head, section) => {
                    // Where nothing follows, the header section is empty (OB-31).
                    if !(section.is_untouched() && input.is_finished()) {
                        let Some(headers) = section.read(input, limits)? else { return Ok(None) };
                        head.headers = headers;
                    }
                    let announced = semantics::check(head)?;
                    let body = State::Body(Body::new(*framing, announced));
                    let State::Headers(_, head, _) = std::mem::replace(state, body) else { continue };
                    return Ok(Some(RequestEvent::Head(head)));
                }
                State::Body(body) => {
                    return Ok(body.read(input, limits)?.map(|part| match part {
                        Part::Data(data) => RequestEvent::Data(data),
                        Part::Trailers(trailers) => RequestEvent::Trailers(trailers),
                        Part::End => RequestEvent::End,
                    }));
                }
                State::Failed(error) => return Err(*error),
            };
        }
    }
}
