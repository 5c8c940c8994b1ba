//! The attestation document (AWS Nitro Enclaves User Guide, "Verifying the root of trust") in its COSE_Sign1 (RFC 9052
//! section 4.2).

use crate::Error;
use minicbor::{Decoder, data::Type};
use std::collections::BTreeMap;

/// The longest document, in bytes. The security module answers with 12 KiB at most (`NSM_RESPONSE_MAX_SIZE`).
const MAX_LEN: usize = 16 * 1024;
/// The longest certificate in it, in bytes.
const MAX_CERTIFICATE: usize = 1024;
/// The most certificates in its bundle: a path has eight with the enclave's own.
const MAX_BUNDLE: usize = 7;
/// The longest public key, user data and nonce, in bytes each.
const MAX_DATA: usize = 1024;
/// The longest module id, in bytes; AWS gives no bound, and writes 39.
const MAX_MODULE_ID: usize = 128;
/// Registers are numbered below this.
const PCRS: u64 = 32;
/// Tag of a COSE_Sign1 (RFC 9052 section 2).
const COSE_SIGN1: u64 = 18;
/// `{1: -35}`: ES384 and nothing else (RFC 9053 section 2.1). Comparing bytes leaves no room for a second reading.
const PROTECTED: [u8; 4] = [0xa1, 0x01, 0x38, 0x22];
/// What is signed before the payload (RFC 9052 section 4.4): `["Signature1", protected, external_aad, payload`.
const SIGNED_HEAD: [u8; 18] = [
    0x84, 0x6a, b'S', b'i', b'g', b'n', b'a', b't', b'u', b'r', b'e', b'1', 0x44, 0xa1, 0x01, 0x38, 0x22,
    0x40,
];

/// A document; nothing about it is verified.
#[derive(Debug)]
pub(super) struct Document<'b> {
    /// `i-….-enc…`: parent instance and enclave
    pub(super) module_id: &'b str,
    /// milliseconds since 1970
    pub(super) timestamp: u64,
    /// those that are locked, by number; SHA-384
    pub(super) pcrs: BTreeMap<u8, [u8; 48]>,
    /// the enclave's own, in DER
    pub(super) certificate: &'b [u8],
    /// root first, in DER
    pub(super) cabundle: Vec<&'b [u8]>,
    pub(super) public_key: Option<&'b [u8]>,
    pub(super) user_data: Option<&'b [u8]>,
    pub(super) nonce: Option<&'b [u8]>,
    /// what the signature is over, as it came
    pub(super) payload: &'b [u8],
    /// r and s
    pub(super) signature: &'b [u8; 96],
}

/// Whether bytes look like this kind: an array of four, tagged or not, that begins with the protected header.
pub(crate) fn looks_like(bytes: &[u8]) -> bool {
    let bytes = bytes.strip_prefix(&[0xd2]).unwrap_or(bytes);
    let inside = bytes.strip_prefix(&[0x84]).or_else(|| bytes.strip_prefix(&[0x9f]));
    inside.and_then(|inside| inside.strip_prefix(&[0x44])).is_some_and(|rest| rest.starts_with(&PROTECTED))
}

impl<'b> Document<'b> {
    /// Parses a document, tagged or not; bytes after it are an error.
    ///
    /// Arrays and maps may be of definite or indefinite length, because AWS writes both; strings are of definite
    /// length. A field that is not known, or twice, is an error: what AWS signs for an instance's TPM
    /// (`nitrotpm_pcrs`) is thereby never read as an enclave's.
    pub(super) fn parse(bytes: &'b [u8]) -> Result<Self, Error> {
        if bytes.len() > MAX_LEN {
            return Err(Error::Malformed("a document that is too long"));
        }
        let mut cbor = Decoder::new(bytes);
        if kind(&cbor)? == Type::Tag && cbor.tag().map_err(broken)?.as_u64() != COSE_SIGN1 {
            return Err(Error::Malformed("not a COSE_Sign1"));
        }
        let mut parts = Items::array(&mut cbor)?;
        parts.expect(&mut cbor)?;
        if cbor.bytes().map_err(broken)? != PROTECTED {
            return Err(Error::Unsupported("a protected header other than ES384 alone"));
        }
        parts.expect(&mut cbor)?;
        // Nobody signs what is in there.
        if Items::map(&mut cbor)?.next(&mut cbor)? {
            return Err(Error::Malformed("an unprotected header that is not empty"));
        }
        parts.expect(&mut cbor)?;
        let payload = cbor.bytes().map_err(broken)?;
        parts.expect(&mut cbor)?;
        let signature = cbor.bytes().map_err(broken)?;
        let signature = signature.try_into().map_err(|_| Error::Length {
            what: "COSE signature",
            expected: 96,
            found: signature.len(),
        })?;
        parts.end(&mut cbor)?;
        finish(&cbor)?;
        Self::parse_payload(payload, signature)
    }

