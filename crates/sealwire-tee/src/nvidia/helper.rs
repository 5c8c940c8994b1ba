//! A program of the operator's: run without a shell, with bounds on its time and on what it prints.

use rustix::process::{Pid, Signal, kill_process_group};
use std::{
    fmt, io,
    process::{ExitStatus, Stdio},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    process::{self, Child},
    runtime, time,
};

/// What stands for the nonce in an argument.
const NONCE: &str = "{nonce}";
/// Most bytes that a program prints.
const MAX_OUTPUT: u64 = 256 * 1024;
/// Most bytes of its complaints that are kept.
const MAX_SAID: u64 = 4 * 1024;
/// Most letters of its complaints that go into an error.
const MAX_TOLD: usize = 200;

/// Why a program gave nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// AT-60: no program
    #[error("the command is empty")]
    NoProgram,
    /// AT-60: evidence over nothing that was asked for
    #[error("no argument of the command has `{NONCE}`, where the nonce goes")]
    NoNonce,
    /// it could not be started
    #[error("{program}: {source}")]
    Start {
        /// what was to be run
        program: String,
        /// what the system said
        source: io::Error,
    },
    /// AT-61
    #[error("{program} took longer than {limit:?} and was ended")]
    Timeout {
        /// what was run
        program: String,
        /// how long it had
        limit: Duration,
    },
    /// it says that it failed
    #[error("{program} failed ({status}){said}", said = Said(.said))]
    Failed {
        /// what was run
        program: String,
        /// how it ended
        status: ExitStatus,
        /// the first line of what it wrote to standard error
        said: String,
    },
    /// it prints more than any evidence has
    #[error("{program} printed more than {} KiB", MAX_OUTPUT / 1024)]
    TooLong {
        /// what was run
        program: String,
    },
    /// what it printed is not what it has to print
    #[error("{program} printed no evidence: {what}")]
    Answer {
        /// what was run
        program: String,
        /// what is wrong
        what: String,
    },
}

struct Said<'a>(&'a str);

impl fmt::Display for Said<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, ": {}", self.0) }
    }
}

/// A program with its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    program: String,
    arguments: Vec<String>,
    limit: Duration,
}

impl Command {
    /// The program, then its arguments; `{nonce}` in those becomes the nonce in hex. It may take `limit`.
    ///
    /// # Errors
    /// [`Error::NoProgram`], [`Error::NoNonce`]
    pub fn new(words: &[String], limit: Duration) -> Result<Self, Error> {
        let (program, arguments) = words.split_first().ok_or(Error::NoProgram)?;
        if program.is_empty() {
            return Err(Error::NoProgram);
        }
        if !arguments.iter().any(|argument| argument.contains(NONCE)) {
            return Err(Error::NoNonce);
        }
        Ok(Self { program: program.clone(), arguments: arguments.to_vec(), limit })
    }

    pub(super) fn program(&self) -> &str {
        &self.program
    }

    /// Runs it, and takes what it prints. Blocking.
    pub(super) fn run(&self, nonce: &str) -> Result<Vec<u8>, Error> {
        // A runtime of its own: evidence is made on a thread that has none.
        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|source| self.not_started(source))?;
        runtime.block_on(self.supervise(nonce))
    }

    async fn supervise(&self, nonce: &str) -> Result<Vec<u8>, Error> {
        let arguments = self.arguments.iter().map(|argument| argument.replace(NONCE, nonce));
        let mut child = process::Command::new(&self.program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Its own group, so that what it has started ends with it.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|source| self.not_started(source))?;
        let finished = time::timeout(self.limit, self.finish(&mut child)).await;
        let result =
            finished.unwrap_or(Err(Error::Timeout { program: self.program.clone(), limit: self.limit }));
        if result.is_err() {
            end(&child);
        }
        result
    }

    async fn finish(&self, child: &mut Child) -> Result<Vec<u8>, Error> {
        let program = || self.program.clone();
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let output = async {
            let output = read(stdout, MAX_OUTPUT + 1).await;
            if output.len() as u64 > MAX_OUTPUT {
                Err(Error::TooLong { program: program() })
            } else {
                Ok(output)
            }
        };
        let said = async { Ok(read_to_end(stderr, MAX_SAID).await) };
        let (output, said) = tokio::try_join!(output, said)?;
        let status = child.wait().await.map_err(|source| self.not_started(source))?;
        if status.success() {
            Ok(output)
        } else {
            Err(Error::Failed { program: program(), status, said: first_line(&said) })
        }
    }

    fn not_started(&self, source: io::Error) -> Error {
        Error::Start { program: self.program.clone(), source }
    }
}

/// Ends a program and all that it has started. It has a number as long as nobody has waited for it, so that no other
/// process can have the same.
fn end(child: &Child) {
    let group = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
    if let Some(Err(error)) = group.map(|group| kill_process_group(group, Signal::KILL)) {
        tracing::warn!(%error, "a program that was to be ended may still run");
    }
}

/// At most `max` bytes. What cannot be read is as good as absent: the exit status and the form tell.
async fn read(stream: Option<impl AsyncRead + Unpin>, max: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(stream) = stream {
        let _ = stream.take(max).read_to_end(&mut bytes).await;
    }
    bytes
}

/// The same, and then lets the rest pass, so that a program that says a lot is not held up.
async fn read_to_end(stream: Option<impl AsyncRead + Unpin>, max: u64) -> Vec<u8> {
    let Some(mut stream) = stream else { return Vec::new() };
    let bytes = read(Some(&mut stream), max).await;
    let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
    bytes
}

/// The first line, in letters that a log can take.
fn first_line(said: &[u8]) -> String {
    let text = String::from_utf8_lossy(said);
    let line = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    line.trim().chars().filter(|letter| !letter.is_control()).take(MAX_TOLD).collect()
}
