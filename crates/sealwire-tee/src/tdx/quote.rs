//! What a producer looks at in its own quote: whether it is whole, and over what it was asked for.

use crate::{Error, le::u32_le};

/// Version, key type, TEE type and others (Intel TDX DCAP Quoting Library API, appendix 3).
const HEADER_LEN: usize = 48;
/// The TEE type of TDX, at byte 4.
const TDX: [u8; 4] = 0x81_u32.to_le_bytes();
/// Length of the body of a TD 1.0 report. Later bodies begin with the same fields.
const TD10_LEN: usize = 584;
/// Where report data stands in a body.
const REPORT_DATA: usize = 520;

/// The quote without the zeros that firmware buffers leave behind it.
///
/// # Errors
/// [`Error::Malformed`]; [`Error::WrongReport`] when it is over other data than `report_data`.
pub(super) fn checked(mut quote: Vec<u8>, report_data: &[u8; 64]) -> Result<Vec<u8>, Error> {
    let malformed = |what| Error::Malformed { interface: "the quote", what };
    let (body, body_len) = body(&quote).ok_or(malformed("is neither of version 4 nor 5 of TDX"))?;
    let found = quote.get(body + REPORT_DATA..).and_then(<[u8]>::first_chunk::<64>);
    if found.ok_or(malformed("is cut short"))? != report_data {
        return Err(Error::WrongReport);
    }
    let end = end(&quote, body, body_len).ok_or(malformed("is cut short"))?;
    match quote.get(end..) {
        Some(tail) if tail.iter().all(|byte| *byte == 0) => {}
        Some(_) => return Err(malformed("has bytes behind its end")),
        None => return Err(malformed("is cut short")),
    }
    quote.truncate(end);
    Ok(quote)
}

/// Where the body begins, and its length.
fn body(quote: &[u8]) -> Option<(usize, usize)> {
    if quote.get(4..8)? != TDX {
        return None;
    }
    match u16::from_le_bytes(*quote.first_chunk()?) {
        4 => Some((HEADER_LEN, TD10_LEN)),
        // From version 5 on type and length of the body stand before it.
        5 => {
            let len = usize::try_from(u32_le(quote, HEADER_LEN + 2)?).ok()?;
            (len >= TD10_LEN).then_some((HEADER_LEN + 6, len))
        }
        _ => None,
    }
}

/// Where the signature data ends, whose length stands behind the body.
fn end(quote: &[u8], body: usize, body_len: usize) -> Option<usize> {
    let at = body.checked_add(body_len)?;
    let len = usize::try_from(u32_le(quote, at)?).ok()?;
    at.checked_add(4)?.checked_add(len)
}

/// A quote of version 4 without sense but in its lengths.
#[cfg(test)]
pub(super) fn example(report_data: &[u8]) -> Vec<u8> {
    let mut quote = vec![0xaa; HEADER_LEN + TD10_LEN];
    quote[..2].copy_from_slice(&4_u16.to_le_bytes());
    quote[4..8].copy_from_slice(&TDX);
    quote[HEADER_LEN + REPORT_DATA..].copy_from_slice(report_data);
    quote.extend(100_u32.to_le_bytes());
    quote.extend([0xbb; 100]);
    quote
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared;

    const DATA: [u8; 64] = [7; 64];

    fn example_v5(len: u32) -> Vec<u8> {
        let mut quote = example(&DATA);
        quote[0] = 5;
        quote.splice(HEADER_LEN..HEADER_LEN, [&2_u16.to_le_bytes()[..], &len.to_le_bytes()].concat());
        quote
    }

    fn malformed(quote: Vec<u8>) -> &'static str {
        match checked(quote, &DATA) {
            Err(Error::Malformed { what, .. }) => what,
            other => panic!("{other:?}"),
        }
    }

    // AT-60
    #[test]
    fn padding_is_cut_off_and_nothing_else() {
        for quote in [example(&DATA), example_v5(TD10_LEN as u32)] {
            assert_eq!(checked(quote.clone(), &DATA).unwrap(), quote);
            assert_eq!(checked([&quote[..], &[0; 3065]].concat(), &DATA).unwrap(), quote);
            assert_eq!(malformed([&quote[..], &[0, 0, 1]].concat()), "has bytes behind its end");
        }
    }

    // AT-60
    #[test]
    fn prefixes_are_refused() {
        for quote in [example(&DATA), example_v5(TD10_LEN as u32)] {
            for len in 0..quote.len() {
                malformed(quote[..len].to_vec());
            }
        }
    }

    // AT-60
    #[test]
    fn other_quotes_are_refused() {
        assert!(matches!(checked(example(&[8; 64]), &DATA), Err(Error::WrongReport)));
        let other = |at: usize, byte| {
            let mut quote = example(&DATA);
            quote[at] = byte;
            malformed(quote)
        };
        for (at, byte) in [(0, 3), (0, 6), (4, 0)] {
            assert_eq!(other(at, byte), "is neither of version 4 nor 5 of TDX");
        }
        malformed(example_v5(TD10_LEN as u32 - 1));
        malformed(example_v5(u32::MAX));
    }

    // AT-60
    #[test]
    fn genuine_quotes_are_read() {
        let Some(folder) = shared::folder("quotes/tdx") else { return };
        // Where report data stands, and how many zeros follow.
        for (name, at, zeros) in
            [("phala-2025.bin", 568, 70), ("td15ex-2026.bin", 574, 0), ("v5-td15.bin", 574, 0)]
        {
            let quote = std::fs::read(folder.join(name)).unwrap();
            let data = quote[at..at + 64].try_into().unwrap();
            let len = quote.len();
            let read = checked(quote, &data).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(len - read.len(), zeros, "{name}");
        }
    }

    proptest::proptest! {
        // AT-08
        #[test]
        fn any_bytes_are_a_quote_or_an_error(at in 0usize..700, bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..40)) {
            // A quote with some of it overwritten, cut or lengthened.
            let mut quote = example(&DATA);
            let end = (at + bytes.len()).min(quote.len());
            quote.splice(at.min(end)..end, bytes);
            if let Ok(read) = checked(quote.clone(), &DATA) {
                assert!(quote.starts_with(&read));
            }
        }
    }
}
