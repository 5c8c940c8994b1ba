//! What has to be refused although it authenticates (HH-72, HH-73), and what does not authenticate.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used, clippy::panic)]

mod common;

use bytes::BytesMut;
use common::{
    NOW, PSK, admit, answer, credential,
    forge::{ForgedAnswer, ForgedRequest, answer_start, header, section, start, vector},
    head, key, read, receive, receive_whole, seal, slices,
};
use sealwire_hpke_http::{
    Compression, Credential, Error, Limits,
    message::{Fields, Method},
    server::Start,
};

const END: &[u8] = b"\x03";

/// START of a request to which nothing is wrong.
fn good() -> Vec<u8> {
    start(b"POST", b"api.example.test", b"/", &[])
}

fn refused(sealed: &[u8]) -> Option<Error> {
    let whole = receive_whole(sealed).err();
    let key = key();
    let small = receive(&key, Some(&credential()), Limits::default(), NOW, &slices(sealed, &[5])).err();
    assert_eq!(whole, small, "the division of the input changes the result");
    whole
}

// HH-03, HH-37, HH-66, HH-72: the header, in its order, each as soon as it has come; no other suite, also not a hybrid one.
#[test]
fn headers() {
    let sealed = ForgedRequest::request(&[&good(), END]);
    assert_eq!(refused(&sealed), None);
    for (at, value, error) in [
        (3, b'X', Error::MalformedEnvelope),
        (4, 0, Error::UnsupportedVersion),
        (4, 1, Error::UnsupportedVersion),
        (4, 2, Error::UnsupportedVersion),
        (4, 4, Error::UnsupportedVersion),
        (5, 0, Error::MalformedEnvelope),
        (6, 0, Error::MalformedEnvelope),
        (7, 1, Error::UnsupportedSuite),
        (7, 0x64, Error::UnsupportedSuite),
        (8, 0x10, Error::UnsupportedSuite),
        (10, 2, Error::UnsupportedSuite),
        (12, 1, Error::UnsupportedSuite),
        (20, 1, Error::AuthenticationFailed),
        (21, b'x', Error::UnknownRecipientKey),
    ] {
        let mut changed = sealed.clone();
        changed[at] = value;
        assert_eq!(refused(&changed), Some(error), "byte {at}");
    }
    // Earlier faults are told before later ones, also where the later ones have come.
    let mut both = sealed.clone();
    (both[4], both[7]) = (4, 9);
    assert_eq!(refused(&both), Some(Error::UnsupportedVersion));
    (both[4], both[5]) = (3, 0);
    assert_eq!(refused(&both), Some(Error::UnsupportedSuite));
    let mut early = Start::new(Limits::default());
    early.push(b"HHRX");
    assert_eq!(early.is_whole(), Err(Error::MalformedEnvelope));
    for len in 0..sealed.len() - 21 {
        assert_eq!(refused(&sealed[..len]), Some(Error::MalformedEnvelope), "{len}");
    }
}

// HH-13, HH-14: lengths, before what they announce has come.
#[test]
fn lengths() {
    let front = |length: u32| {
        let forged = ForgedRequest::new();
        [forged.header, forged.enc, length.to_be_bytes().to_vec()].concat()
    };
    let cap = u32::try_from(16384 + 8192 + 16 * 64 + 256 + 16).unwrap();
    for (length, error) in [
        (0, Error::MalformedEnvelope),
        (16, Error::MalformedEnvelope),
        (cap + 1, Error::LimitExceeded),
        (u32::MAX, Error::LimitExceeded),
    ] {
        let mut start = Start::new(Limits::default());
        start.push(&front(length));
        assert_eq!(start.is_whole(), Err(error), "{length}");
    }
    for length in [17, cap] {
        let mut start = Start::new(Limits::default());
        start.push(&front(length));
        assert_eq!(start.is_whole(), Ok(false), "{length}");
    }
    for (length, error) in [
        (16_u32, Error::MalformedEnvelope),
        (65536 + 2 + 16 + 1, Error::LimitExceeded),
        (u32::MAX, Error::LimitExceeded),
    ] {
        let sealed = [ForgedRequest::request(&[&good()]), length.to_be_bytes().to_vec()].concat();
        assert_eq!(refused(&sealed), Some(error), "{length}");
    }
    let answers = |length: u32| {
        let (request, reader) = seal(&head(Method::Get, &[]), &[], Compression::Off);
        let sealed = [ForgedAnswer::new(&request).prefix, length.to_be_bytes().to_vec()].concat();
        read(reader, &[&sealed]).err()
    };
    let cap = u32::try_from(4 + 16384 + 16 * 64 + 16).unwrap();
    for (length, error) in [
        (16, Error::MalformedEnvelope),
        (cap, Error::MalformedEnvelope),
        (cap + 1, Error::LimitExceeded),
        (u32::MAX, Error::LimitExceeded),
    ] {
        assert_eq!(answers(length), Some(error), "{length}");
    }
}

