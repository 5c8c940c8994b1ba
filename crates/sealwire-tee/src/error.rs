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
    /// AT-60: the TEE that was asked for is not here
    #[error(
        "this machine is no guest of {tee}: {path} is not there, nor another interface to it; \
         `--tee auto` takes what there is, and `--tee development` makes evidence that only a development policy accepts",
        path = .path.display()
    )]
    Absent {
        /// the technology
        tee: &'static str,
        /// the device that was looked for
        path: PathBuf,
    },
    /// AT-60
    #[error("no TEE is called `{0}`; there are {names}", names = crate::NAMES.join(", "))]
    UnknownTee(String),
    /// AT-60: the machine is a guest of another technology than the one asked for
    #[error("configfs-tsm is provided by `{found}` here, not by {wanted}")]
    Provider {
        /// who provides it
        found: String,
        /// who would have to
        wanted: &'static str,
    },
    /// a device cannot be opened
    #[error("{path}: {source}{hint}", path = .path.display(), hint = privilege(.source))]
    Device {
        /// the device
        path: PathBuf,
        /// what the system said
        source: io::Error,
    },
    /// an operation of the kernel, a device or the host's service failed
    #[error("{interface}: {what} failed: {source}{hint}", hint = privilege(.source))]
    Platform {
        /// who failed
        interface: &'static str,
        /// what was done
        what: &'static str,
        /// what the system said
        source: io::Error,
    },
    /// the firmware or the host refused a report
    #[error(
        "/dev/sev-guest: no report: {source} (hypervisor error {hypervisor:#x}, firmware error {firmware:#x})"
    )]
    SevGuest {
        /// what the system said
        source: io::Error,
        /// what the hypervisor said; 2 is busy
        hypervisor: u32,
        /// what the firmware said (AMD 56860, status codes)
        firmware: u32,
    },
    /// who was asked answered with a status instead
    #[error("{interface} refused with status {status:#x}")]
    Status {
        /// who was asked
        interface: &'static str,
        /// its own code
        status: u32,
    },
    /// the Nitro security module refused
    #[error("/dev/nsm refused: {0}")]
    Nsm(String),
    /// an answer that is not of the form that it has to have
    #[error("{interface}: {what}")]
    Malformed {
        /// who answered
        interface: &'static str,
        /// what is wrong
        what: &'static str,
    },
    /// more bytes than the interface gives
    #[error("{0} is longer than it can be")]
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

    /// a program of the operator's
    #[error(transparent)]
    Helper(#[from] crate::nvidia::Error),
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
    /// a certificate could not be issued
    #[error(transparent)]
    Issue(#[from] sealwire_attest::x509::issue::Error),

    /// AT-01: a companion of composite evidence
    #[error("companion `{label}`: {source}")]
    Companion {
        /// which
        label: String,
        /// why it has no evidence
        source: Box<Error>,
    },

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

/// What a person does about a refusal that is about privilege.
fn privilege(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::PermissionDenied => {
            "; devices that attest are for root, or for a group that they are given"
        }
        _ => "",
    }
}
