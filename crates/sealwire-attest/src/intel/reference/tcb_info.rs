//! TCB info: which levels of a platform's components Intel has judged, and how (Intel PCS API, "Get SGX TCB info", "Get
//! TDX TCB info").

use super::{
    super::{pck::Pck, quote::Body, td_report::TdReport},
    json,
    level::{Level, Written},
};
use crate::{Error, Kind, UnixTime};
use serde::{Deserialize, de::DeserializeOwned};

const INVALID: Error = Error::ReferenceInvalid("TCB info that does not parse");

/// TCB info that parsed; nothing about it is verified.
#[derive(Debug, Clone)]
pub struct TcbInfo {
    /// `sgx` or `tdx`
    pub kind: Kind,
    /// the platforms that it is for
    pub fmspc: [u8; 6],
    /// the provisioning certification enclave that it is for
    pub pce_id: [u8; 2],
    /// when Intel signed it
    pub issued: UnixTime,
    /// when Intel will have a newer one
    pub next_update: UnixTime,
    /// which evaluation it is of; later ones count more
    pub evaluation: u32,
    /// highest first
    levels: Vec<PlatformLevel>,
    /// by module version; 0 has no levels of its own
    modules: Vec<Module>,
}

#[derive(Debug, Clone)]
struct PlatformLevel {
    /// SGX components, PCE, TDX components (zero for SGX), in the order of their weight
    at_least: ([u8; 16], u16, [u8; 16]),
    level: Level,
}

/// A TDX module that Intel, or somebody whom it names, signs.
#[derive(Debug, Clone)]
struct Module {
    version: u8,
    mr_signer: [u8; 48],
    attributes: u64,
    attributes_mask: u64,
    /// highest first
    levels: Vec<(u16, Level)>,
}

/// What Intel says of a platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PlatformStatus {
    /// when the TD was launched; for an enclave now
    pub(crate) launch: Level,
    /// now, where the quote tells
    pub(crate) current: Option<Level>,
}

impl PlatformStatus {
    /// With a component that was the same at launch as it is now.
    pub(crate) fn and(&self, component: &Level) -> Self {
        let and = |level: &Level| level.clone().and(component);
        Self { launch: and(&self.launch), current: self.current.as_ref().map(and) }
    }

    /// Launch and now together.
    pub(crate) fn level(self) -> Level {
        match &self.current {
            Some(current) => self.launch.launched_then(current),
            None => self.launch,
        }
    }
}

impl TcbInfo {
    /// Parses the inner object, the value of `tcbInfo`.
    ///
    /// # Errors
    /// [`Error::ReferenceInvalid`], also for security versions that do not fit.
    pub fn parse(json: &str) -> Result<Self, Error> {
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        let Versioned { version } = serde_json::from_str(json).map_err(|_| INVALID)?;
        match version {
            2 => Self::read::<TcbV2>(json),
            3 => Self::read::<TcbV3>(json),
            _ => Err(Error::ReferenceInvalid("a version of TCB info that is not known")),
        }
    }

    /// Whether it is for the platform of a PCK certificate.
    pub(super) fn is_for(json: &str, kind: Kind, pck: &Pck) -> bool {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Header {
            id: Option<String>,
            #[serde(deserialize_with = "json::hex_array")]
            fmspc: [u8; 6],
            #[serde(deserialize_with = "json::hex_array")]
            pce_id: [u8; 2],
        }
        serde_json::from_str::<Header>(json).is_ok_and(|header| {
            kind_of(header.id.as_deref()) == Some(kind)
                && header.fmspc == pck.fmspc
                && header.pce_id == pck.pce_id
        })
    }

