//! The sealed body as content, which ends where its own form lets it end (HH-97).

use crate::{
    complete::Watch,
    opened::{Fault, Message, Part},
};
use sealwire_hpke_http::legacy::server::{Data, RequestBody};

/// Chunks go in at one end, content comes out at the other.
pub(super) struct Chunks {
    body: RequestBody,
    watch: Watch,
}

impl Chunks {
    pub(super) fn new(body: RequestBody, watch: Watch) -> Self {
        Self { body, watch }
    }
}

impl Message for Chunks {
    fn push(&mut self, slice: &[u8]) -> Result<(), Fault> {
        self.body.push(slice);
        Ok(())
    }

    fn end(&mut self) {
        self.body.end();
    }

    fn next_part(&mut self) -> Result<Option<Part>, Fault> {
        Ok(match self.body.next_data()? {
            Some(Data::Data(data)) => {
                self.watch.push(&data);
                Some(Part::Data(data))
            }
            Some(Data::End) if self.watch.is_complete() => Some(Part::End),
            Some(Data::End) => return Err(Fault::Incomplete),
            None => None,
        })
    }
}
