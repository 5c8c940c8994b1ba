//! The crate `bhttp` reads what we write, and we read what it writes.
//!
//! It is no oracle for refusals, joins cookie lines, and refuses an indeterminate message cut after its
//! header section.

use crate::{
    properties::message,
    seen::{Control, Lines, Seen, decode_whole, lines, map, response_head},
    shared,
};
use bhttp::{Message, Mode};
use bytes::BytesMut;
use proptest::prelude::*;
use sealwire_message::bhttp::encode;
use std::io::Cursor;

fn fields(section: &bhttp::FieldSection) -> Lines {
    let given = section
        .iter()
        .map(|field| (String::from_utf8(field.name().to_vec()).unwrap(), field.value().to_vec()))
        .collect();
    lines(&map(&given))
}

fn read(bytes: &[u8]) -> Seen {
    let message = Message::read_bhttp(&mut Cursor::new(bytes)).unwrap();
    let text = |part: Option<&[u8]>| String::from_utf8(part.unwrap_or_default().to_vec()).unwrap();
    let control = message.control();
    Seen {
        informational: message
            .informational()
            .iter()
            .map(|one| (one.status().code(), fields(one.fields())))
            .collect(),
        control: match control.status() {
            Some(status) => Control::Response(status.code()),
            None => Control::Request {
                method: text(control.method()),
                scheme: text(control.scheme()),
                authority: text(control.authority()),
                path: text(control.path()),
            },
        },
        headers: fields(message.header()),
        content: message.content().to_vec(),
        trailers: fields(message.trailer()),
    }
}

fn write(seen: &Seen, mode: Mode) -> Vec<u8> {
    let mut message = match &seen.control {
        Control::Request { method, scheme, authority, path } => Message::request(
            method.clone().into(),
            scheme.clone().into(),
            authority.clone().into(),
            path.clone().into(),
        ),
        Control::Response(status) => Message::response((*status).try_into().unwrap()),
    };
    for (name, value) in &seen.headers {
        message.put_header(name.as_str(), value.as_slice());
    }
    message.write_content(&seen.content);
    for (name, value) in &seen.trailers {
        message.put_trailer(name.as_str(), value.as_slice());
    }
    let mut out = Vec::new();
    message.write_bhttp(mode, &mut out).unwrap();
    out
}

/// Our two forms of a message; the known-length encoder writes no informational responses.
fn encoded(seen: &Seen) -> Vec<BytesMut> {
    let mut indeterminate = BytesMut::new();
    let trailers = map(&seen.trailers);
    let mut known = BytesMut::new();
    if seen.is_request() {
        encode::request_head(&mut indeterminate, &seen.request_head());
        encode::known_request(&mut known, &seen.request_head(), &seen.content, Some(&trailers));
    } else {
        encode::response_start(&mut indeterminate);
        for (status, headers) in &seen.informational {
            encode::response_head(&mut indeterminate, &response_head(*status, headers));
        }
        encode::response_head(&mut indeterminate, &seen.response_head());
        encode::known_response(&mut known, &seen.response_head(), &seen.content, Some(&trailers));
    }
    for slice in seen.content.chunks(100) {
        encode::content_prefix(&mut indeterminate, slice.len());
        indeterminate.extend_from_slice(slice);
    }
    encode::end(&mut indeterminate, Some(&trailers));
    if seen.informational.is_empty() { vec![indeterminate, known] } else { vec![indeterminate] }
}

proptest! {
    #[test]
    fn it_reads_what_we_write(seen in message()) {
        for bytes in encoded(&seen) {
            prop_assert_eq!(&read(&bytes), &seen);
            prop_assert_eq!(decode_whole(seen.is_request(), &bytes), Ok(seen.clone()));
        }
    }

    #[test]
    fn we_read_what_it_writes(mut seen in message()) {
        seen.informational.clear();
        for mode in [Mode::KnownLength, Mode::IndeterminateLength] {
            prop_assert_eq!(decode_whole(seen.is_request(), &write(&seen, mode)), Ok(seen.clone()));
        }
    }
}

#[test]
fn both_read_the_accepted_vectors_alike() {
    let Some(file) = shared::vectors("oblivious/bhttp.json") else { return };
    for case in file["cases"].as_array().unwrap() {
        // BH-05 is the cut message that it refuses.
        if case["expect"] == "accept" && case["id"] != "BH-05" {
            let bytes = shared::hex_of(&case["bytes"]);
            let request = case["message"]["kind"] == "request";
            assert_eq!(decode_whole(request, &bytes), Ok(read(&bytes)), "{}", case["id"]);
        }
    }
}
