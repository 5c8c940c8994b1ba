//! Peers in Python: the environments that `cargo xtask peers` makes.

use std::{
    env,
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
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
    assert!(env::var_os("CI").is_none(), "no {}; type: cargo xtask peers", python.display());
    println!("skipped: no {}; type: cargo xtask peers", python.display());
    None
}

/// A script of `tests/peers`.
#[must_use]
pub fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("peers").join(name)
}

/// A server, which ends with the test.
pub struct Server {
    /// where it listens
    pub address: SocketAddr,
    child: Child,
}

impl Server {
    /// Starts a script of `tests/peers`. It chooses a free port of 127.0.0.1, and says which in its first line once it
    /// listens.
    #[must_use]
    pub fn start(python: &Path, name: &str, arguments: &[&str]) -> Self {
        let mut command = Command::new(python);
        command.arg("-B").arg(script(name)).args(arguments).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let Ok(port) = line.trim().parse::<u16>() else {
            // What it had to say is on standard error.
            panic!("the server has not started: {}", child.wait().unwrap());
        };
        Self { address: SocketAddr::from(([127, 0, 0, 1], port)), child }
    }

    /// Its URL, without a path.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Its process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
