//! TPMs that never existed: quotes, certificates and event logs that a test can bend before they are signed.

use super::der::{
    self, BASIC_CONSTRAINTS, Extension, KEY_USAGE, bit_string, extensions, integer, name, oid_tlv, sequence,
    time, tlv,
};
use super::machine::{NOT_AFTER, NOT_BEFORE};
use aws_lc_rs::{
    rand::SystemRandom,
    rsa::{KeyPair as RsaKeyPair, KeySize},
    signature::{
        ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING,
        ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    },
};
use sealwire_attest::{
    Endorsements, Evidence, Kind, Trust,
    tpm::{Quote, name_of},
};
use sealwire_crypto::digest::sha256;
use std::{collections::BTreeMap, sync::LazyLock};

static AK_P256: LazyLock<EcdsaKeyPair> =
    LazyLock::new(|| EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap());
static AK_P384: LazyLock<EcdsaKeyPair> =
    LazyLock::new(|| EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap());
static AK_RSA: LazyLock<RsaKeyPair> = LazyLock::new(|| RsaKeyPair::generate(KeySize::Rsa2048).unwrap());
static ROOT: LazyLock<EcdsaKeyPair> =
    LazyLock::new(|| EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap());
static INTERMEDIATE: LazyLock<EcdsaKeyPair> =
    LazyLock::new(|| EcdsaKeyPair::generate(&ECDSA_P384_SHA384_ASN1_SIGNING).unwrap());

/// Which key signs quotes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ak {
    P256,
    P384,
    Rsa,
}

/// TPMA_OBJECT of a good attestation key: fixedTPM, fixedParent, sensitiveDataOrigin, userWithAuth, restricted, sign.
pub(crate) const AK_ATTRIBUTES: u32 = 1 << 1 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 16 | 1 << 18;
pub(crate) const SHA256: u16 = 0x0b;
pub(crate) const EXTRA_DATA: [u8; 32] = [0x5e; 32];
/// The EK's hash, in the subject of the certificate.
pub(crate) const TPM_ID: [u8; 32] = [0xe4; 32];

/// A certificate before it is signed.
#[derive(Clone, Debug)]
pub(crate) struct Certificate {
    pub(crate) issuer: Vec<u8>,
    pub(crate) subject: Vec<u8>,
    pub(crate) serial: u64,
    pub(crate) not_before: u64,
    pub(crate) not_after: u64,
    pub(crate) spki: Vec<u8>,
    pub(crate) extensions: Vec<Extension>,
}

impl Certificate {
    fn sign(&self, key: &EcdsaKeyPair) -> Vec<u8> {
        let algorithm = signature_algorithm(key);
        let tbs = sequence(&[
            &tlv(0xa0, &[&integer(2)]),
            &integer(self.serial),
            &algorithm,
            &self.issuer,
            &sequence(&[&time(self.not_before), &time(self.not_after)]),
            &self.subject,
            &self.spki,
            &extensions(&self.extensions, 0xa3),
        ]);
        signed(tbs, algorithm, key)
    }
}

fn signed(tbs: Vec<u8>, algorithm: Vec<u8>, key: &EcdsaKeyPair) -> Vec<u8> {
    let signature = key.sign(&SystemRandom::new(), &tbs).unwrap();
    sequence(&[&tbs, &algorithm, &bit_string(signature.as_ref())])
}

/// ecdsa-with-SHA384 for keys on P-384, ecdsa-with-SHA256 for others.
fn signature_algorithm(key: &EcdsaKeyPair) -> Vec<u8> {
    let is_p384 = key.public_key().as_ref().len() == 97;
    sequence(&[&oid_tlv(if is_p384 { "1.2.840.10045.4.3.3" } else { "1.2.840.10045.4.3.2" })])
}

fn ec_spki(point: &[u8]) -> Vec<u8> {
    if point.len() == 97 {
        return der::p384_spki(point);
    }
    let algorithm = sequence(&[&oid_tlv("1.2.840.10045.2.1"), &oid_tlv("1.2.840.10045.3.1.7")]);
    sequence(&[&algorithm, &bit_string(point)])
}

/// A name of a common name and a serialNumber.
fn device_name(common_name: &str, serial: &str) -> Vec<u8> {
    let set = |oid, tag, text: &str| tlv(0x31, &[&sequence(&[&oid_tlv(oid), &tlv(tag, &[text.as_bytes()])])]);
    sequence(&[&set("2.5.4.3", 0x0c, common_name), &set("2.5.4.5", 0x13, serial)])
}

