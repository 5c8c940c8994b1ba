//! Software TPMs (swtpm), manufactured with an EK certificate as a maker would, each a process of its own that ends with
//! the test.

use sealwire_attest::Endorsements;
use sealwire_tee::tpm::Address;
use std::{
    fs,
    io::{self, Read, Write as _},
    os::unix::net::{UnixListener, UnixStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// What to type where a program is missing: these tests are never skipped.
const INSTALL: &str =
    "sudo apt-get update && sudo apt-get install -y swtpm swtpm-tools tpm2-tools gnutls-bin";

/// A maker of TPMs: a root, and the authority under it that certifies endorsement keys.
pub struct Maker {
    folder: TempDir,
}

impl Maker {
    /// One more.
    #[must_use]
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().display();
        let localca = format!(
            "statedir = {path}\nsigningkey = {path}/signkey.pem\nissuercert = {path}/issuer.pem\n\
             certserial = {path}/serial\n"
        );
        fs::write(folder.path().join("localca.conf"), localca).unwrap();
        let options = "--platform-manufacturer Test\n--platform-version 1\n--platform-model Test\n";
        fs::write(folder.path().join("localca.options"), options).unwrap();
        let setup = format!(
            "create_certs_tool = swtpm_localca\ncreate_certs_tool_config = {path}/localca.conf\n\
             create_certs_tool_options = {path}/localca.options\nactive_pcr_banks = sha256\n"
        );
        fs::write(folder.path().join("setup.conf"), setup).unwrap();
        Self { folder }
    }

    /// The one that most tests share.
    pub fn shared() -> &'static Self {
        static MAKER: OnceLock<Maker> = OnceLock::new();
        MAKER.get_or_init(Self::new)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A new TPM, running, without a certificate unless `certified`.
    #[must_use]
    pub fn make(&self, certified: bool) -> Swtpm {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        fs::create_dir(&state).unwrap();
        let mut setup = program("swtpm_setup");
        setup.args(["--tpm2", "--overwrite", "--lock-nvram", "--pcr-banks", "sha256", "--tpmstate"]);
        setup.arg(&state).arg("--config").arg(self.path("setup.conf"));
        if certified {
            setup.arg("--create-ek-cert");
        }
        // The authority's files are made at the first use, and its serial number is one file.
        let lock = fs::File::create(self.path("lock")).unwrap();
        lock.lock().unwrap();
        run(setup);
        lock.unlock().unwrap();
        Swtpm::start(folder)
    }

    /// The certificates of root and authority: what an enrolment CA is given as `--ek-roots`.
    #[must_use]
    pub fn roots(&self) -> PathBuf {
        let bundle = self.path("roots.pem");
        let parts =
            ["swtpm-localca-rootca-cert.pem", "issuer.pem"].map(|name| fs::read(self.path(name)).unwrap());
        fs::write(&bundle, parts.concat()).unwrap();
        bundle
    }

    /// The same, parsed.
    #[must_use]
    pub fn endorsements(&self) -> Endorsements {
        let mut endorsements = Endorsements::default();
        endorsements.add(&fs::read(self.roots()).unwrap()).unwrap();
        endorsements
    }

    /// Certifies an endorsement key on P-256, as the maker's own tool does: DER.
    #[must_use]
    pub fn certify_p256(&self, point: &[u8]) -> Vec<u8> {
        let (x, y) = point[1..].split_at(32);
        let key = format!("x={},y={},id=secp256r1", crate::tee::hex(x), crate::tee::hex(y));
        let folder = tempfile::tempdir_in(self.folder.path()).unwrap();
        let mut localca = program("swtpm_localca");
        localca.args(["--type", "ek", "--tpm2", "--ek", &key, "--dir"]).arg(folder.path());
        localca.args(["--tpm-spec-family", "2.0", "--tpm-spec-revision", "164", "--tpm-spec-level", "0"]);
        localca.args(["--tpm-manufacturer", "id:00001014", "--tpm-model", "swtpm", "--tpm-version", "id:1"]);
        localca.arg("--configfile").arg(self.path("localca.conf"));
        localca.arg("--optsfile").arg(self.path("localca.options"));
        run(localca);
        fs::read(folder.path().join("ek.cert")).unwrap()
    }
}

impl Default for Maker {
    fn default() -> Self {
        Self::new()
    }
}

/// A running TPM.
pub struct Swtpm {
    folder: TempDir,
    process: Child,
}

impl Swtpm {
    fn start(folder: TempDir) -> Self {
        let process = Self::spawn(folder.path());
        Self { folder, process }
    }

    fn spawn(folder: &Path) -> Child {
        let socket = folder.join("socket");
        let mut swtpm = program("swtpm");
        swtpm.args(["socket", "--tpm2", "--flags", "not-need-init,startup-clear"]);
        swtpm.arg("--tpmstate").arg(format!("dir={}", folder.join("state").display()));
        swtpm.arg("--server").arg(format!("type=unixio,path={}", socket.display()));
        let mut process = swtpm.spawn().unwrap_or_else(|error| panic!("swtpm: {error}; type: {INSTALL}"));
        let deadline = Instant::now() + crate::PATIENCE;
        while UnixStream::connect(&socket).is_err() {
            assert!(process.try_wait().unwrap().is_none(), "swtpm ended at once");
            assert!(Instant::now() < deadline, "swtpm does not listen");
            thread::sleep(Duration::from_millis(5));
        }
        process
    }

    /// As after a reboot of its machine: registers are reset, keys are not.
    pub fn reboot(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        fs::remove_file(self.socket()).unwrap();
        self.process = Self::spawn(self.folder.path());
    }

    /// Where its socket is.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    /// As Sealwire is told.
    #[must_use]
    pub fn address(&self) -> Address {
        Address::Unix(self.socket())
    }

    /// TPM2_PCR_Extend in the SHA-256 bank.
    pub fn extend(&self, pcr: u8, digest: &[u8; 32]) {
        let answer = self.command(&extend(pcr, digest));
        assert_eq!(answer[6..10], [0; 4], "{answer:02x?}");
    }

    /// How many transient objects, and how many sessions, are loaded (TPM2_GetCapability, TPM_CAP_HANDLES).
    #[must_use]
    pub fn loaded(&self) -> [u32; 2] {
        [0x8000_0000u32, 0x0200_0000].map(|first| {
            let mut command = vec![0x80, 0x01, 0, 0, 0, 22, 0, 0, 0x01, 0x7a, 0, 0, 0, 1];
            command.extend(first.to_be_bytes());
            command.extend([0, 0, 0, 64]);
            let answer = self.command(&command);
            assert_eq!(answer[6..10], [0; 4], "{answer:02x?}");
            u32::from_be_bytes(answer[15..19].try_into().unwrap())
        })
    }

    /// Any command; its response.
    #[must_use]
    pub fn command(&self, command: &[u8]) -> Vec<u8> {
        let mut stream = UnixStream::connect(self.socket()).unwrap();
        stream.set_read_timeout(Some(crate::PATIENCE)).unwrap();
        stream.write_all(command).unwrap();
        message(&mut stream).unwrap()
    }
}

impl Drop for Swtpm {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The command TPM2_PCR_Extend in the SHA-256 bank.
#[must_use]
pub fn extend(pcr: u8, digest: &[u8; 32]) -> Vec<u8> {
    let mut command = vec![0x80, 0x02, 0, 0, 0, 65, 0, 0, 0x01, 0x82, 0, 0, 0, pcr];
    // a session of an empty password
    command.extend([0, 0, 0, 9, 0x40, 0, 0, 9, 0, 0, 0, 0, 0]);
    // one digest, TPM_ALG_SHA256
    command.extend([0, 0, 0, 1, 0, 0x0b]);
    command.extend(digest);
    command
}

fn program(name: &str) -> Command {
    let mut command = Command::new(name);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// Runs a program of the TPM tools to its end, which must be a good one.
pub fn run(mut command: Command) -> Vec<u8> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.stdout(Stdio::piped()).stderr(Stdio::piped()).output();
    let output = output.unwrap_or_else(|error| panic!("{name}: {error}; type: {INSTALL}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{name}: {} {}", text(&output.stdout), text(&output.stderr));
    output.stdout
}

/// A socket before a TPM, whose hook sees each command and its response, may change the response, and may send commands
/// of its own in between: a TPM with another mind, or a machine where other programs use it too.
pub struct Between {
    folder: TempDir,
}

/// Command code, the response, and a way to send commands.
pub type Hook = dyn FnMut(u32, &mut Vec<u8>, &dyn Fn(&[u8]) -> Vec<u8>) + Send;

impl Between {
    /// Listens until the test ends.
    #[must_use]
    pub fn start(device: &Swtpm, mut hook: Box<Hook>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join("socket")).unwrap();
        let device = device.socket();
        thread::spawn(move || {
            for stream in listener.incoming() {
                relay(stream.unwrap(), &device, &mut *hook);
            }
        });
        Self { folder }
    }

    /// As Sealwire is told.
    #[must_use]
    pub fn address(&self) -> Address {
        Address::Unix(self.folder.path().join("socket"))
    }
}

fn relay(mut caller: UnixStream, device: &Path, hook: &mut Hook) {
    let tpm = UnixStream::connect(device).unwrap();
    let send = |command: &[u8]| {
        (&tpm).write_all(command).unwrap();
        message(&mut &tpm).unwrap()
    };
    while let Ok(command) = message(&mut caller) {
        let mut response = send(&command);
        hook(u32::from_be_bytes(command[6..10].try_into().unwrap()), &mut response, &send);
        if caller.write_all(&response).is_err() {
            return;
        }
    }
}

/// A command or a response, as long as its header says.
fn message(stream: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut message = vec![0; 10];
    stream.read_exact(&mut message)?;
    let size = u32::from_be_bytes(message[2..6].try_into().unwrap());
    message.resize(size as usize, 0);
    stream.read_exact(&mut message[10..])?;
    Ok(message)
}
