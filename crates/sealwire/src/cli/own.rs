//! `--attest`: this machine's own evidence, for who attests itself to a gateway (SE-11).

use super::{
    exit::{Failure, OrNext},
    tpm,
};
use clap::{Args as ClapArgs, builder::PossibleValuesParser};
use sealwire::attester::Machine;
use sealwire_client::Attester;
use sealwire_collateral::folder;
use sealwire_gateway::{config::Tpm, default_state};
use sealwire_tee::{NAMES, Options, Platform};
use std::{path::PathBuf, sync::Arc};

/// What this machine shows of itself.
#[derive(Debug, ClapArgs)]
#[group(skip)]
pub(crate) struct Args {
    /// Attest this machine to a gateway that wants to see who calls; asks for a session. auto takes what the machine has,
    /// never a TPM or development evidence
    #[arg(long, value_name = "TEE", value_parser = PossibleValuesParser::new(NAMES))]
    pub(crate) attest: Option<String>,
    /// What goes with this machine's own evidence (`sealwire attest fetch` fills a folder): a gateway asks no vendor for
    /// what is missing; repeatable
    #[arg(
        id = "attest-endorsements",
        long = "attest-endorsements",
        value_name = "FILE|DIR",
        requires = "attest"
    )]
    endorsements: Vec<PathBuf>,
    /// Folder of the development root, for --attest development
    #[arg(long, value_name = "DIR", requires = "attest")]
    state: Option<PathBuf>,
    #[command(flatten)]
    tpm: tpm::Args,
}

impl Args {
    /// Opens the TEE, if there is to be one.
    pub(crate) async fn open(&self) -> Result<Option<Arc<dyn Attester>>, Failure> {
        let Some(name) = self.attest.clone() else { return Ok(None) };
        // What cannot be read is told now, though it is read anew with each document.
        for path in &self.endorsements {
            folder::read(path).or_usage()?;
        }
        let state = self.state.clone().or_else(default_state).unwrap_or_default();
        let mut tpm = Tpm::default();
        self.tpm.over(&mut tpm);
        let options = Options { state, tpm: tpm.options(), ..Options::default() };
        // A development root takes seconds to make.
        let opened = tokio::task::spawn_blocking(move || sealwire_tee::open(&name, &options));
        let tee = opened.await?.or_next(
            "without --attest this machine calls as nobody in particular; a development machine is asked for by --attest \
             development",
        )?;
        Ok(Some(Arc::new(Machine::new(Platform::new(tee.into()), self.endorsements.clone()))))
    }
}
