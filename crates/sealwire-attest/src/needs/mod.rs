//! What evidence needs from its vendor, and whether what somebody handed out is that (AT-70).
//!
//! Only names are derived from evidence, never a URL: where a vendor publishes is for whoever fetches to know. (AWS
//! tells which list it is by an address in its certificates; what is taken of that is a region and a number.) What
//! comes back is held to the need, and to the vendor's own root, before it is kept, so that a wrong answer never
//! replaces a good one. Verification trusts none of this: it checks everything again.

mod amd;
mod aws;
mod intel;

#[cfg(test)]
pub(crate) use aws::needs as needs_of_nitro;
pub use aws::{AwsCrl, AwsPlace};

use crate::{
    Endorsements, Error, Evidence, Kind, UnixTime,
    azure::{Hardware, HclReport, VmEvidence},
    composite::Presented,
    nitro,
    snp::{Product, Tcb, report::SigningKey},
    x509::{Certificate, Profile, UnverifiedCrl},
};
use sealwire_crypto::digest::sha256;
use std::fmt;

/// One item that a vendor publishes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Need {
    /// which levels of a platform Intel has judged, and how
    IntelTcb {
        /// SGX and TDX have one each
        tee: IntelTee,
        /// family, model, stepping, platform type and SKU
        fmspc: [u8; 6],
    },
    /// the identity of the quoting enclave
    IntelIdentity {
        /// SGX and TDX have one each
        tee: IntelTee,
    },
    /// the CRL of an authority of PCK certificates
    IntelPckCrl {
        /// the authority
        ca: PckCa,
    },
    /// the CRL of Intel's root
    IntelRootCrl,
    /// the certificate of a chip's key at a firmware level
    AmdVcek {
        /// those that the report may be of: its version may be too old to tell
        products: Vec<Product>,
        /// the chip
        chip: Chip,
        /// the reported TCB, uninterpreted
        tcb: [u8; 8],
    },
    /// the authority between the root and the key: ASK, or ASVK
    AmdChain {
        /// the generation
        product: Product,
        /// whose authority
        key: SigningKey,
    },
    /// the CRL of a root
    AmdCrl {
        /// the generation
        product: Product,
        /// whose authority it is about
        key: SigningKey,
    },
    /// a CRL of the root or of an authority of Nitro's
    AwsCrl(AwsCrl),
}

/// What a quote of Intel's is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IntelTee {
    /// an enclave
    Sgx,
    /// a trust domain
    Tdx,
}

impl IntelTee {
    /// The kind of its evidence.
    #[must_use]
    pub fn kind(self) -> Kind {
        match self {
            Self::Sgx => Kind::Sgx,
            Self::Tdx => Kind::Tdx,
        }
    }
}

/// Who certifies the keys of platforms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PckCa {
    /// for platforms of one processor
    Processor,
    /// for platforms of several
    Platform,
}

impl PckCa {
    /// `processor`, `platform`
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Processor => "processor",
            Self::Platform => "platform",
        }
    }
}

/// A chip's id. It ties together everything that a machine ever attests, so it is neither shown nor logged.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Chip(pub [u8; 64]);

impl fmt::Debug for Chip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Chip(withheld)")
    }
}

/// What evidence needs beyond what is at hand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    /// what vendors publish
    pub published: Vec<Need>,
    /// what somebody has to bring, because no vendor publishes it for everybody
    pub elsewhere: Vec<&'static str>,
}

impl Needs {
    fn merge(&mut self, other: Self) {
        let Self { published, elsewhere } = other;
        for need in published {
            if !self.published.contains(&need) {
                self.published.push(need);
            }
        }
        for what in elsewhere {
            if !self.elsewhere.contains(&what) {
                self.elsewhere.push(what);
            }
        }
    }
}

/// What evidence and its companions need. Certificates among `endorsements` that fit are not asked for again; what has
/// an end soon (CRLs, reference data) always is. What was fetched may tell more: ask again with it.
///
/// # Errors
/// AT-08: when the evidence does not parse.
pub fn needs(presented: &Presented, endorsements: &Endorsements) -> Result<Needs, Error> {
    let mut all = of(&presented.lead, endorsements)?;
    for companion in presented.companions.values() {
        all.merge(of(companion, endorsements)?);
    }
    Ok(all)
}

fn of(evidence: &Evidence, endorsements: &Endorsements) -> Result<Needs, Error> {
    let elsewhere = |what| Ok(Needs { published: Vec::new(), elsewhere: vec![what] });
    match evidence.kind {
        Kind::Snp => amd::needs(&evidence.bytes, endorsements),
        // The machine that made the evidence has made the whole chain.
        Kind::Development => Ok(Needs::default()),
        Kind::Nitro => aws::needs(&evidence.bytes, &nitro::AWS),
        Kind::Tpm => elsewhere("the certificate of the attestation key comes from the enrolment CA"),
        Kind::Nvidia => elsewhere("the device chain and the reference manifests come with the driver"),
        Kind::Tdx => intel::needs(evidence, IntelTee::Tdx),
        Kind::Sgx => intel::needs(evidence, IntelTee::Sgx),
        Kind::AzureSnp | Kind::AzureTdx => azure(&VmEvidence::parse(&evidence.bytes)?, endorsements),
    }
}

