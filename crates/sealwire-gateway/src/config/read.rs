//! From a file to a configuration.

use super::{
    Config, Error, Plan,
    error::{At, Step},
};
use std::{
    fs,
    path::{Path, PathBuf},
};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// Where to look when a key is not understood.
const EVERY_KEY: &str = "examples/sealwire.toml shows every key";

impl Config {
    /// Reads and checks a file. Paths in it are relative to its folder.
    ///
    /// # Errors
    /// What is wrong, with file, line and a hint.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let text = fs::read_to_string(path).map_err(|error| Error {
            file: Some(path.to_owned()),
            line: None,
            key: String::new(),
            what: format!("cannot be read: {error}"),
            hint: String::new(),
        })?;
        Self::parse(&text, path)
    }

    /// Checks `text`, which is the content of `path`.
    ///
    /// # Errors
    /// What is wrong, with file, line and a hint.
    pub fn parse(text: &str, path: &Path) -> Result<Self, Error> {
        let mut config: Self = toml::from_str(text).map_err(|error| Error {
            file: Some(path.to_owned()),
            line: error.span().map(|span| line(text, span.start)),
            key: String::new(),
            what: error.message().to_owned(),
            hint: EVERY_KEY.to_owned(),
        })?;
        if let Some(folder) = path.parent() {
            config.resolve(folder);
        }
        Plan::checked(&config, config.listen).map_err(|fault| Error {
            file: Some(path.to_owned()),
            line: locate(text, &fault.at),
            ..Error::from(fault)
        })?;
        Ok(config)
    }

    /// Whether a gateway would start with it, as far as files and values tell.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn validate(&self) -> Result<(), Error> {
        Plan::new(self, self.listen).map(drop)
    }

    /// The digest of what decides where plaintext goes (AT-44), which key documents carry.
    ///
    /// Where `authorities` is empty it depends on the listen address, which must then have a port.
    ///
    /// # Errors
    /// What is wrong with the configuration.
    pub fn digest(&self) -> Result<[u8; 48], Error> {
        Ok(Plan::new(self, self.listen)?.digest)
    }

    fn resolve(&mut self, folder: &Path) {
        let tls = self.tls.iter_mut().flat_map(|tls| [&mut tls.certificate, &mut tls.key]);
        let others = [&mut self.state, &mut self.operator_statement, &mut self.upstream_roots];
        for path in others.into_iter().flatten().chain(tls) {
            // An absolute path stays as it is.
            let resolved: PathBuf = folder.join(&*path);
            *path = resolved;
        }
    }
}

/// The line of the innermost part of `at` that the text has.
fn locate(text: &str, at: &At) -> Option<usize> {
    let root = DeTable::parse(text).ok()?;
    let mut offset = None;
    let mut table = Some(root.get_ref());
    let mut value: Option<&Spanned<DeValue<'_>>> = None;
    for step in &at.0 {
        let next = match step {
            Step::Key(key) => table?.get(*key),
            Step::Index(index) => value?.get_ref().as_array()?.get(*index),
        };
        let Some(next) = next else { break };
        offset = Some(next.span().start);
        table = next.get_ref().as_table();
        value = Some(next);
    }
    offset.map(|offset| line(text, offset))
}

fn line(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
}
