#![no_main]
//! Binary HTTP responses.

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode};
use libfuzzer_sys::fuzz_target;
use sealwire_fuzz::divisions;
use sealwire_message::bhttp::{Error, Limits, ResponseDecoder, ResponseEvent, ResponseHead, encode};

#[derive(Debug, PartialEq)]
struct Response {
    /// the final one is the last
    heads: Vec<(StatusCode, HeaderMap)>,
    content: Vec<u8>,
    trailers: HeaderMap,
}

fn decode<'a>(slices: impl Iterator<Item = &'a [u8]>) -> Result<Response, Error> {
    let mut decoder = ResponseDecoder::new(Limits::default());
    let (mut heads, mut content, mut trailers) = (Vec::new(), Vec::new(), None);
    let (mut last_head, mut complete) = (false, false);
    let mut slices = slices.map(Bytes::copy_from_slice);
    loop {
        let slice = slices.next();
        let last = slice.is_none();
        match slice {
            Some(slice) => decoder.push(slice),
            None => decoder.end(),
        }
        while let Some(event) = decoder.next_event()? {
            assert!(!complete, "an event after the end");
            match event {
                ResponseEvent::Informational(head) => {
                    assert!(!last_head && head.status.is_informational());
                    heads.push((head.status, head.headers));
                }
                ResponseEvent::Head(head) => {
                    assert!(!last_head && !head.status.is_informational());
                    last_head = true;
                    heads.push((head.status, head.headers));
                }
                ResponseEvent::Data(data) => {
                    assert!(last_head && trailers.is_none() && !data.is_empty());
                    content.extend_from_slice(&data);
                }
                ResponseEvent::Trailers(found) => {
                    assert!(!found.is_empty());
                    assert!(trailers.replace(found).is_none(), "two trailer sections");
                }
                ResponseEvent::End => complete = true,
            }
        }
        if last {
            break;
        }
    }
    assert!(complete && last_head, "neither complete nor an error");
    Ok(Response { heads, content, trailers: trailers.unwrap_or_default() })
}

fuzz_target!(|input: &[u8]| {
    let [whole, small] = divisions(input).map(decode);
    assert_eq!(whole, small, "the division of the input changes the result");
    let Ok(response) = whole else { return };

    let mut again = BytesMut::new();
    encode::response_start(&mut again);
    for (status, headers) in &response.heads {
        encode::response_head(&mut again, &ResponseHead { status: *status, headers: headers.clone() });
    }
    encode::content_prefix(&mut again, response.content.len());
    again.extend_from_slice(&response.content);
    encode::end(&mut again, Some(&response.trailers));
    assert_eq!(decode([&again[..]].into_iter()).as_ref(), Ok(&response));
});
