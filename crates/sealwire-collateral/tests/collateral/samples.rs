//! Genuine evidence, and its collateral as a vendor serves it.

pub(crate) use crate::shared::{MILAN_TIME as MILAN, quotes, sample};
use crate::stand_in::{Reply, StandIn};
use sealwire_attest::{Evidence, Kind, UnixTime, composite::Presented};
use serde_json::Value;

/// When the collateral of 2025 is in force.
pub(crate) const IN_2025: UnixTime = UnixTime(1_751_624_163);
/// When both CRLs of Intel's root are: that of 2025 ends on 2026-04-03, that of 2026 begins on 2026-02-26.
pub(crate) const SPRING_2026: UnixTime = UnixTime(1_773_576_000);

pub(crate) const TCB: &str = "/tdx/certification/v4/tcb?fmspc=b0c06f000000";
pub(crate) const IDENTITY: &str = "/tdx/certification/v4/qe/identity";
pub(crate) const PCK_CRL: &str = "/sgx/certification/v4/pckcrl?ca=platform&encoding=der";
pub(crate) const ROOT_CRL: &str = "/sgx/certification/v4/rootcacrl";

/// A TDX quote whose collateral of 2025 is here.
pub(crate) fn tdx() -> Option<Presented> {
    Some(Evidence::detect(&sample("tdx/phala-2025.bin")?, Some(Kind::Tdx)).unwrap().into())
}

/// A report of version 2, which does not name its product.
pub(crate) fn milan() -> Option<Presented> {
    Some(Evidence { kind: Kind::Snp, bytes: sample("snp/milan.report.hex")? }.into())
}

/// The path of the Milan sample's VCEK at AMD's.
pub(crate) fn vcek_path(product: &str) -> Option<String> {
    let report = sample("snp/milan.report.hex")?;
    let chip = hex::encode(&report[0x1a0..0x1e0]);
    Some(format!("/vcek/v1/{product}/{chip}?blSPL=03&teeSPL=00&snpSPL=08&ucodeSPL=115"))
}

/// Collateral in the form of Intel's quote verification library.
pub(crate) struct Collateral(Value);

impl Collateral {
    pub(crate) fn read(name: &str) -> Option<Self> {
        Some(Self(serde_json::from_slice(&sample(name)?).unwrap()))
    }

    pub(crate) fn of_2025() -> Option<Self> {
        Self::read("tdx/phala-2025.collateral.json")
    }

    fn text(&self, key: &str) -> &str {
        self.0[key].as_str().unwrap()
    }

    /// As Intel serves it: the exact bytes that are signed, and the signature beside them.
    pub(crate) fn tcb(&self) -> Reply {
        let body = format!(
            r#"{{"tcbInfo":{},"signature":"{}"}}"#,
            self.text("tcb_info"),
            self.text("tcb_info_signature")
        );
        Reply::ok(body).with("TCB-Info-Issuer-Chain", &percent(self.text("tcb_info_issuer_chain")))
    }

    pub(crate) fn identity(&self) -> Reply {
        let body = format!(
            r#"{{"enclaveIdentity":{},"signature":"{}"}}"#,
            self.text("qe_identity"),
            self.text("qe_identity_signature")
        );
        Reply::ok(body)
            .with("SGX-Enclave-Identity-Issuer-Chain", &percent(self.text("qe_identity_issuer_chain")))
    }

    pub(crate) fn pck_crl(&self) -> Reply {
        let der = hex::decode(self.text("pck_crl")).unwrap();
        Reply::ok(der).with("SGX-PCK-CRL-Issuer-Chain", &percent(self.text("pck_crl_issuer_chain")))
    }

    /// As a PCCS serves it: DER as hex text.
    pub(crate) fn root_crl(&self) -> Reply {
        Reply::ok(self.text("root_ca_crl").to_owned())
    }

    /// Puts all of it where a quote needs it.
    pub(crate) fn serve(&self, at: &StandIn) {
        at.serve(TCB, self.tcb());
        at.serve(IDENTITY, self.identity());
        at.serve(PCK_CRL, self.pck_crl());
        at.serve(ROOT_CRL, self.root_crl());
    }
}

/// Percent-encoded as Intel's service does it.
fn percent(pem: &str) -> String {
    pem.replace('%', "%25")
        .replace(' ', "%20")
        .replace('\n', "%0A")
        .replace('+', "%2B")
        .replace('/', "%2F")
        .replace('=', "%3D")
}
