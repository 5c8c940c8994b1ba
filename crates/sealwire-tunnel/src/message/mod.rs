//! The inner messages (A.2).

mod codec;
mod content;
mod http;
mod socket;

pub use content::{Content, Text};
pub use http::{Request, Response};
pub use socket::{Close, Connect, Event, Frame, Happened};

use crate::Dropped;
use bytes::Bytes;

/// What a client sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FromClient {
    /// `http_request`
    Request(Request),
    /// `ws_connect`
    Connect(Connect),
    /// `ws_message`
    Frame(Frame),
    /// `ws_close`
    Close(Close),
}

/// What a server sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FromServer {
    /// `http_response`
    Response(Response),
    /// `ws_event`
    Event(Event),
    /// `ws_message`
    Frame(Frame),
}

/// A message of one side.
pub trait Message: Sized {
    /// Reads the CBOR of a message. What is long stays a slice of it.
    ///
    /// # Errors
    /// Why it is dropped.
    fn decode(message: &Bytes) -> Result<Self, Dropped>;

    /// Its CBOR in the peer's forms, behind `headroom` bytes for whoever sends it.
    fn encode_behind(&self, headroom: usize) -> Vec<u8>;

    /// Its CBOR in the peer's forms (TU-15).
    fn encode(&self) -> Vec<u8> {
        self.encode_behind(0)
    }
}

impl Message for FromClient {
    fn decode(message: &Bytes) -> Result<Self, Dropped> {
        let fields = codec::Fields::read(message)?;
        match fields.kind()? {
            Request::TYPE => Request::of(fields, message).map(Self::Request),
            Connect::TYPE => Connect::of(fields).map(Self::Connect),
            Frame::TYPE => Frame::of(fields, message).map(Self::Frame),
            Close::TYPE => Close::of(fields).map(Self::Close),
            Response::TYPE | Event::TYPE => Err(Dropped::OtherSide),
            _ => Err(Dropped::Type),
        }
    }

    fn encode_behind(&self, headroom: usize) -> Vec<u8> {
        match self {
            Self::Request(request) => request.write(headroom),
            Self::Connect(connect) => connect.write(headroom),
            Self::Frame(frame) => frame.write(headroom),
            Self::Close(close) => close.write(headroom),
        }
    }
}

impl Message for FromServer {
    fn decode(message: &Bytes) -> Result<Self, Dropped> {
        let fields = codec::Fields::read(message)?;
        match fields.kind()? {
            Response::TYPE => Response::of(fields, message).map(Self::Response),
            Event::TYPE => Event::of(fields).map(Self::Event),
            Frame::TYPE => Frame::of(fields, message).map(Self::Frame),
            Request::TYPE | Connect::TYPE | Close::TYPE => Err(Dropped::OtherSide),
            _ => Err(Dropped::Type),
        }
    }

    fn encode_behind(&self, headroom: usize) -> Vec<u8> {
        match self {
            Self::Response(response) => response.write(headroom),
            Self::Event(event) => event.write(headroom),
            Self::Frame(frame) => frame.write(headroom),
        }
    }
}
