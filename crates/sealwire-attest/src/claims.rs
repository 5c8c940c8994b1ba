//! Claims: one structure for all kinds (AT-20).

use crate::{Checks, Kind, UnixTime};
use serde_json::{Value, json};
use std::{borrow::Cow, collections::BTreeMap, fmt};

/// The name of a register: `measurement`, `rtmr-0`, `pcr-7`, …
pub type Register = Cow<'static, str>;

/// What genuine evidence says, by names of our own: those of verdicts (AT-81), of policies and of Rego. Attestation
/// results (AT-23) have the names of EAT (RFC 9711) where it has one for the same thing.
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
    /// the product's name in policies, for example `milan`, or a platform's FMSPC in hex
    pub product: Cow<'static, str>,
    /// whose key signed: `VCEK`, `VLEK` and the cloud provider, `PCK`, …
    pub signer: String,
    /// version of the firmware
    pub firmware: String,
    /// versions that are text, by name: `driver`, `vbios`, …
    pub versions: BTreeMap<&'static str, String>,
    /// security version of the guest
    pub security_version: u64,
    /// by register name: `measurement`, `host-data`, `mrtd`, `pcr-7`, … in bytes
    pub measurements: BTreeMap<Register, Vec<u8>>,
    /// firmware level by component name
    pub tcb: BTreeMap<&'static str, u64>,
    /// firmware level when the guest was launched, by component name, where evidence tells it apart
    pub launch_tcb: BTreeMap<&'static str, u64>,
    /// what the vendor says of that level; `None` where it publishes nothing, or it was not supplied
    pub tcb_status: Option<TcbStatus>,
    /// the vendor's advisories that apply to that level
    pub advisories: Vec<String>,
    /// the date of that level (`tcbDate`)
    pub tcb_date: Option<UnixTime>,
    /// number of the vendor's evaluation that the status is from
    pub tcb_evaluation: Option<u32>,
    /// whether the guest can be debugged
    pub debug: bool,
    /// attributes by name, for example `migration-agent`, `smt-allowed`, `vmpl`
    pub attributes: BTreeMap<&'static str, u64>,
    /// unique id of the hardware; withheld from logs
    pub hardware_id: Vec<u8>,
    /// what the evidence carries for its requester: 64 bytes of report data, a TPM's extraData, a nonce
    pub report_data: Vec<u8>,
    /// when the hardware says that it was made; `None` where evidence carries no time
    pub made_at: Option<UnixTime>,
    /// SHA-256 of the root certificate that verified
    pub root: [u8; 32],
    /// SHA-256 of each certificate from the key that signed to the root, for revocation (AT-25); empty where that key is
    /// known by its name. Withheld like the hardware id: the first is as unique
    pub chain: Vec<[u8; 32]>,
    /// the earliest not-after of everything underneath
    pub not_after: UnixTime,
    /// evidence that came with it, by label
    pub companions: BTreeMap<String, Companion>,
}

/// What a companion of composite evidence says.
#[derive(Debug, Clone)]
pub struct Companion {
    /// its own claims; it has no companions itself
    pub claims: Claims,
    /// how each of its checks came out
    pub checks: Checks,
    /// what ties it to the lead evidence
    pub attachment: Attachment,
}

/// What ties a companion to the lead evidence (AT-20).
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Attachment {
    /// the hardware of the lead vouches for it
    Proven,
    /// the software in the lead, once its measurements are accepted, says that it belongs to it
    GuestAsserted,
}

impl Attachment {
    /// The stable name: `proven`, `guest-asserted`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Proven => "proven",
            Self::GuestAsserted => "guest-asserted",
        }
    }
}

/// What a vendor says of a firmware level, in Intel's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub enum TcbStatus {
    /// nothing is known to be wrong
    UpToDate,
    /// software has to mitigate what the hardware does not
    #[serde(rename = "SWHardeningNeeded")]
    SwHardeningNeeded,
    /// the platform has to be configured otherwise
    ConfigurationNeeded,
    /// both
    #[serde(rename = "ConfigurationAndSWHardeningNeeded")]
    ConfigurationAndSwHardeningNeeded,
    /// the TD was launched on firmware that has been renewed since; launching it again makes it current
    #[serde(rename = "TDRelaunchAdvised")]
    TdRelaunchAdvised,
    /// that, and the configuration
    #[serde(rename = "TDRelaunchAdvisedConfigurationNeeded")]
    TdRelaunchAdvisedConfigurationNeeded,
    /// fixes exist that are not installed
    OutOfDate,
    /// that, and the configuration
    OutOfDateConfigurationNeeded,
    /// not to be trusted
    Revoked,
    /// below every level that the vendor lists
    Unlisted,
}