// HH-72: whose key it is.
#[test]
fn credentials() {
    let sealed = ForgedRequest::request(&[&good(), END]);
    let open = |credential: Option<&Credential>| {
        let mut start = Start::new(Limits::default());
        start.push(&sealed);
        let key = key();
        let preparsed = start.preparse(|_| Some(&key)).unwrap();
        assert_eq!(preparsed.psk_id(), b"tenant");
        preparsed.authenticate(credential, NOW).err()
    };
    assert_eq!(open(Some(&credential())), None);
    let wrong = Credential::new("tenant", &[7; 32]).unwrap();
    assert_eq!(open(Some(&wrong)), Some(Error::AuthenticationFailed));
    // HH-67: nobody has it, and the answer is the same.
    assert_eq!(open(None), Some(Error::AuthenticationFailed));
    let other = Credential::new("tenant2", PSK).unwrap();
    assert_eq!(open(Some(&other)), Some(Error::InvalidCredential));
    assert_eq!(Credential::new("tenant", &PSK[..31]).err(), Some(Error::InvalidCredential));
    assert_eq!(Credential::new(PSK.to_vec(), PSK).err(), Some(Error::InvalidCredential));
    assert_eq!(Credential::new("", PSK).err(), Some(Error::InvalidCredential));
    assert_eq!(Credential::new(vec![1; 256], PSK).err(), Some(Error::InvalidCredential));
}

// HH-72: points that agree with nobody.
#[test]
fn encapsulated_keys_of_low_order() {
    let low: [[u8; 32]; 3] = [[0; 32], std::array::from_fn(|i| u8::from(i == 0)), {
        let mut order_8 = [0; 32];
        hex::decode_to_slice(
            "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
            &mut order_8,
        )
        .unwrap();
        order_8
    }];
    for point in low {
        let mut sealed = ForgedRequest::request(&[&good(), END]);
        sealed[30..62].copy_from_slice(&point);
        assert_eq!(refused(&sealed), Some(Error::AuthenticationFailed));
    }
}

// HH-13, HH-23, HH-72: kinds, order, ends.
#[test]
fn request_records() {
    let (good, data) = (good(), b"\x02\x00abc".as_slice());
    let big = [b"\x02\x00".as_slice(), &[7; 65537]].concat();
    for (name, records, error) in [
        ("control", &[&good, data, data, END][..], None),
        ("no START", &[data, END], Some(Error::MalformedEnvelope)),
        ("END alone", &[END], Some(Error::MalformedEnvelope)),
        ("second START", &[&good, &good, END], Some(Error::MalformedEnvelope)),
        ("kind 0", &[&good, b"\x00", END], Some(Error::MalformedEnvelope)),
        ("kind 4", &[&good, b"\x04\x00a", END], Some(Error::MalformedEnvelope)),
        ("END with content", &[&good, b"\x03\x00"], Some(Error::MalformedEnvelope)),
        ("empty DATA", &[&good, b"\x02\x00", END], Some(Error::MalformedEnvelope)),
        ("DATA without coding", &[&good, b"\x02", END], Some(Error::MalformedEnvelope)),
        ("coding 2", &[&good, b"\x02\x02abc", END], Some(Error::MalformedEnvelope)),
        ("DATA of 65537", &[&good, &big, END], Some(Error::LimitExceeded)),
        ("DATA of 65536", &[&good, &big[..65538], END], None),
        ("no END", &[&good, data], Some(Error::MalformedEnvelope)),
        ("a record after END", &[&good, END, data], Some(Error::MalformedEnvelope)),
        ("END twice", &[&good, END, END], Some(Error::MalformedEnvelope)),
    ] {
        assert_eq!(refused(&ForgedRequest::request(records)), error, "{name}");
    }
    let mut forged = ForgedRequest::new();
    let [start, one, two, end] = [&good, data, b"\x02\x00xyz", END].map(|clear| forged.record(clear));
    let front = [forged.header.as_slice(), &forged.enc].concat();
    for (name, frames) in [
        ("dropped", vec![&start, &two, &end]),
        ("repeated", vec![&start, &one, &one, &two, &end]),
        ("swapped", vec![&start, &two, &one, &end]),
        ("START later", vec![&one, &start, &two, &end]),
    ] {
        let sealed = [front.clone(), frames.into_iter().flatten().copied().collect()].concat();
        assert_eq!(refused(&sealed), Some(Error::AuthenticationFailed), "{name}");
    }
    let whole = [front, start, one, two, end].concat();
    assert_eq!(refused(&[&whole, &[0][..]].concat()), Some(Error::MalformedEnvelope));
}

