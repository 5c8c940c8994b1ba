//! The exact error for each thing that a sender can do wrong, in both framings.

use crate::{
    seen::{decode_whole, lines},
    wire::{Wire, get},
};
use bytes::Bytes;
use sealwire_message::bhttp::{Error, Limits, RequestDecoder, RequestEvent, ResponseDecoder, ResponseEvent};

type Line<'a> = (&'a [u8], &'a [u8]);

/// A request with these lines in its header section, and content.
fn request(indicator: u64, headers: &[Line<'_>], content: &[u8]) -> Vec<u8> {
    let mut wire = get(indicator);
    if indicator == 0 {
        wire.vector(&Wire::new(&[]).lines(headers).bytes).vector(content);
    } else {
        wire.lines(headers).integer(0);
        if !content.is_empty() {
            wire.vector(content);
        }
        wire.integer(0);
    }
    wire.bytes
}

fn outcome(headers: &[Line<'_>], content: &[u8]) -> Option<Error> {
    let known = decode_whole(true, &request(0, headers, content)).err();
    let indeterminate = decode_whole(true, &request(2, headers, content)).err();
    assert_eq!(known, indeterminate, "{headers:?}");
    known
}

fn control(parts: [&str; 4], headers: &[Line<'_>]) -> Option<Error> {
    let mut wire = Wire::new(&[]);
    wire.integer(2);
    for part in parts {
        wire.vector(part.as_bytes());
    }
    wire.lines(headers).integer(0);
    decode_whole(true, &wire.bytes).err()
}

// OB-120
#[test]
fn framing() {
    for indicator in [1, 3, 4, 63, 1 << 40] {
        let bytes = Wire::new(&[]).integer(indicator).raw(&[0; 20]).bytes.clone();
        assert_eq!(decode_whole(true, &bytes), Err(Error::Framing), "{indicator}");
    }
    for indicator in [0, 2, 4] {
        let bytes = Wire::new(&[]).integer(indicator).raw(&[0; 20]).bytes.clone();
        assert_eq!(decode_whole(false, &bytes), Err(Error::Framing), "{indicator}");
    }
}

// OB-32, OB-123, OB-157
#[test]
fn names() {
    for good in ["a", "x-1", "!#$%&'*+-.^_`|~09az", &"n".repeat(256)] {
        assert_eq!(outcome(&[(good.as_bytes(), b"v")], b""), None, "{good}");
    }
    for bad in
        ["A", "xY", "a b", "a:", "a\"b", "a(b", "a\r", "a\n", "a\0", "a/b", "a[", "{a}", "\u{e9}", "a,b"]
    {
        assert_eq!(outcome(&[(bad.as_bytes(), b"v")], b""), Some(Error::Name), "{bad:?}");
    }
}

// OB-32, OB-123, OB-157
#[test]
fn values() {
    for good in [&b""[..], b"a b", b"a\tb", b"\"q\"", b"\xe9\xff\x80", &[b'v'; 16384]] {
        assert_eq!(outcome(&[(b"a", good)], b""), None);
    }
    for bad in [
        &b" a"[..],
        b"a ",
        b"\ta",
        b"a\t",
        b" ",
        b"a\0",
        b"a\rb",
        b"a\nb",
        b"a\r\nb: c",
        b"\0",
        b"a\x7f",
        b"\x01",
    ] {
        assert_eq!(outcome(&[(b"a", bad)], b""), Some(Error::Value), "{bad:?}");
    }
}

// OB-32, OB-124
#[test]
fn pseudo_fields() {
    for name in [":method", ":scheme", ":authority", ":path", ":status"] {
        assert_eq!(outcome(&[(name.as_bytes(), b"v")], b""), Some(Error::ControlField), "{name}");
        assert_eq!(outcome(&[(b"a", b"v"), (name.as_bytes(), b"v")], b""), Some(Error::ControlField));
    }
    assert_eq!(outcome(&[(b"a", b"v"), (b":new", b"v")], b""), Some(Error::PseudoField));
    for bad in [":", "::a", ":A", ":a b"] {
        assert_eq!(outcome(&[(bad.as_bytes(), b"v")], b""), Some(Error::Name), "{bad}");
    }
    // Before the regular fields they are allowed, and dropped.
    let seen =
        decode_whole(true, &request(0, &[(b":protocol", b"v"), (b":new", b""), (b"a", b"v")], b"")).unwrap();
    assert_eq!(seen.headers, [("a".to_owned(), b"v".to_vec())]);
    let mut response = Wire::new(&[]);
    response.integer(3).integer(103).lines(&[(":new", "v"), ("a", "v")]).integer(0);
    response.integer(200).lines(&[(":new", "v"), ("b", "v")]).integer(0);
    let seen = decode_whole(false, &response.bytes).unwrap();
    assert_eq!(seen.informational, [(103, vec![("a".to_owned(), b"v".to_vec())])]);
    assert_eq!(seen.headers, [("b".to_owned(), b"v".to_vec())]);
    // A bad value is refused in them too.
    assert_eq!(outcome(&[(b":new", b"a\nb")], b""), Some(Error::Value));

    for name in [":new", ":status"] {
        let error = if name == ":new" { Error::PseudoField } else { Error::ControlField };
        let mut known = get(0);
        known.integer(0).integer(0).vector(&Wire::new(&[]).lines(&[(name, "v")]).bytes);
        assert_eq!(decode_whole(true, &known.bytes), Err(error));
        let mut indeterminate = get(2);
        indeterminate.integer(0).integer(0).lines(&[(name, "v")]).integer(0);
        assert_eq!(decode_whole(true, &indeterminate.bytes), Err(error));
    }
}

// OB-122
#[test]
fn section_lengths() {
    let line = Wire::new(&[]).lines(&[("name", "value")]).bytes.clone();
    for len in 1..line.len() {
        let mut wire = get(0);
        wire.integer(len as u64).raw(&line).raw(&[0; 4]);
        assert_eq!(decode_whole(true, &wire.bytes), Err(Error::SectionLength), "{len}");
    }
    // Also where the border falls inside an integer.
    let mut wire = get(0);
    wire.integer(1).raw(&[0x40, 1, b'a', 1, b'b', 0]);
    assert_eq!(decode_whole(true, &wire.bytes), Err(Error::SectionLength));

    for name in [&[0][..], &[0x40, 0], &[0xc0, 0, 0, 0, 0, 0, 0, 0]] {
        let mut wire = get(0);
        wire.vector(&[name, &[1, b'b']].concat());
        assert_eq!(decode_whole(true, &wire.bytes), Err(Error::EmptyName));
        // The same zero ends an indeterminate section (OB-30).
        let mut wire = get(2);
        wire.raw(name);
        assert_eq!(decode_whole(true, &wire.bytes).err(), None);
    }
}

// OB-126, OB-155
#[test]
fn huge_lengths_are_refused_or_waited_for_but_not_believed() {
    for huge in [u64::from(u32::MAX), 1 << 40, 1 << 61, (1 << 62) - 1] {
        let cases = [
            (get(0).integer(huge).bytes.clone(), Error::SectionTooLong),
            (get(0).integer(20).integer(huge).raw(&[b'a'; 30]).bytes.clone(), Error::NameTooLong),
            (get(2).integer(huge).bytes.clone(), Error::NameTooLong),
            (get(2).vector(b"a").integer(huge).bytes.clone(), Error::ValueTooLong),
            (get(0).integer(0).integer(huge).raw(b"abc").bytes.clone(), Error::Truncated),
            (get(2).integer(0).integer(huge).raw(b"abc").bytes.clone(), Error::Truncated),
            (get(0).integer(0).integer(0).integer(huge).bytes.clone(), Error::SectionTooLong),
        ];
        for (bytes, error) in cases {
            assert_eq!(decode_whole(true, &bytes), Err(error), "{huge}");
        }
        for strings in 0..4 {
            let mut wire = Wire::new(&[]);
            wire.integer(2);
            for string in ["GET", "https", "a.example"].into_iter().take(strings) {
                wire.vector(string.as_bytes());
            }
            wire.integer(huge);
            assert_eq!(decode_whole(true, &wire.bytes), Err(Error::ControlDataTooLong));
        }
    }
}

// OB-125
#[test]
fn statuses() {
    for status in [0, 1, 99, 600, 999, 16383, 1 << 16, (1 << 16) + 200, 1 << 61] {
        for indicator in [1, 3] {
            let bytes = Wire::new(&[]).integer(indicator).integer(status).bytes.clone();
            assert_eq!(decode_whole(false, &bytes), Err(Error::Status), "{status}");
        }
    }
    for status in [200, 404, 599] {
        let bytes = Wire::new(&[]).integer(1).integer(status).bytes.clone();
        assert!(decode_whole(false, &bytes).is_ok());
    }
    // OB-36: all informational ones are events; what is not forwarded is not dropped here.
    let bytes =
        Wire::new(&[]).integer(1).integer(100).integer(0).integer(101).integer(0).integer(200).bytes.clone();
    let seen = decode_whole(false, &bytes).unwrap();
    assert_eq!(seen.informational.iter().map(|(status, _)| *status).collect::<Vec<_>>(), [100, 101]);
}

// OB-37, OB-127
#[test]
fn padding() {
    for indicator in [0, 2] {
        for at in [0, 1, 99] {
            let mut bytes = request(indicator, &[], b"");
            bytes.push(0); // the trailer section
            bytes.extend([0; 100]);
            assert!(decode_whole(true, &bytes).is_ok());
            let from = bytes.len() - 100;
            bytes[from + at] = 1;
            assert_eq!(decode_whole(true, &bytes), Err(Error::Padding));
        }
    }
}

// OB-128
#[test]
fn request_control() {
    assert_eq!(control(["GET", "https", "a.example", "/"], &[]), None);
    assert_eq!(control(["M-SEARCH", "HTTP", "a.example:8080", "/x?y=z"], &[]), None);
    assert_eq!(control(["OPTIONS", "http", "[::1]:80", "*"], &[]), None);
    for method in ["", "GE T", "G\0", "G\r\nX", "(", "\u{e9}"] {
        assert_eq!(control([method, "https", "a.example", "/"], &[]), Some(Error::Method), "{method:?}");
    }
    for scheme in ["", "ftp", "https:", "ws", "httpss"] {
        assert_eq!(control(["GET", scheme, "a.example", "/"], &[]), Some(Error::Scheme), "{scheme:?}");
    }
    for path in ["", "x", "*", "?q", "#f", "/a#f", "/a b", "/\r\nX: y", "/\0", "http://a.example/", "//a\n"] {
        assert_eq!(control(["GET", "https", "a.example", path], &[]), Some(Error::Path), "{path:?}");
    }
    assert_eq!(control(["OPTIONS", "https", "a.example", "**"], &[]), Some(Error::Path));
    for authority in [
        "a b", "a/b", "a?b", "a#b", "a:b:c", ":80", "a:99999", "a:x", "a\r\nb", "[::1", "[::1]x", "\u{e9}",
        "a%b", ":",
    ] {
        assert_eq!(control(["GET", "https", authority, "/"], &[]), Some(Error::Authority), "{authority:?}");
    }
    for authority in ["u@a.example", "u:p@a.example", "@a.example", "a.example@", "@"] {
        assert_eq!(control(["GET", "https", authority, "/"], &[]), Some(Error::UserInfo), "{authority:?}");
        assert_eq!(
            control(["GET", "https", "", "/"], &[(b"host", authority.as_bytes())]),
            Some(Error::UserInfo),
            "{authority:?}"
        );
    }
}

// OB-33, OB-128
#[test]
fn host_and_authority() {
    let with = |authority: &str, hosts: &[&str]| {
        let lines: Vec<Line<'_>> = hosts.iter().map(|host| (&b"host"[..], host.as_bytes())).collect();
        control(["GET", "https", authority, "/"], &lines)
    };
    assert_eq!(with("a.example", &["a.example"]), None);
    assert_eq!(with("a.example", &["A.EXAMPLE"]), None);
    assert_eq!(with("a.example", &["a.example:443"]), None);
    assert_eq!(with("a.example:443", &["a.example"]), None);
    assert_eq!(with("", &["a.example:8080"]), None);
    for differs in ["b.example", "a.example:80", "a.example.b", ""] {
        assert_eq!(with("a.example", &[differs]), Some(Error::Host), "{differs}");
    }
    assert_eq!(with("a.example", &["a.example", "a.example"]), Some(Error::Host));
    assert_eq!(with("", &["a.example", "b.example"]), Some(Error::Host));
    assert_eq!(with("", &[]), Some(Error::NoAuthority));
    assert_eq!(with("", &[""]), Some(Error::NoAuthority));
    assert_eq!(with("", &["a b"]), Some(Error::Authority));
    assert_eq!(with("a.example", &["a.example, b.example"]), Some(Error::Authority));

    // The event says what was on the wire; the effective authority says what it means.
    let mut wire = Wire::new(&[]);
    wire.integer(2)
        .vector(b"GET")
        .vector(b"https")
        .vector(b"")
        .vector(b"/")
        .lines(&[("host", "h.example:8")])
        .integer(0);
    let mut decoder = RequestDecoder::new(Limits::default());
    decoder.push(wire.bytes.into());
    let Ok(Some(RequestEvent::Head(head))) = decoder.next_event() else { panic!("no head") };
    assert_eq!(head.authority, None);
    assert_eq!(lines(&head.headers), [("host".to_owned(), b"h.example:8".to_vec())]);
    assert_eq!(head.effective_authority().unwrap(), "h.example:8");
}

// OB-129
#[test]
fn content_length() {
    let length = |value: &'static [u8], content: &[u8]| outcome(&[(b"content-length", value)], content);
    assert_eq!(length(b"3", b"abc"), None);
    assert_eq!(length(b"003", b"abc"), None);
    assert_eq!(length(b"0", b""), None);
    for (value, content) in [
        (&b"5"[..], &b"abc"[..]),
        (b"2", b"abc"),
        (b"0", b"abc"),
        (b"1", b""),
        (b"18446744073709551615", b"a"),
    ] {
        assert_eq!(length(value, content), Some(Error::ContentLength), "{value:?}");
    }
    for value in [&b""[..], b"+3", b"-3", b"3, 3", b"3,3", b"0x3", b"3 3", b"\xb3", b"18446744073709551616"] {
        assert_eq!(length(value, b"abc"), Some(Error::ContentLengthField), "{value:?}");
    }
    for second in [&b"3"[..], b"4"] {
        let twice: [Line<'_>; 2] = [(b"content-length", b"3"), (b"content-length", second)];
        assert_eq!(outcome(&twice, b"abc"), Some(Error::RepeatedContentLength));
    }
    // Over several slices, and refused as soon as it is exceeded.
    let mut wire = get(2);
    wire.lines(&[("content-length", "4")]).integer(0).vector(b"ab").vector(b"cd");
    assert!(decode_whole(true, &[&wire.bytes[..], &[0]].concat()).is_ok());
    wire.integer(1);
    let mut decoder = RequestDecoder::new(Limits::default());
    decoder.push(wire.bytes.into());
    let mut content = Vec::new();
    let error = loop {
        match decoder.next_event() {
            Ok(Some(RequestEvent::Data(data))) => content.extend_from_slice(&data),
            Ok(Some(_)) => {}
            Ok(None) => panic!("waits for a byte that is one too many"),
            Err(error) => break error,
        }
    };
    assert_eq!((error, &content[..]), (Error::ContentLength, &b"abcd"[..]));

    // An answer to HEAD has the length of what is not there.
    let mut wire = Wire::new(&[]);
    wire.integer(3).integer(200).lines(&[("content-length", "9")]).integer(0);
    assert!(decode_whole(false, &wire.bytes).is_ok());
}

// OB-129
#[test]
fn transfer_encoding() {
    for chunked in [&b"chunked"[..], b"gzip, Chunked", b"CHUNKED ,x"] {
        assert_eq!(outcome(&[(b"transfer-encoding", chunked)], b""), Some(Error::TransferEncoding));
    }
    let two: [Line<'_>; 2] = [(b"transfer-encoding", b"gzip"), (b"transfer-encoding", b"chunked")];
    assert_eq!(outcome(&two, b""), Some(Error::TransferEncoding));
}

// OB-33: not invalid by themselves; what is done with them is the caller's.
#[test]
fn connection_specific_fields_are_let_through() {
    for (name, value) in [
        (&b"connection"[..], &b"close, x"[..]),
        (b"keep-alive", b"timeout=5"),
        (b"proxy-connection", b"close"),
        (b"te", b"gzip"),
        (b"upgrade", b"websocket"),
        (b"transfer-encoding", b"gzip"),
    ] {
        assert_eq!(outcome(&[(name, value)], b""), None);
    }
}

// OB-44, OB-130
#[test]
fn expect_and_connect() {
    for value in [&b"100-continue"[..], b"100-Continue", b"x, 100-continue"] {
        assert_eq!(outcome(&[(b"expect", value)], b""), Some(Error::Expect));
    }
    assert_eq!(control(["CONNECT", "https", "a.example", "/"], &[]), Some(Error::Connect));
    assert_eq!(control(["CONNECT", "", "a.example:443", ""], &[]), Some(Error::Connect));
    // Methods are case-sensitive: this is another one.
    assert_eq!(control(["connect", "https", "a.example", "/"], &[]), None);
}

// OB-35: content comes before the message is complete, and is the pushed memory.
#[test]
fn content_is_yielded_as_it_arrives_without_a_copy() {
    let mut bytes = get(2).bytes;
    bytes.extend([0, 10]);
    bytes.extend(b"01234");
    let pushed = Bytes::from(bytes);
    let range = pushed.as_ptr_range();
    let mut decoder = RequestDecoder::new(Limits::default());
    decoder.push(pushed.clone());
    assert!(matches!(decoder.next_event(), Ok(Some(RequestEvent::Head(_)))));
    let Ok(Some(RequestEvent::Data(data))) = decoder.next_event() else { panic!("no data") };
    assert_eq!(&data[..], b"01234");
    assert!(range.contains(&data.as_ptr()));
    assert!(matches!(decoder.next_event(), Ok(None)));

    let mut decoder = ResponseDecoder::new(Limits::default());
    for byte in [1, 0x40, 200, 0, 2] {
        decoder.push(Bytes::copy_from_slice(&[byte]));
    }
    assert!(matches!(decoder.next_event(), Ok(Some(ResponseEvent::Head(_)))));
    assert!(matches!(decoder.next_event(), Ok(None)));
    let pushed = Bytes::from_static(b"ab");
    decoder.push(pushed.clone());
    let Ok(Some(ResponseEvent::Data(data))) = decoder.next_event() else { panic!("no data") };
    assert_eq!(data.as_ptr(), pushed.as_ptr());
}

// OB-35: after an error nothing is kept, also of what still comes.
#[test]
fn nothing_is_held_after_an_error() {
    let wrong = Bytes::from(vec![9; 100]);
    let late = Bytes::from(vec![0; 100]);
    let mut request = RequestDecoder::new(Limits::default());
    request.push(wrong.clone());
    assert_eq!(request.next_event().err(), Some(Error::Framing));
    request.push(late.clone());
    assert!(wrong.is_unique() && late.is_unique());
    let mut response = ResponseDecoder::new(Limits::default());
    response.push(wrong.clone());
    assert_eq!(response.next_event().err(), Some(Error::Framing));
    response.push(late.clone());
    assert!(wrong.is_unique() && late.is_unique());
}
