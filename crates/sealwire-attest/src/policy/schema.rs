//! What a policy can ask of each kind of evidence: one table, by which files are read, evidence is judged, and files are
//! written.

use crate::{Kind, azure, intel, nitro, nvidia, snp, tpm};
use std::{fmt, ops::RangeInclusive};

/// What a rule for one kind takes.
pub(super) struct Schema {
    pub(super) kind: Kind,
    /// in the order in which failures tell of them
    pub(super) registers: &'static [&'static [Register]],
    /// versions that are text: the key in policies, and the name in claims
    pub(super) versions: &'static [Version],
    /// firmware components that `minimum-tcb` takes
    pub(super) levels: Option<Levels>,
    /// whether the vendor signs what it thinks of a level, so that `tcb-statuses`, `collateral` and
    /// `advisories` can be asked
    pub(super) has_status: bool,
    /// `products`
    pub(super) products: Products,
    /// `crl`, where nothing is said
    pub(super) crl: Demand,
    /// whether there are signed reference values, so that `rim` can be asked
    pub(super) has_rim: bool,
    /// the attribute by which hardware tells that a guest may be moved, which is also the key that permits it
    pub(super) migration: Option<&'static str>,
    /// whether evidence has a privilege level, `vmpl`
    pub(super) has_vmpl: bool,
    /// whether the hardware says when evidence was made, so that `max-age` can be asked
    pub(super) is_dated: bool,
    /// names for `attributes`
    pub(super) attributes: fn() -> Vec<&'static str>,
    /// those that say what runs, and that a policy that accepts exactly what was shown asks for
    pub(super) pinned_attributes: &'static [&'static str],
    /// what `roots` name
    pub(super) roots: Roots,
}

/// A register, or registers by number.
pub(super) struct Register {
    /// the whole name, or what comes before the number
    name: &'static str,
    numbers: Option<RangeInclusive<u8>>,
    /// in bytes
    pub(super) len: usize,
    pub(super) need: Need,
    /// what it holds, for policies that are written
    pub(super) holds: &'static str,
}

/// Whether a rule has to say something of a register (AT-21).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// it has to: the register is part of what runs
    Required,
    /// it may; a policy that accepts exactly what was shown does where the register is not zero
    Pinned,
    /// it may
    Optional,
}

pub(super) struct Version {
    pub(super) key: &'static str,
    pub(super) claim: &'static str,
    pub(super) holds: &'static str,
}

pub(super) struct Levels {
    /// whether `minimum-tcb` has to be given, because the vendor signs no status
    pub(super) is_required: bool,
    /// whether a minimum has to name every component that evidence has
    pub(super) is_complete: bool,
    pub(super) components: &'static [Component],
}

pub(super) struct Component {
    pub(super) name: &'static str,
    pub(super) max: u64,
    /// whether a minimum has to name it
    pub(super) is_required: bool,
}

/// Whether an endorsement has to be there (AT-06).
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Demand {
    Required,
    IfAvailable,
}

pub(super) enum Products {
    /// there is one
    None,
    Named(&'static [&'static str]),
    /// Intel's family, model, stepping, platform type and custom SKU: six bytes in hex
    Fmspc,
    /// any name
    Text,
}

pub(super) enum Roots {
    /// some of the vendor's, which the function knows, to narrow them
    Vendor(fn(&[u8; 32]) -> bool),
    /// made on the machine; required (AT-07)
    Development,
    /// of enrolment CAs; they or `tpm-keys` are required (AT-62)
    Enrolment,
}

