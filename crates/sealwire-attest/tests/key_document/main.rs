//! The key document: its codec, its vectors, and what a client accepts (AT-40 to AT-45).
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used, clippy::panic)]

mod accept;
mod codec;
mod page;
mod published;
mod vectors;

use sealwire_attest::{
    KeyDocument, UnixTime,
    key_document::{GATEWAY, OBLIVIOUS, PublishedKey},
};

const HOUR: u64 = 60 * 60;

/// A document made at `at` that lives an hour.
fn sample(at: UnixTime) -> KeyDocument {
    KeyDocument {
        instance: [1; 16],
        serial: 7,
        issued_at: at,
        not_after: UnixTime(at.0 + HOUR),
        role: GATEWAY.to_owned(),
        authorities: vec!["gateway.example".to_owned(), "127.0.0.1:8443".to_owned()],
        keys: vec![key(1, at), key(2, at)],
        wires: vec![OBLIVIOUS.to_owned()],
        suites: [].into(),
        limits: [(OBLIVIOUS.to_owned(), 1 << 24)].into(),
        config_digest: [3; 48],
        operator: None,
    }
}

/// A key that is live for a day from `at`.
fn key(id: u8, at: UnixTime) -> PublishedKey {
    PublishedKey {
        id: vec![id],
        purpose: OBLIVIOUS.to_owned(),
        not_before: at,
        not_after: UnixTime(at.0 + 24 * HOUR),
        bytes: vec![id; 41],
    }
}
