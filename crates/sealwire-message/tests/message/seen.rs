//! A whole message in a form that compares, and how the decoders are driven.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use sealwire_message::bhttp::{
    Error, Limits, RequestDecoder, RequestEvent, RequestHead, ResponseDecoder, ResponseEvent, ResponseHead,
};

/// Field lines in order.
pub(crate) type Lines = Vec<(String, Vec<u8>)>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Control {
    Request { method: String, scheme: String, authority: String, path: String },
    Response(u16),
}

/// What a decoder has yielded, or should yield.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) informational: Vec<(u16, Lines)>,
    pub(crate) control: Control,
    pub(crate) headers: Lines,
    pub(crate) content: Vec<u8>,
    pub(crate) trailers: Lines,
}

impl Seen {
    pub(crate) fn is_request(&self) -> bool {
        matches!(self.control, Control::Request { .. })
    }
    pub(crate) fn request_head(&self) -> RequestHead {
        let Control::Request { method, scheme, authority, path } = &self.control else {
            panic!("a response")
        };
        RequestHead {
            method: method.parse().unwrap(),
            scheme: scheme.as_str().try_into().unwrap(),
            authority: (!authority.is_empty()).then(|| authority.parse().unwrap()),
            path: path.parse().unwrap(),
            headers: map(&self.headers),
        }
    }
    pub(crate) fn response_head(&self) -> ResponseHead {
        let Control::Response(status) = self.control else { panic!("a request") };
        response_head(status, &self.headers)
    }
}

pub(crate) fn response_head(status: u16, headers: &Lines) -> ResponseHead {
    ResponseHead { status: status.try_into().unwrap(), headers: map(headers) }
}

pub(crate) fn map(lines: &Lines) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in lines {
        map.append(
            HeaderName::from_lowercase(name.as_bytes()).unwrap(),
            HeaderValue::from_bytes(value).unwrap(),
        );
    }
    map
}

/// The order that a `HeaderMap` keeps: lines of one name together, where the first of them stood.
pub(crate) fn lines(map: &HeaderMap) -> Lines {
    map.iter().map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec())).collect()
}

/// When the decoder is asked for events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Drain {
    /// after every push
    Eagerly,
    /// once, when everything was pushed and ended
    AtEnd,
}

/// What both decoders yield.
enum Event {
    Informational(u16, Lines),
    Head(Control, Lines),
    Data(Bytes),
    Trailers(Lines),
    End,
}

trait Decoder {
    fn push(&mut self, slice: Bytes);
    fn end(&mut self);
    fn next(&mut self) -> Result<Option<Event>, Error>;
}

impl Decoder for RequestDecoder {
    fn push(&mut self, slice: Bytes) {
        self.push(slice);
    }
    fn end(&mut self) {
        self.end();
    }
    fn next(&mut self) -> Result<Option<Event>, Error> {
        Ok(self.next_event()?.map(|event| match event {
            RequestEvent::Head(head) => {
                assert!(
                    head.effective_authority().is_some(),
                    "OB-128: every accepted request has an authority"
                );
                let control = Control::Request {
                    method: head.method.to_string(),
                    scheme: head.scheme.to_string(),
                    authority: head.authority.as_ref().map_or(String::new(), ToString::to_string),
                    path: head.path.to_string(),
                };
                Event::Head(control, lines(&head.headers))
            }
            RequestEvent::Data(data) => Event::Data(data),
            RequestEvent::Trailers(trailers) => Event::Trailers(lines(&trailers)),
            RequestEvent::End => Event::End,
        }))
    }
}

impl Decoder for ResponseDecoder {
    fn push(&mut self, slice: Bytes) {
        self.push(slice);
    }
    fn end(&mut self) {
        self.end();
    }
    fn next(&mut self) -> Result<Option<Event>, Error> {
        Ok(self.next_event()?.map(|event| match event {
            ResponseEvent::Informational(head) => {
                Event::Informational(head.status.as_u16(), lines(&head.headers))
            }
            ResponseEvent::Head(head) => {
                Event::Head(Control::Response(head.status.as_u16()), lines(&head.headers))
            }
            ResponseEvent::Data(data) => Event::Data(data),
            ResponseEvent::Trailers(trailers) => Event::Trailers(lines(&trailers)),
            ResponseEvent::End => Event::End,
        }))
    }
}

/// Decodes `slices`, and holds the decoder to the order of events that it promises.
pub(crate) fn decode<'a>(
    request: bool,
    slices: impl IntoIterator<Item = &'a [u8]>,
    drain: Drain,
    limits: Limits,
) -> Result<Seen, Error> {
    if request {
        run(RequestDecoder::new(limits), slices, drain)
    } else {
        run(ResponseDecoder::new(limits), slices, drain)
    }
}

/// Decodes with default limits, in one slice.
pub(crate) fn decode_whole(request: bool, message: &[u8]) -> Result<Seen, Error> {
    decode(request, [message], Drain::Eagerly, Limits::default())
}

fn run<'a>(
    mut decoder: impl Decoder,
    slices: impl IntoIterator<Item = &'a [u8]>,
    drain: Drain,
) -> Result<Seen, Error> {
    let mut events = Events::default();
    for slice in slices {
        decoder.push(Bytes::copy_from_slice(slice));
        if drain == Drain::Eagerly {
            events.take_from(&mut decoder)?;
            assert!(!events.ended, "complete before the last slice was announced");
        }
    }
    decoder.end();
    events.take_from(&mut decoder)?;
    // OB-156: after end() there is nothing left to wait for.
    assert!(events.ended, "neither complete nor an error");
    decoder.push(Bytes::from_static(b"late"));
    assert!(matches!(decoder.next(), Ok(None)), "something after the end");
    let (control, headers) = events.head.unwrap();
    Ok(Seen {
        informational: events.informational,
        control,
        headers,
        content: events.content,
        trailers: events.trailers.unwrap_or_default(),
    })
}

#[derive(Default)]
struct Events {
    informational: Vec<(u16, Lines)>,
    head: Option<(Control, Lines)>,
    content: Vec<u8>,
    trailers: Option<Lines>,
    ended: bool,
}

impl Events {
    fn take_from(&mut self, decoder: &mut impl Decoder) -> Result<(), Error> {
        loop {
            let event = match decoder.next() {
                Ok(Some(event)) => event,
                Ok(None) => return Ok(()),
                Err(error) => {
                    decoder.push(Bytes::from_static(&[0]));
                    decoder.end();
                    assert_eq!(decoder.next().err(), Some(error), "an error is repeated");
                    return Err(error);
                }
            };
            assert!(!self.ended, "an event after the end");
            match event {
                Event::Informational(status, lines) => {
                    assert!(self.head.is_none());
                    self.informational.push((status, lines));
                }
                Event::Head(control, lines) => {
                    assert!(self.head.replace((control, lines)).is_none(), "a second head");
                }
                Event::Data(data) => {
                    assert!(self.head.is_some() && self.trailers.is_none());
                    assert!(!data.is_empty(), "empty data");
                    self.content.extend_from_slice(&data);
                }
                Event::Trailers(lines) => {
                    assert!(self.head.is_some() && !lines.is_empty());
                    assert!(self.trailers.replace(lines).is_none(), "second trailers");
                }
                Event::End => {
                    assert!(self.head.is_some());
                    self.ended = true;
                }
            }
        }
    }
}
