//! Evidence that verifies, of every kind that any can be had of from outside of the crate: genuine samples, and what is
//! forged under roots that a policy may name. A vendor's root is in nobody's place there, so `azure-snp`, of which no
//! sample comes with its own certificates, is made inside only.

use super::{
    machine::{Machine, Model, NOW},
    samples::{MILAN_TIME, quotes, sample},
    tpm::{Ak, Tpm},
};
use sealwire_attest::{Endorsements, Evidence, Kind, Trust, UnixTime};

/// Evidence with what it takes to verify it.
pub(crate) struct Accepted {
    pub(crate) name: &'static str,
    pub(crate) trust: Trust,
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

/// Every sample, or none where there is no folder of them.
pub(crate) fn genuine() -> Vec<Accepted> {
    if quotes().is_none() {
        return Vec::new();
    }
    let samples = SAMPLES.into_iter().map(|(name, kind, endorsed, at)| {
        let evidence = Evidence::detect(&sample(name).unwrap(), Some(kind)).expect(name);
        let mut endorsements = Endorsements::default();
        for file in endorsed {
            endorsements.add(&sample(file).unwrap()).expect(file);
        }
        Accepted { name, trust: Trust::default(), evidence, endorsements, at: UnixTime(at) }
    });
    samples.collect()
}

/// A machine under a development root.
pub(crate) fn development() -> Accepted {
    let machine = Machine::new(Model::Milan);
    let mut endorsements = machine.endorsements();
    endorsements.crls.push(machine.crl().sign(&super::machine::ARK));
    Accepted {
        name: "development",
        trust: Trust::from(&[machine.fingerprint()]),
        evidence: machine.evidence(),
        endorsements,
        at: NOW,
    }
}

/// A TPM under an enrolment CA.
pub(crate) fn tpm() -> Accepted {
    let tpm = Tpm::new(Ak::P256).with_intermediate();
    Accepted {
        name: "tpm",
        trust: tpm.trust(),
        evidence: tpm.evidence(),
        endorsements: tpm.endorsements(),
        at: NOW,
    }
}