    fn read<T: DeserializeOwned + Tcb>(json: &str) -> Result<Self, Error> {
        let raw: Raw<T> = serde_json::from_str(json).map_err(|_| INVALID)?;
        let kind =
            kind_of(raw.id.as_deref()).filter(|kind| *kind == Kind::Sgx || T::HAS_TDX).ok_or(INVALID)?;
        // The other matching rules that the field was made for were never written.
        if raw.tcb_type != 0 {
            return Err(Error::ReferenceInvalid("TCB info with a rule of comparison that is not known"));
        }
        let mut levels = Vec::with_capacity(raw.tcb_levels.len());
        for RawLevel { tcb, written } in raw.tcb_levels {
            let (sgx, pce_svn, tdx) = tcb.versions();
            let tdx = match kind {
                Kind::Tdx => tdx.ok_or(INVALID)?,
                _ => [0; 16],
            };
            levels.push(PlatformLevel { at_least: (sgx, pce_svn, tdx), level: written.read()? });
        }
        // The first that matches counts, from the highest: Intel's library sorts them so, whatever their order is.
        levels.sort_by_key(|level| std::cmp::Reverse(level.at_least));
        let mut modules = Vec::new();
        if kind == Kind::Tdx {
            let base = raw.tdx_module.ok_or(INVALID)?;
            modules.push(Module::new(0, base, Vec::new())?);
            for RawIdentity { id, module, tcb_levels } in raw.tdx_module_identities {
                let version = id.strip_prefix("TDX_").and_then(|hex| u8::from_str_radix(hex, 16).ok());
                // One that is named otherwise is of no version that a report can have.
                if let Some(version) = version.filter(|version| *version > 0) {
                    modules.push(Module::new(version, module, tcb_levels)?);
                }
            }
        }
        Ok(Self {
            kind,
            fmspc: raw.fmspc,
            pce_id: raw.pce_id,
            issued: raw.issue_date,
            next_update: raw.next_update,
            evaluation: raw.tcb_evaluation_data_number,
            levels,
            modules,
        })
    }

    /// What Intel says of a platform and what runs on it.
    pub(crate) fn judge(&self, pck: &Pck, body: &Body) -> Result<PlatformStatus, Error> {
        let report = match body {
            Body::Enclave(_) => {
                return Ok(PlatformStatus { launch: self.platform(pck, None), current: None });
            }
            Body::Td(report) => report,
        };
        self.module(report.tee_tcb_svn)?.check(report)?;
        let current = report.v15.as_ref().map(|v15| self.trust_domain(pck, v15.tee_tcb_svn2));
        Ok(PlatformStatus {
            launch: self.trust_domain(pck, report.tee_tcb_svn)?,
            current: current.transpose()?,
        })
    }

    /// The level of a platform and of the TDX module on it.
    fn trust_domain(&self, pck: &Pck, svn: [u8; 16]) -> Result<Level, Error> {
        let platform = self.platform(pck, Some(svn));
        let [module_svn, version, ..] = svn;
        if version == 0 {
            return Ok(platform);
        }
        let levels = &self.module(svn)?.levels;
        let level = levels.iter().find(|(at_least, _)| u16::from(module_svn) >= *at_least);
        Ok(platform.and(&level.map_or_else(Level::unlisted, |(_, level)| level.clone())))
    }

    /// The highest level whose every version the platform has.
    fn platform(&self, pck: &Pck, tee_tcb_svn: Option<[u8; 16]>) -> Level {
        let reaches =
            |found: &[u8], at_least: &[u8]| found.iter().zip(at_least).all(|(found, least)| found >= least);
        let matching = self.levels.iter().find(|level| {
            let (sgx, pce_svn, tdx) = &level.at_least;
            let tdx_reached = match &tee_tcb_svn {
                None => true,
                // From module version 1 on the first two are the module's, which has levels of its own.
                Some([_, version, rest @ ..]) if *version > 0 => reaches(rest, tdx.get(2..).unwrap_or(tdx)),
                Some(svn) => reaches(svn, tdx),
            };
            reaches(&pck.components, sgx) && pck.pce_svn >= *pce_svn && tdx_reached
        });
        matching.map_or_else(Level::unlisted, |found| found.level.clone())
    }

    fn module(&self, [_, version, ..]: [u8; 16]) -> Result<&Module, Error> {
        let module = self.modules.iter().find(|module| module.version == version);
        module.ok_or(Error::TdxModule("of a version that the TCB info does not know"))
    }
}

impl Module {
    fn new(version: u8, raw: RawModule, levels: Vec<RawModuleLevel>) -> Result<Self, Error> {
        let read = |RawModuleLevel { tcb, written }| Ok((tcb.isvsvn, written.read()?));
        let mut levels: Vec<(u16, Level)> = levels.into_iter().map(read).collect::<Result<_, Error>>()?;
        levels.sort_by_key(|(svn, _)| std::cmp::Reverse(*svn));
        Ok(Self {
            version,
            mr_signer: raw.mrsigner,
            attributes: u64::from_le_bytes(raw.attributes),
            attributes_mask: u64::from_le_bytes(raw.attributes_mask),
            levels,
        })
    }

    fn check(&self, report: &TdReport) -> Result<(), Error> {
        if report.mr_signer_seam != self.mr_signer {
            return Err(Error::TdxModule("another signer"));
        }
        // Bits outside of the mask are none that Intel has judged.
        let attributes = u64::from_le_bytes(report.seam_attributes);
        if attributes & !self.attributes_mask != 0
            || (attributes ^ self.attributes) & self.attributes_mask != 0
        {
            return Err(Error::TdxModule("other attributes"));
        }
        Ok(())
    }
}

