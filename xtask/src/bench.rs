//! `cargo xtask bench`: starts the bench program, built as it is shipped.

use anyhow::Result;

use crate::shell::{self, cargo};

pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let mut bench = cargo(["run", "--release", "--locked", "--package", "sealwire-bench", "--"]);
    bench.args(arguments);
    shell::run(bench)
}
