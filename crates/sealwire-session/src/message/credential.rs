//! Credentials and proofs of both sides (sections 5.3 and 5.4).

use super::{decode_map, read_u16};
use crate::Error;
use sealwire_attest::{cbor, cmw, key_document::MAX_PUBLISHED_LEN};
use std::time::Duration;

/// Longest signature in bytes; SLH-DSA-SHA2-192f has 35 664.
const MAX_SIGNATURE: usize = 40_000;

/// Whether the server asks for the client's authentication (SE-11).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authentication {
    /// no
    NotAsked,
    /// the client may have nothing to show
    Wanted,
    /// the client has to
    Required,
}

/// What the server grants (SE-38).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameters {
    /// the session's life; whole seconds
    pub lifetime: Duration,
    /// without a request; whole seconds
    pub idle: Duration,
    /// requests and channels in all
    pub requests: u64,
    /// numbers below the highest that may still come
    pub window: u32,
    /// plaintext of one request, bytes
    pub message: u64,
}

/// Who the server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerCredential<'a> {
    /// SHA-384 of the key document
    pub document: [u8; 48],
    /// its published form, unless the client has it
    pub published: Option<&'a [u8]>,
    /// a new quote (CMW)
    pub quote: Option<&'a [u8]>,
    /// what the session may be used for
    pub parameters: Parameters,
    /// whether the client is asked to authenticate itself
    pub authentication: Authentication,
}

impl<'a> ServerCredential<'a> {
    /// The bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let optional = u64::from(self.published.is_some()) + u64::from(self.quote.is_some());
        cbor::encode(|e| {
            e.map(optional.saturating_add(3))?.u8(0)?.bytes(&self.document)?;
            if let Some(published) = self.published {
                e.u8(1)?.bytes(published)?;
            }
            if let Some(quote) = self.quote {
                e.u8(2)?.bytes(quote)?;
            }
            let Parameters { lifetime, idle, requests, window, message } = &self.parameters;
            e.u8(3)?.map(5)?.u8(0)?.u64(lifetime.as_secs())?.u8(1)?.u64(idle.as_secs())?;
            e.u8(2)?.u64(*requests)?.u8(3)?.u32(*window)?.u8(4)?.u64(*message)?;
            e.u8(4)?.u8(self.authentication as u8)?.ok()
        })
    }

    /// Decodes a credential; the published form and the quote are not looked into.
    ///
    /// # Errors
    /// [`Error::Malformed`]
    pub fn decode(bytes: &'a [u8]) -> Result<Self, Error> {
        decode_map(bytes, |reader, fields| {
            fields.required(reader, 0)?;
            let document = reader.fixed()?;
            let published =
                if fields.optional(reader, 1)? { Some(reader.bytes(MAX_PUBLISHED_LEN)?) } else { None };
            let quote = if fields.optional(reader, 2)? { Some(reader.bytes(cmw::MAX_LEN)?) } else { None };
            fields.required(reader, 3)?;
            let mut inner = reader.fields()?;
            let mut number = |key| -> Result<u64, Error> {
                inner.required(reader, key)?;
                Ok(reader.uint()?)
            };
            let parameters = Parameters {
                lifetime: Duration::from_secs(number(0)?),
                idle: Duration::from_secs(number(1)?),
                requests: number(2)?,
                window: u32::try_from(number(3)?).map_err(|_| Error::Malformed(cbor::Error::Bounds))?,
                message: number(4)?,
            };
            inner.end()?;
            fields.required(reader, 4)?;
            let authentication = match reader.uint()? {
                0 => Authentication::NotAsked,
                1 => Authentication::Wanted,
                2 => Authentication::Required,
                _ => return Err(Error::Malformed(cbor::Error::Bounds)),
            };
            Ok(Self { document, published, quote, parameters, authentication })
        })
    }
}

/// Who the client is; empty where it shows nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientCredential<'a> {
    /// SHA-384 of its key document, and that document's published form
    pub document: Option<([u8; 48], &'a [u8])>,
    /// a new quote (CMW)
    pub quote: Option<&'a [u8]>,
}

impl<'a> ClientCredential<'a> {
    /// The bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let fields = 2 * u64::from(self.document.is_some()) + u64::from(self.quote.is_some());
        cbor::encode(|e| {
            e.map(fields)?;
            if let Some((hash, published)) = &self.document {
                e.u8(0)?.bytes(hash)?.u8(1)?.bytes(published)?;
            }
            if let Some(quote) = self.quote {
                e.u8(2)?.bytes(quote)?;
            }
            Ok(())
        })
    }

    /// Decodes a credential; the published form and the quote are not looked into.
    ///
    /// # Errors
    /// [`Error::Malformed`], [`Error::Quote`] for a quote without a document
    pub fn decode(bytes: &'a [u8]) -> Result<Self, Error> {
        decode_map(bytes, |reader, fields| {
            let document = if fields.optional(reader, 0)? {
                let hash = reader.fixed()?;
                fields.required(reader, 1)?;
                Some((hash, reader.bytes(MAX_PUBLISHED_LEN)?))
            } else {
                None
            };
            let quote = if fields.optional(reader, 2)? { Some(reader.bytes(cmw::MAX_LEN)?) } else { None };
            if document.is_none() && quote.is_some() {
                return Err(Error::Quote);
            }
            Ok(Self { document, quote })
        })
    }
}

/// Signatures by an identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// signature scheme
    pub scheme: u16,
    /// as many as the scheme has
    pub signatures: Vec<Vec<u8>>,
}

impl Proof {
    /// The bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        cbor::encode(|e| {
            e.map(2)?.u8(0)?.u16(self.scheme)?.u8(1)?.array(cbor::len(&self.signatures))?;
            self.signatures.iter().try_for_each(|signature| e.bytes(signature)?.ok())
        })
    }

    /// Decodes a proof.
    ///
    /// # Errors
    /// [`Error::Malformed`]
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        decode_map(bytes, |reader, fields| {
            fields.required(reader, 0)?;
            let scheme = read_u16(reader)?;
            fields.required(reader, 1)?;
            let count = reader.array(2)?;
            if count == 0 {
                return Err(Error::Malformed(cbor::Error::Bounds));
            }
            let mut signatures = Vec::with_capacity(2);
            for _ in 0..count {
                signatures.push(reader.bytes(MAX_SIGNATURE)?.to_vec());
            }
            Ok(Self { scheme, signatures })
        })
    }
}
