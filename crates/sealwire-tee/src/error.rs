use std::{io, path::PathBuf};

/// Why no evidence could be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// AT-60
    #[error(
        "this machine has no TEE that can be found; `--tee development` makes evidence that only a development policy accepts"
    )]
    NoTee,
    /// AT-60: a guest of SEV-SNP whose kernel has the device alone
    #[error(
        "/dev/sev-guest is there but {path} is not; reports are read through configfs-tsm, which needs Linux 6.7 or later \
         with CONFIG_TSM_REPORTS, the sev-guest module loaded, and configfs mounted"
    )]
    NoConfigfs {
        /// the folder that was looked for
        path: PathBuf,
    },
    /// AT-60
    #[error("no TEE is called `{0}`; there are `auto`, `snp` and `development`")]
    UnknownTee(String),
    /// AT-60: the machine is a guest of another technology than the one asked for
    #[error("configfs-tsm is provided by `{0}` here, not by `sev_guest`")]
    Provider(String),
    /// configfs-tsm failed
    #[error("configfs-tsm: {what} failed: {source}")]
    Platform {
        /// what was done
        what: &'static str,
        /// what the kernel said
        source: io::Error,
    },
    /// more bytes than the interface gives
    #[error("configfs-tsm: {0} is longer than it can be")]
    TooLong(&'static str),
    /// another process wrote to the same entry
    #[error("configfs-tsm: the report changed while it was read")]
    Interfered,
    /// the report does not hold the report data that was asked for
    #[error("the platform made a report over other data than asked for")]
    WrongReport,
    /// the host's table of certificates
    #[error("the host's certificate table is malformed")]
    CertificateTable,

    /// a TPM
    #[error(transparent)]
    Tpm(#[from] crate::tpm::Error),

    /// more endorsements than can be published
    #[error("{0}")]
    Endorsements(sealwire_attest::Error),

    /// AT-07: the state folder
    #[error("{path}: {source}")]
    State {
        /// file or folder
        path: PathBuf,
        /// what the system said
        source: io::Error,
    },
    /// AT-07: others may read a private key
    #[error("{path} has mode {mode:03o}: others may use this private key; set it to 600")]
    Exposed {
        /// the key
        path: PathBuf,
        /// its permission bits
        mode: u32,
    },
    /// AT-07
    #[error(
        "{path} is damaged: {why}; remove the folder around it for a new root, which policies that name the old one will not accept"
    )]
    Damaged {
        /// file or folder
        path: PathBuf,
        /// what is wrong
        why: String,
    },
    /// a primitive failed
    #[error(transparent)]
    Crypto(#[from] sealwire_crypto::Error),
    /// a certificate could not be built
    #[error("certificate: {0}")]
    Certificate(#[from] der::Error),

    /// AT-61
    #[error("too many requests for evidence are waiting")]
    Busy,
    /// AT-61
    #[error("the evidence took too long")]
    Timeout,
    /// AT-61
    #[error("the thread that makes evidence has ended")]
    Stopped,
}
