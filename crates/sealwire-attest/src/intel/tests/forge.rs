//! A platform under a root of its own, in Intel's formats, that a test can bend before it is signed.

use super::super::{roots::Roots, verify::IntelVerifier};
use crate::{
    Checks, Claims, Endorsements, Error, Evidence, Kind, UnixTime, Verified, verify::Request,
    x509::Certificate,
};
use dcap_qvl::QuoteCollateralV3;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CustomExtension, DnType, IsCa,
    Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, RevokedCertParams, SerialNumber,
    SigningKey as _,
};
use sealwire_crypto::digest::sha256;
use serde_json::{Value, json};
use std::{sync::LazyLock, time::Duration};

/// When everything below is valid.
pub(crate) const NOW: UnixTime = UnixTime(1_800_000_000);
const DAY: u64 = 86_400;

fn key() -> KeyPair {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap()
}

/// Made once for the test binary.
static ROOT: LazyLock<KeyPair> = LazyLock::new(key);
static AUTHORITY: LazyLock<KeyPair> = LazyLock::new(key);
static SIGNER: LazyLock<KeyPair> = LazyLock::new(key);
static PCK: LazyLock<KeyPair> = LazyLock::new(key);
static OTHER_PCK: LazyLock<KeyPair> = LazyLock::new(key);
static ATTESTATION: LazyLock<KeyPair> = LazyLock::new(key);

/// Everything before it is signed.
#[derive(Clone, Debug)]
pub(crate) struct Forge {
    pub(crate) kind: Kind,
    /// 3, 4 or 5
    pub(crate) version: u16,
    /// 2, 3 or 4, in version 5
    pub(crate) body_type: u16,
    /// header user data aside, what the quote attests
    pub(crate) body: Vec<u8>,
    pub(crate) qe_report: [u8; 384],
    pub(crate) authentication: Vec<u8>,
    pub(crate) components: [u8; 16],
    pub(crate) pce_svn: u16,
    pub(crate) tcb_info: Value,
    pub(crate) qe_identity: Value,
    /// serial numbers on the root's CRL, and on that of the authority
    pub(crate) revoked: [Vec<u64>; 2],
    /// when the CRLs are to be renewed
    pub(crate) next_update: UnixTime,
    /// days that certificates are valid from `NOW` on: root, authority, PCK, signer
    pub(crate) days: [u64; 4],
    /// the order of leaf, authority and root in the quote
    pub(crate) order: Vec<usize>,
    /// common name of the signer of reference data
    pub(crate) signer: &'static str,
    /// whether the PCK certificate is that of another platform
    pub(crate) is_pck_of_another: bool,
}

pub(crate) const SERIALS: [u64; 4] = [1, 2, 3, 4];

/// Offsets in bodies, written down here once more so that the parser's own are not what tests it.
pub(crate) mod at {
    /// TD report: TEE TCB SVN, signer and attributes of the module, attributes
    pub(crate) const TEE_TCB_SVN: usize = 0;
    pub(crate) const MR_SIGNER_SEAM: usize = 64;
    pub(crate) const SEAM_ATTRIBUTES: usize = 112;
    pub(crate) const TD_ATTRIBUTES: usize = 120;
    pub(crate) const TEE_TCB_SVN2: usize = 584;
    pub(crate) const MR_SERVICE_TD: usize = 600;
    pub(crate) const CURRENT_SERVICE_TD: usize = 829;
    /// enclave report
    pub(crate) const MISC_SELECT: usize = 16;
    pub(crate) const ATTRIBUTES: usize = 48;
    pub(crate) const MRSIGNER: usize = 128;
    pub(crate) const ISV_PROD_ID: usize = 256;
    pub(crate) const ISV_SVN: usize = 258;
    pub(crate) const REPORT_DATA: usize = 320;
}

impl Forge {
    pub(crate) fn sgx() -> Self {
        let mut body = vec![0; 384];
        body[at::ATTRIBUTES] = 5;
        Self { body, version: 3, body_type: 1, ..Self::base(Kind::Sgx) }
    }

    /// TDX 1.0.
    pub(crate) fn tdx() -> Self {
        let mut body = vec![0; 584];
        body[at::TEE_TCB_SVN..][..3].copy_from_slice(&[6, 1, 3]);
        body[at::TD_ATTRIBUTES + 3] = 0x10;
        Self { body, version: 4, body_type: 2, ..Self::base(Kind::Tdx) }
    }

    /// TDX 1.5, or its extended body.
    pub(crate) fn tdx15(body_type: u16) -> Self {
        let mut forge = Self::tdx();
        forge.version = 5;
        forge.body_type = body_type;
        forge.body.resize(if body_type == 4 { 885 } else { 648 }, 0);
        forge.body[at::TEE_TCB_SVN2..][..3].copy_from_slice(&[6, 1, 3]);
        forge
    }

