//! Where keys, messages and the time come from.

use crate::cli::{
    exit::{Failure, OrNext},
    files,
};
use anyhow::{Context, anyhow};
use clap::Args as ClapArgs;
use sealwire_crypto::kem::{Kem, PrivateKey as KemKey};
use sealwire_envelope::{
    Envelope, base64url,
    encoding::{self, Options},
    key::{KeyRecord, PrivateKey, PublicKey, SharedSecret, Signer, Use},
};
use sealwire_http::{Clock, SystemClock};
use serde_json::value::RawValue;
use std::{
    collections::BTreeMap,
    env,
    io::IsTerminal,
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

/// The variable that a private key may be in (EN-105).
const PRIVATE_KEY: &str = "P7H3_PRIVATE_KEY";
/// The variable that a shared secret may be in.
const SECRET: &str = "P7H3_SECRET";

/// Whose key signs.
#[derive(Debug, ClapArgs)]
pub(super) struct Signing {
    /// Private key: what keygen wrote, base64url, PEM or JWK; - is standard input [default: $P7H3_PRIVATE_KEY]
    #[arg(long, value_name = "FILE")]
    private_key_file: Option<PathBuf>,
    /// The private key itself; needs --insecure-argv, since every user of this machine can read it
    #[arg(long, value_name = "KEY", requires = "insecure_argv", conflicts_with = "private_key_file")]
    private_key: Option<String>,
    /// Shared secret for HS256 instead of a private key; - is standard input [default: $P7H3_SECRET]
    #[arg(long, value_name = "FILE", conflicts_with_all = ["private_key", "private_key_file"])]
    secret_file: Option<PathBuf>,
    /// Take secrets on the command line
    #[arg(long)]
    insecure_argv: bool,
    /// Name of the key among the sender's
    #[arg(long, value_name = "ID", default_value = "local-ed25519-key")]
    pub(super) key_id: String,
}

impl Signing {
    /// The private key alone.
    pub(super) fn private_key(&self) -> Result<PrivateKey, Failure> {
        let text = match (&self.private_key, &self.private_key_file) {
            (Some(text), _) => Zeroizing::new(text.clone()),
            (None, Some(file)) => secret_text(file, "privateKey")?,
            (None, None) => match env::var(PRIVATE_KEY) {
                Ok(text) => Zeroizing::new(text),
                Err(_) => {
                    return Err(Failure::usage("no private key").next(
                        "give --private-key-file FILE; `sealwire envelope keygen --output FILE` makes one",
                    ));
                }
            },
        };
        PrivateKey::parse(&text).or_usage()
    }

    /// Who signs as `sender`, for `purpose`; with a shared secret, to `recipient` alone.
    pub(super) fn signer(
        &self,
        sender: &str,
        recipient: Option<&str>,
        purpose: Use,
    ) -> Result<Signer, Failure> {
        let signer = match self.secret()? {
            Some(secret) => {
                let recipient =
                    recipient.ok_or_else(|| Failure::usage("a shared secret needs --recipient"))?;
                Signer::secret(sender, recipient, &self.key_id, secret)
            }
            None => Signer::private(sender, &self.key_id, self.private_key()?),
        };
        Ok(signer.or_usage()?.with_uses(purpose))
    }

    fn secret(&self) -> Result<Option<SharedSecret>, Failure> {
        let named = self.private_key.is_some() || self.private_key_file.is_some();
        shared_secret(self.secret_file.as_deref(), named || env::var_os(PRIVATE_KEY).is_some())
    }
}

/// Whose key verifies.
#[derive(Debug, ClapArgs)]
pub(super) struct Verifying {
    /// The sender's public key: base64url, PEM or JWK
    #[arg(long, value_name = "KEY")]
    public_key: Option<String>,
    /// The same in a file, such as keygen writes
    #[arg(long, value_name = "FILE", conflicts_with = "public_key")]
    public_key_file: Option<PathBuf>,
    /// Shared secret for HS256 instead; - is standard input [default: $P7H3_SECRET]
    #[arg(long, value_name = "FILE", conflicts_with_all = ["public_key", "public_key_file"])]
    secret_file: Option<PathBuf>,
}

impl Verifying {
    /// The public key alone.
    pub(super) fn public_key(&self) -> Result<PublicKey, Failure> {
        let text = match (&self.public_key, &self.public_key_file) {
            (Some(text), _) => text.clone(),
            (None, Some(file)) => member_of(&files::read_text(file)?, "publicKey").to_owned(),
            (None, None) => return Err(Failure::usage("no public key").next("give --public-key KEY")),
        };
        PublicKey::parse(&text).or_usage()
    }

    /// A record of the key for `purpose`, under the names that a message has: the key alone is what is trusted.
    pub(super) fn record(
        &self,
        sender: &str,
        recipient: Option<&str>,
        key_id: &str,
        purpose: Use,
    ) -> Result<KeyRecord, Failure> {
        let named = self.public_key.is_some() || self.public_key_file.is_some();
        let record = match shared_secret(self.secret_file.as_deref(), named)? {
            Some(secret) => {
                let recipient =
                    recipient.ok_or_else(|| Failure::usage("a shared secret needs a recipient"))?;
                KeyRecord::secret(sender, recipient, key_id, secret)
            }
            None => KeyRecord::public(sender, key_id, self.public_key()?),
        };
        Ok(record.or_usage()?.with_uses(purpose))
    }
}

fn shared_secret(file: Option<&Path>, named: bool) -> Result<Option<SharedSecret>, Failure> {
    let text = match file {
        Some(file) => Some(secret_text(file, "secret")?),
        None if named => None,
        None => env::var(SECRET).ok().map(Zeroizing::new),
    };
    Ok(text.map(|text| SharedSecret::new(&text)))
}

/// The envelope to work on.
#[derive(Debug, ClapArgs)]
pub(super) struct Message {
    /// The envelope itself
    #[arg(long, value_name = "JSON")]
    envelope: Option<String>,
    /// File of the envelope, in any of its forms [default: standard input]
    #[arg(long, value_name = "FILE", conflicts_with = "envelope")]
    envelope_file: Option<PathBuf>,
}

impl Message {
    /// The envelope, in whatever form it comes.
    pub(super) fn read(&self) -> Result<Envelope, Failure> {
        let bytes = match (&self.envelope, &self.envelope_file) {
            (Some(text), _) => text.clone().into_bytes(),
            (None, file) => data(file.as_deref())?,
        };
        let options = Options { sealed: true, ..Options::default() };
        Ok(encoding::decode(&bytes, &options)?)
    }
}

/// What a message says.
#[derive(Debug, ClapArgs)]
pub(super) struct Payload {
    /// What the message says
    #[arg(long, visible_alias = "content", value_name = "TEXT")]
    payload: Option<String>,
    /// The same in a file [default: standard input]
    #[arg(long, value_name = "FILE", conflicts_with = "payload")]
    payload_file: Option<PathBuf>,
}

impl Payload {
    pub(super) fn read(&self) -> Result<String, Failure> {
        match &self.payload {
            Some(text) => Ok(text.clone()),
            None => text(self.payload_file.as_deref()),
        }
    }
}

/// As of when messages are verified.
#[derive(Debug, ClapArgs)]
pub(super) struct At {
    /// Verify as of this time, in milliseconds since 1970 [default: now]
    #[arg(long, value_name = "MS")]
    at: Option<i64>,
}

impl At {
    pub(super) fn ms(&self) -> i64 {
        self.at.unwrap_or_else(now_ms)
    }
}

/// The clock, in milliseconds since the Unix epoch.
pub(super) fn now_ms() -> i64 {
    i64::try_from(SystemClock.unix_millis()).unwrap_or(i64::MAX)
}

/// The bytes of a file or of standard input, which is only waited for when somebody sends something.
pub(super) fn data(file: Option<&Path>) -> Result<Vec<u8>, Failure> {
    if file.is_none() && std::io::stdin().is_terminal() {
        return Err(Failure::usage("nothing to read").next("give a file, or send it to standard input"));
    }
    files::read_or_stdin(file.unwrap_or_else(|| Path::new("-")))
}

/// The same as text; a newline at the end is not part of it.
pub(super) fn text(file: Option<&Path>) -> Result<String, Failure> {
    let mut text = String::from_utf8(data(file)?).context("the input is not text in UTF-8").or_usage()?;
    if text.ends_with('\n') {
        text.pop();
    }
    Ok(text)
}

/// A secret out of a file, or out of one of its JSON members where it has them.
pub(super) fn secret_text(file: &Path, member: &str) -> Result<Zeroizing<String>, Failure> {
    let bytes = Zeroizing::new(files::read_or_stdin(file)?);
    let text =
        std::str::from_utf8(&bytes).map_err(|_| anyhow!("{} is not text", files::shown(file))).or_usage()?;
    Ok(Zeroizing::new(member_of(text, member).to_owned()))
}

/// The member of what keygen writes, or the text itself; a part of the text either way, so that no copy is left behind.
fn member_of<'a>(text: &'a str, member: &str) -> &'a str {
    let object = serde_json::from_str::<BTreeMap<&str, &RawValue>>(text).ok();
    // What keygen writes has nothing to unescape.
    let found = object.as_ref().and_then(|object| object.get(member)).map(|raw| raw.get().trim_matches('"'));
    found.unwrap_or(text).trim()
}

/// An X25519 private key, raw in base64url.
pub(super) fn x25519(file: &Path) -> Result<KemKey, Failure> {
    let bytes = x25519_bytes(file)?;
    KemKey::from_bytes(Kem::X25519, &bytes).or_usage()
}

/// Its 32 bytes.
pub(super) fn x25519_bytes(file: &Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let text = secret_text(file, "privateKey")?;
    Ok(Zeroizing::new(base64url::decode(text.as_bytes()).or_usage()?))
}

/// 32 bytes of an X25519 public key: base64url, or a file that has it.
pub(super) fn x25519_public(text: &str) -> Result<[u8; 32], String> {
    base64url::decode_array(text).map_err(|_| "an X25519 public key is 32 bytes in base64url".to_owned())
}
