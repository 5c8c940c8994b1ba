use std::fmt;

/// A processor generation that SEV-SNP runs on. Bergamo and Siena are certified as Genoa.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Product {
    /// EPYC 7003
    Milan,
    /// EPYC 9004, 97x4, 8004
    Genoa,
    /// EPYC 9005
    Turin,
}

impl Product {
    /// Every product.
    pub const ALL: [Self; 3] = [Self::Milan, Self::Genoa, Self::Turin];

    /// The name in policies: `milan`, `genoa`, `turin`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Milan => "milan",
            Self::Genoa => "genoa",
            Self::Turin => "turin",
        }
    }

    /// The product of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|product| product.name() == name)
    }

    /// From a leaf certificate's product name, which may carry a stepping: `Milan-B0` (AMD 57230, productName).
    pub(super) fn from_certificate(name: &str) -> Option<Self> {
        let name = name.split_once('-').map_or(name, |(name, _stepping)| name);
        Self::ALL.into_iter().find(|product| product.to_string() == name)
    }

    /// From the combined CPUID family and model in a report of version 3 or later.
    pub(crate) fn from_cpuid(family: u8, model: u8) -> Option<Self> {
        match (family, model) {
            (0x19, 0x00..=0x0f) => Some(Self::Milan),
            (0x19, 0x10..=0x1f | 0xa0..=0xaf) => Some(Self::Genoa),
            (0x1a, 0x00..=0x1f) => Some(Self::Turin),
            _ => None,
        }
    }
}

impl fmt::Display for Product {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Milan => "Milan",
            Self::Genoa => "Genoa",
            Self::Turin => "Turin",
        })
    }
}
