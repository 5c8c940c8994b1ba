//! The state folder of the development root.
//!
//! `development/` holds three keys and three certificates in PEM, each key with mode 0600 in folders of mode 0700. The
//! folder appears by one rename when it is complete, so whoever sees it sees all of it. A lock on a file beside it,
//! which the system drops with the process, lets one process at a time make a root.

use super::root::{Authorities, Root};
use crate::Error;
use der::{Document, SecretDocument, pem::LineEnding};
use sealwire_crypto::sign::ecdsa_p384;
use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};
use x509_cert::{Certificate, der::Decode as _};

pub(super) const FOLDER: &str = "development";
/// Where a root is put together. Only who holds the lock touches it.
const UNFINISHED: &str = "development.unfinished";
const LOCK: &str = "development.lock";
const CERTIFICATE: &str = "CERTIFICATE";
const PRIVATE_KEY: &str = "PRIVATE KEY";

/// Loads the root of the folder `state`, or makes it.
pub(super) fn load_or_make(state: &Path) -> Result<Root, Error> {
    make_folder(state)?;
    let folder = state.join(FOLDER);
    if folder.exists() {
        return load(&folder);
    }
    let _lock = lock(&state.join(LOCK))?;
    // Somebody else may have made it while this process waited.
    if folder.exists() {
        return load(&folder);
    }
    tracing::info!(folder = %folder.display(), "making a development root, once per machine; this takes some seconds");
    let (root, authorities) = Root::make()?;
    let unfinished = state.join(UNFINISHED);
    clear(&unfinished)?;
    make_folder(&unfinished)?;
    store(&unfinished, &root, &authorities)?;
    fs::rename(&unfinished, &folder).and_then(|()| sync(state)).map_err(at(&folder))?;
    Ok(root)
}

fn store(folder: &Path, root: &Root, authorities: &Authorities) -> Result<(), Error> {
    let keys = [
        ("ark.key", authorities.ark_key.to_pkcs8()?),
        ("ask.key", authorities.ask_key.to_pkcs8()?),
        ("vcek.key", root.vcek_key.to_pkcs8()?),
    ];
    for (name, key) in keys {
        let pem = SecretDocument::try_from(key.as_slice())?.to_pem(PRIVATE_KEY, LineEnding::LF)?;
        write(&folder.join(name), pem.as_bytes())?;
    }
    for (name, certificate) in [("ark.crt", &root.ark), ("ask.crt", &root.ask), ("vcek.crt", &root.vcek)] {
        let pem = Document::try_from(certificate.as_slice())?.to_pem(CERTIFICATE, LineEnding::LF)?;
        write(&folder.join(name), pem.as_bytes())?;
    }
    sync(folder).map_err(at(folder))
}

fn load(folder: &Path) -> Result<Root, Error> {
    let path = folder.join("vcek.key");
    let key = ecdsa_p384::SigningKey::from_pkcs8(read_key(&path)?.as_bytes())
        .map_err(|_| damaged(&path, "not a P-384 key"))?;
    let path = folder.join("vcek.crt");
    let vcek = read_certificate(&path)?;
    let certified = Certificate::from_der(&vcek).map_err(|error| damaged(&path, error))?;
    let certified = certified.tbs_certificate().subject_public_key_info().subject_public_key.as_bytes();
    if certified != Some(&key.public_key()[..]) {
        return Err(damaged(&path, "it is not the certificate of the key beside it"));
    }
    let ask = read_certificate(&folder.join("ask.crt"))?;
    let ark = read_certificate(&folder.join("ark.crt"))?;
    Ok(Root { ark, ask, vcek, vcek_key: key })
}

/// Loads the keys that certify.
#[cfg(feature = "test-support")]
pub(super) fn load_authorities(state: &Path) -> Result<Authorities, Error> {
    let key = |name: &str| {
        let path = state.join(FOLDER).join(name);
        sealwire_crypto::sign::rsa_pss_sha384::SigningKey::from_pkcs8(read_key(&path)?.as_bytes())
            .map_err(|_| damaged(&path, "not an RSA key"))
    };
    Ok(Authorities { ark_key: key("ark.key")?, ask_key: key("ask.key")? })
}

fn read_key(path: &Path) -> Result<SecretDocument, Error> {
    let metadata = fs::metadata(path).map_err(|error| damaged(path, error))?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(Error::Exposed { path: path.to_owned(), mode });
    }
    let (label, key) = SecretDocument::read_pem_file(path).map_err(|error| damaged(path, error))?;
    if label == PRIVATE_KEY { Ok(key) } else { Err(damaged(path, "not a private key")) }
}

fn read_certificate(path: &Path) -> Result<Vec<u8>, Error> {
    let (label, certificate) = Document::read_pem_file(path).map_err(|error| damaged(path, error))?;
    if label == CERTIFICATE { Ok(certificate.into_vec()) } else { Err(damaged(path, "not a certificate")) }
}

fn make_folder(path: &Path) -> Result<(), Error> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(at(path))
}

/// Removes what a process left that died while it made a root.
fn clear(path: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(at(path)(error)),
        _ => Ok(()),
    }
}

fn lock(path: &Path) -> Result<File, Error> {
    let mut options = OpenOptions::new();
    let file = options.create(true).truncate(false).write(true).mode(0o600).open(path).map_err(at(path))?;
    file.lock().map_err(at(path))?;
    Ok(file)
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let open = || OpenOptions::new().create_new(true).write(true).mode(0o600).open(path);
    open().and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all())).map_err(at(path))
}

/// Makes the names in a folder durable.
fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path: PathBuf = path.to_owned();
    move |source| Error::State { path, source }
}

pub(super) fn damaged(path: &Path, why: impl ToString) -> Error {
    Error::Damaged { path: path.to_owned(), why: why.to_string() }
}
