//! How a command ends: exit codes, and errors that say what to do next.

use std::{fmt, process::ExitCode};

/// What a command gives back.
pub(crate) type Outcome = Result<Exit, Failure>;

/// Exit codes. Those of 10 and above are `sealwire verify`'s; other commands end with the same code for the same
/// reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// it worked; for a verdict, accepted
    Ok,
    /// it did not work
    Failed,
    /// the command line or the configuration cannot be used
    Usage,
    /// genuine, and refused by the policy
    Refused,
    /// the exit code of a verdict (AT-81)
    Verdict(u8),
}

impl Exit {
    /// The number that the shell sees.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Refused => 30,
            Self::Verdict(code) => code,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Why a command did not succeed, and what to do about it.
#[derive(Debug)]
pub(crate) struct Failure {
    error: anyhow::Error,
    next: Option<String>,
    exit: Exit,
}

impl Failure {
    /// A command line or configuration that cannot be used.
    pub(crate) fn usage(message: impl fmt::Display) -> Self {
        Self { error: anyhow::anyhow!("{message}"), next: None, exit: Exit::Usage }
    }

    /// What the user can do now: one sentence or a command.
    pub(crate) fn next(mut self, step: impl Into<String>) -> Self {
        self.next = Some(step.into());
        self
    }

    /// With another exit code than 1.
    pub(crate) fn exit(mut self, exit: Exit) -> Self {
        self.exit = exit;
        self
    }

    /// The code to end with.
    pub(crate) fn code(&self) -> Exit {
        self.exit
    }
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self { error: error.into(), next: None, exit: Exit::Failed }
    }
}

impl fmt::Display for Failure {
    /// The error and its causes on one line, but those that an error before has told, then the next step.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut told = String::new();
        for cause in self.error.chain().map(ToString::to_string) {
            if !told.contains(&cause) {
                let colon = if told.is_empty() { "" } else { ": " };
                told.push_str(colon);
                told.push_str(&cause);
            }
        }
        f.write_str(&told)?;
        match &self.next {
            Some(next) => write!(f, "\n  next: {next}"),
            None => Ok(()),
        }
    }
}

/// Puts a next step on an error where it passes by.
pub(crate) trait OrNext<T> {
    /// On an error: what the user can do now.
    fn or_next(self, step: impl Into<String>) -> Result<T, Failure>;
    /// On an error: it is the caller's own input that cannot be used.
    fn or_usage(self) -> Result<T, Failure>;
}

impl<T, E: Into<Failure>> OrNext<T> for Result<T, E> {
    fn or_next(self, step: impl Into<String>) -> Result<T, Failure> {
        self.map_err(|error| error.into().next(step))
    }

    fn or_usage(self) -> Result<T, Failure> {
        self.map_err(|error| error.into().exit(Exit::Usage))
    }
}