impl Schema {
    pub(super) fn of(kind: Kind) -> &'static Self {
        match kind {
            Kind::Tdx => &TDX,
            Kind::Sgx => &SGX,
            Kind::Snp => &SNP,
            Kind::Nitro => &NITRO,
            Kind::Tpm => &TPM,
            Kind::AzureSnp => &AZURE_SNP,
            Kind::AzureTdx => &AZURE_TDX,
            Kind::Nvidia => &NVIDIA,
            Kind::Development => &DEVELOPMENT,
        }
    }

    fn all_registers(&self) -> impl Iterator<Item = &'static Register> + use<> {
        self.registers.iter().copied().flatten()
    }

    /// The place and the register of a name.
    pub(super) fn register(&self, name: &str) -> Option<(usize, &'static Register)> {
        self.all_registers().enumerate().find(|(_, register)| register.is_named(name))
    }

    /// Those that every rule says something of. They are single ones.
    pub(super) fn required(&self) -> impl Iterator<Item = &'static Register> + use<> {
        self.all_registers().filter(|register| register.need == Need::Required)
    }

    /// Single registers that a written policy has to consider.
    pub(super) fn written(&self) -> impl Iterator<Item = &'static Register> + use<> {
        self.all_registers().filter(|register| register.need != Need::Optional)
    }

    /// Every key that a rule of this kind takes, for hints.
    pub(super) fn keys(&self, is_companion: bool) -> Vec<String> {
        let mut keys: Vec<String> = vec!["kind".to_owned()];
        if is_companion {
            keys.extend(["label", "attachment"].map(str::to_owned));
        }
        keys.extend(self.all_registers().map(Register::to_string));
        let further = [
            (self.levels.is_some(), "minimum-tcb"),
            (self.has_status, "tcb-statuses"),
            (self.has_status, "collateral"),
            (self.has_status, "advisories"),
            (!matches!(self.products, Products::None), "products"),
            (true, "crl"),
            (self.has_rim, "rim"),
            (self.has_vmpl, "vmpl"),
            (true, "debug"),
            (self.is_dated, "max-age"),
            (true, "attributes"),
            (true, "roots"),
            (matches!(self.roots, Roots::Enrolment), "tpm-keys"),
            (!is_companion, "companion"),
            (!is_companion, "reference-values"),
            (!is_companion, "build"),
        ];
        keys.extend(self.versions.iter().map(|version| version.key.to_owned()));
        keys.extend(further.iter().filter(|(takes, _)| *takes).map(|(_, key)| (*key).to_owned()));
        keys.extend(self.migration.map(str::to_owned));
        keys
    }
}

/// The registers that together say what runs, for a kind.
pub(crate) fn required_registers(kind: Kind) -> impl Iterator<Item = &'static str> {
    Schema::of(kind).required().map(Register::name)
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Schema({})", self.kind)
    }
}

/// There is one for each kind.
impl PartialEq for Schema {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}

impl Eq for Schema {}

impl Register {
    const fn required(name: &'static str, len: usize, holds: &'static str) -> Self {
        Self { name, numbers: None, len, need: Need::Required, holds }
    }

    const fn pinned(name: &'static str, len: usize, holds: &'static str) -> Self {
        Self { name, numbers: None, len, need: Need::Pinned, holds }
    }

    const fn optional(name: &'static str, len: usize, holds: &'static str) -> Self {
        Self { name, numbers: None, len, need: Need::Optional, holds }
    }

    const fn numbered(
        name: &'static str,
        numbers: RangeInclusive<u8>,
        len: usize,
        holds: &'static str,
    ) -> Self {
        Self { name, numbers: Some(numbers), len, need: Need::Optional, holds }
    }

    /// The name of a single register.
    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    fn is_named(&self, name: &str) -> bool {
        let Some(numbers) = &self.numbers else { return name == self.name };
        // One number has one spelling: `pcr-07` is none.
        name.strip_prefix(self.name)
            .and_then(|number| Some((number, number.parse::<u8>().ok()?)))
            .is_some_and(|(text, number)| numbers.contains(&number) && number.to_string() == text)
    }
}

impl fmt::Display for Register {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.numbers {
            None => f.write_str(self.name),
            Some(numbers) => write!(f, "{0}{1} to {0}{2}", self.name, numbers.start(), numbers.end()),
        }
    }
}

const SNP_REGISTERS: &[Register] = &[
    Register::required(
        "measurement",
        48,
        "launch: firmware, and what it measured of kernel and command line",
    ),
    Register::required("host-data", 32, "what the host set at launch"),
    Register::pinned("id-key-digest", 48, "whose key signed the guest's ID block"),
    Register::pinned("author-key-digest", 48, "whose key certified that key"),
];

