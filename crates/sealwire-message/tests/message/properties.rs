//! Arbitrary messages, written in every form and cut into arbitrary slices.

use crate::{
    seen::{Control, Drain, Lines, Seen, decode, lines, map},
    wire,
};
use proptest::{collection::vec, prelude::*, sample::select};
use sealwire_message::{bhttp::Limits, varint};

fn name() -> impl Strategy<Value = String> {
    "[a-z!#$%&'*+.^_`|~0-9-]{1,12}".prop_filter("fields with a meaning here", |name| {
        !["host", "content-length", "transfer-encoding", "expect", "cookie"].contains(&name.as_str())
    })
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    let inner = prop_oneof![0x21_u8..0x7f, 0x80_u8..=0xff, Just(b' '), Just(b'\t')];
    vec(inner, 0..80).prop_map(|value| value.trim_ascii().to_vec())
}

fn section(most: usize) -> impl Strategy<Value = Lines> {
    // In the order that a map keeps, so that lines compare.
    vec((prop_oneof![name(), select(vec!["accept".to_owned(), "a".to_owned()])], value()), 0..most)
        .prop_map(|given| lines(&map(&given)))
}

fn request_control() -> impl Strategy<Value = Control> {
    let method = prop_oneof![select(vec!["GET".to_owned(), "POST".to_owned()]), "[A-Z-]{1,20}"]
        .prop_filter("refused", |method| method != "CONNECT");
    let authority = "[a-z][a-z0-9.-]{0,20}(:[1-9][0-9]{0,3})?";
    let path = prop_oneof![Just("/".to_owned()), "/[a-z0-9/._~%-]{0,60}(\\?[a-z0-9=&]{0,30})?"];
    (method, select(vec!["https", "http"]), authority, path).prop_map(|(method, scheme, authority, path)| {
        Control::Request { method, scheme: scheme.to_owned(), authority, path }
    })
}

/// An arbitrary message that both sides must take.
pub(crate) fn message() -> impl Strategy<Value = Seen> {
    let request = (request_control(), Just(Vec::new()));
    let response = ((200_u16..600).prop_map(Control::Response), vec((100_u16..200, section(3)), 0..3));
    let control = prop_oneof![request.boxed(), response.boxed()];
    (control, section(8), vec(any::<u8>(), 0..400), section(3)).prop_map(
        |((control, informational), headers, content, trailers)| Seen {
            informational,
            control,
            headers,
            content,
            trailers,
        },
    )
}

/// `bytes` in slices of the given lengths, repeated; empty ones included.
pub(crate) fn split<'a>(bytes: &'a [u8], lengths: &[usize]) -> Vec<&'a [u8]> {
    let mut rest = bytes;
    let mut slices = Vec::new();
    for &len in lengths.iter().cycle().take(bytes.len() * lengths.len()) {
        let (slice, after) = rest.split_at(len.min(rest.len()));
        slices.push(slice);
        rest = after;
        if rest.is_empty() {
            break;
        }
    }
    slices.push(rest);
    slices
}

pub(crate) fn drain() -> impl Strategy<Value = Drain> {
    select(vec![Drain::Eagerly, Drain::AtEnd])
}

proptest! {
    // OB-30, OB-35, OB-156: any width of integers, any slicing of the content, any slicing of the input.
    #[test]
    fn every_form_in_any_slices(
        seen in message(),
        known: bool,
        widths in vec(select(vec![1_usize, 2, 4, 8]), 0..6),
        slices in vec(0_usize..200, 0..5),
        padding in 0_usize..300,
        lengths in vec(0_usize..40, 1..8),
        drain in drain(),
    ) {
        let written = wire::write(&seen, known, &widths, &slices, padding);
        let decoded = decode(seen.is_request(), split(&written.bytes, &lengths), drain, Limits::default());
        prop_assert_eq!(decoded, Ok(seen));
    }

    // Whatever the bytes, the outcome depends on them alone and not on how they came in; and nothing panics.
    #[test]
    fn changed_bytes_mean_the_same_in_any_slices(
        seen in message(),
        known: bool,
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        lengths in vec(0_usize..40, 1..8),
        drain in drain(),
    ) {
        let mut bytes = wire::write(&seen, known, &[], &[50], 20).bytes;
        for (index, byte) in changes {
            let index = index.index(bytes.len());
            bytes[index] = byte;
        }
        for request in [true, false] {
            let whole = decode(request, [bytes.as_slice()], Drain::AtEnd, Limits::default());
            prop_assert_eq!(&decode(request, split(&bytes, &lengths), drain, Limits::default()), &whole);
            prop_assert_eq!(&decode(request, bytes.chunks(1), Drain::Eagerly, Limits::default()), &whole);
        }
    }

    #[test]
    fn arbitrary_bytes_mean_the_same_in_any_slices(
        indicator in 0_u8..4,
        tail in vec(prop_oneof![any::<u8>(), 0_u8..8], 0..200),
        lengths in vec(0_usize..10, 1..8),
    ) {
        let bytes = [vec![indicator], tail].concat();
        let request = indicator % 2 == 0;
        let whole = decode(request, [bytes.as_slice()], Drain::AtEnd, Limits::default());
        prop_assert_eq!(decode(request, split(&bytes, &lengths), Drain::Eagerly, Limits::default()), whole);
    }

    // OB-23, OB-30
    #[test]
    fn integers(value in 0..=varint::MAX, shift in 0_u32..62, width in select(vec![1_usize, 2, 4, 8])) {
        let value = value >> shift;
        let mut out = bytes::BytesMut::new();
        varint::put(&mut out, value);
        prop_assert_eq!(&out[..], &wire::integer(value, 1)[..]);
        prop_assert_eq!(out.len(), varint::size(value));
        let wide = wire::integer(value, width);
        prop_assert_eq!(varint::peek(&[&wide[..], b"rest"].concat()), Some((value, wide.len())));
        for cut in 0..wide.len() {
            prop_assert_eq!(varint::peek(&wide[..cut]), None);
        }
    }
}

#[test]
fn integers_at_the_borders_of_their_forms() {
    for (value, size) in
        [(0, 1), (63, 1), (64, 2), (16383, 2), (16384, 4), ((1 << 30) - 1, 4), (1 << 30, 8), (varint::MAX, 8)]
    {
        let mut out = bytes::BytesMut::new();
        varint::put(&mut out, value);
        assert_eq!((varint::peek(&out), varint::size(value)), (Some((value, size)), size));
    }
}
