//! Peers in Python: the environments that `cargo xtask vectors` makes.

use std::{
    env,
    path::{Path, PathBuf},
};

/// The interpreter of the environment of this name, or `None` where there is none (never when `CI` is set).
#[must_use]
pub fn python(environment: &str) -> Option<PathBuf> {
    // Test programs lie in `target/debug/deps`.
    let program = env::current_exe().unwrap();
    let target = program.ancestors().nth(3).unwrap();
    let python = target.join(environment).join("bin").join("python");
    if python.exists() {
        return Some(python);
    }
    assert!(env::var_os("CI").is_none(), "no {}; type: cargo xtask vectors", python.display());
    println!("skipped: no {}; type: cargo xtask vectors", python.display());
    None
}

/// A script of `tests/peers`.
#[must_use]
pub fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("peers").join(name)
}
