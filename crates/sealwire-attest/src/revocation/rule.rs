//! What a policy makes of revocation lists.

use super::{Error, RevocationList, SignedList, VerifiedList};
use crate::{Claims, KeyDocument, UnixTime, key_document::MAX_SKEW, verdict::Reason};
use std::{collections::BTreeMap, sync::Arc};

/// The keys that may sign lists, and the lists in force.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Rule {
    /// where there is one, a list is required
    pub(crate) keys: Vec<[u8; 32]>,
    /// The newest of each signer: who holds one pinned key can add to what another has revoked, and take nothing back.
    pub(crate) lists: BTreeMap<[u8; 32], Arc<VerifiedList>>,
}

impl Rule {
    /// The same with the list in `bytes` in force, in place of the last one of its signer, whose serial may only go up.
    pub(crate) fn updated(&self, bytes: &[u8]) -> Result<Self, Error> {
        let next = SignedList::decode(bytes)?.verify(&self.keys)?;
        if let Some(current) = self.lists.get(next.signer()) {
            let (found, highest) = (next.get().serial, current.get().serial);
            if found < highest {
                return Err(Error::SerialWentBack { found, highest });
            }
            if found == highest && next.get() != current.get() {
                return Err(Error::SerialReused(found));
            }
        }
        let mut updated = self.clone();
        updated.lists.insert(*next.signer(), Arc::new(next));
        Ok(updated)
    }

    fn lists(&self) -> impl Iterator<Item = &RevocationList> {
        self.lists.values().map(|list| list.get())
    }

    /// Whether a list that is required is there, and every list that was taken is good at `at`.
    pub(crate) fn standing(&self, at: UnixTime) -> Option<Reason> {
        if self.lists.is_empty() {
            let required = !self.keys.is_empty();
            return required.then(|| {
                reason("revocation-list-missing", "revocation-keys", "a list signed by one of them", "none")
            });
        }
        self.lists().find_map(|list| standing(list, at))
    }

    /// What of genuine evidence is revoked, or why that cannot be said (AT-25).
    pub(crate) fn failures(&self, claims: &Claims, at: UnixTime) -> Vec<Reason> {
        let mut reasons: Vec<Reason> = self.standing(at).into_iter().collect();
        self.check_claims(claims, "", &mut reasons);
        for (label, companion) in &claims.companions {
            self.check_claims(&companion.claims, &format!("companions.{label}."), &mut reasons);
        }
        reasons
    }

    fn check_claims(&self, claims: &Claims, path: &str, reasons: &mut Vec<Reason>) {
        for (register, value) in &claims.measurements {
            if self.lists().any(|list| list.measurements.contains(value)) {
                let rule = format!("revocation.measurements.{path}{register}");
                reasons.push(revoked("revoked-measurement", &rule, hex::encode(value)));
            }
        }
        let is_unknown = claims.hardware_id.iter().all(|byte| *byte == 0);
        if is_unknown && self.lists().any(|list| !list.hardware_ids.is_empty()) {
            // It could be any of those that are listed: the host can hide which one it is.
            let rule = format!("revocation.chip-ids.{path}hardware-id");
            let expected = "the id of hardware that is not on the revocation list";
            reasons.push(reason("hardware-unknown", &rule, expected, "none"));
        }
        if self.lists().any(|list| list.hardware_ids.contains(&claims.hardware_id)) {
            // The id itself stays out of verdicts and logs.
            let rule = format!("revocation.chip-ids.{path}hardware-id");
            reasons.push(revoked("revoked-hardware", &rule, "the id of this hardware"));
        }
        for (place, fingerprint) in claims.chain.iter().enumerate() {
            if self.lists().any(|list| list.keys.contains(fingerprint)) {
                let rule = format!("revocation.keys.{path}chain[{place}]");
                // The leaf's is as unique as the hardware's id.
                let found = match place {
                    0 => "the certificate of the key that signed".to_owned(),
                    _ => format!("sha256:{}", hex::encode(fingerprint)),
                };
                reasons.push(revoked("revoked-key", &rule, found));
            }
        }
    }

    /// What of a document, whose exact bytes have this SHA-384, is revoked, besides what its evidence says.
    pub(crate) fn document_failures(&self, digest: &[u8; 48], document: &KeyDocument) -> Vec<Reason> {
        let mut reasons = Vec::new();
        if self.lists().any(|list| list.documents.contains(digest)) {
            let found = format!("sha384:{}", hex::encode(digest));
            reasons.push(revoked("revoked-document", "revocation.documents", found));
        }
        if let Some(statement) = &document.operator
            && self.lists().any(|list| list.keys.contains(&statement.key))
        {
            let found = format!("ed25519:{}", hex::encode(statement.key));
            reasons.push(revoked("revoked-key", "revocation.keys.operator", found));
        }
        reasons
    }
}

fn standing(list: &RevocationList, at: UnixTime) -> Option<Reason> {
    if at > list.next_update {
        let expected = format_args!("a list that is good at {at}");
        let found = format_args!("serial {}, to be renewed by {}", list.serial, list.next_update);
        return Some(reason("revocation-list-expired", "revocation.next-update", expected, found));
    }
    let latest = at.saturating_add(MAX_SKEW);
    (list.issued_at > latest).then(|| {
        let expected = format_args!("{latest} or earlier");
        reason("revocation-list-from-the-future", "revocation.issued-at", expected, list.issued_at)
    })
}

fn reason(code: &'static str, rule: &str, expected: impl ToString, found: impl ToString) -> Reason {
    Reason { code, rule: rule.to_owned(), expected: expected.to_string(), found: found.to_string() }
}

fn revoked(code: &'static str, rule: &str, found: impl ToString) -> Reason {
    reason(code, rule, "not on the revocation list", found)
}
