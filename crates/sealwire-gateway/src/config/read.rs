//! From a file to a configuration.

use super::{
    Config, Endorsements, Error, Plan, Served,
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
        let mut config: Self = toml::from_str(text).map_err(|error| {
            let key = error.span().and_then(|span| key_at(text, span.start)).unwrap_or_default();
            Error {
                file: Some(path.to_owned()),
                line: error.span().map(|span| line(text, span.start)),
                hint: hint(&key, error.message()).to_owned(),
                key,
                what: error.message().to_owned(),
            }
        })?;
        if let Some(folder) = path.parent() {
            config.resolve(folder);
        }
        Plan::checked(&config, Served::At(config.listen)).map_err(|fault| Error {
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
        Plan::new(self, Served::At(self.listen)).map(drop)
    }

    /// The digest of what decides where plaintext goes (AT-44), which key documents carry.
    ///
    /// Where `authorities` is empty it depends on the listen address, which must then have a port.
    ///
    /// # Errors
    /// What is wrong with the configuration.
    pub fn digest(&self) -> Result<[u8; 48], Error> {
        Ok(Plan::new(self, Served::At(self.listen))?.digest)
    }

    fn resolve(&mut self, folder: &Path) {
        let tls = self.tls.iter_mut().flat_map(|tls| [&mut tls.certificate, &mut tls.key]);
        let Endorsements { folder: endorsements, cache, tls_roots, .. } = &mut self.endorsements;
        let others = [&mut self.state, &mut self.operator_statement, &mut self.upstream_roots];
        let others = others.into_iter().chain([endorsements, cache, tls_roots]);
        let callers = self.callers.iter_mut().flat_map(|callers| {
            [Some(&mut callers.policy), callers.revocation_list.as_mut()].into_iter().flatten()
        });
        let secrets = self
            .secret
            .iter_mut()
            .flat_map(|secret| [Some(&mut secret.read), secret.write.as_mut()].into_iter().flatten());
        let audit = self.secrets.iter_mut().map(|secrets| &mut secrets.audit);
        let callers = callers.chain(secrets).chain(audit);
        let hpke_http = self.hpke_http.iter_mut().flat_map(|wire| wire.files());
        for path in others.flatten().chain(tls).chain(callers).chain(self.tpm.files()).chain(hpke_http) {
            // An absolute path stays as it is.
            let resolved: PathBuf = folder.join(&*path);
            *path = resolved;
        }
    }
}

/// What to do about a text that is not a configuration at all, or a value that is not of its key's type.
fn hint(key: &str, what: &str) -> &'static str {
    const TIMES: [&str; 13] = [
        "-time", "-cache", "lease", "rotation", "overlap", "lifetime", "window", "timeout", "every",
        "refresh", "grace", "idle", "ticket",
    ];
    const SIZES: [&str; 7] =
        ["header-size", "max-body", "max-request", "single-request", "single-response", "message", "size"];
    let last = key.rsplit('.').next().unwrap_or(key);
    if what.starts_with("unknown field") {
        "the message names the keys that are known here; examples/sealwire.toml describes each"
    } else if what.starts_with("missing field") {
        "add that key; examples/sealwire.toml describes each"
    } else if what.starts_with("duplicate") {
        "give every key once; examples/sealwire.toml describes each"
    } else if matches!(last, "listen" | "admin") {
        "write an IP address with a port, for example \"127.0.0.1:8443\""
    } else if key == "session.window" {
        "write a number of requests, for example 1024"
    } else if TIMES.iter().any(|time| last.ends_with(time)) {
        "write a time with its unit, for example \"30s\", \"10m\" or \"24h\""
    } else if SIZES.contains(&last) {
        "write a number of bytes, or for example \"64 KiB\""
    } else {
        "texts are written in quotation marks, numbers and true or false without; examples/sealwire.toml has every \
         key with a value"
    }
}

/// The key whose value, and nothing further inside, is at this place; `None` at the top, or where the text is no TOML.
fn key_at(text: &str, offset: usize) -> Option<String> {
    let root = DeTable::parse(text).ok()?;
    let mut path = String::new();
    let mut table = Some(root.get_ref());
    while let Some((key, mut value)) =
        table.and_then(|table| table.iter().find(|(_, value)| holds(value, offset)))
    {
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(key.get_ref());
        while let Some(items) = value.get_ref().as_array() {
            let Some(index) = items.iter().position(|item| holds(item, offset)) else { break };
            // People count from 1.
            path.push_str(&format!("[{}]", index + 1));
            let Some(item) = items.get(index) else { break };
            value = item;
        }
        table = value.get_ref().as_table();
    }
    (!path.is_empty()).then_some(path)
}

/// Whether a value, or anything inside it, is at this place. The span of a table that is written under a header is that
/// of the header, so its members are asked.
fn holds(value: &Spanned<DeValue<'_>>, offset: usize) -> bool {
    value.span().contains(&offset)
        || match value.get_ref() {
            DeValue::Table(table) => {
                table.iter().any(|(key, value)| key.span().contains(&offset) || holds(value, offset))
            }
            DeValue::Array(items) => items.iter().any(|item| holds(item, offset)),
            _ => false,
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
            Step::Key(key) => table.and_then(|table| table.get(*key)),
            Step::Index(index) => value.and_then(|value| value.get_ref().as_array()?.get(*index)),
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
