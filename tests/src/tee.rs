//! The one development TEE of all tests, and policies that accept it.

use sealwire_attest::Policy;
use sealwire_tee::Development;
use std::{
    env,
    path::PathBuf,
    sync::{Arc, OnceLock},
};

/// A folder that outlives the run, inside cargo's target folder: making a development root takes seconds.
#[must_use]
pub fn state() -> PathBuf {
    // A test runs from `target/PROFILE/deps`.
    let program = env::current_exe().unwrap();
    program.ancestors().nth(3).unwrap().join("tmp").join("sealwire-tests")
}

/// The development TEE, opened once per process.
pub fn development() -> Arc<Development> {
    static TEE: OnceLock<Arc<Development>> = OnceLock::new();
    TEE.get_or_init(|| Arc::new(Development::open(&state()).unwrap())).clone()
}

/// What a policy says; the default accepts this process under [`development`], whoever runs it.
#[derive(Debug, Clone)]
pub struct PolicyText {
    /// lines before the first table
    pub top: String,
    /// fingerprint of the root, hexadecimal
    pub root: String,
    /// the accepted measurement, hexadecimal
    pub measurement: String,
}

impl Default for PolicyText {
    fn default() -> Self {
        let tee = development();
        Self {
            top: "any-operator = true".to_owned(),
            root: hex(&tee.root_fingerprint()),
            measurement: hex(&tee.measurement()),
        }
    }
}

impl PolicyText {
    /// The file.
    #[must_use]
    pub fn toml(&self) -> String {
        let Self { top, root, measurement } = self;
        format!(
            r#"
            version = 1
            {top}
            [[accept]]
            kind = "development"
            roots = ["sha256:{root}"]
            measurement = ["{measurement}"]
            host-data = {{ any = "a test" }}
            minimum-tcb = {{ any = "a test" }}
            vmpl = {{ any = "a test" }}
            crl = "if-available"
            "#
        )
    }

    /// The policy.
    #[must_use]
    pub fn policy(&self) -> Policy {
        Policy::from_toml(&self.toml()).unwrap()
    }
}

/// Lower-case hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
