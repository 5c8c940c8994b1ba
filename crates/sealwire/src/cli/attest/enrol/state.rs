//! The folder of the CA: `ca.key` and `ca.pem`, `pending/` with one file for each challenge that waits for its answer, and
//! `issued/` with one for each attestation key that was certified, by its Name: the hardware id of its first certificate.
//! Secrets of challenges are not in it, only their hashes.

use crate::cli::{
    exit::{Exit, Failure},
    files::{self, Access},
};
use anyhow::{Context, anyhow};
use sealwire_attest::{
    UnixTime,
    enrol::{Answer, Ca, Pending},
};
use std::{
    fs::{self, DirBuilder},
    io::ErrorKind,
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

const KEY: &str = "ca.key";
const CERTIFICATE: &str = "ca.pem";
const PENDING: &str = "pending";
const ISSUED: &str = "issued";

/// The folder of a CA.
pub(super) struct State {
    folder: PathBuf,
}

impl State {
    /// Puts a new CA into `folder`, where there is none; the path of its certificate.
    pub(super) fn create(folder: &Path, ca: &Ca) -> Result<PathBuf, Failure> {
        let make = || DirBuilder::new().recursive(true).mode(0o700).create(folder.join(PENDING));
        make().with_context(|| format!("cannot create {}", folder.display()))?;
        let there = || {
            Failure::usage(format_args!("{} holds a CA already", folder.display())).next(
                "give another --state, or use the CA that is there: its certificates would lose their root",
            )
        };
        if [KEY, CERTIFICATE].iter().any(|name| folder.join(name).exists()) {
            return Err(there());
        }
        // The key first: it is not overwritten, so of two that start at once one fails here.
        files::create(&folder.join(KEY), ca.key_pem()?.as_bytes(), Access::Secret)?;
        let certificate = folder.join(CERTIFICATE);
        files::create(&certificate, ca.certificate_pem()?.as_bytes(), Access::Public)?;
        Ok(certificate)
    }

    /// The folder of a CA that was made before.
    pub(super) fn open(folder: &Path) -> Result<Self, Failure> {
        if folder.join(CERTIFICATE).is_file() {
            return Ok(Self { folder: folder.to_owned() });
        }
        Err(Failure::usage(format_args!("{} holds no enrolment CA", folder.display()))
            .next(format!("sealwire attest enrol ca --state {}", folder.display())))
    }

    /// The CA, whose key nobody else may be able to read.
    pub(super) fn ca(&self) -> Result<Ca, Failure> {
        let path = self.folder.join(KEY);
        let metadata = fs::metadata(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let mode = metadata.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            let error = anyhow!("{} has mode {mode:03o}: others may use this private key", path.display());
            return Err(Failure::from(error).next(format!("chmod 600 {}", path.display())));
        }
        let key = Zeroizing::new(files::read_text(&path)?);
        let certificate = files::read_text(&self.folder.join(CERTIFICATE))?;
        Ok(Ca::from_pem(&key, &certificate).with_context(|| self.folder.display().to_string())?)
    }

    /// Keeps a challenge until it is answered, and forgets those whose time is over.
    pub(super) fn remember(&self, pending: &Pending, at: UnixTime) -> Result<(), Failure> {
        self.forget_expired(at)?;
        files::create(&self.pending(&pending.id()), pending.to_json().as_bytes(), Access::Secret)
    }

    /// The challenge that is answered, which is gone from the folder then: of two answers at once one gets it, since a file
    /// is renamed away once.
    pub(super) fn take(&self, answer: &Answer) -> Result<Pending, Failure> {
        let path = self.pending(&answer.id());
        let taken = path.with_extension("taken");
        match fs::rename(&path, &taken) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(Failure::from(anyhow!(
                    "no challenge waits for this answer: it has been answered already, or is another CA's"
                ))
                .exit(Exit::Verdict(20))
                .next("make another with sealwire attest enrol challenge"));
            }
            renamed => renamed.with_context(|| format!("cannot move {}", path.display()))?,
        }
        let text = files::read(&taken)?;
        fs::remove_file(&taken).with_context(|| format!("cannot remove {}", taken.display()))?;
        Ok(Pending::from_json(&text).with_context(|| path.display().to_string())?)
    }

    /// The hardware id that the attestation key of this Name has for good: that of its first certificate, which is `id`
    /// where there is none yet. A TPM that comes again with its other endorsement key stays the one that a revocation list
    /// names.
    pub(super) fn first_id(&self, name: &[u8], id: &str) -> Result<[u8; 32], Failure> {
        let folder = self.folder.join(ISSUED);
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&folder);
        made.with_context(|| format!("cannot create {}", folder.display()))?;
        let name = hex::encode(name);
        let path = folder.join(&name);
        // Written whole and then linked, so that of two at once the first counts, and nobody reads half an id.
        let draft = folder.join(format!("{name}.{}.new", std::process::id()));
        files::create(&draft, id.as_bytes(), Access::Secret)?;
        let linked = fs::hard_link(&draft, &path);
        fs::remove_file(&draft).with_context(|| format!("cannot remove {}", draft.display()))?;
        match linked {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                return Err(error).with_context(|| format!("cannot write {}", path.display()))?;
            }
            _ => {}
        }
        let mut first = [0; 32];
        hex::decode_to_slice(files::read(&path)?.trim_ascii(), &mut first)
            .with_context(|| format!("{} holds no hardware id", path.display()))?;
        Ok(first)
    }

    fn forget_expired(&self, at: UnixTime) -> Result<(), Failure> {
        let folder = self.folder.join(PENDING);
        let cannot = || format!("cannot read {}", folder.display());
        for entry in fs::read_dir(&folder).with_context(cannot)? {
            let path = entry.with_context(cannot)?.path();
            let expired = fs::read(&path)
                .is_ok_and(|text| Pending::from_json(&text).is_ok_and(|pending| at > pending.expires()));
            if expired {
                // Another process may have been faster.
                let _ = fs::remove_file(&path);
            }
        }
        Ok(())
    }

    /// The name is hex of our own.
    fn pending(&self, id: &str) -> PathBuf {
        self.folder.join(PENDING).join(format!("{id}.json"))
    }
}

#[cfg(test)]
mod tests {
    use super::State;

    // AT-62: an attestation key keeps its first hardware id, whichever endorsement key it comes with.
    #[test]
    fn a_key_keeps_its_first_id() {
        let folder = tempfile::tempdir().unwrap();
        let state = State { folder: folder.path().to_owned() };
        let (rsa, ecc) = ([1; 32], [2; 32]);
        let id = |name: &[u8], id: [u8; 32]| state.first_id(name, &hex::encode(id)).unwrap();
        assert_eq!(id(b"one", rsa), rsa);
        assert_eq!(id(b"one", ecc), rsa);
        assert_eq!(id(b"two", ecc), ecc);
        assert_eq!(id(b"two", rsa), ecc);
        // Also for the next process.
        let again = State { folder: folder.path().to_owned() };
        assert_eq!(again.first_id(b"one", &hex::encode(ecc)).unwrap(), rsa);
        std::fs::write(folder.path().join("issued").join(hex::encode(b"one")), "").unwrap();
        assert!(state.first_id(b"one", &hex::encode(ecc)).is_err());
    }
}
