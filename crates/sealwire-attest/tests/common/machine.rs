//! A machine with a chain of its own, in AMD's format, that a test can bend before it is signed.

use super::der::{self, BASIC_CONSTRAINTS, Certificate, Crl, Extension, KEY_USAGE};
use sealwire_attest::{Endorsements, Evidence, Kind, UnixTime};
use sealwire_crypto::{
    digest::sha256,
    sign::{ecdsa_p384, rsa_pss_sha384},
};
use std::sync::LazyLock;

/// Keys of authorities, made once for a test binary: RSA keys take their time.
pub(crate) static ARK: LazyLock<rsa_pss_sha384::SigningKey> =
    LazyLock::new(|| rsa_pss_sha384::SigningKey::generate().unwrap());
pub(crate) static ASK: LazyLock<rsa_pss_sha384::SigningKey> =
    LazyLock::new(|| rsa_pss_sha384::SigningKey::generate().unwrap());
static LEAF: LazyLock<ecdsa_p384::SigningKey> = LazyLock::new(|| ecdsa_p384::SigningKey::generate().unwrap());

/// When everything below is valid.
pub(crate) const NOW: UnixTime = UnixTime(1_800_000_000);
pub(crate) const NOT_BEFORE: u64 = NOW.0 - 1000;
pub(crate) const NOT_AFTER: u64 = NOW.0 + 1000;

/// Offsets in a report (AMD 56860, ATTESTATION_REPORT), written down here once more so that the parser's own are not
/// what tests it.
pub(crate) mod at {
    pub(crate) const POLICY: usize = 0x08;
    pub(crate) const VMPL: usize = 0x30;
    pub(crate) const KEY_INFO: usize = 0x48;
    pub(crate) const REPORT_DATA: usize = 0x50;
    pub(crate) const MEASUREMENT: usize = 0x90;
    pub(crate) const HOST_DATA: usize = 0xc0;
    pub(crate) const REPORTED_TCB: usize = 0x180;
    pub(crate) const CPUID: usize = 0x188;
    pub(crate) const CHIP_ID: usize = 0x1a0;
    pub(crate) const LAUNCH_TCB: usize = 0x1f0;
    pub(crate) const LAUNCH_MITIGATIONS: usize = 0x1f8;
    pub(crate) const SIGNATURE: usize = 0x2a0;
}

pub(crate) const DEBUG_BIT: u64 = 1 << 19;
pub(crate) const MIGRATION_BIT: u64 = 1 << 18;

/// Chain and report, before they are signed.
#[derive(Clone)]
pub(crate) struct Machine {
    pub(crate) root: Certificate,
    pub(crate) intermediate: Certificate,
    pub(crate) leaf: Certificate,
    /// the signed part and the zeros after it
    pub(crate) report: [u8; 1184],
}

/// Which product, as the report and the certificates write it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Model {
    Milan,
    Genoa,
    Turin,
}

impl Machine {
    /// A machine whose key is its own (VCEK).
    pub(crate) fn new(model: Model) -> Self {
        let (name, cpuid) = match model {
            Model::Milan => ("Milan", [0x19, 0x01, 0x01]),
            Model::Genoa => ("Genoa", [0x19, 0x11, 0x01]),
            Model::Turin => ("Turin", [0x1a, 0x02, 0x01]),
        };
        let mut chip_id = [0; 64];
        let chip_len = if model == Model::Turin { 8 } else { 64 };
        chip_id[..chip_len].fill(0xc7);
        let (tcb, fmc) = match model {
            Model::Turin => ([1, 3, 0, 9, 0, 0, 0, 115], Some(1)),
            _ => ([3, 0, 0, 0, 0, 0, 9, 115], None),
        };
        let ark = format!("ARK-{name}");
        let ask = format!("SEV-{name}");
        let mut leaf_extensions = vec![
            Extension::new("1.3.6.1.4.1.3704.1.1", der::integer(0)),
            Extension::new("1.3.6.1.4.1.3704.1.2", der::tlv(0x16, &[name.as_bytes(), b"-B0"])),
            Extension::new("1.3.6.1.4.1.3704.1.3.1", der::integer(3)),
            Extension::new("1.3.6.1.4.1.3704.1.3.2", der::integer(0)),
            Extension::new("1.3.6.1.4.1.3704.1.3.3", der::integer(9)),
            Extension::new("1.3.6.1.4.1.3704.1.3.8", der::integer(115)),
            Extension::new("1.3.6.1.4.1.3704.1.4", chip_id[..chip_len].to_vec()),
        ];
        if let Some(fmc) = fmc {
            leaf_extensions.push(Extension::new("1.3.6.1.4.1.3704.1.3.9", der::integer(fmc)));
        }
        let mut report = [0; 1184];
        report[0] = 3;
        report[at::POLICY..][..8].copy_from_slice(&0x3_0000_u64.to_le_bytes());
        report[0x34] = 1;
        report[at::REPORT_DATA..][..64].fill(0x11);
        report[at::MEASUREMENT..][..48].fill(0x22);
        report[at::HOST_DATA..][..32].fill(0x33);
        report[at::REPORTED_TCB..][..8].copy_from_slice(&tcb);
        report[at::LAUNCH_TCB..][..8].copy_from_slice(&tcb);
        report[at::CPUID..][..3].copy_from_slice(&cpuid);
        report[at::CHIP_ID..][..64].copy_from_slice(&chip_id);
        Self {
            root: authority(&ark, &ark, 1, 1, &ARK),
            intermediate: authority(&ark, &ask, 2, 0, &ASK),
            leaf: Certificate {
                spki: der::p384_spki(&LEAF.public_key()),
                extensions: leaf_extensions,
                ..authority(&ask, "SEV-VCEK", 0, 0, &ASK)
            },
            report,
        }
    }

