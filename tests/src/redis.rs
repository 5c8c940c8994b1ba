//! A Redis server of its own for a test, on a free port, without a disk.

use std::{
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// A running `redis-server`, which ends with the test.
pub struct Redis {
    /// where it listens
    pub address: SocketAddr,
    child: Child,
    _folder: TempDir,
}

impl Redis {
    /// Starts one. A port that was free a moment ago may be taken: then another is tried.
    #[must_use]
    pub fn start() -> Self {
        for _ in 0..10 {
            let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
            if let Some(redis) = Self::at(address) {
                return redis;
            }
        }
        panic!(
            "redis-server does not start; type: sudo apt-get update && sudo apt-get install -y redis-server"
        )
    }

    /// Starts one at this address, as after a failure.
    #[must_use]
    pub fn at(address: SocketAddr) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let child = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--port"])
            .arg(address.port().to_string())
            .arg("--dir")
            .arg(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("redis-server: sudo apt-get update && sudo apt-get install -y redis-server");
        let mut redis = Self { address, child, _folder: folder };
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(10) {
            if TcpStream::connect(address).is_ok() {
                return Some(redis);
            }
            if redis.child.try_wait().unwrap().is_some() {
                return None;
            }
            // Nothing tells that a server of another program listens but asking it.
            std::thread::yield_now();
        }
        None
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    /// Says a command and gives back the answer's bytes: a test speaks as a liar or a bystander would.
    pub fn say(&self, command: &[&str]) -> Vec<u8> {
        use std::io::{Read, Write};
        let mut stream = TcpStream::connect(self.address).unwrap();
        let mut text = format!("*{}\r\n", command.len());
        for word in command {
            text.push_str(&format!("${}\r\n{word}\r\n", word.len()));
        }
        stream.write_all(text.as_bytes()).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        answer
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
