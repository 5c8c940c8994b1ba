//! A gateway that speaks the wire.

use sealwire_gateway::{
    Config,
    config::{HpkeHttp, Legacy, RouteLegacy, RouteLegacyTable, Tls},
};
use sealwire_tests::{App, Stage};
use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf};
use tempfile::TempDir;

/// A key of the tenant `acme`, and its id.
pub(crate) const PSK: &str = "a pre-shared key of forty characters, yes";
pub(crate) const PSK_ID: &str = "hT3wq9sYQm2J";

/// Files of a gateway.
pub(crate) struct Files(TempDir);

impl Files {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A file that its owner alone can read.
    pub(crate) fn private(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    /// The usual keys of callers.
    pub(crate) fn psks(&self) -> PathBuf {
        self.private("psks.toml", &psk(PSK_ID, PSK, "acme"))
    }

    /// The wire, for those.
    pub(crate) fn wire(&self) -> HpkeHttp {
        HpkeHttp { psk_file: Some(self.psks()), ..HpkeHttp::default() }
    }

    /// A certificate for 127.0.0.1.
    pub(crate) fn tls(&self) -> Tls {
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let tls = Tls { certificate: self.path("chain.pem"), key: self.path("key.pem") };
        fs::write(&tls.certificate, made.cert.pem()).unwrap();
        fs::write(&tls.key, made.signing_key.serialize_pem()).unwrap();
        tls
    }
}

/// One entry of a file of keys.
pub(crate) fn psk(id: &str, key: &str, tenant: &str) -> String {
    format!("[[psk]]\nid = \"{id}\"\nkey = \"{key}\"\ntenant = \"{tenant}\"\n")
}

/// A gateway with the wire before an application.
pub(crate) async fn stage(app: App, files: &Files, change: impl FnOnce(&mut Config)) -> Stage {
    let wire = files.wire();
    Stage::before(app, |config| {
        config.hpke_http = Some(wire);
        change(config);
    })
    .await
}

/// A gateway whose route `/`, with every path, takes the releases 1.x.
pub(crate) async fn legacy(app: App, files: &Files, change: impl FnOnce(&mut Config)) -> Stage {
    let text = psk(PSK_ID, PSK, "acme") + "wire = \"hpke-http/1.x\"\n";
    let psks = files.private("legacy.toml", &text);
    stage(app, files, |config| {
        let wire = config.hpke_http.as_mut().unwrap();
        wire.psk_file = Some(psks);
        wire.legacy = Some(Legacy::default());
        let table = RouteLegacyTable { any_path: true, ..RouteLegacyTable::default() };
        config.routes[0].legacy = Some(RouteLegacy::Table(table));
        change(config);
    })
    .await
}
