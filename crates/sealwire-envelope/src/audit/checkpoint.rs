//! Checkpoints (SP-73): a signed line that says how far the log had come.

use super::{
    Hash, Keys, LOG_ID_LEN, Signer,
    entry::{bounded, from_hex, hex},
};
use crate::{
    base64url,
    json::{self, DOCUMENT_DEPTH},
    key::SignError,
};

pub(super) const VERSION: &str = "sw-audit-cp/2";
const LABEL: &[u8] = b"sw-audit/2 checkpoint\0";

/// A checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// which log
    pub log: [u8; LOG_ID_LEN],
    /// the last entry that it covers; all before it are covered too
    pub seq: u64,
    /// hash of that entry
    pub hash: Hash,
    /// when it was signed, in milliseconds since the Unix epoch
    pub ts: u64,
    /// fingerprint of the key that signed (SP-16)
    pub fp: String,
    /// the signature
    pub sig: [u8; 64],
}

impl Checkpoint {
    pub(super) fn sign(
        log: [u8; LOG_ID_LEN],
        seq: u64,
        hash: Hash,
        ts: u64,
        signer: &Signer,
    ) -> Result<Self, SignError> {
        let unsigned = Self { log, seq, hash, ts, fp: signer.fp().to_owned(), sig: [0; 64] };
        let sig = signer.sign(&unsigned.message())?;
        Ok(Self { sig, ..unsigned })
    }

    /// Whether it was signed by the key that it names, among those that may.
    #[must_use]
    pub fn is_signed(&self, keys: &Keys) -> bool {
        keys.verifies(&self.fp, &self.message(), &self.sig, self.ts)
    }

    /// The line, without a newline.
    #[must_use]
    pub fn to_line(&self) -> String {
        self.line(true)
    }

    /// Reads a line, in the one spelling of [`Checkpoint::to_line`].
    ///
    /// # Errors
    /// [`json::Error`]
    pub fn from_line(line: &str) -> Result<Self, json::Error> {
        let (mut log, mut seq, mut hash, mut ts, mut fp, mut sig) = (None, None, None, None, None, None);
        json::read(line.as_bytes(), DOCUMENT_DEPTH, |reader| {
            reader.object(|name, reader| {
                match name {
                    "count" => drop(reader.integer()?),
                    "fp" => fp = Some(reader.string()?.into_owned()),
                    "hash" => hash = from_hex(&reader.string()?),
                    "log" => log = base64url::decode_array(&*reader.string()?).ok(),
                    "seq" => seq = Some(reader.integer()?),
                    "sig" => sig = base64url::decode_array(&*reader.string()?).ok(),
                    "ts" => ts = Some(reader.integer()?),
                    "v" => drop(reader.string()?),
                    _ => return Err(json::Error::UnknownMember),
                }
                Ok(())
            })
        })?;
        let checkpoint = Self {
            log: json::required(log)?,
            seq: json::required(seq)?,
            hash: json::required(hash)?,
            ts: json::required(ts)?,
            fp: json::required(fp)?,
            sig: json::required(sig)?,
        };
        // This also holds `count` to seq + 1 and `v` to its value.
        if checkpoint.to_line() == line { Ok(checkpoint) } else { Err(json::Error::Syntax) }
    }

    /// Whether a line is a checkpoint, or meant to be one, and not an entry.
    pub(super) fn is_meant(line: &str) -> bool {
        line.starts_with("{\"count\":")
    }

    /// The signature as an entry of type `segment` repeats it (SP-74).
    pub(super) fn sig_text(&self) -> String {
        base64url::encode(self.sig)
    }

    fn message(&self) -> Vec<u8> {
        [LABEL, self.line(false).as_bytes()].concat()
    }

    fn line(&self, with_sig: bool) -> String {
        let mut line = bounded();
        line.number("count", Some(self.seq.saturating_add(1)));
        line.text("fp", Some(&self.fp));
        line.text("hash", Some(&hex(&self.hash)));
        line.text("log", Some(&base64url::encode(self.log)));
        line.number("seq", Some(self.seq));
        line.text("sig", with_sig.then(|| self.sig_text()).as_deref());
        line.number("ts", Some(self.ts));
        line.text("v", Some(VERSION));
        line.finish()
    }
}
