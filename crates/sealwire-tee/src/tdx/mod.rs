//! TDX quotes: through configfs-tsm, or from a TDREPORT of `/dev/tdx_guest` that the host's Quote Generation Service
//! signs.

mod device;
mod qgs;
mod quote;

use crate::{
    Error, Machine, Produced, Tee,
    configfs::{self, Reports, TDX_GUEST},
};
use sealwire_attest::{Endorsements, Evidence, Kind};

/// The longest quote, in bytes: the most that the kernel has room for (`GET_QUOTE_BUF_SIZE`, once 8 KiB).
const MAX_QUOTE: usize = 128 * 1024;

/// Makes TDX quotes. Certificates are inside them; the rest is Intel's to publish.
pub struct Tdx {
    source: Box<dyn Source>,
}

/// What makes a quote.
trait Source: Send + Sync {
    fn quote(&self, report_data: &[u8; 64]) -> Result<Vec<u8>, Error>;
}

impl Tdx {
    /// Opens what the machine has.
    ///
    /// # Errors
    /// [`Error::Absent`], [`Error::Provider`], [`Error::Platform`], [`Error::Device`]
    pub fn open(machine: &Machine) -> Result<Self, Error> {
        match machine.reports(TDX_GUEST, "TDX", &machine.tdx_guest)? {
            Some(reports) => Ok(Self::with(reports)),
            None => Ok(Self { source: Box::new(device::open(&machine.tdx_guest)?) }),
        }
    }

    fn with(reports: impl Reports) -> Self {
        Self { source: Box::new(ThroughConfigfs(reports)) }
    }
}

struct ThroughConfigfs<R>(R);

impl<R: Reports> Source for ThroughConfigfs<R> {
    fn quote(&self, report_data: &[u8; 64]) -> Result<Vec<u8>, Error> {
        configfs::report(&self.0, report_data, MAX_QUOTE, None).map(|(quote, _)| quote)
    }
}

impl Tee for Tdx {
    fn kind(&self) -> Kind {
        Kind::Tdx
    }

    fn produce(&self, report_data: &[u8; 64]) -> Result<Produced, Error> {
        let bytes = quote::checked(self.source.quote(report_data)?, report_data)?;
        Ok(Produced { evidence: Evidence { kind: Kind::Tdx, bytes }, endorsements: Endorsements::default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::configfs::played::{Fault, Played};

    fn produce(make_quote: fn(&[u8]) -> Vec<u8>, fault: Fault) -> Result<Produced, Error> {
        Tdx::with(Played { fault, ..Played::new(TDX_GUEST, make_quote) }).produce(&[7; 64])
    }

    fn padded(data: &[u8]) -> Vec<u8> {
        [quote::example(data), vec![0; 70]].concat()
    }

    // AT-60
    #[test]
    fn makes_quotes_without_their_padding() {
        let produced = produce(padded, Fault::None).unwrap();
        assert_eq!(produced.evidence, Evidence { kind: Kind::Tdx, bytes: quote::example(&[7; 64]) });
        assert_eq!(produced.endorsements, Endorsements::default());
    }

    // AT-60
    #[test]
    fn faults_are_told_apart() {
        assert!(matches!(produce(|_| quote::example(&[8; 64]), Fault::None), Err(Error::WrongReport)));
        assert!(matches!(produce(padded, Fault::OtherWriter), Err(Error::Interfered)));
        assert!(matches!(produce(padded, Fault::Fail), Err(Error::Platform { what: "outblob", .. })));
        let long = produce(|_| vec![0; MAX_QUOTE + 1], Fault::None);
        assert!(matches!(long, Err(Error::TooLong("outblob"))));
    }
}
