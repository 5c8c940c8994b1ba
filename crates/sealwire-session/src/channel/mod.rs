//! The record channel (SE-37, section 9): one sequence of records each way, for whatever wants a connection.
//!
//! Client: [`Secrets::open_channel`](crate::Secrets::open_channel) → [`ExpectOpened`] → [`Channel`]. Server:
//! [`Secrets::admit_channel`](crate::Secrets::admit_channel) → [`Admitted`], whose number the session's window marks →
//! [`Channel`]. Its halves share nothing, and can be used from two tasks.
//!
//! Whatever carries the records keeps their bounds and tells where it ends; it is trusted with nothing.

mod direction;
mod open;
mod receiver;
mod sender;
#[cfg(test)]
mod tests;

pub use direction::Volume;
pub use open::{Admitted, Channel, ExpectOpened};
pub use receiver::{Received, Receiver};
pub use sender::{Sealed, Sender};

use sealwire_crypto::aead::TAG_LEN;

/// Most bytes of data in one record.
pub const MAX_DATA: usize = 64 << 10;
/// What a record has besides its data: the type, and the tag.
pub const OVERHEAD: usize = 1 + TAG_LEN;
/// Most bytes of one record.
pub const MAX_RECORD: usize = MAX_DATA + OVERHEAD;

/// Most bytes of the two messages that open a channel.
pub const MAX_OPENING: usize = 256;

/// What a record is, its first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Type {
    Data = 0,
    KeyUpdate = 1,
    Close = 2,
}

impl Type {
    fn from_byte(byte: u8) -> Option<Self> {
        [Self::Data, Self::KeyUpdate, Self::Close].into_iter().find(|kind| *kind as u8 == byte)
    }
}
