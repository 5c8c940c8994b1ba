//! The second implementation, in Python: `tests/peers/session`.

use serde_json::Value;
use std::{
    env,
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

/// The interpreter with what the second implementation needs, or `None` where there is none (never when `CI` is set).
pub(crate) fn python() -> Option<PathBuf> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let python = target.join("peers").join("bin").join("python");
    if python.exists() {
        return Some(python);
    }
    assert!(env::var_os("CI").is_none(), "no {}; type: cargo xtask vectors", python.display());
    println!("skipped: no {}; type: cargo xtask vectors", python.display());
    None
}

/// One of its programs.
pub(crate) fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/peers/session").join(name)
}

/// A live end of it: lines of JSON both ways.
pub(crate) struct Peer {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Peer {
    pub(crate) fn start(python: &Path, role: &str, config: &Value) -> Self {
        let mut command = Command::new(python);
        command.arg("-B").arg(script("live.py")).arg(role).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (to, from) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut peer = Self { child, to, from: BufReader::new(from) };
        peer.say(config);
        peer
    }

    pub(crate) fn say(&mut self, line: &Value) {
        writeln!(self.to, "{line}").unwrap();
    }

    pub(crate) fn hear(&mut self) -> Value {
        let mut line = String::new();
        self.from.read_line(&mut line).unwrap();
        // What it had to say is on standard error.
        assert!(!line.is_empty(), "the peer has ended: {}", self.child.wait().unwrap());
        serde_json::from_str(&line).unwrap()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The bytes of a string on a line.
pub(crate) fn bytes(line: &Value, name: &str) -> Vec<u8> {
    hex::decode(line[name].as_str().unwrap_or_else(|| panic!("no `{name}` in {line}"))).unwrap()
}
