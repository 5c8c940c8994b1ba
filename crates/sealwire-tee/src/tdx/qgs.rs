//! The host's Quote Generation Service: Intel's messages (`qgs_msg_lib.h` of DCAP, version 1.1) over a stream.
//!
//! Each message has its length before it, four bytes, big-endian; all else is little-endian.
//!
//! ```text
//! header    major u16, minor u16, type u32, size u32 (of the whole message), error u32
//! request   header of type 0, length of the TDREPORT u32, length of a list of key ids u32 (0: any), the TDREPORT
//! response  header of type 1, length of the selected id u32, length of the quote u32, id, quote
//! ```
//!
//! The service is the host's: nothing that it says is trusted, and what it returns is for a verifier to judge.

use super::MAX_QUOTE;
use crate::{Error, le::u32_le};
use std::{
    io::{self, Read, Write},
    time::{Duration, Instant},
};

/// Where the service listens unless it is configured otherwise.
pub(super) const PORT: u32 = 4050;

const INTERFACE: &str = "the Quote Generation Service";
const MAJOR: u16 = 1;
const MINOR: u16 = 1;
const GET_QUOTE_REQ: u32 = 0;
const GET_QUOTE_RESP: u32 = 1;
/// Header and two lengths.
const FIXED_LEN: usize = 24;
/// Length of a key id; a response has at most one.
const MAX_ID: usize = 16;

/// A stream whose operations end after a time.
pub(super) trait Stream: Read + Write {
    fn set_timeouts(&self, timeout: Duration) -> io::Result<()>;
}

/// Asks for a quote of a TDREPORT.
///
/// # Errors
/// [`Error::Platform`], [`Error::TooLong`], [`Error::Malformed`], [`Error::Status`]
pub(super) fn quote(
    stream: &mut impl Stream,
    report: &[u8; 1024],
    deadline: Instant,
) -> Result<Vec<u8>, Error> {
    // In one piece: the service mistakes a request that comes in parts for another kind.
    set_timeouts(stream, deadline)?;
    stream.write_all(&request(report)).map_err(|source| failed("sending", source))?;
    let mut length = [0; 4];
    read(stream, &mut length, deadline)?;
    let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if length > FIXED_LEN + MAX_ID + MAX_QUOTE {
        return Err(Error::TooLong("the quote"));
    }
    let mut message = vec![0; length];
    read(stream, &mut message, deadline)?;
    response(&message).map(<[u8]>::to_vec)
}

/// Fills `bytes`. Each read gets what is left of the time, so that a service that dribbles does not stretch it.
fn read(stream: &mut impl Stream, mut bytes: &mut [u8], deadline: Instant) -> Result<(), Error> {
    while !bytes.is_empty() {
        set_timeouts(stream, deadline)?;
        match stream.read(bytes) {
            Ok(0) => return Err(failed("receiving", io::ErrorKind::UnexpectedEof.into())),
            Ok(count) => bytes = bytes.get_mut(count..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(failed("receiving", error)),
        }
    }
    Ok(())
}

fn set_timeouts(stream: &impl Stream, deadline: Instant) -> Result<(), Error> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(failed("receiving", io::ErrorKind::TimedOut.into()));
    }
    stream.set_timeouts(left).map_err(|source| failed("setting a timeout", source))
}

/// The message that asks for a quote, with its length before it.
fn request(report: &[u8; 1024]) -> Vec<u8> {
    const SIZE: u32 = (FIXED_LEN + 1024) as u32;
    let mut message = Vec::with_capacity(4 + FIXED_LEN + report.len());
    message.extend(SIZE.to_be_bytes());
    message.extend(MAJOR.to_le_bytes());
    message.extend(MINOR.to_le_bytes());
    for number in [GET_QUOTE_REQ, SIZE, 0, 1024, 0] {
        message.extend(number.to_le_bytes());
    }
    message.extend(report);
    message
}

