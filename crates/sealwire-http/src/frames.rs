//! Content in the frames of EHBP, whichever side opens and whichever seals it.

use crate::{
    complete::Watch,
    opened::{Fault, Message, Part},
    records::SealRecords,
};
use bytes::BytesMut;
use sealwire_ehbp::frame::{Open, Opened, Opener, Seal, Sealer};

/// Frames go in at one end, content comes out at the other. It ends where its own form lets it end (EH-22).
pub(crate) struct Frames<O> {
    opener: Opener<O>,
    watch: Watch,
}

impl<O> Frames<O> {
    pub(crate) fn new(opener: Opener<O>, watch: Watch) -> Self {
        Self { opener, watch }
    }
}

impl<O: Open> Frames<O> {
    pub(crate) fn has_opened(&self) -> bool {
        self.opener.has_opened()
    }
}

impl<O: Open + Send + Unpin + 'static> Message for Frames<O> {
    fn push(&mut self, slice: &[u8]) -> Result<(), Fault> {
        self.opener.push(slice);
        Ok(())
    }

    fn end(&mut self) {
        self.opener.end();
    }

    fn next_part(&mut self) -> Result<Option<Part>, Fault> {
        Ok(match self.opener.next_frame()? {
            Some(Opened::Frame(content)) => {
                self.watch.push(&content);
                Some(Part::Data(content))
            }
            Some(Opened::End) if self.watch.is_complete() => Some(Part::End),
            Some(Opened::End) => return Err(Fault::Incomplete),
            None => None,
        })
    }
}

impl<S: Seal + Send + Unpin + 'static> SealRecords for Sealer<S> {
    fn content(&mut self, out: &mut BytesMut, content: &[u8]) -> Result<(), Fault> {
        Ok(self.frames(out, content)?)
    }

    /// The body's own end is the end (EH-05); but what is empty has a frame, too, which shows whose it is.
    fn end(&mut self, out: &mut BytesMut) -> Result<(), Fault> {
        Ok(self.end_empty(out)?)
    }
}
