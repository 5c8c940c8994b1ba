//! What the encoder writes beyond the round trips: cleaning, padding, and fields that do not travel.

use crate::seen::{decode_whole, lines};
use bytes::BytesMut;
use http::{HeaderMap, HeaderValue, Method, uri::Scheme};
use sealwire_message::bhttp::{RequestHead, encode, join_cookies, remove_connection_fields};

fn head() -> RequestHead {
    RequestHead {
        method: Method::GET,
        scheme: Scheme::HTTPS,
        authority: Some("a.example".parse().unwrap()),
        path: "/x".parse().unwrap(),
        headers: HeaderMap::new(),
    }
}

fn both(head: &RequestHead) -> [BytesMut; 2] {
    let (mut known, mut indeterminate) = (BytesMut::new(), BytesMut::new());
    encode::known_request(&mut known, head, b"", None);
    encode::request_head(&mut indeterminate, head);
    encode::end(&mut indeterminate, None);
    [known, indeterminate]
}

// OB-31: all terminators are there.
#[test]
fn the_smallest_messages_byte_by_byte() {
    let control = b"\x03GET\x05https\x09a.example\x02/x";
    let [known, indeterminate] = both(&head());
    assert_eq!(known, [&[0], &control[..], &[0, 0, 0]].concat());
    assert_eq!(indeterminate, [&[2], &control[..], &[0, 0, 0]].concat());

    let mut out = BytesMut::new();
    encode::response_start(&mut out);
    encode::response_head(&mut out, &crate::seen::response_head(204, &Vec::new()));
    encode::end(&mut out, None);
    assert_eq!(&out[..], [3, 0x40, 204, 0, 0, 0]);
}

// A zero would end the content.
#[test]
fn an_empty_slice_writes_no_prefix() {
    let mut out = BytesMut::new();
    encode::content_prefix(&mut out, 0);
    assert!(out.is_empty());
    encode::content_prefix(&mut out, 64);
    assert_eq!(&out[..], [0x40, 64]);
}

// OB-32, OB-128: what the types allow and the format does not.
#[test]
fn nothing_is_written_that_must_be_refused() {
    let mut head = head();
    head.headers.insert("a", HeaderValue::from_static(" \t v w\t "));
    head.headers.insert("b", HeaderValue::from_static("  "));
    head.authority = Some("user:secret@a.example:1".parse().unwrap());
    head.path = "?q".parse().unwrap();
    for bytes in both(&head) {
        let seen = decode_whole(true, &bytes).unwrap();
        assert_eq!(seen.headers, [("a".to_owned(), b"v w".to_vec()), ("b".to_owned(), Vec::new())]);
        let again = seen.request_head();
        assert_eq!(again.authority.unwrap(), "a.example:1");
        assert_eq!(again.path, "/?q");
    }
    head.path = "/x".parse().unwrap();
    head.method = Method::OPTIONS;
    head.path = "*".parse().unwrap();
    for bytes in both(&head) {
        assert_eq!(decode_whole(true, &bytes).unwrap().request_head().path, "*");
    }
}

// OB-64
#[test]
fn padding_goes_to_the_next_bucket() {
    for (len, bucket) in [
        (0, 256),
        (1, 256),
        (256, 256),
        (257, 512),
        (512, 512),
        (513, 1024),
        (1025, 2048),
        (2049, 4096),
        (4096, 4096),
        (4097, 8192),
        (8193, 12288),
        (usize::MAX, usize::MAX),
    ] {
        assert_eq!(encode::bucket(len), bucket, "{len}");
    }
    let [known, indeterminate] = both(&head());
    for mut bytes in [known, indeterminate] {
        let before = decode_whole(true, &bytes);
        encode::pad(&mut bytes);
        assert_eq!(bytes.len(), 256);
        assert_eq!(decode_whole(true, &bytes), before);
    }
}

fn map(given: &[(&'static str, &'static str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in given {
        map.append(*name, HeaderValue::from_static(value));
    }
    map
}

// OB-33
#[test]
fn connection_fields_are_removed() {
    let mut headers = map(&[
        ("connection", "close, X-Named"),
        ("connection", "x-other, te, not a name"),
        ("keep-alive", "timeout=5"),
        ("proxy-connection", "close"),
        ("te", "trailers"),
        ("transfer-encoding", "gzip"),
        ("upgrade", "websocket"),
        ("x-named", "1"),
        ("x-named", "2"),
        ("x-other", "3"),
        ("x-kept", "4"),
    ]);
    remove_connection_fields(&mut headers);
    assert_eq!(headers, map(&[("te", "trailers"), ("x-kept", "4")]));

    for te in [&[("te", "gzip")][..], &[("te", "trailers, gzip")], &[("te", "trailers"), ("te", "gzip")]] {
        let mut headers = map(te);
        remove_connection_fields(&mut headers);
        assert!(headers.is_empty(), "{te:?}");
    }
}

// OB-34
#[test]
fn cookies_are_joined_and_set_cookies_are_not() {
    let mut headers = map(&[
        ("cookie", "a=1"),
        ("set-cookie", "x"),
        ("cookie", "b=2; c=3"),
        ("set-cookie", "y"),
        ("cookie", "d=4"),
    ]);
    join_cookies(&mut headers);
    let kept = lines(&headers);
    assert_eq!(
        kept,
        lines(&map(&[("cookie", "a=1; b=2; c=3; d=4"), ("set-cookie", "x"), ("set-cookie", "y")]))
    );
    join_cookies(&mut headers);
    assert_eq!(lines(&headers), kept);
    let mut none = map(&[("a", "b")]);
    join_cookies(&mut none);
    assert_eq!(none, map(&[("a", "b")]));
}

// OB-33, OB-129: a length beside a transfer coding is not the content's.
#[test]
fn a_length_goes_with_the_transfer_coding() {
    let mut headers = HeaderMap::new();
    headers.insert("transfer-encoding", "chunked".parse().unwrap());
    headers.insert("content-length", "5".parse().unwrap());
    remove_connection_fields(&mut headers);
    assert!(headers.is_empty());
    headers.insert("content-length", "5".parse().unwrap());
    remove_connection_fields(&mut headers);
    assert_eq!(headers.len(), 1);
}
