//! Verifying an SEV-SNP report with its chain: cold, and with chain and signature known.

use crate::{
    measure::nanos,
    report::{Table, Target},
};
use anyhow::{Result, anyhow};
use sealwire_attest::{UnixTime, Verifier, verify::Expected};
use sealwire_tee::{Tee, development::Development};
use std::{
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

/// The development TEE's evidence costs what AMD's does: the same chain, the same algorithms, the same code.
pub(crate) fn run(state: &Path) -> Result<Table> {
    let tee = Development::open(state)?;
    let report_data = [7; 64];
    let produced = tee.produce(&report_data)?;
    let at = UnixTime(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs());
    let roots = [tee.root_fingerprint()];
    let verify = |verifier: &Verifier| {
        let expected = Expected::ReportData(&report_data);
        verifier.verify(&produced.evidence, &produced.endorsements, expected, at).is_ok()
    };
    let kept = Verifier::new(&roots);
    if !verify(&kept) {
        return Err(anyhow!("the evidence does not verify"));
    }
    let cold = nanos(|| assert!(verify(&Verifier::new(&roots)))) / 1000.0;
    let cached = nanos(|| assert!(verify(&kept))) / 1000.0;
    let mut table = Table::new("SEV-SNP report with its chain", &["what", "us"]);
    for (name, us, bound) in [("cold", cold, 1000.0), ("chain and signature cached", cached, 50.0)] {
        table.push([name.into(), format!("{us:.0}")], us, Target::AtMost(bound));
    }
    Ok(table)
}