pub(crate) const EXTENDED_KEY_USAGE: &str = "2.5.29.37";

pub(crate) fn key_purpose(dotted: &str) -> Extension {
    Extension::new(EXTENDED_KEY_USAGE, sequence(&[&oid_tlv(dotted)]))
}

fn authority(issuer: &str, subject: &str, serial: u64, key: &EcdsaKeyPair) -> Certificate {
    Certificate {
        issuer: name(issuer),
        subject: name(subject),
        serial,
        not_before: NOT_BEFORE - 10,
        not_after: NOT_AFTER + 10,
        spki: ec_spki(key.public_key().as_ref()),
        extensions: vec![
            Extension::critical(BASIC_CONSTRAINTS, sequence(&[&[0x01, 0x01, 0xff]])),
            // keyCertSign, cRLSign
            Extension::critical(KEY_USAGE, vec![0x03, 0x02, 0x01, 0x06]),
        ],
    }
}

/// A TPM, its quote and its chain, before anything is signed.
#[derive(Clone)]
pub(crate) struct Tpm {
    pub(crate) ak: Ak,
    pub(crate) attributes: u32,
    /// TPM_ALG_ID of the AK's Name
    pub(crate) name_alg: u16,
    pub(crate) magic: u32,
    pub(crate) statement: u16,
    pub(crate) extra_data: Vec<u8>,
    /// bank and bitmap
    pub(crate) selection: Vec<(u16, Vec<u8>)>,
    /// what the TPM has
    pub(crate) quoted: BTreeMap<u8, [u8; 32]>,
    /// what goes along
    pub(crate) sent: BTreeMap<u8, [u8; 32]>,
    pub(crate) event_log: Option<Vec<u8>>,
    pub(crate) root: Certificate,
    /// whether the AK's certificate is issued by the intermediate
    pub(crate) intermediate: Option<Certificate>,
    pub(crate) leaf: Certificate,
}

impl Tpm {
    /// A good one with PCRs 0 to 2, and 7.
    pub(crate) fn new(ak: Ak) -> Self {
        let pcrs: BTreeMap<u8, [u8; 32]> = [0, 1, 2, 7].map(|index| (index, [0xa0 + index; 32])).into();
        let mut tpm = Self {
            ak,
            attributes: AK_ATTRIBUTES,
            name_alg: SHA256,
            magic: 0xff54_4347,
            statement: 0x8018,
            extra_data: EXTRA_DATA.to_vec(),
            selection: Vec::new(),
            quoted: BTreeMap::new(),
            sent: BTreeMap::new(),
            event_log: None,
            root: authority("Enrolment", "Enrolment", 1, &ROOT),
            intermediate: None,
            leaf: Certificate {
                issuer: name("Enrolment"),
                subject: device_name("Attestation key", &hex::encode(TPM_ID)),
                serial: 77,
                not_before: NOT_BEFORE,
                not_after: NOT_AFTER,
                spki: ak.spki(),
                extensions: vec![
                    // digitalSignature
                    Extension::critical(KEY_USAGE, vec![0x03, 0x02, 0x07, 0x80]),
                    key_purpose("2.23.133.8.3"),
                ],
            },
        };
        tpm.set_pcrs(pcrs);
        tpm
    }

    /// The same under a CA between the root and the AK.
    pub(crate) fn with_intermediate(mut self) -> Self {
        self.intermediate = Some(authority("Enrolment", "Enrolment 2", 2, &INTERMEDIATE));
        self.leaf.issuer = name("Enrolment 2");
        self
    }

    /// Has these values in its registers, quotes and sends them.
    pub(crate) fn set_pcrs(&mut self, pcrs: BTreeMap<u8, [u8; 32]>) {
        self.selection = vec![(SHA256, bitmap(pcrs.keys().copied()))];
        self.quoted = pcrs.clone();
        self.sent = pcrs;
    }

    /// TPMT_PUBLIC of the AK.
    pub(crate) fn public(&self) -> Vec<u8> {
        let (kind, parameters) = self.ak.parameters();
        [
            &kind.to_be_bytes()[..],
            &self.name_alg.to_be_bytes(),
            &self.attributes.to_be_bytes(),
            &[0, 0],
            // symmetric: none
            &[0, 0x10],
            &parameters,
        ]
        .concat()
    }

