//! Blocks of event streams (HH-22). What is in a block is the reader's business.

use crate::Error;
use bytes::{BufMut, BytesMut};

/// Divides an event stream into blocks, each with its one empty line at the end, and with line feeds for every other
/// line end. It holds one block.
pub struct SseSplitter {
    block: BytesMut,
    limit: usize,
    /// the block in `block` has been given out
    given: bool,
    /// the line that is being read has bytes
    in_line: bool,
    /// the last byte was a CR, whose LF may be the next
    after_cr: bool,
}

impl SseSplitter {
    /// Blocks have at most `limit` bytes.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { block: BytesMut::new(), limit, given: false, in_line: false, after_cr: false }
    }

    /// Takes bytes from the front of `input` until a block is whole, and gives that block. `None` when all was taken.
    ///
    /// An unfinished last block is dropped with the splitter, as readers of event streams drop it.
    ///
    /// # Errors
    /// [`Error::LimitExceeded`]; the splitter is then of no further use.
    pub fn next_block(&mut self, input: &mut &[u8]) -> Result<Option<&[u8]>, Error> {
        if std::mem::take(&mut self.given) {
            self.block.clear();
        }
        while let Some((&first, rest)) = input.split_first() {
            if std::mem::take(&mut self.after_cr) && first == b'\n' {
                *input = rest;
                continue;
            }
            let is_end = |byte: &u8| matches!(byte, b'\r' | b'\n');
            let line_len = input.iter().position(is_end);
            let (line, rest) = input.split_at(line_len.unwrap_or(input.len()));
            self.append(line)?;
            self.in_line |= !line.is_empty();
            *input = rest;
            let Some((&end, rest)) = rest.split_first() else { break };
            *input = rest;
            self.after_cr = end == b'\r';
            self.append(b"\n")?;
            if !std::mem::take(&mut self.in_line) {
                self.given = true;
                return Ok(Some(&self.block));
            }
        }
        Ok(None)
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if bytes.len() > self.limit.saturating_sub(self.block.len()) {
            return Err(Error::LimitExceeded);
        }
        self.block.put_slice(bytes);
        Ok(())
    }
}

/// Whether these bytes are one block: not empty, line feeds only, one empty line, at the end.
pub(crate) fn is_block(bytes: &[u8]) -> bool {
    let Some(lines) = bytes.strip_suffix(b"\n") else { return false };
    // Now the empty line is what follows the last line feed.
    let is_closed = lines.is_empty() || lines.ends_with(b"\n");
    is_closed
        && !lines.starts_with(b"\n")
        && !lines.contains(&b'\r')
        && !lines.windows(2).any(|pair| pair == b"\n\n")
}
