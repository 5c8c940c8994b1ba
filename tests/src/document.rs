//! Key documents made by hand, and servers that publish them: genuine evidence, whatever the keys.

use crate::{stage::AUTHORITY, tee};
use axum::{Router, routing::get};
use sealwire_attest::{
    KeyDocument, UnixTime,
    key_document::{self, OBLIVIOUS, Published, PublishedKey},
};
use sealwire_http::{Clock, SystemClock};
use sealwire_tee::Tee;
use std::{net::SocketAddr, time::Duration};
use tokio::{net::TcpListener, task::JoinHandle};

/// A document of these key configurations, under these ids.
#[must_use]
pub fn of(keys: &[(u8, Vec<u8>)]) -> KeyDocument {
    let now = UnixTime(SystemClock.unix_seconds());
    let not_after = now.saturating_add(Duration::from_secs(3600));
    let keys = keys.iter().map(|(id, bytes)| PublishedKey {
        id: vec![*id],
        purpose: OBLIVIOUS.to_owned(),
        not_before: now,
        not_after,
        bytes: bytes.clone(),
    });
    KeyDocument {
        instance: [1; 16],
        serial: 1,
        issued_at: now,
        not_after,
        role: key_document::GATEWAY.to_owned(),
        authorities: vec![AUTHORITY.to_owned()],
        keys: keys.collect(),
        wires: vec![OBLIVIOUS.to_owned()],
        suites: Default::default(),
        limits: Default::default(),
        config_digest: [7; 48],
        operator: None,
    }
}

/// Its published form, with evidence of the shared development TEE.
#[must_use]
pub fn publish(document: &KeyDocument) -> Vec<u8> {
    let (document, tee) = (document.encode(), tee::development());
    let produced = tee.produce(&key_document::report_data(&document, tee.kind(), b"")).unwrap();
    Published { document, evidence: produced.evidence.into(), endorsements: produced.endorsements }.encode()
}

/// A server on loopback that ends with the test.
pub struct Server {
    /// where it listens
    pub address: SocketAddr,
    task: JoinHandle<()>,
}

impl Server {
    /// Serves `router`.
    pub async fn start(router: Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, task }
    }

    /// Serves `router` and, at its place, a document of `keys`.
    pub async fn publishing(keys: &[(u8, Vec<u8>)], router: Router) -> Self {
        let published = publish(&of(keys));
        let answer = move || async move { ([("content-type", key_document::MEDIA_TYPE)], published) };
        Self::start(router.route(key_document::PATH, get(answer))).await
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}
