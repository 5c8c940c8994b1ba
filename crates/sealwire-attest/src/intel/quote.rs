//! Quotes: header, body and signature data (Intel SGX DCAP quoting library API, A.4; TDX DCAP API, A.3).

use super::{
    chain::BEGIN,
    enclave_report::{self, EnclaveReport},
    td_report::{Form, TdReport},
};
use crate::{
    Error, Kind,
    binary::{self, Format, Reader},
};

const WHAT: &str = "quote";
/// Little-endian throughout.
pub(super) const FORMAT: Format = Format { cut_short: "cut short", trailing: "bytes after the end" };
const TEE_SGX: u32 = 0;
const TEE_TDX: u32 = 0x81;
/// The quoting enclaves of Intel. Another vendor's would need other roots and rules.
const INTEL_QE: [u8; 16] =
    [0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9, 0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f, 0x06, 0x07];
/// Header: version, key type, TEE, 4 bytes that depend on the version, vendor, user data.
const HEADER: usize = 48;
const VENDOR_AT: usize = 12;
/// ECDSA on P-256 with SHA-256, the one attestation key type that Intel's quoting enclaves use.
const ECDSA_P256: u16 = 2;
/// Certification data that holds the quoting enclave's report, and further certification data.
const QE_REPORT: u16 = 6;
/// The longest certification data that is looked at; a chain in PEM has below 4 KiB.
const MAX_CERTIFICATION: usize = 32 * 1024;

/// A quote that parsed; nothing about it is verified.
#[derive(Clone)]
pub struct Quote<'a> {
    /// 3 (SGX), 4 or 5 (TDX)
    pub version: u16,
    /// what was attested
    pub body: Body,
    /// the quoting enclave
    pub qe_report: EnclaveReport,
    /// header and body, which the attestation key signs
    pub(super) signed: &'a [u8],
    /// r and s, big-endian
    pub(super) signature: &'a [u8; 64],
    /// what follows the signature: key, quoting enclave and certification data, which stay the same from quote to quote
    pub(super) endorsed: &'a [u8],
    /// x and y, big-endian
    pub(super) attestation_key: &'a [u8; 64],
    pub(super) qe_report_bytes: &'a [u8; enclave_report::LEN],
    pub(super) qe_signature: &'a [u8; 64],
    pub(super) qe_authentication: &'a [u8],
    pub(super) certification: Certification<'a>,
}

impl std::fmt::Debug for Quote<'_> {
    /// Without the certification data, which holds the platform's id.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Quote")
            .field("version", &self.version)
            .field("body", &self.body)
            .finish_non_exhaustive()
    }
}

/// What a quote attests.
#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "there is one for each quote, on the stack")]
pub enum Body {
    /// an enclave
    Enclave(EnclaveReport),
    /// a trust domain
    Td(TdReport),
}

/// How a quote names the PCK certificate, which signed the quoting enclave's report.
#[derive(Clone, Copy)]
pub(super) enum Certification<'a> {
    /// type 4: the certificate alone; type 5: its chain in any order; in PEM
    Pem(&'a [u8]),
    /// types 1 to 3: the platform's id, plain or encrypted, so the certificate has to be supplied
    PlatformId,
}

impl<'a> Quote<'a> {
    /// Parses a quote to its last byte; see `without_padding` for what firmware leaves behind it.
    ///
    /// # Errors
    /// AT-08: [`Error::Malformed`], [`Error::Length`]; AT-02: [`Error::Version`], [`Error::Unsupported`].
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        let layout = Layout::of(bytes)?;
        let mut reader = Reader::new(bytes, &FORMAT);
        let signed = reader.take(layout.signed)?;
        let body = signed.get(signed.len().saturating_sub(layout.body.length())..);
        let body = body.ok_or_else(|| reader.cut_short())?;
        let body = match layout.body {
            BodyForm::Enclave => {
                let body = body.try_into().map_err(|_| reader.cut_short())?;
                Body::Enclave(EnclaveReport::parse(body)?)
            }
            BodyForm::Td(form) => Body::Td(TdReport::parse(form, body)?),
        };
        let signature_data = reader.sized_u32_le()?;
        reader.finish()?;

