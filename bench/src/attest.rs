//! Verifying genuine evidence of each kind: cold, with what was seen before known, and beside other implementations.

use crate::{
    measure::nanos,
    report::{Table, Target},
};
use anyhow::{Context, Result, anyhow, bail};
use sealwire_attest::{Endorsements, Evidence, Kind, Trust, UnixTime, Verifier, verify::Expected};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Evidence, its kind, its endorsements, a time, and what a cold verification may cost in microseconds, where a peer
/// does not set it.
type Sample = (&'static str, Kind, &'static [&'static str], u64, Option<f64>);

const SAMPLES: [Sample; 7] = [
    ("tdx/phala-2025.bin", Kind::Tdx, &["tdx/phala-2025.collateral.json"], 1_751_624_163, None),
    ("tdx/td15ex-2026.bin", Kind::Tdx, &["tdx/td15ex-2026.collateral.json"], 1_792_714_186, None),
    ("sgx/processor-ca.bin", Kind::Sgx, &["sgx/processor-ca.collateral.json"], 1_751_626_571, None),
    (
        "snp/milan.report.hex",
        Kind::Snp,
        &["snp/milan.vcek.der", "snp/milan.chain.pem"],
        1_750_000_000,
        Some(1000.0),
    ),
    ("nitro/production.cose", Kind::Nitro, &[], 1_736_179_625, Some(1500.0)),
    (
        "tpm/azure-tdx.evidence.json",
        Kind::AzureTdx,
        &["tdx/tcb-info/tdx-00806f050000.json"],
        1_760_054_400,
        None,
    ),
    ("nvidia/hopper-1.report.hex", Kind::Nvidia, &["nvidia/hopper-1.chain.pem"], 1_760_054_400, None),
];

/// A quote of a TPM, with its certificate.
const TPM: f64 = 200.0;
/// How much more than `dcap-qvl` a quote with all endorsements may cost.
const RATIO: f64 = 1.2;

pub(crate) fn run() -> Result<Table> {
    let quotes = quotes()?;
    let mut table = Table::new(
        "Verifying evidence, in microseconds",
        &["evidence", "cold", "cached", "another implementation, cold", "ratio"],
    );
    for (name, kind, endorsed, at, bound) in SAMPLES {
        let evidence = Evidence::detect(&fs::read(quotes.join(name)).context(name)?, Some(kind))?;
        let mut endorsements = Endorsements::default();
        for file in endorsed {
            endorsements.add(&fs::read(quotes.join(file)).context(*file)?)?;
        }
        let (cold, cached) = measured(&evidence, &endorsements, &Trust::default(), at)?;
        let peer = peer(&quotes, name, endorsed, at)?;
        let (peer_cells, target) = match peer {
            Some((peer, us)) => {
                let target = bound.map_or(Target::AtMost((RATIO * us).round()), Target::AtMost);
                ([format!("{us:.0} ({peer})"), format!("{:.2}", cold / us)], target)
            }
            None => (["–".to_owned(), "–".to_owned()], bound.map_or(Target::None, Target::AtMost)),
        };
        let [peer, ratio] = peer_cells;
        table.push(
            [format!("{kind}: {name}"), format!("{cold:.0}"), format!("{cached:.1}"), peer, ratio],
            cold,
            target,
        );
    }
    let (cold, cached) = tpm()?;
    let none = || "–".to_owned();
    table.push(
        ["tpm: tpm-quote.json".to_owned(), format!("{cold:.0}"), format!("{cached:.1}"), none(), none()],
        cold,
        Target::AtMost(TPM),
    );
    Ok(table)
}

/// Microseconds with nothing known, and with everything known.
fn measured(evidence: &Evidence, endorsements: &Endorsements, trust: &Trust, at: u64) -> Result<(f64, f64)> {
    let verify = |verifier: &Verifier| {
        verifier.verify(evidence, endorsements, Expected::Unbound, UnixTime(at)).is_ok()
    };
    let kept = Verifier::new(trust.clone());
    kept.verify(evidence, endorsements, Expected::Unbound, UnixTime(at))
        .map_err(|error| anyhow!("{} does not verify: {error}", evidence.kind))?;
    let cold = nanos(|| assert!(verify(&Verifier::new(trust.clone())))) / 1000.0;
    let misses = || (kept.chain_cache().misses, kept.signature_cache().misses);
    let before = misses();
    let cached = nanos(|| assert!(verify(&kept))) / 1000.0;
    if misses() != before {
        bail!("{}: a repeat is not found in the cache (AT-26)", evidence.kind);
    }
    Ok((cold, cached))
}

/// The same work by another implementation, where there is one that was written for it.
fn peer(quotes: &Path, name: &str, endorsed: &[&str], at: u64) -> Result<Option<(&'static str, f64)>> {
    let bytes = fs::read(quotes.join(name))?;
    match (name.split('/').next(), endorsed) {
        (Some("tdx" | "sgx"), [collateral]) if collateral.ends_with("collateral.json") => {
            let collateral: dcap_qvl::QuoteCollateralV3 =
                serde_json::from_slice(&fs::read(quotes.join(collateral))?)?;
            // Both see one quote without the firmware's padding.
            let evidence = Evidence::detect(&bytes, None)?;
            let verifier = dcap_qvl::verify::QuoteVerifier::new_prod();
            let verify = || verifier.verify(&evidence.bytes, &collateral, at).is_ok();
            if !verify() {
                bail!("dcap-qvl refuses {name}");
            }
            Ok(Some(("dcap-qvl, ring", nanos(|| assert!(verify())) / 1000.0)))
        }
        (Some("snp"), [vcek, chain]) => {
            let report = hex::decode(String::from_utf8(bytes)?.trim())?;
            let (vcek, chain) = (fs::read(quotes.join(vcek))?, fs::read(quotes.join(chain))?);
            let verify = || sev_verifies(&report, &vcek, &chain).is_some();
            if !verify() {
                bail!("sev refuses {name}");
            }
            Ok(Some(("sev 8", nanos(|| assert!(verify())) / 1000.0)))
        }
        _ => Ok(None),
    }
}

/// The report and its chain by the `sev` crate, from bytes as ours.
fn sev_verifies(report: &[u8], vcek: &[u8], chain: &[u8]) -> Option<()> {
    use sev::{
        certs::snp::{Certificate, Chain, Verifiable, ca},
        firmware::guest::AttestationReport,
        parser::ByteParser,
    };
    let text = std::str::from_utf8(chain).ok()?;
    let end = text.find("-----END CERTIFICATE-----")? + "-----END CERTIFICATE-----\n".len();
    let (ask, ark) = text.split_at_checked(end)?;
    let ask = Certificate::from_pem(ask.as_bytes()).ok()?;
    let ark = Certificate::from_pem(ark.as_bytes()).ok()?;
    let vek = Certificate::from_der(vcek).ok()?;
    let chain = Chain { ca: ca::Chain { ark, ask }, vek };
    let report = AttestationReport::from_bytes(report).ok()?;
    (&chain, &report).verify().ok()
}

/// A quote that this project's own programs made, with a software TPM.
fn tpm() -> Result<(f64, f64)> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/sealwire-attest/tests/vectors/tpm-quote.json");
    let vector: serde_json::Value = serde_json::from_slice(&fs::read(path).context(path)?)?;
    let field = |name: &str| {
        let text = vector
            .get(name)
            .and_then(|value| value.as_str())
            .with_context(|| format!("the vector has no {name}"))?;
        Ok::<_, anyhow::Error>(hex::decode(text)?)
    };
    let evidence = Evidence::detect(&field("evidence")?, Some(Kind::Tpm))?;
    let mut endorsements = Endorsements::default();
    endorsements.add(&field("attestation-key-certificate")?)?;
    endorsements.add(&field("enrolment-root")?)?;
    let root = sealwire_crypto::digest::sha256(&[&field("enrolment-root")?]);
    let trust = Trust { enrolment: vec![root], ..Trust::default() };
    let at = vector.get("at").and_then(serde_json::Value::as_u64).context("the vector has no time")?;
    measured(&evidence, &endorsements, &trust, at)
}

/// The folder of samples beside the repository, or in `SEALWIRE_SHARED`.
fn quotes() -> Result<PathBuf> {
    let shared = std::env::var_os("SEALWIRE_SHARED")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared")), PathBuf::from);
    let quotes = shared.join("quotes");
    if !quotes.is_dir() {
        bail!("no samples of evidence at {}; set SEALWIRE_SHARED", quotes.display());
    }
    Ok(quotes)
}
