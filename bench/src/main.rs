//! `cargo xtask bench`: what Sealwire costs, against the floor and its peers, all in one run on one machine.

mod floor;
mod measure;
mod report;
mod seal;

use anyhow::Result;

fn main() -> Result<()> {
    print!("{}", seal::run()?);
    Ok(())
}
