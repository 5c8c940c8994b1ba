//! The forms of keys: DER in fixed templates (EN-18), raw bytes (EN-20), PEM and JWK around them.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sealwire_crypto::sign::ml_dsa::{Parameters, SEED_LEN};
use zeroize::Zeroizing;

use super::{
    Error,
    material::{set_of_private_len, set_of_public_len},
};
use crate::{
    Algorithm, base64url,
    canonical::write_string,
    json::{self, DOCUMENT_DEPTH},
};

/// No key in any form is longer.
const MAX_TEXT: usize = 16 * 1024;

const ED25519_SPKI: &[u8] = b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00";
const ED25519_PKCS8: &[u8] = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20";

/// A private key as it was written.
pub(super) enum Private {
    Ed25519Seed(Zeroizing<Vec<u8>>),
    MlDsaSeed(Parameters, Zeroizing<Vec<u8>>),
    MlDsaExpanded(Parameters, Zeroizing<Vec<u8>>),
}

/// Reads a public key: its algorithm and raw bytes.
pub(super) fn public(text: &str) -> Result<(Algorithm, Vec<u8>), Error> {
    match form(text)? {
        Form::Pem(text) => public_der(&from_pem("PUBLIC KEY", text)?),
        Form::Jwk(text) => {
            let key = Jwk::read(text)?;
            match (key.kty.as_str(), key.curve_or_algorithm()) {
                ("OKP", "Ed25519") => Ok((Algorithm::Ed25519, key.bytes_of(&key.x)?.to_vec())),
                ("AKP", name) => Ok((ml_dsa(name)?, key.bytes_of(&key.public)?.to_vec())),
                _ => Err(Error::Format),
            }
        }
        Form::Base64url(text) => {
            let bytes = base64url::decode(text).map_err(|_| Error::Format)?;
            match set_of_public_len(bytes.len()) {
                Some(set) => Ok((Algorithm::MlDsa(set), bytes)),
                None => public_der(&bytes),
            }
        }
    }
}

/// Reads a private key.
pub(super) fn private(text: &str) -> Result<Private, Error> {
    match form(text)? {
        Form::Pem(text) => private_der(&from_pem("PRIVATE KEY", text)?),
        Form::Jwk(text) => {
            let key = Jwk::read(text)?;
            match (key.kty.as_str(), key.curve_or_algorithm()) {
                ("OKP", "Ed25519") => seed(key.bytes_of(&key.d)?).map(Private::Ed25519Seed),
                ("AKP", name) => match ml_dsa(name)? {
                    Algorithm::MlDsa(set) => {
                        seed(key.bytes_of(&key.private)?).map(|seed| Private::MlDsaSeed(set, seed))
                    }
                    _ => Err(Error::Format),
                },
                _ => Err(Error::Format),
            }
        }
        Form::Base64url(text) => {
            let bytes = Zeroizing::new(base64url::decode(text).map_err(|_| Error::Format)?);
            match set_of_private_len(bytes.len()) {
                Some(set) => Ok(Private::MlDsaExpanded(set, bytes)),
                None => private_der(&bytes),
            }
        }
    }
}

/// Reads the text of a shared secret out of a JWK.
pub(super) fn secret_jwk(text: &str) -> Result<Zeroizing<String>, Error> {
    let key = Jwk::read(text)?;
    if key.kty != "oct" {
        return Err(Error::Format);
    }
    let bytes = key.bytes_of(&key.k)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| Error::Format)?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// SubjectPublicKeyInfo (RFC 5280, RFC 8410, RFC 9881).
pub(super) fn spki(algorithm: Algorithm, raw: &[u8]) -> Vec<u8> {
    let Some(oid) = ml_dsa_oid(algorithm) else {
        return [ED25519_SPKI, raw].concat();
    };
    let identifier = [&[0x30, 0x0b], oid.as_slice()].concat();
    let bits = [&[0x03], length(raw.len() + 1).as_slice(), &[0], raw].concat();
    let content = [identifier, bits].concat();
    [&[0x30], length(content.len()).as_slice(), &content].concat()
}