// HH-02, HH-25 to HH-29, HH-31, HH-72: START. The rules themselves are tested where they are.
#[test]
fn request_heads() {
    let line =
        |name: &'static [u8], value: &'static [u8]| start(b"POST", b"a", b"/", &section(&[(name, value)]));
    let many: Vec<(&[u8], &[u8])> = vec![(b"a", b""); 65];
    let target = vec![b'/'; 8191];
    let bytes = vec![b'x'; 16384];
    for (name, start, error) in [
        ("TRACE", start(b"TRACE", b"a", b"/", &[]), Some(Error::UnsupportedMethod)),
        ("CONNECT", start(b"CONNECT", b"a", b"/", &[]), Some(Error::UnsupportedMethod)),
        ("lower case", start(b"get", b"a", b"/", &[]), Some(Error::UnsupportedMethod)),
        ("no method", start(b"", b"a", b"/", &[]), Some(Error::UnsupportedMethod)),
        ("method before target", start(b"TRACE", b"", b"", &[]), Some(Error::UnsupportedMethod)),
        ("userinfo", start(b"GET", b"u@a", b"/", &[]), Some(Error::MalformedEnvelope)),
        ("not UTF-8", start(b"GET", b"\xff", b"/", &[]), Some(Error::MalformedEnvelope)),
        ("dot segment", start(b"GET", b"a", b"/%2e%2e/b", &[]), Some(Error::MalformedEnvelope)),
        ("asterisk", start(b"GET", b"a", b"*", &[]), Some(Error::MalformedEnvelope)),
        ("asterisk of OPTIONS", start(b"OPTIONS", b"a", b"*", &[]), None),
        ("target of 8192", start(b"GET", b"a", &target, &[]), None),
        ("target of 8193", start(b"GET", b"aa", &target, &[]), Some(Error::LimitExceeded)),
        ("upper-case field", line(b"A", b"x"), Some(Error::MalformedEnvelope)),
        ("host", line(b"host", b"a"), Some(Error::MalformedEnvelope)),
        ("non-ASCII value", line(b"a", b"\xe4"), Some(Error::MalformedEnvelope)),
        ("line feed", line(b"a", b"x\ny"), Some(Error::MalformedEnvelope)),
        ("64 fields", start(b"GET", b"a", b"/", &section(&many[..64])), None),
        ("65 fields", start(b"GET", b"a", b"/", &section(&many)), Some(Error::LimitExceeded)),
        (
            "fields of 16384",
            start(b"GET", b"a", b"/", &section(&[(b"a", &bytes[..8191]), (b"b", &bytes[..8191])])),
            None,
        ),
        (
            "fields of 16385",
            start(b"GET", b"a", b"/", &section(&[(b"a", &bytes[..8192]), (b"b", &bytes[..8191])])),
            Some(Error::LimitExceeded),
        ),
        (
            "odd number of vectors",
            start(b"GET", b"a", b"/", &[section(&[(b"a", b"b")]), vector(b"c")].concat()),
            Some(Error::MalformedEnvelope),
        ),
        ("bytes behind the fields", [good(), b"\x00".to_vec()].concat(), Some(Error::MalformedEnvelope)),
        ("no fields", good()[..good().len() - 1].to_vec(), Some(Error::MalformedEnvelope)),
        (
            "longer than the shortest",
            [b"\x01\x40\x03GET\x01a\x01/\x00".as_slice()].concat(),
            Some(Error::MalformedEnvelope),
        ),
        (
            "two lengths",
            {
                let twice: &[(&[u8], &[u8])] = &[(b"content-length", b"0"), (b"content-length", b"0")];
                start(b"POST", b"a", b"/", &section(twice))
            },
            Some(Error::MalformedEnvelope),
        ),
        ("length of words", line(b"content-length", b"zero"), Some(Error::MalformedEnvelope)),
        ("length above the limit", line(b"content-length", b"1073741825"), Some(Error::LimitExceeded)),
    ] {
        assert_eq!(refused(&ForgedRequest::request(&[&start, END])), error, "{name}");
    }
}

