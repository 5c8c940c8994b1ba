//! What belongs to the wires that others defined, and the keys of servers that attest nothing.

use super::exit::Failure;
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use bytes::Bytes;
use clap::Args as ClapArgs;
use http::uri::PathAndQuery;
use sealwire_client::{Ehbp, HpkeHttp, HpkeHttp1, pinned::Key};
use sealwire_http::{
    client::ehbp::WithoutContent,
    complete::Completeness,
    ehbp::config::{self, KeyConfig},
    hpke_http::{
        Compression, Credential,
        key::{KeyRecord, MAX_RECORD_LEN},
        legacy,
    },
};
use std::{
    env, fs,
    io::Read,
    path::{Path, PathBuf},
    sync::Arc,
};
use zeroize::Zeroizing;

/// Where a pre-shared key is looked for that no file has. It has no place on a command line, which everybody can read.
const PSK_VARIABLE: &str = "SEALWIRE_PSK";
/// Most bytes of a file with a pre-shared key.
const MAX_PSK_FILE: u64 = 4096;

/// Wires that others defined.
#[derive(Debug, ClapArgs)]
#[group(skip)]
#[command(next_help_heading = "Wires that others defined")]
pub(crate) struct Args {
    /// The server's public key, in the place of a policy: for a server that attests nothing, such as the published middleware
    /// of hpke-http. KEYID:HEX for hpke-http, HEX for hpke-http-1 and ehbp, or a file with that, or with the key record or
    /// key configuration as the server has it. You vouch for it: nothing proves what runs behind it
    #[arg(
        long,
        value_name = "KEY|FILE",
        requires = "wire",
        conflicts_with_all = [
            "policy", "relay", "early_data", "groups", "schemes", "fresh_evidence", "resume_without_agreement", "bound",
            "form", "kems", "attest", "list", "endorsements",
        ]
    )]
    pub(crate) pinned_key: Option<String>,
    /// tunnel-v0: where the server sends no verifier's data, take a quote over SHA-512 of its key alone
    #[arg(long)]
    pub(crate) quote_over_key: bool,
    /// hpke-http: id of the pre-shared key, which shows on the way. The key itself is in --psk-file, or in the environment
    /// variable SEALWIRE_PSK: its bytes as text, or base64: and base64url without padding; at least 32 bytes
    #[arg(long, value_name = "ID")]
    psk_id: Option<String>,
    /// hpke-http: file with the pre-shared key
    #[arg(long, value_name = "FILE", requires = "psk_id")]
    psk_file: Option<PathBuf>,
    /// hpke-http: path of the server's endpoint [default: /.well-known/sealwire/hpke-http]
    #[arg(long, value_name = "PATH")]
    endpoint: Option<PathAndQuery>,
    /// hpke-http: compress requests. What holds a secret beside something that another chose tells the secret by its length
    #[arg(long)]
    compress: bool,
    /// hpke-http-1 and ehbp: a line that the last event of every event stream has, such as `data: [DONE]`. Without it nobody
    /// can tell a stream that was cut between two events from a whole one
    #[arg(long, value_name = "LINE")]
    last_event: Option<String>,
    /// ehbp: send requests without content in clear, and take their answers in clear. Anybody on the way can read and change
    /// both
    #[arg(long)]
    clear_without_content: bool,
}

impl Args {
    /// The first flag that belongs to one wire alone, and that wire's names.
    pub(crate) fn given(&self) -> Option<(&'static str, &'static [&'static str])> {
        const HPKE_HTTP: &[&str] = &["hpke-http"];
        const BOTH: &[&str] = &["hpke-http", "hpke-http-1"];
        let given: [(&str, bool, &[&str]); 7] = [
            ("--quote-over-key", self.quote_over_key, &["tunnel-v0"]),
            ("--psk-id", self.psk_id.is_some(), BOTH),
            ("--psk-file", self.psk_file.is_some(), BOTH),
            ("--endpoint", self.endpoint.is_some(), HPKE_HTTP),
            ("--compress", self.compress, HPKE_HTTP),
            ("--last-event", self.last_event.is_some(), &["hpke-http-1", "ehbp"]),
            ("--clear-without-content", self.clear_without_content, &["ehbp"]),
        ];
        given.into_iter().find(|(_, is_given, _)| *is_given).map(|(flag, _, wires)| (flag, wires))
    }

    pub(crate) fn hpke_http(&self) -> Result<HpkeHttp, Failure> {
        let (id, psk) = self.psk()?;
        let credential = Credential::new(id, &psk).map_err(|_| bad_psk("255"))?;
        let defaults = HpkeHttp::new(Arc::new(credential));
        Ok(HpkeHttp {
            endpoint: self.endpoint.clone().unwrap_or_else(|| defaults.endpoint.clone()),
            compression: if self.compress { Compression::Zstd } else { Compression::Off },
            ..defaults
        })
    }

    pub(crate) fn hpke_http_1(&self) -> Result<HpkeHttp1, Failure> {
        let (id, psk) = self.psk()?;
        let credential = legacy::Credential::new(id, &psk).map_err(|_| bad_psk("128"))?;
        Ok(HpkeHttp1 { completeness: self.completeness(), ..HpkeHttp1::new(Arc::new(credential)) })
    }

    pub(crate) fn ehbp(&self) -> Ehbp {
        let without_content = match self.clear_without_content {
            true => WithoutContent::InClear,
            false => WithoutContent::Refused,
        };
        Ehbp { completeness: self.completeness(), without_content, ..Ehbp::default() }
    }

    fn completeness(&self) -> Completeness {
        Completeness { last_line: self.last_event.as_deref().map(Arc::from), ..Completeness::default() }
    }

    /// The pre-shared key and its id.
    fn psk(&self) -> Result<(Bytes, Zeroizing<Vec<u8>>), Failure> {
        let id = self.psk_id.as_ref().ok_or_else(|| {
            Failure::usage("this wire needs a pre-shared key")
                .next(format!("name it with --psk-id, and give it with --psk-file or in {PSK_VARIABLE}"))
        })?;
        let written = match &self.psk_file {
            Some(path) => read(path, MAX_PSK_FILE)?,
            None => Zeroizing::new(env::var_os(PSK_VARIABLE).map(os_bytes).ok_or_else(|| {
                Failure::usage("there is no pre-shared key").next(format!(
                    "give it with --psk-file FILE, or in the environment variable {PSK_VARIABLE}"
                ))
            })?),
        };
        let text = written.trim_ascii_end();
        let psk = match text.strip_prefix(b"base64:") {
            None => Zeroizing::new(text.to_vec()),
            Some(coded) => Zeroizing::new(
                BASE64_URL_SAFE_NO_PAD
                    .decode(coded)
                    .map_err(|_| Failure::usage("the pre-shared key is no base64url without padding"))?,
            ),
        };
        Ok((id.clone().into(), psk))
    }
}

fn os_bytes(text: std::ffi::OsString) -> Vec<u8> {
    text.into_encoded_bytes()
}

fn bad_psk(longest_id: &str) -> Failure {
    Failure::usage(format!(
        "a pre-shared key has at least 32 bytes and is not its own id; an id has 1 to {longest_id} bytes (HH-35)"
    ))
}

/// The bytes of a short file.
fn read(path: &Path, most: u64) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::usage(format!("{}: {error}", path.display()));
    let file = fs::File::open(path).map_err(|error| failed(&error))?;
    // With all its room from the start: what grows leaves copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(most).unwrap_or(usize::MAX)));
    file.take(most).read_to_end(&mut bytes).map_err(|error| failed(&error))?;
    if bytes.len() as u64 == most { Err(failed(&"it is too long")) } else { Ok(bytes) }
}

