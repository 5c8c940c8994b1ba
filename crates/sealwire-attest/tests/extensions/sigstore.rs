//! A Sigstore of a test's own: a certificate authority as Fulcio is one, a log of certificates, a log of signatures as
//! Rekor is one, and a builder. Everything it makes can be bent before it is signed.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use der::{Decode as _, Encode as _};
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PublicKeyData as _, SanType, SerialNumber, SigningKey as _,
    date_time_ymd,
};
use sealwire_crypto::digest::sha256;
use serde_json::{Value, json};

pub(crate) const IDENTITY: &str =
    "https://github.com/example/image/.github/workflows/build.yml@refs/heads/main";
pub(crate) const ISSUER: &str = "https://token.actions.githubusercontent.com";
/// Noon of the one day on which builders' certificates are valid.
pub(crate) const NOON: u64 = 1_767_268_800;
const DAY: u64 = 24 * 60 * 60;
/// The list of SCTs in a certificate (RFC 6962 section 3.3).
const SCTS: [u64; 10] = [1, 3, 6, 1, 4, 1, 11129, 2, 4, 2];
/// Fulcio's name of the issuer of the builder's token.
const TOKEN_ISSUER: [u64; 9] = [1, 3, 6, 1, 4, 1, 57264, 1, 8];

pub(crate) struct Sigstore {
    authority: Issuer<'static, KeyPair>,
    authority_der: Vec<u8>,
    authority_spki: Vec<u8>,
    certificates: KeyPair,
    signatures: KeyPair,
}

/// What a builder does, before it is signed and logged.
pub(crate) struct Signing {
    pub(crate) identity: String,
    pub(crate) issuer: String,
    /// when the log says that it happened
    pub(crate) logged_at: u64,
    /// whether the log's own signature over the entry comes along
    pub(crate) promised: bool,
}

impl Default for Signing {
    fn default() -> Self {
        Self { identity: IDENTITY.to_owned(), issuer: ISSUER.to_owned(), logged_at: NOON, promised: true }
    }
}

fn key() -> KeyPair {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap()
}

fn base64(bytes: &[u8]) -> String {
    BASE64_STANDARD.encode(bytes)
}

fn pem(certificate: &[u8]) -> String {
    der::pem::encode_string("CERTIFICATE", der::pem::LineEnding::LF, certificate).unwrap()
}

impl Sigstore {
    pub(crate) fn new() -> Self {
        let key_pair = key();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.not_before = date_time_ymd(2025, 1, 1);
        params.not_after = date_time_ymd(2035, 1, 1);
        let authority_der = params.self_signed(&key_pair).unwrap().der().to_vec();
        Self {
            authority_spki: key_pair.subject_public_key_info(),
            authority: Issuer::new(params, key_pair),
            authority_der,
            certificates: key(),
            signatures: key(),
        }
    }

    /// What whoever verifies trusts.
    pub(crate) fn trusted_root(&self) -> String {
        let log = |key: &KeyPair| {
            let spki = key.subject_public_key_info();
            json!({
                "baseUrl": "https://log.example",
                "hashAlgorithm": "SHA2_256",
                "publicKey": {
                    "rawBytes": base64(&spki),
                    "keyDetails": "PKIX_ECDSA_P256_SHA_256",
                    "validFor": { "start": "2025-01-01T00:00:00Z" },
                },
                "logId": { "keyId": base64(&sha256(&[&spki])) },
            })
        };
        json!({
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [log(&self.signatures)],
            "certificateAuthorities": [{
                "subject": { "organization": "example", "commonName": "authority" },
                "uri": "https://authority.example",
                "certChain": { "certificates": [{ "rawBytes": base64(&self.authority_der) }] },
                "validFor": { "start": "2025-01-01T00:00:00Z" },
            }],
            "ctlogs": [log(&self.certificates)],
        })
        .to_string()
    }

    /// A bundle over the artifact itself.
    pub(crate) fn sign(&self, signing: &Signing, artifact: &[u8]) -> Value {
        let (certificate, key) = self.certify(signing);
        let signature = key.sign(artifact).unwrap();
        let digest = sha256(&[artifact]);
        let spec = json!({
            "data": { "hash": { "algorithm": "sha256", "value": hex::encode(digest) } },
            "signature": {
                "content": base64(&signature),
                "publicKey": { "content": base64(pem(&certificate).as_bytes()) },
            },
        });
        let mut bundle = self.bundle(signing, &certificate, "hashedrekord", &spec);
        bundle["messageSignature"] = json!({
            "messageDigest": { "algorithm": "SHA2_256", "digest": base64(&digest) },
            "signature": base64(&signature),
        });
        bundle
    }

