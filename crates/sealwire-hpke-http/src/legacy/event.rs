//! Event streams: each event of the application is one `event: enc` whose data is
//! `base64(counter u32 | ct)` (HH-86).

use super::{
    Error,
    chunk::Chunk,
    decode::{ChunkDecoder, coding},
    exported::Cipher,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::{Buf, BufMut, Bytes, BytesMut};
use sealwire_crypto::aead::TAG_LEN;

const FRONT: &[u8] = b"event: enc\ndata: ";
const BACK: &[u8] = b"\n\n";
const COUNTER_LEN: usize = 4;

/// Divides an application's stream behind each empty line, changes no byte of it, and seals each piece.
pub(super) struct EventSealer {
    cipher: Cipher,
    limit: usize,
    /// the event that is being read
    event: Vec<u8>,
    /// the line that is being read has bytes
    in_line: bool,
    /// the last byte was a CR, whose LF may be the next
    after_cr: bool,
    /// what is sealed before it is coded
    sealed: Vec<u8>,
}

impl EventSealer {
    pub(super) fn new(cipher: Cipher, limit: usize) -> Self {
        Self { cipher, limit, event: Vec::new(), in_line: false, after_cr: false, sealed: Vec::new() }
    }

    /// Takes the next bytes of the stream, divided in any way, and appends every event that they complete.
    pub(super) fn write(&mut self, out: &mut BytesMut, mut stream: &[u8]) -> Result<(), Error> {
        while let Some((&byte, rest)) = stream.split_first() {
            if std::mem::take(&mut self.after_cr) && byte == b'\n' {
                // The second half of a line end.
                self.append(b"\n")?;
                stream = rest;
                continue;
            }
            let end = stream.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
            let Some(end) = end else {
                self.in_line = true;
                return self.append(stream);
            };
            let (line, rest) = stream.split_at_checked(end.saturating_add(1)).unwrap_or((stream, &[]));
            self.append(line)?;
            self.in_line |= end > 0;
            self.after_cr = line.ends_with(b"\r");
            stream = rest;
            if !std::mem::take(&mut self.in_line) {
                if self.after_cr && stream.first() == Some(&b'\n') {
                    self.after_cr = false;
                    self.append(b"\n")?;
                    stream.advance(1);
                }
                self.seal(out)?;
            }
        }
        Ok(())
    }

    /// Seals an unfinished last event.
    pub(super) fn finish(mut self, out: &mut BytesMut) -> Result<(), Error> {
        if self.event.is_empty() { Ok(()) } else { self.seal(out) }
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if bytes.len() > self.limit.saturating_sub(self.event.len()) {
            return Err(Error::TooLong);
        }
        self.event.extend_from_slice(bytes);
        Ok(())
    }

    fn seal(&mut self, out: &mut BytesMut) -> Result<(), Error> {
        self.sealed.clear();
        self.sealed.put_u32(self.cipher.counter()?);
        self.sealed.put_u8(coding::IDENTITY);
        self.sealed.append(&mut self.event);
        let tag = self.cipher.seal(self.sealed.get_mut(COUNTER_LEN..).unwrap_or_default())?;
        self.sealed.put_slice(&tag);
        out.put_slice(FRONT);
        let start = out.len();
        let len = base64::encoded_len(self.sealed.len(), true).ok_or(Error::TooLong)?;
        out.put_bytes(0, len);
        let coded = out.get_mut(start..).unwrap_or_default();
        STANDARD.encode_slice(&self.sealed, coded).map_err(|_| Error::TooLong)?;
        out.put_slice(BACK);
        Ok(())
    }
}

/// Takes a sealed event stream in slices of any size and yields the application's.
pub(super) struct EventOpener {
    cipher: Cipher,
    decoder: ChunkDecoder,
    /// bytes of a line, at most
    limit: usize,
    buffer: BytesMut,
    /// up to where `buffer` has no line end
    searched: usize,
    /// an event has begun whose data has not come
    in_event: bool,
    ended: bool,
}

impl EventOpener {
    /// Events of the application have at most `limit` bytes.
    pub(super) fn new(cipher: Cipher, limit: usize) -> Self {
        let sealed = limit.saturating_add(COUNTER_LEN + 1 + TAG_LEN);
        let limit = base64::encoded_len(sealed, true).unwrap_or(usize::MAX).saturating_add(FRONT.len());
        let decoder = ChunkDecoder::default();
        Self { cipher, decoder, limit, buffer: BytesMut::new(), searched: 0, in_event: false, ended: false }
    }

    pub(super) fn push(&mut self, slice: &[u8]) {
        if !self.ended {
            self.buffer.extend_from_slice(slice);
        }
    }

    pub(super) fn end(&mut self) {
        self.ended = true;
    }

    /// Whether the outer body has ended, at the end of an event.
    pub(super) fn is_done(&self) -> bool {
        self.ended && self.buffer.is_empty() && !self.in_event
    }

    /// The next event, or `None` until more is pushed.
    pub(super) fn next_event(&mut self) -> Result<Option<Bytes>, Error> {
        loop {
            let unsearched = self.buffer.get(self.searched..).unwrap_or_default();
            let Some(end) = unsearched.iter().position(|byte| *byte == b'\n') else {
                self.searched = self.buffer.len();
                return self.starved();
            };
            let line = self.buffer.split_to(self.searched.saturating_add(end));
            self.buffer.advance(1);
            self.searched = 0;
            if line.len() > self.limit {
                return Err(Error::TooLong);
            }
            let line = line.strip_suffix(b"\r").unwrap_or(&line);
            match line {
                b"" => {}
                b"event: enc" => self.in_event = true,
                // Comments are nobody's: some proxy's sign of life.
                [b':', ..] => {}
                _ => {
                    let coded = line.strip_prefix(b"data: ").ok_or(Error::Event)?;
                    self.in_event = false;
                    return self.open(coded).map(Some);
                }
            }
        }
    }

    fn open(&mut self, coded: &[u8]) -> Result<Bytes, Error> {
        let sealed = STANDARD.decode(coded).map_err(|_| Error::Event)?;
        let mut sealed = BytesMut::from(Bytes::from(sealed));
        if sealed.len() < COUNTER_LEN {
            return Err(Error::Event);
        }
        let counter = sealed.get_u32();
        let len = self.cipher.open(counter, &mut sealed)?.len();
        sealed.truncate(len);
        if sealed.is_empty() {
            return Err(Error::Event);
        }
        match sealed.get_u8() {
            coding::IDENTITY => Ok(sealed.freeze()),
            coding => self.decoder.data(Chunk { coding, data: sealed }),
        }
    }

    fn starved(&self) -> Result<Option<Bytes>, Error> {
        if self.buffer.len() > self.limit {
            return Err(Error::TooLong);
        }
        if self.ended && !self.is_done() { Err(Error::Truncated) } else { Ok(None) }
    }
}
