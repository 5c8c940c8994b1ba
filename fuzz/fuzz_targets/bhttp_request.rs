#![no_main]
//! Binary HTTP requests.

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use libfuzzer_sys::fuzz_target;
use sealwire_fuzz::divisions;
use sealwire_message::bhttp::{Error, Limits, RequestDecoder, RequestEvent, RequestHead, encode};

#[derive(Debug)]
struct Request {
    head: RequestHead,
    content: Vec<u8>,
    trailers: HeaderMap,
}

impl PartialEq for Request {
    fn eq(&self, other: &Self) -> bool {
        let Self { head: a, content, trailers } = self;
        let b = &other.head;
        (&a.method, &a.scheme, &a.authority, &a.path, &a.headers)
            == (&b.method, &b.scheme, &b.authority, &b.path, &b.headers)
            && (content, trailers) == (&other.content, &other.trailers)
    }
}

fn decode<'a>(slices: impl Iterator<Item = &'a [u8]>) -> Result<Request, Error> {
    let mut decoder = RequestDecoder::new(Limits::default());
    let (mut head, mut content, mut trailers, mut complete) = (None, Vec::new(), None, false);
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
                RequestEvent::Head(found) => assert!(head.replace(found).is_none(), "two heads"),
                RequestEvent::Data(data) => {
                    assert!(head.is_some() && trailers.is_none() && !data.is_empty());
                    content.extend_from_slice(&data);
                }
                RequestEvent::Trailers(found) => {
                    assert!(!found.is_empty());
                    assert!(trailers.replace(found).is_none(), "two trailer sections");
                }
                RequestEvent::End => complete = true,
            }
        }
        if last {
            break;
        }
    }
    assert!(complete, "neither complete nor an error");
    Ok(Request { head: head.expect("a head"), content, trailers: trailers.unwrap_or_default() })
}

fuzz_target!(|input: &[u8]| {
    let [whole, small] = divisions(input).map(decode);
    assert_eq!(whole, small, "the division of the input changes the result");
    let Ok(request) = whole else { return };
    // OB-33, OB-128: what passes names its target.
    assert!(request.head.effective_authority().is_some());

    let Request { head, content, trailers } = &request;
    let mut known = BytesMut::new();
    encode::known_request(&mut known, head, content, Some(trailers));
    assert_eq!(decode([&known[..]].into_iter()).as_ref(), Ok(&request));

    let mut indeterminate = BytesMut::new();
    encode::request_head(&mut indeterminate, head);
    encode::content_prefix(&mut indeterminate, content.len());
    indeterminate.extend_from_slice(content);
    encode::end(&mut indeterminate, Some(trailers));
    encode::pad(&mut indeterminate);
    assert_eq!(decode([&indeterminate[..]].into_iter()).as_ref(), Ok(&request));
});
