//! Genuine evidence of every kind that there is a sample of, with what it takes to verify it.

use super::samples::{MILAN_TIME, quotes, sample};
use sealwire_attest::{Endorsements, Evidence, Kind, UnixTime};

/// A sample that verifies.
pub(crate) struct Genuine {
    pub(crate) name: &'static str,
    pub(crate) evidence: Evidence,
    pub(crate) endorsements: Endorsements,
    pub(crate) at: UnixTime,
}

/// File, kind, endorsements, time.
const SAMPLES: [(&str, Kind, &[&str], u64); 9] = [
    ("tdx/phala-2025.bin", Kind::Tdx, &["tdx/phala-2025.collateral.json"], 1_751_624_163),
    ("tdx/td15ex-2026.bin", Kind::Tdx, &["tdx/td15ex-2026.collateral.json"], 1_792_714_186),
    ("sgx/processor-ca.bin", Kind::Sgx, &["sgx/processor-ca.collateral.json"], 1_751_626_571),
    ("snp/milan.report.hex", Kind::Snp, &["snp/milan.vcek.der"], MILAN_TIME.0),
    ("nitro/production.cose", Kind::Nitro, &[], 1_736_179_625),
    ("nitro/debug-2021.cose", Kind::Nitro, &[], 1_614_963_709),
    (
        "tpm/azure-tdx.evidence.json",
        Kind::AzureTdx,
        &["tdx/tcb-info/tdx-00806f050000.json"],
        // in the validity of the TCB info, 2025-09-29 to 2025-10-29
        1_760_054_400,
    ),
    ("nvidia/hopper-1.report.hex", Kind::Nvidia, &["nvidia/hopper-1.chain.pem"], 1_760_054_400),
    ("sgx/kss.bin", Kind::Sgx, &[], 1_760_054_400),
];

/// Every sample, or nothing where there is no folder of them.
pub(crate) fn genuine() -> Option<Vec<Genuine>> {
    quotes()?;
    let samples = SAMPLES.into_iter().map(|(name, kind, endorsed, at)| {
        let evidence = Evidence::detect(&sample(name).unwrap(), Some(kind)).expect(name);
        let mut endorsements = Endorsements::default();
        for file in endorsed {
            endorsements.add(&sample(file).unwrap()).expect(file);
        }
        Genuine { name, evidence, endorsements, at: UnixTime(at) }
    });
    Some(samples.collect())
}