/// The quote in a response.
fn response(message: &[u8]) -> Result<&[u8], Error> {
    let malformed = |what| Error::Malformed { interface: INTERFACE, what };
    let number = |at| u32_le(message, at).ok_or(malformed("a response cut short"));
    let (version, kind, size, status) = (number(0)?, number(4)?, number(8)?, number(12)?);
    let (id_len, quote_len) = (number(16)?, number(20)?);
    // Of the version only the major number, its lower half: a minor one is compatible with those before it.
    if version & 0xffff != u32::from(MAJOR) || kind != GET_QUOTE_RESP {
        return Err(malformed("a message that is no response of version 1"));
    }
    if usize::try_from(size).ok() != Some(message.len()) {
        return Err(malformed("a response of another length than it says"));
    }
    if status != 0 {
        return Err(Error::Status { interface: INTERFACE, status });
    }
    let parts = u64::from(id_len) + u64::from(quote_len);
    let fits = parts == message.len().saturating_sub(FIXED_LEN) as u64;
    let quote = usize::try_from(id_len)
        .ok()
        .filter(|id_len| fits && *id_len <= MAX_ID && quote_len > 0)
        .and_then(|id_len| message.get(FIXED_LEN + id_len..));
    quote.ok_or(malformed("a response of another length than its parts"))
}

