//! `cargo xtask vectors`: the vectors of the session. What makes them is a test, so that they cannot go stale unseen.

use anyhow::Result;

use crate::shell::{self, cargo, works};
use crate::tools;

pub(crate) fn run() -> Result<()> {
    tools::peers()?;
    let test = |name| cargo(["test", "--locked", "--package", "sealwire-session", "--test", name]);
    // Evidence is signed anew each time, so a file that is right is left as it is.
    if !works(test("vectors")) {
        let mut write = test("vectors");
        write.env("SEALWIRE_WRITE_VECTORS", "1");
        shell::run(write)?;
    }
    shell::run(test("peer"))
}
