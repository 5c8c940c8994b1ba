//! The kernel's files.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

/// What configfs-tsm offers, so that tests can play the kernel: it does what no folder on a disk does.
pub(crate) trait Reports: Send + Sync + 'static {
    /// Makes an entry.
    ///
    /// # Errors
    /// What the kernel says.
    fn make(&self, entry: &str) -> io::Result<()>;
    /// Writes an attribute whole, in one write.
    ///
    /// # Errors
    /// What the kernel says.
    fn write(&self, entry: &str, attribute: &str, bytes: &[u8]) -> io::Result<()>;
    /// Reads an attribute, `max` bytes at most.
    ///
    /// # Errors
    /// What the kernel says.
    fn read(&self, entry: &str, attribute: &str, max: usize) -> io::Result<Vec<u8>>;
    /// Removes an entry with its attributes.
    ///
    /// # Errors
    /// What the kernel says.
    fn remove(&self, entry: &str) -> io::Result<()>;
}

/// The interface of the running kernel.
#[derive(Debug)]
pub(crate) struct Configfs {
    folder: PathBuf,
}

impl Configfs {
    pub(crate) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    fn path(&self, entry: &str, attribute: &str) -> PathBuf {
        self.folder.join(entry).join(attribute)
    }
}

impl Reports for Configfs {
    fn make(&self, entry: &str) -> io::Result<()> {
        fs::create_dir(self.folder.join(entry))
    }

    fn write(&self, entry: &str, attribute: &str, bytes: &[u8]) -> io::Result<()> {
        // Attributes are there from the start: nothing is created or truncated.
        OpenOptions::new().write(true).open(self.path(entry, attribute))?.write_all(bytes)
    }

    fn read(&self, entry: &str, attribute: &str, max: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        File::open(self.path(entry, attribute))?.take(max as u64).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn remove(&self, entry: &str) -> io::Result<()> {
        // In configfs the attributes go with their folder.
        fs::remove_dir(self.folder.join(entry))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_files() {
        let folder = tempfile::tempdir().unwrap();
        let configfs = Configfs::new(folder.path());
        configfs.make("one").unwrap();
        assert_eq!(configfs.make("one").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        // What the kernel has not made is not made here.
        assert_eq!(configfs.write("one", "inblob", b"x").unwrap_err().kind(), io::ErrorKind::NotFound);
        fs::write(folder.path().join("one/inblob"), b"").unwrap();
        configfs.write("one", "inblob", b"report data").unwrap();
        assert_eq!(configfs.read("one", "inblob", 100).unwrap(), b"report data");
        assert_eq!(configfs.read("one", "inblob", 6).unwrap(), b"report");
        fs::remove_file(folder.path().join("one/inblob")).unwrap();
        configfs.remove("one").unwrap();
        assert!(!folder.path().join("one").exists());
    }
}
