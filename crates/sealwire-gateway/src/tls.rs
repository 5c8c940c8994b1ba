//! TLS of the listener, and the roots of `https` upstreams. The sealed channel does not rest on either end's TLS.

use crate::config;
use arc_swap::ArcSwap;
use rustls::{
    RootCertStore, ServerConfig,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use sealwire_http::crypto::digest::sha384;
use std::{path::Path, sync::Arc};

/// Primitives of TLS; X25519MLKEM768 is the first key exchange on offer.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// Reads certificate and key, and sees that they belong together. An error names the key of the `tls` table.
pub(crate) fn certified_key(files: &config::Tls) -> Result<Arc<CertifiedKey>, (&'static str, String)> {
    let chain = certificates(&files.certificate).map_err(|what| ("certificate", what))?;
    let key = PrivateKeyDer::from_pem_file(&files.key)
        .map_err(|error| ("key", format!("{}: {error}", files.key.display())))?;
    let certified = CertifiedKey::from_der(chain, key, &provider()).map_err(|error| {
        ("key", format!("{} does not go with the certificate: {error}", files.key.display()))
    })?;
    Ok(Arc::new(certified))
}

/// The certificates of a PEM file; one at least.
pub(crate) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let read = CertificateDer::pem_file_iter(path)
        .and_then(|certificates| certificates.collect::<Result<Vec<_>, _>>());
    match read {
        Ok(certificates) if certificates.is_empty() => {
            Err(format!("{} holds no certificate", path.display()))
        }
        Ok(certificates) => Ok(certificates),
        Err(error) => Err(format!("{}: {error}", path.display())),
    }
}

/// A certificate that a reload can replace.
#[derive(Debug)]
pub(crate) struct Certificate(ArcSwap<CertifiedKey>);

impl Certificate {
    pub(crate) fn new(key: Arc<CertifiedKey>) -> Arc<Self> {
        Arc::new(Self(ArcSwap::new(key)))
    }

    pub(crate) fn replace(&self, key: Arc<CertifiedKey>) {
        self.0.store(key);
    }

    /// A listener's configuration with this certificate. Early data is not taken (OB-63).
    pub(crate) fn server_config(self: Arc<Self>) -> Result<Arc<ServerConfig>, rustls::Error> {
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(self);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

/// Certificates that `https` upstreams must chain to.
pub(crate) struct Roots {
    store: RootCertStore,
    digest: [u8; 48],
}

impl Roots {
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let certificates = certificates(path)?;
        let mut digests: Vec<[u8; 48]> = certificates.iter().map(|der| sha384(&[der])).collect();
        digests.sort_unstable();
        let mut store = RootCertStore::empty();
        for certificate in certificates {
            store.add(certificate).map_err(|error| format!("{}: {error}", path.display()))?;
        }
        Ok(Self { store, digest: sha384(&[digests.as_flattened()]) })
    }

    /// SHA-384 over the SHA-384 of each certificate, ascending. Who may replace these can read what is sent upstream.
    pub(crate) fn digest(&self) -> &[u8; 48] {
        &self.digest
    }

    pub(crate) fn store(&self) -> RootCertStore {
        self.store.clone()
    }
}