/// The TDX module measures firmware into MRTD at launch, and firmware and what comes after it extend RTMRs at run time:
/// 0 the firmware's configuration, 1 loader and kernel, 2 command line and initrd, 3 the application's. MRCONFIGID is
/// set by the host, and guests read their configuration from it.
const TDX_REGISTERS: &[Register] = &[
    Register::required("mrtd", 48, "the firmware at launch"),
    Register::required("rtmr-0", 48, "the configuration of the firmware"),
    Register::required("rtmr-1", 48, "boot loader and kernel"),
    Register::required("rtmr-2", 48, "command line and initrd, as the guest measures them"),
    Register::required("rtmr-3", 48, "what the guest extends at run time"),
    Register::required("mr-config-id", 48, "what the host set at launch"),
    Register::pinned("mr-owner", 48, "the owner that the host set at launch"),
    Register::pinned("mr-owner-config", 48, "the owner's configuration that the host set at launch"),
    Register::pinned("mr-service-td", 48, "service TDs bound to this one, such as migration"),
    Register::optional("mr-seam", 48, "the TDX module"),
    Register::optional("mr-signer-seam", 48, "who signed the TDX module; zero for Intel"),
];

const SGX_REGISTERS: &[Register] = &[
    Register::required("mrenclave", 32, "the enclave's code and first data"),
    Register::required("mrsigner", 32, "whose key signed the enclave"),
    Register::pinned("config-id", 64, "what the host configured at launch (KSS)"),
    Register::pinned("isv-family-id", 16, "product family (KSS)"),
    Register::pinned("isv-ext-prod-id", 16, "product (KSS)"),
];

const NITRO_REGISTERS: &[Register] = &[
    Register::required("pcr-0", 48, "the enclave image file"),
    Register::required("pcr-1", 48, "kernel and boot ramdisk"),
    Register::required("pcr-2", 48, "the application"),
    Register::pinned("pcr-8", 48, "whose certificate signed the image file"),
    Register::optional("pcr-3", 48, "the parent instance's role"),
    Register::optional("pcr-4", 48, "the parent instance's id"),
    Register::numbered("pcr-", 0..=31, 48, "what the enclave extends"),
];

/// By the TCG PC Client firmware profile firmware measures itself into PCR 0, drivers and option ROMs that it
/// runs into PCR 2, and what it starts into PCR 4, and by
/// secure boot (PCR 7) admits more than one build. What runs then depends on registers that loaders extend: GRUB 8 and
/// 9, the kernel's EFI stub 9, systemd-stub 11 and 12. A loader leaves those of the others zero, which is a value as well:
/// left out, they could be extended by something that nobody looked at.
const PCRS: &[Register] = &[
    Register::required("pcr-0", 32, "the firmware"),
    Register::required("pcr-2", 32, "drivers and option ROMs that firmware ran"),
    Register::required("pcr-4", 32, "what the firmware started: boot loader, or unified kernel image"),
    Register::required("pcr-7", 32, "secure boot: whether it is on, and whose keys"),
    Register::required("pcr-8", 32, "commands and kernel command line, with GRUB"),
    Register::required("pcr-9", 32, "files that GRUB read, or initrd and command line"),
    Register::required("pcr-11", 32, "the parts of a unified kernel image"),
    Register::required("pcr-12", 32, "command line and credentials given to a unified kernel image"),
    Register::numbered("pcr-", 0..=23, 32, "another register of the TPM"),
];

const NVIDIA_REGISTERS: &[Register] =
    &[Register::numbered("measurement-", nvidia::INDICES, 48, "a measurement by its SPDM index")];

const AMD_LEVELS: Levels = Levels {
    is_required: true,
    is_complete: true,
    components: &[
        Component { name: "bootloader", max: 255, is_required: true },
        Component { name: "tee", max: 255, is_required: true },
        Component { name: "snp", max: 255, is_required: true },
        Component { name: "microcode", max: 255, is_required: true },
        // Turin has it
        Component { name: "fmc", max: 255, is_required: false },
    ],
};