    fn base(kind: Kind) -> Self {
        let mut qe_report = [0; 384];
        qe_report[at::ATTRIBUTES] = 0x15;
        // What Intel's enclaves are known by even without their identities.
        let (mrsigner, product) = match kind {
            Kind::Tdx => ("dc9e2a7c6f948f17474e34a7fc43ed030f7c1563f1babddf6340c82e0e54a8c5", 2),
            _ => ("8c4f5775d796503e96137f77c68a829a0056ac8ded70140b081b094490c57bff", 1),
        };
        qe_report[at::MRSIGNER..][..32].copy_from_slice(&hex::decode(mrsigner).unwrap());
        qe_report[at::ISV_PROD_ID] = product;
        qe_report[at::ISV_SVN] = 6;
        let components = [2, 2, 2, 2, 3, 1, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0];
        let tdx = [0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let (issued, next_update) =
            (UnixTime(NOW.0 - DAY).to_string(), UnixTime(NOW.0 + 30 * DAY).to_string());
        let mut tcb_info = json!({
            "id": "SGX", "version": 3, "issueDate": issued, "nextUpdate": next_update, "fmspc": "00A067110000",
            "pceId": "0000", "tcbType": 0, "tcbEvaluationDataNumber": 17,
            "tcbLevels": [level(&components, 11, Some(&tdx), "UpToDate", &[])],
        });
        if kind == Kind::Tdx {
            let zero = "00".repeat(48);
            let module =
                json!({ "mrsigner": zero, "attributes": "00".repeat(8), "attributesMask": "FF".repeat(8) });
            let mut identity = json!({ "id": "TDX_01" });
            identity.as_object_mut().unwrap().extend(module.as_object().unwrap().clone());
            identity["tcbLevels"] = json!([svn_level(4, "UpToDate", &[])]);
            tcb_info["id"] = "TDX".into();
            tcb_info["tdxModule"] = module;
            tcb_info["tdxModuleIdentities"] = json!([identity]);
        }
        let qe_identity = json!({
            "id": if kind == Kind::Tdx { "TD_QE" } else { "QE" }, "version": 2, "issueDate": issued,
            "nextUpdate": next_update, "tcbEvaluationDataNumber": 17, "miscselect": "00000000",
            "miscselectMask": "FFFFFFFF", "attributes": "11000000000000000000000000000000",
            "attributesMask": "FBFFFFFFFFFFFFFF0000000000000000", "mrsigner": mrsigner, "isvprodid": product,
            "tcbLevels": [svn_level(4, "UpToDate", &[])],
        });
        Self {
            kind,
            version: 0,
            body_type: 0,
            body: Vec::new(),
            qe_report,
            authentication: (0..32).collect(),
            components,
            pce_svn: 11,
            tcb_info,
            qe_identity,
            revoked: [Vec::new(), Vec::new()],
            next_update: UnixTime(NOW.0 + 20 * DAY),
            days: [3650, 3000, 2000, 1000],
            order: vec![0, 1, 2],
            signer: "Intel SGX TCB Signing",
            is_pck_of_another: false,
        }
    }

    /// Bytes of the body.
    pub(crate) fn set(mut self, at: usize, bytes: &[u8]) -> Self {
        self.body[at..][..bytes.len()].copy_from_slice(bytes);
        self
    }

    /// Bytes of the report of the quoting enclave.
    pub(crate) fn set_qe(mut self, at: usize, bytes: &[u8]) -> Self {
        self.qe_report[at..][..bytes.len()].copy_from_slice(bytes);
        self
    }

    /// The root that signs it all.
    pub(crate) fn root(&self) -> Vec<u8> {
        self.authority(0).self_signed(&*ROOT).unwrap().der().to_vec()
    }

    fn authority(&self, place: usize) -> CertificateParams {
        let name = ["Intel SGX Root CA", "Intel SGX PCK Platform CA"][place];
        let mut params = self.certificate(name, place);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(if place == 0 { 1 } else { 0 }));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params
    }

    fn certificate(&self, name: &str, place: usize) -> CertificateParams {
        let time = |seconds| rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs(seconds);
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.distinguished_name.push(DnType::OrganizationName, "Intel Corporation");
        params.not_before = time(NOW.0 - 100 * DAY);
        params.not_after = time(NOW.0 + self.days[place] * DAY);
        params.serial_number = Some(SerialNumber::from(SERIALS[place]));
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params
    }