    /// TPMS_ATTEST.
    pub(crate) fn attest(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.extend(self.magic.to_be_bytes());
        out.extend(self.statement.to_be_bytes());
        out.extend(sized(&[&[0, 0x0b][..], &[0x9a; 32]].concat()));
        out.extend(sized(&self.extra_data));
        out.extend(123_456_u64.to_be_bytes());
        out.extend(5_u32.to_be_bytes());
        out.extend(3_u32.to_be_bytes());
        out.push(1);
        out.extend(0x2019_1023_0016_3636_u64.to_be_bytes());
        out.extend((self.selection.len() as u32).to_be_bytes());
        for (bank, bitmap) in &self.selection {
            out.extend(bank.to_be_bytes());
            out.push(bitmap.len() as u8);
            out.extend(bitmap);
        }
        let values: Vec<&[u8]> = self.quoted.values().map(<[u8; 32]>::as_slice).collect();
        out.extend(sized(&self.ak.digest(&values)));
        out
    }

    pub(crate) fn quote(&self) -> Quote {
        let attest = self.attest();
        Quote {
            signature: self.ak.sign(&attest),
            attest,
            public: self.public(),
            pcrs: self.sent.clone(),
            event_log: self.event_log.clone(),
        }
    }

    pub(crate) fn evidence(&self) -> Evidence {
        Evidence { kind: Kind::Tpm, bytes: self.quote().encode() }
    }

    /// Leaf first. ECDSA is randomised, and a root is known by its bytes: the same root has to come out twice.
    pub(crate) fn endorsements(&self) -> Endorsements {
        let issuer = if self.intermediate.is_some() { &*INTERMEDIATE } else { &*ROOT };
        let mut certificates = vec![self.leaf.sign(issuer)];
        certificates.extend(self.intermediate.as_ref().map(|intermediate| intermediate.sign(&ROOT)));
        certificates.push(self.signed_root());
        Endorsements { certificates, ..Endorsements::default() }
    }

    fn signed_root(&self) -> Vec<u8> {
        static SIGNED: std::sync::Mutex<Vec<(String, Vec<u8>)>> = std::sync::Mutex::new(Vec::new());
        let key = format!("{:?}", self.root);
        let mut signed = SIGNED.lock().unwrap();
        if let Some((_, der)) = signed.iter().find(|(known, _)| *known == key) {
            return der.clone();
        }
        let der = self.root.sign(&ROOT);
        signed.push((key, der.clone()));
        der
    }

    /// SHA-256 of the root.
    pub(crate) fn root(&self) -> [u8; 32] {
        sha256(&[&self.signed_root()])
    }

    /// The enrolment CA pinned.
    pub(crate) fn trust(&self) -> Trust {
        Trust { enrolment: vec![self.root()], ..Trust::default() }
    }

    /// The AK pinned by its Name.
    pub(crate) fn trust_by_name(&self) -> Trust {
        Trust { tpm_keys: vec![name_of(&self.public()).unwrap()], ..Trust::default() }
    }

    /// A CRL of the root's that lists `revoked`.
    pub(crate) fn crl(&self, revoked: &[u64], next_update: u64) -> Vec<u8> {
        let algorithm = signature_algorithm(&ROOT);
        let entries: Vec<u8> =
            revoked.iter().flat_map(|serial| sequence(&[&integer(*serial), &time(NOT_BEFORE)])).collect();
        let entries = if entries.is_empty() { Vec::new() } else { sequence(&[&entries]) };
        let tbs = sequence(&[
            &integer(1),
            &algorithm,
            &self.root.subject,
            &time(NOT_BEFORE),
            &time(next_update),
            &entries,
        ]);
        signed(tbs, algorithm, &ROOT)
    }
}

impl Ak {
    fn spki(self) -> Vec<u8> {
        match self {
            Self::P256 => ec_spki(AK_P256.public_key().as_ref()),
            Self::P384 => ec_spki(AK_P384.public_key().as_ref()),
            Self::Rsa => der::rsa_spki(AK_RSA.public_key().as_ref()),
        }
    }

    /// Type, and what follows the symmetric algorithm: scheme, parameters, unique.
    fn parameters(self) -> (u16, Vec<u8>) {
        let ecc = |key: &EcdsaKeyPair, hash: u8, curve: u8| {
            let point = &key.public_key().as_ref()[1..];
            let (x, y) = point.split_at(point.len() / 2);
            // ECDSA with the hash, the curve, no KDF
            let head = [0, 0x18, 0, hash, 0, curve, 0, 0x10];
            (0x23, [&head[..], &sized(x), &sized(y)].concat())
        };
        match self {
            Self::P256 => ecc(&AK_P256, 0x0b, 3),
            Self::P384 => ecc(&AK_P384, 0x0c, 4),
            Self::Rsa => {
                // RSASSA with SHA-256, 2048 bits, the default exponent
                let head = [0, 0x14, 0, 0x0b, 0x08, 0, 0, 0, 0, 0];
                let modulus = AK_RSA.public_key().modulus().big_endian_without_leading_zero().to_vec();
                (1, [&head[..], &sized(&modulus)].concat())
            }
        }
    }