    fn parse_payload(payload: &'b [u8], signature: &'b [u8; 96]) -> Result<Self, Error> {
        let mut cbor = Decoder::new(payload);
        let mut fields = Fields::default();
        let mut map = Items::map(&mut cbor)?;
        while map.next(&mut cbor)? {
            fields.read(&mut cbor)?;
        }
        finish(&cbor)?;
        let missing = Error::Malformed("a field of the document is missing");
        if fields.digest.ok_or(missing.clone())? != "SHA384" {
            return Err(Error::Unsupported("a digest other than SHA384"));
        }
        Ok(Self {
            module_id: fields.module_id.ok_or(missing.clone())?,
            timestamp: fields.timestamp.ok_or(missing.clone())?,
            pcrs: fields.pcrs.ok_or(missing.clone())?,
            certificate: fields.certificate.ok_or(missing.clone())?,
            cabundle: fields.cabundle.ok_or(missing)?,
            public_key: fields.public_key.flatten(),
            user_data: fields.user_data.flatten(),
            nonce: fields.nonce.flatten(),
            payload,
            signature,
        })
    }

    /// What the signature is over: the payload's bytes as they came, never an encoding made anew.
    pub(super) fn signed(&self) -> Vec<u8> {
        let mut signed = Vec::with_capacity(SIGNED_HEAD.len() + 9 + self.payload.len());
        signed.extend(SIGNED_HEAD);
        match self.payload.len() {
            len @ 0..=0x17 => signed.push(0x40 | len as u8),
            len @ 0x18..=0xff => signed.extend([0x58, len as u8]),
            // A document has 16 KiB at most.
            len => signed.extend([0x59, (len >> 8) as u8, len as u8]),
        }
        signed.extend(self.payload);
        signed
    }

    /// The instance that the enclave runs on: what comes before its own id.
    pub(super) fn instance(&self) -> &'b str {
        self.module_id.split_once("-enc").map_or(self.module_id, |(instance, _)| instance)
    }
}

/// The fields of the payload, while they are read.
#[derive(Default)]
struct Fields<'b> {
    module_id: Option<&'b str>,
    timestamp: Option<u64>,
    digest: Option<&'b str>,
    pcrs: Option<BTreeMap<u8, [u8; 48]>>,
    certificate: Option<&'b [u8]>,
    cabundle: Option<Vec<&'b [u8]>>,
    public_key: Option<Option<&'b [u8]>>,
    user_data: Option<Option<&'b [u8]>>,
    nonce: Option<Option<&'b [u8]>>,
}

impl<'b> Fields<'b> {
    /// One key and its value.
    fn read(&mut self, cbor: &mut Decoder<'b>) -> Result<(), Error> {
        match cbor.str().map_err(broken)? {
            "module_id" => {
                let id = cbor.str().map_err(broken)?;
                let fits = (1..=MAX_MODULE_ID).contains(&id.len());
                put(&mut self.module_id, fits.then_some(id))
            }
            "digest" => put(&mut self.digest, cbor.str().ok()),
            "timestamp" => put(&mut self.timestamp, cbor.u64().ok().filter(|time| *time > 0)),
            "pcrs" => {
                let pcrs = pcrs(cbor)?;
                put(&mut self.pcrs, Some(pcrs))
            }
            "certificate" => {
                let certificate = certificate(cbor)?;
                put(&mut self.certificate, Some(certificate))
            }
            "cabundle" => {
                let bundle = bundle(cbor)?;
                put(&mut self.cabundle, Some(bundle))
            }
            "public_key" => put(&mut self.public_key, Some(data(cbor)?)),
            "user_data" => put(&mut self.user_data, Some(data(cbor)?)),
            "nonce" => put(&mut self.nonce, Some(data(cbor)?)),
            _ => Err(Error::Malformed("a field that an enclave's document does not have")),
        }
    }
}

