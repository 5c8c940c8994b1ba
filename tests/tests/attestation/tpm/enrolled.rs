//! An enrolment CA, and TPMs that are enrolled with it.

use sealwire_attest::{
    Trust, UnixTime, Verifier,
    enrol::{Ca, Challenge, EkRoots, Pending, Request},
};
use sealwire_crypto::random::OsRandom;
use sealwire_http::{Clock as _, SystemClock};
use sealwire_tee::tpm::{self, Address, EventLog, Options, Tpm};
use sealwire_tests::{
    swtpm::{Maker, Swtpm},
    tee::hex,
};
use std::{collections::BTreeMap, fs, path::PathBuf, time::Duration};
use tempfile::TempDir;

/// A day.
pub(crate) const DAY: Duration = Duration::from_secs(24 * 60 * 60);

pub(crate) fn now() -> UnixTime {
    UnixTime(SystemClock.unix_seconds())
}

pub(crate) fn later() -> UnixTime {
    now().saturating_add(DAY)
}

pub(crate) fn new_ca() -> Ca {
    Ca::generate(&OsRandom, now()).unwrap()
}

/// A TPM of the shared maker.
pub(crate) fn new_tpm() -> Swtpm {
    Maker::shared().make(true)
}

pub(crate) fn roots() -> EkRoots {
    EkRoots::new(&Maker::shared().endorsements()).unwrap()
}

pub(crate) fn request(address: &Address) -> Request {
    tpm::request(address, None, Vec::new()).unwrap()
}

/// A challenge for a request of a TPM of the shared maker.
pub(crate) fn challenge(request: &Request) -> (Challenge, Pending) {
    request.check(&roots(), now()).unwrap().challenge(&OsRandom, later()).unwrap()
}

/// A TPM that is enrolled, and what its machine has been given.
pub(crate) struct Enrolled {
    pub(crate) device: Swtpm,
    pub(crate) root: [u8; 32],
    folder: TempDir,
}

impl Enrolled {
    /// By a CA of its own.
    pub(crate) fn new() -> Self {
        Self::with(&new_ca(), new_tpm())
    }

    /// By this CA.
    pub(crate) fn with(ca: &Ca, device: Swtpm) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("ak.pem"), certified(ca, &device.address(), DAY)).unwrap();
        Self { device, root: ca.fingerprint(), folder }
    }

    /// Where its certificate is.
    pub(crate) fn certificate(&self) -> PathBuf {
        self.folder.path().join("ak.pem")
    }

    /// What its machine is configured with.
    pub(crate) fn options(&self) -> Options {
        Options {
            device: self.device.address(),
            certificate: Some(self.certificate()),
            // Not what the machine that runs the test has.
            event_log: EventLog::None,
            ..Options::default()
        }
    }

    /// What its machine attests with.
    pub(crate) fn open(&self) -> Tpm {
        Tpm::open(self.options()).unwrap()
    }

    /// A verifier that pins its CA.
    pub(crate) fn verifier(&self) -> Verifier {
        Verifier::new(Trust { enrolment: vec![self.root], ..Trust::default() })
    }

    /// A file of its machine.
    pub(crate) fn file(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, content).unwrap();
        path
    }
}

/// The certificate file of a TPM of the shared maker, after all five steps.
pub(crate) fn certified(ca: &Ca, address: &Address, lifetime: Duration) -> String {
    let request = request(address);
    let (challenge, pending) = challenge(&request);
    let answer = tpm::answer(address, &challenge).unwrap();
    let activated = pending.redeem(&request, &answer, &roots(), now()).unwrap();
    ca.chain_pem(&ca.certify(&activated, lifetime, &OsRandom, now()).unwrap()).unwrap()
}

/// A policy that accepts TPMs of this CA with these registers, whoever runs the gateway.
pub(crate) fn policy(root: &[u8; 32], pcrs: &[(u8, [u8; 32])]) -> String {
    let rule = rule(root, pcrs);
    format!("version = 1\nany-operator = true\n[[accept]]\n{rule}")
}

/// What it says of a TPM. The registers that every policy names are as a software TPM has them when nothing has extended them.
pub(crate) fn rule(root: &[u8; 32], pcrs: &[(u8, [u8; 32])]) -> String {
    let mut registers = BTreeMap::from([0, 2, 4, 7, 8, 9, 11, 12].map(|index| (index, [0; 32])));
    registers.extend(pcrs.iter().copied());
    let registers: String =
        registers.iter().map(|(index, value)| format!("pcr-{index} = [\"{}\"]\n", hex(value))).collect();
    format!("kind = \"tpm\"\nroots = [\"sha256:{}\"]\n{registers}", hex(root))
}