const TDX_LEVELS: Levels = Levels {
    is_required: false,
    is_complete: false,
    components: &[
        Component { name: "module-svn", max: 255, is_required: false },
        Component { name: "module-version", max: 255, is_required: false },
        Component { name: "seam-svn", max: 255, is_required: false },
        Component { name: "pce-svn", max: 65535, is_required: false },
    ],
};

const AMD_PRODUCTS: Products = Products::Named(&["milan", "genoa", "turin"]);

const SNP: Schema = Schema {
    kind: Kind::Snp,
    registers: &[SNP_REGISTERS],
    versions: &[],
    levels: Some(AMD_LEVELS),
    has_status: false,
    products: AMD_PRODUCTS,
    crl: Demand::Required,
    has_rim: false,
    migration: Some("migration-agent"),
    has_vmpl: true,
    is_dated: false,
    attributes: || snp::attribute_names().collect(),
    pinned_attributes: &[],
    roots: Roots::Vendor(snp::is_amd),
};

/// A development root publishes no CRL, and its firmware level says nothing.
const DEVELOPMENT: Schema = Schema {
    kind: Kind::Development,
    levels: Some(Levels { is_required: false, ..AMD_LEVELS }),
    crl: Demand::IfAvailable,
    roots: Roots::Development,
    ..SNP
};

const TDX: Schema = Schema {
    kind: Kind::Tdx,
    registers: &[TDX_REGISTERS],
    versions: &[],
    levels: Some(TDX_LEVELS),
    has_status: true,
    products: Products::Fmspc,
    crl: Demand::Required,
    has_rim: false,
    migration: Some("migratable"),
    has_vmpl: false,
    is_dated: false,
    attributes: || intel::tdx_attribute_names().collect(),
    pinned_attributes: &[],
    roots: Roots::Vendor(intel::is_intel),
};

const SGX: Schema = Schema {
    kind: Kind::Sgx,
    registers: &[SGX_REGISTERS],
    levels: Some(Levels {
        is_required: false,
        is_complete: false,
        components: &[
            Component { name: "isv-svn", max: 65535, is_required: false },
            Component { name: "pce-svn", max: 65535, is_required: false },
        ],
    }),
    migration: None,
    attributes: || intel::sgx_attribute_names().collect(),
    pinned_attributes: &["isv-prod-id", "config-svn"],
    ..TDX
};

const NITRO: Schema = Schema {
    kind: Kind::Nitro,
    registers: &[NITRO_REGISTERS],
    versions: &[],
    levels: None,
    has_status: false,
    products: Products::None,
    crl: Demand::Required,
    has_rim: false,
    migration: None,
    has_vmpl: false,
    is_dated: true,
    attributes: || nitro::attribute_names().collect(),
    pinned_attributes: &[],
    roots: Roots::Vendor(nitro::is_aws),
};

const TPM: Schema = Schema {
    kind: Kind::Tpm,
    registers: &[PCRS],
    // The CA is the operator's own, and need not publish one.
    crl: Demand::IfAvailable,
    is_dated: false,
    attributes: || tpm::attribute_names().collect(),
    roots: Roots::Enrolment,
    ..NITRO
};

const AZURE_SNP: Schema = Schema {
    kind: Kind::AzureSnp,
    registers: &[SNP_REGISTERS, PCRS],
    attributes: || snp::attribute_names().chain(azure::attribute_names()).collect(),
    pinned_attributes: &["secure-boot"],
    ..SNP
};

const AZURE_TDX: Schema = Schema {
    kind: Kind::AzureTdx,
    registers: &[TDX_REGISTERS, PCRS],
    attributes: || intel::tdx_attribute_names().chain(azure::attribute_names()).collect(),
    pinned_attributes: &["secure-boot"],
    ..TDX
};

const NVIDIA: Schema = Schema {
    kind: Kind::Nvidia,
    registers: &[NVIDIA_REGISTERS],
    versions: &[
        Version { key: "driver-versions", claim: "driver", holds: "the driver" },
        Version { key: "vbios-versions", claim: "vbios", holds: "the video BIOS" },
    ],
    products: Products::Text,
    has_rim: true,
    is_dated: false,
    attributes: || nvidia::attribute_names().collect(),
    roots: Roots::Vendor(nvidia::is_nvidia),
    ..NITRO
};
