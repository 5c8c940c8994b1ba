//! What evidence needs from its vendor, and whether what somebody handed out is that (AT-70).
//!
//! Only names are derived from evidence, never a URL: where a vendor publishes is for whoever fetches to know. What
//! comes back is held to the need, and to the vendor's own root, before it is kept, so that a wrong answer never
//! replaces a good one. Verification trusts none of this: it checks everything again.

mod amd;

use crate::{
    Endorsements, Error, Evidence, Kind, UnixTime,
    composite::Presented,
    snp::{Product, Tcb, report::SigningKey},
};
use sealwire_crypto::digest::sha256;
use std::fmt;

/// One item that a vendor publishes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Need {
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
        Kind::Nitro => elsewhere("AWS publishes its CRLs at places that only the certificates name"),
        Kind::Tpm => elsewhere("the certificate of the attestation key comes from the enrolment CA"),
        Kind::Nvidia => elsewhere("the device chain and the reference manifests come with the driver"),
        Kind::Tdx | Kind::Sgx | Kind::AzureSnp | Kind::AzureTdx => Ok(Needs::default()),
    }
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
            Self::AmdVcek { products, chip, tcb } => amd::check_vcek(answer, products, chip, *tcb),
            Self::AmdChain { product, key } => amd::check_chain(answer, *product, *key),
            Self::AmdCrl { product, .. } => amd::check_crl(answer, *product),
        }
    }

    /// Whether it is renewed by its vendor from time to time; a certificate is not.
    #[must_use]
    pub fn is_renewed(&self) -> bool {
        match self {
            Self::AmdVcek { .. } | Self::AmdChain { .. } => false,
            Self::AmdCrl { .. } => true,
        }
    }

    /// A name for files: lower-case letters, digits and `-`. One of a chip holds a digest of the chip's id.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::AmdVcek { products, chip, tcb } => {
                let product = products.first().map_or("", |product| product.name());
                let [a, b, c, d, ..] = sha256(&[&chip.0, tcb]);
                format!("amd-vcek-{product}-{}", hex::encode([a, b, c, d]))
            }
            Self::AmdChain { product, key } => format!("amd-{}-chain-{}", short(*key), product.name()),
            Self::AmdCrl { product, key } => format!("amd-{}-crl-{}", short(*key), product.name()),
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
        }
    }
}
