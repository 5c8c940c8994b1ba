//! `cargo xtask test`: each check once, the first failure ends it.

use anyhow::{Context, Result};
use cargo_metadata::MetadataCommand;

use crate::shell::{self, cargo, program, root};
use crate::steps::Steps;
use crate::{fuzz, licences, tools};

pub(crate) fn run(quick: bool) -> Result<()> {
    let mut steps = Steps::default();
    let result = all(&mut steps, quick);
    steps.print();
    result
}

fn all(steps: &mut Steps, quick: bool) -> Result<()> {
    steps.step("tools", || tools::install(quick))?;
    steps.step("format", || {
        shell::run(cargo(["fmt", "--all", "--check"]))?;
        shell::run(cargo(["fmt", "--manifest-path", "fuzz/Cargo.toml", "--check"]))
    })?;
    steps.step("lints", || {
        shell::run(cargo(["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"]))?;
        // The workspace is built with every feature on; these can be left out, alone or together.
        [&[][..], &["--features", "rego"], &["--features", "sigstore"]].into_iter().try_for_each(|features| {
            let mut clippy = cargo(["clippy", "-p", "sealwire-attest", "--no-default-features", "--locked"]);
            clippy.args(features).args(["--", "-D", "warnings"]);
            shell::run(clippy)
        })
    })?;
    // With the tests, so that both steps have one set of features and nothing is built twice.
    steps.step("build", || shell::run(cargo(["test", "--workspace", "--locked", "--no-run"])))?;
    steps.step("tests", || shell::run(cargo(["test", "--workspace", "--locked"])))?;
    if quick {
        return Ok(());
    }
    steps.step("doc", || {
        let mut doc = cargo(["doc", "--workspace", "--no-deps", "--locked"]);
        doc.env("RUSTDOCFLAGS", "-D warnings");
        shell::run(doc)
    })?;
    steps.step("fuzz", fuzz::smoke)?;
    steps.step("demo", demo)?;
    steps.step("licences", licences::check)
}

/// The program as it is shipped, and its demonstration from the first step to the last.
fn demo() -> Result<()> {
    shell::run(cargo(["build", "--release", "--locked", "--package", "sealwire"]))?;
    let metadata = MetadataCommand::new()
        .current_dir(root())
        .no_deps()
        .exec()
        .context("cannot ask for the target folder")?;
    let sealwire = metadata.target_directory.join("release").join("sealwire");
    shell::run(program(sealwire, ["demo", "--once"]))
}
