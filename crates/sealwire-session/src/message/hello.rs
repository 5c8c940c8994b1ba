//! The client hello (section 5.1).

use super::{Type, decode, encode, read_flag, read_ids, read_some, read_u16, write_ids};
use crate::{Error, limits::MAX_HELLO};
use sealwire_attest::cbor::{self, Reader};

/// Longest authority in bytes: host, colon, port.
const MAX_AUTHORITY: usize = 260;
/// Longest share of any group, in bytes; those that are known have lengths of their own.
const MAX_SHARE: usize = 4096;
/// Longest ticket in bytes.
pub(crate) const MAX_TICKET: usize = 8192;

/// What the client wants to see of the server's hardware (SE-08).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EvidenceMode {
    /// the attested key document, and a signature by its identity key
    Identity,
    /// as well a new quote over this handshake
    Handshake,
}

/// What a client says of the ticket that it brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resumption {
    /// opaque to the client
    pub ticket: Vec<u8>,
    /// milliseconds since it was received
    pub age: u64,
    /// whether resumption without key agreement will do (SE-40)
    pub without_agreement: bool,
    /// HMAC over the hello up to here
    pub binder: Vec<u8>,
}

/// The first message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientHello {
    /// fresh
    pub random: [u8; 32],
    /// the name that the client wants, in normal form (SE-07)
    pub authority: String,
    /// by preference
    pub groups: Vec<u16>,
    /// of a subset of the groups, in their order
    pub shares: Vec<(u16, Vec<u8>)>,
    /// by preference
    pub aeads: Vec<u16>,
    /// by preference
    pub schemes: Vec<u16>,
    /// what of the server's hardware
    pub evidence: EvidenceMode,
    /// whether the client can attest itself
    pub attests: bool,
    /// SHA-384 of the key document that the client has accepted
    pub known: Option<[u8; 48]>,
    /// whether early data follow
    pub early: bool,
    /// the ticket, where there is one
    pub resumption: Option<Resumption>,
}

impl ClientHello {
    /// The bytes. Those of a binder that is not known yet are whatever the caller put there: they come last, so
    /// that it can be computed over all before it.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let optional = u64::from(self.known.is_some())
            + u64::from(self.early)
            + if self.resumption.is_some() { 4 } else { 0 };
        encode(Type::ClientHello, optional + 8, |e| {
            e.u8(2)?.bytes(&self.random)?.u8(3)?.str(&self.authority)?.u8(4)?;
            write_ids(e, &self.groups)?;
            e.u8(5)?.array(cbor::len(&self.shares))?;
            for (group, share) in &self.shares {
                e.array(2)?.u16(*group)?.bytes(share)?;
            }
            e.u8(6)?;
            write_ids(e, &self.aeads)?;
            e.u8(7)?;
            write_ids(e, &self.schemes)?;
            e.u8(8)?.u8(u8::from(self.evidence == EvidenceMode::Handshake))?;
            e.u8(9)?.u8(u8::from(self.attests))?;
            if let Some(known) = &self.known {
                e.u8(10)?.bytes(known)?;
            }
            if self.early {
                e.u8(11)?.u8(1)?;
            }
            if let Some(Resumption { ticket, age, without_agreement, binder }) = &self.resumption {
                e.u8(20)?.bytes(ticket)?.u8(21)?.u64(*age)?.u8(22)?.u8(u8::from(*without_agreement))?;
                e.u8(23)?.bytes(binder)?;
            }
            Ok(())
        })
    }

    /// Decodes a hello and checks what it has to keep to by itself.
    ///
    /// # Errors
    /// [`Error::TooLong`], [`Error::Malformed`], [`Error::Protocol`], [`Error::Unexpected`], [`Error::Inconsistent`]
    pub fn decode(message: &[u8]) -> Result<Self, Error> {
        if message.len() > MAX_HELLO {
            return Err(Error::TooLong);
        }
        decode(message, Type::ClientHello, |reader, fields| {
            fields.required(reader, 2)?;
            let random = reader.fixed()?;
            fields.required(reader, 3)?;
            let authority = reader.text(MAX_AUTHORITY)?.to_owned();
            fields.required(reader, 4)?;
            let groups = read_ids(reader)?;
            fields.required(reader, 5)?;
            let shares = read_shares(reader, &groups)?;
            fields.required(reader, 6)?;
            let aeads = read_ids(reader)?;
            fields.required(reader, 7)?;
            let schemes = read_ids(reader)?;
            fields.required(reader, 8)?;
            let evidence = if read_flag(reader)? { EvidenceMode::Handshake } else { EvidenceMode::Identity };
            fields.required(reader, 9)?;
            let attests = read_flag(reader)?;
            let known = if fields.optional(reader, 10)? { Some(reader.fixed()?) } else { None };
            let early = fields.optional(reader, 11)?;
            if early && reader.uint()? != 1 {
                return Err(Error::Malformed(cbor::Error::Bounds));
            }
            let resumption = if fields.optional(reader, 20)? {
                let ticket = read_some(reader, 1, MAX_TICKET)?.to_vec();
                fields.required(reader, 21)?;
                let age = reader.uint()?;
                fields.required(reader, 22)?;
                let without_agreement = read_flag(reader)?;
                fields.required(reader, 23)?;
                let binder = read_some(reader, 32, 48)?.to_vec();
                Some(Resumption { ticket, age, without_agreement, binder })
            } else {
                None
            };
            let alone = resumption.as_ref().is_some_and(|resumption| resumption.without_agreement);
            if (early && resumption.is_none()) || (shares.is_empty() && !alone) {
                return Err(Error::Inconsistent);
            }
            Ok(Self {
                random,
                authority,
                groups,
                shares,
                aeads,
                schemes,
                evidence,
                attests,
                known,
                early,
                resumption,
            })
        })
    }

    /// The share of a group.
    #[must_use]
    pub fn share(&self, group: u16) -> Option<&[u8]> {
        self.shares.iter().find(|(offered, _)| *offered == group).map(|(_, share)| share.as_slice())
    }
}

/// Shares of a subset of `groups`, in their order, so that none comes twice.
fn read_shares(reader: &mut Reader<'_>, groups: &[u16]) -> Result<Vec<(u16, Vec<u8>)>, Error> {
    let count = reader.array(4)?;
    let mut shares = Vec::with_capacity(4);
    let mut left = groups.iter();
    for _ in 0..count {
        if reader.array(2)? != 2 {
            return Err(Error::Malformed(cbor::Error::Bounds));
        }
        let group = read_u16(reader)?;
        if !left.any(|offered| *offered == group) {
            return Err(Error::Inconsistent);
        }
        shares.push((group, reader.bytes(MAX_SHARE)?.to_vec()));
    }
    Ok(shares)
}