// HH-31
#[test]
fn request_lengths() {
    let start = start(b"POST", b"a", b"/", &section(&[(b"content-length", b"3")]));
    for (name, records, error) in [
        ("exact", &[&start, b"\x02\x00ab".as_slice(), b"\x02\x00c", END][..], None),
        ("less", &[&start, b"\x02\x00ab", END], Some(Error::MalformedEnvelope)),
        ("more, before the end", &[&start, b"\x02\x00abcd"], Some(Error::LimitExceeded)),
    ] {
        assert_eq!(refused(&ForgedRequest::request(records)), error, "{name}");
    }
}

// HH-15, HH-16, HH-72
#[test]
fn times_and_replays() {
    for (issued_at, error) in [
        (NOW - 330, Some(Error::InvalidRequestTime)),
        (NOW - 329, None),
        (NOW + 30, None),
        (NOW + 31, Some(Error::InvalidRequestTime)),
        (u64::MAX, Some(Error::InvalidRequestTime)),
    ] {
        let mut forged = ForgedRequest::at(issued_at);
        let frames = [forged.record(&good()), forged.record(END)].concat();
        assert_eq!(refused(&[header(issued_at), forged.enc, frames].concat()), error, "{issued_at}");
    }
    let authenticate = || {
        let sealed = ForgedRequest::request(&[&good(), END]);
        let mut start = Start::new(Limits::default());
        start.push(&sealed);
        let key = key();
        start.preparse(|_| Some(&key)).unwrap().authenticate(Some(&credential()), NOW).unwrap()
    };
    let (one, other) = (authenticate(), authenticate());
    assert_ne!(one.reservation().id, other.reservation().id);
    assert_eq!(one.reservation().deadline, NOW + 330);
    let about_the_other = other.reservation().decide(true);
    assert_eq!(one.admit(about_the_other, NOW).err(), Some(Error::ReplayDecisionMismatch));
    let seen = other.reservation().decide(false);
    assert_eq!(other.admit(seen, NOW).err(), Some(Error::ReplayRejected));
    for (now, error) in [(NOW + 329, None), (NOW + 330, Some(Error::InvalidRequestTime))] {
        let late = authenticate();
        let decision = late.reservation().decide(true);
        assert_eq!(late.admit(decision, now).err(), error, "{now}");
    }
    // A time that is wrong is told to a holder of the key alone.
    let mut forged = ForgedRequest::at(0);
    let mut frames = [forged.record(&good()), forged.record(END)].concat();
    frames[10] ^= 1;
    assert_eq!(refused(&[header(0), forged.enc, frames].concat()), Some(Error::AuthenticationFailed));
}

// HH-32
#[test]
fn zstd_parts() {
    let frame = |content: &[u8]| zstd::bulk::compress(content, 3).unwrap();
    let data = |coded: &[u8]| [b"\x02\x01".as_slice(), coded].concat();
    let request = |part: &[u8]| refused(&ForgedRequest::request(&[&good(), part, END]));
    let mut window =
        vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58, 0x4d, 0, 0, 0x10, 0x61, 0x61, 1, 0, 0xfb, 0xf7, 1, 0x16];
    assert_eq!(request(&data(&window)), Some(Error::MalformedEnvelope), "a window of 2 MiB");
    window[5] = 0x50;
    assert_eq!(request(&data(&window)), None, "a window of 1 MiB");
    window[5] = 0x51;
    assert_eq!(request(&data(&window)), Some(Error::MalformedEnvelope), "a window of 1.125 MiB");
    let a = frame(&[b'a'; 4096]);
    for (name, part, error) in [
        ("control", a.clone(), None),
        ("longer than its content", frame(b"abc"), None),
        ("65536 clear bytes", frame(&[7; 65536]), None),
        ("65537 clear bytes", frame(&[7; 65537]), Some(Error::LimitExceeded)),
        ("nothing", frame(b""), Some(Error::MalformedEnvelope)),
        ("two frames", [a.clone(), a.clone()].concat(), Some(Error::MalformedEnvelope)),
        ("a byte behind", [a.as_slice(), &[0]].concat(), Some(Error::MalformedEnvelope)),
        ("cut", a[..a.len() - 1].to_vec(), Some(Error::MalformedEnvelope)),
        ("no frame", b"abcdefgh".to_vec(), Some(Error::MalformedEnvelope)),
        ("a skippable frame", b"\x50\x2a\x4d\x18\x00\x00\x00\x00".to_vec(), Some(Error::MalformedEnvelope)),
        // Of 70000 bytes without a declared size, and of one that is declared and not kept.
        ("grows past the limit", undeclared(&[7; 70000]), Some(Error::LimitExceeded)),
        ("undeclared", undeclared(&[7; 65536]), None),
    ] {
        assert_eq!(request(&data(&part)), error, "{name}");
    }
    let mut declared = a;
    assert_eq!(declared[4] & 0xe0, 0x60, "a size of two bytes");
    declared[5] ^= 1;
    assert_eq!(request(&data(&declared)), Some(Error::MalformedEnvelope), "another declared size");
}

