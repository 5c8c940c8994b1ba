//! Keys that a program of the operator's tells: run without a shell, with bounds on its time and on what it prints.

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, Command};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use super::{Credential, Credentials, Unavailable, Written, hexadecimal};
use crate::BoxFuture;

/// What stands for the id in an argument.
const ID: &str = "{id}";
/// Most bytes that a program prints.
const MAX_OUTPUT: usize = 4096;
/// Programs at once. Others wait, within their time.
const AT_ONCE: usize = 8;

/// Runs a program for each id: `{id}` in its arguments becomes the id in lower-case hexadecimal digits, which no program takes
/// for an option. It has an empty environment, so that what it does is all in its words and its file.
///
/// It prints a JSON object, `{"key": "…", "tenant": "…"}` as in a file, or `null` where there is no such id, and ends with
/// status 0. Anything else, or more than 4 KiB, or longer than `limit` with the wait for its turn: unavailable.
#[derive(Debug)]
pub struct CommandCredentials {
    program: String,
    arguments: Vec<String>,
    limit: Duration,
    turns: Semaphore,
}

/// Why a command cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Invalid {
    /// no program
    #[error("the command is empty")]
    Empty,
    /// what it means would depend on where the process runs
    #[error("the program is no absolute path")]
    Relative,
    /// it would tell one key for all ids
    #[error("no argument of the command has `{ID}`, where the id goes")]
    NoId,
}

impl CommandCredentials {
    /// The program, then its arguments.
    ///
    /// # Errors
    /// What is wrong with the words: there are none, the program is no absolute path, or no argument has `{id}`.
    pub fn new(words: &[String], limit: Duration) -> Result<Self, Invalid> {
        let (program, arguments) =
            words.split_first().filter(|(program, _)| !program.is_empty()).ok_or(Invalid::Empty)?;
        if !program.starts_with('/') {
            return Err(Invalid::Relative);
        }
        if !arguments.iter().any(|argument| argument.contains(ID)) {
            return Err(Invalid::NoId);
        }
        let turns = Semaphore::new(AT_ONCE);
        Ok(Self { program: program.clone(), arguments: arguments.to_vec(), limit, turns })
    }

    async fn ask(&self, id: &[u8]) -> Result<Option<Arc<Credential>>, Unavailable> {
        let failed = |why: &str| {
            tracing::warn!(program = self.program, why, "the program that tells credentials failed");
            Unavailable
        };
        let told = tokio::time::timeout(self.limit, async {
            let _turn = self.turns.acquire().await.map_err(|_| "it is shutting down".to_owned())?;
            self.run(id).await
        });
        let told = told.await.map_err(|_| failed("it took too long"))?.map_err(|why| failed(&why))?;
        let written: Option<Written> =
            serde_json::from_slice(&told).map_err(|_| failed("it prints no such JSON"))?;
        let credential = written.map(|written| written.into_credential(id)).transpose();
        Ok(credential.map_err(|why| failed(&why))?.map(Arc::new))
    }

    async fn run(&self, id: &[u8]) -> Result<Zeroizing<Vec<u8>>, String> {
        let id = hexadecimal(id);
        let child = Command::new(&self.program)
            .args(self.arguments.iter().map(|argument| argument.replace(ID, &id)))
            // LD_PRELOAD and the like would make another program of it.
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // Its own group, so that what it has started ends with it.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| error.to_string())?;
        let mut running = Running(child);
        // With all its room from the start: what grows leaves copies behind.
        let mut printed = Zeroizing::new(Vec::with_capacity(MAX_OUTPUT + 1));
        if let Some(output) = running.0.stdout.take() {
            let mut output = output.take(MAX_OUTPUT as u64 + 1);
            output.read_to_end(&mut printed).await.map_err(|error| error.to_string())?;
        }
        if printed.len() > MAX_OUTPUT {
            return Err(format!("it prints more than {MAX_OUTPUT} bytes"));
        }
        let status = running.0.wait().await.map_err(|error| error.to_string())?;
        if status.success() { Ok(printed) } else { Err(format!("it ended with {status}")) }
    }
}

/// Ends a program, and all that it has started, when nobody waits for it any more.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It has a number as long as nobody has waited for its end, so that no other process can have the same.
        let group = self.0.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        if let Some(Err(error)) = group.map(|group| kill_process_group(group, Signal::KILL)) {
            tracing::warn!(%error, "a program that was to be ended may still run");
        }
    }
}

