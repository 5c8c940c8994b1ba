//! Just enough DER to write certificates and CRLs that no library would: with wrong algorithms, without extensions.

use sealwire_crypto::sign::rsa_pss_sha384::SigningKey;

/// A tag, a length and a value.
pub(crate) fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let value = parts.concat();
    let mut out = vec![tag];
    match value.len() {
        len @ 0..=127 => out.push(len as u8),
        len @ 128..=255 => out.extend([0x81, len as u8]),
        len @ 256..=0xffff => out.extend([0x82, (len >> 8) as u8, len as u8]),
        len => out.extend([0x83, (len >> 16) as u8, (len >> 8) as u8, len as u8]),
    }
    out.extend(value);
    out
}

pub(crate) fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    tlv(0x30, parts)
}

/// A non-negative INTEGER.
pub(crate) fn integer(value: u64) -> Vec<u8> {
    let bytes = value.to_be_bytes();
    let start = bytes.iter().position(|byte| *byte != 0).unwrap_or(7);
    let sign: &[u8] = if bytes[start] & 0x80 != 0 { &[0] } else { &[] };
    tlv(0x02, &[sign, &bytes[start..]])
}

pub(crate) fn bit_string(bytes: &[u8]) -> Vec<u8> {
    tlv(0x03, &[&[0], bytes])
}

/// From dotted numbers.
pub(crate) fn oid(dotted: &str) -> Vec<u8> {
    der::oid::ObjectIdentifier::new_unwrap(dotted).as_bytes().to_vec()
}

pub(crate) fn oid_tlv(dotted: &str) -> Vec<u8> {
    tlv(0x06, &[&oid(dotted)])
}

/// A name as AMD writes it, byte for byte, with a common name.
pub(crate) fn name(common_name: &str) -> Vec<u8> {
    const UTF8: u8 = 0x0c;
    const PRINTABLE: u8 = 0x13;
    let attributes = [
        ("2.5.4.11", UTF8, "Engineering"),
        ("2.5.4.6", PRINTABLE, "US"),
        ("2.5.4.7", UTF8, "Santa Clara"),
        ("2.5.4.8", UTF8, "CA"),
        ("2.5.4.10", UTF8, "Advanced Micro Devices"),
        ("2.5.4.3", UTF8, common_name),
    ];
    let sets = attributes
        .map(|(oid, tag, text)| tlv(0x31, &[&sequence(&[&oid_tlv(oid), &tlv(tag, &[text.as_bytes()])])]));
    sequence(&[&sets.concat()])
}

/// A GeneralizedTime of Unix seconds.
pub(crate) fn time(seconds: u64) -> Vec<u8> {
    let time = der::DateTime::from_unix_duration(std::time::Duration::from_secs(seconds)).unwrap();
    let text: String = time.to_string().chars().filter(|c| c.is_ascii_digit()).collect();
    tlv(0x18, &[text.as_bytes(), b"Z"])
}

/// RSASSA-PSS with a hash by the last number of its identifier (2 is SHA-384) and a salt length.
pub(crate) fn pss(hash: u8, mgf_hash: u8, salt: u64, trailer: Option<u64>) -> Vec<u8> {
    let sha = |hash: u8| {
        let mut id = oid("2.16.840.1.101.3.4.2.2");
        *id.last_mut().unwrap() = hash;
        sequence(&[&tlv(0x06, &[&id]), &[0x05, 0x00]])
    };
    let mgf = sequence(&[&oid_tlv("1.2.840.113549.1.1.8"), &sha(mgf_hash)]);
    let mut parameters =
        [tlv(0xa0, &[&sha(hash)]), tlv(0xa1, &[&mgf]), tlv(0xa2, &[&integer(salt)])].concat();
    if let Some(trailer) = trailer {
        parameters.extend(tlv(0xa3, &[&integer(trailer)]));
    }
    sequence(&[&oid_tlv("1.2.840.113549.1.1.10"), &sequence(&[&parameters])])
}

/// As AMD signs.
pub(crate) fn amd_pss() -> Vec<u8> {
    pss(2, 2, 48, None)
}

pub(crate) fn rsa_spki(public_key: &[u8]) -> Vec<u8> {
    let algorithm = sequence(&[&oid_tlv("1.2.840.113549.1.1.1"), &[0x05, 0x00]]);
    sequence(&[&algorithm, &bit_string(public_key)])
}