/// A frame that does not tell how long its content is.
fn undeclared(content: &[u8]) -> Vec<u8> {
    use zstd::stream::raw::{CParameter, Encoder, InBuffer, Operation, OutBuffer};
    let mut encoder = Encoder::new(3).unwrap();
    encoder.set_parameter(CParameter::ContentSizeFlag(false)).unwrap();
    encoder.set_parameter(CParameter::WindowLog(20)).unwrap();
    let mut frame = Vec::with_capacity(1 << 20);
    let mut output = OutBuffer::around(&mut frame);
    let mut input = InBuffer::around(content);
    while input.pos() < content.len() {
        encoder.run(&mut input, &mut output).unwrap();
    }
    while encoder.finish(&mut output, true).unwrap() > 0 {}
    frame
}

/// What our client says of an answer of these records to a request with `method`.
fn answered(method: Method, records: &[&[u8]]) -> Option<Error> {
    let results = [&[usize::MAX][..], &[1], &[30, 7]].map(|lengths| {
        let (request, reader) = seal(&head(method, &[]), &[], Compression::Off);
        let sealed = ForgedAnswer::answer(&request, records);
        read(reader, &slices(&sealed, lengths)).err()
    });
    assert_eq!(results[0], results[1], "the division of the input changes the result");
    assert_eq!(results[0], results[2], "the division of the input changes the result");
    results[0]
}

// HH-19, HH-20, HH-23, HH-31, HH-73
#[test]
fn answers() {
    let (ok, data) = (answer_start(200, &[]), b"\x02\x00abc".as_slice());
    let with = |lines: &[(&[u8], &[u8])]| answer_start(200, lines);
    let two_types = with(&[(b"content-type", b"text/plain"), (b"content-type", b"text/plain")]);
    let length = with(&[(b"content-length", b"3")]);
    let malformed = Some(Error::MalformedEnvelope);
    for (name, method, records, error) in [
        ("control", Method::Get, &[&ok, data, END][..], None),
        ("empty", Method::Get, &[&ok, END], None),
        ("no START", Method::Get, &[data, END], malformed),
        ("START twice", Method::Get, &[&ok, &ok, END], malformed),
        ("status 199", Method::Get, &[&answer_start(199, &[]), END], malformed),
        ("status 600", Method::Get, &[&answer_start(600, &[]), END], malformed),
        ("status 599", Method::Get, &[&answer_start(599, &[]), END], None),
        ("half a status", Method::Get, &[b"\x01\x00", END], malformed),
        ("two DATA", Method::Get, &[&ok, data, data, END], malformed),
        ("empty DATA", Method::Get, &[&ok, b"\x02\x00", END], malformed),
        ("two types", Method::Get, &[&two_types, END], malformed),
        ("a field of one hop", Method::Get, &[&with(&[(b"connection", b"close")]), END], malformed),
        ("length", Method::Get, &[&length, data, END], None),
        ("less than the length", Method::Get, &[&length, b"\x02\x00a", END], malformed),
        ("length without a body", Method::Get, &[&length, END], malformed),
        ("length of a HEAD", Method::Head, &[&length, END], None),
        ("body of a HEAD", Method::Head, &[&ok, data, END], malformed),
        ("body of a 204", Method::Get, &[&answer_start(204, &[]), data, END], malformed),
        ("body of a 205", Method::Get, &[&answer_start(205, &[]), data, END], malformed),
        ("body of a 304", Method::Get, &[&answer_start(304, &[]), data, END], malformed),
        ("no END", Method::Get, &[&ok, data], malformed),
        ("START only", Method::Get, &[&ok], malformed),
        ("prefix only", Method::Get, &[], malformed),
        ("END with content", Method::Get, &[&ok, b"\x03\x00"], malformed),
        ("END twice", Method::Get, &[&ok, END, END], malformed),
    ] {
        assert_eq!(answered(method, records), error, "{name}");
    }
}

