//! Parties in processes of their own, so that the CPU time and memory of each can be told apart.

use anyhow::{Context, Result, anyhow};
use std::{
    fs,
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Child, ChildStdin, Command, Stdio},
};

/// A child that plays a role. It ends when this is dropped.
pub(crate) struct Party {
    child: Child,
    /// the child ends when this closes
    _stdin: ChildStdin,
    pub(crate) address: SocketAddr,
}

impl Party {
    /// Starts this program again in a role, and waits for its address.
    pub(crate) fn start(role: &str, arguments: &[String]) -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("role")
            .arg(role)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let stdin = child.stdin.take().context("stdin")?;
        let stdout = child.stdout.take().context("stdout")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let address = line.trim().parse().with_context(|| format!("{role} did not start: {line:?}"))?;
        Ok(Self { child, _stdin: stdin, address })
    }

    /// CPU time of all its threads so far, in nanoseconds.
    pub(crate) fn cpu_nanos(&self) -> Result<f64> {
        let mut total = 0.0;
        for task in fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            let text = fs::read_to_string(task?.path().join("schedstat"))?;
            let first = text.split_whitespace().next().ok_or_else(|| anyhow!("schedstat"))?;
            total += first.parse::<f64>()?;
        }
        Ok(total)
    }

    /// Memory in use and the most that ever was, in KiB.
    pub(crate) fn memory_kib(&self) -> Result<(f64, f64)> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let field = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name));
            let number = line.and_then(|line| line.split_whitespace().nth(1));
            number.and_then(|number| number.parse::<f64>().ok()).ok_or_else(|| anyhow!("{name}"))
        };
        Ok((field("VmRSS")?, field("VmHWM")?))
    }

    /// Makes the most that ever was start again at what is.
    pub(crate) fn reset_peak(&self) -> Result<()> {
        Ok(fs::write(format!("/proc/{}/clear_refs", self.child.id()), "5")?)
    }
}

impl Drop for Party {
    fn drop(&mut self) {
        // Its process id is ours until it is waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
