//! TLS 1.3 by rustls, both sides in memory.

use anyhow::{Result, bail};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection,
    client::Resumption,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{PrivateKeyDer, ServerName},
};
use std::sync::Arc;

/// A server with an Ed25519 certificate, and a client that trusts it.
pub(super) struct Tls {
    client: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
    name: ServerName<'static>,
}

impl Tls {
    pub(super) fn new() -> Result<Self> {
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519)?;
        let certificate = rcgen::CertificateParams::new(vec!["app.example".to_owned()])?.self_signed(&key)?;
        let provider = CryptoProvider {
            kx_groups: vec![aws_lc_rs::kx_group::X25519MLKEM768],
            ..aws_lc_rs::default_provider()
        };
        let provider = Arc::new(provider);
        let versions = &[&rustls::version::TLS13];
        let mut roots = RootCertStore::empty();
        roots.add(certificate.der().clone())?;
        let mut client = ClientConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(versions)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        client.resumption = Resumption::disabled();
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let mut server = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)?;
        server.send_tls13_tickets = 1;
        Ok(Self { client: Arc::new(client), server: Arc::new(server), name: "app.example".try_into()? })
    }

    pub(super) fn handshake(&self) -> Result<()> {
        let mut client = ClientConnection::new(self.client.clone(), self.name.clone())?;
        let mut server = ServerConnection::new(self.server.clone())?;
        let mut wire = Vec::with_capacity(8192);
        for _ in 0..4 {
            wire.clear();
            while client.wants_write() {
                client.write_tls(&mut wire)?;
            }
            let mut left = wire.as_slice();
            while !left.is_empty() {
                server.read_tls(&mut left)?;
                server.process_new_packets()?;
            }
            wire.clear();
            while server.wants_write() {
                server.write_tls(&mut wire)?;
            }
            let mut left = wire.as_slice();
            while !left.is_empty() {
                client.read_tls(&mut left)?;
                client.process_new_packets()?;
            }
            if !client.is_handshaking() && !server.is_handshaking() {
                return Ok(());
            }
        }
        bail!("TLS did not come to an end")
    }
}
