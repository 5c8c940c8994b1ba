//! Balancers of other makers, each a process of its own that ends with the test: nginx and HAProxy.

use std::{
    fs,
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// What brings both.
const INSTALL: &str = "sudo apt-get update && sudo apt-get install -y nginx-light haproxy";

/// A running balancer.
pub struct Proxy {
    /// where it listens
    pub address: SocketAddr,
    child: Child,
    _folder: TempDir,
}

/// One of them: how it checks a file, how it runs with one, and what it needs around a configuration.
trait Program {
    fn file(&self, folder: &Path, inner: &str) -> String;
    fn check(&self, folder: &Path, file: &Path) -> Command;
    fn run(&self, folder: &Path, file: &Path) -> Command;
}

struct Nginx;
struct HaProxy;

/// In Debian these are where only root looks.
fn program(name: &str) -> Command {
    let system = PathBuf::from("/usr/sbin").join(name);
    Command::new(if system.exists() { system } else { PathBuf::from(name) })
}

impl Program for Nginx {
    fn file(&self, folder: &Path, inner: &str) -> String {
        let folder = folder.display();
        // One process, so that it ends with its test; whatever it writes goes to a folder of its own.
        format!(
            "daemon off;\nmaster_process off;\npid {folder}/pid;\nerror_log {folder}/error.log;\nevents {{}}\n\
             http {{\naccess_log off;\nclient_body_temp_path {folder}/body;\nproxy_temp_path {folder}/proxy;\n\
             fastcgi_temp_path {folder}/fastcgi;\nuwsgi_temp_path {folder}/uwsgi;\nscgi_temp_path {folder}/scgi;\n\
             {inner}\n}}\n"
        )
    }

    fn check(&self, folder: &Path, file: &Path) -> Command {
        let mut nginx = self.run(folder, file);
        nginx.arg("-t");
        nginx
    }

    fn run(&self, folder: &Path, file: &Path) -> Command {
        let mut nginx = program("nginx");
        nginx.arg("-e").arg(folder.join("error.log")).arg("-p").arg(folder).arg("-c").arg(file);
        nginx
    }
}

impl Program for HaProxy {
    fn file(&self, _: &Path, inner: &str) -> String {
        format!("{inner}\n")
    }

    fn check(&self, _: &Path, file: &Path) -> Command {
        let mut haproxy = program("haproxy");
        haproxy.arg("-c").arg("-f").arg(file);
        haproxy
    }

    fn run(&self, _: &Path, file: &Path) -> Command {
        let mut haproxy = program("haproxy");
        // In the foreground.
        haproxy.arg("-db").arg("-f").arg(file);
        haproxy
    }
}

impl Proxy {
    /// nginx, with what goes inside its `http`. `config` gets the address to listen at, and a folder for its files.
    pub fn nginx(config: impl Fn(SocketAddr, &Path) -> String) -> Self {
        Self::start(&Nginx, config)
    }

    /// HAProxy, with a whole configuration.
    pub fn haproxy(config: impl Fn(SocketAddr, &Path) -> String) -> Self {
        Self::start(&HaProxy, config)
    }

    /// A port that was free a moment ago may be taken: then another is tried.
    fn start(program: &dyn Program, config: impl Fn(SocketAddr, &Path) -> String) -> Self {
        for _ in 0..10 {
            let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("config");
            fs::write(&file, program.file(folder.path(), &config(address, folder.path()))).unwrap();
            let checked = program.check(folder.path(), &file).output();
            let checked = checked.unwrap_or_else(|error| panic!("{error}; type: {INSTALL}"));
            let said = String::from_utf8_lossy(&checked.stderr).into_owned();
            assert!(checked.status.success(), "{said}\n{}", fs::read_to_string(&file).unwrap());
            let mut run = program.run(folder.path(), &file);
            let child = run.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            let mut proxy = Self { address, child, _folder: folder };
            if proxy.listens() {
                return proxy;
            }
        }
        panic!("it does not start")
    }

    fn listens(&mut self) -> bool {
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(10) {
            if TcpStream::connect(self.address).is_ok() {
                return true;
            }
            if self.child.try_wait().unwrap().is_some() {
                return false;
            }
            // Nothing tells that a server of another program listens but asking it.
            std::thread::yield_now();
        }
        false
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
