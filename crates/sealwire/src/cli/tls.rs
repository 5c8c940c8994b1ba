//! Certificates and keys of TLS, which the sealed channel does not rest on.

use super::{
    exit::{Exit, Failure},
    files,
};
use anyhow::anyhow;
use clap::Args as ClapArgs;
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

/// What a client of TLS trusts.
#[derive(Debug, Clone, Default, ClapArgs)]
pub(crate) struct Roots {
    /// Certificates (PEM or DER) that TLS trusts besides the system's; repeatable
    #[arg(long = "tls-root", value_name = "FILE")]
    files: Vec<PathBuf>,
}

impl Roots {
    /// The flags again, with a space before each, for a command that is suggested.
    pub(crate) fn flags(&self) -> String {
        self.files.iter().map(|file| format!(" --tls-root {}", file.display())).collect()
    }

    /// In DER.
    pub(crate) fn read(&self) -> Result<Vec<Vec<u8>>, Failure> {
        let mut found = Vec::new();
        for path in &self.files {
            let bytes = files::read(path)?;
            // The tag of a SEQUENCE, which no PEM text begins with.
            if bytes.first() == Some(&0x30) {
                found.push(bytes);
            } else {
                found.extend(certificates(path, &bytes)?.iter().map(|certificate| certificate.to_vec()));
            }
        }
        Ok(found)
    }
}

/// A server's certificate and key.
#[derive(Debug, ClapArgs)]
pub(crate) struct Server {
    /// TLS certificate chain (PEM), the leaf first
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_certificate: Option<PathBuf>,
    /// TLS private key (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    pub(crate) tls_key: Option<PathBuf>,
}

impl Server {
    /// For a listener; `None` where there is no certificate.
    pub(crate) fn read(&self) -> Result<Option<Arc<ServerConfig>>, Failure> {
        let (Some(certificate), Some(key)) = (&self.tls_certificate, &self.tls_key) else { return Ok(None) };
        let chain = certificates(certificate, &files::read(certificate)?)?;
        let key =
            PrivateKeyDer::from_pem_slice(&files::read_secret(key)?).map_err(|error| usage(key, error))?;
        let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(|error| usage(certificate, error))?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Some(Arc::new(config)))
    }
}

fn certificates(path: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Failure> {
    let found: Vec<_> =
        CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().map_err(|error| usage(path, error))?;
    if found.is_empty() { Err(usage(path, "no certificate in it")) } else { Ok(found) }
}

fn usage(path: &Path, error: impl std::fmt::Display) -> Failure {
    Failure::from(anyhow!("{}: {error}", path.display())).exit(Exit::Usage)
}
