//! `cargo xtask fuzz`: every decoder against libFuzzer.
//!
//! cargo-fuzz wants compiler flags that are not stable; `RUSTC_BOOTSTRAP=1` lets the stable compiler take them, so
//! that what is fuzzed is built by the compiler that builds what is shipped.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::shell::{self, cargo, root};
use crate::tools;

/// Runs each target for so many seconds, all of them if none is named.
pub(crate) fn run(seconds: u32, wanted: &[String]) -> Result<()> {
    each(seconds, wanted, &[])
}

/// Each target for a few seconds: whether it still runs, its seeds pass, and nothing turns up at once.
pub(crate) fn smoke() -> Result<()> {
    // cargo-fuzz would bring a lock file up to date that should have been committed.
    shell::run(cargo(["fetch", "--locked", "--manifest-path", "fuzz/Cargo.toml"]))?;
    each(3, &[], &["-verbosity=0", "-print_funcs=0", "-print_final_stats=1"])
}

fn each(seconds: u32, wanted: &[String], options: &[&str]) -> Result<()> {
    tools::fuzz()?;
    let known = targets(&root().join("fuzz/fuzz_targets"))?;
    if let Some(unknown) = wanted.iter().find(|wanted| !known.contains(wanted)) {
        bail!("no fuzz target `{unknown}`; there are: {}", known.join(", "));
    }
    shell::run(stable(cargo(["fuzz", "build"])))?;
    for target in known.iter().filter(|target| wanted.is_empty() || wanted.contains(target)) {
        // What libFuzzer finds goes into the first folder, which is not committed; seeds are.
        let found = format!("fuzz/corpus/{target}");
        let seeds = format!("fuzz/seeds/{target}");
        fs::create_dir_all(root().join(&found)).context(found.clone())?;
        let mut fuzz = cargo(["fuzz", "run", target, &found]);
        if root().join(&seeds).is_dir() {
            fuzz.arg(seeds);
        }
        // An input that takes ten seconds or two gigabytes is a denial of service, not a slow test.
        fuzz.args(["--", "-timeout=10", "-rss_limit_mb=2048", "-max_len=65536"]);
        fuzz.arg(format!("-max_total_time={seconds}")).args(options);
        shell::run(stable(fuzz))?;
    }
    Ok(())
}

fn stable(mut command: Command) -> Command {
    command.env("RUSTC_BOOTSTRAP", "1");
    command
}

/// One target for each file.
fn targets(folder: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            names.extend(path.file_stem().map(|name| name.to_string_lossy().into_owned()));
        }
    }
    names.sort();
    Ok(names)
}
