//! Where a TPM is: a character device, or a socket that carries the same bytes.
//!
//! On each, a command is one write, and its response is as long as its own header says (TPM 2.0 part 1, section 18).
//! The sockets are those of a software TPM's data channel: commands alone, no framing around them.

use super::Error;
use std::{
    fmt,
    fs::{File, OpenOptions},
    io::{self, Read, Write},
    net::{TcpStream, ToSocketAddrs as _},
    os::unix::net::UnixStream,
    path::PathBuf,
    str::FromStr,
    time::{Duration, Instant},
};

/// The longest response, in bytes: as long as the largest of TPMs that are sold.
pub(super) const MAX_RESPONSE: usize = 4096;
/// Tag, size and code.
const HEADER_LEN: usize = 10;

/// Where a TPM is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// a character device
    Device(PathBuf),
    /// `HOST:PORT`
    Tcp(String),
    /// a socket in the filesystem
    Unix(PathBuf),
}

impl Default for Address {
    /// The kernel's resource manager, which shares one TPM out among processes.
    fn default() -> Self {
        Self::Device("/dev/tpmrm0".into())
    }
}

impl FromStr for Address {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let no = || Error::Address(text.to_owned());
        if let Some(path) = text.strip_prefix("unix:") {
            return if path.is_empty() { Err(no()) } else { Ok(Self::Unix(path.into())) };
        }
        if let Some(host) = text.strip_prefix("tcp:") {
            let port = host.rsplit_once(':').filter(|(host, _)| !host.is_empty());
            let port = port.and_then(|(_, port)| port.parse::<u16>().ok());
            return port.map(|_| Self::Tcp(host.to_owned())).ok_or_else(no);
        }
        if text.starts_with('/') { Ok(Self::Device(text.into())) } else { Err(no()) }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Device(path) => write!(f, "{}", path.display()),
            Self::Tcp(host) => write!(f, "tcp:{host}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

enum Stream {
    /// The kernel has timeouts of its own for each command, and nothing here could interrupt it.
    Device(File),
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Stream {
    fn open(address: &Address, timeout: Duration) -> io::Result<Self> {
        match address {
            Address::Device(path) => OpenOptions::new().read(true).write(true).open(path).map(Self::Device),
            Address::Unix(path) => UnixStream::connect(path).map(Self::Unix),
            Address::Tcp(host) => {
                let mut error = io::Error::new(io::ErrorKind::NotFound, "no address of that name");
                for address in host.to_socket_addrs()? {
                    match TcpStream::connect_timeout(&address, timeout) {
                        Ok(stream) => return Ok(Self::Tcp(stream)),
                        Err(found) => error = found,
                    }
                }
                Err(error)
            }
        }
    }

    fn wait_at_most(&self, left: Duration) -> io::Result<()> {
        match self {
            Self::Device(_) => Ok(()),
            Self::Tcp(stream) => {
                stream.set_read_timeout(Some(left)).and_then(|()| stream.set_write_timeout(Some(left)))
            }
            Self::Unix(stream) => {
                stream.set_read_timeout(Some(left)).and_then(|()| stream.set_write_timeout(Some(left)))
            }
        }
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Device(file) => file.write_all(bytes),
            Self::Tcp(stream) => stream.write_all(bytes),
            Self::Unix(stream) => stream.write_all(bytes),
        }
    }

    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Device(file) => file.read(out),
            Self::Tcp(stream) => stream.read(out),
            Self::Unix(stream) => stream.read(out),
        }
    }
}

/// An open TPM. Closing it makes the kernel's resource manager forget what was loaded through it.
pub(super) struct Connection {
    stream: Stream,
    address: String,
    timeout: Duration,
}

impl Connection {
    pub(super) fn open(address: &Address, timeout: Duration) -> Result<Self, Error> {
        let open = |source| Error::Open { address: address.to_string(), source };
        let stream = Stream::open(address, timeout).map_err(open)?;
        Ok(Self { stream, address: address.to_string(), timeout })
    }

    /// Sends a command and reads its response: at most [`MAX_RESPONSE`] bytes, exactly as many as its header says.
    pub(super) fn transact(&mut self, command: &[u8], name: &'static str) -> Result<Vec<u8>, Error> {
        let deadline = Instant::now() + self.timeout;
        self.before(deadline)?;
        self.stream.write_all(command).map_err(|error| self.failed(error))?;
        let mut response = vec![0; MAX_RESPONSE];
        let mut len = 0;
        loop {
            self.before(deadline)?;
            // A device gives the whole response to one read, and some kernels drop what did not fit.
            let read = self.stream.read(response.get_mut(len..).unwrap_or_default());
            let read = match read {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                read => read.map_err(|error| self.failed(error))?,
            };
            let malformed = |what: &str| Error::Malformed { command: name, what: what.to_owned() };
            if read == 0 {
                return Err(malformed("it ends too early"));
            }
            len += read;
            let Some(size) = size(response.get(..len).unwrap_or_default()) else { continue };
            if !(HEADER_LEN..=MAX_RESPONSE).contains(&size) {
                return Err(malformed("its length cannot be right"));
            }
            if len > size {
                return Err(malformed("bytes follow it"));
            }
            if len == size {
                response.truncate(len);
                return Ok(response);
            }
        }
    }