    /// PCK certificate, authority and root in PEM.
    pub(crate) fn chain(&self) -> [String; 3] {
        let authority = self.authority(1).signed_by(&*AUTHORITY, &self.root_issuer()).unwrap();
        let mut pck = self.certificate("Intel SGX PCK Certificate", 2);
        pck.custom_extensions =
            vec![CustomExtension::from_oid_content(&[1, 2, 840, 113741, 1, 13, 1], self.sgx_extension())];
        let key = if self.is_pck_of_another { &*OTHER_PCK } else { &*PCK };
        let pck = pck.signed_by(key, &Issuer::new(self.authority(1), &*AUTHORITY)).unwrap();
        let root = self.authority(0).self_signed(&*ROOT).unwrap();
        [pck, authority, root].map(|certificate| certificate.pem())
    }

    fn root_issuer(&self) -> Issuer<'static, &'static KeyPair> {
        Issuer::new(self.authority(0), &*ROOT)
    }

    fn sgx_extension(&self) -> Vec<u8> {
        use der::{Encode as _, asn1::OctetStringRef, oid::ObjectIdentifier};
        let entry = |arcs: &str, value: Vec<u8>| {
            let oid = format!("1.2.840.113741.1.13.1{arcs}");
            sequence(&[&ObjectIdentifier::new_unwrap(&oid).to_der().unwrap(), &value])
        };
        let octets = |bytes: &[u8]| OctetStringRef::new(bytes).unwrap().to_der().unwrap();
        let mut tcb: Vec<Vec<u8>> = (1..=16)
            .zip(self.components)
            .map(|(number, svn)| entry(&format!(".2.{number}"), svn.to_der().unwrap()))
            .collect();
        tcb.push(entry(".2.17", self.pce_svn.to_der().unwrap()));
        tcb.push(entry(".2.18", octets(&self.components)));
        let tcb: Vec<&[u8]> = tcb.iter().map(Vec::as_slice).collect();
        let flags = [(1, true), (2, false), (3, true)]
            .map(|(number, flag)| entry(&format!(".7.{number}"), flag.to_der().unwrap()));
        let flags: Vec<&[u8]> = flags.iter().map(Vec::as_slice).collect();
        sequence(&[
            &entry(".1", octets(&[0x99; 16])),
            &entry(".2", sequence(&tcb)),
            &entry(".3", octets(&[0; 2])),
            &entry(".4", octets(&[0, 0xa0, 0x67, 0x11, 0, 0])),
            &entry(".5", vec![0x0a, 1, 0]),
            &entry(".7", sequence(&flags)),
        ])
    }

    /// The quote, signed from the inside out.
    pub(crate) fn quote(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.extend(self.version.to_le_bytes());
        out.extend([2, 0]);
        out.extend(if self.kind == Kind::Tdx { 0x81_u32 } else { 0 }.to_le_bytes());
        out.extend([0; 4]);
        out.extend(dcap_qvl::INTEL_QE_VENDOR_ID);
        out.extend([0; 20]);
        if self.version == 5 {
            out.extend(self.body_type.to_le_bytes());
            out.extend((self.body.len() as u32).to_le_bytes());
        }
        out.extend(&self.body);

        let point = ATTESTATION.public_key_raw();
        let mut qe_report = self.qe_report;
        let hash = sha256(&[&point[1..], &self.authentication]);
        for (out, byte) in qe_report[at::REPORT_DATA..].iter_mut().zip(hash) {
            *out ^= byte;
        }
        let chain = self.chain();
        let chain: String = self.order.iter().map(|place| chain[*place].as_str()).collect();
        let mut certification = qe_report.to_vec();
        certification.extend(sign(&PCK, &qe_report));
        certification.extend((self.authentication.len() as u16).to_le_bytes());
        certification.extend(&self.authentication);
        certification.extend([5, 0]);
        certification.extend((chain.len() as u32 + 1).to_le_bytes());
        certification.extend(chain.as_bytes());
        certification.push(0);

        let mut signature_data = sign(&ATTESTATION, &out).to_vec();
        signature_data.extend(&point[1..]);
        if self.version > 3 {
            signature_data.extend([6, 0]);
            signature_data.extend((certification.len() as u32).to_le_bytes());
        }
        signature_data.extend(certification);
        out.extend((signature_data.len() as u32).to_le_bytes());
        out.extend(signature_data);
        out
    }