/// A key on the command line, or in a file of this name. `named` is whether the wire names keys.
pub(crate) fn pinned_key(text: &str, named: bool) -> Result<Key, Failure> {
    if let Some(key) = as_text(text.as_bytes(), named) {
        return Ok(key);
    }
    let wanted = if named { "KEYID:HEX" } else { "HEX" };
    let path = Path::new(text);
    if !path.exists() {
        return Err(Failure::usage(format!(
            "the pinned key is {wanted}, with the 64 digits of an X25519 key, or a file"
        )));
    }
    let most = MAX_RECORD_LEN.max(config::LEN).saturating_mul(4);
    let bytes = read(path, u64::try_from(most).unwrap_or(u64::MAX))?;
    as_text(bytes.trim_ascii_end(), named).or_else(|| as_record(&bytes, named)).ok_or_else(|| {
        let record = if named { "a key record (HHKD, version 2)" } else { "a key configuration of EHBP" };
        Failure::usage(format!("{}: neither {wanted} nor {record}", path.display()))
    })
}

fn as_text(text: &[u8], named: bool) -> Option<Key> {
    let (id, digits) = match text.iter().rposition(|byte| *byte == b':') {
        Some(at) if named => (text.get(..at)?, text.get(at.saturating_add(1)..)?),
        None if !named => (&[][..], text),
        _ => return None,
    };
    let public_key = hex::decode(digits).ok()?.try_into().ok()?;
    (named != id.is_empty()).then(|| Key { id: Bytes::copy_from_slice(id), public_key })
}

/// As servers publish it.
fn as_record(bytes: &[u8], named: bool) -> Option<Key> {
    let (id, public_key) = if named {
        let record = KeyRecord::parse(bytes).ok()?;
        (record.recipient().id().clone(), record.recipient().public_key().clone())
    } else {
        (Bytes::new(), KeyConfig::parse(bytes).ok()?.public_key().clone())
    };
    Some(Key { id, public_key: public_key.as_bytes().try_into().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGITS: &str = "0900000000000000000000000000000000000000000000000000000000000000";

    fn key(text: &str, named: bool) -> Option<Key> {
        pinned_key(text, named).ok()
    }

    // HH-10: what the user vouches for is told in one form for each kind of wire.
    #[test]
    fn keys_are_read_from_the_command_line_and_from_files() {
        let named = key(&format!("a:b:{DIGITS}"), true).unwrap();
        assert_eq!((&named.id[..], named.public_key[0]), (&b"a:b"[..], 9));
        assert_eq!(key(DIGITS, false).unwrap().id, "");
        for bad in [DIGITS, &format!(":{DIGITS}"), &format!("a:{}", &DIGITS[2..]), "no-such-file"] {
            assert_eq!(key(bad, true), None, "{bad}");
        }
        assert_eq!(key(&format!("a:{DIGITS}"), false), None);

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let kept = |bytes: &[u8], named: bool| {
            fs::write(&path, bytes).unwrap();
            key(path.to_str().unwrap(), named)
        };
        assert_eq!(kept(format!("a:b:{DIGITS}\n").as_bytes(), true).unwrap(), named);
        let recipient = sealwire_http::hpke_http::key::Recipient::new("a:b", &named.public_key).unwrap();
        let record = KeyRecord::new(recipient.clone(), 60).unwrap();
        assert_eq!(kept(&record.encode(), true).unwrap(), named);
        assert_eq!(kept(&record.encode(), false), None);
        let config = KeyConfig::new(recipient.public_key().clone()).unwrap();
        assert_eq!(kept(&config.encode(), false).unwrap(), Key { id: Bytes::new(), ..named });
        assert_eq!(kept(&[b'a'; 5000], true), None);
    }
}
