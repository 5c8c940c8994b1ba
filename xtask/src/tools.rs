//! Programs that the chores need: installed where that needs nobody's leave, else named with the line to type.

use anyhow::{Context, Result, bail};
use cargo_metadata::{MetadataCommand, camino::Utf8Path};

use crate::shell::{cargo, program, root, run, works};

/// Programs of the system, and the Debian packages that bring them.
const SYSTEM: [(&str, &str); 13] = [
    // aws-lc-sys is C, libFuzzer is C++
    ("cc", "build-essential"),
    ("c++", "build-essential"),
    // a peer of the tests
    ("curl", "curl"),
    // a second implementation of OCSP
    ("openssl", "openssl"),
    // and of XML signatures
    ("xmlsec1", "xmlsec1"),
    // the second implementation of the session
    ("python3", "python3-venv"),
    // where instances find each other
    ("redis-server", "redis-server"),
    // what stands before them
    ("nginx", "nginx-light"),
    ("haproxy", "haproxy"),
    // TPMs in software, their manufacture with certificates, and a second implementation of what is done with them
    ("swtpm", "swtpm"),
    ("swtpm_cert", "swtpm-tools"),
    ("certtool", "gnutls-bin"),
    ("tpm2_checkquote", "tpm2-tools"),
];

/// What `cargo xtask test` needs.
pub(crate) fn install(quick: bool) -> Result<()> {
    for component in ["fmt", "clippy"] {
        if !works(cargo([component, "--version"])) {
            rustup()?;
        }
    }
    let missing: Vec<_> =
        SYSTEM.into_iter().filter(|(name, _)| !is_there(name)).map(|(_, package)| package).collect();
    if !missing.is_empty() {
        debian(missing)?;
    }
    peers()?;
    if quick { Ok(()) } else { fuzz() }
}

/// Whether a program runs. Debian has servers where only root looks; each says its version to one of these.
fn is_there(name: &str) -> bool {
    let places = [name.to_owned(), format!("/usr/sbin/{name}")];
    let asked = ["--version", "version", "-v"];
    places.iter().any(|place| asked.iter().any(|asked| works(program(place, [asked]))))
}

/// Python for the peers of the tests: folders beside what cargo builds, and what is in each.
const ENVIRONMENTS: [(&str, &str); 6] = [
    // the second implementation of the session
    ("peers", "tests/peers/requirements.txt"),
    // the published package whose wire is `hpke-http/3`
    ("hpke-http-4", "tests/peers/hpke-http-4.txt"),
    // the published package whose wire is `7h3/0.1`
    ("envelope", "tests/peers/envelope.txt"),
    // the last of it that spoke 1.x
    ("hpke-http-1", "tests/peers/hpke-http-1.txt"),
    // the published client of EHBP
    ("tinfoil-ehbp", "tests/peers/tinfoil-ehbp.txt"),
    // a second implementation of version 0 of the RA tunnel
    ("ra-tunnel", "tests/peers/ra-tunnel.txt"),
];

/// Makes every environment of [`ENVIRONMENTS`].
pub(crate) fn peers() -> Result<()> {
    let metadata = MetadataCommand::new().current_dir(root()).no_deps().exec();
    let target = metadata.context("cannot ask for the target folder")?.target_directory;
    ENVIRONMENTS.iter().try_for_each(|(name, requirements)| environment(&target.join(name), requirements))
}

/// An environment of Python with exactly the packages of `requirements`.
fn environment(environment: &Utf8Path, requirements: &str) -> Result<()> {
    let python = environment.join("bin").join("python");
    let (wanted, kept) = (std::fs::read(root().join(requirements))?, environment.join("requirements.txt"));
    if std::fs::read(&kept).is_ok_and(|kept| kept == wanted) && works(program(&python, ["--version"])) {
        return Ok(());
    }
    if !works(program("python3", ["-m", "ensurepip", "--version"])) {
        debian(vec!["python3-venv"])?;
    }
    run(program("python3", ["-m", "venv", "--clear", environment.as_str()]))?;
    run(program(&python, ["-m", "pip", "install", "--quiet", "--require-hashes", "-r", requirements]))?;
    std::fs::write(kept, wanted)?;
    Ok(())
}

/// cargo-fuzz, which takes a minute to build.
pub(crate) fn fuzz() -> Result<()> {
    if works(cargo(["fuzz", "--version"])) {
        return Ok(());
    }
    run(cargo(["install", "cargo-fuzz", "--locked"]))?;
    if !works(cargo(["fuzz", "--version"])) {
        bail!(
            "cargo-fuzz is installed but cargo does not find it; type: export PATH=\"$HOME/.cargo/bin:$PATH\""
        );
    }
    Ok(())
}

fn rustup() -> Result<()> {
    let add = ["component", "add", "rustfmt", "clippy"];
    if works(program("rustup", ["--version"])) {
        return run(program("rustup", add));
    }
    bail!("rustfmt and clippy are missing; type: rustup {}", add.join(" "))
}

fn debian(mut packages: Vec<&str>) -> Result<()> {
    packages.dedup();
    let root =
        std::process::Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout.trim_ascii() == b"0");
    if root && works(program("apt-get", ["--version"])) {
        run(program("apt-get", ["update"]))?;
        let mut install = program("apt-get", ["install", "-y"]);
        install.args(packages);
        return run(install);
    }
    bail!("programs are missing; type: sudo apt-get update && sudo apt-get install -y {}", packages.join(" "))
}
