//! A GPU under a root of its own.

use super::super::verify::NvidiaVerifier;
use crate::{
    Checks, Claims, Endorsements, Error, Evidence, Kind, UnixTime, Verified,
    verify::{Expected, Request},
    x509::{
        Certificate,
        forge::{NOW, Party},
    },
};
use der::{Encode as _, asn1::OctetStringRef, oid::ObjectIdentifier};
use rcgen::{CustomExtension, SanType};
use std::collections::BTreeMap;

pub(crate) const FIRMWARE_ID: [u8; 48] = [0xf1; 48];

pub(crate) struct Gpu {
    /// root, product, provisioner, boot ROM, firmware
    pub(crate) parties: [Party; 5],
    /// signed once: a root is known by its bytes
    pub(crate) root: Vec<u8>,
    /// the request, up to the response
    pub(crate) request: Vec<u8>,
    /// version, code, two parameters
    pub(crate) head: [u8; 4],
    /// each with its head, by index; how many are told
    pub(crate) blocks: Vec<Vec<u8>>,
    pub(crate) fields: BTreeMap<u16, Vec<u8>>,
    pub(crate) root_of_manifests: Party,
    pub(crate) signer: Party,
}

/// A measurement block as NVIDIA's firmware writes it.
pub(crate) fn block(index: u8, digest: &[u8]) -> Vec<u8> {
    let len = digest.len() as u16;
    let mut block = vec![index, 1];
    block.extend((len + 3).to_le_bytes());
    block.push(1);
    block.extend(len.to_le_bytes());
    block.extend(digest);
    block
}

/// The extension with the hash of the firmware.
pub(crate) fn firmware_id(algorithm: &str, digest: &[u8]) -> CustomExtension {
    let tlv = |tag: u8, value: Vec<u8>| [vec![tag, value.len() as u8], value].concat();
    let fwid = [
        ObjectIdentifier::new_unwrap(algorithm).to_der().unwrap(),
        OctetStringRef::new(digest).unwrap().to_der().unwrap(),
    ];
    // Version and key, which nobody looks at.
    let inner = [vec![2, 1, 1], tlv(0x30, Vec::new()), tlv(0x30, fwid.concat())].concat();
    CustomExtension::from_oid_content(&[2, 23, 133, 5, 4, 1], tlv(0x30, inner))
}

pub(crate) fn device_info(text: &str) -> SanType {
    SanType::OtherName((vec![1, 3, 6, 1, 4, 1, 412, 274, 1], text.into()))
}

impl Gpu {
    pub(crate) fn new() -> Self {
        let mut parties = [
            Party::authority("NVIDIA Device Identity CA", 1),
            Party::authority("NVIDIA GH100 Identity", 2),
            Party::authority("NVIDIA GH100 Provisioner ICA 1", 3),
            Party::authority("GH100 A01 GSP BROM", 4),
            Party::leaf("GH100 A01 GSP FMC LF", 5),
        ];
        for party in &mut parties[3..] {
            party.params.crl_distribution_points.clear();
        }
        parties[4].params.subject_alt_names = vec![device_info("NVIDIA:GH100:0123456789ABCDEF")];
        parties[4].params.custom_extensions = vec![firmware_id("2.16.840.1.101.3.4.2.2", &FIRMWARE_ID)];
        let mut request = vec![0x11, 0xe0, 0x01, 0xff];
        request.extend([7; 32]);
        request.push(0);
        let fields = [
            (3, b"550.1.2\0".to_vec()),
            (6, vec![0, 0x9f, 0, 0x96, 1, 0, 0, 0]),
            (11, vec![0xaa]),
            (15, b"882\0".to_vec()),
            (17, b"1010\0".to_vec()),
            (18, b"0200\0".to_vec()),
            (20, FIRMWARE_ID.to_vec()),
            (21, vec![0x55]),
            (99, b"of later firmware".to_vec()),
        ];
        Self {
            root: parties[0].certify(&parties[0]),
            parties,
            request,
            head: [0x11, 0x60, 0, 0],
            blocks: (1..=5).map(|index| block(index, &[index; 48])).collect(),
            fields: fields.into(),
            root_of_manifests: Party::authority("NVIDIA CoRIM signing Root CA", 1),
            signer: Party::leaf("NVIDIA CoRIM signer", 2),
        }
    }

    pub(crate) fn opaque(&self) -> Vec<u8> {
        let mut opaque = Vec::new();
        for (number, value) in &self.fields {
            opaque.extend(number.to_le_bytes());
            opaque.extend((value.len() as u16).to_le_bytes());
            opaque.extend(value);
        }
        opaque
    }

    pub(crate) fn unsigned(&self) -> Vec<u8> {
        let record = self.blocks.concat();
        let opaque = self.opaque();
        let mut report = self.request.clone();
        report.extend(self.head);
        report.push(self.blocks.len() as u8);
        report.extend(&(record.len() as u32).to_le_bytes()[..3]);
        report.extend(record);
        report.extend([8; 32]);
        report.extend((opaque.len() as u16).to_le_bytes());
        report.extend(opaque);
        report
    }

    pub(crate) fn evidence(&self) -> Evidence {
        let mut bytes = self.unsigned();
        let signature = self.parties[4].sign(&bytes);
        bytes.extend(signature);
        Evidence { kind: Kind::Nvidia, bytes }
    }

    pub(crate) fn endorsements(&self) -> Endorsements {
        let [root, product, provisioner, rom, firmware] = &self.parties;
        Endorsements {
            certificates: vec![
                rom.certify(firmware),
                provisioner.certify(rom),
                product.certify(provisioner),
                root.certify(product),
                self.root.clone(),
            ],
            ..Endorsements::default()
        }
    }

    pub(crate) fn verifier(&self) -> NvidiaVerifier {
        let manifests = self.root_of_manifests.certify(&self.root_of_manifests);
        NvidiaVerifier::with_roots(
            vec![Certificate::from_der(&self.root).unwrap()],
            vec![Certificate::from_der(&manifests).unwrap()],
        )
    }

    pub(crate) fn verify(&self) -> Result<Verified<Claims>, Error> {
        self.verify_with(&self.endorsements(), NOW)
    }

    pub(crate) fn refused(&self) -> Error {
        self.verify().unwrap_err()
    }

    pub(crate) fn verify_with(
        &self,
        endorsements: &Endorsements,
        at: UnixTime,
    ) -> Result<Verified<Claims>, Error> {
        verify(&self.verifier(), &self.evidence(), endorsements, Expected::Unbound, at)
    }
}

pub(crate) fn verify(
    verifier: &NvidiaVerifier,
    evidence: &Evidence,
    endorsements: &Endorsements,
    expected: Expected<'_>,
    at: UnixTime,
) -> Result<Verified<Claims>, Error> {
    verifier.verify(&Request { evidence, endorsements, expected, at }, &mut Checks::not_reached())
}