// HH-21, HH-22, HH-73
#[test]
fn event_streams() {
    let kind: (&[u8], &[u8]) = (b"content-type", b"Text/Event-Stream ;charset=utf-8");
    let start = answer_start(200, &[kind]);
    let length = answer_start(200, &[kind, (b"content-length", b"9")]);
    let coded = answer_start(200, &[kind, (b"content-encoding", b"identity")]);
    let malformed = Some(Error::MalformedEnvelope);
    for (name, method, records, error) in [
        ("control", Method::Get, &[&start, b"\x02\x00data: 1\n\n".as_slice(), b"\x02\x00\n", END][..], None),
        ("length", Method::Get, &[&length, END], malformed),
        ("coding", Method::Get, &[&coded, END], malformed),
        ("status 206", Method::Get, &[&answer_start(206, &[kind]), END], malformed),
        ("HEAD", Method::Head, &[&start, END], malformed),
        ("no empty line", Method::Get, &[&start, b"\x02\x00data: 1\n", END], malformed),
        ("no line feed", Method::Get, &[&start, b"\x02\x00data: 1", END], malformed),
        ("CR", Method::Get, &[&start, b"\x02\x00data: 1\r\n\n", END], malformed),
        ("two blocks", Method::Get, &[&start, b"\x02\x00data: 1\n\ndata: 2\n\n", END], malformed),
        ("two empty lines", Method::Get, &[&start, b"\x02\x00data: 1\n\n\n", END], malformed),
        ("an empty line first", Method::Get, &[&start, b"\x02\x00\ndata: 1\n\n", END], malformed),
        ("an empty block", Method::Get, &[&start, b"\x02\x00", END], malformed),
        ("no END", Method::Get, &[&start, b"\x02\x00data: 1\n\n"], malformed),
    ] {
        assert_eq!(answered(method, records), error, "{name}");
    }
}

/// What is done to an answer's prefix and records on their way.
type Change<'a> = &'a dyn Fn(&mut Vec<u8>, &mut Vec<Vec<u8>>);

// HH-18, HH-73: prefix and records that are not the ones that were sealed.
#[test]
fn altered_answers() {
    let records: [&[u8]; 3] =
        [&answer_start(200, &[(b"content-type", b"text/event-stream")]), b"\x02\x00\n", END];
    let refused = |change: Change<'_>| {
        let (request, reader) = seal(&head(Method::Get, &[]), &[], Compression::Off);
        let mut forged = ForgedAnswer::new(&request);
        let mut frames: Vec<Vec<u8>> = records.iter().map(|clear| forged.record(clear)).collect();
        let mut prefix = forged.prefix.clone();
        change(&mut prefix, &mut frames);
        read(reader, &[&[prefix, frames.concat()].concat()]).err()
    };
    assert_eq!(refused(&|_, _| {}), None);
    let failed = Some(Error::AuthenticationFailed);
    assert_eq!(refused(&|prefix, _| prefix[3] = b'Q'), Some(Error::MalformedEnvelope));
    assert_eq!(refused(&|prefix, _| prefix[4] = 2), Some(Error::MalformedEnvelope));
    assert_eq!(refused(&|prefix, _| prefix[5] ^= 1), failed);
    assert_eq!(refused(&|_, frames| frames.swap(0, 1)), failed);
    assert_eq!(refused(&|_, frames| frames.swap(1, 2)), failed);
    assert_eq!(refused(&|_, frames| drop(frames.remove(1))), failed);
    assert_eq!(refused(&|_, frames| frames.insert(1, frames[1].clone())), failed);
    assert_eq!(refused(&|_, frames| frames.push(vec![0])), Some(Error::MalformedEnvelope));
    // The answer to another request.
    let (request, _) = seal(&head(Method::Get, &[]), &[], Compression::Off);
    let (_, reader) = seal(&head(Method::Get, &[]), &[], Compression::Off);
    assert_eq!(read(reader, &[&ForgedAnswer::answer(&request, &records)]).err(), failed);
}

