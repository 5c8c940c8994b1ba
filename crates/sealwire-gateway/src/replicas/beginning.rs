//! Whose a handshake is: read from its first bytes, which are given back untouched.

use crate::layers::Resumed;
use bytes::{Bytes, BytesMut};
use http::Request;
use http_body_util::BodyExt;
use sealwire_http::{
    Body, Wire, body,
    session::message::{self, Instance, MAX_HELLO},
};
use std::time::Duration;

/// What is read at most: a hello again holds a hello and a retry.
const LONGEST: usize = 2 * MAX_HELLO;
/// The length before a hello that has early data behind it (SE-42).
const PREFIX: usize = 4;

/// What was read of a message.
pub(super) struct Beginning {
    bytes: Bytes,
    /// what is behind has not come, or is more than was read
    pub(super) is_whole: bool,
    wire: Wire,
}

/// Reads as much of a message as tells whose it is, for at most `patience`.
pub(super) async fn read(
    request: Request<Body>,
    wire: Wire,
    patience: Duration,
) -> (Beginning, Request<Body>) {
    let (parts, mut content) = request.into_parts();
    let mut bytes = BytesMut::new();
    let mut is_whole = false;
    let reading = async {
        while !is_enough(&bytes, wire) {
            match content.frame().await {
                Some(Ok(frame)) => bytes.extend_from_slice(frame.data_ref().unwrap_or(&Bytes::new())),
                // The wire says it: a message that is cut is none.
                Some(Err(_)) => return,
                None => {
                    is_whole = true;
                    return;
                }
            }
        }
    };
    // What does not come is told by the wire, too.
    let _ = tokio::time::timeout(patience, reading).await;
    let bytes = bytes.freeze();
    let frame = http_body::Frame::data(bytes.clone());
    let request = Request::from_parts(parts, body::boxed(Resumed::new(Some(frame), content)));
    (Beginning { bytes, is_whole, wire }, request)
}

fn is_enough(bytes: &[u8], wire: Wire) -> bool {
    match wire {
        Wire::SessionEarly => hello(bytes).is_some() || bytes.len() >= PREFIX + MAX_HELLO,
        _ => bytes.len() > LONGEST,
    }
}

/// The hello before early data, once it is all there.
fn hello(bytes: &[u8]) -> Option<&[u8]> {
    let (length, rest) = bytes.split_first_chunk::<PREFIX>()?;
    rest.get(..usize::try_from(u32::from_be_bytes(*length)).ok()?)
}

impl Beginning {
    /// The instance that it is for, as its sender says.
    pub(super) fn owner(&self) -> Option<Instance> {
        match self.wire {
            Wire::SessionEarly => message::owner(hello(&self.bytes)?),
            _ => message::owner(&self.bytes),
        }
    }

    /// What was read, once more.
    pub(super) fn body(&self) -> Body {
        body::full(self.bytes.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sealwire_http::session::message::Close;

    const OWNER: Instance = [7; 16];

    async fn of(wire: Wire, content: Vec<u8>) -> (Option<Instance>, bool, usize, Vec<u8>) {
        // One byte at a time, as a slow caller would.
        let frames = content.clone().into_iter().map(|byte| {
            Ok::<_, std::convert::Infallible>(http_body::Frame::data(Bytes::copy_from_slice(&[byte])))
        });
        let frames = http_body_util::StreamBody::new(futures_util::stream::iter(frames));
        let request = Request::new(body::boxed(frames));
        let (beginning, request) = read(request, wire, Duration::from_secs(10)).await;
        let back = request.into_body().collect().await.unwrap().to_bytes();
        (beginning.owner(), beginning.is_whole, beginning.bytes.len(), back.to_vec())
    }

    fn close() -> Vec<u8> {
        Close { session: [OWNER, [1; 16]].concat().try_into().unwrap(), mac: [2; 32] }.encode()
    }

    // SE-44: what was read is given back, to the byte, and no more is read than a hello can have.
    #[tokio::test]
    async fn what_is_read_is_bounded_and_given_back() {
        let message = close();
        let (owner, is_whole, _, back) = of(Wire::SessionHandshake, message.clone()).await;
        assert_eq!((owner, is_whole, back), (Some(OWNER), true, message.clone()));

        let long = vec![0; 3 * LONGEST];
        let (owner, is_whole, read, back) = of(Wire::SessionHandshake, long.clone()).await;
        assert_eq!((owner, is_whole, read, back), (None, false, LONGEST + 1, long.clone()));

        let length = u32::try_from(message.len()).unwrap().to_be_bytes();
        let early = [&length[..], &message, &long].concat();
        let (owner, is_whole, read, back) = of(Wire::SessionEarly, early.clone()).await;
        assert_eq!((owner, is_whole, read), (Some(OWNER), false, PREFIX + message.len()));
        assert_eq!(back, early);

        // A length that lies.
        let (owner, _, read, back) = of(Wire::SessionEarly, vec![0xff; 3 * LONGEST]).await;
        assert_eq!((owner, read, back.len()), (None, PREFIX + MAX_HELLO, 3 * LONGEST));
    }

    // SE-44: a caller that stops is left to the wire.
    #[tokio::test(start_paused = true)]
    async fn what_does_not_come_is_not_awaited_for_ever() {
        let some = futures_util::stream::iter([Ok::<_, std::convert::Infallible>(http_body::Frame::data(
            Bytes::from_static(b"abc"),
        ))]);
        let content = futures_util::StreamExt::chain(some, futures_util::stream::pending());
        let request = Request::new(body::boxed(http_body_util::StreamBody::new(content)));
        let (beginning, _) = read(request, Wire::SessionHandshake, Duration::from_secs(10)).await;
        assert_eq!((beginning.owner(), beginning.is_whole, &beginning.bytes[..]), (None, false, &b"abc"[..]));
    }
}
