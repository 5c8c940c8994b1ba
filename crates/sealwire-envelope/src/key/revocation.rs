use std::collections::HashSet;

use super::{Fingerprint, KeyRecord};

/// What was revoked, for good (SP-20). It only ever grows, and is asked for every message.
#[derive(Debug, Clone, Default)]
pub struct Revocations {
    fingerprints: HashSet<Fingerprint>,
    keys: HashSet<(String, String)>,
    senders: HashSet<String>,
}

impl Revocations {
    /// Revokes a key under whatever name.
    pub fn revoke(&mut self, fingerprint: Fingerprint) {
        self.fingerprints.insert(fingerprint);
    }

    /// Revokes what `sender` calls `key_id`.
    pub fn revoke_key(&mut self, sender: &str, key_id: &str) {
        self.keys.insert((sender.to_owned(), key_id.to_owned()));
    }

    /// Revokes all keys of `sender`.
    pub fn revoke_sender(&mut self, sender: &str) {
        self.senders.insert(sender.to_owned());
    }

    /// Takes over what a list names (EN-92) that speaks for `sender`: fingerprints, its own name, or names of its keys.
    pub fn import<'a>(&mut self, sender: &str, ids: impl IntoIterator<Item = &'a str>) {
        for id in ids {
            match Fingerprint::parse(id) {
                Some(fingerprint) => self.revoke(fingerprint),
                None if id == sender => self.revoke_sender(sender),
                None => self.revoke_key(sender, id),
            }
        }
    }

    /// Whether a fingerprint is among them.
    #[must_use]
    pub fn contains(&self, fingerprint: &Fingerprint) -> bool {
        self.fingerprints.contains(fingerprint)
    }

    /// Whether a record is covered by any of them.
    #[must_use]
    pub fn covers(&self, record: &KeyRecord) -> bool {
        self.contains(record.fingerprint())
            || (!self.senders.is_empty() && self.senders.contains(record.sender()))
            || (!self.keys.is_empty()
                && self.keys.contains(&(record.sender().to_owned(), record.key_id().to_owned())))
    }
}
