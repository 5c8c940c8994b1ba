#![no_main]
//! Requests of hpke-http/3 at the server: as they come, and of records that authenticate.

use libfuzzer_sys::fuzz_target;
use sealwire_fuzz::divisions;
use sealwire_fuzz::hpke_http::{CREDENTIAL, KEY, LIMITS, NOW, request};
use sealwire_hpke_http::Error;
use sealwire_hpke_http::message::{RequestHead, request_fields};
use sealwire_hpke_http::server::{Record, Start};

fn open<'a>(mut slices: impl Iterator<Item = &'a [u8]>) -> Result<(RequestHead, Vec<u8>), Error> {
    let mut start = Start::new(LIMITS);
    while !start.is_whole()? {
        let Some(slice) = slices.next() else { break };
        start.push(slice);
    }
    let preparsed = start.preparse(|id| (id == KEY.recipient().id()).then_some(&*KEY))?;
    let credential = (preparsed.psk_id() == CREDENTIAL.id()).then_some(&*CREDENTIAL);
    let authenticated = preparsed.authenticate(credential, NOW)?;
    let decision = authenticated.reservation().decide(true);
    let opened = authenticated.admit(decision, NOW)?;
    let (mut body, mut content) = (opened.body, Vec::new());
    loop {
        match body.next_record() {
            Ok(Some(Record::Data(data))) => {
                assert!(!data.is_empty());
                content.extend_from_slice(&data);
                assert!(content.len() as u64 <= LIMITS.max_request_bytes, "HH-35");
            }
            Ok(Some(Record::End)) => return Ok((opened.head, content)),
            Ok(None) => match slices.next() {
                Some(slice) => body.push(slice),
                None => body.end(),
            },
            Err(error) => {
                assert_eq!(body.next_record(), Err(error), "an error that does not last");
                return Err(error);
            }
        }
    }
}

fn check(message: &[u8]) {
    let [whole, small] = divisions(message).map(open);
    assert_eq!(whole, small, "the division of the input changes the result");
    let Ok((head, _)) = whole else { return };
    // What has been taken can be sent.
    let fields = head.fields().clone();
    assert!(RequestHead::new(head.method(), head.authority(), head.target(), fields).is_ok());
    let headers = head.fields().to_headers();
    assert_eq!(headers.len(), head.fields().len());
    let _ = request_fields(&headers);
}

fuzz_target!(|input: &[u8]| {
    check(input);
    check(&request(input));
});
