use std::{io, path::PathBuf, time::Duration};
use tpm2_protocol::{
    TpmError,
    data::{TpmRc, TpmRcBase as Rc, TpmRcIndex},
};

/// Why a TPM did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// the address of a TPM
    #[error("`{0}` is no TPM: give a device such as /dev/tpmrm0, tcp:HOST:PORT or unix:PATH")]
    Address(String),
    /// there is no such device, or it may not be used
    #[error("the TPM at {address} cannot be opened: {source}")]
    Open {
        /// where
        address: String,
        /// what the system said
        source: io::Error,
    },
    /// the connection broke
    #[error("the TPM at {address}: {source}")]
    Io {
        /// where
        address: String,
        /// what the system said
        source: io::Error,
    },
    /// no answer in time
    #[error("the TPM did not answer within {} s", .0.as_secs_f32())]
    Timeout(Duration),
    /// AT-08: an answer that is none
    #[error("the TPM's answer to {command} is malformed: {what}")]
    Malformed {
        /// what was asked
        command: &'static str,
        /// what is wrong
        what: String,
    },
    /// the TPM said no
    #[error("{command} failed: {}", words(*.code))]
    Refused {
        /// what was asked
        command: &'static str,
        /// TPM_RC
        code: u32,
    },
    /// a command could not be written
    #[error("{0} cannot be marshalled")]
    Command(&'static str),

    /// a list of registers that cannot be quoted
    #[error("`{0}` is no list of PCRs: give numbers from 0 to 23, such as 0-7,11")]
    Pcrs(String),
    /// the TPM keeps no SHA-256 bank of a register
    #[error("the TPM has no PCR {0} in its SHA-256 bank; see `tpm2_getcap pcrs`, or select others")]
    NoPcr(u8),
    /// registers that change between reading and quoting
    #[error("the PCRs changed at each of {0} attempts to quote them; leave out those that always change")]
    Moving(u32),
    /// the quote is not over what it was asked for
    #[error("the TPM quoted other data than asked for")]
    WrongQuote,

    /// AT-62
    #[error(
        "this TPM holds no EK certificate for RSA 2048 or ECC P-256 (NV index 0x01c00002, 0x01c0000a); give the one that its \
         maker publishes"
    )]
    NoEkCertificate,
    /// AT-62
    #[error("the challenge is for another attestation key than this TPM makes")]
    OtherKey,
    /// AT-62
    #[error("{0}")]
    Enrolment(#[from] sealwire_attest::enrol::Error),
    /// a key that is none of those that are accepted
    #[error("the TPM made a key that cannot be used: {0}")]
    Key(sealwire_attest::Error),

    /// a file of the configuration
    #[error("{path}: {source}")]
    File {
        /// which
        path: PathBuf,
        /// what the system said
        source: io::Error,
    },
    /// the certificate of the attestation key
    #[error("{path}: {error}")]
    Certificate {
        /// the file
        path: PathBuf,
        /// what is wrong
        error: sealwire_attest::Error,
    },
    /// evidence that no client would accept
    #[error("the TPM's own quote does not verify here: {0}")]
    Check(sealwire_attest::Error),
}

impl Error {
    pub(super) fn malformed(command: &'static str) -> impl FnOnce(TpmError) -> Self {
        move |error| Self::Malformed { command, what: format!("{error:?}") }
    }

    /// Whether the TPM said that there is no such thing.
    pub(super) fn is_missing(&self) -> bool {
        matches!(self, Self::Refused { code, .. } if base(*code) == Some(Rc::Handle))
    }
}

fn base(code: u32) -> Option<Rc> {
    TpmRc::try_from(code).ok().map(|rc| rc.base())
}

/// Whether the command may simply be sent again (TPM 2.0 part 2, section 6.6.3, warnings).
pub(super) fn try_again(code: u32) -> bool {
    matches!(base(code), Some(Rc::Retry | Rc::Yielded | Rc::Testing | Rc::NvRate))
}

/// A response code in words, with the name that the specification gives it.
fn words(code: u32) -> String {
    let Ok(rc) = TpmRc::try_from(code) else {
        return format!("a response code that is not known (0x{code:08x})");
    };
    let what = match rc.base() {
        Rc::Initialize => "the TPM has not been started (TPM2_Startup)",
        Rc::Failure => "the TPM is in failure mode",
        Rc::Disabled | Rc::Hierarchy => "the hierarchy is disabled, perhaps in the firmware's set-up",
        Rc::AuthFail | Rc::BadAuth | Rc::AuthMissing | Rc::AuthUnavailable => {
            "the hierarchy has a password; Sealwire needs one without"
        }
        Rc::Lockout => "the TPM is locked against guessing of passwords; it unlocks after a while",
        Rc::ObjectMemory | Rc::ObjectHandles => {
            "the TPM has no room for another key; use /dev/tpmrm0, which shares it out, or flush what others have loaded"
        }
        Rc::SessionMemory | Rc::SessionHandles => {
            "the TPM has no room for another session; use /dev/tpmrm0, or flush what others have left"
        }
        Rc::Memory => "the TPM is out of memory",
        Rc::Integrity => "what was encrypted is not for this TPM and this key",
        Rc::PolicyFail => "the policy of the key is not met",
        Rc::CommandCode => "the TPM does not know this command",
        Rc::Asymmetric | Rc::Curve | Rc::Scheme | Rc::Symmetric | Rc::Hash | Rc::KeySize => {
            "the TPM does not know the algorithm"
        }
        Rc::Handle => "there is no such object",
        Rc::Locality => "not allowed from here (locality)",
        Rc::Retry | Rc::Yielded | Rc::Testing | Rc::NvRate => "the TPM is busy",
        Rc::NvLocked => "the NV index is locked",
        Rc::NvUninitialized => "the NV index has never been written",
        Rc::NvAuthorization => "the NV index may not be read",
        Rc::NvUnavailable => "the TPM's own storage cannot be used now",
        Rc::Upgrade => "the TPM waits for a firmware upgrade",
        Rc::Reboot => "the TPM wants a reboot",
        Rc::Value | Rc::Size | Rc::Range => "a value that the TPM does not take",
        _ => "refused",
    };
    let place = match rc {
        TpmRc::Fmt1(fmt1) => match fmt1.index {
            Some(TpmRcIndex::Parameter(n)) => format!(", parameter {n}"),
            Some(TpmRcIndex::Handle(n)) => format!(", handle {n}"),
            Some(TpmRcIndex::Session(n)) => format!(", session {n}"),
            None => String::new(),
        },
        _ => String::new(),
    };
    format!("{what} ({}{place}, 0x{code:03x})", rc.base())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn response_codes_are_told_in_words() {
        for (code, part) in [
            (0x100, "has not been started (TPM2_Startup) (TPM_RC_INITIALIZE, 0x100)"),
            (0x98e, "has a password; Sealwire needs one without (TPM_RC_AUTH_FAIL, session 1, 0x98e)"),
            (0x18b, "no such object (TPM_RC_HANDLE, handle 1, 0x18b)"),
            (0x921, "TPM_RC_LOCKOUT"),
            (0x1df, "not for this TPM and this key (TPM_RC_INTEGRITY, parameter 1, 0x1df)"),
            (0xffff_0000, "0xffff0000"),
        ] {
            assert!(words(code).contains(part), "{}", words(code));
        }
        assert!(try_again(0x922) && try_again(0x90a) && !try_again(0x921) && !try_again(0xffff_0000));
        assert!(Error::Refused { command: "TPM2_NV_ReadPublic", code: 0x18b }.is_missing());
    }
}