fn put<T>(field: &mut Option<T>, value: Option<T>) -> Result<(), Error> {
    let value = value.ok_or(Error::Malformed("a field of the document out of its bounds"))?;
    match field.replace(value) {
        None => Ok(()),
        Some(_) => Err(Error::Malformed("a field of the document is there twice")),
    }
}

fn pcrs(cbor: &mut Decoder<'_>) -> Result<BTreeMap<u8, [u8; 48]>, Error> {
    let mut pcrs = BTreeMap::new();
    let mut map = Items::map(cbor)?;
    while map.next(cbor)? {
        let index = cbor.u64().map_err(broken)?;
        let index = u8::try_from(index).ok().filter(|index| u64::from(*index) < PCRS);
        let value = cbor.bytes().map_err(broken)?.try_into().ok();
        let (Some(index), Some(value)) = (index, value) else {
            return Err(Error::Malformed("a PCR of another number or length than SHA-384 has"));
        };
        if pcrs.insert(index, value).is_some() {
            return Err(Error::Malformed("a PCR is there twice"));
        }
    }
    if pcrs.is_empty() { Err(Error::Malformed("no PCRs")) } else { Ok(pcrs) }
}

fn certificate<'b>(cbor: &mut Decoder<'b>) -> Result<&'b [u8], Error> {
    let certificate = cbor.bytes().map_err(broken)?;
    if (1..=MAX_CERTIFICATE).contains(&certificate.len()) {
        Ok(certificate)
    } else {
        Err(Error::Malformed("a certificate of the document out of its bounds"))
    }
}

fn bundle<'b>(cbor: &mut Decoder<'b>) -> Result<Vec<&'b [u8]>, Error> {
    let mut bundle = Vec::new();
    let mut array = Items::array(cbor)?;
    while array.next(cbor)? {
        if bundle.len() == MAX_BUNDLE {
            return Err(Error::Malformed("more certificates in the bundle than a chain can have"));
        }
        bundle.push(certificate(cbor)?);
    }
    if bundle.is_empty() { Err(Error::Malformed("no certificates in the bundle")) } else { Ok(bundle) }
}

/// A byte string, or null where the enclave gave none.
fn data<'b>(cbor: &mut Decoder<'b>) -> Result<Option<&'b [u8]>, Error> {
    if kind(cbor)? == Type::Null {
        cbor.null().map_err(broken)?;
        return Ok(None);
    }
    let data = cbor.bytes().map_err(broken)?;
    if data.len() > MAX_DATA {
        return Err(Error::Malformed("user data, nonce or public key out of its bounds"));
    }
    Ok(Some(data))
}

/// Walks an array or map of either length.
struct Items {
    /// `None`: until a break
    left: Option<u64>,
}

impl Items {
    fn array(cbor: &mut Decoder<'_>) -> Result<Self, Error> {
        cbor.array().map(|left| Self { left }).map_err(broken)
    }

    fn map(cbor: &mut Decoder<'_>) -> Result<Self, Error> {
        cbor.map().map(|left| Self { left }).map_err(broken)
    }

    /// Whether there is another item. Each is read from bytes that are there, so the number needs no bound.
    fn next(&mut self, cbor: &mut Decoder<'_>) -> Result<bool, Error> {
        match self.left {
            Some(0) => Ok(false),
            Some(left) => {
                self.left = Some(left - 1);
                Ok(true)
            }
            None if kind(cbor)? == Type::Break => {
                cbor.skip().map_err(broken)?;
                self.left = Some(0);
                Ok(false)
            }
            None => Ok(true),
        }
    }

    fn expect(&mut self, cbor: &mut Decoder<'_>) -> Result<(), Error> {
        if self.next(cbor)? { Ok(()) } else { Err(Error::Malformed("not a COSE_Sign1")) }
    }

    fn end(&mut self, cbor: &mut Decoder<'_>) -> Result<(), Error> {
        if self.next(cbor)? { Err(Error::Malformed("not a COSE_Sign1")) } else { Ok(()) }
    }
}

fn kind(cbor: &Decoder<'_>) -> Result<Type, Error> {
    cbor.datatype().map_err(broken)
}

fn finish(cbor: &Decoder<'_>) -> Result<(), Error> {
    if cbor.position() == cbor.input().len() {
        Ok(())
    } else {
        Err(Error::Malformed("bytes after the document"))
    }
}

fn broken(_: minicbor::decode::Error) -> Error {
    Error::Malformed("not the CBOR of a document")
}
