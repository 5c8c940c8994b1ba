use std::{fmt, path::PathBuf};

/// What is wrong with a configuration, where, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// the file, where the configuration came from one
    pub file: Option<PathBuf>,
    /// the line, counted from 1, where it can be told
    pub line: Option<usize>,
    /// the key, for example `route[1].upstream`; empty for the file as a whole
    pub key: String,
    /// what is wrong
    pub what: String,
    /// what to do about it
    pub hint: String,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{}:", file.display())?;
            if let Some(line) = self.line {
                write!(f, "{line}:")?;
            }
            f.write_str(" ")?;
        }
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.what)?;
        if !self.hint.is_empty() {
            write!(f, "\n  hint: {}", self.hint)?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

/// One step of the way to a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Key(&'static str),
    Index(usize),
}

/// The way to a key, so that its line can be found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct At(pub(super) Vec<Step>);

impl At {
    pub(super) fn key(key: &'static str) -> Self {
        Self(vec![Step::Key(key)])
    }

    pub(super) fn then(mut self, key: &'static str) -> Self {
        self.0.push(Step::Key(key));
        self
    }

    pub(super) fn index(mut self, index: usize) -> Self {
        self.0.push(Step::Index(index));
        self
    }
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, step) in self.0.iter().enumerate() {
            match step {
                Step::Key(key) if i == 0 => f.write_str(key)?,
                Step::Key(key) => write!(f, ".{key}")?,
                // People count from 1.
                Step::Index(index) => write!(f, "[{}]", index + 1)?,
            }
        }
        Ok(())
    }
}

/// A check that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) at: At,
    pub(super) what: String,
    pub(super) hint: String,
}

impl Fault {
    pub(super) fn new(at: At, what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { at, what: what.into(), hint: hint.into() }
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        Self { file: None, line: None, key: fault.at.to_string(), what: fault.what, hint: fault.hint }
    }
}