    /// The same machine at a cloud provider that signs with a key of its own (VLEK).
    pub(crate) fn with_vlek(mut self) -> Self {
        self.intermediate.subject = self.intermediate.subject.replace("SEV-", "SEV-VLEK-");
        self.leaf.issuer.clone_from(&self.intermediate.subject);
        self.leaf.subject = "SEV-VLEK".to_owned();
        self.drop_extension("1.3.6.1.4.1.3704.1.4");
        let provider = der::tlv(0x16, &[b"CN=provider.example"]);
        self.leaf.extensions.push(Extension::new("1.3.6.1.4.1.3704.1.5", provider));
        self.report[at::KEY_INFO] = 1 << 2;
        self.report[at::CHIP_ID..][..64].fill(0);
        self
    }

    pub(crate) fn extension(&mut self, oid: &str) -> &mut Extension {
        self.leaf.extensions.iter_mut().find(|extension| extension.oid == oid).unwrap()
    }

    pub(crate) fn drop_extension(&mut self, oid: &str) {
        self.leaf.extensions.retain(|extension| extension.oid != oid);
    }

    pub(crate) fn set_policy(&mut self, bits: u64) {
        self.report[at::POLICY..][..8].copy_from_slice(&(0x3_0000 | bits).to_le_bytes());
    }

    /// What a development policy names.
    pub(crate) fn fingerprint(&self) -> [u8; 32] {
        sha256(&[&self.root.sign_once()])
    }

    pub(crate) fn endorsements(&self) -> Endorsements {
        Endorsements {
            certificates: vec![self.leaf.sign(&ASK), self.intermediate.sign(&ARK), self.root.sign_once()],
            ..Endorsements::default()
        }
    }

    /// The report, signed.
    pub(crate) fn evidence(&self) -> Evidence {
        let mut bytes = self.report;
        let signature = LEAF.sign(&bytes[..at::SIGNATURE]).unwrap();
        for (part, start) in [(&signature[..48], at::SIGNATURE), (&signature[48..], at::SIGNATURE + 72)] {
            for (index, byte) in part.iter().rev().enumerate() {
                bytes[start + index] = *byte;
            }
        }
        Evidence { kind: Kind::Development, bytes: bytes.to_vec() }
    }

    /// An empty list of the root's, in force.
    pub(crate) fn crl(&self) -> Crl {
        Crl {
            issuer: self.root.subject.clone(),
            this_update: NOT_BEFORE,
            next_update: Some(NOT_AFTER),
            revoked: Vec::new(),
            entry_extensions: Vec::new(),
            extensions: Vec::new(),
            algorithm: der::amd_pss(),
        }
    }
}

/// A certificate of an authority, with `below` others under it at most.
fn authority(
    issuer: &str,
    subject: &str,
    serial: u64,
    below: u64,
    key: &rsa_pss_sha384::SigningKey,
) -> Certificate {
    Certificate {
        issuer: issuer.to_owned(),
        subject: subject.to_owned(),
        serial,
        not_before: NOT_BEFORE,
        not_after: NOT_AFTER,
        spki: der::rsa_spki(&key.public_key()),
        extensions: vec![
            Extension::critical(
                BASIC_CONSTRAINTS,
                der::sequence(&[&[0x01, 0x01, 0xff], &der::integer(below)]),
            ),
            // keyCertSign, cRLSign
            Extension::critical(KEY_USAGE, vec![0x03, 0x02, 0x01, 0x06]),
        ],
        algorithm: der::amd_pss(),
        outer_algorithm: der::amd_pss(),
    }
}

impl Certificate {
    /// The root over itself. PSS is randomised, and a root is known by its bytes: the same root has to come out twice.
    pub(crate) fn sign_once(&self) -> Vec<u8> {
        static SIGNED: std::sync::Mutex<Vec<(String, Vec<u8>)>> = std::sync::Mutex::new(Vec::new());
        let key = format!("{self:?}");
        let mut signed = SIGNED.lock().unwrap();
        if let Some((_, der)) = signed.iter().find(|(known, _)| *known == key) {
            return der.clone();
        }
        let der = self.sign(&ARK);
        signed.push((key, der.clone()));
        der
    }
}