pub(crate) fn p384_spki(point: &[u8]) -> Vec<u8> {
    let algorithm = sequence(&[&oid_tlv("1.2.840.10045.2.1"), &oid_tlv("1.3.132.0.34")]);
    sequence(&[&algorithm, &bit_string(point)])
}

/// An extension by its dotted identifier.
#[derive(Clone, Debug)]
pub(crate) struct Extension {
    pub(crate) oid: &'static str,
    pub(crate) critical: bool,
    pub(crate) value: Vec<u8>,
}

impl Extension {
    pub(crate) fn new(oid: &'static str, value: Vec<u8>) -> Self {
        Self { oid, critical: false, value }
    }

    pub(crate) fn critical(oid: &'static str, value: Vec<u8>) -> Self {
        Self { oid, critical: true, value }
    }

    fn encode(&self) -> Vec<u8> {
        let critical: &[u8] = if self.critical { &[0x01, 0x01, 0xff] } else { &[] };
        sequence(&[&oid_tlv(self.oid), critical, &tlv(0x04, &[&self.value])])
    }
}

pub(crate) fn extensions(list: &[Extension], tag: u8) -> Vec<u8> {
    if list.is_empty() {
        return Vec::new();
    }
    let encoded: Vec<u8> = list.iter().flat_map(Extension::encode).collect();
    tlv(tag, &[&sequence(&[&encoded])])
}

pub(crate) const BASIC_CONSTRAINTS: &str = "2.5.29.19";
pub(crate) const KEY_USAGE: &str = "2.5.29.15";

/// A certificate before it is signed.
#[derive(Clone, Debug)]
pub(crate) struct Certificate {
    pub(crate) issuer: String,
    pub(crate) subject: String,
    pub(crate) serial: u64,
    pub(crate) not_before: u64,
    pub(crate) not_after: u64,
    pub(crate) spki: Vec<u8>,
    pub(crate) extensions: Vec<Extension>,
    /// inside what is signed
    pub(crate) algorithm: Vec<u8>,
    /// beside the signature
    pub(crate) outer_algorithm: Vec<u8>,
}

impl Certificate {
    pub(crate) fn sign(&self, key: &SigningKey) -> Vec<u8> {
        let tbs = sequence(&[
            &tlv(0xa0, &[&integer(2)]),
            &integer(self.serial),
            &self.algorithm,
            &name(&self.issuer),
            &sequence(&[&time(self.not_before), &time(self.not_after)]),
            &name(&self.subject),
            &self.spki,
            &extensions(&self.extensions, 0xa3),
        ]);
        let signature = key.sign(&tbs).unwrap();
        sequence(&[&tbs, &self.outer_algorithm, &bit_string(&signature)])
    }
}

/// A revocation list before it is signed.
#[derive(Clone, Debug)]
pub(crate) struct Crl {
    pub(crate) issuer: String,
    pub(crate) this_update: u64,
    pub(crate) next_update: Option<u64>,
    pub(crate) revoked: Vec<u64>,
    pub(crate) entry_extensions: Vec<Extension>,
    pub(crate) extensions: Vec<Extension>,
    pub(crate) algorithm: Vec<u8>,
}

impl Crl {
    pub(crate) fn sign(&self, key: &SigningKey) -> Vec<u8> {
        let of_entry = match self.entry_extensions.is_empty() {
            true => Vec::new(),
            false => {
                sequence(&[&self.entry_extensions.iter().flat_map(Extension::encode).collect::<Vec<_>>()])
            }
        };
        let entries: Vec<u8> = self
            .revoked
            .iter()
            .flat_map(|serial| sequence(&[&integer(*serial), &time(self.this_update), &of_entry]))
            .collect();
        let tbs = sequence(&[
            &integer(1),
            &self.algorithm,
            &name(&self.issuer),
            &time(self.this_update),
            &self.next_update.map(time).unwrap_or_default(),
            &if entries.is_empty() { Vec::new() } else { sequence(&[&entries]) },
            &extensions(&self.extensions, 0xa0),
        ]);
        let signature = key.sign(&tbs).unwrap();
        sequence(&[&tbs, &self.algorithm, &bit_string(&signature)])
    }
}