/// Version 2 is SGX's and says nothing of it.
fn kind_of(id: Option<&str>) -> Option<Kind> {
    match id {
        None | Some("SGX") => Some(Kind::Sgx),
        Some("TDX") => Some(Kind::Tdx),
        Some(_) => None,
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw<T> {
    id: Option<String>,
    #[serde(deserialize_with = "json::time")]
    issue_date: UnixTime,
    #[serde(deserialize_with = "json::time")]
    next_update: UnixTime,
    #[serde(deserialize_with = "json::hex_array")]
    fmspc: [u8; 6],
    #[serde(deserialize_with = "json::hex_array")]
    pce_id: [u8; 2],
    tcb_type: u32,
    tcb_evaluation_data_number: u32,
    tcb_levels: Vec<RawLevel<T>>,
    tdx_module: Option<RawModule>,
    #[serde(default)]
    tdx_module_identities: Vec<RawIdentity>,
}

#[derive(Deserialize)]
struct RawLevel<T> {
    tcb: T,
    #[serde(flatten)]
    written: Written,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawModule {
    #[serde(deserialize_with = "json::hex_array")]
    mrsigner: [u8; 48],
    #[serde(deserialize_with = "json::hex_array")]
    attributes: [u8; 8],
    #[serde(deserialize_with = "json::hex_array")]
    attributes_mask: [u8; 8],
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawIdentity {
    id: String,
    #[serde(flatten)]
    module: RawModule,
    tcb_levels: Vec<RawModuleLevel>,
}

#[derive(Deserialize)]
struct RawModuleLevel {
    tcb: RawModuleTcb,
    #[serde(flatten)]
    written: Written,
}

#[derive(Deserialize)]
struct RawModuleTcb {
    isvsvn: u16,
}

/// The security versions of a level: SGX components, PCE, TDX components.
trait Tcb {
    /// whether this version of TCB info is written for TDX at all
    const HAS_TDX: bool;
    fn versions(&self) -> ([u8; 16], u16, Option<[u8; 16]>);
}

#[derive(Deserialize)]
struct TcbV3 {
    sgxtcbcomponents: [Component; 16],
    pcesvn: u16,
    tdxtcbcomponents: Option<[Component; 16]>,
}

#[derive(Deserialize, Clone, Copy)]
struct Component {
    svn: u8,
}

impl Tcb for TcbV3 {
    const HAS_TDX: bool = true;

    fn versions(&self) -> ([u8; 16], u16, Option<[u8; 16]>) {
        let svn = |component: Component| component.svn;
        (self.sgxtcbcomponents.map(svn), self.pcesvn, self.tdxtcbcomponents.map(|list| list.map(svn)))
    }
}

#[derive(Deserialize)]
struct TcbV2 {
    sgxtcbcomp01svn: u8,
    sgxtcbcomp02svn: u8,
    sgxtcbcomp03svn: u8,
    sgxtcbcomp04svn: u8,
    sgxtcbcomp05svn: u8,
    sgxtcbcomp06svn: u8,
    sgxtcbcomp07svn: u8,
    sgxtcbcomp08svn: u8,
    sgxtcbcomp09svn: u8,
    sgxtcbcomp10svn: u8,
    sgxtcbcomp11svn: u8,
    sgxtcbcomp12svn: u8,
    sgxtcbcomp13svn: u8,
    sgxtcbcomp14svn: u8,
    sgxtcbcomp15svn: u8,
    sgxtcbcomp16svn: u8,
    pcesvn: u16,
}

impl Tcb for TcbV2 {
    const HAS_TDX: bool = false;

    fn versions(&self) -> ([u8; 16], u16, Option<[u8; 16]>) {
        let components = [
            self.sgxtcbcomp01svn,
            self.sgxtcbcomp02svn,
            self.sgxtcbcomp03svn,
            self.sgxtcbcomp04svn,
            self.sgxtcbcomp05svn,
            self.sgxtcbcomp06svn,
            self.sgxtcbcomp07svn,
            self.sgxtcbcomp08svn,
            self.sgxtcbcomp09svn,
            self.sgxtcbcomp10svn,
            self.sgxtcbcomp11svn,
            self.sgxtcbcomp12svn,
            self.sgxtcbcomp13svn,
            self.sgxtcbcomp14svn,
            self.sgxtcbcomp15svn,
            self.sgxtcbcomp16svn,
        ];
        (components, self.pcesvn, None)
    }
}