/// What our own side is not to send is refused before anything leaves.
// HH-21, HH-24, HH-31
#[test]
fn what_may_not_be_sent() {
    let reply = |method| {
        let (sealed, _) = seal(&head(method, &[]), &[], Compression::Off);
        receive_whole(&sealed).unwrap().reply
    };
    let type_of_events = ("content-type", "text/event-stream");
    let wrong = Some(Error::InvalidConfiguration);
    for (method, status, lines, pieces, error) in [
        (Method::Get, 200, &[][..], &[b"x".as_slice()][..], None),
        (Method::Get, 199, &[], &[], wrong),
        (Method::Get, 100, &[], &[], wrong),
        (Method::Get, 204, &[], &[b"x"], wrong),
        (Method::Head, 200, &[], &[b"x"], wrong),
        (Method::Get, 200, &[("content-length", "2")], &[b"x"], wrong),
        (Method::Get, 200, &[type_of_events, ("content-length", "0")], &[], wrong),
        (Method::Get, 500, &[type_of_events], &[], wrong),
    ] {
        assert_eq!(
            answer(reply(method), status, lines, pieces).err(),
            error,
            "{method:?} {status} {lines:?}"
        );
    }
    let key = key();
    let credential = credential();
    let target = sealwire_hpke_http::client::Target { recipient: key.recipient(), credential: &credential };
    let begin = |lines: &[(&str, &str)]| {
        let mut out = BytesMut::from(&b"before"[..]);
        let head = head(Method::Post, lines);
        let begun = sealwire_hpke_http::client::start(
            target,
            &head,
            &Limits::default(),
            NOW,
            &sealwire_crypto::random::OsRandom,
            &mut out,
        );
        begun.map(|(sealer, _)| (sealer, out))
    };
    let lengths = [("content-length", "1"), ("content-length", "1")];
    assert_eq!(begin(&lengths).err(), wrong);
    let (mut sealer, mut out) = begin(&lengths[..1]).unwrap();
    assert!(out.starts_with(b"beforeHHRQ"));
    assert_eq!(sealer.data(&mut out, b"ab"), Err(Error::LimitExceeded));
    assert_eq!(sealer.finish(&mut out), Err(Error::InvalidConfiguration));
    assert!(Fields::new([("a", "b")]).is_ok());
}

// HH-35, HH-36
#[test]
fn settings_above_the_hard_limits() {
    let default = Limits::default();
    assert_eq!(default.validate(), Ok(default));
    let hard = Limits {
        max_body_len: 64 << 20,
        max_request_bytes: 4 << 30,
        max_header_bytes: 64 << 10,
        max_header_count: 256,
        max_target_len: 8 << 10,
    };
    assert_eq!(hard.validate(), Ok(hard));
    for above in [
        Limits { max_body_len: hard.max_body_len + 1, ..hard },
        Limits { max_request_bytes: hard.max_request_bytes + 1, ..hard },
        Limits { max_request_bytes: 0, ..hard },
        Limits { max_header_bytes: hard.max_header_bytes + 1, ..hard },
        Limits { max_header_count: hard.max_header_count + 1, ..hard },
        Limits { max_target_len: hard.max_target_len + 1, ..hard },
    ] {
        assert_eq!(above.validate(), Err(Error::InvalidConfiguration));
    }
    assert_eq!(Error::InvalidConfiguration.code(), "invalid_configuration");
}

// HH-23, HH-63: what has authenticated comes out before the end; the end itself only when it is certain.
#[test]
fn a_cut_request_has_no_end() {
    let sealed = ForgedRequest::request(&[&good(), b"\x02\x00abc"]);
    let key = key();
    let pieces: [&[u8]; 1] = [&sealed];
    let (opened, _) = admit(&key, Some(&credential()), Limits::default(), NOW, &pieces).unwrap();
    let mut body = opened.body;
    let first = body.next_record().unwrap();
    assert!(matches!(first, Some(sealwire_hpke_http::server::Record::Data(data)) if data == b"abc"[..]));
    assert_eq!(body.next_record(), Ok(None));
    body.end();
    assert_eq!(body.next_record(), Err(Error::MalformedEnvelope));
    assert_eq!(body.next_record(), Err(Error::MalformedEnvelope));
}
