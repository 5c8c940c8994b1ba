//! Answers that others made, opened with the secret that they tell (HH-73, HH-74).

#[path = "../../tests/common/vectors.rs"]
mod vectors;

use super::{Event, ResponseReader};
use crate::{Error, Limits, message::Method, response_secret::ResponseSecret};
use vectors::{bytes, load, text};

fn read(mut reader: ResponseReader, answer: &[u8], len: usize) -> Result<Vec<Event>, Error> {
    let mut events = Vec::new();
    let mut slices = answer.chunks(len);
    loop {
        match reader.next_event()? {
            Some(event) => events.push(event),
            None if events.last() == Some(&Event::End) => return Ok(events),
            None => match slices.next() {
                Some(slice) => reader.push(slice),
                None => reader.end(),
            },
        }
    }
}

#[test]
fn answers() {
    let Some(vectors) = load("v3-responses.json") else { return };
    for case in vectors["cases"].as_array().unwrap() {
        let id = text(case, "id");
        let secret = bytes(case, "response_secret").try_into().unwrap();
        let enc = bytes(case, "enc").try_into().unwrap();
        let method = Method::from_bytes(text(case, "request_method").as_bytes()).unwrap();
        for len in [usize::MAX, 1, 37] {
            let reader = ResponseReader::new(ResponseSecret::known(secret, enc), method, Limits::default());
            let found = read(reader, &bytes(case, "envelope"), len).err().map(Error::code);
            assert_eq!(found, case["code"].as_str(), "{id} {}", text(case, "name"));
        }
    }
}
