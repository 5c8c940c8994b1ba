//! Tickets (SE-40, section 6): sealed under a key for each, which dies with the instance.

use crate::{Error, Suite, message::TicketMessage, schedule::Psk};
use sealwire_attest::cbor::{self, Reader};
use sealwire_crypto::{
    aead::{Aead, Key, NONCE_LEN},
    kdf::{Hkdf, Prk},
    random::{self, Random},
};
use zeroize::Zeroizing;

const LABEL: &[u8] = b"sealwire/1 ticket";
const SALT_LEN: usize = 32;
/// Longest note of the caller's, in bytes.
const MAX_NOTE: usize = 4096;
/// Longest authority in bytes.
const MAX_AUTHORITY: usize = 260;

/// What tickets are sealed with.
pub(super) struct TicketKey {
    instance: [u8; 16],
    key: Prk,
}

/// What a ticket remembers of the session that it was made in.
pub struct Remembered {
    pub(super) suite: Suite,
    pub(super) psk: Psk,
    /// the name that the session was for
    pub authority: String,
    /// SHA-384 of the server's key document at the original handshake
    pub document: [u8; 48],
    /// of the original evidence of the client, in Unix seconds; that of the handshake where the client showed none
    pub attested_at: u64,
    /// when the ticket was made, Unix milliseconds
    pub made: u64,
    /// when it ends, Unix milliseconds
    pub expires: u64,
    /// what the caller wants to know again, such as what the client has shown; at most 4096 bytes
    pub note: Vec<u8>,
    /// the register's id of this ticket
    pub(super) once: [u8; 16],
}

/// What goes into a ticket.
pub(super) struct Contents<'a> {
    pub(super) suite: Suite,
    pub(super) psk: &'a Psk,
    pub(super) authority: &'a str,
    pub(super) document: &'a [u8; 48],
    pub(super) attested_at: u64,
    pub(super) made: u64,
    pub(super) expires: u64,
    pub(super) note: &'a [u8],
}

impl TicketKey {
    pub(super) fn generate(instance: [u8; 16], random: &dyn Random) -> Result<Self, Error> {
        let key = Zeroizing::new(random::array::<32>(random)?);
        Ok(Self { instance, key: Prk::from_bytes(Hkdf::Sha256, key.as_slice())? })
    }

    /// `instance[16] || salt[32] || sealed`
    pub(super) fn seal(&self, contents: &Contents<'_>, random: &dyn Random) -> Result<TicketMessage, Error> {
        if contents.note.len() > MAX_NOTE {
            return Err(Error::TooLong);
        }
        let salt = random::array::<SALT_LEN>(random)?;
        let Contents { suite, psk, authority, document, attested_at, made, expires, note } = contents;
        let mut sealed = Zeroizing::new(cbor::encode(|e| {
            e.array(8)?.u16(suite.aead.id())?.bytes(&psk.0)?.str(authority)?.bytes(*document)?;
            e.u64(*attested_at)?.u64(*made)?.u64(*expires)?.bytes(note)?.ok()
        }));
        // Each ticket has its own key, so its only nonce is zero.
        let tag = self.key(&salt)?.seal([0; NONCE_LEN], &self.instance, &mut sealed)?;
        let ticket = [&self.instance[..], &salt, &sealed, &tag].concat();
        Ok(TicketMessage { lifetime: expires.saturating_sub(*made) / 1000, ticket })
    }

    /// Opens a ticket of this instance; whether it was used before is not looked at.
    pub(super) fn open(&self, ticket: &[u8], now: u64) -> Result<Remembered, Error> {
        let rest = ticket.strip_prefix(&self.instance).ok_or(Error::Ticket)?;
        let (salt, sealed) = rest.split_first_chunk::<SALT_LEN>().ok_or(Error::Ticket)?;
        let mut sealed = Zeroizing::new(sealed.to_vec());
        let opened =
            self.key(salt)?.open([0; NONCE_LEN], &self.instance, &mut sealed).map_err(|_| Error::Ticket)?;
        let mut reader = Reader::new(opened);
        if reader.array(8)? != 8 {
            return Err(Error::Ticket);
        }
        let aead = u16::try_from(reader.uint()?).ok().and_then(Aead::from_id).ok_or(Error::Ticket)?;
        let psk = Psk(Zeroizing::new(reader.bytes(48)?.to_vec()));
        let authority = reader.text(MAX_AUTHORITY)?.to_owned();
        let document = reader.fixed()?;
        let (attested_at, made, expires) = (reader.uint()?, reader.uint()?, reader.uint()?);
        let note = reader.bytes(MAX_NOTE)?.to_vec();
        reader.finish()?;
        if expires <= now {
            return Err(Error::TicketExpired);
        }
        let mut once = [0; 16];
        once.copy_from_slice(salt.first_chunk::<16>().ok_or(Error::Ticket)?);
        Ok(Remembered {
            suite: Suite { aead },
            psk,
            authority,
            document,
            attested_at,
            made,
            expires,
            note,
            once,
        })
    }

    fn key(&self, salt: &[u8; SALT_LEN]) -> Result<Key, Error> {
        Ok(Key::derive(Aead::Aes256Gcm, &self.key, &[LABEL, salt])?)
    }
}