/// What failed on the way to the service and back.
pub(super) fn failed(what: &'static str, source: io::Error) -> Error {
    // A read that took too long says that it would block.
    let source = match source.kind() {
        io::ErrorKind::WouldBlock => io::ErrorKind::TimedOut.into(),
        _ => source,
    };
    Error::Platform { interface: INTERFACE, what, source }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::{os::unix::net::UnixStream, thread};

    impl Stream for UnixStream {
        fn set_timeouts(&self, timeout: Duration) -> io::Result<()> {
            self.set_read_timeout(Some(timeout))?;
            self.set_write_timeout(Some(timeout))
        }
    }

    /// The message without its length.
    fn message(kind: u32, status: u32, id: &[u8], quote: &[u8]) -> Vec<u8> {
        let size = (FIXED_LEN + id.len() + quote.len()) as u32;
        let numbers = [kind, size, status, id.len() as u32, quote.len() as u32];
        let numbers = numbers.map(u32::to_le_bytes);
        [&[1, 0, 1, 0], numbers.as_flattened(), id, quote].concat()
    }

    fn framed(message: &[u8]) -> Vec<u8> {
        [&(message.len() as u32).to_be_bytes(), message].concat()
    }

    /// What Intel's service sends for `quote`.
    pub(in crate::tdx) fn response(quote: &[u8]) -> Vec<u8> {
        framed(&message(1, 0, &[], quote))
    }

    fn long() -> Instant {
        Instant::now() + Duration::from_secs(600)
    }

    /// Asks a service that reads a request, sends `reply` and closes.
    fn ask(reply: Vec<u8>) -> Result<Vec<u8>, Error> {
        let (mut near, mut far) = UnixStream::pair().unwrap();
        let service = thread::spawn(move || {
            let mut request = [0; 4 + FIXED_LEN + 1024];
            far.read_exact(&mut request).unwrap();
            // The client may have gone after a bad length.
            let _ = far.write_all(&reply);
            request
        });
        let answer = quote(&mut near, &[9; 1024], long());
        drop(near);
        // The request, written out by hand.
        let expected = [
            &[0, 0, 4, 0x18][..],
            &[1, 0, 1, 0, 0, 0, 0, 0, 0x18, 4, 0, 0, 0, 0, 0, 0],
            &[0, 4, 0, 0, 0, 0, 0, 0],
            &[9; 1024],
        ];
        assert_eq!(service.join().unwrap()[..], expected.concat());
        answer
    }

    fn malformed(reply: Vec<u8>) -> &'static str {
        match ask(reply) {
            Err(Error::Malformed { what, .. }) => what,
            other => panic!("{other:?}"),
        }
    }

    // AT-60
    #[test]
    fn a_quote_comes_back() {
        assert_eq!(ask(response(b"quote")).unwrap(), b"quote");
        assert_eq!(ask(framed(&message(1, 0, &[5; 16], b"quote"))).unwrap(), b"quote");
        // A later minor version.
        let mut later = message(1, 0, &[], b"quote");
        later[2] = 9;
        assert_eq!(ask(framed(&later)).unwrap(), b"quote");
        assert_eq!(ask(response(&[1; MAX_QUOTE])).unwrap().len(), MAX_QUOTE);
    }

    // AT-60
    #[test]
    fn refusals_are_told() {
        let refused = ask(framed(&message(1, 0x12001, &[], &[])));
        assert!(matches!(refused, Err(Error::Status { status: 0x12001, .. })));
    }

    // AT-60
    #[test]
    fn malformed_responses_are_refused() {
        for (at, byte) in [(0, 2), (4, 0)] {
            let mut other = message(1, 0, &[], b"quote");
            other[at] = byte;
            assert_eq!(malformed(framed(&other)), "a message that is no response of version 1");
        }
        let whole = message(1, 0, &[], b"quote");
        assert_eq!(malformed(framed(&whole[..23])), "a response cut short");
        assert_eq!(malformed(framed(&[])), "a response cut short");
        assert_eq!(malformed(framed(&whole[..28])), "a response of another length than it says");
        let parts = "a response of another length than its parts";
        assert_eq!(malformed(framed(&message(1, 0, &[], &[]))), parts);
        assert_eq!(malformed(framed(&message(1, 0, &[5; 17], b"quote"))), parts);
        for (at, byte) in [(16, 1), (19, 0xff), (20, 6), (20, 4), (23, 0xff)] {
            let mut other = whole.clone();
            other[at] = byte;
            assert_eq!(malformed(framed(&other)), parts, "{at}");
        }
    }

    // AT-60
    #[test]
    fn lengths_are_bounded() {
        for length in [u32::MAX, (FIXED_LEN + MAX_ID + MAX_QUOTE + 1) as u32] {
            assert!(matches!(ask(length.to_be_bytes().to_vec()), Err(Error::TooLong(_))));
        }
    }

    // AT-60
    #[test]
    fn a_service_that_hangs_up_is_an_error() {
        let whole = response(b"quote");
        for len in [0, 3, 4, whole.len() - 1] {
            let error = ask(whole[..len].to_vec()).unwrap_err();
            let cut = matches!(&error, Error::Platform { what: "receiving", source, .. }
                if source.kind() == io::ErrorKind::UnexpectedEof);
            assert!(cut, "{error}");
        }
    }

    fn timed_out(answer: Result<Vec<u8>, Error>) -> bool {
        matches!(answer, Err(Error::Platform { source, .. }) if source.kind() == io::ErrorKind::TimedOut)
    }

    // AT-60
    #[test]
    fn a_service_that_is_silent_is_given_up() {
        let (mut near, far) = UnixStream::pair().unwrap();
        let deadline = Instant::now() + Duration::from_millis(20);
        assert!(timed_out(quote(&mut near, &[9; 1024], deadline)));
        assert!(Instant::now() >= deadline);
        assert!(timed_out(quote(&mut near, &[9; 1024], deadline)), "the time is over before it begins");
        drop(far);
    }

    /// Has a byte for every read, for ever.
    struct Dribble;

    impl Read for Dribble {
        fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
            bytes[0] = 0;
            Ok(1)
        }
    }

    impl Write for Dribble {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Stream for Dribble {
        fn set_timeouts(&self, timeout: Duration) -> io::Result<()> {
            assert!(!timeout.is_zero());
            Ok(())
        }
    }

    // AT-60: the time is for all of it, not for each read.
    #[test]
    fn a_service_that_dribbles_is_given_up() {
        let deadline = Instant::now() + Duration::from_millis(20);
        let mut endless = [0; 4];
        while Instant::now() < deadline {
            let read = read(&mut Dribble, &mut endless, deadline);
            assert!(read.is_ok() || Instant::now() >= deadline);
        }
        assert!(timed_out(read(&mut Dribble, &mut endless, deadline).map(|()| Vec::new())));
    }

    proptest::proptest! {
        // AT-08
        #[test]
        fn any_bytes_are_a_response_or_an_error(at in 0usize..40, bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..40)) {
            let mut message = message(1, 0, &[5; 16], b"quote");
            let end = (at + bytes.len()).min(message.len());
            message.splice(at.min(end)..end, bytes);
            if let Ok(quote) = super::response(&message) {
                assert!(message.ends_with(quote));
            }
        }
    }
}
