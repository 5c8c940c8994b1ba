use super::Product;
use std::fmt;

/// TCB_VERSION: a firmware level as its security version numbers (AMD 56860, 2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tcb {
    /// secure processor boot loader
    pub bootloader: u8,
    /// secure processor operating system
    pub tee: u8,
    /// SEV-SNP firmware
    pub snp: u8,
    /// lowest microcode patch level of all cores
    pub microcode: u8,
    /// FMC firmware, on Turin
    pub fmc: Option<u8>,
}

impl Tcb {
    /// Reads the eight bytes of a report, which Turin lays out differently.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 8], product: Product) -> Self {
        match product {
            Product::Milan | Product::Genoa => {
                let [bootloader, tee, _, _, _, _, snp, microcode] = bytes;
                Self { bootloader, tee, snp, microcode, fmc: None }
            }
            Product::Turin => {
                let [fmc, bootloader, tee, snp, _, _, _, microcode] = bytes;
                Self { bootloader, tee, snp, microcode, fmc: Some(fmc) }
            }
        }
    }

    /// Components by their names in claims and policies.
    pub fn components(self) -> impl Iterator<Item = (&'static str, u64)> {
        let Self { bootloader, tee, snp, microcode, fmc } = self;
        [
            ("bootloader", Some(bootloader)),
            ("tee", Some(tee)),
            ("snp", Some(snp)),
            ("microcode", Some(microcode)),
            ("fmc", fmc),
        ]
        .into_iter()
        .filter_map(|(name, version)| Some((name, u64::from(version?))))
    }
}

impl fmt::Display for Tcb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, version)) in self.components().enumerate() {
            if index > 0 {
                f.write_str(", ")?;
            }
            write!(f, "{name} {version}")?;
        }
        Ok(())
    }
}