/// PKCS#8 version 1 around a seed (RFC 8410; RFC 9881, seed form).
pub(super) fn pkcs8(algorithm: Algorithm, seed: &[u8]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new([pkcs8_prefix(algorithm).as_slice(), seed].concat())
}

/// PEM (RFC 7468) in lines of 64 characters.
pub(super) fn pem(label: &str, der: &[u8]) -> Zeroizing<String> {
    let text = Zeroizing::new(STANDARD.encode(der));
    // At once, since a text that grows leaves copies behind.
    let mut out = Zeroizing::new(String::with_capacity(text.len() / 64 * 65 + 65 + 2 * (label.len() + 20)));
    out.push_str("-----BEGIN ");
    out.push_str(label);
    out.push_str("-----\n");
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at_checked(64).unwrap_or((rest, ""));
        out.push_str(line);
        out.push('\n');
        rest = after;
    }
    out.push_str("-----END ");
    out.push_str(label);
    out.push_str("-----\n");
    out
}

pub(super) fn public_jwk(algorithm: Algorithm, raw: &[u8]) -> String {
    let value = base64url::encode(raw);
    match algorithm {
        Algorithm::MlDsa(_) => {
            format!(r#"{{"alg":"{}","kty":"AKP","pub":"{value}"}}"#, algorithm.name())
        }
        _ => format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{value}"}}"#),
    }
}

pub(super) fn private_jwk(raw_public: &[u8], seed: &[u8]) -> Zeroizing<String> {
    let mut out = Zeroizing::new(Vec::with_capacity(160));
    out.extend_from_slice(br#"{"crv":"Ed25519","d":"#);
    write_string(&Zeroizing::new(base64url::encode(seed)), &mut out);
    out.extend_from_slice(br#","kty":"OKP","x":"#);
    write_string(&base64url::encode(raw_public), &mut out);
    out.push(b'}');
    Zeroizing::new(String::from_utf8_lossy(&out).into_owned())
}

enum Form<'a> {
    Pem(&'a str),
    Jwk(&'a str),
    Base64url(&'a str),
}

fn form(text: &str) -> Result<Form<'_>, Error> {
    let trimmed = text.trim_ascii();
    if trimmed.len() > MAX_TEXT {
        return Err(Error::Format);
    }
    Ok(match trimmed.as_bytes().first() {
        Some(b'{') => Form::Jwk(trimmed),
        Some(b'-') if trimmed.starts_with("-----BEGIN ") => Form::Pem(trimmed),
        _ => Form::Base64url(trimmed),
    })
}

fn from_pem(label: &str, text: &str) -> Result<Zeroizing<Vec<u8>>, Error> {
    let body = text
        .strip_prefix("-----BEGIN ")
        .and_then(|text| text.strip_prefix(label))
        .and_then(|text| text.strip_prefix("-----"))
        .and_then(|text| text.strip_suffix("-----"))
        .and_then(|text| text.strip_suffix(label))
        .and_then(|text| text.strip_suffix("-----END "))
        .ok_or(Error::Format)?;
    let mut packed = Zeroizing::new(String::with_capacity(body.len()));
    packed.extend(body.chars().filter(|character| !character.is_ascii_whitespace()));
    STANDARD.decode(packed.as_bytes()).map(Zeroizing::new).map_err(|_| Error::Format)
}

fn public_der(der: &[u8]) -> Result<(Algorithm, Vec<u8>), Error> {
    for algorithm in Algorithm::ALL {
        let len = match algorithm {
            Algorithm::Ed25519 => 32,
            Algorithm::MlDsa(set) => set.public_key_len(),
            Algorithm::Hs256 => continue,
        };
        // The only encoding there is of a key of this length.
        let raw = der.len().checked_sub(len).and_then(|at| der.get(at..)).unwrap_or_default();
        if !raw.is_empty() && spki(algorithm, raw) == der {
            return Ok((algorithm, raw.to_vec()));
        }
    }
    Err(Error::Format)
}

fn private_der(der: &[u8]) -> Result<Private, Error> {
    for algorithm in Algorithm::ALL {
        let Some(rest) = der.strip_prefix(pkcs8_prefix(algorithm).as_slice()) else { continue };
        match algorithm {
            Algorithm::Ed25519 => return seed(rest.to_vec().into()).map(Private::Ed25519Seed),
            Algorithm::MlDsa(set) => {
                return seed(rest.to_vec().into()).map(|seed| Private::MlDsaSeed(set, seed));
            }
            Algorithm::Hs256 => {}
        }
    }
    Err(Error::Format)
}

fn seed(bytes: Zeroizing<Vec<u8>>) -> Result<Zeroizing<Vec<u8>>, Error> {
    if bytes.len() == SEED_LEN { Ok(bytes) } else { Err(Error::Format) }
}

fn pkcs8_prefix(algorithm: Algorithm) -> Vec<u8> {
    match ml_dsa_oid(algorithm) {
        // SEQUENCE { 0, { OID }, OCTET STRING { [0] seed } } (RFC 9881 section 6)
        Some(oid) => {
            let tail = [0x04, 0x22, 0x80, 0x20];
            [&[0x30, 0x34, 0x02, 0x01, 0x00, 0x30, 0x0b], oid.as_slice(), &tail].concat()
        }
        None => ED25519_PKCS8.to_vec(),
    }
}

/// id-ml-dsa-44, -65, -87 (RFC 9881 section 2), as DER.
fn ml_dsa_oid(algorithm: Algorithm) -> Option<[u8; 11]> {
    let last = match algorithm {
        Algorithm::MlDsa(Parameters::MlDsa44) => 0x11,
        Algorithm::MlDsa(Parameters::MlDsa65) => 0x12,
        Algorithm::MlDsa(Parameters::MlDsa87) => 0x13,
        _ => return None,
    };
    Some([0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, last])
}

/// A DER length below 64 KiB.
fn length(len: usize) -> Vec<u8> {
    let [high, low] = u16::try_from(len).unwrap_or(u16::MAX).to_be_bytes();
    match len {
        0..=0x7f => vec![low],
        0x80..=0xff => vec![0x81, low],
        _ => vec![0x82, high, low],
    }
}

fn ml_dsa(name: &str) -> Result<Algorithm, Error> {
    match Algorithm::from_name(name) {
        Some(algorithm @ Algorithm::MlDsa(_)) => Ok(algorithm),
        _ => Err(Error::Format),
    }
}

/// The members of a JSON Web Key that matter here (RFC 7517 says to ignore the others).
#[derive(Default)]
struct Jwk {
    kty: String,
    crv: String,
    alg: String,
    x: Zeroizing<String>,
    d: Zeroizing<String>,
    k: Zeroizing<String>,
    public: Zeroizing<String>,
    private: Zeroizing<String>,
}

impl Jwk {
    fn read(text: &str) -> Result<Self, Error> {
        let mut key = Self::default();
        json::read(text.as_bytes(), DOCUMENT_DEPTH, |reader| {
            reader.object(|name, reader| {
                let slot: &mut String = match name {
                    "kty" => &mut key.kty,
                    "crv" => &mut key.crv,
                    "alg" => &mut key.alg,
                    "x" => &mut key.x,
                    "d" => &mut key.d,
                    "k" => &mut key.k,
                    "pub" => &mut key.public,
                    "priv" => &mut key.private,
                    _ => return reader.value().map(drop),
                };
                *slot = reader.string()?.into_owned();
                Ok(())
            })
        })
        .map_err(|_| Error::Format)?;
        Ok(key)
    }

    fn curve_or_algorithm(&self) -> &str {
        if self.kty == "AKP" { &self.alg } else { &self.crv }
    }

    fn bytes_of(&self, member: &str) -> Result<Zeroizing<Vec<u8>>, Error> {
        base64url::decode(member).map(Zeroizing::new).map_err(|_| Error::Format)
    }
}