impl Credentials for CommandCredentials {
    fn find<'a>(&'a self, id: &'a [u8]) -> BoxFuture<'a, Result<Option<Arc<Credential>>, Unavailable>> {
        Box::pin(self.ask(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a script prints to us. `$1` is the id.
    fn script(text: &str, limit: Duration) -> CommandCredentials {
        let words = ["/bin/sh", "-c", text, "psk", "{id}"].map(str::to_owned);
        CommandCredentials::new(&words, limit).unwrap()
    }

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn a_command_names_a_program_and_takes_the_id() {
        let words = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(ToString::to_string).collect();
            CommandCredentials::new(&words, LONG).map(drop)
        };
        assert_eq!(words(&[]), Err(Invalid::Empty));
        assert_eq!(words(&["", "{id}"]), Err(Invalid::Empty));
        assert_eq!(words(&["/psk"]), Err(Invalid::NoId));
        assert_eq!(words(&["psk", "{id}"]), Err(Invalid::Relative));
        assert_eq!(words(&["/psk", "--id={id}"]), Ok(()));
    }

    #[tokio::test]
    async fn a_program_tells_keys_by_id() {
        let text = r#"case "$1" in
            61) echo '{"key": "0123456789abcdef0123456789abcdef", "tenant": "acme"}' ;;
            *) echo null ;;
        esac"#;
        let source = script(text, LONG);
        let a = source.find(b"a").await.unwrap().unwrap();
        assert_eq!((a.key(), &**a.tenant()), (&b"0123456789abcdef0123456789abcdef"[..], "acme"));
        assert!(source.find(b"b").await.unwrap().is_none());
    }

    // What peers choose is no option of the program; what the host has put into the environment does not reach it.
    #[tokio::test]
    async fn a_program_sees_hexadecimal_digits_and_no_environment() {
        let key = r#"{"key": "0123456789abcdef0123456789abcdef", "tenant": "acme"}"#;
        // In base64url these three bytes are `--8-`.
        let text = format!("test \"$1\" = fbef3e && test -z \"$CARGO_MANIFEST_DIR\" && echo '{key}'");
        assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some(), "run by cargo");
        assert!(script(&text, LONG).find(&[0xfb, 0xef, 0x3e]).await.unwrap().is_some());
    }

    // HH-17: what fails is never an unknown id.
    #[tokio::test]
    async fn whatever_goes_wrong_is_unavailable() {
        for text in [
            "exit 1",
            "echo null; exit 1",
            "echo",
            "echo '{}'",
            "echo '{\"key\": \"short\", \"tenant\": \"t\"}'",
            "head -c 5000 /dev/zero | tr '\\0' ' '; echo null",
            "yes",
        ] {
            assert_eq!(script(text, LONG).find(b"a").await.unwrap_err(), Unavailable, "{text}");
        }
        let nothing = CommandCredentials::new(&["/no/such/program".to_owned(), "{id}".to_owned()], LONG);
        assert_eq!(nothing.unwrap().find(b"a").await.unwrap_err(), Unavailable);
    }

    #[tokio::test]
    async fn a_program_that_hangs_is_ended_with_what_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let name = folder.path().join("started");
        let text = format!("sleep 3600 & echo $! > {0}.new; mv {0}.new {0}; wait", name.display());
        let source = script(&text, LONG);
        let asked = tokio::time::timeout(LONG, async {
            tokio::select! {
                _ = source.find(b"a") => unreachable!("it hangs"),
                () = async { while !name.exists() { tokio::task::yield_now().await } } => {}
            }
        });
        asked.await.unwrap();
        let started = std::fs::read_to_string(&name).unwrap();
        // Gone, or only a number that nobody has asked for yet.
        let is_gone = || match std::fs::read_to_string(format!("/proc/{}/stat", started.trim())) {
            Ok(stat) => stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z')),
            Err(_) => true,
        };
        let gone = async {
            while !is_gone() {
                tokio::task::yield_now().await
            }
        };
        tokio::time::timeout(LONG, gone).await.unwrap();
        let slow = script("sleep 3600", Duration::from_millis(10));
        assert_eq!(slow.find(b"a").await.unwrap_err(), Unavailable);
    }
}