    /// Everything else, in the form of the second implementation.
    pub(crate) fn collateral(&self) -> QuoteCollateralV3 {
        let [_, authority, root] = self.chain();
        let mut signer = self.certificate(self.signer, 3);
        signer.key_usages.push(KeyUsagePurpose::ContentCommitment);
        let signer = signer.signed_by(&*SIGNER, &self.root_issuer()).unwrap().pem();
        let (tcb_info, qe_identity) = (self.tcb_info.to_string(), self.qe_identity.to_string());
        QuoteCollateralV3 {
            pck_crl_issuer_chain: authority + &root,
            root_ca_crl: self.crl(0),
            pck_crl: self.crl(1),
            tcb_info_issuer_chain: signer.clone() + &root,
            tcb_info_signature: sign(&SIGNER, tcb_info.as_bytes()).to_vec(),
            tcb_info,
            qe_identity_issuer_chain: signer + &root,
            qe_identity_signature: sign(&SIGNER, qe_identity.as_bytes()).to_vec(),
            qe_identity,
            pck_certificate_chain: None,
        }
    }

    fn crl(&self, place: usize) -> Vec<u8> {
        let time = |seconds| rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs(seconds);
        let revoked_certs = self.revoked[place].iter().map(|serial| RevokedCertParams {
            serial_number: SerialNumber::from(*serial),
            revocation_time: time(NOW.0 - 2 * DAY),
            reason_code: None,
            invalidity_date: None,
        });
        let params = CertificateRevocationListParams {
            this_update: time(NOW.0 - DAY),
            next_update: time(self.next_update.0),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: revoked_certs.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let crl = match place {
            0 => params.signed_by(&self.root_issuer()),
            _ => params.signed_by(&Issuer::new(self.authority(1), &*AUTHORITY)),
        };
        crl.unwrap().der().to_vec()
    }

    pub(crate) fn evidence(&self) -> Evidence {
        Evidence { kind: self.kind, bytes: self.quote() }
    }

    /// By way of the file that holds it all.
    pub(crate) fn endorsements(&self) -> Endorsements {
        let mut endorsements = Endorsements::default();
        endorsements.add(serde_json::to_string(&self.collateral()).unwrap().as_bytes()).unwrap();
        endorsements
    }

    pub(crate) fn verifier(&self) -> IntelVerifier {
        IntelVerifier::with_roots(Roots {
            pinned: vec![Certificate::from_der(&self.root()).unwrap()],
            below: Vec::new(),
        })
    }

    pub(crate) fn verify(&self) -> Result<Verified<Claims>, Error> {
        self.verify_with(&self.endorsements(), NOW)
    }

    pub(crate) fn verify_with(
        &self,
        endorsements: &Endorsements,
        at: UnixTime,
    ) -> Result<Verified<Claims>, Error> {
        let checks = &mut Checks::not_reached();
        self.verifier().verify(&Request::unbound(&self.evidence(), endorsements, at), checks)
    }
}

/// A level of a platform.
pub(crate) fn level(
    sgx: &[u8; 16],
    pce_svn: u16,
    tdx: Option<&[u8; 16]>,
    status: &str,
    advisories: &[&str],
) -> Value {
    let components = |svns: &[u8; 16]| svns.iter().map(|svn| json!({ "svn": svn })).collect::<Vec<_>>();
    let mut tcb = json!({ "sgxtcbcomponents": components(sgx), "pcesvn": pce_svn });
    if let Some(tdx) = tdx {
        tcb["tdxtcbcomponents"] = components(tdx).into();
    }
    json!({ "tcb": tcb, "tcbDate": "2026-03-13T00:00:00Z", "tcbStatus": status, "advisoryIDs": advisories })
}

/// A level of a TDX module or a quoting enclave.
pub(crate) fn svn_level(svn: u16, status: &str, advisories: &[&str]) -> Value {
    json!({
        "tcb": { "isvsvn": svn }, "tcbDate": "2026-02-13T00:00:00Z", "tcbStatus": status,
        "advisoryIDs": advisories,
    })
}

fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    let value = parts.concat();
    let mut out = vec![0x30];
    match value.len() {
        len @ 0..=127 => out.push(len as u8),
        len => out.extend([0x82, (len >> 8) as u8, len as u8]),
    }
    // A length of three bytes is not the shortest for values of 128 to 255 bytes, which no test has.
    assert!(!(128..256).contains(&value.len()));
    out.extend(value);
    out
}

/// r || s of an ECDSA signature.
fn sign(key: &KeyPair, message: &[u8]) -> [u8; 64] {
    let der = key.sign(message).unwrap();
    let mut rest = &der[2..];
    let mut out = [0; 64];
    for out in out.chunks_exact_mut(32) {
        let (integer, tail) = rest[2..].split_at(usize::from(rest[1]));
        let scalar = integer.strip_prefix(&[0]).unwrap_or(integer);
        out[32 - scalar.len()..].copy_from_slice(scalar);
        rest = tail;
    }
    out
}
