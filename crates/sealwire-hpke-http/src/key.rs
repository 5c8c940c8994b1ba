//! The key record that a server publishes (HH-07), and its lease (HH-08).
//!
//! A record is as good as the channel that it came by (HH-10); the key document of an attested gateway has the same key.

use crate::credential::{MAX_ID_LEN, is_id};
use bytes::Bytes;
use sealwire_crypto::kem::{Kem, PublicKey};
use std::time::Duration;

const FRONT: &[u8; 5] = b"HHKD\x02";
const PUBLIC_KEY_LEN: usize = 32;

/// Longest record, bytes. No more is ever read of an answer (HH-07).
pub const MAX_RECORD_LEN: usize = FRONT.len() + 1 + MAX_ID_LEN + PUBLIC_KEY_LEN + 4;

/// Why bytes are no key record, or parts are no key (HH-07).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Not `HHKD` and version 2.
    #[error("not a key record of version 2")]
    Version,
    /// Cut, or with bytes behind the end.
    #[error("a key record of the wrong length")]
    Length,
    /// A key id that is empty or above 255 bytes.
    #[error("a key id that is empty or too long")]
    KeyId,
    /// A public key that X25519 refuses.
    #[error("a public key that its KEM refuses")]
    PublicKey,
    /// A lease of 0 seconds.
    #[error("a key that may be used for no time")]
    Lease,
}

/// A server's key: what a request is sealed to.
#[derive(Debug, Clone)]
pub struct Recipient {
    id: Bytes,
    public_key: PublicKey,
}

impl Recipient {
    /// From an id of 1 to 255 bytes and the 32 bytes of an X25519 key.
    ///
    /// # Errors
    /// [`Error::KeyId`], [`Error::PublicKey`]
    pub fn new(id: impl Into<Bytes>, public_key: &[u8]) -> Result<Self, Error> {
        let public_key = PublicKey::from_bytes(Kem::X25519, public_key).map_err(|_| Error::PublicKey)?;
        Self::from_parts(id.into(), public_key)
    }

    /// `public_key` is one of X25519.
    pub(crate) fn from_parts(id: Bytes, public_key: PublicKey) -> Result<Self, Error> {
        if is_id(&id) { Ok(Self { id, public_key }) } else { Err(Error::KeyId) }
    }

    /// The id.
    #[must_use]
    pub fn id(&self) -> &Bytes {
        &self.id
    }

    /// The key.
    #[must_use]
    pub fn public_key(&self) -> &PublicKey {
        &self.public_key
    }
}

/// A key record: `"HHKD" | 02 | key id length | key id | public key | use_for u32`.
#[derive(Debug, Clone)]
pub struct KeyRecord {
    recipient: Recipient,
    use_for: u32,
}

impl KeyRecord {
    /// A record of a key that may be used for `use_for` seconds after it was asked for.
    ///
    /// # Errors
    /// [`Error::Lease`] for 0.
    pub fn new(recipient: Recipient, use_for: u32) -> Result<Self, Error> {
        if use_for == 0 { Err(Error::Lease) } else { Ok(Self { recipient, use_for }) }
    }

    /// Parses the whole of `bytes`.
    ///
    /// # Errors
    /// All of [`Error`].
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let rest = bytes.strip_prefix(FRONT).ok_or(Error::Version)?;
        let (&id_len, rest) = rest.split_first().ok_or(Error::Length)?;
        if id_len == 0 {
            return Err(Error::KeyId);
        }
        let (id, rest) = rest.split_at_checked(usize::from(id_len)).ok_or(Error::Length)?;
        let (public_key, use_for) = rest.split_at_checked(PUBLIC_KEY_LEN).ok_or(Error::Length)?;
        let use_for = use_for.try_into().map(u32::from_be_bytes).map_err(|_| Error::Length)?;
        Self::new(Recipient::new(Bytes::copy_from_slice(id), public_key)?, use_for)
    }

    /// The bytes of the record.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let Recipient { id, public_key } = &self.recipient;
        // Ids have at most 255 bytes.
        let id_len = u8::try_from(id.len()).unwrap_or(u8::MAX);
        [FRONT.as_slice(), &[id_len], id, public_key.as_bytes(), &self.use_for.to_be_bytes()].concat()
    }

    /// The key.
    #[must_use]
    pub fn recipient(&self) -> &Recipient {
        &self.recipient
    }

    /// How long it may be used, seconds.
    #[must_use]
    pub fn use_for(&self) -> u32 {
        self.use_for
    }

    /// The lease of this record, which was asked for at `asked`: before the request for it was sent.
    #[must_use]
    pub fn lease(&self, asked: Moment) -> Lease {
        Lease { asked, use_for: Duration::from_secs(self.use_for.into()) }
    }
}

/// A moment on both of a machine's clocks, each told from an origin of its own. One alone is not enough: the monotonic
/// clock may stand still while the machine sleeps, the wall clock may be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// of the monotonic clock
    pub monotonic: Duration,
    /// of the wall clock
    pub wall: Duration,
}

/// How long a key may be used (HH-08). To be asked when the key is taken, and again before the first byte of a request
/// that was sealed to it leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    asked: Moment,
    use_for: Duration,
}

impl Lease {
    /// Whether less than the lease has passed on both clocks. One that was set back tells nothing, so it has not.
    #[must_use]
    pub fn is_live(&self, now: Moment) -> bool {
        let has_passed =
            |then: Duration, now: Duration| now.checked_sub(then).is_none_or(|passed| passed >= self.use_for);
        !has_passed(self.asked.monotonic, now.monotonic) && !has_passed(self.asked.wall, now.wall)
    }
}
