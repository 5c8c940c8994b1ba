use super::schema::Schema;
use crate::Kind;
use std::{fmt, ops::Range};

/// Why a policy file does not load: the place in the file, what is wrong, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyError {
    /// from 1
    pub line: usize,
    /// from 1, in characters
    pub column: usize,
    /// the key that it is about; empty where it is about the whole file or an alternative
    pub key: String,
    /// what is wrong
    pub problem: String,
    /// what would be right; empty where the problem says it
    pub hint: String,
}

impl std::error::Error for PolicyError {}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: ", self.line, self.column)?;
        if !self.key.is_empty() {
            write!(f, "`{}`: ", self.key)?;
        }
        f.write_str(&self.problem)?;
        if !self.hint.is_empty() {
            write!(f, "; {}", self.hint)?;
        }
        Ok(())
    }
}

/// What each key takes, for hints; registers are in the table of kinds.
const USAGE: [(&str, &str); 41] = [
    ("version", "this is version 1"),
    ("max-lifetime", "a duration such as \"24h\", \"10m\" or \"90s\""),
    ("max-age", "a duration such as \"24h\", \"10m\" or \"90s\""),
    ("grace", "a duration such as \"24h\", \"10m\" or \"0s\""),
    ("fresh-evidence", "true or false"),
    ("any-operator", "true or false"),
    ("operator-keys", "a list of \"ed25519:\" and 32 bytes in base64url or hex"),
    (
        "config-digests",
        "a list of \"sha384:\" and 48 bytes in hex, as `sealwire gateway --print-config-digest` shows it",
    ),
    ("revocation-keys", "a list of \"ed25519:\" and 32 bytes in base64url or hex"),
    ("rego", "the name of a file in Rego, `package sealwire`"),
    ("reference-values", "a list of files, or of { file = \"…\", signer = \"KEY.pem\" }"),
    (
        "build",
        "{ bundle = \"…\", identity = \"…\", issuer = \"…\", register = \"…\" }, and trusted-root where it is not Sigstore's",
    ),
    ("accept", "each alternative begins with a line [[accept]]"),
    (
        "companion",
        "each companion begins with a line [[accept.companion]], and has a label where another has its kind",
    ),
    ("label", "up to 32 lower-case letters, digits and `-`"),
    ("attachment", "\"proven\" or \"guest-asserted\""),
    (
        "minimum-tcb",
        "firmware components and their lowest versions, such as \
         { bootloader = 4, tee = 0, snp = 24, microcode = 219 } (on Turin also fmc) or { evaluation = 17 }, or { any = \"why\" }",
    ),
    ("bootloader", "a number from 0 to 255"),
    ("tee", "a number from 0 to 255"),
    ("snp", "a number from 0 to 255"),
    ("microcode", "a number from 0 to 255"),
    ("fmc", "a number from 0 to 255"),
    ("evaluation", "the number of Intel's TCB evaluation"),
    ("date", "a day such as \"2024-11-13\""),
    (
        "tcb-statuses",
        "a list of \"UpToDate\", \"SWHardeningNeeded\", \"ConfigurationNeeded\", \
         \"ConfigurationAndSWHardeningNeeded\", \"TDRelaunchAdvised\", \"TDRelaunchAdvisedConfigurationNeeded\", \
         \"OutOfDate\", \"OutOfDateConfigurationNeeded\", or { any = \"why\" }",
    ),
    ("advisories", "a list such as [\"INTEL-SA-00615\"], or { any = \"why\" }"),
    ("products", "a list, for AMD of \"milan\", \"genoa\", \"turin\", for Intel of FMSPCs: 6 bytes in hex"),
    ("driver-versions", "a version, a list of those, or { any = \"why\" }"),
    ("vbios-versions", "a version, a list of those, or { any = \"why\" }"),
    ("crl", "\"required\" or \"if-available\""),
    ("collateral", "\"required\" or \"if-available\""),
    ("rim", "\"required\" or \"if-available\""),
    ("vmpl", "a number from 0 to 3, or { any = \"why\" }"),
    ("debug", "true or false"),
    ("migration-agent", "true or false"),
    ("migratable", "true or false"),
    ("attributes", "attributes by name with true, false or a number, such as { smt-allowed = false }"),
    ("roots", "a list of \"sha256:\" and 32 bytes in hex"),
    ("tpm-keys", "a list of names of attestation keys: 000b and 32 bytes in hex"),
    ("any", "a reason"),
    ("kind", "the kind of evidence"),
];

impl PolicyError {
    /// At a place of its own, with a hint of its own.
    pub(super) fn new(text: &str, span: Range<usize>, key: &str, problem: &str, hint: &str) -> Self {
        let before = text.get(..span.start).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self {
            line: before.matches('\n').count() + 1,
            column: before.get(line_start..).unwrap_or_default().chars().count() + 1,
            key: key.to_owned(),
            problem: problem.to_owned(),
            hint: hint.to_owned(),
        }
    }

    /// From the TOML library, whose messages name keys in backticks.
    pub(super) fn from_toml(text: &str, error: &toml::de::Error) -> Self {
        let span = error.span().unwrap_or_default();
        let message = error.message();
        if let Some((key, known)) =
            message.strip_prefix("unknown field `").and_then(|rest| rest.split_once("`, "))
        {
            return Self::new(text, span, key, "unknown key", &format!("{} here", known.replace('`', "")));
        }
        if let Some(key) = message.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`')) {
            return Self::new(text, span, key, "missing", &usage(key));
        }
        let key = key_at(text, span.start);
        Self::new(text, span, key, message, &usage(key))
    }
}

/// What a key takes.
pub(super) fn usage(key: &str) -> String {
    if let Some((_, usage)) = USAGE.iter().find(|(name, _)| *name == key) {
        return (*usage).to_owned();
    }
    // A register has one length in all kinds but `pcr-N`.
    let mut lengths: Vec<_> =
        Kind::ALL.into_iter().filter_map(|kind| Some(Schema::of(kind).register(key)?.1.len)).collect();
    lengths.sort_unstable();
    lengths.dedup();
    let lengths: Vec<_> = lengths.iter().map(usize::to_string).collect();
    if lengths.is_empty() {
        return String::new();
    }
    register_usage(lengths.join(" or "))
}

/// What a register of some length in bytes takes.
pub(super) fn register_usage(len: impl fmt::Display) -> String {
    format!("{len} bytes in hex, a list of those, or {{ any = \"why\" }}")
}

/// The key that `at` is about: one that begins there, or else the one whose value holds it, which is the last before it
/// that is followed by `=`, for a list over many lines on an earlier line.
fn key_at(text: &str, at: usize) -> &str {
    let (before, after) = text.split_at_checked(at).unwrap_or((text, ""));
    let is_key = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let (key, rest) =
        after.split_at_checked(after.find(|c| !is_key(c)).unwrap_or_default()).unwrap_or_default();
    if !key.is_empty() && rest.trim_start().starts_with('=') {
        return key;
    }
    let Some((head, _)) = before.rsplit_once('=') else { return "" };
    let head = head.trim_end();
    let start = head.rfind(|c| !is_key(c)).map_or(0, |place| place + 1);
    head.get(start..).unwrap_or_default()
}
