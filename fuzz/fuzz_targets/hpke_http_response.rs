#![no_main]
//! Answers of hpke-http/3 at the client: as they come, and of records that authenticate. The first byte of the input
//! chooses the method.

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use sealwire_fuzz::hpke_http::{CREDENTIAL, KEY, LIMITS, NOW, answer};
use sealwire_fuzz::{Fixed, divisions};
use sealwire_hpke_http::Error;
use sealwire_hpke_http::client::{Event, ResponseReader, Target, start};
use sealwire_hpke_http::message::{Fields, Method, Mode, RequestHead};

/// A request of our client, always the same, and what opens its answer.
fn ask(method: Method) -> (BytesMut, ResponseReader) {
    let target = Target { recipient: KEY.recipient(), credential: &CREDENTIAL };
    let head = RequestHead::new(method, "a", "/", Fields::default()).expect("a head");
    let mut out = BytesMut::new();
    let (_, reader) = start(target, &head, &LIMITS, NOW, &Fixed, &mut out).expect("it fits");
    (out, reader)
}

fn read<'a>(
    mut reader: ResponseReader,
    mut slices: impl Iterator<Item = &'a [u8]>,
) -> Result<Vec<Event>, Error> {
    let mut events = Vec::new();
    loop {
        match reader.next_event() {
            Ok(Some(event)) => events.push(event),
            Ok(None) if events.last() == Some(&Event::End) => return Ok(events),
            Ok(None) => match slices.next() {
                Some(slice) => reader.push(slice),
                None => reader.end(),
            },
            Err(error) => {
                assert_eq!(reader.next_event(), Err(error), "an error that does not last");
                return Err(error);
            }
        }
    }
}

fn check(method: Method, sealed: &[u8]) {
    let [whole, small] = divisions(sealed).map(|slices| read(ask(method).1, slices));
    assert_eq!(whole, small, "the division of the input changes the result");
    let Ok(events) = whole else { return };
    let Some((Event::Head(head), rest)) = events.split_first() else { panic!("no head first") };
    let data = rest.iter().filter_map(|event| match event {
        Event::Data(data) => Some(data),
        _ => None,
    });
    assert!(head.mode() == Mode::EventStream || data.clone().count() <= 1, "HH-20");
    assert!(data.clone().all(|data| (1..=LIMITS.max_body_len).contains(&data.len())));
}

fuzz_target!(|input: &[u8]| {
    let Some((choice, input)) = input.split_first() else { return };
    let method = if choice & 1 == 0 { Method::Get } else { Method::Head };
    check(method, input);
    check(method, &answer(&ask(method).0, input));
});