impl TcbStatus {
    /// Every status, from the best.
    pub const ALL: [Self; 10] = [
        Self::UpToDate,
        Self::SwHardeningNeeded,
        Self::ConfigurationNeeded,
        Self::ConfigurationAndSwHardeningNeeded,
        Self::TdRelaunchAdvised,
        Self::TdRelaunchAdvisedConfigurationNeeded,
        Self::OutOfDate,
        Self::OutOfDateConfigurationNeeded,
        Self::Revoked,
        Self::Unlisted,
    ];

    /// The name in policies and verdicts, Intel's where it has one.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::UpToDate => "UpToDate",
            Self::SwHardeningNeeded => "SWHardeningNeeded",
            Self::ConfigurationNeeded => "ConfigurationNeeded",
            Self::ConfigurationAndSwHardeningNeeded => "ConfigurationAndSWHardeningNeeded",
            Self::TdRelaunchAdvised => "TDRelaunchAdvised",
            Self::TdRelaunchAdvisedConfigurationNeeded => "TDRelaunchAdvisedConfigurationNeeded",
            Self::OutOfDate => "OutOfDate",
            Self::OutOfDateConfigurationNeeded => "OutOfDateConfigurationNeeded",
            Self::Revoked => "Revoked",
            Self::Unlisted => "Unlisted",
        }
    }

    /// The status of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }
}

impl fmt::Display for TcbStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Claims {
    /// As verdicts show them (AT-81): bytes in hex, without the hardware id.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let measurements: serde_json::Map<String, Value> = self
            .measurements
            .iter()
            .map(|(name, bytes)| (name.to_string(), hex::encode(bytes).into()))
            .collect();
        let companions: serde_json::Map<String, Value> = self
            .companions
            .iter()
            .map(|(label, companion)| {
                let Companion { claims, checks, attachment } = companion;
                (
                    label.clone(),
                    json!({ "attachment": attachment, "claims": claims.to_json(), "checks": checks }),
                )
            })
            .collect();
        json!({
            "kind": self.kind.name(),
            "development": self.development,
            "hardware-model": self.hardware_model,
            "product": self.product,
            "signer": self.signer,
            "firmware": self.firmware,
            "versions": self.versions,
            "security-version": self.security_version,
            "measurements": measurements,
            "tcb": self.tcb,
            "launch-tcb": Some(&self.launch_tcb).filter(|launch| !launch.is_empty()),
            "tcb-status": self.tcb_status,
            "advisories": self.advisories,
            "tcb-date": self.tcb_date.map(|date| date.to_string()),
            "tcb-evaluation": self.tcb_evaluation,
            "debug": self.debug,
            "attributes": self.attributes,
            "report-data": hex::encode(&self.report_data),
            "made-at": self.made_at.map(|time| time.to_string()),
            "root": format!("sha256:{}", hex::encode(self.root)),
            "not-after": self.not_after.to_string(),
            "companions": companions,
        })
    }
}

impl Claims {
    /// A component's versions at launch and now, where the guest was launched on older firmware than it runs on.
    pub(crate) fn launched_below(&self, component: &str) -> Option<(u64, u64)> {
        let (launch, now) = self.launch_tcb.get(component).zip(self.tcb.get(component))?;
        (launch < now).then_some((*launch, *now))
    }

    /// The lower one of a component's versions at launch and now: what old firmware did to a guest stays with it.
    pub(crate) fn lowest_tcb(&self, component: &str) -> Option<u64> {
        let now = self.tcb.get(component).copied()?;
        Some(self.launch_tcb.get(component).map_or(now, |launch| now.min(*launch)))
    }
}

impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Claims({})", self.to_json())
    }
}
