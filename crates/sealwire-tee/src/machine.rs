//! What a machine has that makes evidence, and which of it is taken (AT-60).

use crate::{
    Development, Error, Tee,
    configfs::{self, Configfs, SEV_GUEST, TDX_GUEST},
    nitro::Nitro,
    snp::Snp,
    tdx::Tdx,
    tpm,
};
use std::path::{Path, PathBuf};

/// Where a machine's interfaces are.
#[derive(Debug, Clone)]
pub struct Machine {
    /// folder of configfs-tsm
    pub configfs: PathBuf,
    /// the device of SEV-SNP guests
    pub sev_guest: PathBuf,
    /// the device of TDX guests
    pub tdx_guest: PathBuf,
    /// the Nitro security module
    pub nsm: PathBuf,
}

impl Default for Machine {
    /// Where Linux has them.
    fn default() -> Self {
        Self {
            configfs: configfs::FOLDER.into(),
            sev_guest: "/dev/sev-guest".into(),
            tdx_guest: "/dev/tdx_guest".into(),
            nsm: "/dev/nsm".into(),
        }
    }
}

impl Machine {
    /// configfs-tsm, if `provider` is behind it; `None` where `device` is to be asked instead.
    pub(crate) fn reports(
        &self,
        provider: &'static str,
        tee: &'static str,
        device: &Path,
    ) -> Result<Option<Configfs>, Error> {
        match configfs::open(&self.configfs) {
            Ok(Some((reports, found))) if found == provider => Ok(Some(reports)),
            Ok(Some((_, found))) => Err(Error::Provider { found, wanted: provider }),
            // A container may have been given the device alone, and configfs to read only.
            Ok(None) | Err(_) if device.exists() => Ok(None),
            Ok(None) => Err(Error::Absent { tee, path: device.to_owned() }),
            Err(error) => Err(error),
        }
    }

    /// What the machine has; never a TPM, which attests a machine that its operator can read, and never development.
    pub(crate) fn any(&self) -> Result<Box<dyn Tee>, Error> {
        let provider = configfs::open(&self.configfs);
        match &provider {
            Ok(Some((_, provider))) if provider == SEV_GUEST => return Ok(Box::new(Snp::open(self)?)),
            Ok(Some((_, provider))) if provider == TDX_GUEST => return Ok(Box::new(Tdx::open(self)?)),
            _ if self.sev_guest.exists() => return Ok(Box::new(Snp::open(self)?)),
            _ if self.tdx_guest.exists() => return Ok(Box::new(Tdx::open(self)?)),
            _ if self.nsm.exists() => return Ok(Box::new(Nitro::open(self)?)),
            _ => {}
        }
        match provider? {
            Some((_, found)) => Err(Error::Provider { found, wanted: "sev_guest or tdx_guest" }),
            None => Err(Error::NoTee),
        }
    }
}

/// What a TEE is opened with.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// folder of the development root
    pub state: PathBuf,
    /// where the machine's interfaces are
    pub machine: Machine,
    /// how the TPM is used
    pub tpm: tpm::Options,
}

/// The names that [`open`] knows.
pub const NAMES: [&str; 6] = ["auto", "tdx", "snp", "nitro", "tpm", "development"];

/// Opens the TEE of a name (AT-60): one of [`NAMES`].
///
/// # Errors
/// When the machine has none; nothing silently becomes development.
pub fn open(name: &str, options: &Options) -> Result<Box<dyn Tee>, Error> {
    let Options { state, machine, tpm } = options;
    match name {
        "auto" => machine.any(),
        "tdx" => Ok(Box::new(Tdx::open(machine)?)),
        "snp" => Ok(Box::new(Snp::open(machine)?)),
        "nitro" => Ok(Box::new(Nitro::open(machine)?)),
        "tpm" => Ok(Box::new(tpm::Tpm::open(tpm.clone())?)),
        "development" => Ok(Box::new(Development::open(state)?)),
        _ => Err(Error::UnknownTee(name.to_owned())),
    }
}