    fn before(&self, deadline: Instant) -> Result<(), Error> {
        let left = deadline.saturating_duration_since(Instant::now());
        // A timeout of zero would mean none.
        if left.is_zero() {
            return Err(Error::Timeout(self.timeout));
        }
        self.stream.wait_at_most(left).map_err(|error| self.failed(error))
    }

    fn failed(&self, source: io::Error) -> Error {
        match source.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Error::Timeout(self.timeout),
            _ => Error::Io { address: self.address.clone(), source },
        }
    }
}

/// What a response says of its length, once its header is there.
fn size(response: &[u8]) -> Option<usize> {
    let header = response.first_chunk::<HEADER_LEN>()?;
    let [_, _, a, b, c, d, ..] = *header;
    usize::try_from(u32::from_be_bytes([a, b, c, d])).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{os::unix::net::UnixListener, thread};

    #[test]
    fn addresses_are_written_as_they_are_read() {
        for text in ["/dev/tpmrm0", "tcp:localhost:2321", "tcp:[::1]:2321", "unix:/run/tpm.sock"] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
        assert_eq!(Address::default(), "/dev/tpmrm0".parse().unwrap());
        for text in ["", "tpm0", "tcp:", "tcp:localhost", "tcp::1", "tcp:a:b", "unix:"] {
            assert!(matches!(text.parse::<Address>(), Err(Error::Address(_))), "{text}");
        }
    }

    /// What becomes of a command when the other side answers like this, and then stays silent or goes away.
    fn answered(with: &[u8], stays: bool) -> Result<Vec<u8>, Error> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let listener = UnixListener::bind(&path).unwrap();
        let with = with.to_vec();
        let other_side = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.read_exact(&mut [0; 10]).unwrap();
            stream.write_all(&with).unwrap();
            // Until the caller gives up.
            if stays { stream.read(&mut [0]).unwrap() } else { 0 }
        });
        let timeout = if stays { Duration::from_millis(200) } else { Duration::from_secs(60) };
        let mut connection = Connection::open(&Address::Unix(path), timeout).unwrap();
        let answer = connection.transact(&[0; 10], "TPM2_Test");
        drop(connection);
        other_side.join().unwrap();
        answer
    }

    fn malformed(with: &[u8]) -> String {
        match answered(with, false) {
            Err(Error::Malformed { command: "TPM2_Test", what }) => what,
            other => panic!("{other:?}"),
        }
    }

    const OK: [u8; 12] = [0x80, 1, 0, 0, 0, 12, 0, 0, 0, 0, 7, 8];

    // AT-08: a response is as long as it says, and never longer than a TPM's can be.
    #[test]
    fn responses_have_their_length() {
        assert_eq!(answered(&OK, false).unwrap(), OK);
        for cut in 0..OK.len() {
            assert_eq!(malformed(&OK[..cut]), "it ends too early", "{cut}");
        }
        assert_eq!(malformed(&[&OK[..], &[0]].concat()), "bytes follow it");
        for size in [0u32, 9, 4097, u32::MAX] {
            let [a, b, c, d] = size.to_be_bytes();
            let header = [0x80, 1, a, b, c, d, 0, 0, 0, 0];
            assert_eq!(malformed(&header), "its length cannot be right", "{size}");
        }
        let mut longest = vec![0; MAX_RESPONSE];
        longest[..6].copy_from_slice(&[0x80, 1, 0, 0, 0x10, 0]);
        assert_eq!(answered(&longest, false).unwrap(), longest);
    }

    // AT-61: one that does not answer, or stops in the middle, is given up.
    #[test]
    fn silence_ends() {
        for begun in [0, 5, 11] {
            assert!(matches!(answered(&OK[..begun], true), Err(Error::Timeout(_))), "{begun}");
        }
    }

    #[test]
    fn what_is_not_there_is_said() {
        for address in ["/nonexistent/tpm", "unix:/nonexistent/socket"] {
            let error = Connection::open(&address.parse().unwrap(), Duration::from_secs(1)).err().unwrap();
            assert!(error.to_string().contains(address), "{error}");
            assert!(matches!(error, Error::Open { .. }));
        }
    }
}
