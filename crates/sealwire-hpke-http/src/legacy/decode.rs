//! Compressed data of the releases 1.x, read within bounds (HH-83, HH-84, HH-85, HH-101).

use super::{DATA_LEN, Encoding, Error, chunk::Chunk};
use bytes::Bytes;
use flate2::write::GzDecoder;
use std::io::{self, Write};
use zstd::stream::raw::{DParameter, Decoder as Zstd, InBuffer, Operation, OutBuffer};

/// What the first clear byte of a chunk says.
pub(super) mod coding {
    pub(crate) const IDENTITY: u8 = 0;
    pub(crate) const ZSTD: u8 = 1;
}

/// Clear bytes of one compressed chunk, at most.
const MAX_CHUNK: usize = 128 << 10;
/// Window of zstd, as a power of two: what the highest level that streams in the released writers asks for.
const WINDOW_LOG: u32 = 23;
/// Clear bytes that room is made for at once.
const STEP: usize = 32 << 10;

/// Decodes the chunks of an answer: those of coding 1 are one zstd frame together, flushed at each chunk's end.
#[derive(Default)]
pub(super) struct ChunkDecoder {
    zstd: Option<Zstd<'static>>,
}

impl ChunkDecoder {
    pub(super) fn data(&mut self, chunk: Chunk) -> Result<Bytes, Error> {
        let Chunk { coding, data } = chunk;
        match coding {
            coding::IDENTITY if data.len() > DATA_LEN => Err(Error::ChunkLength),
            coding::IDENTITY => Ok(data.freeze()),
            coding::ZSTD => {
                let zstd = match &mut self.zstd {
                    Some(zstd) => zstd,
                    empty => empty.insert(new_zstd()?),
                };
                let mut clear = Vec::new();
                decompress(zstd, &data, &mut clear, MAX_CHUNK)?;
                Ok(clear.into())
            }
            // gzip, which no released reader can open either (HH-100).
            _ => Err(Error::Coding),
        }
    }
}

/// Decodes the whole body of a request, piece by piece.
pub(super) struct BodyDecoder {
    form: Form,
    allowance: Allowance,
}

enum Form {
    Identity,
    Zstd { zstd: Zstd<'static>, is_whole: bool },
    Gzip(Box<GzDecoder<Bounded>>),
}

/// How much may still come in clear.
struct Allowance {
    left: u64,
    /// what compressed data allows by its length (HH-101)
    earned: u64,
    ratio: u64,
}

impl BodyDecoder {
    pub(super) fn new(encoding: Encoding, limit: u64, ratio: u64) -> Result<Self, Error> {
        let form = match encoding {
            Encoding::Identity => Form::Identity,
            Encoding::Zstd => Form::Zstd { zstd: new_zstd()?, is_whole: false },
            Encoding::Gzip => Form::Gzip(Box::new(GzDecoder::new(Bounded::default()))),
        };
        // A short body may be of one byte again and again.
        Ok(Self { form, allowance: Allowance { left: limit, earned: DATA_LEN as u64, ratio } })
    }

    /// The clear bytes of the next piece; may be empty.
    pub(super) fn data(&mut self, piece: Bytes) -> Result<Bytes, Error> {
        let limit = self.allowance.earn(piece.len());
        let clear = match &mut self.form {
            Form::Identity => piece,
            Form::Zstd { is_whole: true, .. } if !piece.is_empty() => return Err(Error::Compressed),
            Form::Zstd { zstd, is_whole } => {
                let mut clear = Vec::new();
                *is_whole |= decompress(zstd, &piece, &mut clear, limit)?;
                clear.into()
            }
            Form::Gzip(gzip) => {
                gzip.get_mut().room = limit;
                gzip.write_all(&piece).map_err(|error| gzip_error(&error))?;
                gzip.get_mut().take()
            }
        };
        self.allowance.spend(clear.len())?;
        Ok(clear)
    }

    /// What is left at the end of the body.
    pub(super) fn end(&mut self) -> Result<Bytes, Error> {
        let limit = self.allowance.earn(0);
        let clear = match &mut self.form {
            Form::Identity | Form::Zstd { is_whole: true, .. } => Bytes::new(),
            Form::Zstd { .. } => return Err(Error::Truncated),
            Form::Gzip(gzip) => {
                gzip.get_mut().room = limit;
                gzip.try_finish().map_err(|error| gzip_error(&error))?;
                gzip.get_mut().take()
            }
        };
        self.allowance.spend(clear.len())?;
        Ok(clear)
    }
}

impl Allowance {
    /// So many compressed bytes came: how many may now come in clear.
    fn earn(&mut self, len: usize) -> usize {
        self.earned = self.earned.saturating_add((len as u64).saturating_mul(self.ratio.max(1)));
        usize::try_from(self.left.min(self.earned)).unwrap_or(usize::MAX)
    }

    fn spend(&mut self, len: usize) -> Result<(), Error> {
        let take = |from: u64| from.checked_sub(len as u64).ok_or(Error::TooLong);
        (self.left, self.earned) = (take(self.left)?, take(self.earned)?);
        Ok(())
    }
}

fn new_zstd() -> Result<Zstd<'static>, Error> {
    let mut zstd = Zstd::new().map_err(|_| Error::Compressed)?;
    zstd.set_parameter(DParameter::WindowLogMax(WINDOW_LOG)).map_err(|_| Error::Compressed)?;
    Ok(zstd)
}

/// Appends what `piece` decodes to, `limit` bytes at most, and says whether the frame is whole with it. Room is made as
/// clear bytes come, not as the frame says that they will.
fn decompress(zstd: &mut Zstd<'_>, piece: &[u8], clear: &mut Vec<u8>, limit: usize) -> Result<bool, Error> {
    let mut input = InBuffer::around(piece);
    loop {
        let (len, read) = (clear.len(), input.pos());
        // One byte more than may come, so that one too many shows.
        clear.reserve(STEP.min(limit.saturating_add(1).saturating_sub(len)));
        let mut output = OutBuffer::around_pos(clear, len);
        let hint = zstd.run(&mut input, &mut output).map_err(|_| Error::Compressed)?;
        if clear.len() > limit {
            return Err(Error::TooLong);
        }
        if hint == 0 {
            return if input.pos() == piece.len() { Ok(true) } else { Err(Error::Compressed) };
        }
        if clear.len() == len && input.pos() == read {
            return if read == piece.len() { Ok(false) } else { Err(Error::Compressed) };
        }
    }
}

/// Where a decoder writes to, no more than there is room for.
#[derive(Default)]
struct Bounded {
    clear: Vec<u8>,
    room: usize,
}

impl Bounded {
    fn take(&mut self) -> Bytes {
        std::mem::take(&mut self.clear).into()
    }
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.room = self.room.checked_sub(bytes.len()).ok_or(io::ErrorKind::OutOfMemory)?;
        self.clear.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn gzip_error(error: &io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::OutOfMemory => Error::TooLong,
        io::ErrorKind::UnexpectedEof => Error::Truncated,
        _ => Error::Compressed,
    }
}
