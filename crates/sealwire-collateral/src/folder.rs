//! A folder of endorsements as files (AT-71): what `sealwire attest fetch` fills, a gateway staples, and a verifier
//! takes. Names mean nothing to a reader; each file is recognised by its content (AT-80).

use crate::{Failure, Item, store};
use sealwire_attest::Endorsements;
use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

/// Longest file, in bytes.
const MAX_FILE: u64 = 4 << 20;
/// Whom the umask allows: nothing here is secret, and a gateway that staples it runs as somebody else.
const PUBLIC: u32 = 0o644;
/// The most files of a folder.
const MAX_FILES: usize = 1024;

/// What a file or folder holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Loaded {
    /// all of it
    pub endorsements: Endorsements,
    /// files of a folder that hold something else: evidence and notes may lie beside
    pub left_out: Vec<PathBuf>,
}

/// Reads a file, or the files of a folder (not those of folders in it), in the order of their names.
///
/// A file of a folder that is no endorsement is left out, but one that looks like an endorsement and is damaged is an
/// error, as is a file that was named itself.
///
/// # Errors
/// [`Failure::File`], [`Failure::Endorsement`]
pub fn read(path: &Path) -> Result<Loaded, Failure> {
    let mut loaded = Loaded::default();
    if !path.is_dir() {
        loaded.add(path, &bytes_of(path)?)?;
        return Ok(loaded);
    }
    let files = files_of(path).map_err(|source| Failure::File { path: path.to_owned(), source })?;
    for file in files {
        let bytes = bytes_of(&file)?;
        match loaded.add(&file, &bytes) {
            Err(_) if !looks_like_endorsement(&bytes) => loaded.left_out.push(file),
            other => other?,
        }
    }
    Ok(loaded)
}

impl Loaded {
    fn add(&mut self, path: &Path, bytes: &[u8]) -> Result<(), Failure> {
        let failed = |source| Failure::Endorsement { path: path.to_owned(), source };
        self.endorsements.add(bytes).map_err(failed)
    }
}

/// Writes what a verifier takes of an item, and gives the files. Each replaces the one of its name, as a whole.
///
/// # Errors
/// [`Failure::File`]
pub fn write(folder: &Path, item: &Item) -> Result<Vec<PathBuf>, Failure> {
    let name = item.need().name();
    let Endorsements { certificates, crls, references } = item.endorsements();
    let mut files = Vec::new();
    for (list, extension) in [(certificates, "der"), (crls, "crl"), (references, "json")] {
        for (index, bytes) in list.iter().enumerate() {
            let number = if index == 0 { String::new() } else { format!("-{}", index + 1) };
            let path = folder.join(format!("{name}{number}.{extension}"));
            store::replace(&path, bytes, PUBLIC)
                .map_err(|source| Failure::File { path: path.clone(), source })?;
            files.push(path);
        }
    }
    Ok(files)
}

fn files_of(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        // What an editor or an unfinished download hides is not meant.
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if path.is_file() && !hidden {
            files.push(path);
        }
        if files.len() > MAX_FILES {
            return Err(io::Error::other("more than 1024 files"));
        }
    }
    files.sort();
    Ok(files)
}

fn bytes_of(path: &Path) -> Result<Vec<u8>, Failure> {
    let read = || {
        let mut bytes = Vec::new();
        File::open(path)?.take(MAX_FILE + 1).read_to_end(&mut bytes)?;
        match bytes.len() as u64 > MAX_FILE {
            true => Err(io::Error::other("longer than 4 MiB")),
            false => Ok(bytes),
        }
    };
    read().map_err(|source| Failure::File { path: path.to_owned(), source })
}

/// A SEQUENCE of two length bytes in DER; text with PEM in it, which raw quotes hold too; JSON with one of Intel's signed
/// objects; an XML document of NVIDIA's.
fn looks_like_endorsement(bytes: &[u8]) -> bool {
    if bytes.starts_with(&[0x30, 0x82]) {
        return true;
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let is_json = text.trim_start().starts_with('{');
    let named = |name: &str| text.contains(name);
    match is_json {
        true => ["\"tcbInfo\"", "\"enclaveIdentity\"", "\"tcb_info\""].into_iter().any(named),
        false => named("-----BEGIN ") || text.trim_start().starts_with('<') && named("SoftwareIdentity"),
    }
}
