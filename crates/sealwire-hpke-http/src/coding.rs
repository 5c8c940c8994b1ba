//! How a part is coded inside its record: as it is, or as one zstd frame (HH-32, HH-33).

use crate::Error;
use bytes::{Buf, Bytes, BytesMut};
use zstd::stream::raw::{DParameter, Decoder as Zstd, InBuffer, Operation, OutBuffer};

/// Kind and coding, the first clear bytes of a DATA record.
pub(crate) const PREFIX_LEN: usize = 2;

const RAW: u8 = 0;
const ZSTD: u8 = 1;
/// Parts below this are not worth a try.
const MIN_COMPRESSED: usize = 64;
/// The fastest of the levels that save much.
const LEVEL: i32 = 1;
/// Window that a frame may always ask for, bytes (HH-32).
const MIN_WINDOW: usize = 1 << 20;
/// Clear bytes that room is made for at once.
const STEP: usize = 32 << 10;

/// Whether parts are compressed before they are sealed.
///
/// Their lengths show outside: of a part that holds a secret and something that another chose, they tell the secret
/// guess by guess (HH-60). So it is off unless somebody knows that the content holds no such thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compression {
    /// every part as it is
    #[default]
    Off,
    /// a part as a zstd frame where that is shorter
    Zstd,
}

/// What a part is coded with, and the part.
pub(crate) enum Coded {
    Raw,
    Zstd(Vec<u8>),
}

impl Coded {
    /// Codes the joined parts.
    pub(crate) fn new(
        compression: Compression,
        len: usize,
        join: impl FnOnce() -> Vec<u8>,
    ) -> Result<Self, Error> {
        if compression == Compression::Off || len < MIN_COMPRESSED {
            return Ok(Self::Raw);
        }
        let frame = zstd::bulk::compress(&join(), LEVEL).map_err(|_| Error::CryptoFailure)?;
        Ok(if frame.len() < len { Self::Zstd(frame) } else { Self::Raw })
    }

    pub(crate) fn id(&self) -> u8 {
        match self {
            Self::Raw => RAW,
            Self::Zstd(_) => ZSTD,
        }
    }
}

/// Decodes parts. What zstd needs is made with the first part that wants it, and kept.
#[derive(Default)]
pub(crate) struct Decoder {
    zstd: Option<Zstd<'static>>,
}

impl Decoder {
    /// The clear part of `coding | bytes`: not empty, and of at most `limit` bytes.
    pub(crate) fn part(&mut self, mut coded: BytesMut, limit: usize) -> Result<Bytes, Error> {
        // A coding and nothing else: neither coding has an empty part.
        if coded.len() < 2 {
            return Err(Error::MalformedEnvelope);
        }
        match coded.get_u8() {
            RAW if coded.len() > limit => Err(Error::LimitExceeded),
            RAW => Ok(coded.freeze()),
            ZSTD => self.zstd(&coded, limit),
            _ => Err(Error::MalformedEnvelope),
        }
    }

    fn zstd(&mut self, frame: &[u8], limit: usize) -> Result<Bytes, Error> {
        let header = Header::parse(frame).ok_or(Error::MalformedEnvelope)?;
        if header.content_size.is_some_and(|size| size > limit as u64) {
            return Err(Error::LimitExceeded);
        }
        if header.window > limit.max(MIN_WINDOW) as u64 {
            return Err(Error::MalformedEnvelope);
        }
        let zstd = match &mut self.zstd {
            Some(zstd) => {
                zstd.reinit().map_err(|_| Error::CryptoFailure)?;
                zstd
            }
            empty => empty.insert(new_zstd(limit.max(MIN_WINDOW))?),
        };
        let clear = decompress(zstd, frame, limit)?;
        if clear.is_empty() || header.content_size.is_some_and(|size| size != clear.len() as u64) {
            return Err(Error::MalformedEnvelope);
        }
        Ok(clear.into())
    }
}

/// A decoder whose windows have at most `window` bytes, rounded up to a power of two.
fn new_zstd(window: usize) -> Result<Zstd<'static>, Error> {
    let mut zstd = Zstd::new().map_err(|_| Error::CryptoFailure)?;
    let log = window.next_power_of_two().trailing_zeros();
    zstd.set_parameter(DParameter::WindowLogMax(log)).map_err(|_| Error::CryptoFailure)?;
    Ok(zstd)
}

/// Exactly one frame, with nothing behind it. Room is made as clear bytes come, not as the frame says that they will.
fn decompress(zstd: &mut Zstd<'_>, frame: &[u8], limit: usize) -> Result<Vec<u8>, Error> {
    let mut input = InBuffer::around(frame);
    let mut clear = Vec::new();
    loop {
        let (len, read) = (clear.len(), input.pos());
        // One byte more than may come, so that one too many shows.
        clear.reserve(STEP.min(limit.saturating_add(1).saturating_sub(len)));
        let mut output = OutBuffer::around_pos(&mut clear, len);
        let hint = zstd.run(&mut input, &mut output).map_err(|_| Error::MalformedEnvelope)?;
        if clear.len() > limit {
            return Err(Error::LimitExceeded);
        }
        if hint == 0 {
            return if input.pos() == frame.len() { Ok(clear) } else { Err(Error::MalformedEnvelope) };
        }
        if clear.len() == len && input.pos() == read {
            // It wants more than there is.
            return Err(Error::MalformedEnvelope);
        }
    }
}

/// What a zstd frame says about itself (RFC 8878 section 3.1.1.1).
struct Header {
    /// bytes
    window: u64,
    /// bytes
    content_size: Option<u64>,
}

impl Header {
    /// `None` for what is no frame, or one that needs a dictionary.
    fn parse(frame: &[u8]) -> Option<Self> {
        let (magic, rest) = frame.split_first_chunk::<4>()?;
        if u32::from_le_bytes(*magic) != 0xFD2F_B528 {
            return None;
        }
        let (&descriptor, mut rest) = rest.split_first()?;
        let is_single = descriptor & 0b10_0000 != 0;
        let mut window = None;
        if !is_single {
            let (&byte, after) = rest.split_first()?;
            let base = 1_u64.checked_shl(10 + u32::from(byte >> 3))?;
            window = Some(base + (base / 8) * u64::from(byte & 7));
            rest = after;
        }
        let dictionary = match descriptor & 0b11 {
            0 => 0,
            1 => 1,
            2 => 2,
            _ => 4,
        };
        let (dictionary, rest) = rest.split_at_checked(dictionary)?;
        if dictionary.iter().any(|byte| *byte != 0) {
            return None;
        }
        let size_len = match descriptor >> 6 {
            0 => usize::from(is_single),
            1 => 2,
            2 => 4,
            _ => 8,
        };
        let size = rest.get(..size_len)?.iter().rev().fold(0, |size, byte| (size << 8) | u64::from(*byte));
        let content_size = match size_len {
            0 => None,
            2 => Some(size + 256),
            _ => Some(size),
        };
        Some(Self { window: window.or(content_size)?, content_size })
    }
}