        let mut reader = Reader::new(signature_data, &FORMAT);
        let signature = reader.array()?;
        let endorsed = reader.rest();
        let attestation_key = reader.array()?;
        if layout.version > 3 {
            // From version 4 on the rest is wrapped once more.
            if reader.u16_le()? != QE_REPORT {
                return Err(Error::Unsupported("certification data without the quoting enclave's report"));
            }
            let wrapped = reader.sized_u32_le()?;
            reader.finish()?;
            reader = Reader::new(wrapped, &FORMAT);
        }
        let qe_report_bytes = reader.array()?;
        let qe_signature = reader.array()?;
        let length = reader.u16_le()?;
        let qe_authentication = reader.take(length.into())?;
        let certification_type = reader.u16_le()?;
        let certification = reader.sized_u32_le()?;
        reader.finish()?;
        if certification.len() > MAX_CERTIFICATION {
            return Err(Error::Malformed("certification data that is too long"));
        }
        Ok(Self {
            version: layout.version,
            body,
            qe_report: EnclaveReport::parse(qe_report_bytes)?,
            signed,
            signature,
            endorsed,
            attestation_key,
            qe_report_bytes,
            qe_signature,
            qe_authentication,
            certification: match certification_type {
                1..=3 => Certification::PlatformId,
                4 if is_chain(certification) => {
                    return Err(Error::Malformed("a chain where the type is that of one certificate"));
                }
                4 | 5 => Certification::Pem(certification),
                _ => return Err(Error::Unsupported("certification data of this type")),
            },
        })
    }

    /// `tdx` or `sgx`.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self.body {
            Body::Enclave(_) => Kind::Sgx,
            Body::Td(_) => Kind::Tdx,
        }
    }

    /// What the enclave or TD asked to be signed.
    #[must_use]
    pub fn report_data(&self) -> &[u8; 64] {
        match &self.body {
            Body::Enclave(report) => &report.report_data,
            Body::Td(report) => &report.report_data,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BodyForm {
    Enclave,
    Td(Form),
}

impl BodyForm {
    fn length(self) -> usize {
        match self {
            Self::Enclave => enclave_report::LEN,
            Self::Td(form) => form.length(),
        }
    }
}

/// Where the parts of a quote are, by its header.
struct Layout {
    version: u16,
    body: BodyForm,
    /// length of header and body
    signed: usize,
}

impl Layout {
    fn of(bytes: &[u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(bytes, &FORMAT);
        let version = reader.u16_le()?;
        if !(3..=5).contains(&version) {
            return Err(Error::Version { what: WHAT, found: version.into() });
        }
        let key_type = reader.u16_le()?;
        let tee = reader.u32_le()?;
        // Security versions of quoting enclave and PCE in version 3, which the signed reports repeat; reserved later.
        reader.array::<4>()?;
        if *reader.array::<16>()? != INTEL_QE {
            return Err(Error::Unsupported("a quoting enclave of another vendor than Intel"));
        }
        if key_type != ECDSA_P256 {
            return Err(Error::Unsupported("an attestation key of another type than ECDSA P-256"));
        }
        let _user_data: &[u8; 20] = reader.array()?;
        let (body, signed) = match (version, tee) {
            (3, TEE_SGX) => (BodyForm::Enclave, HEADER + enclave_report::LEN),
            (4, TEE_TDX) => (BodyForm::Td(Form::Td10), HEADER + Form::Td10.length()),
            (5, TEE_TDX) => {
                let form = Form::of_type(reader.u16_le()?)
                    .ok_or(Error::Unsupported("a quote whose body is of this type"))?;
                let found = usize::try_from(reader.u32_le()?).unwrap_or(usize::MAX);
                if found != form.length() {
                    return Err(Error::Length { what: "TD report", expected: form.length(), found });
                }
                (BodyForm::Td(form), HEADER + 6 + form.length())
            }
            _ => return Err(Error::Unsupported("a quote of this version for this TEE")),
        };
        Ok(Self { version, body, signed })
    }
}

/// Whether there is more than one certificate in PEM.
fn is_chain(text: &[u8]) -> bool {
    text.windows(BEGIN.len()).filter(|window| *window == BEGIN.as_bytes()).nth(1).is_some()
}

/// What the header says of the kind.
pub(super) fn looks_like(bytes: &[u8]) -> Option<Kind> {
    let (header, _) = bytes.split_at_checked(HEADER)?;
    if header.get(VENDOR_AT..)?.first_chunk() != Some(&INTEL_QE) {
        return None;
    }
    match u32::from_le_bytes(*header.get(4..)?.first_chunk()?) {
        TEE_SGX => Some(Kind::Sgx),
        TEE_TDX => Some(Kind::Tdx),
        _ => None,
    }
}

/// A quote without an all-zero tail; with any other tail as it is, which the parser then refuses.
pub(super) fn without_padding(bytes: &[u8]) -> &[u8] {
    let end = || {
        let signed = Layout::of(bytes).ok()?.signed;
        let length = u32::from_le_bytes(*bytes.get(signed..)?.first_chunk()?);
        signed.checked_add(4)?.checked_add(usize::try_from(length).ok()?)
    };
    binary::without_padding(bytes, end())
}
