//! Evidence and its kinds (AT-02).

use crate::{Error, azure, intel, nitro, nvidia, snp::report::Report, tpm};
use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD},
};
use std::{borrow::Cow, fmt};

/// The longest evidence file, in bytes, before hex or base64 is undone.
const MAX_FILE: usize = 1024 * 1024;

/// The kind of a piece of evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// An Intel TDX quote, version 4 or 5.
    Tdx,
    /// An Intel SGX quote, version 3.
    Sgx,
    /// An AMD SEV-SNP report under AMD's roots.
    Snp,
    /// An AWS Nitro Enclaves attestation document.
    Nitro,
    /// A quote of a TPM 2.0 whose attestation key is certified by a pinned enrolment CA, or pinned itself.
    Tpm,
    /// A quote of the vTPM of an Azure confidential VM, whose key an SEV-SNP report vouches for.
    AzureSnp,
    /// The same, where a TDX quote vouches for the key.
    AzureTdx,
    /// Measurements of an NVIDIA GPU (SPDM 1.1).
    Nvidia,
    /// A report of the format of SEV-SNP under a development root of one machine (AT-07).
    Development,
}

impl Kind {
    /// Every kind, in the order of the documentation.
    pub const ALL: [Self; 9] = [
        Self::Tdx,
        Self::Sgx,
        Self::Snp,
        Self::Nitro,
        Self::Tpm,
        Self::AzureSnp,
        Self::AzureTdx,
        Self::Nvidia,
        Self::Development,
    ];

    /// The stable name: `tdx`, `sgx`, `snp`, `nitro`, `tpm`, `azure-snp`, `azure-tdx`, `nvidia`, `development`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Tdx => "tdx",
            Self::Sgx => "sgx",
            Self::Snp => "snp",
            Self::Nitro => "nitro",
            Self::Tpm => "tpm",
            Self::AzureSnp => "azure-snp",
            Self::AzureTdx => "azure-tdx",
            Self::Nvidia => "nvidia",
            Self::Development => "development",
        }
    }

    /// The kind of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// How many bytes of a binding the evidence carries (AT-04): all 64, or the first 32 where the hardware takes no
    /// more.
    #[must_use]
    pub fn binding_len(self) -> usize {
        match self {
            Self::Tdx | Self::Sgx | Self::Snp | Self::Nitro | Self::Development => 64,
            Self::Tpm | Self::AzureSnp | Self::AzureTdx | Self::Nvidia => 32,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Evidence as its producer made it; nothing about it has been checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// what it says it is
    pub kind: Kind,
    /// what the hardware signed, in the form of its kind: `docs/spec/attestation.md` has each
    pub bytes: Vec<u8>,
}

impl Evidence {
    /// Evidence from a file (AT-80): raw bytes, or hex or base64 text of them, told apart by content.
    ///
    /// Without `kind` it is told from the bytes. A report is `snp` then: only a policy that names development roots
    /// makes a reader expect `development`, and such a reader says so.
    ///
    /// # Errors
    /// AT-08: what is wrong with the format.
    pub fn detect(bytes: &[u8], kind: Option<Kind>) -> Result<Self, Error> {
        let bytes = decode_text(bytes)?;
        let kind = match kind {
            Some(kind) => kind,
            None => kind_of(&bytes).ok_or(Error::Malformed("evidence of no kind that is known"))?,
        };
        match kind {
            Kind::Snp | Kind::Development => Report::parse(&bytes).map(drop)?,
            Kind::Tdx | Kind::Sgx => {
                let bytes = intel::without_padding(&bytes);
                intel::check_format(kind, bytes)?;
                return Ok(Self { kind, bytes: bytes.to_vec() });
            }
            Kind::Nitro => nitro::check_format(&bytes)?,
            Kind::Tpm => tpm::check_format(&bytes)?,
            Kind::AzureSnp | Kind::AzureTdx => {
                let bytes = azure::from_file(kind, &bytes)?;
                return Ok(Self { kind, bytes });
            }
            Kind::Nvidia => nvidia::check_format(&bytes)?,
        }
        Ok(Self { kind, bytes: bytes.into_owned() })
    }
}

/// The kind that bytes look like. What they then are is for the parser of that kind to say.
fn kind_of(bytes: &[u8]) -> Option<Kind> {
    let azure = azure::looks_like(bytes);
    let other = [
        (nitro::looks_like as fn(&[u8]) -> bool, Kind::Nitro),
        (tpm::looks_like, Kind::Tpm),
        (nvidia::looks_like, Kind::Nvidia),
    ];
    azure
        .or_else(|| intel::looks_like(bytes))
        .or_else(|| other.into_iter().find(|(looks_like, _)| looks_like(bytes)).map(|(_, kind)| kind))
        // A report begins with its version, a small number in four bytes.
        .or_else(|| {
            let version = bytes.first_chunk().copied().map(u32::from_le_bytes);
            version.is_some_and(|version| version < 16).then_some(Kind::Snp)
        })
}

/// Undoes hex or base64 if `bytes` are text other than JSON. No raw evidence is all printable: a report has zero bytes.
fn decode_text(bytes: &[u8]) -> Result<Cow<'_, [u8]>, Error> {
    if bytes.len() > MAX_FILE {
        return Err(Error::Malformed("longer than any evidence"));
    }
    let is_text = bytes.iter().all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace());
    let is_json = bytes.trim_ascii_start().first() == Some(&b'{');
    if !is_text || is_json || bytes.is_empty() {
        return Ok(bytes.into());
    }
    let text: Vec<u8> = bytes.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    if let Ok(decoded) = hex::decode(&text) {
        return Ok(decoded.into());
    }
    // Either alphabet, with or without padding.
    let unpadded = text.strip_suffix(b"==").or(text.strip_suffix(b"=")).unwrap_or(&text);
    BASE64_STANDARD_NO_PAD
        .decode(unpadded)
        .or_else(|_| BASE64_URL_SAFE_NO_PAD.decode(unpadded))
        .map(Cow::Owned)
        .map_err(|_| Error::Malformed("text that is neither hex nor base64"))
}