    /// TPMT_SIGNATURE.
    pub(crate) fn sign(self, message: &[u8]) -> Vec<u8> {
        let ecdsa = |key: &EcdsaKeyPair, hash: u8| {
            let signature = key.sign(&SystemRandom::new(), message).unwrap();
            let (r, s) = signature.as_ref().split_at(signature.as_ref().len() / 2);
            [&[0, 0x18, 0, hash][..], &sized(r), &sized(s)].concat()
        };
        match self {
            Self::P256 => ecdsa(&AK_P256, 0x0b),
            Self::P384 => ecdsa(&AK_P384, 0x0c),
            Self::Rsa => {
                let mut signature = vec![0; 256];
                AK_RSA.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).unwrap();
                [&[0, 0x14, 0, 0x0b][..], &sized(&signature)].concat()
            }
        }
    }

    fn digest(self, parts: &[&[u8]]) -> Vec<u8> {
        match self {
            Self::P384 => sealwire_crypto::digest::sha384(parts).to_vec(),
            Self::P256 | Self::Rsa => sha256(parts).to_vec(),
        }
    }
}

/// A TPM2B.
pub(crate) fn sized(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u16).to_be_bytes()[..], bytes].concat()
}

/// Three bytes, the lowest bit of the first for PCR 0.
pub(crate) fn bitmap(indices: impl Iterator<Item = u8>) -> Vec<u8> {
    let bits = indices.fold(0_u32, |bits, index| bits | 1 << index);
    bits.to_le_bytes()[..3].to_vec()
}

/// An event log before it is written.
#[derive(Clone)]
pub(crate) struct Log {
    /// TPM_ALG_ID and length of a digest
    pub(crate) banks: Vec<(u16, u16)>,
    /// register, type, data; the digest of each bank is its hash, or `digest` where the bank is unknown here
    pub(crate) events: Vec<(u32, u32, Vec<u8>)>,
    pub(crate) tail: Vec<u8>,
}

impl Log {
    pub(crate) fn new(banks: &[(u16, u16)]) -> Self {
        Self { banks: banks.to_vec(), events: Vec::new(), tail: Vec::new() }
    }

    pub(crate) fn event(mut self, register: u32, kind: u32, data: &[u8]) -> Self {
        self.events.push((register, kind, data.to_vec()));
        self
    }

    pub(crate) fn header(&self) -> Vec<u8> {
        let mut spec = b"Spec ID Event03\0\0\0\0\0\0\x02\0\x02".to_vec();
        spec.extend((self.banks.len() as u32).to_le_bytes());
        for (algorithm, len) in &self.banks {
            spec.extend(algorithm.to_le_bytes());
            spec.extend(len.to_le_bytes());
        }
        spec.push(0);
        let mut out = [&0_u32.to_le_bytes()[..], &3_u32.to_le_bytes(), &[0; 20]].concat();
        out.extend((spec.len() as u32).to_le_bytes());
        out.extend(spec);
        out
    }

    pub(crate) fn write(&self) -> Vec<u8> {
        let mut out = self.header();
        for (register, kind, data) in &self.events {
            out.extend(register.to_le_bytes());
            out.extend(kind.to_le_bytes());
            out.extend((self.banks.len() as u32).to_le_bytes());
            for (algorithm, len) in &self.banks {
                out.extend(algorithm.to_le_bytes());
                out.extend(digest_of(*algorithm, *len, data));
            }
            out.extend((data.len() as u32).to_le_bytes());
            out.extend(data);
        }
        out.extend(&self.tail);
        out
    }
}

fn digest_of(algorithm: u16, len: u16, data: &[u8]) -> Vec<u8> {
    match algorithm {
        0x0b => sha256(&[data]).to_vec(),
        0x0c => sealwire_crypto::digest::sha384(&[data]).to_vec(),
        0x0d => sealwire_crypto::digest::sha512(&[data]).to_vec(),
        _ => vec![0x51; len.into()],
    }
}
