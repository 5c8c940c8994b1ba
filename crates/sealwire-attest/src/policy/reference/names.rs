//! From the names of reference values to registers.

use crate::{Kind, policy::schema::Schema};

/// Other spellings, after case, separators and prefixes are gone.
const ALIASES: [(&str, &str); 11] = [
    ("launch-measurement", "measurement"),
    ("launch-digest", "measurement"),
    ("hostdata", "host-data"),
    ("mr-td", "mrtd"),
    ("mr-enclave", "mrenclave"),
    ("mr-signer", "mrsigner"),
    ("mrconfigid", "mr-config-id"),
    ("mrowner", "mr-owner"),
    ("mrownerconfig", "mr-owner-config"),
    ("mrseam", "mr-seam"),
    ("mrsignerseam", "mr-signer-seam"),
];

/// What attestation services put before a register's name. Longer ones first.
const PREFIXES: [&str; 10] = [
    "az-snp-vtpm-",
    "az-tdx-vtpm-",
    "snp-",
    "sev-",
    "tdx-",
    "sgx-",
    "nitro-",
    "tpm-",
    "nvidia-",
    "quote-body-",
];

/// What numbers alone speak of.
fn numbered(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Nitro | Kind::Tpm => Some("pcr"),
        Kind::Nvidia => Some("measurement"),
        _ => None,
    }
}

/// The width of a register of `kind` in bytes; none where there is no such register.
pub(super) fn width(kind: Kind, register: &str) -> Option<usize> {
    Schema::of(kind).register(register).map(|(_, register)| register.len)
}

/// The register of `kind` that a name speaks of, such as `measurement` for `snp_launch_measurement`. The name of a
/// value in a CoRIM is a path; its last part speaks.
pub(super) fn register(kind: Kind, name: &str) -> Option<String> {
    let name = name.rsplit(['/', '.']).next().unwrap_or(name);
    let mut name = name.trim().to_ascii_lowercase().replace(['_', ' '], "-");
    while let Some(rest) = PREFIXES.iter().find_map(|prefix| name.strip_prefix(prefix)) {
        name = rest.to_owned();
    }
    if let Some((_, register)) = ALIASES.iter().find(|(alias, _)| *alias == name) {
        name = (*register).to_owned();
    }
    // `rtmr1`, `pcr07`, `PCR[7]`, `7`: one number has one spelling here.
    let digits = name.trim_end_matches(']').rsplit(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
    if !digits.is_empty()
        && let Ok(number) = digits.parse::<u8>()
    {
        let head = name.trim_end_matches(']').strip_suffix(digits).unwrap_or_default();
        let head = head.trim_end_matches(['-', '[']);
        let head = if head.is_empty() { numbered(kind).unwrap_or_default() } else { head };
        name = format!("{head}-{number}");
    }
    width(kind, &name).map(|_| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    // AT-22
    #[test]
    fn names_speak_of_registers() {
        for (kind, name, expected) in [
            (Kind::Snp, "measurement", Some("measurement")),
            (Kind::Snp, "snp_launch_measurement", Some("measurement")),
            (Kind::AzureSnp, "az_snp_vtpm_measurement", Some("measurement")),
            (Kind::Snp, "AMD/SEV-SNP/HOST_DATA", Some("host-data")),
            (Kind::Snp, "mrtd", None),
            (Kind::Snp, "bootloader", None),
            (Kind::Tdx, "tdx.quote.body.mr_td", Some("mrtd")),
            (Kind::Tdx, "MRTD", Some("mrtd")),
            (Kind::Tdx, "rtmr_0", Some("rtmr-0")),
            (Kind::Tdx, "rtmr3", Some("rtmr-3")),
            (Kind::Tdx, "rtmr_4", None),
            (Kind::Tdx, "mr_config_id", Some("mr-config-id")),
            (Kind::Sgx, "sgx_mr_enclave", Some("mrenclave")),
            (Kind::Tpm, "pcr07", Some("pcr-7")),
            (Kind::Tpm, "tpm_pcr11", Some("pcr-11")),
            (Kind::Tpm, "PCR[7]", Some("pcr-7")),
            (Kind::Tpm, "7", Some("pcr-7")),
            (Kind::Tpm, "pcr24", None),
            (Kind::Nitro, "PCR0", Some("pcr-0")),
            (Kind::Nvidia, "9", Some("measurement-9")),
            (Kind::Nvidia, "measurement_0", None),
            (Kind::Tpm, "", None),
            (Kind::Tpm, "pcr-99999999999999999999", None),
        ] {
            assert_eq!(register(kind, name).as_deref(), expected, "{kind} {name}");
        }
    }

    #[test]
    fn widths_are_those_of_registers() {
        assert_eq!(width(Kind::Tpm, "pcr-7"), Some(32));
        assert_eq!(width(Kind::Nitro, "pcr-7"), Some(48));
        assert_eq!(width(Kind::AzureTdx, "mrtd"), Some(48));
        assert_eq!(width(Kind::Tpm, "pcr-07"), None);
        assert_eq!(width(Kind::Snp, "pcr-7"), None);
    }
}