/// The chain under an Azure VM is that of its hardware.
fn azure(evidence: &VmEvidence, endorsements: &Endorsements) -> Result<Needs, Error> {
    let hcl = HclReport::parse(&evidence.hcl_report)?;
    match (hcl.hardware, &evidence.td_quote) {
        (Hardware::Snp, _) => amd::needs(hcl.report, endorsements),
        (Hardware::Tdx, Some(quote)) => {
            intel::needs(&Evidence { kind: Kind::Tdx, bytes: quote.clone() }, IntelTee::Tdx)
        }
        (Hardware::Tdx, None) => Err(Error::Malformed("an HCL report of TDX without its quote")),
    }
}

/// The bytes of an answer, recognised by their content.
fn parsed(answer: &Answer) -> Result<Endorsements, Error> {
    let mut found = Endorsements::default();
    found.add(&answer.bytes)?;
    Ok(found)
}

/// One CRL and nothing else, which `issuer` signed.
fn crl_of(answer: &Answer, issuer: &Certificate, profile: &Profile) -> Result<Checked, Error> {
    let endorsements = parsed(answer)?;
    let ([der], true) = (endorsements.crls.as_slice(), endorsements.certificates.is_empty()) else {
        return Err(Error::MalformedEndorsement("not one CRL"));
    };
    let crl = UnverifiedCrl::from_der(der)?.verify(issuer, profile)?;
    Ok(Checked { from: crl.this_update, until: crl.next_update, endorsements })
}

/// What was handed out for a need: its bytes, and the certificates above its signer where they came beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// as they came: DER, PEM, or JSON
    pub bytes: Vec<u8>,
    /// in DER, in any order
    pub issuers: Vec<Vec<u8>>,
}

/// An answer that is what was asked for, under the vendor's root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// what a verifier takes
    pub endorsements: Endorsements,
    /// when it begins to be valid, or was made
    pub from: UnixTime,
    /// its last second, or when it is to be renewed
    pub until: UnixTime,
}

impl Need {
    /// Whether an answer is what was asked for, and the vendor's. Times are told, not judged.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn check(&self, answer: &Answer) -> Result<Checked, Error> {
        match self {
            Self::IntelTcb { tee, fmspc } => intel::check_tcb(answer, *tee, *fmspc),
            Self::IntelIdentity { tee } => intel::check_identity(answer, *tee),
            Self::IntelPckCrl { ca } => intel::check_pck_crl(answer, *ca),
            Self::IntelRootCrl => intel::check_root_crl(answer),
            Self::AmdVcek { products, chip, tcb } => amd::check_vcek(answer, products, chip, *tcb),
            Self::AmdChain { product, key } => amd::check_chain(answer, *product, *key),
            Self::AmdCrl { product, .. } => amd::check_crl(answer, *product),
            Self::AwsCrl(crl) => crl.check(answer),
        }
    }

    /// Whether it is renewed by its vendor from time to time; a certificate is not.
    #[must_use]
    pub fn is_renewed(&self) -> bool {
        match self {
            Self::AmdVcek { .. } | Self::AmdChain { .. } => false,
            Self::IntelTcb { .. }
            | Self::IntelIdentity { .. }
            | Self::IntelPckCrl { .. }
            | Self::IntelRootCrl
            | Self::AmdCrl { .. }
            | Self::AwsCrl(_) => true,
        }
    }

    /// A name for files: lower-case letters, digits and `-`. One of a chip holds a digest of the chip's id.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::IntelTcb { tee, fmspc } => format!("intel-tcb-{}-{}", tee.kind(), hex::encode(fmspc)),
            Self::IntelIdentity { tee } => format!("intel-qe-identity-{}", tee.kind()),
            Self::IntelPckCrl { ca } => format!("intel-pck-crl-{}", ca.name()),
            Self::IntelRootCrl => "intel-root-crl".to_owned(),
            Self::AmdVcek { products, chip, tcb } => {
                let product = products.first().map_or("", |product| product.name());
                let [a, b, c, d, ..] = sha256(&[&chip.0, tcb]);
                format!("amd-vcek-{product}-{}", hex::encode([a, b, c, d]))
            }
            Self::AmdChain { product, key } => format!("amd-{}-chain-{}", short(*key), product.name()),
            Self::AmdCrl { product, key } => format!("amd-{}-crl-{}", short(*key), product.name()),
            Self::AwsCrl(crl) => crl.name(),
        }
    }
}

fn short(key: SigningKey) -> &'static str {
    match key {
        SigningKey::Vcek => "vcek",
        SigningKey::Vlek => "vlek",
    }
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::IntelTcb { tee, fmspc } => write!(f, "TCB info of {} {}", tee.kind(), hex::encode(fmspc)),
            Self::IntelIdentity { tee } => write!(f, "identity of the quoting enclave of {}", tee.kind()),
            Self::IntelPckCrl { ca } => write!(f, "CRL of Intel's PCK {} CA", ca.name()),
            Self::IntelRootCrl => f.write_str("CRL of Intel's root"),
            Self::AmdVcek { products, tcb, .. } => {
                f.write_str("VCEK certificate of the chip")?;
                match products.as_slice() {
                    [product] => write!(f, " ({product}; {})", Tcb::from_bytes(*tcb, *product)),
                    _ => Ok(()),
                }
            }
            Self::AmdChain { product, key: SigningKey::Vcek } => write!(f, "ASK certificate of {product}"),
            Self::AmdChain { product, key: SigningKey::Vlek } => write!(f, "ASVK certificate of {product}"),
            Self::AmdCrl { product, key } => {
                write!(f, "CRL of {product} for {}s", short(*key).to_uppercase())
            }
            Self::AwsCrl(crl) => crl.fmt(f),
        }
    }
}