    /// A bundle over an in-toto statement with these subjects.
    pub(crate) fn attest(&self, signing: &Signing, subjects: &Value) -> Value {
        const TYPE: &str = "application/vnd.in-toto+json";
        let statement = json!({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": subjects,
            "predicateType": "https://slsa.dev/provenance/v1",
            "predicate": {},
        })
        .to_string();
        // Pre-authentication encoding of DSSE.
        let head = format!("DSSEv1 {} {TYPE} {} ", TYPE.len(), statement.len());
        let encoded = [head.as_bytes(), statement.as_bytes()].concat();
        let (certificate, key) = self.certify(signing);
        let signature = key.sign(&encoded).unwrap();
        let envelope = json!({
            "payload": base64(statement.as_bytes()),
            "payloadType": TYPE,
            "signatures": [{ "sig": base64(&signature) }],
        });
        let hash = |bytes: &[u8]| json!({ "algorithm": "sha256", "value": hex::encode(sha256(&[bytes])) });
        let spec = json!({
            "envelopeHash": hash(envelope.to_string().as_bytes()),
            "payloadHash": hash(statement.as_bytes()),
            "signatures": [{
                "signature": base64(&signature),
                "verifier": base64(pem(&certificate).as_bytes()),
            }],
        });
        let mut bundle = self.bundle(signing, &certificate, "dsse", &spec);
        bundle["dsseEnvelope"] = envelope;
        bundle
    }

    /// A key, and a certificate of the builder's over it, logged.
    fn certify(&self, signing: &Signing) -> (Vec<u8>, KeyPair) {
        let key = key();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.serial_number = Some(SerialNumber::from(7));
        params.subject_alt_names = vec![SanType::URI(signing.identity.as_str().try_into().unwrap())];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::CodeSigning];
        params.not_before = date_time_ymd(2026, 1, 1);
        params.not_after = date_time_ymd(2026, 1, 2);
        let issuer = [&[0x0c, signing.issuer.len() as u8], signing.issuer.as_bytes()].concat();
        params.custom_extensions = vec![CustomExtension::from_oid_content(&TOKEN_ISSUER, issuer)];
        let unlogged = params.signed_by(&key, &self.authority).unwrap();
        let unlogged = x509_cert::Certificate::from_der(unlogged.der()).unwrap();
        let scts = self.log(&unlogged.tbs_certificate().to_der().unwrap());
        params.custom_extensions.push(CustomExtension::from_oid_content(&SCTS, scts));
        (params.signed_by(&key, &self.authority).unwrap().der().to_vec(), key)
    }

    /// The log's word that it has the certificate (RFC 6962 section 3.2), as its extension holds it.
    fn log(&self, tbs: &[u8]) -> Vec<u8> {
        let timestamp = ((NOON - DAY / 2) * 1000).to_be_bytes();
        let length = (tbs.len() as u32).to_be_bytes();
        let issuer = sha256(&[&self.authority_spki]);
        let signed = [&[0, 0][..], &timestamp, &[0, 1], &issuer, &length[1..], tbs, &[0, 0]].concat();
        let signature = self.certificates.sign(&signed).unwrap();
        let id = sha256(&[&self.certificates.subject_public_key_info()]);
        let sct = [&[0][..], &id, &timestamp, &[0, 0, 4, 3, 0, signature.len() as u8], &signature].concat();
        let list = [&(sct.len() as u16).to_be_bytes()[..], &sct].concat();
        let list = [&(list.len() as u16).to_be_bytes()[..], &list].concat();
        der::asn1::OctetString::new(list).unwrap().to_der().unwrap()
    }

    /// What was signed, logged: the entry is the only one of its log.
    fn bundle(&self, signing: &Signing, certificate: &[u8], kind: &str, spec: &Value) -> Value {
        let body = json!({ "apiVersion": "0.0.1", "kind": kind, "spec": spec }).to_string();
        let id = sha256(&[&self.signatures.subject_public_key_info()]);
        let root = base64(&sha256(&[&[0], body.as_bytes()]));
        let note = format!("log.example - 1\n1\n{root}\n");
        let note_signature = [&id[..4], &self.signatures.sign(note.as_bytes()).unwrap()].concat();
        let promise = format!(
            "{{\"body\":\"{}\",\"integratedTime\":{},\"logID\":\"{}\",\"logIndex\":0}}",
            base64(body.as_bytes()),
            signing.logged_at,
            hex::encode(id)
        );
        let mut entry = json!({
            "logIndex": "0",
            "logId": { "keyId": base64(&id) },
            "kindVersion": { "kind": kind, "version": "0.0.1" },
            "integratedTime": signing.logged_at.to_string(),
            "inclusionProof": {
                "logIndex": "0",
                "rootHash": root,
                "treeSize": "1",
                "hashes": [],
                "checkpoint": { "envelope": format!("{note}\n\u{2014} log.example {}\n", base64(&note_signature)) },
            },
            "canonicalizedBody": base64(body.as_bytes()),
        });
        if signing.promised {
            let promise = self.signatures.sign(promise.as_bytes()).unwrap();
            entry["inclusionPromise"] = json!({ "signedEntryTimestamp": base64(&promise) });
        }
        json!({
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": {
                "certificate": { "rawBytes": base64(certificate) },
                "tlogEntries": [entry],
            },
        })
    }
}
