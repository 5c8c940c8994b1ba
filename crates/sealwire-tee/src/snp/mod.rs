//! SEV-SNP reports: through configfs-tsm, or from `/dev/sev-guest` where the kernel has no configfs-tsm.

mod certificates;
mod device;

use crate::{
    Error, Machine, Produced, Tee,
    configfs::{self, Reports, SEV_GUEST},
};
use sealwire_attest::{Evidence, Kind};

/// Length of a report.
const REPORT_LEN: usize = 1184;
/// Where report data stands in a report.
const REPORT_DATA: std::ops::Range<usize> = 0x50..0x90;
/// Most bytes of certificates that are read; configfs-tsm itself has had this limit.
const MAX_CERTIFICATES: usize = 32 * 1024;

/// Makes SEV-SNP reports.
pub struct Snp {
    source: Box<dyn Source>,
}

/// What makes a report, and hands out the host's table of certificates with it.
trait Source: Send + Sync {
    fn report(&self, report_data: &[u8; 64]) -> Result<(Vec<u8>, Vec<u8>), Error>;
}

impl Snp {
    /// Opens what the machine has.
    ///
    /// # Errors
    /// [`Error::Absent`], [`Error::Provider`], [`Error::Platform`], [`Error::Device`]
    pub fn open(machine: &Machine) -> Result<Self, Error> {
        match machine.reports(SEV_GUEST, "SEV-SNP", &machine.sev_guest)? {
            Some(reports) => Ok(Self::with(reports)),
            None => Ok(Self { source: Box::new(device::open(&machine.sev_guest)?) }),
        }
    }

    fn with(reports: impl Reports) -> Self {
        Self { source: Box::new(ThroughConfigfs(reports)) }
    }
}

struct ThroughConfigfs<R>(R);

impl<R: Reports> Source for ThroughConfigfs<R> {
    fn report(&self, report_data: &[u8; 64]) -> Result<(Vec<u8>, Vec<u8>), Error> {
        configfs::report(&self.0, report_data, REPORT_LEN, Some(MAX_CERTIFICATES))
    }
}

impl Tee for Snp {
    fn kind(&self) -> Kind {
        Kind::Snp
    }

    fn produce(&self, report_data: &[u8; 64]) -> Result<Produced, Error> {
        let (report, table) = self.source.report(report_data)?;
        if report.len() != REPORT_LEN || report.get(REPORT_DATA) != Some(report_data) {
            return Err(Error::WrongReport);
        }
        let endorsements = certificates::endorsements(&table)?;
        Ok(Produced { evidence: Evidence { kind: Kind::Snp, bytes: report }, endorsements })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::configfs::played::Played;

    fn report(data: &[u8]) -> Vec<u8> {
        let mut report = vec![0; REPORT_LEN];
        report[REPORT_DATA].copy_from_slice(data);
        report
    }

    fn produce(make_report: fn(&[u8]) -> Vec<u8>, table: &[u8]) -> Result<Produced, Error> {
        let auxiliary = Some(table.to_vec());
        Snp::with(Played { auxiliary, ..Played::new(SEV_GUEST, make_report) }).produce(&[7; 64])
    }

    // AT-60
    #[test]
    fn makes_reports() {
        let produced = produce(report, &[]).unwrap();
        assert_eq!(produced.evidence, Evidence { kind: Kind::Snp, bytes: report(&[7; 64]) });
        assert!(produced.endorsements.certificates.is_empty());
    }

    // AT-60
    #[test]
    fn wrong_reports_are_refused() {
        let other = |data: &[u8]| report(&data.iter().map(|byte| byte ^ 1).collect::<Vec<_>>());
        assert!(matches!(produce(other, &[]), Err(Error::WrongReport)));
        let short = |data: &[u8]| report(data)[1..].to_vec();
        assert!(matches!(produce(short, &[]), Err(Error::WrongReport)));
        let long = |data: &[u8]| [&report(data)[..], &[0]].concat();
        assert!(matches!(produce(long, &[]), Err(Error::TooLong("outblob"))));
    }

    // AT-60
    #[test]
    fn wrong_certificates_are_refused() {
        assert!(matches!(produce(report, &[1; MAX_CERTIFICATES + 1]), Err(Error::TooLong("auxblob"))));
        assert!(matches!(produce(report, &[1; 24]), Err(Error::CertificateTable)));
    }
}
