//! Claims: one structure for all kinds (AT-20).

use crate::{Kind, UnixTime};
use serde_json::{Value, json};
use std::{collections::BTreeMap, fmt};

/// What genuine evidence says. Names follow EAT (RFC 9711) where it has one.
///
/// `Debug` and [`Claims::to_json`] leave out the hardware id: it is the same in everything that a machine ever
/// attests, and logs and status pages would tie it together.
#[derive(Clone)]
#[non_exhaustive]
pub struct Claims {
    /// which verifier made them
    pub kind: Kind,
    /// follows from the root that verified, never from a label (AT-07)
    pub development: bool,
    /// for example `SEV-SNP Milan`
    pub hardware_model: String,
    /// the product's name in policies, for example `milan`
    pub product: &'static str,
    /// whose key signed: `VCEK`, or `VLEK` and the cloud provider
    pub signer: String,
    /// version of the firmware
    pub firmware: String,
    /// security version of the guest
    pub security_version: u64,
    /// by register name: `measurement`, `host-data`, … in bytes
    pub measurements: BTreeMap<&'static str, Vec<u8>>,
    /// firmware level by component name
    pub tcb: BTreeMap<&'static str, u64>,
    /// whether the guest can be debugged
    pub debug: bool,
    /// attributes by name, for example `migration-agent`, `smt-allowed`, `vmpl`
    pub attributes: BTreeMap<&'static str, u64>,
    /// unique id of the hardware; withheld from logs
    pub hardware_id: Vec<u8>,
    /// report data, 64 bytes
    pub report_data: Vec<u8>,
    /// SHA-256 of the root certificate that verified
    pub root: [u8; 32],
    /// the earliest not-after of everything underneath
    pub not_after: UnixTime,
}

impl Claims {
    /// As verdicts show them (AT-81): bytes in hex, without the hardware id.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let measurements: serde_json::Map<String, Value> = self
            .measurements
            .iter()
            .map(|(name, bytes)| ((*name).to_owned(), hex::encode(bytes).into()))
            .collect();
        json!({
            "kind": self.kind.name(),
            "development": self.development,
            "hardware-model": self.hardware_model,
            "product": self.product,
            "signer": self.signer,
            "firmware": self.firmware,
            "security-version": self.security_version,
            "measurements": measurements,
            "tcb": self.tcb,
            "debug": self.debug,
            "attributes": self.attributes,
            "report-data": hex::encode(&self.report_data),
            "root": format!("sha256:{}", hex::encode(self.root)),
            "not-after": self.not_after.to_string(),
        })
    }
}

impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Claims({})", self.to_json())
    }
}
